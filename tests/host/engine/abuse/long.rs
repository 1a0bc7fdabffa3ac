//! Work of the engine's that takes longer than its lease.

use std::process::{Child, Command, Stdio};

use anyhow::Result;
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use temblor_tests::{Cgroup, Netns, params};

use super::scene::{await_calm, under};

/// Namespaces, each of which is waited for twice when a fault comes and twice when it goes.
const MANY: usize = 64;

/// Ended with this value.
struct Residents(Vec<Child>);

impl Drop for Residents {
    fn drop(&mut self) {
        for resident in &mut self.0 {
            // One that has ended already is as good.
            let _ended = resident.kill().and_then(|()| resident.wait());
        }
    }
}

#[test]
fn a_fault_with_many_places_leaves_the_others_their_lease() -> Result<()> {
    let namespaces: Result<Vec<Netns>> = (0..MANY).map(|_number| Netns::make("long")).collect();
    let (namespaces, cgroup) = (namespaces?, Cgroup::make(Flavour::V2, "long")?);
    let mut residents = Residents(Vec::new());
    for netns in &namespaces {
        let mut command = Command::new("sleep");
        let resident = netns.spawn({
            command.arg("infinity").stdin(Stdio::null());
            command
        })?;
        cgroup.enter(resident.id().cast_signed())?;
        residents.0.push(resident);
    }
    let given = params([
        ("target", &*cgroup.target()),
        ("duration", "60s"),
        ("direction", "both"),
        ("all", "true"),
    ]);
    under(|engine| {
        let mut client = engine.client()?;
        let armed = client.arm(Kind::NetLoss, &given)?;
        assert_eq!(armed.plan.hooks.len(), 2 * MANY);
        client.stop_one(&armed)?;
        drop(client);
        await_calm(engine)
    })
}
