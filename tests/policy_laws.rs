//! What all policies have in common: the laws, the conservation of work, the same
//! results in any order, equal hashes for equal seeds; and their expressions.

mod words;

use downbeat::policy::{Cause, Expression, Policy, Runnable, by, parse};
use downbeat::runtime::ScheduleHash;
use downbeat::testing::{Rng, check_policy, conserves_work, try_check_policy};
use downbeat::time::{sleep, work};
use downbeat::{Runtime, SpawnOptions, gather, spawn_with, yield_now};
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

/// Every word, and some chains.
fn all() -> Vec<String> {
    let more = [
        "fair(polls)",
        "slot(3) > groups(fair) > edf",
        "groups(groups(lottery) > lifo) > drr",
    ];
    words::each().chain(more.map(str::to_owned)).collect()
}

/// Idles with work in hand, or drops work, by design.
fn breaks_conservation(text: &str) -> bool {
    ["pace", "chaos"].iter().any(|word| text.contains(word))
}

#[test]
fn every_policy_keeps_the_laws() {
    for text in all() {
        let expression: Expression = text.parse().unwrap();
        let checked = check_policy(move || expression.build(7));
        assert_eq!(
            checked.conserves_work,
            !breaks_conservation(&text),
            "{text}"
        );
        assert!(checked.picks > 1000, "{text}: {checked:?}");
        if text == "fifo" {
            assert!(
                checked.longest_wait <= 24,
                "n - 1 others and the root: {checked:?}"
            );
        }
    }
}

#[test]
fn shedding_does_not_conserve_work() {
    assert!(!conserves_work(|| parse("codel(500us, 1ms)").unwrap(), 0));
}

#[test]
fn random_policies_conserve_work() {
    let mut rng = Rng::new(2024);
    for seed in 0..60 {
        // A rank without rhyme or reason.
        let mut noise = Rng::new(seed);
        let odd = rng.next_u64();
        let rank = by(move |task, cause| {
            let by_card = task.polls() ^ u64::from(task.priority()) ^ odd;
            (by_card % 7, cause == Cause::Yield, noise.below(3))
        });
        assert!(conserves_work(|| rank, seed), "rank with seed {seed}");
        let text = random_expression(&mut rng, 3);
        assert!(
            conserves_work(|| parse(&text).unwrap(), seed),
            "{text}, seed {seed}"
        );
    }
}

/// A chain of words that neither idle nor shed.
fn random_expression(rng: &mut Rng, depth: usize) -> String {
    const WRAPPERS: [&str; 3] = ["slot(2) > ", "delay(5, 100) > ", "check > "];
    if depth > 0 && rng.one_in(2) {
        let order = random_expression(rng, depth - 1);
        let inside = random_expression(rng, depth - 1);
        return match rng.below(WRAPPERS.len() + 1) {
            0 => format!("groups({order}) > {inside}"),
            i => format!("{}{inside}", WRAPPERS[i - 1]),
        };
    }
    let plain: Vec<String> = all()
        .into_iter()
        .filter(|text| !breaks_conservation(text) && !text.contains("codel"))
        .filter(|text| {
            !text.contains('>')
                && !["slot", "groups", "delay", "check"]
                    .iter()
                    .any(|word| text.starts_with(word))
        })
        .collect();
    plain[rng.below(plain.len())].clone()
}

#[test]
fn a_policy_that_breaks_a_law_is_found_out() {
    #[derive(Clone, Copy)]
    enum How {
        Drops,
        Hides,
        SaysAskAgainNow,
        IsNotRepeatable,
    }
    struct Bad(Vec<Runnable>, How, u64);
    impl Policy for Bad {
        fn enqueue(&mut self, task: Runnable, _: Cause) {
            self.2 += 1;
            match self.1 {
                How::Drops if self.2 == 9 => drop(task),
                _ => self.0.push(task),
            }
        }
        fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
            match self.1 {
                How::Hides | How::SaysAskAgainNow if self.0.len() == 5 => None,
                How::IsNotRepeatable if self.0.len() > 1 => {
                    static ROUND: std::sync::atomic::AtomicUsize =
                        std::sync::atomic::AtomicUsize::new(0);
                    let round = ROUND.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    Some(self.0.remove(round / 7 % self.0.len()))
                }
                _ => self.0.pop(),
            }
        }
        fn next_at(&self) -> Option<Instant> {
            let now = self.0.first()?.ready_at();
            matches!(self.1, How::SaysAskAgainNow).then_some(now)
        }
    }
    for (how, law) in [
        (How::Drops, "dropped the ticket"),
        (How::Hides, "and no `next_at`"),
        (How::SaysAskAgainNow, "`next_at` is not later than now"),
        (How::IsNotRepeatable, "same seed, same schedule"),
    ] {
        let broken = try_check_policy(move || Bad(Vec::new(), how, 0)).unwrap_err();
        assert!(broken.law.contains(law), "{broken}");
        assert_eq!(broken.policy, "Bad");
    }
}

/// A program whose output does not depend on the order, and its schedule.
fn program(policy: Box<dyn Policy>) -> (Vec<u64>, ScheduleHash) {
    let mut runtime = Runtime::builder()
        .virtual_clock()
        .policy(policy)
        .on_report(|report| panic!("{report}"))
        .build()
        .unwrap();
    let outputs = runtime.block_on(async {
        gather((0..30_u64).map(|i| async move {
            let options = SpawnOptions::new()
                .priority((i % 3) as u32)
                .weight((i % 5) as u32)
                .group((i % 4) as u32)
                .size(i * 100_000);
            let task = async move {
                for round in 0..5 {
                    work(Duration::from_micros(i * 10));
                    yield_now().await;
                    sleep(MS * (i as u32 % 3 + round)).await;
                }
                i * i
            };
            spawn_with(task, options).await.unwrap()
        }))
        .await
    });
    let outputs = outputs.into_iter().map(Result::unwrap).collect();
    (outputs, runtime.schedule_hash())
}

#[test]
fn same_results_under_every_policy_and_same_hash_for_a_seed() {
    let expected: Vec<u64> = (0..30).map(|i| i * i).collect();
    for text in all() {
        let expression: Expression = text.parse().unwrap();
        let (outputs, hash) = program(expression.build(1));
        assert_eq!(outputs, expected, "{text}");
        assert_eq!(program(expression.build(1)).1, hash, "{text}");
        assert!(hash.repeatable);
        let chance = ["random", "lottery", "pct"];
        if chance.iter().any(|word| text.starts_with(word)) {
            assert_ne!(program(expression.build(2)).1, hash, "{text}");
        }
    }
}

/// Each policy says in its head what it does, what it costs, who may starve under it, and
/// who thought of it.
#[test]
fn heads_say_what_one_must_know() {
    // Not policies: what several of them need, and the reader of expressions.
    let others = [
        "boxed",
        "chance",
        "expression",
        "fixed",
        "mod",
        "reader",
        "timeline",
        "words",
    ];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/policy");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if others.contains(&name.as_str()) {
            continue;
        }
        seen += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        let head = text.lines().take_while(|line| line.starts_with("//!"));
        let head: String = head.flat_map(|line| [line, "\n"]).collect();
        for word in ["Order", "Cost", "tarvation", "Source"] {
            assert!(head.contains(word), "{name}: the head has no {word:?}");
        }
    }
    assert!(seen >= 28, "{seen} policies");
}

/// Floating point differs from one machine to the next, and ranks must not.
#[test]
fn policies_compute_with_integers() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/policy");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code = code.lines().map(str::trim_start);
        for line in code.filter(|line| !line.starts_with("//")) {
            let float = ["f32", "f64"].iter().any(|word| line.contains(word));
            assert!(!float, "{}: {line}", path.display());
        }
    }
}

/// Written down once: no machine, no compiler and no change may differ.
#[test]
fn schedules_are_the_same_on_every_machine() {
    let hashes = [
        ("fifo", "f9d28825b8db1514"),
        ("lifo", "d10b4218d096b760"),
        ("random(1)", "b9af328c132ad38f"),
        ("ageing(100us)", "1b7f63d8a038bbbd"),
        ("fair", "d13707caba1bea2a"),
        ("fair(polls)", "9de8f11b290b00c2"),
        ("eevdf(50us)", "6eec4e1342c2e56e"),
        ("drr(50us)", "604b6d89097771d3"),
        ("lottery(1)", "68077cdab27b1c94"),
        ("srpt", "d0d08e5ab1638239"),
        ("las(1ms)", "92d4d2e55495215b"),
        ("mlfq(50us, 100us, 200us, 1ms)", "2128dd0f0a2e87bf"),
        ("boost(500us)", "0961c8ba9e226a10"),
        ("skip(2)", "3d46a9161efcc4a8"),
        ("pct(3, 100, 1)", "fbd646c88ea79bbc"),
        (
            "slot(3) > groups(lottery(1)) > las(1ms)",
            "e5daf853fd93cca5",
        ),
        ("delay(9, 200, 1) > sjf", "302612d3deb75e5a"),
    ];
    for (text, expected) in hashes {
        let hash = program(parse(text).unwrap()).1.to_string();
        assert_eq!(hash, expected, "{text}");
    }
}

#[test]
fn expressions_make_what_they_say() {
    let name = |text: &str| parse(text).unwrap().name();
    // Reports call a policy by its word; a check by what it checks.
    for text in words::each().filter(|text| text != "check") {
        let word = |text: &str| text.split(['(', ' ']).next().map(str::to_owned);
        assert_eq!(word(&name(&text)), word(&text));
    }
    assert_eq!(name("fifo"), "fifo");
    assert_eq!(name("slot(2)>edf"), "slot(2) > edf");
    assert_eq!(
        name(" slot > pace( 5ms ) > fair( polls ) "),
        "slot(3) > pace(5ms) > fair(polls)"
    );
    assert_eq!(name("mlfq(1ms,2ms)"), "mlfq");
    assert_eq!(
        name("groups(slot(1) > edf) > lifo"),
        "groups(slot(1) > edf) > lifo"
    );
    let text = "slot(3) > groups(fair) > edf";
    assert_eq!(text.parse::<Expression>().unwrap().to_string(), text);
    assert!(Expression::words().count() >= 24);
}

#[test]
fn expression_errors_point_at_the_bad_word() {
    let cases = [
        (
            "slot(3) > groups(fare) > edf",
            "                 ^^^^",
            "expected a policy here",
        ),
        ("", "^", "expected a policy here"),
        ("slot(3) >", "         ^", "expected a policy here"),
        (
            "fiffo",
            "^^^^^",
            "expected a policy here; did you mean `fifo`?",
        ),
        (
            "groups(fair > edf",
            "       ^^^^",
            "`fair` is complete: expected `,` or `)` behind it",
        ),
        (
            "edf > fifo",
            "^^^",
            "`edf` is complete: nothing can stand behind it",
        ),
        (
            "slot(three)",
            "     ^^^^^",
            "expected a number here: `slot(3) >`",
        ),
        (
            "pace(5)",
            "     ^",
            "expected a time such as `5ms` (a day at most) here: `pace(10ms) >`",
        ),
        (
            "pace(99999999999999999999s)",
            "     ^^^^^^^^^^^^^^^^^^^^^",
            "expected a time such as",
        ),
        (
            "fair(clock)",
            "     ^^^^^",
            "expected one of its words here: `fair(time|polls)`",
        ),
        (
            "slot(3, 4)",
            "        ^",
            "one argument too many: `slot(3) >`",
        ),
        ("fifo(1)", "     ^", "one argument too many: `fifo`"),
        ("slot(3 > fifo", "       ^", "expected `,` or `)` here"),
        (
            "chaos > fifo",
            "      ^",
            "an argument is missing: `chaos(NAME, 10ms) >`",
        ),
        ("chaos()", "       ^", "an argument is missing"),
        ("fifo fifo", "     ^^^^", "expected `>` or the end here"),
        ("fifo)", "    ^", "expected `>` or the end here"),
        ("slöt > fifo", "^^^^", "expected a policy here"),
        ("slot(µ)", "     ^", "expected a number here"),
        ("()", "^", "expected a policy here"),
    ];
    for (text, marks, problem) in cases {
        let error = text.parse::<Expression>().unwrap_err().to_string();
        let lines: Vec<&str> = error.lines().collect();
        assert!(lines[0].contains(problem), "{text}: {error}");
        assert_eq!(
            lines[1..3],
            [format!("  {text}"), format!("  {marks}")],
            "{error}"
        );
        assert!(
            lines[3].starts_with("policies: fifo, lifo, random(seed), "),
            "{error}"
        );
        assert!(
            lines[4].starts_with("in front of a policy: slot(3) >, "),
            "{error}"
        );
    }
    let deep = "slot > ".repeat(20);
    let error = deep.parse::<Expression>().unwrap_err().to_string();
    assert!(error.contains("nested too deep"), "{error}");
    let long = "slot > ".repeat(2000);
    assert!(long.parse::<Expression>().is_err());
}

#[test]
fn no_text_makes_the_parser_panic() {
    const PIECES: [&str; 14] = [
        "slot",
        "groups",
        "edf",
        "fair",
        "(",
        ")",
        ",",
        ">",
        " ",
        "3",
        "5ms",
        "é",
        "\u{1F980}",
        "chaos",
    ];
    let mut rng = Rng::new(5);
    for _ in 0..5000 {
        let pieces = (0..rng.below(12)).map(|_| PIECES[rng.below(PIECES.len())]);
        let text: String = pieces.collect();
        match text.parse::<Expression>() {
            Ok(expression) => drop(expression.build(0).name()),
            Err(error) => drop(error.to_string()),
        }
    }
}
