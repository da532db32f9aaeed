//! Text of a peer, made fit to print, and secrets, made unfit.
//!
//! Owns: nothing; pure functions.
//!
//! Laws: E02, at most [`MAX`] bytes of a peer ever appear in an error, and only
//! as printable ASCII. N04, the value of a secret field is never printed, nor
//! the user and password of a URL.
//!
//! Absent on purpose: colours, quoting styles, log levels.
//!
//! Read next: `error.rs`.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic
    )
)]

use url::Url;

/// Longest excerpt of peer text, in printed bytes.
pub(crate) const MAX: usize = 256;

/// Fields whose values stay out of every log and error.
const SECRET: [&str; 8] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "cookie2",
    "set-cookie",
    "set-cookie2",
    "www-authenticate",
    "proxy-authenticate",
];

/// Is the value of this field a secret?
pub(crate) fn is_secret(name: &[u8]) -> bool {
    SECRET
        .iter()
        .any(|secret| secret.as_bytes().eq_ignore_ascii_case(name))
}

/// Printable ASCII, the rest as `\xNN`, at most [`MAX`] bytes, `...` when cut.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let mut out = String::new();
    for &byte in bytes {
        let mut piece = [0u8; 4];
        let text = match byte {
            b'\\' => "\\\\",
            b'\r' => "\\r",
            b'\n' => "\\n",
            b'\t' => "\\t",
            b' '..=b'~' => char::from(byte).encode_utf8(&mut piece),
            other => {
                let digit = |n: u8| char::from_digit(u32::from(n), 16).map_or(b'?', |c| c as u8);
                piece = [b'\\', b'x', digit(other >> 4), digit(other & 15)];
                std::str::from_utf8(&piece).unwrap_or("?")
            }
        };
        if out.len().saturating_add(text.len()) > MAX.saturating_sub(3) {
            out.push_str("...");
            break;
        }
        out.push_str(text);
    }
    out
}

/// One line of a head. Where it looks like a secret field, its value is left
/// out.
pub(crate) fn line_excerpt(line: &[u8]) -> String {
    let name = line.split(|&b| b == b':').next().unwrap_or_default();
    let bare: Vec<u8> = name
        .iter()
        .copied()
        .filter(|b| super::syntax::is_tchar(*b))
        .collect();
    if name.len() < line.len() && is_secret(&bare) {
        return format!("{}: (secret)", excerpt(&bare));
    }
    excerpt(line)
}

/// The URL without user and password.
pub(crate) fn without_userinfo(url: &Url) -> Url {
    let mut clean = url.clone();
    // Both fail only for URLs that cannot have them.
    let _ = clean.set_username("");
    let _ = clean.set_password(None);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_text_escaped_and_bounded() {
        assert_eq!(
            excerpt(b"a\r\n\x00\x1b[31m\xff\\"),
            "a\\r\\n\\x00\\x1b[31m\\xff\\\\"
        );
        let long = excerpt(&[0xff; 4000]);
        assert!(long.len() <= MAX && long.ends_with("..."), "{long}");
        assert_eq!(excerpt(&[b'a'; 253]).len(), 253);
    }

    #[test]
    fn secrets_never_printed() {
        assert_eq!(
            line_excerpt(b"Set-Cookie : a=\x01s3cret"),
            "Set-Cookie: (secret)"
        );
        assert_eq!(line_excerpt(b" \x01Cookie: s3cret"), "Cookie: (secret)");
        assert_eq!(line_excerpt(b"X: y"), "X: y");
        let url = Url::parse("http://u:s3cret@h/p?q").map(|u| without_userinfo(&u));
        assert_eq!(url.map(String::from), Ok("http://h/p?q".to_owned()));
    }
}
