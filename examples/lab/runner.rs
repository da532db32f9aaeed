//! `lab list` and `lab run`.
//!
//! Laws: `--check` names every law that broke, in a table or by a self-check, and then
//! the process ends with 1.
//!
//! Read next: `experiments/mod.rs`.

use crate::experiments::{ALL, Experiment, called};
use crate::files::{Files, Page};
use crate::lab::{Lab, Left};
use crate::orders::only_here;
use crate::programs::PROGRAMS;
use crate::row::Row;
use crate::table::{CSV_HEAD, Grid, HEADS, print};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What one experiment came to.
struct Outcome {
    it: &'static Experiment,
    rows: Vec<Row>,
    left: Left,
}

/// What exists.
pub(crate) fn list(seed: u64, files: &Files) -> Result<(), String> {
    if files.want_pictures() {
        return Err("nothing runs here, so there is nothing to draw; try `lab run convoy`".into());
    }
    let mut table = Grid::new(&["kind", "what it says"]);
    for it in ALL {
        println!("{:4} {:13} {}", it.number, it.name, it.claim);
        table.row(it.name, ["experiment".into(), it.claim.into()]);
    }
    println!("\nprograms for `lab find`:\n");
    for program in PROGRAMS {
        println!("  {:13} {}", program.name, program.says);
        table.row(program.name, ["program".into(), program.says.into()]);
    }
    println!("\nlab run NAME, lab run all --check; policies for `lab duel` and others:\n");
    for (usage, says) in downbeat::policy::Expression::words() {
        println!("  {usage:26} {says}");
        table.row(usage, ["policy".into(), says.into()]);
    }
    println!();
    for (name, says) in only_here() {
        println!("  {name:26} {says}");
        table.row(name, ["policy of the laboratory".into(), says.into()]);
    }
    files.text(&table.csv(), &table.json(seed, None))
}

/// What others got of the time that the real runs could have used: the real column is
/// only as good as that.
fn for_others([all, others]: [Duration; 2]) -> Option<String> {
    let percent = others.as_secs_f64() / all.as_secs_f64() * 100.0;
    let all = all.as_secs_f64();
    let says = format!("  real: {all:.2} s, and {percent:.0} % of it this machine gave to others");
    percent.is_finite().then_some(says)
}

/// Runs experiments; returns the broken laws.
pub(crate) fn run(word: &str, lab: &Lab, files: &Files) -> Result<Vec<String>, String> {
    let chosen = called(word);
    if chosen.is_empty() {
        let names: Vec<_> = ALL.iter().map(|it| it.name).collect();
        return Err(format!(
            "no experiment {word:?}; there are: all, {}",
            names.join(", ")
        ));
    }
    let seed = lab.seed;
    let (mut outcomes, mut broken) = (Vec::new(), Vec::new());
    for it in chosen {
        let began = Instant::now();
        let rows = (it.run)(lab);
        let outcome = Outcome {
            it,
            rows,
            left: lab.take(),
        };
        print_outcome(&outcome, seed, began.elapsed().as_secs_f64());
        broken.extend(outcome.broken());
        outcomes.push(outcome);
    }
    if lab.real {
        println!("real columns: what this machine did; asserted where a verdict says `real`");
    }
    files.text(&csv(&outcomes), &as_json(&outcomes, seed))?;
    pictures(outcomes, seed, files)?;
    Ok(broken)
}

/// A picture of each; their names tell them apart where there are several.
fn pictures(outcomes: Vec<Outcome>, seed: u64, files: &Files) -> Result<(), String> {
    let several = outcomes.len() > 1;
    for outcome in outcomes {
        let name = outcome.it.name;
        let files = if several {
            files.of(name)
        } else {
            files.clone()
        };
        files.picture(outcome.page(seed))?;
    }
    Ok(())
}

fn print_outcome(outcome: &Outcome, seed: u64, seconds: f64) {
    let Outcome { it, rows, left } = outcome;
    println!("{} {}: {}", it.number, it.name, it.claim);
    println!("  theory: {}\n  source: {}", it.formula, it.source);
    print!("{}", print(rows));
    let laws = if outcome.broken().is_empty() {
        "all laws hold"
    } else {
        "LAWS BROKEN"
    };
    println!(
        "  {laws}; {} runs, {} polls, {seconds:.2} s; seed {seed}, schedule_hash {:016x}",
        left.runs, left.polls, left.hash
    );
    for_others(left.taken)
        .into_iter()
        .for_each(|says| println!("{says}"));
    for law in left.broken.iter().take(5) {
        println!("  BROKEN {law}");
    }
    println!("  {}\n", it.moral);
}

impl Outcome {
    /// The broken laws, in words.
    fn broken(&self) -> Vec<String> {
        let name = self.it.name;
        let rows = self.rows.iter().filter(|row| !row.holds());
        let mut broken: Vec<String> = rows
            .map(|row| {
                let [theory, found, real, ..] = row.cells();
                format!(
                    "{name}: {}: theory {theory}, virtual {found}, real {real}, {}",
                    row.what,
                    row.verdict()
                )
            })
            .collect();
        broken.extend(self.left.broken.iter().map(|law| format!("{name}: {law}")));
        broken
    }

    fn page(self, seed: u64) -> Page {
        let it = self.it;
        let mut table = Grid::new(&HEADS);
        for row in &self.rows {
            table.row(row.what.clone(), row.cells());
        }
        Page {
            title: format!("{} {}", it.number, it.name),
            claim: format!("{} Theory: {}.", it.claim, it.formula),
            command: format!("lab run {} --seed {seed}", it.name),
            table,
            recordings: self.left.recordings,
            theory: None,
        }
    }
}

fn csv(outcomes: &[Outcome]) -> String {
    let lines = outcomes
        .iter()
        .flat_map(|o| o.rows.iter().map(|row| row.csv(o.it.name)));
    CSV_HEAD.to_owned() + &lines.collect::<String>()
}

fn as_json(outcomes: &[Outcome], seed: u64) -> Value {
    let each = outcomes.iter().map(|o| {
        json!({
            "number": o.it.number, "name": o.it.name, "claim": o.it.claim,
            "formula": o.it.formula, "source": o.it.source, "seed": seed,
            "schedule_hash": format!("{:016x}", o.left.hash),
            "rows": o.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "broken": o.broken(),
        })
    });
    Value::Array(each.collect())
}
