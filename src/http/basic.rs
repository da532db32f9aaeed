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

use url::Url;

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
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group
            .iter()
            .fold(0u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for place in 0..4 {
            out.push(match place <= group.len() {
                true => char::from(ALPHABET[(word >> (18 - 6 * place) & 63) as usize]),
                false => '=',
            });
        }
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
