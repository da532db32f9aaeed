//! Chance: a seeded source of variates that is the same on every machine.
//!
//! Owns: the generator of one load. Laws: same seed, same numbers, everywhere: the
//! bits are integers, and the logarithm uses only the operations that IEEE 754
//! defines to the last bit (no `ln` of the system's library).
//!
//! Read next: `load.rs`.

use downbeat::testing::Rng;

/// A seeded source of variates.
#[derive(Clone, Debug)]
pub(crate) struct Chance(Rng);

impl Chance {
    /// The sequence of `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        // Policies draw from the same generator, seeded with the plain number. WHY NOT
        // that number here too: then an order at random knows the arrivals, and its
        // waits are no longer those of theory (experiment e2 shows it).
        Self(Rng::new(
            seed.wrapping_mul(0xd134_2543_de82_ef95) ^ 0x6c61_625f_6c6f_6164,
        ))
    }

    /// 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform between 0 and 1, both excluded.
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// True with this probability.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Exponential with this mean.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -ln(self.unit()) * mean
    }
}

/// The natural logarithm of a positive number, by additions, multiplications and
/// divisions only.
pub(crate) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    // ln m = 2 (t + t^3/3 + t^5/5 + ...), t = (m - 1)/(m + 1), |t| < 0.172.
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let (square, mut power, mut sum) = (t * t, t, 0.0);
    let mut odd = 1.0;
    while odd < 23.0 {
        sum += power / odd;
        power *= square;
        odd += 2.0;
    }
    2.0 * sum + exponent as f64 * std::f64::consts::LN_2
}
