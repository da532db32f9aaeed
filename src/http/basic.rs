//! `Basic` credentials from the user and password of a URL (RFC 7617).
//!
//! Owns: nothing. Base64 is twenty lines, so there is no crate for it.
//!
//! Laws: N04, the text made here goes into one header and nowhere else.
//!
//! Absent on purpose: Digest, NTLM, Bearer. A caller who has a token sets the
//! header.
//!
//! Read next: `request.rs`.

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

use url::{Position, Url};

use super::escape;

/// Takes the user and password out of `url`: the value for `Authorization`, and
/// a URL that can be shown.
pub(crate) fn take_userinfo(url: &mut Url) -> Option<String> {
    let value = of_url(url)?;
    *url = escape::without_userinfo(url);
    Some(value)
}

/// The value for `Authorization` (or `Proxy-Authorization`), if the URL has a
/// user or a password.
pub(crate) fn of_url(url: &Url) -> Option<String> {
    // One look, for the many URLs that have neither.
    if url[Position::BeforeUsername..Position::BeforeHost].is_empty() {
        return None;
    }
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let user = percent_decode(url.username());
    let password = percent_decode(url.password().unwrap_or_default());
    Some(credentials(&user, &password))
}

/// The value for a user and a password.
pub(crate) fn credentials(user: &[u8], password: &[u8]) -> String {
    format!("Basic {}", base64(&[user, b":", password].concat()))
}

/// `%XX` becomes a byte; anything else stays.
fn percent_decode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte == b'%'
            && let [high, low, behind @ ..] = rest
            && let Some(high) = super::syntax::hex_digit(*high)
            && let Some(low) = super::syntax::hex_digit(*low)
        {
            out.push(high << 4 | low);
            rest = behind;
            continue;
        }
        out.push(byte);
    }
    out
}

/// RFC 4648 section 4, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| {
        let at = (bits & 63) as usize;
        ALPHABET.get(at).map_or('=', |byte| char::from(*byte))
    };
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| group.get(at).copied().unwrap_or(0);
        let word = u32::from_be_bytes([0, byte(0), byte(1), byte(2)]);
        out.push(digit(word >> 18));
        out.push(digit(word >> 12));
        out.push(if group.len() > 1 {
            digit(word >> 6)
        } else {
            '='
        });
        out.push(if group.len() > 2 { digit(word) } else { '=' });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xff, 0xef, 0xfe]), "/+/+");
    }

    #[test]
    fn userinfo_is_decoded_and_taken_out() -> Result<(), url::ParseError> {
        let mut url = Url::parse("http://user:p%40ss@h/u")?;
        assert_eq!(
            take_userinfo(&mut url).as_deref(),
            Some("Basic dXNlcjpwQHNz")
        );
        assert_eq!(url.as_str(), "http://h/u");
        assert_eq!(take_userinfo(&mut url), None);
        assert_eq!(
            of_url(&Url::parse("http://:x%@h/")?).as_deref(),
            Some("Basic Ongl")
        );
        Ok(())
    }
}
