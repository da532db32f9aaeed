//! Tests of the chunk decoder (H02).

use super::*;

/// Decodes `wire` in pieces of `size`; the data and how many bytes were used.
fn decode(wire: &[u8], size: usize, overhead: usize) -> Result<(Vec<u8>, usize), ErrorKind> {
    let mut decoder = ChunkDecoder::new(overhead);
    let mut data = Vec::new();
    let mut used = 0;
    for piece in wire.chunks(size) {
        let mut rest = piece;
        loop {
            let step = decoder.step(rest).map_err(|error| error.kind())?;
            data.extend_from_slice(&rest[step.skip..step.skip + step.data]);
            used += step.skip + step.data;
            rest = &rest[step.skip + step.data..];
            if step.ended {
                return Ok((data, used));
            }
            if rest.is_empty() {
                break;
            }
        }
    }
    Err(ErrorKind::Truncated)
}

fn all_sizes(wire: &[u8]) -> Result<(Vec<u8>, usize), ErrorKind> {
    let at_once = decode(wire, usize::MAX, 16 * 1024);
    for size in 1..wire.len().min(40) {
        let text = wire.escape_ascii().to_string();
        assert_eq!(decode(wire, size, 16 * 1024), at_once, "{size} {text}");
    }
    at_once
}

#[test]
fn bodies_decoded() {
    let rows: &[(&[u8], &[u8])] = &[
        (b"0\r\n", b""),
        (b"7\r\nhello, \r\n5\r\nworld\r\n0\r\n", b"hello, world"),
        (
            b"A\r\n0123456789\r\nb\r\nabcdefghijk\r\n0\r\n",
            b"0123456789abcdefghijk",
        ),
        (b"0000005\r\nhello\r\n0000\r\n", b"hello"),
        (b"00000000000000000000000000005\r\nhello\r\n0\r\n", b"hello"),
        (b"5;foo=bar\r\nhello\r\n1;x\r\n!\r\n0;end=1\r\n", b"hello!"),
        (b"5 ; foo = bar\r\nhello\r\n0\r\n", b"hello"),
        (b"5;a=\"b c\"\r\nhello\r\n0\r\n", b"hello"),
        (b"5   \r\nhello\r\n0\t\r\n", b"hello"),
        (b"5;\r\nhello\r\n0\r\n", b"hello"),
        (b"6\r\n0\r\n\r\nX\r\n0\r\n", b"0\r\n\r\nX"),
    ];
    for (wire, want) in rows {
        assert_eq!(all_sizes(wire), Ok((want.to_vec(), wire.len())));
        let longer = [wire, &b"5\r\nworld\r\n"[..]].concat();
        assert_eq!(
            decode(&longer, usize::MAX, 99),
            Ok((want.to_vec(), wire.len()))
        );
        for cut in 0..wire.len() {
            assert_eq!(decode(&wire[..cut], 7, 99), Err(ErrorKind::Truncated));
        }
    }
}

#[test]
fn chunk_decoder_strict() {
    let rows: &[(&[u8], FramingFault)] = &[
        (b"\r\n", FramingFault::ChunkSize),
        (b" \r\n", FramingFault::ChunkSize),
        (b"  \r\n\r\n", FramingFault::ChunkSize),
        (b";x\r\n", FramingFault::ChunkSize),
        (b" 5\r\nhello", FramingFault::ChunkSize),
        (b"0x5\r\nhello", FramingFault::ChunkSize),
        (b"+5\r\nhello", FramingFault::ChunkSize),
        (b"-1\r\nhello", FramingFault::ChunkSize),
        (b"g\r\n", FramingFault::ChunkSize),
        (b"5 5\r\n", FramingFault::ChunkSize),
        (b"5 garbage\r\n", FramingFault::ChunkSize),
        (b"5,0\r\n", FramingFault::ChunkSize),
        (b"5_0\r\n", FramingFault::ChunkSize),
        (b"\xef\xbc\x95\r\n", FramingFault::ChunkSize),
        (b"5\xa0\r\n", FramingFault::ChunkSize),
        (b"5\nhello\r\n", FramingFault::ChunkSize),
        (b"5\rhello\r\n", FramingFault::ChunkSize),
        (b"5;a\rb\r\n", FramingFault::ChunkSize),
        (b"10000000000000000\r\n", FramingFault::ChunkSize),
        (b"10000000000000005\r\n", FramingFault::ChunkSize),
        (b"5;a\nb\r\nhello\r\n", FramingFault::ChunkExtension),
        (b"5;x\0y\r\nhello\r\n", FramingFault::ChunkExtension),
        (b"5\r\nhello0\r\n", FramingFault::ChunkEnd),
        (b"5\r\nhelloXX0\r\n", FramingFault::ChunkEnd),
        (b"5\r\nhello\n0\r\n", FramingFault::ChunkEnd),
        (b"5\r\nhello\r0\r\n", FramingFault::ChunkEnd),
        (b"7\r\nhello\r\n0\r\n", FramingFault::ChunkEnd),
    ];
    for (wire, want) in rows {
        let text = wire.escape_ascii().to_string();
        assert_eq!(all_sizes(wire), Err(ErrorKind::Framing(*want)), "{text}");
    }
}

#[test]
fn boundary_sizes_do_not_wrap() {
    let sizes = [
        1u64,
        (1 << 31) - 1,
        1 << 31,
        (1 << 31) + 1,
        (1 << 32) - 1,
        1 << 32,
        (1 << 32) + 5,
        (1 << 63) - 1,
        1 << 63,
        (1 << 63) + 1,
        u64::MAX - 1,
        u64::MAX,
    ];
    for size in sizes {
        let mut decoder = ChunkDecoder::new(0);
        let head = format!("{size:x}\r\n");
        let step = decoder.step(head.as_bytes()).map_err(|e| e.kind());
        assert_eq!(
            step,
            Ok(ChunkPiece {
                skip: head.len(),
                data: 0,
                ended: false
            })
        );
        assert_eq!(decoder.announced(), size);
        let step = decoder.step(b"\r").map_err(|e| e.kind());
        assert_eq!(
            step,
            Ok(ChunkPiece {
                skip: 0,
                data: 1,
                ended: false
            })
        );
        assert_eq!(decoder.announced(), size - 1);
    }
}

#[test]
fn overhead_is_per_message() {
    // Eight bytes each: a semicolon and seven behind it.
    let wire = b"1;1234567\r\nx\r\n1;1234567\r\nx\r\n0\r\n";
    let too_large = Err(ErrorKind::TooLarge(Limit::ChunkOverhead));
    assert_eq!(decode(wire, 3, 16).map(|d| d.0), Ok(b"xx".to_vec()));
    assert_eq!(decode(wire, 3, 15), too_large);
    assert_eq!(decode(&[b'0'; 40], 1, 20), too_large);
    assert_eq!(
        decode(&[b"5".as_slice(), &[b' '; 40]].concat(), 1, 20),
        too_large
    );
}
