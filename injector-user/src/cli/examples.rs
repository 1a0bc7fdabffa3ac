//! Help that teaches by example. Every example is tested: it reads without a problem.

use injector_core::fault::Kind;

/// Examples of one fault, for a verb that takes faults.
pub(super) fn of_fault(verb: &str, kind: Kind) -> String {
    let lines: Vec<String> = examples(kind)
        .iter()
        .map(|(why, words)| {
            format!(
                "  # {why}\n{}",
                wrapped(&format!("temblor {verb} {kind} {words}"))
            )
        })
        .collect();
    format!("Examples:\n{}", lines.join("\n"))
}

/// Continued on the next line as a shell wants it, before help would break it anywhere. A flag
/// stays with its value.
fn wrapped(line: &str) -> String {
    const WIDTH: usize = 88;
    let mut lines = vec![String::from(" ")];
    for part in line.replace(" --", "\n--").lines() {
        let last = lines.last().map_or(0, String::len);
        if last + part.len() > WIDTH {
            lines.push(String::from("     "));
        }
        if let Some(last) = lines.last_mut() {
            last.push(' ');
            last.push_str(part);
        }
    }
    lines.join(" \\\n")
}

/// Why, and the words after the fault's name.
type Example = (&'static str, &'static str);

pub(super) fn examples(kind: Kind) -> &'static [Example] {
    match kind {
        Kind::NetLoss => LOSS,
        Kind::NetDelay => DELAY,
        Kind::NetDuplicate => DUPLICATE,
        Kind::NetCorrupt => CORRUPT,
        Kind::NetRate => RATE,
        Kind::NetPartition => PARTITION,
        Kind::SockError => ERROR,
        Kind::ProcessFreeze => FREEZE,
        Kind::ProcessSignal => SIGNAL,
        Kind::SyscallError => SYSCALL,
        Kind::SyscallDelay => SLOW,
        Kind::ProcessCrash => CRASH,
        Kind::ProcessFdLimit => FD_LIMIT,
        Kind::ProcessForkError => FORK,
        Kind::MemoryError => MEMORY,
        Kind::DiskError => DISK,
        Kind::DiskFull => FULL,
        Kind::DiskReadonly => READONLY,
        Kind::DiskSlow => SLOW_DISK,
        Kind::CpuStress => CPU,
        Kind::MemoryStress => HOARD,
        Kind::DiskStress => BUSY,
        Kind::DiskFill => FILL,
        Kind::CpuLimit => CPU_LIMIT,
        Kind::MemoryLimit => MEMORY_LIMIT,
    }
}

const CPU: &[Example] = &[
    (
        "A container has to share its processors with two that calculate all the time",
        "--target container:web --workers 2 --duration 60s",
    ),
    (
        "Every processor of the host is half busy",
        "--target host --load 50% --duration 60s",
    ),
];

const HOARD: &[Example] = &[
    (
        "Half of the memory that is left to a service is used up within ten seconds",
        "--target unit:redis-server --percent 50% --ramp 10s --duration 60s",
    ),
    (
        "A container of 512 MiB is driven out of memory",
        "--target container:web --size 1GiB --duration 30s",
    ),
];

const BUSY: &[Example] = &[
    (
        "Four writers beside a database, each write of which is synced",
        "--target unit:postgresql --path /var/lib/postgresql --workers 4 --operations write --duration 60s",
    ),
    (
        "A disk reads and writes 20 MiB in a second for nothing",
        "--target host --path /srv --rate 20MiB --block 64KiB --duration 60s",
    ),
];

const FILL: &[Example] = &[
    (
        "The file system of a database is almost full",
        "--target unit:postgresql --path /var/lib/postgresql --left 100MiB --duration 60s",
    ),
    (
        "A host's log partition is in use to 95 %",
        "--target host --path /var/log --percent 95% --duration 10m",
    ),
];

const CPU_LIMIT: &[Example] = &[
    (
        "A container has half a processor",
        "--target container:web --quota 50% --duration 5m",
    ),
    (
        "A service has a fifth of one, for 5 s out of 15 s",
        "--target unit:web.service --quota 20% --active 5s --dormant 10s --duration 5m",
    ),
];

const MEMORY_LIMIT: &[Example] = &[
    (
        "A container gets no more than 256 MiB, and waits for it",
        "--target container:web --size 256MiB --duration 5m",
    ),
    (
        "The OOM killer ends whoever wants more",
        "--target cgroup:/web --size 256MiB --how kill --duration 60s",
    ),
];

const LOSS: &[Example] = &[
    (
        "A third of a container's packets to its database is lost",
        "--target container:web --probability 30% --ports 5432 --duration 60s",
    ),
    (
        "The network namespace blue is cut off from one host, both ways",
        "--target netns:blue --peers 10.0.0.7 --direction both --duration 30s",
    ),
    (
        "Bursts of five packets on average, one per cent of the time",
        "--target netns:blue --p 0.2% --r 20% --duration 60s",
    ),
    (
        "Every tenth packet that a command sends is lost",
        "--when 10+10 --duration 10s -- curl http://127.0.0.1:8080/",
    ),
];

const DELAY: &[Example] = &[
    (
        "All that the network namespace blue sends is 15 to 25 ms late",
        "--target netns:blue --latency 20ms --jitter 5ms --duration 60s",
    ),
    (
        "Answers of a service on port 6379 are late, most of them by 80 to 120 ms",
        "--target unit:redis-server --latency 100ms --jitter 20ms --distribution normal --ports 6379 --duration 1m",
    ),
];

const DUPLICATE: &[Example] = &[(
    "One of a hundred datagrams comes twice",
    "--target netns:blue --protocol udp --probability 1% --duration 60s",
)];

const CORRUPT: &[Example] = &[
    (
        "One of a thousand packets arrives damaged, and the receiver's kernel drops it",
        "--target netns:blue --probability 0.1% --duration 60s",
    ),
    (
        "A bit of a database's answers flips now and then, and nobody notices",
        "--target netns:blue --ports 5432 --how silent --probability 0.1% --duration 60s",
    ),
];

const RATE: &[Example] = &[(
    "The network namespace blue sends through a line of 10 Mbit/s",
    "--target netns:blue --rate 10mbit --burst 32KiB --duration 60s",
)];

const PARTITION: &[Example] = &[
    (
        "The network namespace blue and one host do not hear each other",
        "--target netns:blue --peers 10.0.0.7 --duration 30s",
    ),
    (
        "It hears others and is not heard",
        "--target netns:blue --direction out --duration 30s",
    ),
    (
        "Connections to a database break, and new ones are refused",
        "--target netns:blue --peers 10.0.0.7 --ports 5432 --how reset --duration 30s",
    ),
];

const ERROR: &[Example] = &[
    (
        "Three of ten connects of a command are refused",
        "--operation connect --errno ECONNREFUSED --probability 30% --duration 10s -- redis-cli ping",
    ),
    (
        "No program named nginx can listen, also those that are started meanwhile",
        "--target comm:nginx --all --operation bind --errno EADDRINUSE --duration 60s",
    ),
    (
        "The cgroup /web runs out of sockets after the hundredth",
        "--target cgroup:/web --operation socket --errno EMFILE --when 101+ --duration 60s",
    ),
    (
        "One address is unreachable for one minute",
        "--target cgroup:/web --operation connect,sendmsg --errno EHOSTUNREACH --peers 10.0.0.7 --duration 1m",
    ),
];

const FREEZE: &[Example] = &[
    (
        "The cgroup /web stands still for 200 ms of every second",
        "--target cgroup:/web --active 200ms --dormant 800ms --duration 30s",
    ),
    (
        "It stands still once, for 3 s",
        "--target cgroup:/web --active 3s --count 1 --duration 5s",
    ),
    (
        "Half of the containers whose names begin with web stand still, drawn at random",
        "--target container:~^web --mode fixed-percent --mode-value 50% --active 1s --count 1 --duration 5s",
    ),
];

const SIGNAL: &[Example] = &[
    (
        "The processes of the cgroup /web are told to end, one every 200 ms",
        "--target cgroup:/web --signal SIGTERM --stagger 200ms --duration 30s",
    ),
    (
        "A process and its children reload every 5 s, three times",
        "--target pid:123 --signal HUP --interval 5s --count 3 --duration 20s",
    ),
    (
        "A third of them stand still until the fault ends",
        "--target cgroup:/web --signal STOP --probability 33% --duration 30s",
    ),
];

const SYSCALL: &[Example] = &[
    (
        "A database cannot make its files durable any more, from the third fsync on",
        "--target container:db --syscalls fsync,fdatasync --errno EIO --when 3+ --duration 60s",
    ),
    (
        "A tenth of all writes below one directory fail, mostly for want of space",
        "--target unit:redis-server --syscalls write,pwrite64 --path /var/lib/redis/ --errno ENOSPC:3,EIO --probability 10% --duration 60s",
    ),
    (
        "The second write of a command to a file is lost and reported as done",
        "--syscalls write --fd file --retval requested --when 2 --duration 10s -- dd if=/dev/zero of=x count=3",
    ),
    (
        "A server that is started here cannot make its files durable, whatever the kernel can do",
        "--syscalls fdatasync --errno EIO --backend seccomp --duration 60s -- redis-server --appendonly yes",
    ),
];

const SLOW: &[Example] = &[
    (
        "Each sync of a service takes 20 ms longer, when it has been made",
        "--target unit:postgresql --syscalls fsync,fdatasync --moment after --latency 20ms --duration 60s",
    ),
    (
        "A server that is started here has a disk on which nothing becomes durable in less than 20 ms",
        "--syscalls fsync,fdatasync --latency 20ms --duration 60s -- redis-server --appendonly yes",
    ),
    (
        "A tenth of what a command reads below one directory comes late, some of it very late",
        "--syscalls read,pread64 --path /var/lib/db/ --latency 50ms --jitter 30ms --distribution pareto --probability 10% --duration 60s -- db-server",
    ),
];

const SLOW_DISK: &[Example] = &[
    (
        "What a database reads, writes and syncs takes 20 ms longer, and nobody else's",
        "--target unit:postgresql --path /var/lib/postgresql/ --latency 20ms --duration 60s",
    ),
    (
        "One sync in ten takes half a second, as on a disk that is about to fail",
        "--target container:db --path /var/lib/db/ --operation sync --latency 500ms --probability 10% --duration 60s",
    ),
    (
        "The disk of a service takes no more than 1 MiB of its writes each second, for 5 s out of 15 s",
        "--target unit:postgresql --path /var/lib/postgresql/ --write-bps 1MiB --active 5s --dormant 10s --duration 5m",
    ),
];

const CRASH: &[Example] = &[
    (
        "A database is killed exactly before its third fsync below one directory",
        "--target container:db --syscalls fsync,fdatasync --path /var/lib/db/ --when 3 --duration 60s",
    ),
    (
        "A command is killed when its first rename has been made",
        "--syscalls rename,renameat2 --moment after --max-hits 1 --duration 10s -- mv a b",
    ),
];

const FD_LIMIT: &[Example] = &[(
    "A server that cannot open another file or accept another connection for a while",
    "--target unit:nginx --duration 30s",
)];

const FORK: &[Example] = &[(
    "Every fourth process or thread of a service is not made",
    "--target unit:cron --when 4+4 --duration 60s",
)];

const MEMORY: &[Example] = &[
    (
        "Requests for a mebibyte or more are refused, one of a hundred",
        "--target container:web --size 1MiB.. --probability 1% --duration 60s",
    ),
    (
        "A command gets no more memory from its two hundredth request on",
        "--when 200+ --duration 10s -- python3 app.py",
    ),
];

const DISK: &[Example] = &[(
    "What a database reads and writes is lost now and then",
    "--target container:db --path /var/lib/db/ --probability 0.1% --duration 60s",
)];

const FULL: &[Example] = &[(
    "The disk of a queue is full when it has written 64 MiB more",
    "--target unit:rabbitmq-server --path /var/lib/rabbitmq/ --after 64MiB --duration 10m",
)];

const READONLY: &[Example] = &[(
    "A file system lets nobody write any more, as after an error of its disk",
    "--target container:db --path /var/lib/db/ --duration 60s",
)];
