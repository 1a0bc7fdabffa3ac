//! The kernel in a file that PC boot loaders load.
//!
//! Booting what is inside it, without its own unpacking, is 1.5 s faster in an emulated machine.

use anyhow::{Context as _, Result, ensure};

use super::compression::unpacked;

// Linux's boot protocol: Documentation/arch/x86/boot.rst at v6.12.
const SETUP_SECTORS: usize = 0x1f1;
const SIGNATURE: usize = 0x202;
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;
const SECTOR: usize = 512;

/// The ELF file inside a `vmlinuz`.
pub(crate) fn vmlinux(vmlinuz: &[u8]) -> Result<Vec<u8>> {
    let word = |at: usize| {
        let bytes = vmlinuz.get(at..at + 4).context("it is too short")?;
        Ok::<_, anyhow::Error>(u32::from_le_bytes(bytes.try_into()?))
    };
    ensure!(
        vmlinuz.get(SIGNATURE..SIGNATURE + 4) == Some(b"HdrS"),
        "it is not a Linux image"
    );
    // Zero means four, for the oldest loaders.
    let sectors = match vmlinuz[SETUP_SECTORS] {
        0 => 4,
        sectors => usize::from(sectors),
    };
    let begin = (sectors + 1) * SECTOR + usize::try_from(word(PAYLOAD_OFFSET)?)?;
    let end = begin + usize::try_from(word(PAYLOAD_LENGTH)?)?;
    let payload = vmlinuz.get(begin..end).context("its payload is cut off")?;
    unpacked(payload.to_vec())
}

#[cfg(test)]
mod tests {
    use super::vmlinux;

    #[test]
    fn the_payload_is_found_by_the_header() {
        let mut image = vec![0; 2 * 512 + 64];
        image[0x1f1] = 1;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x248] = 16;
        image[0x24c] = 5;
        image[1024 + 16..1024 + 21].copy_from_slice(b"\x7fELF!");
        assert_eq!(vmlinux(&image).unwrap(), b"\x7fELF!");
    }

    #[test]
    fn other_files_are_refused() {
        let error = vmlinux(b"MZ").unwrap_err().to_string();
        assert_eq!(error, "it is not a Linux image");
    }
}
