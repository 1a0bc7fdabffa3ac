//! The stream in which Docker's API sends the output of a container without a terminal: frames, each
//! with a header of eight bytes that says whose it is and how long.

/// Whose output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Output,
    Errors,
}

/// What is known of the frame that has begun. Only its header is ever held.
#[derive(Clone, Debug, Default)]
pub(super) struct Frames {
    header: Vec<u8>,
    /// Whose the rest of it is, and how long.
    open: Option<(Stream, usize)>,
}

/// It is no such stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame begins with {0:#04x}")]
pub(super) struct NoFrame(u8);

const HEADER: usize = 8;

impl Frames {
    /// Splits what has come by whose it is.
    pub(super) fn push<'a>(&mut self, piece: &'a [u8]) -> Result<Vec<(Stream, &'a [u8])>, NoFrame> {
        let (mut found, mut rest) = (Vec::new(), piece);
        while !rest.is_empty() {
            if let Some((stream, length)) = self.open {
                let (content, behind) = rest.split_at(length.min(rest.len()));
                found.push((stream, content));
                let left = length - content.len();
                self.open = (left > 0).then_some((stream, left));
                rest = behind;
                continue;
            }
            let wanted = (HEADER - self.header.len()).min(rest.len());
            let (part, behind) = rest.split_at(wanted);
            self.header.extend_from_slice(part);
            rest = behind;
            if self.header.len() == HEADER {
                self.open = opened(&self.header)?;
                self.header.clear();
            }
        }
        Ok(found)
    }
}

/// Whose the frame is; none if it is empty.
fn opened(header: &[u8]) -> Result<Option<(Stream, usize)>, NoFrame> {
    let [kind, _, _, _, length @ ..] = header else {
        return Ok(None);
    };
    let stream = match kind {
        // 0 is what was typed, which is shown as output.
        0 | 1 => Stream::Output,
        2 => Stream::Errors,
        other => return Err(NoFrame(*other)),
    };
    let length = length
        .iter()
        .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    Ok((length > 0).then_some((stream, length)))
}

#[cfg(test)]
mod tests {
    use super::{Frames, NoFrame, Stream};

    fn frame(kind: u8, text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&[kind, 0, 0, 0], &length[..], text.as_bytes()].concat()
    }

    #[test]
    fn frames_are_told_apart_wherever_they_are_torn() {
        let whole = [
            frame(1, "out\n"),
            frame(2, ""),
            frame(2, "bad\n"),
            frame(1, "more"),
        ]
        .concat();
        for torn in 0..whole.len() {
            let mut frames = Frames::default();
            let (mut out, mut bad) = (Vec::new(), Vec::new());
            for piece in [&whole[..torn], &whole[torn..]] {
                for (stream, content) in frames.push(piece).unwrap() {
                    match stream {
                        Stream::Output => out.extend_from_slice(content),
                        Stream::Errors => bad.extend_from_slice(content),
                    }
                }
            }
            assert_eq!((&*out, &*bad), (&b"out\nmore"[..], &b"bad\n"[..]), "{torn}");
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        assert_eq!(Frames::default().push(b"plain text"), Err(NoFrame(b'p')));
        assert_eq!(Frames::default().push(b"plain"), Ok(vec![]));
    }
}
