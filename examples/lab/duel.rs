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
use crate::orders::order;
use crate::stats::{mean, percentile};
use crate::table::Grid;
use downbeat::runtime::Report;

/// Runs two policies on one load; returns broken self-checks.
pub(crate) fn duel(
    policies: [&str; 2],
    load: &str,
    seed: u64,
    files: &Files,
) -> Result<Vec<String>, String> {
    let words = Load::parse(load)?;
    let jobs = words.jobs(seed);
    let lab = Lab::new(seed, false, files.want_pictures());
    let [first, second] = policies.map(|policy| order(policy, seed));
    let orders = [first?, second?];
    println!(
        "{} jobs of {load}, seed {seed}; time in system in ms\n",
        jobs.len()
    );
    let mut table = Grid::new(&["mean", "p50", "p90", "p99", "longest", "late"]);
    let mut runs = Vec::new();
    for (policy, order) in policies.into_iter().zip(orders) {
        let setup = Setup::new(order).expects(expected);
        let ran = lab.open_with(policy, setup, &jobs);
        table.row(policy, cells(&ran));
        runs.push(ran);
    }
    print!("{}", table.text());
    if let Some(theory) = words.fifo() {
        println!("  mean under fifo by theory, over all seeds: {theory:.3}");
    }
    compare(&runs[0], &runs[1], policies);
    let left = lab.take();
    println!("  schedule_hash {:016x}", left.hash);
    files.text(&table.csv(), &table.json(seed, Some(left.hash)))?;
    let (broken, recordings) = (left.broken, left.recordings);
    files.picture(Page {
        table,
        recordings,
        theory: words.fifo_tail().filter(|_| policies[0] == "fifo"),
        ..page(policies, load, seed)
    })?;
    Ok(broken)
}

/// What the page says in words.
fn page([first, second]: [&str; 2], load: &str, seed: u64) -> Page {
    Page {
        title: format!("{first} against {second}"),
        claim: format!("The same jobs of {load}."),
        command: format!("lab duel '{first}' '{second}' --load '{load}' --seed {seed}"),
        ..Page::default()
    }
}

/// Late tasks and shed ones are part of a duel.
fn expected(report: &Report) -> bool {
    matches!(
        report,
        Report::PassedOver { .. } | Report::PolicyShed { .. }
    )
}

/// One line of the table, of the jobs that ended.
fn cells(ran: &Ran) -> [String; 6] {
    let done = ran.stays().zip(&ran.outs).filter(|(_, out)| out.end > 0);
    let stays: Vec<f64> = done.map(|(stay, _)| stay).collect();
    let of = |percent| format!("{:.3}", percentile(stays.clone(), percent));
    let pairs = ran.jobs.iter().zip(&ran.outs);
    let late = pairs.filter(|(job, out)| job.deadline.is_some_and(|d| out.end == 0 || out.end > d));
    let (mean, late) = (format!("{:.3}", mean(&stays)), late.count().to_string());
    [mean, of(50.0), of(90.0), of(99.0), of(100.0), late]
}

/// Who won, who paid, and what stayed the same.
fn compare(a: &Ran, b: &Ran, [first, second]: [&str; 2]) {
    let stay = |ran: &Ran, i: usize| ran.outs[i].end.saturating_sub(ran.jobs[i].at);
    let both =
        (0..a.outs.len().min(b.outs.len())).filter(|i| a.outs[*i].end > 0 && b.outs[*i].end > 0);
    let gains: Vec<(i64, usize)> = both
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
    let same = match gains.len() == a.jobs.len() && a.conserved() == b.conserved() {
        true => "the same to the nanosecond (conservation)",
        false => "not the same: jobs were interrupted, turned away or held back",
    };
    println!("  the sum of wait times size is {same}");
}
