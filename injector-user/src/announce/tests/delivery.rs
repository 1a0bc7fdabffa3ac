//! Who does not take what is sent, and what becomes of it.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use prost::Message as _;

use super::fixture::{LONG, block_on, collector, deliver, end, start};
use crate::announce::courier::Courier;
use crate::announce::destination::{Destination, Sending};
use crate::announce::{Address, Announcement, Grafana, ROOM, Shortfall, Token, Why};
use crate::web::{Reaction, Web};

/// How long is waited for who does not answer.
const SHORT: Duration = Duration::from_millis(600);

/// The names of the events of each message.
fn names(web: &Web) -> Vec<Vec<String>> {
    let names = |body: &[u8]| {
        let message = ExportLogsServiceRequest::decode(body).unwrap();
        let records = &message.resource_logs[0].scope_logs[0].log_records;
        records.iter().map(|one| one.event_name.clone()).collect()
    };
    web.asked().iter().map(|one| names(&one.body)).collect()
}

/// Answers with these, one after the other, and then takes everything.
fn moody(mut answers: Vec<Reaction>) -> Web {
    answers.reverse();
    Web::serve(move |_| answers.pop().unwrap_or_else(|| Reaction::ok(""))).unwrap()
}

fn busy(status: &'static str, after: &str) -> Reaction {
    Reaction::Answer(status, vec![("Retry-After", after.to_owned())], Vec::new())
}

#[test]
fn who_is_busy_is_asked_again() {
    for reaction in [
        busy("503 Service Unavailable", "1"),
        busy("429 Too Many Requests", "0"),
        busy("503 Service Unavailable", "Sun, 06 Nov 1994 08:49:37 GMT"),
        Reaction::status("502 Bad Gateway"),
        Reaction::status("504 Gateway Timeout"),
        Reaction::Close,
    ] {
        let web = moody(vec![reaction.clone()]);
        assert_eq!(
            deliver(collector(&web), &[start()], LONG),
            None,
            "{reaction:?}"
        );
        let asked = names(&web);
        assert_eq!(
            asked,
            [["temblor.fault.start"], ["temblor.fault.start"]],
            "{reaction:?}"
        );
    }
}

#[test]
fn who_asks_for_time_gets_it() {
    let (tell, hear) = mpsc::channel();
    let mut first = true;
    let web = Web::serve(move |_| {
        tell.send(Instant::now()).unwrap();
        if std::mem::take(&mut first) {
            busy("503 Service Unavailable", "1")
        } else {
            Reaction::ok("")
        }
    });
    assert_eq!(deliver(collector(&web.unwrap()), &[start()], LONG), None);
    let (first, second) = (hear.recv().unwrap(), hear.recv().unwrap());
    assert!(second - first >= Duration::from_secs(1));
}

#[test]
fn who_asks_for_more_time_than_there_is_gets_nothing() {
    let web = Web::serve(|_| busy("503 Service Unavailable", "3600")).unwrap();
    let shortfall = deliver(collector(&web), &[start(), end()], LONG).unwrap();
    assert_eq!(
        shortfall.to_string(),
        format!(
            "2 announcements have not reached the OpenTelemetry collector at {}/v1/logs: it answered \
             503 Service Unavailable",
            web.url()
        )
    );
}

#[test]
fn what_is_refused_is_not_sent_again() {
    for (status, hint) in [
        ("400 Bad Request", None),
        (
            "401 Unauthorized",
            Some("check the token or the headers, and what they allow"),
        ),
        (
            "404 Not Found",
            Some("check the address: a path is added to it"),
        ),
        ("500 Internal Server Error", None),
    ] {
        let web = Web::serve(move |_| Reaction::status(status)).unwrap();
        let shortfall = deliver(collector(&web), &[start()], LONG).unwrap();
        let why = Why {
            message: format!("it answered {status}"),
            hint: hint.map(str::to_owned),
        };
        assert_eq!((shortfall.undelivered, shortfall.why), (1, why));
        assert_eq!(web.asked().len(), 1, "{status}");
    }
}

#[test]
fn a_redirect_is_told_and_not_followed() {
    let elsewhere = Web::serve(|_| Reaction::ok("")).unwrap();
    let to = elsewhere.url();
    let location = vec![("Location", to.clone())];
    let web =
        Web::serve(move |_| Reaction::Answer("302 Found", location.clone(), Vec::new())).unwrap();
    let shortfall = deliver(collector(&web), &[start()], LONG).unwrap();
    let hint = format!("it points to {to}: give an address there");
    assert_eq!((shortfall.undelivered, shortfall.why.hint), (1, Some(hint)));
    assert_eq!(elsewhere.asked(), []);
}

#[test]
fn what_a_collector_takes_in_part_counts_in_part() {
    let partial = |rejected_log_records, error_message: &str| {
        let response = ExportLogsServiceResponse {
            partial_success: Some(ExportLogsPartialSuccess {
                rejected_log_records,
                error_message: error_message.to_owned(),
            }),
        };
        Reaction::ok(response.encode_to_vec())
    };
    let web = Web::serve(move |_| partial(1, "too old")).unwrap();
    let shortfall = deliver(collector(&web), &[start()], LONG).unwrap();
    assert_eq!(shortfall.undelivered, 1);
    assert_eq!(shortfall.why.message, "it refused them: too old");
    // None refused: only a warning.
    let web = Web::serve(move |_| partial(0, "use version 2")).unwrap();
    assert_eq!(deliver(collector(&web), &[start()], LONG), None);
}

#[test]
fn a_page_that_is_no_answer_is_no_delivery() {
    let web = Web::serve(|_| Reaction::ok("<html>Log in</html>")).unwrap();
    let shortfall = deliver(collector(&web), &[start()], LONG).unwrap();
    assert_eq!(
        shortfall.why.message,
        "it answered something else than OTLP"
    );
    let address: Address = web.url().parse().unwrap();
    let shortfall = deliver(Grafana::new(address, None), &[start()], LONG).unwrap();
    assert_eq!(shortfall.why.message, "it answered without an annotation");
}

/// Says that it is about to try.
#[derive(Debug)]
struct Heard<D> {
    tries: mpsc::Sender<()>,
    inner: D,
}

impl<D: Destination> Destination for Heard<D> {
    fn name(&self) -> String {
        self.inner.name()
    }

    fn at_once(&self) -> usize {
        self.inner.at_once()
    }

    fn send(&mut self, batch: &[Announcement], patience: Duration) -> Sending {
        self.tries.send(()).unwrap();
        self.inner.send(batch, patience)
    }
}

/// What is missing when the command ends while this is being tried for the time of that number.
fn missing_at(tried: usize, inner: impl Destination) -> Shortfall {
    let (tries, trying) = mpsc::channel();
    let courier = Courier::start(Box::new(Heard { tries, inner })).unwrap();
    courier.put(start());
    for _ in 0..tried {
        trying.recv().unwrap();
    }
    courier.put(end());
    let until = Instant::now() + SHORT;
    courier.close(until);
    block_on(courier.wait(until));
    courier.shortfall(true).unwrap()
}

#[test]
fn who_hangs_is_left() {
    let web = Web::serve(|_| Reaction::Hang).unwrap();
    let shortfall = missing_at(1, collector(&web));
    assert_eq!(shortfall.undelivered, 2);
    assert_eq!(shortfall.why.message, "there was no time left for it");
}

#[test]
fn who_is_not_there_is_tried_until_there_is_no_time_left() {
    // Nobody listens there.
    let nobody: Address = "http://127.0.0.1:9".parse().unwrap();
    let Shortfall {
        destination,
        undelivered,
        why,
    } = missing_at(2, Grafana::new(nobody.clone(), None));
    assert_eq!(
        (destination, undelivered),
        (format!("Grafana at {nobody}"), 2)
    );
    assert!(why.message.starts_with("no answer: "), "{}", why.message);
    let hint = "does it run, and is the address right?";
    assert_eq!(why.hint.as_deref(), Some(hint));
}

/// Takes one batch when it is told to.
#[derive(Debug)]
struct Gate {
    began: mpsc::Sender<usize>,
    open: mpsc::Receiver<()>,
}

impl Destination for Gate {
    fn name(&self) -> String {
        "a gate".to_owned()
    }

    fn at_once(&self) -> usize {
        ROOM * 2
    }

    fn send(&mut self, batch: &[Announcement], _patience: Duration) -> Sending {
        self.began.send(batch.len()).unwrap();
        let _closed = self.open.recv();
        Sending::Done
    }
}

#[test]
fn a_full_queue_loses_what_comes_and_counts_it() {
    let (began, has_begun) = mpsc::channel();
    let (open, is_open) = mpsc::channel();
    let gate = Gate {
        began,
        open: is_open,
    };
    let courier = Courier::start(Box::new(gate)).unwrap();
    courier.put(start());
    assert_eq!(has_begun.recv().unwrap(), 1);
    for _ in 0..ROOM + 3 {
        courier.put(end());
    }
    let shortfall = courier.shortfall(false).unwrap();
    assert_eq!(
        shortfall.to_string(),
        "3 announcements have not reached a gate: 256 others were still to be delivered"
    );
    assert_eq!(courier.shortfall(false), None);
    drop(open);
    assert_eq!(has_begun.recv().unwrap(), ROOM);
    let until = Instant::now() + LONG;
    courier.close(until);
    block_on(courier.wait(until));
    assert_eq!(courier.shortfall(true), None);
}

#[test]
fn a_token_is_one_line_and_is_not_printed() {
    let said = |text: &str| Token::new(text, "the file").unwrap_err().to_string();
    assert_eq!(said(" \n"), "the file: there is no token in it");
    let expected = "the file: the token has characters that no header may have";
    assert_eq!(said("geheim\ngeheim"), expected);
    let token = Token::new("geheim", "x").unwrap();
    let address: Address = "http://127.0.0.1:1".parse().unwrap();
    let printed = format!("{token:?} {:?}", Grafana::new(address, Some(token.clone())));
    assert!(!printed.contains("geheim"), "{printed}");
    let missing = std::path::Path::new("/nowhere/token");
    let error = Token::read(missing).unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to read the token file `/nowhere/token`"
    );
    assert!(error.hint().is_some());
}
