//! Numbers that look random, fast: nobody's secret depends on them.

/// Marsaglia's xorshift, whose products mix the high bits in (xorshift64*).
#[derive(Clone, Copy, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// Any seed; 0 would stay 0.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// As many bytes as fit.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        for word in bytes.chunks_mut(8) {
            let next = self.next().to_ne_bytes();
            if let Some(next) = next.get(..word.len()) {
                word.copy_from_slice(next);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn bytes_do_not_repeat() {
        let mut random = Random::new(0);
        let mut bytes = [0; 4099];
        random.fill(&mut bytes);
        let (first, second) = bytes.split_at(2048);
        assert_ne!(first, &second[..2048]);
        let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
        assert!((15_000..18_000).contains(&ones), "{ones}");
    }
}
