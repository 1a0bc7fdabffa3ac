//! How many clients are served at once, and what one too many is told.
//!
//! Everybody may connect, so anybody could take all the room there is: memory, since a request is read
//! whole, and descriptors, without which nothing can be armed. Hence a bound, a lower one for those
//! who may only look, and shorter requests for them. A client beyond it is answered and let go, never
//! left waiting; root always finds a place that other users cannot take.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::UnixStream;

use super::start::tell;
use super::state::{Peer, refused};
use crate::protocol::{Failure, MAX_LINE, Response};

/// The clients that are served now.
#[derive(Debug)]
pub(super) struct Clients {
    root: usize,
    others: usize,
    most: usize,
}

/// Clients at once, where the host lets us have the descriptors.
const MOST: usize = 1_024;
/// One part in so many of them may belong to users other than root.
const OTHERS: usize = 4;
/// Descriptors that the engine asks for: one for each client, and dozens for each of 64 faults.
const DESCRIPTORS: u64 = 8_192;
/// Longest request of those who may only look, in bytes.
const MAX_LOOK: usize = 1 << 14;

impl Clients {
    /// As many as fit into `descriptors`, of which faults need half.
    pub(super) fn within(descriptors: u64) -> Self {
        let half = usize::try_from(descriptors / 2).unwrap_or(MOST);
        Self {
            root: 0,
            others: 0,
            most: half.min(MOST),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.root + self.others
    }

    /// Makes room for one more, or says why there is none.
    pub(super) fn admit(&mut self, uid: u32) -> Result<(), Failure> {
        let is_root = uid == 0;
        let most_others = self.most / OTHERS;
        if self.count() >= self.most || (!is_root && self.others >= most_others) {
            let most = if is_root { self.most } else { most_others };
            return Err(refused(
                format!("the engine serves {most} clients already"),
                Some("end some of them: each keeps its connection for as long as it runs"),
            ));
        }
        *self.of(uid) += 1;
        Ok(())
    }

    /// One that was admitted has gone.
    pub(super) fn leave(&mut self, uid: u32) {
        let of = self.of(uid);
        *of = of.saturating_sub(1);
    }

    fn of(&mut self, uid: u32) -> &mut usize {
        if uid == 0 {
            &mut self.root
        } else {
            &mut self.others
        }
    }
}

/// How long a request of this user may be, in bytes.
pub(super) fn longest_line(uid: u32) -> usize {
    if uid == 0 { MAX_LINE } else { MAX_LOOK }
}

/// Who is there, as the kernel says; nothing if it cannot say.
pub(super) fn peer_of(stream: &UnixStream) -> Option<Peer> {
    let credentials = stream.peer_cred().ok()?;
    Some(Peer {
        uid: credentials.uid(),
        pid: credentials.pid().unwrap_or(0),
    })
}

/// Tells one too many why it is not served. It has asked nothing yet: hence number 0.
pub(super) fn turn_away(stream: UnixStream, failure: Failure) -> std::io::Result<()> {
    let answer = Err(failure);
    let line = Response { id: 0, answer }.line()?;
    // Nothing has been written to it, so there is room and this does not wait.
    let mut stream = stream.into_std()?;
    std::io::Write::write_all(&mut stream, &line)
}

/// Raises the number of descriptors that this process may have to what it needs, and tells how many
/// that is.
pub(super) fn raise_descriptors() -> u64 {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((DESCRIPTORS, DESCRIPTORS));
    if soft >= DESCRIPTORS {
        return soft;
    }
    let within = DESCRIPTORS.min(hard);
    let raise = |soft, hard| setrlimit(Resource::RLIMIT_NOFILE, soft, hard).map(|()| soft);
    // Root without the privilege to raise the hard limit has to do with that one.
    let raised = raise(DESCRIPTORS, hard.max(DESCRIPTORS)).or_else(|_errno| raise(within, hard));
    raised.unwrap_or_else(|errno| {
        tell(&format!(
            "the engine may open {soft} files only: raising that failed: {errno}"
        ));
        soft
    })
}

#[cfg(test)]
mod tests {
    use super::{Clients, MOST};

    fn check(clients: &mut Clients, uid: u32, served: usize) {
        for number in 0..served {
            assert_eq!(clients.admit(uid), Ok(()), "client {number} of {uid}");
        }
        let failure = clients.admit(uid).unwrap_err();
        let said = &failure.problems[0].message;
        assert!(said.ends_with("clients already"), "{said}");
    }

    #[test]
    fn other_users_leave_room_for_root() {
        let mut clients = Clients::within(1 << 20);
        check(&mut clients, 1_000, MOST / 4);
        check(&mut clients, 0, MOST - MOST / 4);
        clients.leave(1_000);
        check(&mut clients, 0, 1);
    }

    #[test]
    fn a_place_that_becomes_free_is_given_again() {
        let mut clients = Clients::within(1 << 20);
        check(&mut clients, 0, MOST);
        clients.leave(0);
        check(&mut clients, 0, 1);
        assert_eq!(clients.count(), MOST);
    }

    #[test]
    fn where_descriptors_are_few_so_are_clients() {
        check(&mut Clients::within(256), 0, 128);
    }
}
