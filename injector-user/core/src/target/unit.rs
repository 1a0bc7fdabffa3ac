//! Units of systemd by the cgroups it makes for them, without asking it.

/// Kinds of units that have processes or hold units that have.
pub(super) const KINDS: [&str; 6] = ["service", "scope", "slice", "socket", "mount", "swap"];

/// The name of the unit whose cgroup this is: the last part of the path.
pub fn unit_of(path: &str) -> Option<&str> {
    let (_above, name) = path.rsplit_once('/')?;
    let (stem, kind) = name.rsplit_once('.')?;
    (!stem.is_empty() && KINDS.contains(&kind)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::unit_of;

    #[test]
    fn the_last_part_of_a_path_names_the_unit() {
        let check = |path, unit| assert_eq!(unit_of(path), unit);
        check("/system.slice/redis.service", Some("redis.service"));
        check("/a.slice/a-b.slice", Some("a-b.slice"));
        check(
            "/user.slice/user-7.slice/session-3.scope",
            Some("session-3.scope"),
        );
        check("/system.slice/x.service/worker", None);
        check("/system.slice/x.timer", None);
        check("/.service", None);
        check("/docker/abc", None);
        check("/", None);
    }
}
