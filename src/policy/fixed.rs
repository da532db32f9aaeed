//! Logarithm and exponential in integers, for ranks that are equal on every
//! machine. `f64::ln` and `f64::exp` differ from one C library to the next.
//!
//! Numbers are fixed point: Q32 has 32 bits behind the point, Q64 has 64.
//!
//! Read next: `lottery.rs`, `boost.rs`.

/// 1 in Q32.
pub(super) const ONE: u64 = 1 << 32;
/// ln 2 in Q32.
const LN_2: u128 = 2_977_044_472;
/// 1 / ln 2 in Q32.
const LOG2_E: u128 = 6_196_328_019;

/// 2^-1/2, 2^-1/4, 2^-1/8, … in Q64: each the square root of the one before.
const ROOTS: [u128; 32] = {
    let mut roots = [(1_u128 << 127).isqrt(); 32];
    let mut i = 1;
    while i < 32 {
        roots[i] = (roots[i - 1] << 64).isqrt();
        i += 1;
    }
    roots
};

/// -ln(x / 2^64) in Q32; 0 counts as 1. Of a random `x` it is an exponential
/// variate with mean 1.
pub(super) fn minus_ln(x: u64) -> u64 {
    let log2 = (64 << 32) - u128::from(log2(x.max(1)));
    ((log2 * LN_2) >> 32) as u64
}

/// -ln(1 - e^-x), argument and value in Q32; at most 64 ln 2.
pub(super) fn minus_ln_1_minus_exp(x: u64) -> u64 {
    let rest = (1 << 64) - exp2_of_minus((u128::from(x) * LOG2_E) >> 32);
    u64::try_from(rest).map_or(0, minus_ln)
}

/// The binary logarithm in Q32, one bit per squaring.
fn log2(x: u64) -> u64 {
    let whole = 63 - x.leading_zeros();
    // In [1, 2) with 63 bits behind the point.
    let mut mantissa = u128::from(x) << (63 - whole);
    let mut log = u64::from(whole);
    for _ in 0..32 {
        mantissa = (mantissa * mantissa) >> 63;
        let carry = (mantissa >> 64) as u64;
        mantissa >>= carry;
        log = (log << 1) | carry;
    }
    log
}

/// 2^-y of a Q32 `y`, in Q64 (so 1 is 2^64).
fn exp2_of_minus(y: u128) -> u128 {
    if y >= 64 << 32 {
        return 0;
    }
    let mut power = 1_u128 << 64;
    for (i, root) in ROOTS.iter().enumerate() {
        if y >> (31 - i) & 1 == 1 {
            power = (power * root) >> 64;
        }
    }
    power >> (y >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(fixed: u64, float: f64) {
        let value = fixed as f64 / ONE as f64;
        assert!(
            (value - float).abs() < 1e-7 * float.max(1.0),
            "{value} {float}"
        );
    }

    #[test]
    fn agrees_with_floating_point() {
        for x in [1_u64, 2, 3, 1 << 20, 12_345_678_901, 1 << 63, u64::MAX - 7] {
            close(minus_ln(x), -((x as f64) / 2_f64.powi(64)).ln());
        }
        for x in [0.001_f64, 0.1, 0.5, 0.693, 1.0, 2.5, 10.0, 20.0] {
            close(
                minus_ln_1_minus_exp((x * ONE as f64) as u64),
                -(-(-x).exp_m1()).ln(),
            );
        }
    }

    #[test]
    fn holds_at_the_ends() {
        assert_eq!(minus_ln(0), minus_ln(1));
        assert_eq!(minus_ln(u64::MAX) >> 1, 0);
        assert_eq!(minus_ln_1_minus_exp(u64::MAX), 0);
        assert_eq!(minus_ln_1_minus_exp(0), minus_ln(0));
        // Written down, so that no machine and no change may differ.
        assert_eq!(minus_ln(0x0123_4567_89AB_CDEF), 23_261_974_101);
        assert_eq!(minus_ln_1_minus_exp(ONE), 1_969_994_749);
    }
}
