//! Slow readers that follow the letter of the specification and share nothing with
//! the client: no scanner, no httparse, no state between two bytes.
//!
//! Laws: what one of these accepts is right. What it refuses may still be let pass
//! by the client, with a quirk that says so.

/// A field: name and value.
pub(super) type Field = (Vec<u8>, Vec<u8>);

/// A strictly correct response head.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) minor: u8,
    pub(super) status: u16,
    pub(super) fields: Vec<Field>,
    /// Its length, the empty line included.
    pub(super) length: usize,
}

/// A strictly correct request head.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: Vec<u8>,
    pub(super) target: Vec<u8>,
    pub(super) fields: Vec<Field>,
    pub(super) length: usize,
}

/// `tchar` of RFC 9110 section 5.6.2, spelled out.
fn is_tchar(b: u8) -> bool {
    matches!(b, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z')
        || matches!(
            b,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// ASCII that a value or a reason may hold. Bytes above 0x7F are a quirk.
fn is_text(b: u8) -> bool {
    b == b'\t' || (b' '..=b'~').contains(&b)
}

/// The lines of a section up to its empty line, and its length. Lines end with CRLF,
/// and no other CR or LF is anywhere.
fn lines(bytes: &[u8]) -> Option<(Vec<&[u8]>, usize)> {
    let mut lines = Vec::new();
    let mut at = 0;
    loop {
        let end = bytes[at..].windows(2).position(|two| two == b"\r\n")?;
        let line = &bytes[at..at + end];
        if line.contains(&b'\r') || line.contains(&b'\n') {
            return None;
        }
        at += end + 2;
        if line.is_empty() {
            return Some((lines, at));
        }
        lines.push(line);
    }
}

fn field(line: &[u8]) -> Option<Field> {
    let colon = line.iter().position(|b| *b == b':')?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if name.is_empty() || !name.iter().all(|b| is_tchar(*b)) || !value.iter().all(|b| is_text(*b)) {
        return None;
    }
    let blank = |b: &&u8| matches!(**b, b' ' | b'\t');
    let front = value.iter().take_while(blank).count();
    let value = &value[front..];
    let back = value.iter().rev().take_while(blank).count();
    Some((name.to_vec(), value[..value.len() - back].to_vec()))
}

/// Reads a response head.
pub(super) fn head(bytes: &[u8]) -> Option<Head> {
    let (lines, length) = lines(bytes)?;
    let (first, rest) = lines.split_first()?;
    let minor = match first.get(..9)? {
        b"HTTP/1.0 " => 0,
        b"HTTP/1.1 " => 1,
        _ => return None,
    };
    let digits = first.get(9..12)?;
    if !digits.iter().all(u8::is_ascii_digit) || *first.get(12)? != b' ' {
        return None;
    }
    let status = digits.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'));
    if status < 100 || !first[13..].iter().all(|b| is_text(*b)) {
        return None;
    }
    let fields = rest.iter().map(|line| field(line)).collect::<Option<_>>()?;
    Some(Head {
        minor,
        status,
        fields,
        length,
    })
}

/// Reads a request head.
pub(super) fn request(bytes: &[u8]) -> Option<Request> {
    // A value may hold bytes above 0x7F here; they are what the caller gave.
    let ascii: Vec<u8> = bytes
        .iter()
        .map(|b| if *b > 0x7f { b'?' } else { *b })
        .collect();
    let (checked, length) = lines(&ascii)?;
    let (raw, _) = lines(bytes)?;
    let (first, rest) = raw.split_first()?;
    let parts: Vec<&[u8]> = first.split(|b| *b == b' ').collect();
    let &[method, target, b"HTTP/1.1"] = parts.as_slice() else {
        return None;
    };
    let graphic = !target.is_empty() && target.iter().all(u8::is_ascii_graphic);
    if method.is_empty() || !method.iter().all(|b| is_tchar(*b)) || !graphic {
        return None;
    }
    let mut fields = Vec::new();
    for (line, checked) in rest.iter().zip(&checked[1..]) {
        let (name, _) = field(checked)?;
        let value = line[name.len() + 1..].trim_ascii().to_vec();
        fields.push((line[..name.len()].to_vec(), value));
    }
    Some(Request {
        method: method.to_vec(),
        target: target.to_vec(),
        fields,
        length,
    })
}

/// What a chunked body is, read in one piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    /// Its data, and how long the coding is, up to the trailer section.
    Ended(Vec<u8>, usize),
    /// So far right, but not complete.
    More(Vec<u8>),
    /// Wrong.
    Broken,
}

/// Reads a chunked body. Blanks behind a size and extensions without controls are let
/// pass; `limit` bounds them and leading zeros beyond 16 digits.
pub(super) fn chunked(bytes: &[u8], limit: usize) -> Chunked {
    let (mut at, mut data, mut spent) = (0, Vec::new(), 0);
    loop {
        let size = &bytes[at..];
        let digits = size.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let value = size[..digits].iter().try_fold(0u64, |n, d| {
            let digit = (*d as char).to_digit(16)?;
            n.checked_mul(16)?.checked_add(u64::from(digit))
        });
        spent += digits.saturating_sub(16);
        let Some(value) = value else {
            return Chunked::Broken;
        };
        if digits == 0 && !size.is_empty() || spent > limit {
            return Chunked::Broken;
        }
        let behind = &size[digits..];
        let end = behind.iter().position(|b| *b == b'\r');
        let line = &behind[..end.unwrap_or(behind.len())];
        spent += line.len();
        let blanks = line
            .iter()
            .take_while(|b| matches!(b, b' ' | b'\t'))
            .count();
        let extension = &line[blanks..];
        let starts = extension.first().is_none_or(|b| *b == b';');
        if !starts || !extension.iter().all(|b| is_text(*b) || *b > 0x7f) || spent > limit {
            return Chunked::Broken;
        }
        let Some(end) = end else {
            return Chunked::More(data);
        };
        match behind.get(end + 1) {
            None => return Chunked::More(data),
            Some(b'\n') => at += digits + end + 2,
            Some(_) => return Chunked::Broken,
        }
        if value == 0 {
            return Chunked::Ended(data, at);
        }
        let have = usize::try_from(value).map_or(bytes.len() - at, |n| n.min(bytes.len() - at));
        data.extend_from_slice(&bytes[at..at + have]);
        at += have;
        match (have as u64 == value, &bytes[at..]) {
            (true, [b'\r', b'\n', ..]) => at += 2,
            (false, _) | (true, [] | [b'\r']) => return Chunked::More(data),
            (true, _) => return Chunked::Broken,
        }
    }
}
