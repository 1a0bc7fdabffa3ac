//! What procfs and the cgroups' own files tell.

use anyhow::{Context as _, Result};
use injector_core::telemetry::{Frame, Signal, Value, named};
use temblor_tests::Caller;

use super::scene::Scene;

#[test]
fn processes_and_memory_are_the_targets() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let mut second = Caller::start(1, &["getsid"])?;
    scene.cgroup.enter(second.pid())?;
    let (group, one) = (scene.label(), format!("pid:{}", scene.resident.pid()));
    let mut client = scene.observe_all(&[&group, &one, "host"], &[Signal::Resources])?;
    let frame = client.frame()?;
    assert_eq!(gauge(&frame, "processes", &group)?.to_string(), "2");
    assert_eq!(gauge(&frame, "processes", &one)?.to_string(), "1");
    assert!(gauge(&frame, "processes", "host")? > 2.0);
    let (used, all) = (
        gauge(&frame, "memory_used", &one)?,
        gauge(&frame, "memory_used", "host")?,
    );
    assert!(used > 0.0 && used < all, "{used} of {all}");
    second.round()?;
    drop(second);
    let left = gauge(&client.frame()?, "processes", &group)?;
    assert_eq!(left.to_string(), "1");
    drop(client);
    scene.close()
}

fn gauge(frame: &Frame, metric: &str, target: &str) -> Result<f64> {
    let metric = named(metric).map_err(anyhow::Error::msg)?;
    let mut found = frame
        .of(metric)
        .filter(|(series, _)| series.label("target") == Some(target));
    let value = found.find_map(|(_series, value)| match value {
        Value::Now(value) => Some(*value),
        _ => None,
    });
    value.with_context(|| format!("{} of {target}", metric.name))
}
