//! Content decoding: bounded output, the same in pieces, and the same as flate2's own
//! readers wherever nothing had to be let pass.
use super::super::content::Decoder;
use super::super::inflate::Wrapping;
use super::super::kind::ErrorKind;
use super::super::limits::Limits;
use super::bytes::{Bytes, cuts, pieces};
use std::io::{Read, Write};

/// Bytes that may come out.
const MOST: u64 = 256 * 1024;
/// Bytes that may come out in one step.
const STEP: usize = 4096;

fn decode(
    codings: &[Wrapping],
    wire: &[u8],
    cuts: &[usize],
) -> Result<(Vec<u8>, String), ErrorKind> {
    let limits = Limits {
        body_bytes: MOST,
        decode_step: STEP,
        ..Limits::default()
    };
    let mut decoder = Decoder::new(codings, &limits);
    let mut out = Vec::new();
    for mut piece in pieces(wire, cuts) {
        let mut idle = 0;
        while !piece.is_empty() || decoder.has_more() {
            let used = decoder.decode(piece).map_err(|error| error.kind())?;
            let made = decoder.output();
            assert!(made.len() <= STEP, "{} bytes in one step", made.len());
            out.extend_from_slice(made);
            assert!(out.len() as u64 <= MOST, "{} bytes", out.len());
            idle = match used == 0 && made.is_empty() && !decoder.pauses() {
                true => idle + 1,
                false => 0,
            };
            assert!(idle < 3, "neither input nor output moves");
            piece = &piece[used..];
        }
    }
    let quirks = decoder.finish().map_err(|error| error.kind())?;
    Ok((out, quirks.to_string()))
}

/// The first byte: the codings. The second: where to cut.
pub fn target(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let (options, seed, wire) = (bytes.byte(), bytes.byte(), bytes.rest());
    let coding = |bit: u8| match options & bit {
        0 => Wrapping::Gzip,
        _ => Wrapping::Deflate,
    };
    let all = [coding(1), coding(2), coding(4)];
    let codings = &all[..usize::from(options >> 3) % 3 + 1];
    let whole = decode(codings, wire, &[]);
    let cut = decode(codings, wire, &cuts(seed, wire.len()));
    match codings {
        [_] => assert_eq!(cut, whole, "in pieces"),
        // Where two codings are broken, it depends on the pieces which one is found
        // out first.
        _ => assert_eq!(cut.as_ref().ok(), whole.as_ref().ok(), "in pieces"),
    }
    if let ([Wrapping::Gzip], Ok((out, quirks))) = (codings, &whole)
        && quirks.is_empty()
        && !wire.is_empty()
    {
        let mut want = Vec::new();
        let read = flate2::read::MultiGzDecoder::new(wire).read_to_end(&mut want);
        assert!(
            read.is_ok() && want == *out,
            "flate2 reads it otherwise: {read:?}"
        );
    }
    round_trip(codings, seed, wire);
}

/// What flate2 compresses, we read back.
fn round_trip(codings: &[Wrapping], seed: u8, body: &[u8]) {
    let level = flate2::Compression::new(u32::from(seed % 10));
    let mut wire = body.to_vec();
    for coding in codings {
        wire = match coding {
            Wrapping::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(&wire).expect("to memory");
                encoder.finish().expect("to memory")
            }
            Wrapping::Deflate => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(&wire).expect("to memory");
                encoder.finish().expect("to memory")
            }
        };
    }
    let have = decode(codings, &wire, &cuts(seed, wire.len()));
    assert_eq!(have, Ok((body.to_vec(), String::new())));
}
