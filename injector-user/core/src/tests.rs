//! Tables in the README that tests compare with the code they are made from.

use std::sync::{Mutex, PoisonError};

/// Tests run side by side, and each writes the whole file.
static README: Mutex<()> = Mutex::new(());

/// Compares what stands between `<!-- NAME -->` and `<!-- end of NAME -->`; with `BLESS=1` it is written
/// anew.
pub(crate) fn check_readme(name: &str, table: &str) {
    let _alone = README.lock().unwrap_or_else(PoisonError::into_inner);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (begin, end) = (
        format!("<!-- {name} -->\n"),
        format!("<!-- end of {name} -->"),
    );
    let (before, rest) = readme.split_once(&begin).unwrap();
    let (shown, after) = rest.split_once(&end).unwrap();
    if std::env::var_os("BLESS").is_some() {
        let written = format!("{before}{begin}\n{table}\n\n{end}{after}");
        std::fs::write(path, written).unwrap();
        return;
    }
    assert_eq!(
        shown.trim(),
        table,
        "README.md is out of date; run `BLESS=1 cargo test -p injector-core the_readme`"
    );
}
