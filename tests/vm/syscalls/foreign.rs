//! Callers of whom nobody can tell which call they make: left alone, and counted where they are seen.

use anyhow::Result;
use injector_core::fault::Kind;
use temblor_tests::{Engine, Foreign, Manner, params};

#[test]
fn they_are_counted_or_the_plan_says_that_they_are_not() -> Result<()> {
    for manner in [Manner::Compat, Manner::Ring] {
        let engine = Engine::start()?;
        let mut client = engine.client()?;
        let mut foreign = Foreign::start(manner)?;
        let target = format!("pid:{}", foreign.pid());
        let given = [
            ("target", &*target),
            ("duration", "10m"),
            ("syscalls", "connect"),
            ("errno", "ENETUNREACH"),
        ];
        let armed = client.arm(Kind::SyscallError, &params(given))?;
        assert_eq!(foreign.call()?, 0, "{manner:?}");
        let report = client.stop_one(&armed)?;
        let uncounted = |warning: &String| warning.contains("are not counted");
        let seen = !armed.plan.warnings.iter().any(uncounted);
        let counters = report.counters;
        let expected = (0, u64::from(seen));
        assert_eq!((counters.matched, counters.foreign), expected, "{report:?}");
        engine.end()?;
    }
    Ok(())
}
