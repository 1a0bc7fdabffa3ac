//! Where somebody listens for announcements.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use ureq::http::Uri;

/// An address of HTTP or HTTPS, perhaps with a path, and without anything secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(String);

/// Why words are no [`Address`]. None repeats them: there may be a password in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadAddress {
    /// Not a URL.
    #[error("it is not an address; write it as http://HOST:PORT")]
    Unreadable,
    /// Neither `http` nor `https`.
    #[error("it must begin with http:// or https://")]
    Scheme,
    /// A user before the host.
    #[error("it names a user, which everybody could read here; give a token instead")]
    User,
    /// Something behind the path.
    #[error("it must end with its path: leave `?` and `#` away, and what comes after")]
    Query,
}

impl Address {
    /// The address with more of a path: `more` begins with `/`.
    pub fn join(&self, more: &str) -> String {
        format!("{}{more}", self.0.trim_end_matches('/'))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let uri: Uri = text.parse().map_err(|_unreadable| BadAddress::Unreadable)?;
        match uri.scheme_str() {
            Some("http" | "https") => {}
            // `localhost:4318` reads as a host without a scheme.
            _ => return Err(BadAddress::Scheme),
        }
        let authority = uri.authority().ok_or(BadAddress::Unreadable)?;
        if authority.as_str().contains('@') {
            return Err(BadAddress::User);
        }
        if authority.host().is_empty() {
            return Err(BadAddress::Unreadable);
        }
        if text.contains(['?', '#']) {
            return Err(BadAddress::Query);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, BadAddress};

    #[test]
    fn addresses_are_those_of_http_servers() {
        for (good, joined) in [
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000/v1/logs"),
            (
                "https://example.org/grafana/",
                "https://example.org/grafana/v1/logs",
            ),
            ("http://[::1]:4318/", "http://[::1]:4318/v1/logs"),
        ] {
            let address: Address = good.parse().unwrap();
            assert_eq!(address.join("/v1/logs"), joined);
            assert_eq!(address.to_string(), good);
        }
    }

    #[test]
    fn what_is_none_is_refused_and_not_repeated() {
        for (bad, why) in [
            ("", BadAddress::Unreadable),
            ("http://", BadAddress::Unreadable),
            ("http://:80", BadAddress::Unreadable),
            ("http://a b", BadAddress::Unreadable),
            ("localhost:4318", BadAddress::Scheme),
            ("/v1/logs", BadAddress::Scheme),
            ("grpc://localhost:4317", BadAddress::Scheme),
            ("http://admin:geheim@localhost:3000", BadAddress::User),
            ("http://localhost:3000/?token=geheim", BadAddress::Query),
            ("http://localhost:3000/#geheim", BadAddress::Query),
        ] {
            assert_eq!(bad.parse::<Address>(), Err(why), "{bad}");
            assert!(!why.to_string().contains("geheim"));
        }
    }
}
