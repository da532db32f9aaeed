//! Tests of the content codings.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::super::kind::DecodeFault;
use super::*;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let _ = encoder.write_all(plain);
    encoder.finish().unwrap_or_default()
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let _ = encoder.write_all(plain);
    encoder.finish().unwrap_or_default()
}

fn raw(plain: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    let _ = encoder.write_all(plain);
    encoder.finish().unwrap_or_default()
}

/// Bytes that do not compress well, the same every time.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..count).map(|_| next()).collect()
}

/// Decodes in pieces of `size`, and checks that no step is larger than allowed.
fn decode_with(
    label: &str,
    coded: &[u8],
    size: usize,
    limits: &Limits,
) -> Result<(Vec<u8>, Quirks), ErrorKind> {
    let mut headers = Headers::new();
    assert!(headers.append("Content-Encoding", label).is_ok());
    let mut quirks = Quirks::NONE;
    let plan = plan(&headers, limits);
    let Some(mut decoder) = decoder(&plan, limits, &mut quirks).map_err(|e| e.kind())? else {
        return Ok((coded.to_vec(), quirks));
    };
    let mut plain = Vec::new();
    for piece in coded.chunks(size.max(1)) {
        let mut rest = piece;
        while !rest.is_empty() || decoder.has_more() {
            let used = decoder.decode(rest).map_err(|e| e.kind())?;
            assert!(decoder.output().len() <= limits.decode_step);
            let moved = used > 0 || !decoder.output().is_empty();
            assert!(moved || rest.is_empty() || decoder.pauses());
            plain.extend_from_slice(decoder.output());
            rest = &rest[used..];
        }
    }
    quirks.merge(decoder.finish().map_err(|e| e.kind())?);
    Ok((plain, quirks))
}

fn decode(label: &str, coded: &[u8]) -> Result<(Vec<u8>, Quirks), ErrorKind> {
    let limits = Limits {
        decode_step: 1000,
        ..Limits::default()
    };
    let at_once = decode_with(label, coded, usize::MAX, &limits);
    for size in [1, 2, 3, 7, 100] {
        assert_eq!(
            decode_with(label, coded, size, &limits),
            at_once,
            "{label} {size}"
        );
    }
    at_once
}

fn plain(label: &str, coded: &[u8]) -> Result<Vec<u8>, ErrorKind> {
    decode(label, coded).map(|(plain, _)| plain)
}

fn fault(label: &str, coded: &[u8]) -> Option<DecodeFault> {
    match decode(label, coded) {
        Err(ErrorKind::Decode(fault)) => Some(fault),
        _ => None,
    }
}

#[test]
fn every_coding_of_every_size() {
    for count in [0, 1, 2, 999, 1000, 1001, 20_000] {
        let text = noise(count);
        assert_eq!(plain("gzip", &gzip(&text)), Ok(text.clone()), "{count}");
        assert_eq!(plain("X-GZip", &gzip(&text)), Ok(text.clone()), "{count}");
        assert_eq!(plain("deflate", &zlib(&text)), Ok(text.clone()), "{count}");
        let (have, quirks) = decode("deflate", &raw(&text)).unwrap_or_default();
        assert_eq!(have, text, "{count}");
        assert!(quirks.contains(Quirk::RawDeflate));
    }
}

#[test]
fn codings_are_undone_from_the_last_to_the_first() {
    let text = noise(30_000);
    assert_eq!(plain("gzip, gzip", &gzip(&gzip(&text))), Ok(text.clone()));
    assert_eq!(
        plain("deflate, gzip", &gzip(&zlib(&text))),
        Ok(text.clone())
    );
    assert_eq!(
        plain("gzip, identity, deflate", &zlib(&gzip(&text))),
        Ok(text.clone())
    );
    assert_eq!(plain("identity", &text), Ok(text.clone()));
    let (have, quirks) = decode("br, gzip", &gzip(&text)).unwrap_or_default();
    assert_eq!(have, gzip(&text));
    assert!(quirks.contains(Quirk::UnknownCoding));
}

#[test]
fn codings() {
    let five = gzip(&gzip(&gzip(&gzip(&gzip(b"x")))));
    assert_eq!(plain("gzip,gzip,gzip,gzip,gzip", &five), Ok(b"x".to_vec()));
    let too_many = decode("gzip,gzip,gzip,gzip,gzip,gzip", &gzip(&five));
    assert_eq!(too_many.err(), Some(ErrorKind::TooLarge(Limit::Codings)));
}

#[test]
fn an_empty_body_is_empty() {
    for label in ["gzip", "deflate", "gzip, gzip"] {
        assert_eq!(decode(label, b""), Ok((vec![], Quirks::NONE)));
    }
}

#[test]
fn members_padding_and_junk() {
    let two = [gzip(b"first "), gzip(b""), gzip(b"second")].concat();
    assert_eq!(
        decode("gzip", &two),
        Ok((b"first second".to_vec(), Quirks::NONE))
    );
    let case = |label, behind: &[u8], quirk| {
        let coded = match label {
            "gzip" => gzip(b"text"),
            _ => zlib(b"text"),
        };
        let (have, quirks) = decode(label, &[&coded, behind].concat()).unwrap_or_default();
        assert_eq!(have, b"text", "{behind:?}");
        assert_eq!(quirks.iter().last(), Some(quirk), "{behind:?}");
    };
    for label in ["gzip", "deflate"] {
        case(label, &[0; 50], Quirk::GzipPadding);
        case(label, b"junk", Quirk::JunkAfterContent);
        case(label, b"\0\0junk", Quirk::JunkAfterContent);
        case(label, b"\x1f", Quirk::JunkAfterContent);
        case(label, b"\x1f\x1f\x8b", Quirk::JunkAfterContent);
    }
    // A member that begins must be one.
    let half = [gzip(b"text"), gzip(b"more")[..12].to_vec()].concat();
    assert_eq!(fault("gzip", &half), Some(DecodeFault::Truncated));
}

#[test]
fn cut_off_anywhere_is_an_error() {
    for (label, coded) in [
        ("gzip", gzip(b"hello hello")),
        ("deflate", zlib(b"hello hello")),
    ] {
        for cut in 1..coded.len() {
            assert_eq!(
                fault(label, &coded[..cut]),
                Some(DecodeFault::Truncated),
                "{label} {cut}"
            );
        }
    }
}

#[test]
fn damage_is_an_error() {
    let coded = gzip(b"hello hello hello");
    let with = |at: usize, byte: u8| {
        let mut coded = coded.clone();
        coded[at] = byte;
        fault("gzip", &coded)
    };
    assert_eq!(with(0, 0x20), Some(DecodeFault::Header));
    assert_eq!(with(1, 0x8c), Some(DecodeFault::Header));
    assert_eq!(with(2, 7), Some(DecodeFault::Header));
    assert_eq!(with(3, 0x20), Some(DecodeFault::Header));
    let end = coded.len();
    assert_eq!(
        with(end - 8, coded[end - 8] ^ 1),
        Some(DecodeFault::Checksum)
    );
    assert_eq!(
        with(end - 4, coded[end - 4] ^ 1),
        Some(DecodeFault::Checksum)
    );
    assert_eq!(with(10, 0xff), Some(DecodeFault::Corrupt));
    assert_eq!(fault("gzip", b"not gzip at all"), Some(DecodeFault::Header));
    let mut coded = zlib(b"hello");
    let end = coded.len();
    coded[end - 1] ^= 1;
    assert_eq!(fault("deflate", &coded), Some(DecodeFault::Corrupt));
}

#[test]
fn header_with_all_fields() {
    let body = &gzip(b"text")[10..];
    let mut head = vec![0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 2, 0xff];
    head.extend(b"\x07\0AB\x03\0xyzfile.txt\0hi\0");
    let mut crc = flate2::Crc::new();
    crc.update(&head);
    let sum = crc.sum().to_le_bytes();
    let good = [&head[..], &sum[..2], body].concat();
    assert_eq!(plain("gzip", &good), Ok(b"text".to_vec()));
    let bad = [&head[..], &[sum[0] ^ 1, sum[1]], body].concat();
    assert_eq!(fault("gzip", &bad), Some(DecodeFault::Checksum));
    let no_extra = [&[0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 2, 3, 0, 0][..], body].concat();
    assert_eq!(plain("gzip", &no_extra), Ok(b"text".to_vec()));
}

#[test]
fn body_bytes_counts_decoded_bytes_before_they_are_made() {
    let coded = gzip(&vec![0; 2_000_000]);
    let run = |body_bytes| {
        let limits = Limits {
            body_bytes,
            ..Limits::default()
        };
        decode_with("gzip", &coded, usize::MAX, &limits).map(|(plain, _)| plain.len())
    };
    assert_eq!(run(2_000_000), Ok(2_000_000));
    assert_eq!(run(1_999_999), Err(ErrorKind::TooLarge(Limit::BodyBytes)));
    assert_eq!(run(1000), Err(ErrorKind::TooLarge(Limit::BodyBytes)));
}

#[test]
fn decoded_ratio_stops_stacked_codings() {
    let plain = vec![0; 6_000_000];
    let once = gzip(&plain);
    let limits = Limits::default();
    assert!(decode_with("gzip", &once, 4096, &limits).is_ok());
    let twice = decode_with("gzip, gzip", &gzip(&once), 4096, &limits);
    assert_eq!(twice.err(), Some(ErrorKind::TooLarge(Limit::DecodedRatio)));
}
