//! The demo's server: a hundred pages that take their time.
//!
//! Owns: how long each page takes, drawn from the seed; most are quick.
//!
//! Read next: `story.rs`.

use crate::chance::Chance;
use downbeat::testing::origin::{Origin, Reply};
use std::time::Duration;

const PAGES: u64 = 100;

/// How long each page takes, in milliseconds.
pub(crate) fn pages(seed: u64) -> Vec<u64> {
    let mut chance = Chance::new(seed);
    let mut page = |_| {
        let mean = if chance.happens(0.85) { 25.0 } else { 250.0 };
        (chance.exponential(mean) as u64).clamp(5, 400)
    };
    (0..PAGES).map(&mut page).collect()
}

/// The demo's server, on a thread of its own.
pub(crate) fn server(seed: u64) -> std::io::Result<Origin> {
    let pages = pages(seed);
    Origin::start(move |request| {
        let number = request
            .path()
            .rsplit('/')
            .next()
            .and_then(|n| n.parse::<usize>().ok());
        let Some(time) = number.and_then(|n| pages.get(n)).copied() else {
            return Reply::new(404);
        };
        let body = "a demo page\n".repeat(20 + time as usize * 10);
        Reply::ok(body).delay(Duration::from_millis(time))
    })
}
