"""Records what the Chaos Toolkit makes of tolerances, for the test `chaostoolkit.rs`.

    pip install 'chaostoolkit-lib[jsonpath]==1.44.0'
    python record_tolerances.py > tolerances.json

Each vector has a tolerance, a probe's answer and the verdict: "met", "not met", "raises" (the
toolkit stops with an exception, which for us is not met) or "invalid" (refused by `chaos validate`).
"""

import json

from chaoslib.exceptions import ChaosException
from chaoslib.hypothesis import ensure_hypothesis_tolerance_is_valid, within_tolerance

HTTP = {"status": 200, "headers": {"x-a": "b"}, "body": {"items": [{"id": 1, "ok": True}, {"id": 2, "ok": False}], "n": 4.5}}
TEXT = {"status": 200, "headers": {}, "body": '{"items": [{"id": 1}], "n": "x"}'}
PROC = {"status": 0, "stdout": "12.5\n", "stderr": ""}
FAIL = {"status": 2, "stdout": "ready: yes\nok\n", "stderr": "boom"}

VALUES = [True, False, 0, 1, 2, 200, 1.0, 1.5, "", "1", "ok", "ok\n", "OK", None, [], [1, 2], [1, 2, 3], ["a"], {}, {"a": 1},
          HTTP, TEXT, PROC, FAIL]

PLAIN = [True, False, 0, 1, 200, -3, "", "ok", "1", 1.5, None,
         [], [1], [200], [1, 2], [0, 300], [200, 204], [200, 201, 204], ["a", "b"], ["ok", "OK", "1"], [0.5, 1.5],
         [1, "b"], [[1, 2], 5, 6], [True, 2, 3]]

REGEX = [{"type": "regex", "pattern": p, **t}
         for p in ["ok", "^ok$", "(?i)^OK$", r"^ok\Z", r"\d+\.\d+$", r"ready: (?!no)\w+", r"(?m)^ready: yes$", "[$]", "a$b",
                   "(?P<q>o)k", "(", r"^\s*$", ""]
         for t in [{}, {"target": "stdout"}, {"target": "body"}, {"target": "missing"}]]

PATHS = [{"type": "jsonpath", "path": p, **t, **e}
         for p in ["$.items[*].id", "$.n", "$.missing", "$[0]", "$.items[0].ok", "$.*", "$[", ""]
         for t in [{}, {"target": "body"}]
         for e in [{}, {"count": 2}, {"count": 0}, {"expect": 1}, {"expect": [1, 2]}, {"expect": 4.5}, {"expect": [True]},
                   {"expect": "x", "count": 9}, {"expect": None}, {"expect": []}]]

RANGES = [{"type": "range", "range": r, **t}
          for r in [[0, 1], [1, 200], [12, 13.5], [2, 1], [0, 1000], [1], [1, 2, 3], ["0", "1"], "0-1", [0.1, 1.5]]
          for t in [{}, {"target": "stdout"}, {"target": "status"}, {"target": "body"}]]

OTHER = [{"type": "nope"}, {"pattern": "x"}, {"type": "regex"}, {"type": "jsonpath"}, {"type": "range"}]


def verdict(tolerance, value):
    try:
        ensure_hypothesis_tolerance_is_valid(tolerance)
    except (ChaosException, Exception):
        return "invalid"
    try:
        return "met" if within_tolerance(json.loads(json.dumps(tolerance)), value) else "not met"
    except Exception:
        return "raises"


vectors = []
for tolerance in PLAIN + REGEX + PATHS + RANGES + OTHER:
    verdicts = [verdict(tolerance, value) for value in VALUES]
    vectors.append({"tolerance": tolerance, "verdicts": verdicts})

print('{"values": ' + json.dumps(VALUES) + ',\n "vectors": [')
print(",\n".join("  " + json.dumps(vector) for vector in vectors))
print("]}")
