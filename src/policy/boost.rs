//! Boost: first come, first served, but small tasks count as having come earlier.
//!
//! Order: the wake minus b(size), b(s) = t ln(1 / (1 - e^(-s / t))), with t = 1/γ.
//! Cost: O(log n) with some 60 multiplications, and a clock. Starvation: a ticket
//! waits for nothing that comes more than 45 t after it. Source: Yu and Scully,
//! "Strongly tail-optimal scheduling in the light-tailed M/G/1", SIGMETRICS 2024:
//! γ solves γ = λ (E[e^(γS)] - 1); for exponential sizes with mean m and load ρ
//! that is t = m / (1 - ρ). Integer arithmetic, so the order is equal everywhere.

use super::fixed::{ONE, minus_ln_1_minus_exp};
use super::timeline::Timeline;
use super::{Policy, Sched, Size, by};
use std::time::Duration;

/// γ-Boost with `t` = 1/γ; [`Sched::size`] is in nanoseconds, unknown sizes get no
/// boost.
pub fn boost(t: Duration) -> impl Policy + 'static {
    let mut line = Timeline::default();
    let t = t.as_nanos().clamp(1, u128::from(u64::MAX));
    by(move |task: &Sched, _| line.at(task.ready_at()) - head_start(task.size(), t)).named("boost")
}

/// b(size) in nanoseconds.
fn head_start(size: Size, t: u128) -> i128 {
    let Size::Of(size) = size else { return 0 };
    let x = u64::try_from(u128::from(size) * u128::from(ONE) / t).unwrap_or(u64::MAX);
    // 64 bits times 38 bits: it fits.
    ((t * u128::from(minus_ln_1_minus_exp(x))) >> 32) as i128
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_formula() {
        let t = 5_000_000.0_f64;
        for size in [1_000_u64, 200_000, 1_000_000, 8_000_000] {
            let exact = -t * (-(-(size as f64) / t).exp_m1()).ln();
            let ours = head_start(Size::Of(size), t as u128) as f64;
            assert!((ours - exact).abs() < 2.0 + exact * 1e-6, "{ours} {exact}");
        }
        assert_eq!(head_start(Size::Unknown, 1), 0);
        assert!(head_start(Size::Of(0), u128::from(u64::MAX)) > 0);
    }
}
