//! Following the journal of a unit, as `journalctl` tells it: the journal's files have no promised reader
//! but systemd's own.

use std::ffi::OsStr;
use std::process::Stdio;

use injector_core::logs::Level;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use super::feed::{Feed, What};
use super::line::{Line, MOST_LINE, Splitter};

/// Of what it says when it fails.
const MOST_SAID: u64 = 1_024;

/// What of a record is of use.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct Record {
    #[serde(default)]
    message: Value,
    #[serde(default)]
    priority: Value,
}

/// Starts `program`, which is to be `journalctl`. It ends with the value.
pub(super) fn start(program: &OsStr, unit: &str) -> Result<Child, String> {
    let mut command = Command::new(program);
    command
        .args([
            "--follow",
            "--output=json",
            "--lines=0",
            "--quiet",
            "--unit",
        ])
        .arg(unit)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C is for us, who end it in order.
        .process_group(0)
        .kill_on_drop(true);
    command
        .spawn()
        .map_err(|error| format!("{} does not start: {error}", program.display()))
}

/// Reads until it is to end, or `journalctl` ends by itself.
pub(super) async fn follow(mut journalctl: Child, mut feed: Feed) {
    if let Some(mut out) = journalctl.stdout.take()
        && read(&mut out, &mut feed).await.is_none()
        && !feed.is_over()
    {
        let said = said(journalctl.stderr.take()).await;
        let how = journalctl.wait().await;
        let how = how.map_or_else(|error| error.to_string(), |status| status.to_string());
        feed.tell(What::Ended(format!("journalctl ended, {how}{said}")))
            .await;
    }
    // Reaped here, or else by the runtime: dropping it kills it.
    let _gone = journalctl.kill().await;
}

/// None when nothing more comes.
async fn read(out: &mut ChildStdout, feed: &mut Feed) -> Option<()> {
    let mut records = Splitter::default();
    loop {
        let mut piece = Vec::with_capacity(MOST_LINE);
        let length = feed
            .next(async { out.read_buf(&mut piece).await.ok() })
            .await?;
        if length == 0 {
            return None;
        }
        for record in records.push(&piece) {
            let (line, level) = understood(record);
            if !feed.lines(vec![line], level).await {
                return Some(());
            }
        }
    }
}

/// What a record says. Fields of more than 4096 bytes are left out by `journalctl`.
fn understood(record: Line) -> (Line, Option<Level>) {
    let Ok(Record { message, priority }) = serde_json::from_str(&record.text) else {
        // It is counted all the same.
        let line = Line {
            is_invalid: true,
            ..record
        };
        return (line, None);
    };
    let priority = match &priority {
        Value::String(digits) => digits.parse().ok(),
        other => other.as_u64(),
    };
    let level = priority.and_then(Level::of_priority);
    let line = match message {
        Value::String(text) => Line {
            text,
            ..Line::default()
        },
        Value::Null => Line {
            is_cut: true,
            ..Line::default()
        },
        // Bytes that are no text come as numbers.
        other => Line {
            text: lossy(&other),
            is_invalid: true,
            ..Line::default()
        },
    };
    (line, level)
}

fn lossy(message: &Value) -> String {
    let numbers = message.as_array().into_iter().flatten();
    let bytes = numbers.filter_map(|number| u8::try_from(number.as_u64()?).ok());
    String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned()
}

/// What it complained of, on one line.
async fn said(errors: Option<ChildStderr>) -> String {
    let mut text = String::new();
    if let Some(errors) = errors {
        // What is no text is no explanation either.
        let _unreadable = errors.take(MOST_SAID).read_to_string(&mut text).await;
    }
    match text.lines().next() {
        Some(line) => format!(": {line}"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use injector_core::logs::Level;

    use super::super::line::Line;
    use super::understood;

    #[track_caller]
    fn check(record: &str, text: &str, level: Option<Level>, flags: [bool; 2]) {
        let (line, found) = understood(Line {
            text: record.to_owned(),
            ..Line::default()
        });
        let is = [line.is_cut, line.is_invalid];
        assert_eq!((&*line.text, found, is), (text, level, flags), "{record}");
    }

    #[test]
    fn a_record_says_its_message_and_priority() {
        let error = Some(Level::Error);
        check(
            r#"{"MESSAGE":"no","PRIORITY":"3"}"#,
            "no",
            error,
            [false, false],
        );
        check(
            r#"{"MESSAGE":[110,111,255],"PRIORITY":"3"}"#,
            "no\u{fffd}",
            error,
            [false, true],
        );
        check(
            r#"{"MESSAGE":null,"PRIORITY":"3"}"#,
            "",
            error,
            [true, false],
        );
        check(r#"{"MESSAGE":"no"}"#, "no", None, [false, false]);
        check("-- no entries --", "-- no entries --", None, [false, true]);
    }
}
