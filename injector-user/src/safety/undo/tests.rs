//! The undo log on a file system that can fail.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::entry::{Cause, Effect, Entry, Maker, boot};
use super::recover::{Ending, recover};
use crate::freezer::Flavour;

/// No process has this number and was started at boot.
const DEAD: Maker = Maker {
    pid: i32::MAX,
    start_time: 0,
};

/// A cgroup as far as its files go, in either version.
struct Scene {
    root: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let scene = Self { root };
        fs::create_dir(scene.log()).unwrap();
        fs::create_dir(scene.cgroup()).unwrap();
        let files = [
            ("cgroup.procs", ""),
            ("cgroup.freeze", "1\n"),
            ("cgroup.events", "populated 1\nfrozen 1\n"),
            ("freezer.state", "FROZEN\n"),
            ("freezer.self_freezing", "0\n"),
        ];
        for (name, text) in files {
            fs::write(scene.cgroup().join(name), text).unwrap();
        }
        scene
    }

    fn log(&self) -> PathBuf {
        self.root.path().join("undo")
    }

    fn cgroup(&self) -> PathBuf {
        self.root.path().join("cgroup")
    }

    fn thaw(&self, freezer: Flavour) -> Effect {
        Effect::Thaw {
            freezer,
            path: self.cgroup(),
            inode: fs::metadata(self.cgroup()).unwrap().ino(),
        }
    }

    fn record(&self, name: &str, maker: Maker, boot: String, effect: Effect) {
        let entry = Entry {
            boot,
            maker,
            effect,
            cause: Cause::default(),
            made_at: 0,
        };
        fs::write(self.log().join(name), serde_json::to_vec(&entry).unwrap()).unwrap();
    }

    fn leave(&self, effect: Effect) {
        self.record("entry.json", DEAD, boot().unwrap(), effect);
    }

    fn endings(&self) -> Vec<Ending> {
        let outcomes = recover(&self.log()).unwrap();
        outcomes.into_iter().map(|outcome| outcome.ending).collect()
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.log()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.cgroup().join(name)).unwrap()
    }
}

fn dropped(note: &str) -> Ending {
    Ending::Dropped(note.to_owned())
}

/// Started by this test, and reaped by it.
struct Sleeper(std::process::Child);

impl Sleeper {
    fn start() -> Self {
        let mut command = std::process::Command::new("sleep");
        Self(command.arg("60").spawn().unwrap())
    }

    fn id(&self) -> Maker {
        Maker::of(self.0.id().cast_signed()).unwrap()
    }

    fn end(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_worker_is_ended_and_nobody_else_who_has_its_number() {
    let scene = Scene::new();
    let (mut worker, mut other) = (Sleeper::start(), Sleeper::start());
    let effect = |worker| Effect::EndWorker { worker };
    let now = boot().unwrap();
    scene.record("end-worker-1.json", DEAD, now.clone(), effect(worker.id()));
    let later = Maker {
        start_time: other.id().start_time + 1,
        ..other.id()
    };
    scene.record("end-worker-2.json", DEAD, now, effect(later));
    let mut endings: Vec<Ending> = recover(&scene.log())
        .unwrap()
        .into_iter()
        .map(|outcome| outcome.ending)
        .collect();
    endings.sort_by_key(|ending| *ending != Ending::Undone);
    let gone = Ending::Dropped("the worker has ended".to_owned());
    assert_eq!(endings, [Ending::Undone, gone]);
    assert!(!worker.0.wait().unwrap().success());
    assert_eq!(other.0.try_wait().unwrap(), None);
    other.end();
}

#[test]
fn a_log_that_does_not_exist_holds_nothing() {
    assert_eq!(recover(Path::new("/nonexistent/undo")).unwrap(), []);
}

#[test]
fn a_frozen_cgroup_of_either_version_is_thawed_once() {
    for (flavour, file, thawed) in [
        (Flavour::V2, "cgroup.freeze", "0\n"),
        (Flavour::V1, "freezer.state", "THAWED\n"),
    ] {
        let scene = Scene::new();
        scene.leave(scene.thaw(flavour));
        assert_eq!(scene.endings(), [Ending::Undone]);
        assert_eq!(scene.read(file).trim_end(), thawed.trim_end());
        assert_eq!(scene.files(), Vec::<String>::new());
        assert_eq!(scene.endings(), []);
    }
}

#[test]
fn a_setting_is_put_back_where_it_still_shows_ours() {
    for (shown, ending, after) in [
        ("20000 100000\n", Ending::Undone, "max 10000000"),
        (
            "max 100000\n",
            dropped("cpu.max is as it was"),
            "max 100000",
        ),
        (
            "70000 100000\n",
            dropped("somebody else has changed cpu.max since"),
            "70000 100000",
        ),
    ] {
        let scene = Scene::new();
        fs::write(scene.cgroup().join("cpu.max"), shown).unwrap();
        scene.leave(Effect::Restore {
            path: scene.cgroup(),
            inode: fs::metadata(scene.cgroup()).unwrap().ino(),
            file: "cpu.max".to_owned(),
            key: String::new(),
            before: "max 100000".to_owned(),
            during: "20000 100000".to_owned(),
        });
        assert_eq!(scene.endings(), [ending]);
        // Ordinary files keep the tail that the kernel's would not.
        assert_eq!(scene.read("cpu.max").trim_end(), after);
        assert_eq!(scene.files(), Vec::<String>::new());
    }
}

#[test]
fn of_a_disk_only_its_own_row_is_put_back() {
    for (shown, ending, after) in [
        ("8:0 wbps=1048576\n", Ending::Undone, "8:0 wbps=max8576"),
        (
            "8:16 wbps=1048576\n",
            dropped("io.max is as it was"),
            "8:16 wbps=1048576",
        ),
        (
            "8:0 wbps=9\n",
            dropped("somebody else has changed io.max since"),
            "8:0 wbps=9",
        ),
    ] {
        let scene = Scene::new();
        fs::write(scene.cgroup().join("io.max"), shown).unwrap();
        scene.leave(Effect::Restore {
            path: scene.cgroup(),
            inode: fs::metadata(scene.cgroup()).unwrap().ino(),
            file: "io.max".to_owned(),
            key: "8:0".to_owned(),
            before: "wbps=max".to_owned(),
            during: "wbps=1048576".to_owned(),
        });
        assert_eq!(scene.endings(), [ending]);
        // Ordinary files keep the tail that the kernel's would not.
        assert_eq!(scene.read("io.max").trim_end(), after);
        assert_eq!(scene.files(), Vec::<String>::new());
    }
}

#[test]
fn a_thaw_that_does_not_take_stays_in_the_log() {
    let scene = Scene::new();
    fs::write(scene.cgroup().join("freezer.self_freezing"), "1\n").unwrap();
    scene.leave(scene.thaw(Flavour::V1));
    let [ending] = &scene.endings()[..] else {
        panic!("one entry");
    };
    assert!(matches!(ending, Ending::Failed(_)) && ending.is_incomplete());
    assert_eq!(scene.files(), ["entry.json"]);
}

#[test]
fn an_entry_of_another_boot_is_dropped_and_nothing_touched() {
    let scene = Scene::new();
    let effect = scene.thaw(Flavour::V2);
    scene.record("old.json", DEAD, "another".to_owned(), effect);
    let expected = dropped("made before the host was last started");
    assert_eq!(scene.endings(), [expected]);
    assert_eq!(scene.read("cgroup.freeze"), "1\n");
    assert_eq!(scene.files(), Vec::<String>::new());
}

#[test]
fn an_entry_of_a_living_engine_is_kept() {
    let scene = Scene::new();
    let maker = Maker::myself().unwrap();
    let effect = scene.thaw(Flavour::V2);
    scene.record("live.json", maker, boot().unwrap(), effect);
    let note = format!("in use by the engine with pid {}", maker.pid);
    assert_eq!(scene.endings(), [Ending::Kept(note)]);
    assert_eq!(scene.read("cgroup.freeze"), "1\n");
    assert_eq!(scene.files(), ["live.json"]);
}

#[test]
fn a_vanished_or_replaced_cgroup_is_dropped() {
    let scene = Scene::new();
    let Effect::Thaw { path, inode, .. } = scene.thaw(Flavour::V2) else {
        unreachable!();
    };
    scene.leave(Effect::Thaw {
        freezer: Flavour::V2,
        path: path.clone(),
        inode: inode + 1,
    });
    let replaced = dropped("the cgroup has vanished; another one has its name now");
    assert_eq!(scene.endings(), [replaced]);
    assert_eq!(scene.read("cgroup.freeze"), "1\n");

    scene.leave(Effect::Thaw {
        freezer: Flavour::V2,
        path: path.join("gone"),
        inode,
    });
    assert_eq!(scene.endings(), [dropped("the cgroup has vanished")]);
}

#[test]
fn an_unreadable_entry_is_set_aside_and_never_lost() {
    let scene = Scene::new();
    for text in ["{ half an ent", "\u{0}"] {
        fs::write(scene.log().join("entry.json"), text).unwrap();
        let [ending] = &scene.endings()[..] else {
            panic!("one entry");
        };
        assert!(matches!(ending, Ending::SetAside(_)) && ending.is_incomplete());
    }
    let mut files = scene.files();
    files.sort();
    assert_eq!(files, ["entry.json.bad", "entry.json.bad.bad"]);
    assert_eq!(scene.endings(), []);
}

#[test]
fn an_unfinished_entry_was_never_acted_on() {
    let scene = Scene::new();
    fs::write(scene.log().join("entry.tmp"), "{").unwrap();
    let note = "an entry that was never finished, so its change was never made";
    assert_eq!(scene.endings(), [dropped(note)]);
    assert_eq!(scene.files(), Vec::<String>::new());
}

#[test]
fn a_cgroup_of_ours_is_removed_with_those_below_it() {
    let scene = Scene::new();
    let path = scene.root.path().join("temblor-1");
    fs::create_dir_all(&path).unwrap();
    // Unlike in a real cgroup, the list of members would be in the way of removing the folder, so
    // this one cannot be undone; the real thing is a host test.
    fs::write(path.join("cgroup.procs"), "12\n13\n").unwrap();
    scene.leave(Effect::RemoveCgroup {
        path: path.clone(),
        inode: None,
    });
    let note = "2 processes still run in it".to_owned();
    assert_eq!(scene.endings(), [Ending::Kept(note)]);
    fs::remove_dir_all(&path).unwrap();
    assert_eq!(scene.endings(), [dropped("the cgroup has vanished")]);
}
