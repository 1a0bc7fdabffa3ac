//! What cannot be observed is refused, and changes nothing.

use anyhow::{Result, bail};
use injector_core::telemetry::Signal;
use injector_user::protocol::{Call, Failure};

use super::scene::{Scene, count, wanted};

const SIGNALS: &[Signal] = &[Signal::Syscalls];

fn refusal(client: &mut temblor_tests::Client, call: Call) -> Result<Failure> {
    match client.call(call)? {
        Err(failure) => Ok(failure),
        Ok(answer) => bail!("not refused: {answer:?}"),
    }
}

#[test]
fn a_target_that_is_not_there_is_refused_and_what_was_observed_goes_on() -> Result<()> {
    let mut scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let mut client = scene.observe(SIGNALS)?;
    for target in ["cgroup:/no/such", "comm:nobody-at-all", "pid:4000000"] {
        let failure = refusal(&mut client, Call::Observe(wanted(&[target], SIGNALS)?))?;
        assert_eq!(failure.class.exit_code(), 2, "{failure:?}");
        assert!(failure.problems[0].hint.is_some(), "{failure:?}");
    }
    let failure = refusal(&mut client, Call::Observe(wanted(&["iface:lo"], SIGNALS)?))?;
    assert_eq!(failure.class.exit_code(), 3, "{failure:?}");
    scene.resident.round()?;
    assert_eq!(count(&client.frame()?, "syscalls", &[&label, "getsid"])?, 1);
    drop(client);
    scene.close()
}

#[test]
fn who_observes_nothing_gets_no_frame() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let mut client = scene.stage.engine.client()?;
    let failure = refusal(&mut client, Call::Frame)?;
    assert_eq!(failure.class.exit_code(), 2, "{failure:?}");
    drop(client);
    scene.close()
}

#[test]
fn only_root_may_look_at_others() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let cli = scene.stage.cli().by(65_534);
    let said = cli.run(&["observe", &scene.label(), "--duration", "1s"])?;
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.err.contains("only root may observe"), "{said:?}");
    scene.close()
}
