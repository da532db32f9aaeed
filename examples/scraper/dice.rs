//! Chance that can be repeated: a number for each seed and each place.
//!
//! Owns: nothing. There is no state to share between tasks, so what one URL draws
//! does not depend on the order in which tasks run.
//!
//! Read next: `retry.rs`, `demo.rs`.

/// 64 random bits of `seed` for the `purpose` of the `index`-th thing.
///
/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014), once per word.
pub(crate) fn roll(seed: u64, purpose: u64, index: u64) -> u64 {
    let mut state = 0;
    for word in [seed, purpose, index] {
        state = mix(word.wrapping_add(state).wrapping_add(0x9E37_79B9_7F4A_7C15));
    }
    state
}

/// The same as a fraction: at least 0, less than 1.
pub(crate) fn fraction(seed: u64, purpose: u64, index: u64) -> f64 {
    // 53 bits: each is a different `f64`.
    (roll(seed, purpose, index) >> 11) as f64 / (1u64 << 53) as f64
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_spread_evenly() {
        let mut buckets = [0u32; 10];
        for index in 0..10_000 {
            buckets[(fraction(42, 1, index) * 10.0) as usize] += 1;
        }
        for count in buckets {
            assert!((900..1100).contains(&count), "{buckets:?}");
        }
        assert_ne!(roll(42, 1, 0), roll(42, 2, 0));
        assert_ne!(roll(42, 1, 0), roll(43, 1, 0));
    }
}
