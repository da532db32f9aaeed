//! The words of policy expressions: what exists, its arguments, and how it is made.
//!
//! Owns: the table. A new policy is one line here.
//!
//! Read next: `expression.rs`, which reads the words.

use super::expression::Args;
use super::{
    Chaos, Check, Codel, Delay, Drr, Eevdf, Fifo, Groups, Lifo, Pace, Policy, Random, Skip, Slot,
    ageing, boost, edf, fair, fair_by_polls, las, least_slack, lottery, mlfq, pct, priority, sjf,
    srpt,
};
use std::time::Duration;

/// A word that names a policy.
pub(super) struct Word {
    /// As it is written.
    pub(super) name: &'static str,
    /// With its arguments and what they are when left out.
    pub(super) usage: &'static str,
    /// What it does, in a few words.
    pub(super) says: &'static str,
    /// Its arguments.
    pub(super) params: &'static [Param],
    /// Whether it stands in front of another policy (`>`).
    pub(super) wraps: bool,
    /// Makes it.
    pub(super) make: fn(&Args<'_>) -> Box<dyn Policy>,
}

/// An argument of a word.
#[derive(Clone, Copy)]
pub(super) enum Param {
    /// A number, or this one.
    Count(u32),
    /// A number up to [`FEW`], or this one: every poll pays for it.
    Few(u32),
    /// A time, or this one.
    Time(Duration),
    /// A number, or the expression's own seed.
    Seed,
    /// One of these words, or the first.
    Choice(&'static [&'static str]),
    /// The name of a task; must be there.
    Name,
    /// A policy, or FIFO.
    Order,
}

use Param::{Choice, Count, Few, Name, Order, Seed, Time};

/// The largest [`Param::Few`].
pub(super) const FEW: u32 = 1000;

const fn ms(milliseconds: u64) -> Param {
    Time(Duration::from_millis(milliseconds))
}

const fn us(microseconds: u64) -> Param {
    Time(Duration::from_micros(microseconds))
}

/// A policy that stands alone.
macro_rules! alone {
    ($name:literal, $usage:literal, [$($param:expr),*], $make:expr, $says:literal) => {
        Word { name: $name, usage: $usage, says: $says, params: &[$($param),*], wraps: false, make: $make }
    };
}

/// A policy in front of another one.
macro_rules! before {
    ($name:literal, $usage:literal, [$($param:expr),*], $make:expr, $says:literal) => {
        Word { name: $name, usage: $usage, says: $says, params: &[$($param),*], wraps: true, make: $make }
    };
}

/// All words, in the order in which they are listed.
#[rustfmt::skip]
pub(super) const WORDS: &[Word] = &[
    alone!("fifo", "fifo", [], |_| Box::new(Fifo::new()), "first in, first out"),
    alone!("lifo", "lifo", [], |_| Box::new(Lifo::new()), "last in, first out"),
    alone!("random", "random(seed)", [Seed], |a| Box::new(Random::new(a.seed(0))), "any, equally likely"),
    alone!("priority", "priority", [], |_| Box::new(priority()), "largest priority"),
    alone!("ageing", "ageing(1ms)", [ms(1)], |a| Box::new(ageing(a.time(0))), "priority; a level is worth this much waiting"),
    alone!("fair", "fair(time|polls)", [Choice(&["time", "polls"])], |a| if a.count(0) == 0 { Box::new(fair()) } else { Box::new(fair_by_polls()) }, "shares by weight (SFQ)"),
    alone!("eevdf", "eevdf(1ms)", [ms(1)], |a| Box::new(Eevdf::new(a.time(0))), "shares by weight, short waits; slice"),
    alone!("drr", "drr(1ms)", [ms(1)], |a| Box::new(Drr::new(a.time(0))), "groups in turn; quantum"),
    alone!("lottery", "lottery(seed)", [Seed], |a| Box::new(lottery(a.seed(0))), "a draw by weight"),
    alone!("edf", "edf", [], |_| Box::new(edf()), "earliest deadline"),
    alone!("slack", "slack", [], |_| Box::new(least_slack()), "least slack: deadline minus work left"),
    alone!("sjf", "sjf", [], |_| Box::new(sjf()), "smallest size"),
    alone!("srpt", "srpt", [], |_| Box::new(srpt()), "least work left"),
    alone!("las", "las(1s)", [ms(1000)], |a| Box::new(las(a.time(0))), "least time used, within a window"),
    alone!("mlfq", "mlfq(100us, 500us, 5ms, 1s)", [us(100), us(500), ms(5), ms(1000)], |a| Box::new(mlfq(&[a.time(0), a.time(1), a.time(2)], a.time(3))), "levels with allotments; boost period"),
    alone!("boost", "boost(5ms)", [ms(5)], |a| Box::new(boost(a.time(0))), "small ones get a head start; 1/gamma"),
    alone!("skip", "skip(8)", [Count(8)], |a| Box::new(Skip::new(a.count(0))), "priority 0 after every n others"),
    alone!("codel", "codel(5ms, 100ms)", [ms(5), ms(100)], |a| Box::new(Codel::new(a.time(0), a.time(1))), "newest first and shedding under overload"),
    alone!("pct", "pct(3, 1000, seed)", [Few(3), Count(1000), Seed], |a| Box::new(pct(a.count(0), a.count(1).into(), a.seed(2))), "bug finder; depth, polls"),
    before!("slot", "slot(3) >", [Count(3)], |a| Box::new(Slot::new(a.count(0), a.inside())), "who was just woken by a task goes next, capped"),
    before!("groups", "groups(fifo) >", [Order], make_groups, "this order among groups, the next inside each"),
    before!("pace", "pace(10ms) >", [ms(10)], |a| Box::new(Pace::new(a.time(0), a.inside())), "one pick per interval"),
    before!("delay", "delay(3, 1000, seed) >", [Few(3), Count(1000), Seed], |a| Box::new(Delay::new(a.count(0), a.count(1).into(), a.seed(2), a.inside())), "random deviations within so many picks"),
    before!("chaos", "chaos(NAME, 10ms) >", [Name, ms(10)], make_chaos, "the task of that name waits longer"),
    before!("check", "check >", [], |a| Box::new(Check::new(a.inside())), "holds it to the laws of policies"),
];

fn make_groups(args: &Args<'_>) -> Box<dyn Policy> {
    Box::new(Groups::new(args.order(0), args.inside_of_groups()))
}

fn make_chaos(args: &Args<'_>) -> Box<dyn Policy> {
    let victim = args.name(0).to_owned();
    let is_victim = move |task: &super::Sched| task.name().is_some_and(|name| name == victim);
    Box::new(Chaos::new(args.time(1), is_victim, args.inside()))
}
