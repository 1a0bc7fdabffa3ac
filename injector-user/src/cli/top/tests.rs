//! What keys do, and what the screen shows then, against golden files.
//!
//! `BLESS=1 cargo test -p injector-user` rewrites the golden files, and the picture in the docs.

use injector_core::telemetry::{Frame, Histogram, Series, Value, named};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;

use super::draw::{Paint, draw};
use super::model::{Model, News, Sample, View, Wish};
use crate::cli::style::{Choice, Style};
use crate::cli::tests::{check_golden, fault};
use crate::protocol::{EngineStatus, State};

const REDIS: &str = "cgroup:/system.slice/redis-server.service";
const NGINX: &str = "cgroup:/system.slice/nginx.service";
const GONE: &str = "comm:batch";
const SECOND: u64 = 1_000_000_000;

/// Puts values under the metric's full set of labels.
fn put(frame: &mut Frame, metric: &str, labels: &[&str], value: Value) {
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    let series = Series::of(named(metric).unwrap(), labels).unwrap();
    frame.values.insert(series, value);
}

fn durations(each_us: u64, count: u64) -> Value {
    let mut histogram = Histogram::default();
    for number in 0..count {
        histogram.record(each_us * 1_000 * (1 + number / 50));
    }
    Value::Durations(histogram)
}

fn calls(frame: &mut Frame, target: &str, call: &str, (count, us): (u64, u64)) {
    put(frame, "syscalls", &[target, call], Value::Count(count));
    put(
        frame,
        "syscall_duration",
        &[target, call],
        durations(us, count),
    );
    put(
        frame,
        "syscall_moved",
        &[target, call],
        Value::Count(count * 512),
    );
}

fn edge(frame: &mut Frame, labels: &[&str], [connections, failures, bytes]: [u64; 3]) {
    put(
        frame,
        "tcp_edge_connections",
        labels,
        Value::Count(connections),
    );
    put(frame, "tcp_edge_failures", labels, Value::Count(failures));
    put(frame, "tcp_edge_sent", labels, Value::Count(bytes));
    put(frame, "tcp_edge_received", labels, Value::Count(bytes * 3));
    put(frame, "tcp_edge_round_trip", labels, Value::Now(212e-6));
}

/// What redis uses, and what the name server says to it.
fn uses(frame: &mut Frame, seconds: u64) {
    for (metric, now) in [("processes", 5.0), ("memory_used", 52_428_800.0)] {
        put(frame, metric, &[REDIS], Value::Now(now));
    }
    for (resource, share) in [("cpu", 0.12), ("io", 0.0), ("memory", 0.031)] {
        put(
            frame,
            "pressure",
            &[REDIS, resource, "some"],
            Value::Now(share),
        );
        put(
            frame,
            "pressure",
            &[REDIS, resource, "full"],
            Value::Now(0.0),
        );
    }
    let counts: [(&str, &[&str], u64); 4] = [
        ("major_faults", &[REDIS], 2),
        ("cpu_throttled", &[REDIS], 40_000_000),
        ("memory_events", &[REDIS, "oom_kill"], 1),
        ("dns_answers", &[REDIS, "SERVFAIL"], 3),
    ];
    for (metric, labels, count) in counts {
        put(frame, metric, labels, Value::Count(count * seconds));
    }
}

/// A host at so many seconds: everything has happened so many times as often.
fn frame(seconds: u64) -> Frame {
    let mut frame = Frame {
        at_ns: 100 * SECOND + seconds * SECOND,
        unix_ns: 1_700_000_000 * SECOND + seconds * SECOND,
        ..Frame::default()
    };
    for (target, there) in [("host", 1.0), (REDIS, 1.0), (NGINX, 1.0), (GONE, 0.0)] {
        put(&mut frame, "target_present", &[target], Value::Now(there));
    }
    put(
        &mut frame,
        "observer_lost",
        &["no-row"],
        Value::Count(3 * seconds),
    );
    for (target, times) in [("host", 9), (REDIS, 4), (NGINX, 2)] {
        let times = times * seconds;
        calls(&mut frame, target, "read", (100 * times, 3));
        calls(&mut frame, target, "write", (40 * times, 8));
        calls(&mut frame, target, "epoll_wait", (20 * times, 700));
        put(
            &mut frame,
            "run_queue_wait",
            &[target],
            durations(20, 50 * times),
        );
        put(&mut frame, "off_cpu", &[target], durations(900, 50 * times));
        put(&mut frame, "tcp_connects", &[target], Value::Count(times));
        put(
            &mut frame,
            "tcp_accepts",
            &[target],
            Value::Count(3 * times),
        );
        put(&mut frame, "execs", &[target], Value::Count(times));
        put(
            &mut frame,
            "exits",
            &[target, "0", "none"],
            Value::Count(times),
        );
    }
    uses(&mut frame, seconds);
    let failed = [REDIS, "write", "EIO"];
    put(
        &mut frame,
        "syscall_errors",
        &failed,
        Value::Count(25 * seconds),
    );
    put(
        &mut frame,
        "syscall_errors",
        &[REDIS, "read", "EAGAIN"],
        Value::Count(6 * seconds),
    );
    put(
        &mut frame,
        "exits",
        &[REDIS, "0", "SIGKILL"],
        Value::Count(seconds),
    );
    put(&mut frame, "oom_kills", &[REDIS], Value::Count(seconds));
    put(
        &mut frame,
        "block_duration",
        &[REDIS, "write"],
        durations(400, 30 * seconds),
    );
    put(
        &mut frame,
        "block_moved",
        &[REDIS, "write"],
        Value::Count(122_880 * seconds),
    );
    let port = "6379";
    edge(
        &mut frame,
        &[NGINX, "client", "10.0.0.7", port],
        [8 * seconds, 0, 4_000 * seconds],
    );
    edge(
        &mut frame,
        &[REDIS, "server", "10.0.0.6", port],
        [8 * seconds, 0, 12_000 * seconds],
    );
    edge(
        &mut frame,
        &[REDIS, "client", "2001:db8::17", "443"],
        [0, 5 * seconds, 0],
    );
    frame
}

fn sample(seconds: u64) -> News {
    let engine = EngineStatus {
        version: "0.1.0".to_owned(),
        pid: 4242,
        keeper: 4243,
        attached: 3,
        observing: 40,
        lease_ms: 900,
        clients: 2,
        undo_entries: 1,
    };
    let mut active = fault();
    active.state = State::Active;
    active.window.ended_ns = 0;
    active.window.deadline_ns = 160 * SECOND;
    let mut other = active.clone();
    other.fault = "sock.error-2".to_owned();
    other.owner = None;
    other.state = State::Pending;
    let sample = Sample {
        frame: frame(seconds),
        engine,
        faults: vec![active, other],
    };
    News::Sample(Box::new(sample))
}

/// A model that has seen two frames.
fn model() -> Model {
    let mut model = Model::new();
    model.hear(sample(1));
    model.hear(sample(2));
    model
}

fn press(model: &mut Model, codes: &[KeyCode]) {
    for code in codes {
        let wish = model.press(KeyEvent::new(*code, KeyModifiers::NONE));
        assert_eq!(wish, Wish::Nothing, "{code}");
    }
}

fn write(model: &mut Model, text: &str) {
    for letter in text.chars() {
        press(model, &[KeyCode::Char(letter)]);
    }
}

fn keys(model: &Model) -> Vec<String> {
    model.sheet().rows.into_iter().map(|row| row.key).collect()
}

fn drawn(model: &Model, (width, height): (u16, u16), color: Choice) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let paint = Paint::of(Style::new(color, true));
    terminal.draw(|frame| draw(frame, model, paint)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(model: &Model, size: (u16, u16)) -> String {
    let buffer = drawn(model, size, Choice::Never);
    let lines = (0..size.1).map(|y| {
        let line: String = (0..size.0).map(|x| buffer[(x, y)].symbol()).collect();
        line.trim_end().to_owned() + "\n"
    });
    lines.collect()
}

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (120, 40);

#[test]
fn targets_at_both_sizes() {
    check_golden("top-targets-80x24.txt", &text(&model(), SMALL));
    check_golden("top-targets-120x40.txt", &text(&model(), LARGE));
}

#[test]
fn a_target_with_its_calls_edges_and_disks_at_both_sizes() {
    let mut model = model();
    write(&mut model, "/redis");
    press(&mut model, &[KeyCode::Enter, KeyCode::Enter]);
    assert_eq!(*model.view(), View::Target(REDIS.to_owned()));
    check_golden("top-target-80x24.txt", &text(&model, SMALL));
    check_golden("top-target-120x40.txt", &text(&model, LARGE));
}

#[test]
fn edges_and_faults_at_both_sizes() {
    let mut model = model();
    press(&mut model, &[KeyCode::Tab]);
    check_golden("top-edges-80x24.txt", &text(&model, SMALL));
    check_golden("top-edges-120x40.txt", &text(&model, LARGE));
    press(&mut model, &[KeyCode::Tab]);
    check_golden("top-faults-80x24.txt", &text(&model, SMALL));
    check_golden("top-faults-120x40.txt", &text(&model, LARGE));
}

#[test]
fn help_at_both_sizes() {
    let mut model = model();
    press(&mut model, &[KeyCode::Char('?')]);
    check_golden("top-help-80x24.txt", &text(&model, SMALL));
    check_golden("top-help-120x40.txt", &text(&model, LARGE));
    press(&mut model, &[KeyCode::Char('x')]);
    assert_eq!(text(&model, SMALL), text(&self::model(), SMALL));
}

/// What the docs show is what is drawn.
#[test]
fn the_picture_in_the_docs_is_true() {
    let mut model = model();
    let mut parts = vec![text(&model, SMALL)];
    press(&mut model, &[KeyCode::Down, KeyCode::Enter]);
    parts.push(text(&model, SMALL));
    press(&mut model, &[KeyCode::Char('e')]);
    parts.push(text(&model, SMALL));
    press(&mut model, &[KeyCode::Char('f')]);
    parts.push(text(&model, SMALL));
    let line = format!("{}\n", "-".repeat(80));
    check_golden("../../../docs/top.txt", &parts.join(&line));
}

#[test]
fn an_engine_that_has_gone_is_told_until_there_is_one() {
    let mut model = model();
    model.hear(News::Gone("the connection to the engine ended".to_owned()));
    let shown = text(&model, SMALL);
    assert!(
        shown.contains("no engine: the connection to the engine ended"),
        "{shown}"
    );
    assert!(shown.contains("-server.service"), "{shown}");
    model.hear(News::Back);
    model.hear(sample(1));
    let shown = text(&model, SMALL);
    assert!(!shown.contains("no engine"), "{shown}");
}

#[test]
fn the_first_look_after_an_engine_came_back_is_not_compared_with_the_one_before() {
    let mut model = model();
    let before = model.board.as_ref().unwrap().targets["host"].all_calls();
    model.hear(News::Back);
    model.hear(sample(40));
    let calls = |model: &Model| model.board.as_ref().unwrap().targets["host"].all_calls();
    assert_eq!(calls(&model), before);
    model.hear(sample(42));
    assert_eq!(calls(&model), 2 * before);
}

#[test]
fn a_paused_picture_stays_and_the_next_one_is_of_one_interval() {
    let mut model = model();
    press(&mut model, &[KeyCode::Char(' ')]);
    let paused = text(&model, LARGE);
    model.hear(sample(3));
    model.hear(sample(4));
    assert_eq!(text(&model, LARGE), paused);
    press(&mut model, &[KeyCode::Char(' ')]);
    model.hear(sample(5));
    assert_eq!(
        format!("{:.3}", model.board.as_ref().unwrap().seconds),
        "1.000"
    );
    assert_ne!(text(&model, LARGE), paused);
}

#[test]
fn rows_are_sorted_by_any_column_either_way() {
    let mut model = model();
    assert_eq!(keys(&model), ["host", REDIS, NGINX, GONE]);
    press(&mut model, &[KeyCode::Char('S')]);
    assert_eq!(keys(&model), [GONE, NGINX, REDIS, "host"]);
    press(&mut model, &[KeyCode::Char('s')]);
    // By errors, of which only one has any.
    assert_eq!(keys(&model)[0], REDIS);
    let columns = model.sheet().columns.len();
    press(&mut model, &vec![KeyCode::Char('s'); columns - 2]);
    // By name, from the beginning.
    assert_eq!(keys(&model), [NGINX, REDIS, GONE, "host"]);
}

#[test]
fn a_choice_stays_with_its_row_however_rows_move() {
    let mut model = model();
    press(&mut model, &[KeyCode::Down]);
    let chosen = |model: &Model| {
        let sheet = model.sheet();
        sheet.rows[model.choice(&sheet)].key.clone()
    };
    assert_eq!(chosen(&model), REDIS);
    press(&mut model, &[KeyCode::Char('S')]);
    assert_eq!(chosen(&model), REDIS);
    press(&mut model, &[KeyCode::Char('G')]);
    assert_eq!(chosen(&model), "host");
    press(&mut model, &[KeyCode::Char('g'), KeyCode::Char('k')]);
    assert_eq!(chosen(&model), GONE);
}

#[test]
fn a_filter_is_written_kept_and_taken_back() {
    let mut model = model();
    write(&mut model, "/NGIN");
    assert_eq!(keys(&model), [NGINX]);
    press(&mut model, &[KeyCode::Esc]);
    assert_eq!(keys(&model).len(), 4);
    write(&mut model, "/ginz");
    press(&mut model, &[KeyCode::Backspace, KeyCode::Enter]);
    assert_eq!(keys(&model), [NGINX]);
    press(&mut model, &[KeyCode::Esc]);
    assert_eq!(keys(&model).len(), 4);
    write(&mut model, "/nobody");
    assert!(text(&model, SMALL).contains("nothing has that in its name"));
    write(&mut model, &"x".repeat(200));
    assert_eq!(model.filter.chars().count(), 64);
}

#[test]
fn the_way_there_is_the_way_back() {
    let mut model = model();
    press(&mut model, &[KeyCode::Down, KeyCode::Enter]);
    assert_eq!(*model.view(), View::Target(REDIS.to_owned()));
    press(&mut model, &[KeyCode::Char('e')]);
    assert_eq!(*model.view(), View::Edges(Some(REDIS.to_owned())));
    assert_eq!(keys(&model).len(), 2);
    press(&mut model, &[KeyCode::Char('f')]);
    assert_eq!(*model.view(), View::Faults);
    press(&mut model, &[KeyCode::Esc, KeyCode::Esc]);
    assert_eq!(*model.view(), View::Target(REDIS.to_owned()));
    press(&mut model, &[KeyCode::Esc, KeyCode::Esc]);
    assert_eq!(*model.view(), View::Targets);
}

#[test]
fn q_and_control_c_end_it_but_q_can_be_a_part_of_a_filter() {
    let mut model = model();
    write(&mut model, "/q");
    assert_eq!(model.filter, "q");
    let control = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(model.press(control), Wish::Quit);
    press(&mut model, &[KeyCode::Enter]);
    let q = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
    assert_eq!(model.press(q), Wish::Quit);
}

#[test]
fn without_colours_there_are_none() {
    let mut model = model();
    press(&mut model, &[KeyCode::Down, KeyCode::Enter]);
    let colours = |choice| {
        let buffer = drawn(&model, SMALL, choice);
        let coloured = buffer.content().iter();
        coloured
            .filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
            .count()
    };
    assert_eq!(colours(Choice::Never), 0);
    assert!(colours(Choice::Always) > 0);
}

proptest! {
    /// Whatever is typed, and however small the screen is.
    #[test]
    fn nothing_breaks_at_any_size(
        width in 1..140_u16,
        height in 1..50_u16,
        typed in proptest::collection::vec(
            prop_oneof![
                Just(KeyCode::Tab), Just(KeyCode::Enter), Just(KeyCode::Esc), Just(KeyCode::Down),
                Just(KeyCode::End), Just(KeyCode::PageUp), Just(KeyCode::Backspace),
                "[efsSjkgG?/ xR]".prop_map(|text| KeyCode::Char(text.chars().next().unwrap())),
            ],
            0..20,
        ),
    ) {
        let mut model = model();
        for code in typed {
            model.press(KeyEvent::new(code, KeyModifiers::NONE));
            let sheet = model.sheet();
            prop_assert!(model.choice(&sheet) <= sheet.rows.len());
            for row in &sheet.rows {
                prop_assert_eq!(row.cells.len(), sheet.columns.len());
            }
        }
        drawn(&model, (width, height), Choice::Always);
        drawn(&Model::new(), (width, height), Choice::Always);
    }
}
