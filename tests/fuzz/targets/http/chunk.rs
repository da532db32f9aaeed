//! The chunk decoder: against a slow reader, in pieces, and round trip.

use super::super::chunk::ChunkDecoder;
use super::super::headers::Headers;
use super::super::request::BodyLength;
use super::super::upload::BodyWriter;
use super::bytes::{Bytes, cuts, pieces};
use super::strict::{self, Chunked};

/// The overhead that a body may have here.
const LIMIT: usize = 64;

fn decode(wire: &[u8], cuts: &[usize]) -> Chunked {
    let mut decoder = ChunkDecoder::new(LIMIT);
    let (mut data, mut used) = (Vec::new(), 0);
    for mut piece in pieces(wire, cuts) {
        loop {
            let Ok(step) = decoder.step(piece) else {
                return Chunked::Broken;
            };
            let (skip, end) = (step.skip, step.skip + step.data);
            assert!(end <= piece.len(), "{step:?} of {} bytes", piece.len());
            data.extend_from_slice(&piece[skip..end]);
            used += end;
            piece = &piece[end..];
            if step.ended {
                assert_eq!(step.data, 0);
                return Chunked::Ended(data, used);
            }
            if step.data == 0 {
                assert!(piece.is_empty(), "it stopped before {piece:?}");
                break;
            }
        }
    }
    Chunked::More(data)
}

/// The first byte says where to cut; the rest is decoded, and then sent as the data
/// of a body.
pub fn target(data: &[u8]) {
    let Some((&seed, wire)) = data.split_first() else {
        return;
    };
    let whole = decode(wire, &[]);
    assert_eq!(decode(wire, &cuts(seed, wire.len())), whole, "in pieces");
    assert_eq!(decode(wire, &cuts(1, wire.len())), whole, "byte by byte");
    assert_eq!(
        whole,
        strict::chunked(wire, LIMIT),
        "against the slow reader"
    );
    round_trip(seed, wire);
}

/// What we write as chunks, we read back.
fn round_trip(seed: u8, body: &[u8]) {
    let mut writer = BodyWriter::new(BodyLength::Chunked);
    let mut wire = Vec::new();
    for piece in pieces(body, &cuts(seed, body.len())) {
        let behind = writer.piece(&mut wire, piece.len()).expect("any length");
        wire.extend_from_slice(piece);
        wire.extend_from_slice(behind);
    }
    writer.finish(&mut wire, &Headers::new()).expect("complete");
    let mut wire = Bytes::new(&wire);
    let wire = wire.rest();
    // The last CRLF is the empty trailer section.
    let want = Chunked::Ended(body.to_vec(), wire.len() - 2);
    assert_eq!(decode(wire, &cuts(seed, wire.len())), want);
}
