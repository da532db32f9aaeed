//! Percentiles in bounded memory.
//!
//! Owns: the first values as they are (up to 4,096: percentiles are then exact),
//! and a count per logarithmic bucket, which takes over beyond that. A bucket is
//! at most 1/64 of its value wide, so a percentile is then at most 1.6 % too high.
//!
//! Absent on purpose: decaying and merging. One run, one histogram.
//!
//! Read next: `tally.rs`.

use std::time::Duration;

/// Values kept as they are.
const EXACT: usize = 4096;
/// Buckets per power of two.
const STEPS: u64 = 64;
/// log2 of `STEPS`.
const STEP_BITS: u32 = 6;
/// Buckets for all microseconds that 64 bits hold.
const BUCKETS: usize = ((64 - STEP_BITS as usize) + 1) * STEPS as usize;

/// Durations, counted in microseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    /// All values, while they are few.
    exact: Vec<u64>,
    /// Values per bucket; empty while they are few.
    buckets: Vec<u64>,
    /// How many values.
    count: u64,
    /// The largest, in microseconds.
    max: u64,
    /// The sum, in microseconds.
    sum: u64,
}

impl Histogram {
    /// Counts a value.
    pub(crate) fn add(&mut self, value: Duration) {
        let micros = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
        self.count += 1;
        self.max = self.max.max(micros);
        self.sum = self.sum.saturating_add(micros);
        if self.buckets.is_empty() && self.exact.len() < EXACT {
            return self.exact.push(micros);
        }
        if self.buckets.is_empty() {
            self.buckets = vec![0; BUCKETS];
            for micros in std::mem::take(&mut self.exact) {
                self.buckets[bucket(micros)] += 1;
            }
        }
        self.buckets[bucket(micros)] += 1;
    }

    /// The smallest value that at least this share of all values does not exceed
    /// (nearest rank); zero if there is none.
    pub(crate) fn percentile(&self, percent: u64) -> Duration {
        let rank = (self.count * percent).div_ceil(100).max(1);
        if self.buckets.is_empty() {
            let mut sorted = self.exact.clone();
            sorted.sort_unstable();
            let at = usize::try_from(rank - 1).unwrap_or(usize::MAX);
            return Duration::from_micros(sorted.get(at).copied().unwrap_or(0));
        }
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_micros(upper_end(bucket).min(self.max));
            }
        }
        self.max()
    }

    /// How many values.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The mean; zero if there is no value.
    pub(crate) fn mean(&self) -> Duration {
        Duration::from_micros(self.sum / self.count.max(1))
    }

    /// The largest value.
    pub(crate) fn max(&self) -> Duration {
        Duration::from_micros(self.max)
    }
}

/// The bucket of a value: exact below `STEPS`, then `STEPS` per power of two.
fn bucket(micros: u64) -> usize {
    let power = (u64::BITS - micros.leading_zeros()).saturating_sub(STEP_BITS + 1);
    let step = micros >> power;
    (u64::from(power) * STEPS + step) as usize
}

/// The largest value of a bucket.
fn upper_end(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * STEPS {
        return bucket;
    }
    let power = bucket / STEPS - 1;
    let step = bucket - power * STEPS;
    ((step + 1) << power).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn few_values_are_exact() {
        let mut histogram = Histogram::default();
        for millis in (1..=100).rev() {
            histogram.add(ms(millis));
        }
        assert_eq!(histogram.percentile(50), ms(50));
        assert_eq!(histogram.percentile(99), ms(99));
        assert_eq!(histogram.percentile(100), ms(100));
        assert_eq!((histogram.max(), histogram.count()), (ms(100), 100));
        assert_eq!(histogram.mean(), Duration::from_micros(50_500));
        assert_eq!(Histogram::default().percentile(50), Duration::ZERO);
    }

    #[test]
    fn many_values_are_close() {
        let mut histogram = Histogram::default();
        for micros in 1..=100_000u64 {
            histogram.add(Duration::from_micros(micros));
        }
        for percent in [1, 50, 90, 99, 100] {
            let exact = percent as f64 * 1000.0;
            let found = histogram.percentile(percent).as_micros() as f64;
            assert!(
                (0.0..0.017).contains(&(found / exact - 1.0)),
                "{percent}: {found}"
            );
        }
    }

    #[test]
    fn every_value_is_in_its_bucket() {
        for micros in (0..5000).chain([u64::MAX - 1, u64::MAX, 1 << 40]) {
            let at = bucket(micros);
            assert!(at < BUCKETS);
            assert!(upper_end(at) >= micros, "{micros} in {at}");
            assert!(at == 0 || upper_end(at - 1) < micros, "{micros} in {at}");
        }
    }
}
