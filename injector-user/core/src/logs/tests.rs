use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(line: &str, level: Level, message: &str) {
    let reading = Reading::of(line);
    assert_eq!(
        (reading.level, &*reading.message),
        (level, message),
        "{line}"
    );
}

/// The message is the whole line.
#[track_caller]
fn check_level(line: &str, level: Level) {
    check(line, level, line);
}

#[test]
fn fields_of_json_say_level_and_message() {
    check(
        r#"{"level":"warn","msg":"it broke"}"#,
        Level::Warning,
        "it broke",
    );
    check(r#"{"severity":"ERROR","message":"no"}"#, Level::Error, "no");
    check(
        r#"{"level":50,"time":1,"msg":"pino"}"#,
        Level::Error,
        "pino",
    );
    check(
        r#"{"PRIORITY":"2","MESSAGE":"journal"}"#,
        Level::Critical,
        "journal",
    );
    check(
        r#"{"s":"W","c":"NETWORK","msg":"mongo"}"#,
        Level::Warning,
        "mongo",
    );
    check(
        r#"{"level":"loud","lvl":"debug","event":"b"}"#,
        Level::Debug,
        "b",
    );
    check(
        r#"{"level":"error","n":1}"#,
        Level::Error,
        r#"{"level":"error","n":1}"#,
    );
    check(r#"{"msg":"so what"}"#, Level::Unknown, "so what");
    check(r#"{"level":"err"#, Level::Unknown, r#"{"level":"err"#);
}

#[test]
fn fields_of_logfmt_say_level_and_message() {
    check(
        r#"time=1 level=error msg="it \"broke\"" took=12ms"#,
        Level::Error,
        r#"it "broke""#,
    );
    check("lvl=warn msg=broke n=1", Level::Warning, "broke");
    check_level("severity=INFO took=12ms", Level::Info);
    check_level("set sea_level=high msg=x", Level::Unknown);
}

#[test]
fn marks_at_the_beginning_are_levels() {
    check_level("<3>disk is gone", Level::Error);
    check_level("<30>a daemon says so", Level::Info);
    check_level("<192>no priority", Level::Unknown);
    check_level("E1123 05:15:45.123456 7 main.go:12] it broke", Level::Error);
    check_level("I1123 05:15:45.123456 7 main.go:12] it is up", Level::Info);
    check_level("E1123 is a code", Level::Unknown);
    check_level(
        "11:M 23 Nov 2026 05:15:45.123 # out of memory",
        Level::Warning,
    );
    check_level("11:C 23 Nov 2026 05:15:45.123 * ready", Level::Info);
    check_level("11:M 23 Nov 2026 05:15:45.123 . pong", Level::Debug);
}

#[test]
fn words_at_the_beginning_are_levels() {
    check_level(
        "2026-11-23 05:15:45.123 UTC [7] LOG:  checkpoint",
        Level::Info,
    );
    check_level("2026-11-23 05:15:45 UTC [7] FATAL:  gone", Level::Critical);
    check_level("2026/11/23 05:15:45 [error] 7#7: *1 refused", Level::Error);
    check_level(
        "[Mon Nov 23 05:15:45.1 2026] [core:notice] [pid 7] up",
        Level::Info,
    );
    check_level(
        "2026-11-23 05:15:45,123 - app - ERROR - it broke",
        Level::Error,
    );
    check_level(
        "05:15:45.123 [main] WARN  o.e.Server - slow",
        Level::Warning,
    );
    check_level("2026-11-23T05:15:45Z  INFO app::server: up", Level::Info);
    check_level("main.c:12: error: it broke", Level::Error);
    check_level("warning: it may break", Level::Warning);
    check_level("[2026-11-23][WARN][app] slow", Level::Warning);
}

#[test]
fn prose_that_mentions_a_level_is_of_none() {
    check_level("no error was found", Level::Unknown);
    check_level("the panic is over", Level::Unknown);
    check_level("a b c d e f g h ERROR late", Level::Unknown);
    check_level("cannot open the LOG file", Level::Unknown);
    check_level("", Level::Unknown);
}

#[test]
fn a_level_beside_the_line_counts_unless_it_says_nothing() {
    let level = |line: &'static str, beside| Reading::of(line).beside(beside).level;
    assert_eq!(level("ERROR: no", Some(Level::Info)), Level::Error);
    assert_eq!(level("it is up", Some(Level::Info)), Level::Info);
    assert_eq!(level("ERROR: no", Some(Level::Warning)), Level::Warning);
    assert_eq!(level("ERROR: no", None), Level::Error);
}

fn acting(fault: &str, from_ns: u64, until_ns: Option<u64>) -> Acting {
    Acting {
        fault: fault.to_owned(),
        kind: "net.delay".to_owned(),
        from_ns,
        until_ns,
    }
}

#[test]
fn a_summary_says_how_fast_lines_came_in_whose_time() {
    const SECOND: u64 = 1_000_000_000;
    let mut tally = Tally::new(SECOND);
    tally.look(SECOND, &[acting("f1", 3 * SECOND, Some(7 * SECOND))]);
    for second in 1..=10 {
        tally.add(second * SECOND, &Reading::of("INFO request 17 is done"));
    }
    tally.add(4 * SECOND, &Reading::of("ERROR request 18 failed"));
    let summary = Summary::of(&tally, 11 * SECOND);
    let expected = serde_json::json!({
        "seconds": 10.0, "lines": 11, "per_second": 1.1,
        "calm": { "seconds": 6.0, "lines": 6, "per_second": 1.0 },
        "faults": [{
            "fault": "f1", "kind": "net.delay", "seconds": 4.0, "lines": 5, "per_second": 1.25,
        }],
        "more_faults": 0,
        "levels": [
            {
                "level": "error", "lines": 1, "per_second": 0.1, "first": 3.0, "last": 3.0,
                "calm": 0, "during": [1], "during_more": 0,
            },
            {
                "level": "info", "lines": 10, "per_second": 1.0, "first": 0.0, "last": 9.0,
                "calm": 6, "during": [4], "during_more": 0,
            },
        ],
        "templates": [
            {
                "level": "info", "template": "INFO request <num> is done", "lines": 10,
                "per_second": 1.0, "first": 0.0, "last": 9.0, "calm": 6, "during": [4],
                "during_more": 0,
            },
            {
                "level": "error", "template": "ERROR request <num> failed", "lines": 1,
                "per_second": 0.1, "first": 3.0, "last": 3.0, "calm": 0, "during": [1],
                "during_more": 0,
            },
        ],
        "other": {
            "lines": 0, "per_second": 0.0, "first": null, "last": null, "calm": 0, "during": [0],
            "during_more": 0,
        },
    });
    assert_eq!(serde_json::to_value(&summary).unwrap(), expected);
}

/// A word of letters alone, which no mask makes the same as another.
fn word(number: usize) -> String {
    let letter = |digit: u8| char::from(b'a' + (digit - b'0'));
    number.to_string().bytes().map(letter).collect()
}

#[test]
fn a_flood_of_templates_is_counted_and_drives_nobody_out() {
    let mut tally = Tally::new(0);
    tally.add(1, &Reading::of("the usual"));
    let long = "x".repeat(2 * Template::MOST_BYTES);
    for number in 0..5 * Tally::MOST_TEMPLATES {
        tally.add(2, &Reading::of(&format!("{} {long}", word(number))));
    }
    tally.add(3, &Reading::of("the usual"));
    assert_eq!(tally.templates().len(), Tally::MOST_TEMPLATES);
    let usual = (Level::Unknown, Template::of("the usual"));
    assert_eq!(tally.templates()[&usual].lines, 2);
    assert!(bytes_of(&tally) <= Tally::MOST_TEMPLATES * Template::MOST_BYTES);
    let beyond = 4 * Tally::MOST_TEMPLATES + 1;
    assert_eq!(tally.other().lines, u64::try_from(beyond).unwrap());
}

fn sum(counts: &[&Count]) -> Count {
    let mut all = Count::default();
    for count in counts {
        all.lines += count.lines;
        all.calm += count.calm;
        all.during_untold += count.during_untold;
        for (place, lines) in &count.during {
            *all.during.entry(*place).or_default() += lines;
        }
    }
    all
}

/// Without the times.
fn counted(count: &Count) -> Count {
    sum(&[count])
}

fn bytes_of(tally: &Tally) -> usize {
    let templates = tally.templates().keys();
    templates.map(|(_, template)| template.as_str().len()).sum()
}

fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,400}",
        "[a-z]{1,9}( [a-z0-9/'\"<>.:-]{1,12}){0,60}",
        "(ERROR|warn:|\\[info\\]|<3>) [a-z]{1,6}",
    ]
}

fn any_fault() -> impl Strategy<Value = Acting> {
    let times = (0..100_u64, proptest::option::of(0..100_u64));
    (0..99_u32, times).prop_map(|(number, (from, until))| {
        let until = until.map(|length| from + length);
        acting(&format!("f{number}"), from, until)
    })
}

proptest! {
    #[test]
    fn every_line_is_counted_once_by_level_and_once_by_template(
        rounds in proptest::collection::vec(
            (
                proptest::collection::vec(any_line(), 0..16),
                proptest::collection::vec(any_fault(), 0..30),
            ),
            0..8,
        ),
    ) {
        let mut tally = Tally::new(0);
        let mut added = 0;
        for (now, (lines, faults)) in (0_u64..).step_by(9).zip(&rounds) {
            tally.look(now, faults);
            for line in lines {
                tally.add(now, &Reading::of(line));
                added += 1;
            }
        }
        let all = counted(tally.all());
        prop_assert_eq!(all.lines, added);
        let levels: Vec<&Count> = tally.levels().values().collect();
        prop_assert_eq!(&sum(&levels), &all);
        let templates = tally.templates().values().chain([tally.other()]);
        let templates: Vec<&Count> = templates.collect();
        prop_assert_eq!(&sum(&templates), &all);
        prop_assert!(all.calm + all.during_untold + all.during.values().sum::<u64>() >= added);
        prop_assert!(tally.templates().len() <= Tally::MOST_TEMPLATES);
        prop_assert!(tally.windows().known().len() <= Windows::MOST);
        prop_assert!(bytes_of(&tally) <= Tally::MOST_TEMPLATES * Template::MOST_BYTES);
        let summary = Summary::of(&tally, 200);
        let spans = summary.faults.iter().map(|during| during.span);
        prop_assert!(spans.chain([summary.calm]).all(|span| span.seconds <= summary.all.seconds));
    }

    #[test]
    fn the_template_of_a_template_is_itself(line in any_line()) {
        let once = Template::of(&line);
        prop_assert_eq!(&Template::of(once.as_str()), &once);
        prop_assert!(once.as_str().len() <= Template::MOST_BYTES);
        prop_assert!(!once.as_str().contains(|c: char| c.is_ascii_digit() || c.is_control()));
    }

    #[test]
    fn numbers_make_no_new_template(numbers in proptest::collection::vec(any::<u32>(), 3)) {
        let line = |a: u32, b: u32, c: u32| format!("job {a} of q{b} took {c}ms, {a}.{c} per cent");
        let [a, b, c] = numbers.try_into().unwrap();
        prop_assert_eq!(Template::of(&line(a, b, c)), Template::of(&line(1, 2, 3)));
    }
}
