//! Every family of faults fits a container, and nobody else.

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use temblor_tests::order::Order;
use temblor_tests::{Cli, Engine, params};

use super::scene::{PULSES, Scene, arm};
use crate::feel::{ERROR, FELT, more, suffers};
use crate::stage::await_end;

#[test]
fn every_fault_fits_a_container_by_name_and_by_id() -> Result<()> {
    let mut scene = Scene::set()?;
    let mut client = scene.engine.client()?;
    let id = scene
        .docker
        .docker(&["ps", "--quiet", "--filter", "name=web"])?;
    for target in [
        "container:web",
        &format!("container:{}", id.trim_end()),
        "container:~^we",
    ] {
        for kind in FELT {
            let armed = arm(&mut client, kind, target, more(kind))?;
            assert!(
                suffers(&mut scene.web, kind, scene.echo)?,
                "{kind} {target}"
            );
            assert!(
                !suffers(&mut scene.db, kind, scene.echo)?,
                "{kind} {target}"
            );
            let report = client.stop_one(&armed)?;
            assert!(report.counters.injected > 0, "{report:?}");
            assert!(
                !suffers(&mut scene.web, kind, scene.echo)?,
                "{kind} {target}"
            );
        }
        scene.web.order(&Order::Tick)?;
        scene.db.order(&Order::Tick)?;
        let armed = arm(&mut client, Kind::ProcessFreeze, target, &PULSES)?;
        let report = await_end(&mut client, &armed.fault)?;
        assert_eq!(report.pulses, Some(2), "{report:?}");
        assert_eq!(scene.web.pauses(250)?.len(), 2, "{target}");
        assert_eq!(scene.db.pauses(250)?, [0; 0], "{target}");
    }
    scene.close()
}

#[test]
fn a_container_in_a_shared_namespace_suffers_alone() -> Result<()> {
    let mut scene = Scene::set()?;
    scene.docker.run("side", &["--network", "container:web"])?;
    scene.docker.run("hosted", &["--network", "host"])?;
    let mut side = scene.docker.actor("side")?;
    let mut hosted = scene.docker.actor("hosted")?;
    let mut client = scene.engine.client()?;
    for kind in FELT {
        let armed = arm(&mut client, kind, "container:web", more(kind))?;
        assert!(suffers(&mut scene.web, kind, scene.echo)?, "{kind}");
        assert!(!suffers(&mut side, kind, scene.echo)?, "{kind}");
        assert!(!suffers(&mut hosted, kind, scene.echo)?, "{kind}");
        client.stop_one(&armed)?;

        let armed = arm(&mut client, kind, "container:hosted", more(kind))?;
        assert!(suffers(&mut hosted, kind, scene.echo)?, "{kind}");
        assert!(!suffers(&mut scene.web, kind, scene.echo)?, "{kind}");
        assert!(!suffers(&mut scene.server, kind, scene.echo)?, "{kind}");
        client.stop_one(&armed)?;
        assert!(!suffers(&mut hosted, kind, scene.echo)?, "{kind}");
    }
    drop((side, hosted));
    scene.close()
}

#[test]
fn containers_that_share_a_namespace_suffer_together_and_nobody_else_in_it() -> Result<()> {
    let mut scene = Scene::set()?;
    for name in ["side", "third"] {
        scene.docker.run(name, &["--network", "container:web"])?;
    }
    let mut side = scene.docker.actor("side")?;
    let mut third = scene.docker.actor("third")?;
    let mut client = scene.engine.client()?;
    for kind in FELT {
        let both = [more(kind), &[("mode", "all")]].concat();
        let armed = arm(&mut client, kind, "container:~^(web|side)$", &both)?;
        let chosen = armed.plan.chosen.as_ref().context("two were chosen")?;
        assert_eq!(chosen.things.len(), 2, "{kind}: {chosen:?}");
        for actor in [&mut scene.web, &mut side] {
            assert!(suffers(actor, kind, scene.echo)?, "{kind}");
        }
        for actor in [&mut third, &mut scene.db] {
            assert!(!suffers(actor, kind, scene.echo)?, "{kind}");
        }
        let report = client.stop_one(&armed)?;
        assert!(report.counters.injected > 0, "{report:?}");
        for actor in [&mut scene.web, &mut side, &mut third] {
            assert!(!suffers(actor, kind, scene.echo)?, "{kind} is over");
        }
    }
    drop((side, third));
    scene.close()
}

#[test]
fn one_of_several_containers_is_chosen_and_all_can_be() -> Result<()> {
    let mut scene = Scene::set()?;
    let mut client = scene.engine.client()?;
    let given = |more: &[(&'static str, &'static str)]| {
        let basic = [("target", "container:~."), ("duration", "60s")];
        params(basic.into_iter().chain(ERROR).chain(more.to_vec()))
    };
    let failure = client.refusal(Kind::SockError, &given(&[]))?;
    let message = &failure.problems[0].message;
    assert!(
        message.ends_with("means 2 things: container db, container web"),
        "{message}"
    );
    for (more, expected) in [
        (&[("mode", "all")][..], 2),
        (&[("all", "true")], 2),
        (&[("mode", "one")], 1),
        (&[("mode", "fixed-percent"), ("mode_value", "50%")], 1),
        (&[("mode", "one"), ("weigh", "memory")], 1),
    ] {
        let armed = client.arm(Kind::SockError, &given(more))?;
        let web = suffers(&mut scene.web, Kind::SockError, scene.echo)?;
        let db = suffers(&mut scene.db, Kind::SockError, scene.echo)?;
        assert_eq!(usize::from(web) + usize::from(db), expected, "{more:?}");
        let things = armed.plan.chosen.context("somebody was chosen")?.things;
        let chosen = |name: &str| things.iter().any(|thing| thing.name == name);
        assert_eq!((web, db), (chosen("container web"), chosen("container db")));
        client.stop(injector_user::protocol::Which::All)?;
    }
    let frozen = [("mode", "all"), ("active", "300ms"), ("count", "1")];
    let armed = arm(&mut client, Kind::ProcessFreeze, "container:~.", &frozen)?;
    assert_eq!(armed.plan.hooks.len(), 2);
    let report = await_end(&mut client, &armed.fault)?;
    assert_eq!(report.counters.injected, 2, "{report:?}");
    scene.close()
}

#[test]
fn names_are_listed_and_their_absence_is_explained() -> Result<()> {
    let scene = Scene::set()?;
    let listed = Cli::of(&scene.engine, scene.docker.netns())
        .asking(&scene.docker)
        .run(&["targets"])?;
    assert!(listed.out.contains("container:web"), "{listed:?}");
    let blind = Engine::start_in(scene.docker.netns())?;
    let mut client = blind.client()?;
    let given = |target| {
        params(
            [("target", target), ("duration", "1s")]
                .into_iter()
                .chain(ERROR),
        )
    };
    let failure = client.refusal(Kind::SockError, &given("container:web"))?;
    let hint = failure.problems[0].hint.as_deref().unwrap_or_default();
    assert!(hint.contains("nobody listens at"), "{failure:?}");
    let id = scene
        .docker
        .docker(&["ps", "--quiet", "--filter", "name=web"])?;
    let by_id = format!("container:{}", id.trim_end());
    let armed = client.arm(Kind::SockError, &given(&by_id))?;
    client.stop_one(&armed)?;
    drop(client);
    blind.end()?;
    scene.close()
}
