//! The guest is what the other tests take it for.

use std::fs;

use anyhow::Result;
use temblor_tests::tool;

#[test]
fn the_loopback_is_up_and_there_is_room_to_write() -> Result<()> {
    assert!(tool("ip", &["link", "show", "lo"])?.contains("UP"));
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("file"), "content")?;
    Ok(())
}

#[test]
fn the_kernel_tells_its_types() -> Result<()> {
    assert!(fs::metadata("/sys/kernel/btf/vmlinux")?.len() > 0);
    Ok(())
}
