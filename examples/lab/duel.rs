//! `lab duel`: two policies, the same arrivals.
//!
//! Laws: both run the same jobs; the foot says whether the conserved sum is the same,
//! and why not if it is not.
//!
//! Read next: `load.rs`.

use crate::bench::Setup;
use crate::files::{Files, Page};
use crate::lab::{Lab, Ran, ms};
use crate::load::Load;
use crate::stats::{mean, percentile};
use downbeat::policy::Expression;
use downbeat::runtime::Report;
use serde_json::json;

/// The heads of the columns after the first.
const HEADS: [&str; 6] = ["mean", "p50", "p90", "p99", "longest", "late"];

/// Runs two policies on one load.
pub(crate) fn duel(
    policies: [&str; 2],
    load: &str,
    seed: u64,
    files: &Files,
) -> Result<Vec<String>, String> {
    let load_read = Load::parse(load)?;
    let jobs = load_read.jobs(seed);
    let lab = Lab::new(seed, false, files.want_pictures());
    println!(
        "{} jobs of {load}, seed {seed}; time in system in ms\n",
        jobs.len()
    );
    println!(
        "  {:24} {}",
        "",
        HEADS.map(|head| format!("{head:>9}")).join(" ")
    );
    let mut runs = Vec::new();
    for policy in policies {
        let expression: Expression = policy.parse().map_err(|e| format!("{e}"))?;
        let setup = Setup::new(expression.build(seed)).expects(|report| {
            matches!(
                report,
                Report::PassedOver { .. } | Report::PolicyShed { .. }
            )
        });
        let ran = lab.open_with(policy, setup, &jobs);
        let cells = cells(&ran);
        println!(
            "  {policy:24} {}",
            cells.each_ref().map(|cell| format!("{cell:>9}")).join(" ")
        );
        runs.push((policy, ran, cells));
    }
    if let Some(theory) = load_read.fifo() {
        println!("  {:24} {theory:>9.3}", "fifo, by theory");
    }
    let left = lab.take();
    compare(&runs[0].1, &runs[1].1, policies);
    println!("  schedule_hash {:016x}", left.hash);
    let rows: Vec<_> = runs
        .iter()
        .map(|run| (run.0.to_owned(), run.2.to_vec()))
        .collect();
    let csv: String = rows
        .iter()
        .map(|(name, cells)| format!("\"{name}\",{}\n", cells.join(",")))
        .collect();
    let json = json!({ "load": load, "seed": seed, "columns": HEADS, "rows": rows,
        "schedule_hash": format!("{:016x}", left.hash) });
    files.text(&format!("policy,{}\n{csv}", HEADS.join(",")), &json)?;
    files.picture(Page {
        title: format!("{} against {}", policies[0], policies[1]),
        claim: format!("The same {} jobs of {load}.", jobs.len()),
        command: format!(
            "lab duel '{}' '{}' --load '{load}' --seed {seed}",
            policies[0], policies[1]
        ),
        heads: HEADS.map(str::to_owned).to_vec(),
        rows,
        recordings: left.recordings,
        theory: load_read.fifo_tail().filter(|_| policies[0] == "fifo"),
    })?;
    Ok(left.broken)
}

/// One line of the table.
fn cells(ran: &Ran) -> [String; 6] {
    let done = ran.stays().zip(&ran.outs).filter(|(_, out)| out.end > 0);
    let stays: Vec<f64> = done.map(|(stay, _)| stay).collect();
    let of = |percent| format!("{:.3}", percentile(stays.clone(), percent));
    let pairs = ran.jobs.iter().zip(&ran.outs);
    let late = pairs
        .filter(|(job, out)| job.deadline.is_some_and(|d| out.end > d))
        .count();
    let mean = format!("{:.3}", mean(&stays));
    [
        mean,
        of(50.0),
        of(90.0),
        of(99.0),
        of(100.0),
        late.to_string(),
    ]
}

/// Who won, who paid, and what stayed the same.
fn compare(a: &Ran, b: &Ran, [first, second]: [&str; 2]) {
    let stay = |ran: &Ran, i: usize| ran.outs[i].end.saturating_sub(ran.jobs[i].at);
    let gains: Vec<(i64, usize)> = (0..a.outs.len().min(b.outs.len()))
        .map(|i| (stay(a, i) as i64 - stay(b, i) as i64, i))
        .collect();
    let won = gains.iter().filter(|(gain, _)| *gain > 0).count();
    let paid = gains.iter().filter(|(gain, _)| *gain < 0).count();
    println!("\n  under {second}, {won} jobs are faster than under {first} and {paid} slower");
    for (word, extreme) in [
        ("most won", gains.iter().max()),
        ("most paid", gains.iter().min()),
    ] {
        if let Some((gain, i)) = extreme {
            let (size, gain) = (ms(a.jobs[*i].size), *gain as f64 / 1e6);
            println!(
                "  {word}: job {i} ({size:.3} ms of work) by {:.3} ms",
                gain.abs()
            );
        }
    }
    let sum = |ran: &Ran| -> i128 {
        let pairs = ran.jobs.iter().zip(&ran.outs);
        pairs
            .map(|(job, out)| (i128::from(out.start) - i128::from(job.at)) * i128::from(job.size))
            .sum()
    };
    let same = sum(a) == sum(b);
    println!(
        "  the sum of wait times size is {}",
        if same {
            "the same to the nanosecond (conservation)"
        } else {
            "not the same: jobs were interrupted, turned away or held back"
        }
    );
}
