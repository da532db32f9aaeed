//! Fixed bytes, cut everywhere: whatever the pieces, the outcome is the same.
//!
//! For each case that every client must pass and whose script only sends bytes,
//! over connections in memory: one cut at every place of the first and last 4 KiB
//! and around every line end beyond, and 64 seeded ways of many cuts.

use std::collections::BTreeSet;
use std::future::ready;
use std::rc::Rc;

use downbeat::http::{Client, Connected, Destination};
use downbeat::io::{AsyncReadExt, AsyncWriteExt};
use downbeat::testing::{Rng, Stream, pair};
use downbeat::{Runtime, yield_now};

use crate::case::{self, Case, Step};
use crate::driver::{answer, settings};
use crate::verdict::matches;

/// Ways of many cuts.
const MANY: u64 = 64;

/// How the server ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Open,
    Close,
    Reset,
}

/// What the server sends, and how it ends; `None` if that is not all there is.
fn fixed(case: &Case) -> Option<(Vec<u8>, End)> {
    let odd = ["tls", "conns", "routes", "refuse", "on_accept", "warmup"];
    if odd.iter().any(|name| !case.json[name].is_null()) || case.mentions("{{") {
        return None;
    }
    let mut wire = Vec::new();
    let mut end = End::Open;
    for step in case::steps(&case.json["server"], &str::to_owned) {
        match step {
            Step::Send {
                bytes,
                repeat,
                delay_ms: None,
                ..
            } => {
                let times = usize::try_from(repeat).ok()?;
                if bytes.len().checked_mul(times)? > 4 << 20 {
                    return None;
                }
                wire.extend(bytes.repeat(times));
            }
            Step::ReadUntil(_) | Step::ReadRequest => {}
            Step::Close => end = End::Close,
            Step::Reset => end = End::Reset,
            _ => return None,
        }
    }
    Some((wire, end))
}

/// How thoroughly.
#[derive(Clone, Copy, PartialEq)]
enum Places {
    /// Every one of the first and last 4 KiB, and two around each line end.
    All,
    /// As many of them as cost some megabytes, evenly spread.
    Some,
}

/// How many bytes the runs of one case may take together, unless it is all.
const BYTES: usize = 1 << 20;
/// But so many runs at least.
const RUNS: usize = 8;

/// The places to cut at, one at a time.
fn places(wire: &[u8], which: Places) -> Vec<usize> {
    let length = wire.len();
    let edge = 4096.min(length);
    let mut places: BTreeSet<usize> = (0..edge).chain(length - edge..length).collect();
    let lines = wire.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    // A long body is no head: its line ends are thinned out.
    let lines = lines.map(|(at, _)| at).step_by(length / 65_536 + 1);
    places.extend(lines.flat_map(|at| at.saturating_sub(2)..at + 3));
    places.retain(|at| (1..length).contains(at));
    let affordable = match which {
        Places::All => usize::MAX,
        Places::Some => (BYTES / length.max(1)).max(RUNS),
    };
    let every = places.len() / affordable + 1;
    places.into_iter().step_by(every).collect()
}

#[test]
fn every_fixed_case_at_many_splits() {
    run(Places::Some);
}

/// Minutes without optimisation; seconds with.
#[test]
#[ignore = "slow: cargo test --release --test http_cases -- --ignored"]
fn every_fixed_case_at_every_split() {
    run(Places::All);
}

fn run(which: Places) {
    let (mut cases, mut runs) = (0, 0);
    for case in case::all().into_iter().filter(Case::is_must) {
        let Some((wire, end)) = fixed(&case) else {
            continue;
        };
        cases += 1;
        let mut cuts: Vec<Vec<usize>> = vec![Vec::new()];
        cuts.extend(places(&wire, which).into_iter().map(|at| vec![at]));
        let mut rng = Rng::new(cases);
        let thin = which == Places::Some && wire.len() > 4096;
        for _ in 0..if thin { MANY / 8 } else { MANY } {
            let count = 2 + rng.below(8);
            let mut many: Vec<usize> = (0..count).map(|_| rng.below(wire.len() + 1)).collect();
            many.sort_unstable();
            cuts.push(many);
        }
        runs += cuts.len();
        let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
        runtime.block_on(run_all(&case, Rc::new(wire), end, cuts));
    }
    assert!(cases > 120 && runs > 10_000, "{cases} cases, {runs} runs");
}

async fn run_all(case: &Case, wire: Rc<Vec<u8>>, end: End, cuts: Vec<Vec<usize>>) {
    for cuts in cuts {
        let (wire, places) = (wire.clone(), cuts.clone());
        let client = Client::builder().connector(move |_: &Destination| {
            let (ours, theirs) = pair(256 * 1024);
            let (wire, cuts) = (wire.clone(), places.clone());
            drop(downbeat::spawn(serve(theirs, wire, cuts, end)));
            ready(Ok(Connected::new(ours)))
        });
        let client = client.build().unwrap();
        let json = &case.json["request"];
        let method = json["method"].as_str().unwrap_or("GET");
        let method = downbeat::http::Method::new(method).unwrap();
        let mut request = client.request(method, "http://127.0.0.1:80/");
        for (name, value) in crate::driver::pairs(&json["headers"]) {
            request = request.header(&name, case::latin1(&value));
        }
        if let Some(body) = json["body"].as_str() {
            let times = json["body_repeat"].as_u64().unwrap_or(1) as usize;
            request = request.body(case::latin1(body).repeat(times));
        }
        let outcome = answer(settings(case, request)).await;
        let alternatives = case.json["expect_alt"].as_array().into_iter().flatten();
        let expected = std::iter::once(&case.json["expect"]).chain(alternatives);
        let tries: Vec<_> = expected
            .map(|e| matches(e, &outcome, &str::to_owned))
            .collect();
        let fits = tries.iter().any(Result::is_ok);
        assert!(fits, "{} cut at {cuts:?}: {tries:?}", case.id);
    }
}

async fn serve(mut stream: Stream, wire: Rc<Vec<u8>>, cuts: Vec<usize>, end: End) {
    let mut buf = vec![0; 64 * 1024];
    let mut head = Vec::new();
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read(&mut buf).await {
            Ok(n) if n > 0 => head.extend_from_slice(&buf[..n]),
            _ => return,
        }
    }
    let mut from = 0;
    for to in cuts.into_iter().chain([wire.len()]) {
        if stream.write_all(&wire[from..to]).await.is_err() {
            return;
        }
        from = to;
        // The client sees this piece alone.
        for _ in 0..3 {
            yield_now().await;
        }
    }
    match end {
        End::Reset => return stream.reset(),
        End::Close => drop(stream.close().await),
        End::Open => {}
    }
    while matches!(stream.read(&mut buf).await, Ok(1..)) {}
}
