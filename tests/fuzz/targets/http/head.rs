//! The response head: against a slow strict parser, and in pieces.

use super::super::head::{HeadProgress, HeadReader, ResponseHead};
use super::super::kind::ErrorKind;
use super::super::limits::Limits;
use super::super::recv::RecvBuffer;
use super::super::version::Version;
use super::bytes::{cuts, pieces};
use super::strict;

/// What came of one head.
#[derive(Debug, PartialEq)]
enum Outcome {
    More,
    Read {
        minor: u8,
        status: u16,
        fields: Vec<strict::Field>,
        quirks: String,
        /// Bytes used, empty lines in front included.
        used: usize,
    },
    Failed(ErrorKind),
}

fn read(wire: &[u8], cuts: &[usize]) -> Outcome {
    let limits = Limits::default();
    let mut reader = HeadReader::new(&limits, ResponseHead::default());
    let (mut recv, mut head) = (RecvBuffer::new(), ResponseHead::default());
    let mut fed = 0;
    for piece in pieces(wire, cuts) {
        recv.put(piece);
        fed += piece.len();
        if reader.inside_line(&recv) {
            continue;
        }
        match reader.read(&mut recv, &limits, &mut head) {
            Ok(HeadProgress::More) => {}
            Ok(HeadProgress::Complete) => {
                return Outcome::Read {
                    minor: u8::from(head.version == Version::Http11),
                    status: head.status,
                    fields: head
                        .headers
                        .raw()
                        .map(|(name, value)| (name.to_vec(), value.to_vec()))
                        .collect(),
                    quirks: head.quirks.to_string(),
                    used: fed - recv.unread().len(),
                };
            }
            Err(error) => return Outcome::Failed(error.kind()),
        }
    }
    Outcome::More
}

/// The first byte says where to cut.
pub fn target(data: &[u8]) {
    let Some((&seed, wire)) = data.split_first() else {
        return;
    };
    let whole = read(wire, &[]);
    assert_eq!(
        read(wire, &cuts(seed, wire.len())),
        whole,
        "cut into pieces"
    );
    assert_eq!(read(wire, &cuts(1, wire.len())), whole, "byte by byte");
    let strict = strict::head(wire).filter(|head| head.fields.len() <= Limits::default().fields);
    match (&whole, &strict) {
        (
            Outcome::Read {
                minor,
                status,
                fields,
                quirks,
                used,
            },
            strict,
        ) => {
            for (name, value) in fields {
                assert!(super::super::syntax::is_token(name), "{name:?} is a name");
                assert!(
                    super::super::syntax::is_value(value),
                    "{value:?} is a value"
                );
                assert_eq!(
                    value.trim_ascii().len(),
                    value.len(),
                    "{value:?} is trimmed"
                );
            }
            if let Some(strict) = strict {
                let same = (*minor, *status, fields, *used)
                    == (strict.minor, strict.status, &strict.fields, strict.length);
                assert!(same, "{whole:?} against {strict:?}");
            }
            assert_eq!(quirks.is_empty(), strict.is_some(), "{whole:?} {strict:?}");
        }
        (other, Some(strict)) => panic!("{other:?}, but it is right: {strict:?}"),
        (_, None) => {}
    }
}
