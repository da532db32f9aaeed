//! Loads in one line: `poisson(.8) h2(.2ms,8.2ms,.9) polls(50us) jobs(500)`.
//!
//! Owns: the words, in any order; the last of a kind counts.
//!
//! ```text
//! arrivals  poisson(load)  every(time)  together
//! sizes     exp(mean)  det(size)  h2(mean,mean,probability)  uniform(from,to)
//! more      polls(longest)  classes(n)  groups(n)  deadline(time)  jobs(n)
//! ```
//!
//! Laws: the same text and seed make the same jobs on every machine; a text is a load
//! or an error that points at the bad word.
//!
//! Read next: `job.rs`.

use crate::chance::Chance;
use crate::job::Job;
use std::rc::Rc;

/// A load, as written.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    arrivals: Arrivals,
    sizes: Sizes,
    poll: u64,
    classes: u64,
    groups: u64,
    deadline: Option<u64>,
    jobs: usize,
}

#[derive(Clone, Copy, Debug)]
enum Arrivals {
    Poisson(f64),
    Every(f64),
    Together,
}

/// How long jobs are; times in nanoseconds.
#[derive(Clone, Copy, Debug)]
enum Sizes {
    Exponential(f64),
    Fixed(f64),
    Mixed(f64, f64, f64),
    Uniform(f64, f64),
}

/// The most jobs, classes and groups of a load: a million jobs are a minute.
const MOST: u64 = 1_000_000;

impl Load {
    /// Reads a load.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut load = Self {
            arrivals: Arrivals::Poisson(0.8),
            sizes: Sizes::Exponential(1e6),
            poll: u64::MAX,
            classes: 1,
            groups: 1,
            deadline: None,
            jobs: 500,
        };
        let mut rest = text;
        loop {
            rest = rest.trim_start();
            if rest.is_empty() && !text.trim().is_empty() {
                return Ok(load);
            }
            let at = text.len() - rest.len();
            let end = match (rest.find(char::is_whitespace), rest.find('(')) {
                (Some(space), Some(open)) if space < open => space,
                (_, Some(_)) => rest.find(')').map_or(rest.len(), |close| close + 1),
                (space, None) => space.unwrap_or(rest.len()),
            };
            let (item, behind) = rest.split_at(end);
            load.word(item)
                .map_err(|problem| point(text, at, item, &problem))?;
            rest = behind;
        }
    }

    fn word(&mut self, item: &str) -> Result<(), String> {
        let (name, arguments) = item.split_once('(').unwrap_or((item, ")"));
        let inner = arguments
            .strip_suffix(')')
            .ok_or("the bracket is not closed")?;
        let values: Vec<&str> = inner
            .split(',')
            .map(str::trim)
            .filter(|a| !a.is_empty())
            .collect();
        let times = || {
            values
                .iter()
                .map(|value| time(value))
                .collect::<Result<Vec<_>, _>>()
        };
        match (name, values.as_slice()) {
            ("poisson", [load]) => self.arrivals = Arrivals::Poisson(positive(load)?),
            ("every", [_]) => self.arrivals = Arrivals::Every(times()?[0]),
            ("together", []) => self.arrivals = Arrivals::Together,
            ("exp", [_]) => self.sizes = Sizes::Exponential(times()?[0]),
            ("det", [_]) => self.sizes = Sizes::Fixed(times()?[0]),
            ("uniform", [_, _]) => self.sizes = Sizes::Uniform(times()?[0], times()?[1]),
            ("h2", [small, large, p]) => {
                let p = positive(p)?;
                if p >= 1.0 {
                    return Err("the probability must be below 1".into());
                }
                self.sizes = Sizes::Mixed(time(small)?, time(large)?, p);
            }
            ("polls", [_]) => self.poll = (times()?[0] as u64).max(1),
            ("deadline", [_]) => self.deadline = Some(times()?[0] as u64),
            ("classes", [n]) => self.classes = count(n)?,
            ("groups", [n]) => self.groups = count(n)?,
            ("jobs", [n]) => self.jobs = count(n)? as usize,
            _ => return Err("expected a word of a load here".into()),
        }
        Ok(())
    }

    /// The jobs that a seed gives.
    pub(crate) fn jobs(&self, seed: u64) -> Rc<[Job]> {
        let mut chance = Chance::new(seed);
        let mut at = 0.0;
        let mut next = |_| {
            at += match self.arrivals {
                Arrivals::Poisson(load) => chance.exponential(self.sizes.mean() / load),
                Arrivals::Every(gap) => gap,
                Arrivals::Together => 0.0,
            };
            let mut job = Job::new(at as u64, self.sizes.draw(&mut chance)).cut(self.poll);
            job.priority = chance.below(self.classes) as u32;
            job.weight = 1 + job.priority;
            job.group = chance.below(self.groups) as u32;
            job.deadline = self.deadline.map(|patience| at as u64 + patience);
            job
        };
        (0..self.jobs).map(&mut next).collect()
    }

    /// The mean time in system under FIFO, by Pollaczek and Khinchine, in
    /// milliseconds, where it has one.
    pub(crate) fn fifo(&self) -> Option<f64> {
        let Arrivals::Poisson(load) = self.arrivals else {
            return None;
        };
        let (mean, second) = (self.sizes.mean(), self.sizes.second());
        let one_poll = self.poll == u64::MAX;
        (load < 1.0 && one_poll).then(|| (mean + load / mean * second / (2.0 * (1.0 - load))) / 1e6)
    }
}

impl Load {
    /// P(T > t) of M/M/1 under FIFO, where that is what it is: e^-((1 - r) t / m).
    /// Seconds and probabilities.
    pub(crate) fn fifo_tail(&self) -> Option<Vec<(f64, f64)>> {
        let (Arrivals::Poisson(load), Sizes::Exponential(mean)) = (self.arrivals, self.sizes)
        else {
            return None;
        };
        let stay = mean / 1e9 / (1.0 - load);
        let point = |i: i32| {
            let t = stay * f64::from(i) / 10.0;
            (t, (-t / stay).exp())
        };
        let fits = load < 1.0 && self.poll == u64::MAX;
        fits.then(|| (1..100).map(point).collect())
    }
}

impl Sizes {
    fn mean(&self) -> f64 {
        match *self {
            Self::Exponential(mean) | Self::Fixed(mean) => mean,
            Self::Mixed(small, large, p) => p * small + (1.0 - p) * large,
            Self::Uniform(from, to) => (from + to) / 2.0,
        }
    }

    /// E[S^2].
    fn second(&self) -> f64 {
        match *self {
            Self::Exponential(mean) => 2.0 * mean * mean,
            Self::Fixed(size) => size * size,
            Self::Mixed(a, b, p) => 2.0 * (p * a * a + (1.0 - p) * b * b),
            Self::Uniform(from, to) => (from * from + from * to + to * to) / 3.0,
        }
    }

    fn draw(&self, chance: &mut Chance) -> u64 {
        let size = match *self {
            Self::Exponential(mean) => chance.exponential(mean),
            Self::Fixed(size) => size,
            Self::Mixed(small, large, p) => {
                let mean = if chance.happens(p) { small } else { large };
                chance.exponential(mean)
            }
            Self::Uniform(from, to) => from + chance.unit() * (to - from),
        };
        (size as u64).max(1)
    }
}

/// `.2ms` and the like, in nanoseconds.
fn time(text: &str) -> Result<f64, String> {
    let unit = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
    let scale = match &text[unit..] {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return Err("a time has a unit: ns, us, ms, s".into()),
    };
    Ok((positive(&text[..unit])? * scale).min(1e15))
}

/// A number above 0.
fn positive(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text
        .parse()
        .ok()
        .filter(|number| *number > 0.0 && *number < 1e15);
    number.ok_or_else(|| format!("not a number above 0: {text:?}"))
}

/// A whole number from 1 on.
fn count(text: &str) -> Result<u64, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (1..=MOST).contains(number));
    number.ok_or_else(|| format!("not a whole number from 1 to {MOST}: {text:?}"))
}

/// An error that points at the bad word.
fn point(text: &str, at: usize, item: &str, problem: &str) -> String {
    let before = text[..at].chars().count();
    let marks = "^".repeat(item.chars().count().max(1));
    format!(
        "{problem}\n  {text}\n  {:before$}{marks}\n\
         arrivals: poisson(.8), every(1ms), together\n\
         sizes: exp(1ms), det(1ms), h2(.2ms,8.2ms,.9), uniform(1ms,3ms)\n\
         more: polls(50us), classes(4), groups(8), deadline(20ms), jobs(500)",
        ""
    )
}
