//! The names of an answer's headers as the server wrote them: the toolkit keeps them so, experiments ask for them by
//! these names, and HTTP crates give them in small letters.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Longer than any head that is taken.
const LONGEST: usize = 1 << 17;
const END: &[u8] = b"\r\n\r\n";

/// Listens to connections for the head of the last answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Heads(Arc<Mutex<Head>>);

#[derive(Debug, Default)]
struct Head {
    bytes: Vec<u8>,
    is_whole: bool,
}

impl Heads {
    fn head(&self) -> MutexGuard<'_, Head> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names as they were written first, by names in small letters.
    pub(super) fn names(&self) -> BTreeMap<String, String> {
        let bytes = self.head().bytes.clone();
        let text = String::from_utf8_lossy(&bytes);
        let mut names = BTreeMap::new();
        for (name, _value) in text.lines().filter_map(|line| line.split_once(':')) {
            let first = names.entry(name.to_ascii_lowercase());
            first.or_insert_with(|| name.to_owned());
        }
        names
    }
}

impl Head {
    fn hear(&mut self, bytes: &[u8]) {
        if self.is_whole || self.bytes.len() > LONGEST {
            return;
        }
        self.bytes.extend_from_slice(bytes);
        let end = self.bytes.windows(END.len()).position(|some| some == END);
        if let Some(end) = end {
            self.bytes.truncate(end);
            self.is_whole = true;
        }
    }
}

impl<In: Transport> Connector<In> for Heads {
    type Out = Heard<In>;

    fn connect(
        &self,
        _details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        Ok(chained.map(|inner| Heard {
            inner,
            heads: self.clone(),
        }))
    }
}

/// A connection that is listened to.
#[derive(Debug)]
pub(super) struct Heard<In> {
    inner: In,
    heads: Heads,
}

impl<In: Transport> Transport for Heard<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        // Another answer follows, as after a redirection.
        *self.heads.head() = Head::default();
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let before = self.inner.buffers().input().len();
        let progress = self.inner.await_input(timeout)?;
        let input = self.inner.buffers().input();
        self.heads
            .head()
            .hear(input.get(before..).unwrap_or_default());
        Ok(progress)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

#[cfg(test)]
mod tests {
    use super::Heads;

    #[test]
    fn names_are_taken_from_the_head_alone() {
        let heads = Heads::default();
        for part in [
            "HTTP/1.1 200 OK\r\nETag: 1\r\nX-re",
            "quest-ID: a: b\r\n\r",
            "\nNot: this",
        ] {
            heads.head().hear(part.as_bytes());
        }
        let names: Vec<_> = heads.names().into_iter().collect();
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(
            names,
            [pair("etag", "ETag"), pair("x-request-id", "X-request-ID")]
        );
    }
}
