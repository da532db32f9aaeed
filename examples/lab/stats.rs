//! Estimates: a mean with its standard error, by batches; percentiles.
//!
//! Consecutive jobs of a queue are not independent, so the standard error of a mean
//! over jobs is taken over the means of long batches (batch means: Conway 1963),
//! which nearly are.
//!
//! Read next: `theory.rs`.

/// A number and how sure of it one may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimate {
    /// The estimate.
    pub(crate) mean: f64,
    /// Its standard error.
    pub(crate) error: f64,
}

/// Batches of one run: enough for an error, long enough to be nearly independent.
const BATCHES: usize = 40;

/// The mean of a run, by batch means. A remainder of the run is left out of the
/// error but not of the mean.
pub(crate) fn batch_means(values: impl Iterator<Item = f64>) -> Estimate {
    let values: Vec<f64> = values.collect();
    let length = (values.len() / BATCHES).max(1);
    let means: Vec<f64> = values.chunks_exact(length).map(mean).collect();
    Estimate {
        mean: mean(&values),
        error: independent(&means).error,
    }
}

/// The mean of a run whose twin, on the same arrivals, has a mean that theory knows: what
/// the twin is off by, this run is off by in proportion (a control variate: Lavenberg
/// and Welch 1981; the proportion by least squares over batches).
pub(crate) fn controlled(
    values: impl Iterator<Item = f64>,
    twin: impl Iterator<Item = f64>,
    known: f64,
) -> Estimate {
    let batches = |values: Vec<f64>| -> Vec<f64> {
        let length = (values.len() / BATCHES).max(1);
        values.chunks_exact(length).map(mean).collect()
    };
    let (values, twin) = (batches(values.collect()), batches(twin.collect()));
    let (middle, center) = (mean(&values), mean(&twin));
    let both = values.iter().zip(&twin);
    let product: f64 = both.map(|(a, b)| (a - middle) * (b - center)).sum();
    let square: f64 = twin.iter().map(|b| (b - center).powi(2)).sum();
    let slope = if square > 0.0 { product / square } else { 0.0 };
    let rest = values.iter().zip(&twin);
    let rest: Vec<f64> = rest.map(|(a, b)| a - slope * (b - known)).collect();
    independent(&rest)
}

/// The mean of independent values.
pub(crate) fn independent(values: &[f64]) -> Estimate {
    let (n, middle) = (values.len() as f64, mean(values));
    let square = values
        .iter()
        .map(|value| (value - middle).powi(2))
        .sum::<f64>();
    Estimate {
        mean: middle,
        error: (square / (n - 1.0).max(1.0) / n.max(1.0)).sqrt(),
    }
}

/// A percentile of each of some batches of a run.
pub(crate) fn percentiles(values: &[f64], percent: f64, batches: usize) -> Vec<f64> {
    let length = (values.len() / batches).max(1);
    let batches = values.chunks_exact(length);
    batches
        .map(|batch| percentile(batch.to_vec(), percent))
        .collect()
}

/// A percentile of all values.
pub(crate) fn percentile(mut values: Vec<f64>, percent: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let at = ((values.len() - 1) as f64 * percent / 100.0) as usize;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// The mean; 0 of nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
