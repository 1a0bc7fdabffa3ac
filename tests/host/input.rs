//! What cannot be done is refused with its place, its reason and a hint, and leaves nothing.

use std::fs;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use nix::mount::{MsFlags, mount, umount};
use nix::unistd::User;
use temblor_tests::order::SocketCall;
use temblor_tests::{Cgroup, Cli, Engine, Said, fed, params};

use super::stage::Stage;

/// What a user sees who asks for this: the whole of it.
fn check(cli: &Cli<'_>, words: &str, code: i32, err: &str) -> Result<()> {
    let words: Vec<&str> = words.split_whitespace().collect();
    let said = cli.run(&words)?;
    let expected = Said {
        code: Some(code),
        out: String::new(),
        err: err.to_owned(),
    };
    assert_eq!(said, expected, "{words:?}");
    Ok(())
}

/// The fault, its other parameters, and what is wrong with them.
const WRITTEN_WRONG: &[(&str, &str)] = &[
    (
        "net.loss --target {pid}",
        "error: --duration: net.loss needs `duration`\nhint: for example --duration 60s\n",
    ),
    (
        "net.loss --target {pid} --duration 10",
        "error: --duration: `10` has no unit\nhint: for example 10ms or 10s\n",
    ),
    (
        "net.loss --target {pid} --duration 10seconds",
        "error: --duration: `seconds` in `10seconds` is not a unit of time\n\
         hint: did you mean 10s\n",
    ),
    (
        "net.loss --target {pid} --duration 2h",
        "error: --duration: `2h` is not between 1ms and 1h\n\
         hint: a fault lasts at most 1h unless `long` is given\n",
    ),
    (
        "net.loss --target {pid} --duration 2s --probability 30",
        "error: --probability: `30` is not between 0 and 1\nhint: did you mean 30%\n",
    ),
    (
        "net.delay --target {pid} --duration 2s --latncy 20ms",
        "error: unexpected argument '--latncy' found\nhint: did you mean `--latency`\n",
    ),
    (
        "net.delay --target {pid} --duration 2s --latency 20ms --jitter 30ms",
        "error: --jitter: a jitter of 30ms is more than the latency of 20ms\nhint: at most 20ms\n",
    ),
    (
        "net.loss --target {pid} --duration 2s --protocol icmp --ports 5",
        "error: --ports: icmp has no ports\nhint: leave `ports` or `protocol: icmp` away\n",
    ),
    (
        "sock.error --target {pid} --duration 2s --operation connect --errno ECONREFUSED",
        "error: --errno: `ECONREFUSED` is not an errno of Linux\n\
         hint: did you mean ECONNREFUSED\n",
    ),
    (
        "sock.error --target {pid} --duration 2s --operation socket --errno EMFILE --ports 5",
        "error: --ports: a socket that is being made has no address yet\n\
         hint: leave `ports` or the operation `socket` away\n",
    ),
    (
        "process.freeze --target {pid} --duration 2s --active 3s --count 1",
        "error: --active: a pulse of 3s does not fit into the duration of 2s\nhint: at most 2s\n",
    ),
    (
        "process.freeze --target {pid} --duration 2s --active 1s",
        "error: --dormant: process.freeze needs `dormant`\nhint: for example --dormant 800ms\n",
    ),
    (
        "net.loss --target web --duration 2s",
        "error: --target: `web` does not say what kind of target it is\n\
         hint: did you mean container:web, unit:web or comm:web\n",
    ),
    (
        "net.partition --target {pid} --duration 2s --protocol udp --connections new",
        "error: --connections: udp has no connections\n\
         hint: leave `connections` or `protocol` away\n",
    ),
    (
        "net.rate --target {pid} --duration 2s --rate 10mbps",
        "error: --rate: `10mbps` is not a rate\n\
         hint: `bps` means bytes in tc and bits elsewhere: write 10mbit\n",
    ),
    (
        "net.loss --target {pid} --duration 2s --p 1% --probability 5%",
        "error: --probability: `p` takes the place of `probability`\n\
         hint: leave one of them away\n",
    ),
];

#[test]
fn what_is_written_wrong_is_shown_with_its_place_and_a_hint() -> Result<()> {
    let stage = Stage::set()?;
    let pid = format!("pid:{}", stage.client.pid());
    let cli = stage.cli();
    for (words, err) in WRITTEN_WRONG {
        let words = format!("inject {}", words.replace("{pid}", &pid));
        check(&cli, &words, 2, err)?;
    }
    stage.check_nothing_armed()?;
    stage.close()
}

#[test]
fn everything_that_is_wrong_is_said_at_once_and_as_json() -> Result<()> {
    let stage = Stage::set()?;
    let words = "--json inject net.delay --target nobody --latency 20 --duration 0s";
    let words: Vec<&str> = words.split(' ').collect();
    let said = stage.cli().run(&words)?;
    assert_eq!(said.code, Some(2));
    let error = said.json()?["error"].clone();
    assert_eq!(error["exit_code"], 2);
    let problems = error["problems"].as_array().context("a list")?;
    let mut places: Vec<_> = problems
        .iter()
        .filter_map(|problem| problem["place"]["path"].as_str())
        .collect();
    places.sort_unstable();
    assert_eq!(places, ["--duration", "--latency", "--target"]);
    stage.close()
}

#[test]
fn a_target_that_is_not_there_is_an_input_error() -> Result<()> {
    let empty = Cgroup::make(Flavour::V2, "empty")?;
    let stage = Stage::set()?;
    let cli = stage.cli();
    let host = stage.world.host.netns.name();
    let list = "hint: the path as it stands in /proc/PID/cgroup; `temblor targets` lists them\n";
    let netns = "hint: a name under /run/netns, a path to open, or the pid of a process in it\n";
    let cases = [
        (
            "pid:4194303".to_owned(),
            "there is no process 4194303".to_owned(),
            "hint: `temblor targets` lists what there is\n",
        ),
        (
            "cgroup:/temblor-test-nowhere".to_owned(),
            "there is no cgroup /temblor-test-nowhere".to_owned(),
            list,
        ),
        (
            empty.target(),
            format!("there is no process in the cgroup {}", empty.path()),
            "hint: start the target first, or start it with `-- COMMAND`\n",
        ),
        (
            "netns:temblor-test-nowhere".to_owned(),
            "there is no network namespace temblor-test-nowhere".to_owned(),
            netns,
        ),
        (
            "iface:nope".to_owned(),
            format!("the network namespace {host} has no interface nope"),
            "hint: it has lo, eth0\n",
        ),
    ];
    for (target, reason, hint) in cases {
        let words = format!("inject net.loss --duration 2s --ports 5 --target {target}");
        let err = format!("error: --target: {reason}\n{hint}");
        check(&cli, &words, 2, &err)?;
    }
    stage.check_nothing_armed()?;
    stage.close()
}

#[test]
fn an_ambiguous_cgroup_needs_to_be_meant() -> Result<()> {
    let (one, other) = (
        Cgroup::make(Flavour::V2, "twice")?,
        Cgroup::make(Flavour::V1, "twice")?,
    );
    assert_eq!(one.path(), other.path());
    let mut stage = Stage::set()?;
    one.enter(stage.client.pid())?;
    other.enter(stage.other.pid())?;
    let path = one.path();
    let words = format!(
        "inject sock.error --duration 60s --operation connect --errno EPERM --target cgroup:{path}"
    );
    let err = format!(
        "error: --target: {path} has other processes in cgroup v2 than in the v1 freezer hierarchy\n\
         hint: use a path that only one hierarchy has, or --all for all of them\n"
    );
    check(&stage.cli(), &words, 2, &err)?;
    let mut client = stage.engine.client()?;
    let both = params([
        ("target", &*one.target()),
        ("duration", "60s"),
        ("operation", "connect"),
        ("errno", "EPERM"),
        ("all", "true"),
    ]);
    let armed = client.arm(Kind::SockError, &both)?;
    let to = stage.echoes[0];
    for actor in [&mut stage.client, &mut stage.other] {
        assert_eq!(actor.calls(SocketCall::Connect, to, 1)?, [1]);
    }
    client.stop_one(&armed)?;
    stage.close()
}

#[test]
fn the_hosts_own_interface_needs_a_filter() -> Result<()> {
    let stage = Stage::set()?;
    let cli = stage.cli();
    let hint =
        "hint: add `peers` or `ports`, or use a target with a network namespace of its own\n";
    let host = format!("netns:{}", stage.world.host.netns.name());
    for (target, more) in [
        ("iface:eth0", ""),
        ("iface:eth0", " --peers 0.0.0.0/0,::/0"),
        ("iface:eth0", " --protocol udp"),
        (&*host, ""),
    ] {
        let words = format!("inject net.loss --duration 2s --target {target}{more}");
        let reason = "belongs to the host, and without peers or ports all its traffic would suffer";
        check(
            &cli,
            &words,
            2,
            &format!("error: --target: {target} {reason}\n{hint}"),
        )?;
    }
    stage.check_nothing_armed()?;
    stage.close()
}

#[test]
fn the_hosts_own_interface_loses_only_what_the_filter_names() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut local = temblor_tests::Actor::start_in(&stage.world.host.netns)?;
    let [v4, v6] = stage.echoes;
    let port = v4.port().to_string();
    let mut client = stage.engine.client()?;
    let given = params([
        ("target", "iface:eth0"),
        ("duration", "60s"),
        ("ports", &*port),
    ]);
    let armed = client.arm(Kind::NetLoss, &given)?;
    assert_eq!(local.datagrams(v4, 5)?, (vec![], vec![]));
    assert_eq!(local.datagrams(v6, 5)?.0.len(), 5);
    assert_eq!(stage.other.datagrams(v4, 5)?.0.len(), 5);
    client.stop_one(&armed)?;
    drop(local);
    stage.close()
}

#[test]
fn protected_processes_are_never_targets() -> Result<()> {
    let stage = Stage::set()?;
    let cli = stage.cli();
    let comm = |pid: i32| -> Result<String> {
        let text = fs::read_to_string(format!("/proc/{pid}/comm"))?;
        Ok(text.trim_end().to_owned())
    };
    let (engine, keeper) = (stage.engine.pid(), stage.engine.keeper());
    for pid in [1, engine, keeper] {
        for fault in [
            "sock.error --operation connect --errno EPERM",
            "process.freeze --active 1s --count 1",
            "net.loss --ports 5",
        ] {
            let words = format!("--json inject {fault} --duration 2s --target pid:{pid}");
            let words: Vec<&str> = words.split(' ').collect();
            let said = cli.run(&words)?;
            let error = said.json()?["error"].clone();
            let message = error["message"].as_str().context("it says why")?;
            let expected = [
                format!("--target: process {pid} ({}) is protected: ", comm(pid)?),
                format!(
                    "--target: process {keeper} ({}) is protected: ",
                    comm(keeper)?
                ),
            ];
            assert!(expected.iter().any(|e| message.starts_with(e)), "{message}");
            assert_eq!((said.code, &error["class"]), (Some(3), &"refused".into()));
        }
    }
    stage.check_nothing_armed()?;
    stage.close()
}

#[test]
fn two_clients_cannot_arm_the_same_thing() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut first = stage.engine.client()?;
    let target = format!("pid:{}", stage.client.pid());
    let given = params([
        ("target", &*target),
        ("duration", "60s"),
        ("operation", "connect"),
        ("errno", "ENETUNREACH"),
        ("owner", "game-day-7"),
    ]);
    let armed = first.arm(Kind::SockError, &given)?;
    let words = format!(
        "inject sock.error --operation connect --errno EPERM --duration 2s --target {target}"
    );
    let err = format!(
        "error: --target: sock.error already acts there: fault {id} of game-day-7\n\
         hint: wait until it ends, or end it with `temblor stop {id}`\n",
        id = armed.fault
    );
    check(&stage.cli(), &words, 3, &err)?;
    let to = stage.echoes[0];
    let unreachable = [nix::errno::Errno::ENETUNREACH as i32; 2];
    assert_eq!(stage.client.calls(SocketCall::Connect, to, 2)?, unreachable);
    let said = stage.cli().run(&["stop", &armed.fault])?;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(stage.client.calls(SocketCall::Connect, to, 2)?, [0; 2]);
    first.arm(Kind::SockError, &given)?;
    stage.close()
}

#[test]
fn who_is_not_root_may_only_look() -> Result<()> {
    let nobody = User::from_name("nobody")?.context("every host has nobody")?;
    let stage = Stage::set()?;
    // The folder of a test is its owner's alone; a real one is everybody's to enter.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(stage.engine.run_dir(), open)?;
    let cli = stage.cli().by(nobody.uid.as_raw());
    let said = cli.run(&["--json", "status"])?;
    assert_eq!(said.code, Some(0), "{said:?}");
    let target = stage.client_netns();
    let err = "only root may change what is armed\nhint: use sudo\n";
    let words = format!("inject net.loss --duration 2s --target {target}");
    check(&cli, &words, 3, &format!("error: net.loss: {err}"))?;
    check(&cli, "stop", 3, &format!("error: {err}"))?;
    stage.check_nothing_armed()?;
    stage.close()
}

#[test]
fn an_interface_without_ethernet_headers_cannot_be_delayed() -> Result<()> {
    let stage = Stage::set()?;
    let netns = stage.world.client.netns.name();
    let make = "tuntap add mode tun name tun0\nlink set tun0 addrgenmode none\nlink set tun0 up\n";
    fed("ip", &["-n", netns, "-batch", "-"], make)?;
    let words =
        format!("inject net.delay --duration 2s --latency 20ms --target iface:tun0@{netns}");
    let err = "error: --target: packets of an interface without Ethernet headers cannot take a detour\n\
               hint: choose an interface of kind ethernet or loopback, or use net.loss\n";
    check(&stage.cli(), &words, 3, err)?;
    fed("ip", &["-n", netns, "-batch", "-"], "link del tun0\n")?;
    stage.check_nothing_armed()?;
    stage.close()
}

#[test]
fn a_full_disk_under_the_undo_log_stops_what_would_need_it() -> Result<()> {
    let cgroup = Cgroup::make(Flavour::V2, "full")?;
    let stage = Stage::set()?;
    cgroup.enter(stage.client.pid())?;
    let folder = tempfile::tempdir()?;
    let options = Some("size=64k,mode=755");
    mount(
        Some("tmpfs"),
        folder.path(),
        Some("tmpfs"),
        MsFlags::empty(),
        options,
    )?;
    let engine = Engine::start_at(folder.path(), &stage.world.host.netns)?;
    let mut client = engine.client()?;
    let given = params([
        ("target", &*cgroup.target()),
        ("duration", "5s"),
        ("active", "5s"),
        ("count", "1"),
    ]);
    // Whether a freeze is possible at all is found out with the first one.
    let armed = client.arm(Kind::ProcessFreeze, &given)?;
    client.stop_one(&armed)?;
    let filler = folder.path().join("filler");
    let mut size = 1 << 16;
    while size > 0 {
        // As much as fits, whatever the engine itself has written.
        match fs::write(&filler, vec![0; size]) {
            Ok(()) => break,
            Err(_full) => size -= 1 << 10,
        }
    }
    let rest = folder.path().join("rest");
    drop(fs::write(&rest, vec![0; 1 << 16]));
    let failure = client.refusal(Kind::ProcessFreeze, &given)?;
    let said = failure.problems.first().context("it says why")?;
    assert!(said.message.contains("No space left on device"), "{said}");
    assert_eq!(failure.class.exit_code(), 1, "{said}");
    assert_eq!(said.place.path, "process.freeze");
    let hint = "nothing was changed: free some space there, or set TEMBLOR_RUN_DIR";
    assert_eq!(said.hint.as_deref(), Some(hint));
    let state = cgroup.state()?;
    assert_eq!(state, injector_user::freezer::State::Thawed);
    // What needs no undo log still works.
    let loss = params([("target", &*stage.client_netns()), ("duration", "60s")]);
    let armed = client.arm(Kind::NetLoss, &loss)?;
    client.stop_one(&armed)?;
    drop(client);
    fs::remove_file(filler)?;
    fs::remove_file(rest)?;
    engine.end()?;
    umount(folder.path())?;
    stage.close()
}
