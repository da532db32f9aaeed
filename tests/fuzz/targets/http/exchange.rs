//! A whole exchange: in one piece, in pieces, and against a model of the framing that
//! works on the complete bytes.

use super::super::event::{Asked, Ended, Event};
use super::super::exchange::Exchange;
use super::super::kind::ErrorKind;
use super::super::limits::Limits;
use super::super::method::Method;
use super::super::recv::RecvBuffer;
use super::super::reuse::Reuse;
use super::bytes::{Bytes, cuts, pieces};
use super::strict::{self, Chunked};

/// What came of it.
#[derive(Debug, PartialEq, Clone)]
struct Outcome {
    status: u16,
    informational: usize,
    body: Vec<u8>,
    trailers: Vec<strict::Field>,
    kept: bool,
    quirks: String,
}

/// Bounds that an input of a few kilobytes can reach.
fn limits() -> Limits {
    Limits {
        head_bytes: 4096,
        fields: 64,
        line_bytes: 2048,
        chunk_overhead: 64,
        trailer_bytes: 256,
        trailer_fields: 4,
        body_bytes: 64 * 1024,
        decode_step: 1024,
        ..Limits::default()
    }
}

fn run(asked: &Asked, wire: &[u8], cuts: &[usize], ended: Ended) -> Result<Outcome, ErrorKind> {
    let limits = limits();
    let mut exchange = Exchange::begin(asked.clone(), limits.clone());
    exchange.request_sent();
    let (mut recv, mut body) = (RecvBuffer::new(), Vec::new());
    let (mut informational, mut done) = (0, None);
    for piece in pieces(wire, cuts) {
        recv.put(piece);
        while done.is_none() {
            match exchange.advance(&mut recv).map_err(|error| error.kind())? {
                Event::Need => break,
                Event::Informational => informational += 1,
                Event::Head | Event::Again => {}
                Event::Body(piece) => {
                    let bytes = exchange.lend(piece, &mut recv);
                    assert!(!bytes.is_empty(), "an event without news");
                    body.extend_from_slice(bytes);
                    assert!(body.len() as u64 <= limits.body_bytes);
                }
                Event::Done(reuse) => done = Some(reuse),
            }
        }
    }
    let reuse = match done {
        Some(reuse) => reuse,
        None => match exchange.end(ended).map_err(|error| error.kind())? {
            Event::Done(reuse) => reuse,
            other => panic!("{other:?} at the end"),
        },
    };
    let clean = recv.is_empty();
    // Whether bytes behind the message are seen at once or by the idle watch depends
    // on when they come.
    let names = exchange.quirks().iter().map(|quirk| quirk.name());
    let quirks: Vec<_> = names.filter(|name| *name != "trailing-bytes").collect();
    Ok(Outcome {
        status: exchange.head().status,
        informational,
        body,
        trailers: owned(exchange.trailers().raw()),
        kept: reuse == Reuse::Keep && clean,
        quirks: quirks.join(" "),
    })
}

fn owned<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Vec<strict::Field> {
    fields
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect()
}

/// Reads a head that comes in pieces so long, and counts its fields. No target: for
/// counting instructions (`examples/http_cost.rs`).
#[inline(never)]
pub fn head_in_pieces(wire: &[u8], piece: usize) -> usize {
    let limits = Limits {
        head_bytes: usize::MAX,
        ..Limits::default()
    };
    let asked = Asked {
        method: Method::GET,
        expects_continue: false,
        upgrade: false,
        close: false,
        decode: false,
    };
    let mut exchange = Exchange::begin(asked, limits.clone());
    exchange.request_sent();
    let mut recv = RecvBuffer::new();
    if piece == 1 {
        // The copy of a byte must not cost more than what is measured.
        for byte in wire {
            recv.put_byte(*byte);
            let event = exchange.advance(&mut recv);
            assert!(matches!(event, Ok(Event::Need | Event::Head)));
        }
    }
    let pieces = wire.chunks(piece);
    for mut piece in pieces.filter(|_| piece > 1) {
        while !piece.is_empty() {
            let space = recv.space();
            let (now, later) = piece.split_at(piece.len().min(space.len()));
            space[..now.len()].copy_from_slice(now);
            recv.filled(now.len());
            piece = later;
            let event = exchange.advance(&mut recv);
            assert!(matches!(event, Ok(Event::Need | Event::Head)));
        }
    }
    exchange.head().headers.len()
}

/// The first byte: method, end and options. The second: where to cut.
pub fn target(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let (options, seed, wire) = (bytes.byte(), bytes.byte(), bytes.rest());
    let method = [Method::GET, Method::HEAD, Method::POST, Method::CONNECT];
    let ended = [Ended::Clean, Ended::NoCloseNotify, Ended::Reset];
    let asked = Asked {
        method: method[usize::from(options & 3)].clone(),
        expects_continue: false,
        upgrade: options & 4 != 0,
        close: options & 8 != 0,
        decode: options & 16 != 0,
    };
    let ended = ended[usize::from(options >> 5) % 3];
    let whole = run(&asked, wire, &[], ended);
    for cut in [cuts(seed, wire.len()), cuts(1, wire.len())] {
        let pieces = run(&asked, wire, &cut, ended);
        assert_eq!(coarse(&pieces), coarse(&whole), "cut at {cut:?}");
    }
    if !asked.decode {
        hold_against_model(&asked, wire, ended, &whole);
    }
}

/// Where two codings are broken, it depends on the pieces which one is found out first.
fn coarse(outcome: &Result<Outcome, ErrorKind>) -> Result<&Outcome, Option<&ErrorKind>> {
    outcome.as_ref().map_err(|kind| match kind {
        ErrorKind::Decode(_) => None,
        kind => Some(kind),
    })
}

/// What RFC 9112 section 6.3 says of a strictly correct head and the bytes behind it:
/// the body, whether it ends by itself, or that nobody can say.
#[derive(Debug, PartialEq)]
enum Framed {
    Body(Vec<u8>, ByItself),
    Cut,
    Ambiguous,
    /// Not judged: trailers, or more bytes than the limits allow.
    Unjudged,
}

#[derive(Debug, PartialEq)]
enum ByItself {
    Yes,
    No,
}

fn hold_against_model(
    asked: &Asked,
    mut wire: &[u8],
    ended: Ended,
    whole: &Result<Outcome, ErrorKind>,
) {
    let head = loop {
        let Some(head) = strict::head(wire) else {
            return;
        };
        let all = head.fields.iter().map(|(n, v)| n.len() + v.len() + 4);
        if all.sum::<usize>() > 1500 || head.fields.len() > 32 || head.status == 101 {
            return;
        }
        wire = &wire[head.length..];
        if head.status >= 200 {
            break head;
        }
    };
    let want = frame(asked, &head, wire, ended);
    match (&want, whole) {
        (Framed::Unjudged, _) => {}
        (Framed::Body(body, by_itself), Ok(outcome)) => {
            assert_eq!(&outcome.body, body, "{head:?}");
            assert_eq!(outcome.status, head.status);
            let kept = outcome.kept && *by_itself == ByItself::No;
            assert!(!kept, "kept, but it ended with the connection: {outcome:?}");
        }
        (Framed::Ambiguous, Err(ErrorKind::Framing(_))) => {}
        (Framed::Cut, Err(ErrorKind::Truncated)) => {}
        _ => panic!("{whole:?}, but the model says {want:?} for {head:?}"),
    }
}

fn values<'a>(head: &'a strict::Head, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    head.fields
        .iter()
        .filter(move |field| field.0.eq_ignore_ascii_case(name.as_bytes()))
        .flat_map(|field| field.1.split(|b| *b == b','))
        .map(<[u8]>::trim_ascii)
}

fn frame(asked: &Asked, head: &strict::Head, rest: &[u8], ended: Ended) -> Framed {
    let has = |name: &str| values(head, name).next().is_some();
    if asked.method == Method::CONNECT && head.status < 300 {
        return Framed::Body(Vec::new(), ByItself::Yes);
    }
    if asked.method == Method::HEAD || matches!(head.status, 204 | 304) {
        return Framed::Body(Vec::new(), ByItself::Yes);
    }
    let to_close = |rest: &[u8]| match ended {
        _ if rest.len() as u64 > limits().body_bytes => Framed::Unjudged,
        Ended::Clean => Framed::Body(rest.to_vec(), ByItself::No),
        _ => Framed::Cut,
    };
    if has("transfer-encoding") {
        let codings: Vec<_> = values(head, "transfer-encoding")
            .filter(|member| !member.is_empty())
            .map(<[u8]>::to_ascii_lowercase)
            .collect();
        return match codings.as_slice() {
            _ if head.minor == 0 => Framed::Ambiguous,
            [one] if one == b"chunked" => match strict::chunked(rest, limits().chunk_overhead) {
                Chunked::Ended(body, at) if rest[at..].starts_with(b"\r\n") => {
                    Framed::Body(body, ByItself::Yes)
                }
                Chunked::More(_) => match ended_early(rest) {
                    true => Framed::Unjudged,
                    false => Framed::Cut,
                },
                Chunked::Ended(..) | Chunked::Broken => Framed::Unjudged,
            },
            [one] if one == b"identity" && !has("content-length") => to_close(rest),
            _ => Framed::Ambiguous,
        };
    }
    let lengths: Vec<_> = values(head, "content-length").collect();
    let Some(first) = lengths.first() else {
        return to_close(rest);
    };
    let digits = |text: &[u8]| match text.iter().all(u8::is_ascii_digit) {
        true => std::str::from_utf8(text).ok()?.parse::<u64>().ok(),
        false => None,
    };
    let Some(length) = digits(first) else {
        return Framed::Ambiguous;
    };
    if lengths.iter().any(|other| digits(other) != Some(length)) {
        return Framed::Ambiguous;
    }
    if length > limits().body_bytes {
        return Framed::Unjudged;
    }
    match usize::try_from(length).ok().and_then(|n| rest.get(..n)) {
        Some(body) => Framed::Body(body.to_vec(), ByItself::Yes),
        None => Framed::Cut,
    }
}

/// Whether a chunk announces more than the limits allow, which fails at once.
fn ended_early(rest: &[u8]) -> bool {
    let longest = rest
        .split(|b| !b.is_ascii_hexdigit())
        .map(|run| run.iter().skip_while(|b| **b == b'0').count())
        .max();
    longest.unwrap_or(0) > 4
}
