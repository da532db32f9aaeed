//! What the program says at the end.
//!
//! Owns: the two lines, the object that can replace them, and the explanation on
//! standard error.
//!
//! Laws: standard output holds the two lines and nothing else; with `-o -` it holds
//! the outcomes and the two lines go to standard error.
//!
//! Read next: `tally.rs`.

use super::histogram::Histogram;
use super::outcome::millis;
use super::process;
use super::tally::Tally;
use downbeat::runtime::Stats;
use serde_json::{Value, json};
use std::time::Duration;

/// The two lines.
pub(crate) fn lines(tally: &Tally) -> String {
    let (fetched, wanted) = (tally.fetched, tally.wanted());
    let first = if fetched == wanted {
        format!("Fetched {fetched} URLs.")
    } else {
        format!("Fetched {fetched} of {wanted} URLs.")
    };
    let seconds = tally.elapsed.as_secs_f64();
    format!("{first}\nTotal time taken: {seconds:.2} seconds\n")
}

/// The same and more as one object on one line.
pub(crate) fn object(tally: &Tally, stats: &Stats, sequential: Option<Duration>) -> String {
    let responses = &tally.responses;
    let percentile = |percent| millis(responses.percentile(percent));
    let measured = sequential.map(|took| {
        json!({
            "seconds": took.as_secs_f64(),
            "ratio": ratio(took, tally.elapsed),
        })
    });
    let object: Value = json!({
        "fetched": tally.fetched,
        "failed": tally.failed,
        "unfinished": tally.unfinished,
        "skipped": tally.skipped,
        "urls": tally.wanted(),
        "seconds": tally.elapsed.as_secs_f64(),
        "attempts": tally.attempts,
        "reused": tally.reused,
        "bytes": tally.bytes,
        "failures": tally.kinds,
        "response_ms": {
            "p50": percentile(50),
            "p90": percentile(90),
            "p99": percentile(99),
            "max": millis(responses.max()),
        },
        "gate_wait_ms": waits(&tally.waits),
        "one_at_a_time": { "seconds": tally.one_at_a_time.as_secs_f64(), "ratio": tally.ratio() },
        "sequential": measured,
        "loop": {
            "turns": stats.turns,
            "polls": stats.polls,
            "busy_ms": millis(stats.busy()),
            "busy_share": busy_share(stats),
        },
        "interrupted": tally.is_interrupted(),
        "peak_memory_bytes": process::peak_memory(),
    });
    format!("{object}\n")
}

/// What the program did, for people.
pub(crate) fn explanation(tally: &Tally, stats: &Stats, sequential: Option<Duration>) -> String {
    rows(tally, stats, sequential)
        .iter()
        .map(|(name, value)| format!("  {name:<14} {value}\n"))
        .collect()
}

/// The same as names and values.
pub(crate) fn rows(tally: &Tally, stats: &Stats, sequential: Option<Duration>) -> Vec<Row> {
    let mut rows = response_rows(tally);
    if let Some(took) = sequential {
        let ratio = ratio(took, tally.elapsed);
        rows.push((
            "sequential",
            format!("{} (measured), {ratio:.1}x", time(took)),
        ));
    }
    rows.extend(gate_row(&tally.waits));
    rows.push(("event loop", event_loop(stats)));
    if let Some(bytes) = process::peak_memory() {
        rows.push((
            "memory",
            format!("{:.1} MiB at most", bytes as f64 / 1048576.0),
        ));
    }
    rows.extend(account_rows(tally));
    rows
}

/// A name and a value.
pub(crate) type Row = (&'static str, String);

/// How long responses took.
fn response_rows(tally: &Tally) -> Vec<Row> {
    let responses = &tally.responses;
    if responses.count() == 0 {
        return Vec::new();
    }
    let percentile = |percent| time(responses.percentile(percent));
    let (p50, p90, p99) = (percentile(50), percentile(90), percentile(99));
    let max = time(responses.max());
    let (sum, ratio) = (time(tally.one_at_a_time), tally.ratio());
    vec![
        (
            "response",
            format!("p50 {p50}   p90 {p90}   p99 {p99}   max {max}"),
        ),
        (
            "one at a time",
            format!("{sum} (the sum of all response times), {ratio:.1}x"),
        ),
    ]
}

/// How long URLs stood in line, if there was a line.
fn gate_row(waits: &Histogram) -> Option<Row> {
    let (mean, p90) = (time(waits.mean()), time(waits.percentile(90)));
    let max = time(waits.max());
    let text = format!("waits for a slot: mean {mean}   p90 {p90}   max {max}");
    (waits.count() > 0).then_some(("gate", text))
}

fn waits(waits: &Histogram) -> Option<Value> {
    let percentile = |percent| millis(waits.percentile(percent));
    let object = json!({
        "mean": millis(waits.mean()),
        "p50": percentile(50),
        "p90": percentile(90),
        "max": millis(waits.max()),
    });
    (waits.count() > 0).then_some(object)
}

/// What is not fetched, and why.
fn account_rows(tally: &Tally) -> Vec<Row> {
    let mut rows = Vec::new();
    if tally.failed > 0 {
        let kinds = tally.kinds.iter();
        let kinds: Vec<_> = kinds
            .map(|(kind, count)| format!("{kind} {count}"))
            .collect();
        rows.push(("failed", format!("{}: {}", tally.failed, kinds.join(", "))));
    }
    if tally.skipped > 0 {
        rows.push((
            "skipped",
            format!("{} finished by an earlier run", tally.skipped),
        ));
    }
    if tally.unfinished > 0 {
        rows.push((
            "unfinished",
            format!("{} (the run ended early)", tally.unfinished),
        ));
    }
    rows
}

fn event_loop(stats: &Stats) -> String {
    format!(
        "1 thread, {} turns, {} polls, busy {} ({:.1} %)",
        stats.turns,
        stats.polls,
        time(stats.busy()),
        100.0 * busy_share(stats)
    )
}

/// The share of its time in which the loop did something.
fn busy_share(stats: &Stats) -> f64 {
    stats.busy().as_secs_f64() / stats.running.as_secs_f64().max(1e-9)
}

fn ratio(slow: Duration, fast: Duration) -> f64 {
    slow.as_secs_f64() / fast.as_secs_f64().max(1e-9)
}

/// A duration with the unit that suits it.
pub(crate) fn time(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 0.000_999_5 {
        format!("{:.0} us", seconds * 1e6)
    } else if seconds < 0.999_5 {
        let digits = if seconds < 0.01 { 1 } else { 0 };
        format!("{:.digits$} ms", seconds * 1e3)
    } else {
        format!("{seconds:.2} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(fetched: u64, failed: u64, unfinished: u64) -> Tally {
        Tally {
            fetched,
            failed,
            unfinished,
            elapsed: Duration::from_millis(209),
            ..Tally::default()
        }
    }

    #[test]
    fn the_two_lines_are_exact() {
        assert_eq!(
            lines(&tally(100, 0, 0)),
            "Fetched 100 URLs.\nTotal time taken: 0.21 seconds\n"
        );
        assert_eq!(
            lines(&tally(97, 3, 0)),
            "Fetched 97 of 100 URLs.\nTotal time taken: 0.21 seconds\n"
        );
        assert!(lines(&tally(0, 0, 5)).starts_with("Fetched 0 of 5 URLs.\n"));
    }

    #[test]
    fn the_object_is_json() -> Result<(), serde_json::Error> {
        let mut tally = tally(1, 1, 0);
        tally.kinds.insert("dns", 1);
        let text = object(&tally, &Stats::default(), Some(Duration::from_secs(2)));
        let object: Value = serde_json::from_str(&text)?;
        assert_eq!(
            (&object["urls"], &object["failures"]["dns"]),
            (&json!(2), &json!(1))
        );
        assert_eq!(object["sequential"]["seconds"], json!(2.0));
        Ok(())
    }

    #[test]
    fn times_have_a_fitting_unit() {
        let of = |micros| time(Duration::from_micros(micros));
        assert_eq!(
            (of(999), of(1500), of(101_400)),
            ("999 us".into(), "1.5 ms".into(), "101 ms".into())
        );
        assert_eq!(
            (of(999_900), of(10_020_000)),
            ("1.00 s".into(), "10.02 s".into())
        );
    }
}
