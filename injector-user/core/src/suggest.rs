//! The known name nearest to one that is not known, for hints.

/// The candidate a person most likely meant, if one is near enough to be worth saying.
///
/// Near is at most one mistake (a letter too many, too few, wrong, or two exchanged) in three
/// letters; case and `-` against `_` cost nothing.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = normal(name);
    // A long text is no typing mistake, and the distance is quadratic.
    if wanted.is_empty() || wanted.len() > 64 {
        return None;
    }
    let allowed = (wanted.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(&wanted, &normal(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

fn normal(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

fn distance(left: &str, right: &str) -> usize {
    strsim::osa_distance(left, right)
}

/// `did you mean X`, or the list of everything known.
pub fn hint(name: &str, known: &[&str]) -> String {
    nearest(name, known.iter().copied()).map_or_else(
        || format!("one of {}", known.join(", ")),
        |candidate| format!("did you mean `{candidate}`"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["latency", "jitter", "max_hits", "duration"];

    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(nearest(name, KNOWN), expected, "{name}");
    }

    #[test]
    fn one_mistake_is_understood() {
        check("latecny", Some("latency"));
        check("jiter", Some("jitter"));
        check("max-hits", Some("max_hits"));
        check("Duration", Some("duration"));
    }

    #[test]
    fn something_else_is_not_guessed() {
        check("colour", None);
        check("", None);
        check("x", None);
        check(&"l".repeat(1000), None);
    }

    #[test]
    fn without_a_near_name_the_hint_lists_all() {
        assert_eq!(hint("colour", &["out", "in"]), "one of out, in");
        assert_eq!(hint("oot", &["out", "in"]), "did you mean `out`");
    }
}
