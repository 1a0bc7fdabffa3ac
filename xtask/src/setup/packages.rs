//! What is installed, and why: the table to extend when the demo or a test needs another program.

use clap::ValueEnum;

/// What a machine is set up for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Purpose {
    /// `cargo xtask demo` and `bench`.
    Demo,
    /// `cargo xtask test`.
    Test,
    /// Both.
    All,
}

/// A program that must be found when the demo or the tests run.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) program: &'static str,
    /// Debian's package.
    pub(crate) package: &'static str,
    /// The file's name in the package, where Debian makes the program's name an alternative of it.
    pub(crate) file: &'static str,
    pub(crate) why: &'static str,
    pub(crate) purpose: Purpose,
}

/// Compiler, `core` for BPF, and what they stand on: Debian names that begin like this.
pub(crate) const TOOLCHAIN_PARTS: &[&str] = &["rustc-web", "libstd-rust-web", "libllvm"];

/// The packages whose dependencies bring the others.
pub(crate) const TOOLCHAIN: &[&str] = &["rustc-web", "libstd-rust-web-dev-bpf"];

/// Every program that is run beside our own.
pub(crate) const TOOLS: &[Tool] = &[
    Tool::new(
        "redis-server",
        "redis-server",
        "the service the faults are aimed at",
    ),
    Tool::new(
        "redis-cli",
        "redis-tools",
        "asks that service from outside our own code",
    ),
    Tool::new(
        "redis-benchmark",
        "redis-tools",
        "benchmarks: what a service keeps beside one that suffers",
    ),
    Tool::new(
        "ip",
        "iproute2",
        "network namespaces and links of the stage, and the host diff",
    ),
    Tool::new(
        "tc",
        "iproute2",
        "host diff: root qdiscs and filters are as before",
    ),
    Tool::new("nft", "nftables", "host diff: nftables rules are as before"),
    Tool::new(
        "iptables-save",
        "iptables",
        "host diff: iptables rules are as before",
    )
    .file("iptables-nft-save"),
    Tool::new("sysctl", "procps", "host diff: sysctls are as before"),
    Tool::new(
        "strace",
        "strace",
        "tests: the errno a failed call really returned, and what its own words mean",
    )
    .only(Purpose::Test),
    Tool::new(
        "tmux",
        "tmux",
        "tests: a terminal for `temblor top`, of which keys and screen are known",
    )
    .only(Purpose::Test),
    Tool::new(
        "perl",
        "perl-base",
        "tests: makes system calls by number, for strace to show",
    )
    .only(Purpose::Test),
    Tool::new(
        "prometheus",
        "prometheus",
        "tests: scrapes `temblor metrics`, and answers what our dashboard asks",
    )
    .only(Purpose::Test),
    Tool::new(
        "promtool",
        "prometheus",
        "tests: whether metrics and rules are as they should be, and questions to Prometheus",
    )
    .only(Purpose::Test),
    Tool::new(
        "dockerd",
        "docker.io",
        "a Docker Engine of the tests' own, for containers as targets",
    ),
    Tool::new("containerd", "containerd", "the Docker Engine starts it"),
    Tool::new(
        "containerd-shim-runc-v2",
        "containerd",
        "containerd starts it for each container",
    ),
    Tool::new("runc", "runc", "makes the containers"),
    Tool::new(
        "docker",
        "docker.io",
        "asks that Docker Engine for containers",
    ),
    Tool::new(
        "busybox",
        "busybox-static",
        "the image of those containers: nothing is downloaded",
    ),
];

impl Tool {
    const fn new(program: &'static str, package: &'static str, why: &'static str) -> Self {
        Self {
            program,
            package,
            file: program,
            why,
            purpose: Purpose::All,
        }
    }

    const fn file(mut self, file: &'static str) -> Self {
        self.file = file;
        self
    }

    const fn only(mut self, purpose: Purpose) -> Self {
        self.purpose = purpose;
        self
    }

    /// Whether a machine set up for this purpose needs it.
    pub(crate) fn serves(&self, purpose: Purpose) -> bool {
        [self.purpose, purpose].contains(&Purpose::All) || self.purpose == purpose
    }
}

#[cfg(test)]
mod tests {
    use super::{Purpose, TOOLS};

    #[test]
    fn a_tool_of_the_tests_is_not_installed_for_the_demo() {
        let strace = TOOLS.iter().find(|tool| tool.program == "strace").unwrap();
        let served = [Purpose::Demo, Purpose::Test, Purpose::All].map(|it| strace.serves(it));
        assert_eq!(served, [false, true, true]);
    }

    #[test]
    fn every_tool_says_why() {
        assert!(TOOLS.iter().all(|tool| !tool.why.is_empty()));
    }
}
