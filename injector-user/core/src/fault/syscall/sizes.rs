//! How many bytes a call is about.

use std::fmt;
use std::str::FromStr;

use crate::problem::Invalid;
use crate::units::ByteSize;

/// From the least to the most, both included: `4KiB..`, `..512`, `1KiB..64KiB`, `4KiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    least: u64,
    most: Option<u64>,
}

impl Sizes {
    /// Bytes.
    pub fn least(self) -> u64 {
        self.least
    }

    /// Bytes, at least [`Sizes::least`]; `None`: without bound.
    pub fn most(self) -> Option<u64> {
        self.most
    }

    pub fn includes(self, bytes: u64) -> bool {
        self.least <= bytes && self.most.is_none_or(|most| bytes <= most)
    }
}

impl FromStr for Sizes {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let read = |part: &str| bytes(part, text);
        let (least, most) = match text.split_once("..") {
            None => {
                let exactly = read(text)?;
                (exactly, Some(exactly))
            }
            Some((least, "")) => (read(least)?, None),
            Some(("", most)) => (0, Some(read(most)?)),
            Some((least, most)) => (read(least)?, Some(read(most)?)),
        };
        if most.is_some_and(|most| most < least) {
            return Err(Invalid::saying(format!("`{text}` ends before it begins"))
                .hint("the smaller size first, as in 1KiB..64KiB"));
        }
        Ok(Self { least, most })
    }
}

/// A size, or a bare number of bytes, which is what a call is given.
fn bytes(text: &str, whole: &str) -> Result<u64, Invalid> {
    let text = text.trim();
    let bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let read = if bare {
        text.parse().ok()
    } else {
        text.parse().ok().map(ByteSize::bytes)
    };
    read.ok_or_else(|| {
        Invalid::saying(format!("`{whole}` is not a range of sizes"))
            .hint("such as 4KiB.., ..512, 1KiB..64KiB or 4KiB")
    })
}

impl fmt::Display for Sizes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = ByteSize::new(self.least);
        match self.most.map(ByteSize::new) {
            Some(most) if most == least => write!(out, "{most}"),
            Some(most) if self.least == 0 => write!(out, "..{most}"),
            Some(most) => write!(out, "{least}..{most}"),
            None => write!(out, "{least}.."),
        }
    }
}
