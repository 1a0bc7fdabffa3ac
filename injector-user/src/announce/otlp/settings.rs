//! Where the collector is and what it wants to see, as the OpenTelemetry specification names it:
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.

use std::str::FromStr as _;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use crate::announce::address::Address;
use crate::announce::fault::AnnounceError;
use crate::announce::http::ANSWER;

const PATH: &str = "/v1/logs";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const LOGS_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT";
const PROTOCOL: &str = "http/protobuf";
/// The one for logs tells before the one for everything.
const PROTOCOLS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
];
const HEADERS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
    "OTEL_EXPORTER_OTLP_HEADERS",
];
const TIMEOUTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
];

/// How to reach a collector.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The whole address for logs.
    pub url: String,
    pub headers: HeaderMap,
    /// For each request.
    pub timeout: Duration,
}

/// What `flag` and the environment say; none if nobody asks for it. The flag is the address of all
/// signals, and wins; `variable` gives a variable of the environment, and an empty one is none.
pub fn settings(
    flag: Option<&Address>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Settings>, AnnounceError> {
    let variable = |name: &str| variable(name).filter(|text| !text.trim().is_empty());
    let url = match flag {
        Some(address) => Some(address.join(PATH)),
        None if is_off(&variable) => None,
        None => from_environment(&variable)?,
    };
    let Some(url) = url else {
        return Ok(None);
    };
    Ok(Some(Settings {
        url,
        headers: first(HEADERS, &variable).map_or_else(|| Ok(HeaderMap::new()), headers)?,
        timeout: first(TIMEOUTS, &variable).map_or(Ok(ANSWER), timeout)?,
    }))
}

/// Whether somebody has switched this off for every program.
fn is_off(variable: &impl Fn(&str) -> Option<String>) -> bool {
    let disabled = variable("OTEL_SDK_DISABLED");
    let exporters = variable("OTEL_LOGS_EXPORTER");
    let without_us = |list: String| list.split(',').all(|one| one.trim() != "otlp");
    disabled.is_some_and(|text| text.trim().eq_ignore_ascii_case("true"))
        || exporters.is_some_and(without_us)
}

fn from_environment(
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<Option<String>, AnnounceError> {
    let address = |name: &'static str| {
        let text = variable(name);
        let bad = |source| AnnounceError::Address {
            variable: name,
            source,
        };
        let address = text.map(|text| Address::from_str(text.trim()).map_err(bad));
        address.transpose()
    };
    let of_logs = address(LOGS_ENDPOINT)?.map(|address| address.to_string());
    let of_all = || Ok(address(ENDPOINT)?.map(|address| address.join(PATH)));
    let url = of_logs.map_or_else(of_all, |url| Ok(Some(url)))?;
    match first(PROTOCOLS, variable) {
        Some((name, given)) if url.is_some() && given.trim() != PROTOCOL => {
            Err(AnnounceError::Protocol {
                variable: name,
                given,
            })
        }
        _ => Ok(url),
    }
}

fn first(
    names: [&'static str; 2],
    variable: &impl Fn(&str) -> Option<String>,
) -> Option<(&'static str, String)> {
    let mut names = names.into_iter();
    names.find_map(|name| Some((name, variable(name)?)))
}

/// `NAME=VALUE,…`, as W3C Baggage writes it: percent-encoded.
fn headers((variable, list): (&'static str, String)) -> Result<HeaderMap, AnnounceError> {
    let entries = list.split(',').enumerate();
    let entries = entries.filter(|(_, entry)| !entry.trim().is_empty());
    let read = |(index, entry): (usize, &str)| {
        header(entry).ok_or(AnnounceError::Header {
            variable,
            number: index + 1,
        })
    };
    entries.map(read).collect()
}

fn header(entry: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = entry.split_once('=')?;
    let value = percent_decode_str(value.trim()).collect::<Vec<u8>>();
    let mut value = HeaderValue::from_bytes(&value).ok()?;
    value.set_sensitive(true);
    Some((HeaderName::from_str(name.trim()).ok()?, value))
}

fn timeout((variable, given): (&'static str, String)) -> Result<Duration, AnnounceError> {
    match given.trim().parse() {
        Ok(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        Err(_unreadable) => Err(AnnounceError::Timeout { variable, given }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Settings, settings};
    use crate::announce::fault::AnnounceError;

    fn of(flag: Option<&str>, given: &[(&str, &str)]) -> Result<Option<Settings>, AnnounceError> {
        let flag = flag.map(|flag| flag.parse().unwrap());
        let find = |name: &str| given.iter().find(|(its, _)| *its == name);
        settings(flag.as_ref(), |name| {
            find(name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn url(flag: Option<&str>, given: &[(&str, &str)]) -> Option<String> {
        of(flag, given).unwrap().map(|settings| settings.url)
    }

    const ALL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/x/");
    const LOGS: (&str, &str) = ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://logs:4318/own");

    #[test]
    fn nobody_is_told_unless_somebody_is_named() {
        assert_eq!(url(None, &[]), None);
        assert_eq!(url(None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), None);
        assert_eq!(
            url(None, &[("OTEL_EXPORTER_OTLP_HEADERS", "nonsense")]),
            None
        );
    }

    #[test]
    fn the_address_of_all_signals_gets_a_path_and_that_of_logs_none() {
        let all = Some("http://all:4318/x/v1/logs".to_owned());
        assert_eq!(url(None, &[ALL]), all);
        let logs = Some("http://logs:4318/own".to_owned());
        assert_eq!(url(None, &[ALL, LOGS]), logs);
        let flag = Some("http://flag:4318/v1/logs".to_owned());
        assert_eq!(url(Some("http://flag:4318"), &[ALL, LOGS]), flag);
    }

    #[test]
    fn who_has_switched_it_off_has_it_off_unless_a_flag_asks_for_it() {
        for off in [
            ("OTEL_SDK_DISABLED", "TRUE"),
            ("OTEL_LOGS_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "console"),
        ] {
            assert_eq!(url(None, &[ALL, off]), None, "{off:?}");
            assert!(url(Some("http://flag:4318"), &[off]).is_some(), "{off:?}");
        }
        for on in [
            ("OTEL_SDK_DISABLED", "false"),
            ("OTEL_LOGS_EXPORTER", "console, otlp"),
        ] {
            assert!(url(None, &[ALL, on]).is_some(), "{on:?}");
        }
    }

    #[test]
    fn headers_are_percent_encoded_and_not_printed() {
        let given = [
            ALL,
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "Authorization=Basic%20geheim , X-A = b%2Cc=d,",
            ),
        ];
        let settings = of(None, &given).unwrap().unwrap();
        assert_eq!(settings.headers["authorization"], "Basic geheim");
        assert_eq!(settings.headers["x-a"], "b,c=d");
        assert_eq!(settings.headers.len(), 2);
        assert!(!format!("{settings:?}").contains("geheim"));
        let own = ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "x-b=1");
        let settings = of(None, &[given[0], given[1], own]).unwrap().unwrap();
        assert_eq!(settings.headers.len(), 1);
        assert_eq!(settings.headers["x-b"], "1");
    }

    #[test]
    fn the_timeout_is_in_milliseconds() {
        let given = [ALL, ("OTEL_EXPORTER_OTLP_TIMEOUT", "250")];
        let settings = of(None, &given).unwrap().unwrap();
        assert_eq!(settings.timeout, Duration::from_millis(250));
    }

    #[test]
    fn what_is_wrong_is_said_without_its_secrets() {
        let check = |given: &[(&str, &str)], said: &str| {
            let error = of(None, given).unwrap_err();
            assert_eq!(error.to_string(), said);
            assert!(error.hint().is_some());
            assert!(!format!("{error:?}").contains("geheim"));
        };
        let at = "OTEL_EXPORTER_OTLP_ENDPOINT: it must begin with http:// or https://";
        check(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")], at);
        let at = "OTEL_EXPORTER_OTLP_HEADERS: the entry number 2 is not NAME=VALUE";
        for bad in ["a=b,geheim", "a=b,=geheim", "a=b,x=geheim%0A"] {
            check(&[ALL, ("OTEL_EXPORTER_OTLP_HEADERS", bad)], at);
        }
        let at = "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT: `10s` is not a number of milliseconds";
        check(&[ALL, ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "10s")], at);
        let at = "OTEL_EXPORTER_OTLP_PROTOCOL: `grpc` is not spoken here, only http/protobuf is";
        check(&[ALL, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], at);
    }

    #[test]
    fn the_protocol_of_others_is_none_of_our_business() {
        let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        assert_eq!(url(None, &[grpc]), None);
        let own = ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/protobuf");
        assert!(url(None, &[ALL, grpc, own]).is_some());
        assert!(url(Some("http://flag:4318"), &[grpc]).is_some());
    }
}
