//! Chance: one source of it for a run, and the sites where it may strike.
//!
//! Owns: the generator, and which sites are active in this run.
//!
//! A site is a place where something legal but unkind may happen. As in
//! FoundationDB, a site is active in a quarter of the runs and strikes once in four
//! times then: runs differ in character, not only in detail.
//!
//! Law: nothing else decides anything at random, so the seed decides all.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use downbeat::testing::Rng;

/// Where chance may strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Site {
    /// A read gets a few bytes.
    ShortRead,
    /// A write takes a few bytes.
    ShortWrite,
    /// A read that was ready is not (`EAGAIN`).
    FalseRead,
    /// A write that was ready is not.
    FalseWrite,
    /// A read comes late.
    LateRead,
    /// A write comes late.
    LateWrite,
    /// A flush is not done at once.
    LateFlush,
    /// A connection takes its time.
    LateConnect,
    /// A name takes its time.
    LateName,
    /// The pipe between client and server is narrow.
    NarrowPipe,
    /// A request is polled with another waker each time.
    Moved,
    /// A request yields before each poll.
    Hesitant,
    /// Requests begin one after the other instead of together.
    Spread,
    /// Other tasks use the loop meanwhile.
    Company,
}

/// How many sites there are.
pub(crate) const SITES: usize = Site::Company as usize + 1;

/// The chance of a run.
pub(crate) struct Chance {
    rng: RefCell<Rng>,
    active: [bool; SITES],
    struck: [Cell<u64>; SITES],
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Chance {
        let mut rng = Rng::new(seed);
        let active = std::array::from_fn(|_| rng.one_in(4));
        Chance {
            rng: RefCell::new(rng),
            active,
            struck: Default::default(),
        }
    }

    /// Does it strike here, now?
    pub(crate) fn strikes(&self, site: Site) -> bool {
        self.strikes_in(site, 4)
    }

    /// Does it strike here, once in `n` times?
    pub(crate) fn strikes_in(&self, site: Site, n: usize) -> bool {
        let strikes = self.active[site as usize] && self.one_in(n);
        self.count(site, strikes);
        strikes
    }

    /// Is the site active in this run? It then strikes always.
    pub(crate) fn is_active(&self, site: Site) -> bool {
        let active = self.active[site as usize];
        self.count(site, active);
        active
    }

    fn count(&self, site: Site, strikes: bool) {
        let count = &self.struck[site as usize];
        count.set(count.get() + u64::from(strikes));
    }

    /// Does the client see at once what the server sent in one piece?
    pub(crate) fn is_prompt(&self) -> bool {
        let delays = [
            Site::LateRead,
            Site::FalseRead,
            Site::ShortWrite,
            Site::LateWrite,
            Site::FalseWrite,
            Site::NarrowPipe,
        ];
        delays.iter().all(|&site| !self.active[site as usize])
    }

    /// How often each site struck.
    pub(crate) fn struck(&self) -> [u64; SITES] {
        std::array::from_fn(|site| self.struck[site].get())
    }

    pub(crate) fn below(&self, bound: usize) -> usize {
        self.rng.borrow_mut().below(bound)
    }

    pub(crate) fn one_in(&self, n: usize) -> bool {
        self.rng.borrow_mut().one_in(n)
    }

    pub(crate) fn next(&self) -> u64 {
        self.rng.borrow_mut().next_u64()
    }

    /// Up to so many milliseconds.
    pub(crate) fn pause(&self, most_ms: usize) -> Duration {
        Duration::from_micros(1 + self.below(most_ms * 1000) as u64)
    }
}
