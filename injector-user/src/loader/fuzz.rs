//! The kernel's type information against its corpus, as it is and damaged.

use super::btf::TaskOffsets;
use crate::corpus::survives;

#[test]
fn offsets_in_structures() {
    let whole = include_bytes!("../../../tests/corpus/btf/task.bin");
    let expected = TaskOffsets { pid: 8, tgid: 12 };
    assert_eq!(TaskOffsets::find(whole).unwrap(), expected);
    survives("btf", |bytes| {
        // Offsets, or a reason; never a panic, and never without end.
        let _either = TaskOffsets::find(bytes).map_err(|error| error.to_string());
        Ok(())
    });
}
