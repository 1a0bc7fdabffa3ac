"""Records what `chaos run` makes of experiments, for the test `toolkit.rs`.

    pip install chaostoolkit==1.19.0 'chaostoolkit-lib[jsonpath]==1.44.0'
    python record_runs.py > runs.json

Each record has the experiment, and of the journal: status, deviated, which checks of the hypothesis
were met, and which activities were played in which order with which status.
"""

import itertools
import json
import os
import subprocess
import tempfile


def process(path, *arguments, kind="action", name=None, **more):
    provider = {"type": "process", "path": path, "arguments": list(arguments)}
    return {"type": kind, "name": name or path, "provider": provider, **more}


def hypothesis(*probes):
    return {"title": "h", "probes": list(probes)}


OK = process("true", kind="probe", name="ok", tolerance=0)
BAD = process("false", kind="probe", name="bad", tolerance=0)
SLOW = {"type": "probe", "name": "slow", "tolerance": 0,
        "provider": {"type": "process", "path": "sleep", "arguments": ["5"], "timeout": 0.2}}
TEXT = process("echo", "all is well", kind="probe", name="text",
               tolerance={"type": "regex", "pattern": "well$", "target": "stdout"})
LIST = process("sh", "-c", "exit 3", kind="probe", name="list", tolerance=[1, 2, 3])
UNSET = {"type": "probe", "name": "unset", "tolerance": "${wanted}",
         "provider": {"type": "process", "path": "echo", "arguments": "${wanted}"}}
LATE = process("sleep", "0.4", name="late", background=True)
FAILS = {"type": "action", "name": "fails", "provider": {"type": "process", "path": "sleep", "arguments": "5", "timeout": 0.2}}
ONCE = process("sh", "-c", "rm flag", name="break")
FLAG = process("test", "-e", "flag", kind="probe", name="flag", tolerance=0)

METHODS = [[], [process("true")], [process("false")], [FAILS, process("true")], [LATE, process("true")],
           [process("true", pauses={"after": 0.1, "before": 0.1}), LATE], [ONCE], [{"ref": "ok"}]]
HYPOTHESES = [None, hypothesis(), hypothesis(OK), hypothesis(OK, BAD, OK), hypothesis(SLOW), hypothesis(TEXT, LIST, OK),
              hypothesis(UNSET, OK), hypothesis(OK, FLAG)]
STRATEGIES = ["default", "always", "never", "deviated"]
LOOKS = ["default", "before-method-only", "after-method-only", "skip"]

experiments = []
for method, hypo in itertools.product(METHODS, HYPOTHESES):
    if method and "ref" in method[0] and not (hypo and OK in hypo["probes"]):
        continue
    strategies = [("default", "default")]
    if (METHODS.index(method), HYPOTHESES.index(hypo)) in [(1, 2), (1, 3), (1, 4), (6, 7)]:
        strategies = list(itertools.product(LOOKS, STRATEGIES))
    for look, strategy in strategies:
        experiment = {"title": "t", "description": "d", "configuration": {"wanted": "x y"}, "method": method,
                      "rollbacks": [process("true", name="back"), process("false", name="and forth")],
                      "runtime": {"hypothesis": {"strategy": look}, "rollbacks": {"strategy": strategy}}}
        if hypo is not None:
            experiment["steady-state-hypothesis"] = hypo
        experiments.append(experiment)


def name(run):
    return {"name": run["activity"]["name"], "status": run["status"]}


def met(state):
    return None if state is None else state["steady_state_met"]


def record(experiment):
    with tempfile.TemporaryDirectory() as folder:
        open(os.path.join(folder, "flag"), "w").close()
        with open(os.path.join(folder, "experiment.json"), "w") as file:
            json.dump(experiment, file)
        command = ["chaos", "--log-file", "log", "run", "--journal-path", "journal.json", "experiment.json"]
        result = subprocess.run(command, cwd=folder, capture_output=True)
        with open(os.path.join(folder, "journal.json")) as file:
            journal = json.load(file)
    states = journal["steady_states"] or {}
    return {"experiment": experiment, "exit": result.returncode, "status": journal["status"], "deviated": journal["deviated"],
            "before": met(states.get("before")), "after": met(states.get("after")),
            "method": [name(run) for run in journal["run"]], "rollbacks": [name(run) for run in journal["rollbacks"]]}


print("[")
print(",\n".join(json.dumps(record(experiment)) for experiment in experiments))
print("]")
