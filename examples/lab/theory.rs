//! Formulas of the single-server queue, for mixtures of exponentials.
//!
//! Times in milliseconds, loads below 1. Sources stand at each formula; those that
//! are not in every textbook are derived in a comment.
//!
//! Read next: `experiments/mod.rs`.

/// A mixture of exponentials: pairs of a probability and a mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mixture<'a>(pub(crate) &'a [(f64, f64)]);

/// Steps of the numeric integrals.
const STEPS: usize = 40_000;
/// The integrals end at so many times the largest mean: e^-22 is 3e-10.
const FAR: f64 = 22.0;

impl Mixture<'_> {
    fn sum(&self, of: impl Fn(f64, f64) -> f64) -> f64 {
        self.0.iter().map(|(p, m)| of(*p, *m)).sum()
    }

    /// E[S].
    pub(crate) fn mean(&self) -> f64 {
        self.sum(|p, m| p * m)
    }

    /// E[S^2].
    pub(crate) fn second(&self) -> f64 {
        self.sum(|p, m| 2.0 * p * m * m)
    }

    /// P(S > x).
    fn above(&self, x: f64) -> f64 {
        self.sum(|p, m| p * (-x / m).exp())
    }

    /// The density at x.
    fn density(&self, x: f64) -> f64 {
        self.sum(|p, m| p / m * (-x / m).exp())
    }

    /// E[min(S, y)] and E[min(S, y)^2], by integrating P(S > x) and 2 x P(S > x).
    fn capped(&self, y: f64) -> (f64, f64) {
        let first = self.sum(|p, m| p * m * (1.0 - (-y / m).exp()));
        let second = self.sum(|p, m| 2.0 * p * m * (m - (-y / m).exp() * (m + y)));
        (first, second)
    }

    /// First come, first served, mean time in system (Pollaczek and Khinchine 1930).
    pub(crate) fn fifo(&self, load: f64) -> f64 {
        let rate = load / self.mean();
        self.mean() + rate * self.second() / (2.0 * (1.0 - load))
    }

    /// Shortest job first without interruption (Phipps 1956): a job of size x waits
    /// for E[W] = W0 / (1 - load of sizes up to x)^2, Cobham's formula for
    /// infinitely many classes.
    pub(crate) fn sjf(&self, load: f64) -> f64 {
        let rate = load / self.mean();
        let residual = rate * self.second() / 2.0;
        let wait =
            self.integral(|x, below, _| self.density(x) * residual / (1.0 - rate * below).powi(2));
        self.mean() + wait
    }

    /// Shortest remaining time with interruption (Schrage and Miller 1966): a job of
    /// size x waits for rate (E[S^2; S <= x] + x^2 P(S > x)) / (2 (1 - load_x)^2) and
    /// then stays for the integral of 1 / (1 - load_t) over t from 0 to x.
    pub(crate) fn srpt(&self, load: f64) -> f64 {
        let rate = load / self.mean();
        let wait = self.integral(|x, below, below2| {
            let seen = below2 + x * x * self.above(x);
            self.density(x) * rate * seen / 2.0 / (1.0 - rate * below).powi(2)
        });
        // The mean of that integral: P(S > t) / (1 - load_t) over all t.
        let stay = self.integral(|x, below, _| self.above(x) / (1.0 - rate * below));
        wait + stay
    }

    /// Integrates `of(x, E[S; S <= x], E[S^2; S <= x])` over all x, by midpoints.
    fn integral(&self, of: impl Fn(f64, f64, f64) -> f64) -> f64 {
        let largest = self.0.iter().map(|(_, m)| *m).fold(0.0, f64::max);
        let step = FAR * largest / STEPS as f64;
        let (mut sum, mut below, mut below2) = (0.0, 0.0, 0.0);
        for i in 0..STEPS {
            let x = (i as f64 + 0.5) * step;
            let half = self.density(x) * step / 2.0;
            below += x * half;
            below2 += x * x * half;
            sum += of(x, below, below2) * step;
            below += x * half;
            below2 += x * x * half;
        }
        sum
    }

    /// Least attained service in polls of length q (Schrage 1967).
    ///
    /// A job in its n-th poll competes with everybody's first n polls only. Let S_n
    /// be min(S, n q) and load_n = rate E[S_n]. On arrival it finds the work of those
    /// present in their first n polls, and possibly a later poll that cannot be
    /// interrupted: together W0_n / (1 - load_n), W0_n = rate / 2 (E[S_n^2] + the sum
    /// of E[l_j^2] over the later polls j > n). While it waits for its n-th poll, it
    /// does n - 1 polls itself and is overtaken by the first n - 1 polls of every
    /// newcomer, which divides by 1 - load_(n-1). Then comes its last poll.
    pub(crate) fn las(&self, load: f64, q: f64) -> f64 {
        let rate = load / self.mean();
        let later = |j: f64| {
            let reach = |p: f64, m: f64| p * (-(j - 1.0) * q / m).exp();
            self.sum(|p, m| 2.0 * reach(p, m) * m * (m - (-q / m).exp() * (m + q)))
        };
        let largest = self.0.iter().map(|(_, m)| *m).fold(0.0, f64::max);
        let polls = (FAR * largest / q).ceil() as usize;
        let mut beyond: f64 = (1..=polls).map(|j| later(j as f64)).sum();
        let (mut total, mut own) = (0.0, 0.0);
        for n in 1..=polls {
            let (start, end) = ((n - 1) as f64 * q, n as f64 * q);
            beyond -= later(n as f64);
            let (first, second) = self.capped(end);
            let residual = rate / 2.0 * (second + beyond.max(0.0));
            let lower = rate * self.capped(start).0;
            let here = self.above(start) - self.above(end);
            total += here * (residual / (1.0 - rate * first) + start) / (1.0 - lower);
            own += here * start;
        }
        total + self.mean() - own
    }
}
