//! The rules of remembering and judging; trials themselves need root and are in `tests/host`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use injector_core::fault::Kind;
use injector_core::plan::{Capability, CapabilityState, Hierarchy, Mechanism};
use nix::errno::Errno;

use super::known::Known;
use super::obstacle::Obstacle;
use super::privileges::Privileges;
use super::verdict::{Finding, Step, by_errno, judge};

mod judging {
    use super::*;

    fn root() -> Privileges {
        Privileges {
            root: true,
            held: Vec::new(),
            missing: Vec::new(),
        }
    }

    fn nobody() -> Privileges {
        Privileges {
            root: false,
            ..root()
        }
    }

    #[track_caller]
    fn check(step: Step, errno: Errno, state: CapabilityState, lasting: bool) {
        let found = by_errno(step, Some(errno), "what was tried", &root());
        assert_eq!((found.capability.state, found.lasting), (state, lasting));
        assert!(
            found.capability.reason.contains("what was tried"),
            "{found:?}"
        );
    }

    #[test]
    fn the_kernels_exact_refusals_are_unsupported() {
        for (step, errno) in [
            (Step::Map, Errno::EINVAL),
            (Step::Map, Errno::ENOSYS),
            (Step::Load, Errno::EINVAL),
            (Step::Attach, Errno::EINVAL),
            (Step::Attach, Errno::EOPNOTSUPP),
            (Step::Attach, Errno::ENOENT),
            (Step::Verify, Errno::EINVAL),
            (Step::Verify, Errno::EACCES),
            (Step::Types, Errno::ENOENT),
        ] {
            check(step, errno, CapabilityState::Unsupported, true);
        }
        check(
            Step::Device,
            Errno::ENOENT,
            CapabilityState::Unsupported,
            false,
        );
    }

    #[test]
    fn a_forbidden_step_is_policy_if_we_hold_the_privilege() {
        for step in [
            Step::Map,
            Step::Load,
            Step::Attach,
            Step::Device,
            Step::Cgroup,
        ] {
            check(step, Errno::EPERM, CapabilityState::RefusedByPolicy, false);
        }
        check(
            Step::Cgroup,
            Errno::EROFS,
            CapabilityState::RefusedByPolicy,
            false,
        );
        let found = by_errno(Step::Load, Some(Errno::EPERM), "tried", &nobody());
        assert_eq!(found, Finding::unknown("needs root"));
    }

    #[test]
    fn anything_else_is_unknown() {
        for (step, errno) in [
            (Step::Load, Errno::ENOMEM),
            (Step::Attach, Errno::EBUSY),
            (Step::Attach, Errno::ENODEV),
            (Step::Cgroup, Errno::EINVAL),
            (Step::Trial, Errno::EINVAL),
            (Step::Trial, Errno::ENOENT),
        ] {
            check(step, errno, CapabilityState::Unknown, false);
        }
        assert!(!by_errno(Step::Load, None, "tried", &root()).lasting);
    }

    #[test]
    fn what_is_not_mounted_is_so_for_everybody_and_for_now() {
        for privileges in [root(), nobody()] {
            let found = judge(&Err(Obstacle::NotMounted(Hierarchy::V2)), &privileges);
            let expected = Capability {
                state: CapabilityState::Unsupported,
                reason: "no cgroup v2 is mounted".to_owned(),
            };
            assert_eq!((found.capability, found.lasting), (expected, false));
        }
    }

    #[test]
    fn an_effect_that_was_not_seen_says_nothing_about_the_kernel() {
        let found = judge(&Err(Obstacle::NotSeen("not lost".to_owned())), &root());
        assert_eq!(found, Finding::unknown("not lost"));
        assert_eq!(judge(&Ok(()), &root()), Finding::supported());
    }
}

mod remembering {
    use super::*;

    const FREEZERS: [Mechanism; 2] = [Mechanism::FreezerV2, Mechanism::FreezerV1];

    fn capability(state: CapabilityState) -> Capability {
        Capability {
            state,
            reason: format!("{state:?}"),
        }
    }

    /// Asks for the freezers and says which had to be tried; version 1 stays unknown.
    fn ask(known: &mut Known) -> Vec<Mechanism> {
        let mut tried = Vec::new();
        let found = known.fill(&FREEZERS, |missing| {
            tried = missing.to_vec();
            let find = |mechanism: &Mechanism| {
                let lasting = *mechanism == Mechanism::FreezerV2;
                let state = if lasting {
                    CapabilityState::Supported
                } else {
                    CapabilityState::Unknown
                };
                let finding = Finding {
                    capability: capability(state),
                    lasting,
                };
                (*mechanism, finding)
            };
            missing.iter().map(find).collect()
        });
        let expected = BTreeMap::from([
            (Mechanism::FreezerV2, capability(CapabilityState::Supported)),
            (Mechanism::FreezerV1, capability(CapabilityState::Unknown)),
        ]);
        assert_eq!(found, expected);
        tried
    }

    fn open(folder: &Path) -> Known {
        Known::open(folder, None)
    }

    #[test]
    fn what_lasts_is_tried_once_and_what_was_unknown_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut known = open(folder.path());
        assert_eq!(ask(&mut known), FREEZERS);
        assert_eq!(ask(&mut known), [Mechanism::FreezerV1]);
        let mut later = open(folder.path());
        assert!(!later.knows(Kind::ProcessFreeze));
        assert_eq!(ask(&mut later), [Mechanism::FreezerV1]);
        later.forget();
        assert_eq!(ask(&mut later), FREEZERS);
        let names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["capabilities.json"]);
    }

    /// Spoils the file of a process that has asked, and says what a later one must try.
    fn after(spoil: impl FnOnce(&Path)) -> Vec<Mechanism> {
        let folder = tempfile::tempdir().unwrap();
        ask(&mut open(folder.path()));
        spoil(&folder.path().join("capabilities.json"));
        let tried = ask(&mut open(folder.path()));
        // It has been written anew.
        assert_eq!(ask(&mut open(folder.path())), [Mechanism::FreezerV1]);
        tried
    }

    fn replace(path: &Path, from: &str, to: &str) {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    #[test]
    fn a_file_that_is_not_ours_says_nothing() {
        for key in ["kernel", "boot", "program"] {
            let from = format!("\"{key}\": \"");
            let tried = after(|path| replace(path, &from, &format!("{from}x")));
            assert_eq!(tried, FREEZERS, "{key}");
        }
    }

    #[test]
    fn a_damaged_file_says_nothing() {
        assert_eq!(after(|path| fs::write(path, "{").unwrap()), FREEZERS);
        assert_eq!(after(|path| fs::write(path, [0xFF]).unwrap()), FREEZERS);
        assert_eq!(after(|path| replace(path, "freezer-v2", "warp")), FREEZERS);
    }

    #[test]
    fn a_file_that_others_can_write_says_nothing() {
        let open_up = |path: &Path| {
            fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
        };
        assert_eq!(after(open_up), FREEZERS);
    }

    #[test]
    fn a_folder_that_is_not_there_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        let mut known = open(&folder.path().join("gone"));
        assert_eq!(ask(&mut known), FREEZERS);
        assert_eq!(ask(&mut known), [Mechanism::FreezerV1]);
    }
}
