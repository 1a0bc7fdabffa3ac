//! What the host wants of this guest: a file in its first file system.

use std::fs::File;

use anyhow::{Context as _, Result};
use serde::Deserialize;

const PATH: &str = "/order.json";

/// All of it.
#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    /// Where to say what becomes of it.
    pub(crate) port: String,
    pub(crate) cgroups: Cgroups,
    /// Files of modules, each after those that it depends on.
    pub(crate) modules: Vec<String>,
    /// Whether it has one.
    #[serde(default)]
    pub(crate) disk: bool,
    pub(crate) steps: Vec<Step>,
}

/// How the hierarchies of cgroups are mounted.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Cgroups {
    V1,
    V2,
    /// Controllers in v1, and v2 beside them without any.
    Hybrid,
}

/// One program to run to its end.
#[derive(Debug, Deserialize)]
pub(crate) struct Step {
    pub(crate) name: String,
    /// Not run where this fault is refused.
    pub(crate) fault: Option<String>,
    /// The program and its arguments.
    pub(crate) command: Vec<String>,
    /// Whether somebody types at the other end of the port.
    #[serde(default)]
    pub(crate) terminal: bool,
}

impl Order {
    pub(crate) fn read() -> Result<Self> {
        let file = File::open(PATH).with_context(|| format!("open {PATH}"))?;
        serde_json::from_reader(file).with_context(|| format!("read {PATH}"))
    }
}
