//! Unpacking what a kernel's build packed.

use std::io::Read as _;

use anyhow::{Context as _, Result, bail};

const ELF: &[u8] = b"\x7fELF";
const XZ: &[u8] = b"\xfd7zXZ\0";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";

/// The content, whatever it is packed with; unpacked content stays as it is. What follows the end
/// of the packed stream is ignored: kernels append their size.
pub(crate) fn unpacked(bytes: Vec<u8>) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    if bytes.starts_with(ELF) {
        return Ok(bytes);
    } else if bytes.starts_with(XZ) {
        liblzma::read::XzDecoder::new(&bytes[..])
            .read_to_end(&mut content)
            .context("unpack xz")?;
    } else if bytes.starts_with(ZSTD) {
        zstd::stream::read::Decoder::with_buffer(&bytes[..])
            .context("unpack zstd")?
            .single_frame()
            .read_to_end(&mut content)
            .context("unpack zstd")?;
    } else {
        let start = &bytes[..bytes.len().min(6)];
        bail!("neither xz nor zstd nor an ELF file: it begins with {start:02x?}");
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{ELF, unpacked};

    #[test]
    fn what_follows_the_packed_stream_is_ignored() {
        let content = vec![7; 100_000];
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
        xz.write_all(&content).unwrap();
        let xz = xz.finish().unwrap();
        let zstd = zstd::encode_all(&content[..], 1).unwrap();
        for mut packed in [xz, zstd] {
            packed.extend([1, 2, 3, 4]);
            assert_eq!(unpacked(packed).unwrap(), content);
        }
    }

    #[test]
    fn an_unpacked_file_stays_as_it_is() {
        assert_eq!(unpacked(ELF.to_vec()).unwrap(), ELF);
    }

    #[test]
    fn another_packing_is_an_error_that_shows_its_beginning() {
        let error = unpacked(vec![0x1f, 0x8b]).unwrap_err().to_string();
        assert!(error.ends_with("[1f, 8b]"), "{error}");
    }
}
