//! An address that only this host reaches.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use tokio::net::TcpListener;

use super::failure::CliError;
use crate::metrics::listen;

/// Where metrics may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loopback(SocketAddr);

impl Loopback {
    /// Takes the address.
    pub(super) async fn listen(self) -> Result<TcpListener, CliError> {
        listen(self.0).await.map_err(|source| CliError::Listen {
            address: self.to_string(),
            source,
        })
    }
}

impl FromStr for Loopback {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address: SocketAddr = text
            .parse()
            .map_err(|_unreadable| "write it as 127.0.0.1:9464 or [::1]:9464".to_owned())?;
        if address.ip().is_loopback() {
            return Ok(Self(address));
        }
        Err("metrics are served on loopback only, such as 127.0.0.1:9464".to_owned())
    }
}

impl fmt::Display for Loopback {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::Loopback;

    #[test]
    fn only_this_host_is_served() {
        for good in ["127.0.0.1:9464", "[::1]:0"] {
            assert_eq!(good.parse::<Loopback>().unwrap().to_string(), good);
        }
        for bad in [
            "0.0.0.0:9464",
            "10.0.0.1:9464",
            "[::]:9464",
            "9464",
            "localhost:9464",
        ] {
            assert!(bad.parse::<Loopback>().is_err(), "{bad}");
        }
    }
}
