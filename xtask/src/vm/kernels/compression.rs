//! Unpacking what a kernel's build packed.

use std::io::Read as _;

use anyhow::{Context as _, Result, bail};

const ELF: &[u8] = b"\x7fELF";
const XZ: &[u8] = b"\xfd7zXZ\0";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
/// LZ4's format from before it had frames, which kernels have kept.
const LZ4: &[u8] = b"\x02\x21\x4c\x18";

/// What a block of it unpacks to, at most.
const LZ4_BLOCK: usize = 8 << 20;

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
    } else if let Some(blocks) = bytes.strip_prefix(LZ4) {
        content = lz4(blocks).context("unpack lz4")?;
    } else {
        let start = &bytes[..bytes.len().min(6)];
        bail!("not xz, zstd, lz4 or an ELF file: it begins with {start:02x?}");
    }
    Ok(content)
}

/// Blocks, each after its length; they end where no whole block follows.
fn lz4(mut blocks: &[u8]) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    let mut room = vec![0; LZ4_BLOCK];
    while let Some((length, rest)) = blocks.split_first_chunk() {
        let length = usize::try_from(u32::from_le_bytes(*length))?;
        let Some((block, rest)) = rest.split_at_checked(length) else {
            break;
        };
        let size = lz4_flex::block::decompress_into(block, &mut room)?;
        content.extend(&room[..size]);
        blocks = rest;
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{ELF, LZ4, unpacked};

    #[test]
    fn what_follows_the_packed_stream_is_ignored() {
        let content = vec![7; 100_000];
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
        xz.write_all(&content).unwrap();
        let xz = xz.finish().unwrap();
        let zstd = zstd::encode_all(&content[..], 1).unwrap();
        let mut lz4 = LZ4.to_vec();
        for part in content.chunks(60_000) {
            let block = lz4_flex::block::compress(part);
            lz4.extend(u32::try_from(block.len()).unwrap().to_le_bytes());
            lz4.extend(block);
        }
        for mut packed in [xz, zstd, lz4] {
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
