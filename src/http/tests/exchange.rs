//! Tests of the exchange: whole responses, at every split.

use std::cell::Cell;

use super::super::kind::{FramingFault, ParseFault};
use super::super::limits::Limit;
use super::super::method::Method;
use super::*;

#[path = "exchange/bodies.rs"]
mod bodies;
#[path = "exchange/splits.rs"]
mod splits;
#[path = "exchange/turns.rs"]
mod turns;

const GET: Asked = Asked {
    method: Method::GET,
    expects_continue: false,
    upgrade: false,
    close: false,
    decode: true,
};

/// What came out of a response.
#[derive(PartialEq, Debug, Clone)]
struct Outcome {
    status: u16,
    fields: usize,
    informational: usize,
    body: Vec<u8>,
    trailers: Vec<String>,
    kept: bool,
    quirks: String,
}

thread_local! {
    /// The head of the response before: lent to the next, it may change nothing.
    static BEFORE: Cell<ResponseHead> = Cell::default();
}

/// Feeds `wire`, cut at `cuts`, and then the end of the connection, to an
/// exchange whose request was sent.
fn run(
    asked: &Asked,
    limits: &Limits,
    wire: &[u8],
    cuts: &[usize],
    ended: Ended,
) -> Result<Outcome, ErrorKind> {
    let mut exchange = Exchange::begin_after(BEFORE.take(), asked.clone(), limits.clone());
    exchange.request_sent();
    let mut recv = RecvBuffer::new();
    let mut body = Vec::new();
    let mut informational = 0;
    let mut fed = 0;
    let mut reuse = None;
    let ends = cuts.iter().copied().chain([wire.len()]);
    for end in ends {
        recv.put(wire.get(fed..end).unwrap_or_default());
        fed = end.max(fed);
        while reuse.is_none() {
            match exchange.advance(&mut recv).map_err(|e| e.kind())? {
                Event::Need => break,
                Event::Informational => informational += 1,
                Event::Head | Event::Again => {}
                Event::Body(piece) => {
                    let bytes = exchange.lend(piece, &mut recv);
                    assert!(!bytes.is_empty());
                    body.extend_from_slice(bytes);
                }
                Event::Done(verdict) => reuse = Some(verdict),
            }
        }
    }
    let reuse = match reuse {
        Some(reuse) => reuse,
        None => match exchange.end(ended).map_err(|e| e.kind())? {
            Event::Done(reuse) => reuse,
            other => panic!("{other:?}"),
        },
    };
    assert_eq!(exchange.stage(), Stage::Done);
    let text = |v: &[u8]| String::from_utf8_lossy(v).into_owned();
    let trailers = exchange.trailers().clone();
    let trailers = trailers.iter();
    let head = exchange.take_head();
    let mut quirks = exchange.quirks();
    // Bytes that arrive after the end are for the idle watch to see.
    let clean = recv.is_empty() && !quirks.contains(Quirk::TrailingBytes);
    if !clean {
        quirks.insert(Quirk::TrailingBytes);
    }
    let (status, fields) = (head.status, head.headers.len());
    BEFORE.set(head);
    Ok(Outcome {
        status,
        fields,
        informational,
        body,
        trailers: trailers.map(|(n, v)| format!("{n}={}", text(v))).collect(),
        kept: reuse == Reuse::Keep && clean,
        quirks: quirks.to_string(),
    })
}

/// The same at every single split, byte by byte, and at seeded multi-splits.
fn all_splits(asked: &Asked, wire: &[u8], ended: Ended) -> Result<Outcome, ErrorKind> {
    let limits = Limits::default();
    let at_once = run(asked, &limits, wire, &[], ended);
    let check = |cuts: &[usize]| {
        let text = wire.escape_ascii().to_string();
        let have = run(asked, &limits, wire, cuts, ended);
        assert_eq!(have, at_once, "{cuts:?} {text}");
    };
    for cut in 1..wire.len() {
        check(&[cut]);
    }
    check(&(1..wire.len()).collect::<Vec<_>>());
    let mut seed = 7u64;
    for _ in 0..64 {
        let mut cuts: Vec<usize> = (0..5)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 33) as usize % wire.len().max(1)
            })
            .collect();
        cuts.sort_unstable();
        check(&cuts);
    }
    at_once
}

fn get(wire: &str) -> Result<Outcome, ErrorKind> {
    all_splits(&GET, wire.as_bytes(), Ended::Clean)
}

/// Status, body and whether the connection is kept.
fn brief(wire: &str) -> Result<(u16, String, bool), ErrorKind> {
    get(wire).map(|o| {
        (
            o.status,
            String::from_utf8_lossy(&o.body).into_owned(),
            o.kept,
        )
    })
}

/// The next piece of the body, which must be there.
fn piece(exchange: &mut Exchange, recv: &mut RecvBuffer) -> Vec<u8> {
    loop {
        match exchange.advance(recv) {
            Ok(Event::Body(piece)) => return exchange.lend(piece, recv).to_vec(),
            Ok(Event::Again) => {}
            other => panic!("{other:?}"),
        }
    }
}
