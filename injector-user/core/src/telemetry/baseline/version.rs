//! Of which form a kept baseline is.

use serde::{Deserialize, Serialize};

/// The form that is written; the only one that is read.
const NOW: u32 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u32", try_from = "u32")]
pub(super) struct Version;

impl From<Version> for u32 {
    fn from(Version: Version) -> Self {
        NOW
    }
}

impl TryFrom<u32> for Version {
    type Error = String;

    fn try_from(version: u32) -> Result<Self, String> {
        if version == NOW {
            return Ok(Self);
        }
        Err(format!(
            "a baseline of version {version}, and version {NOW} is what can be read: take it anew"
        ))
    }
}
