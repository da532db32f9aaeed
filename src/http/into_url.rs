//! From text to URL: what callers may give as one.
//!
//! Owns: per thread, the last scheme, host and port that were parsed.
//!
//! Laws: the outcome is that of `Url::parse`, always. Most requests of a program go to
//! few hosts, and normalising a host is three quarters of the work, so a text that
//! begins with the same letters as the last one up to its path gets what they became;
//! only where that is the same by the definition of a URL. N04: a text with a user or
//! password is never kept.
//!
//! Read next: `origin.rs`.

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

use std::cell::RefCell;

use url::Url;

use super::error::Error;
use super::kind::{ErrorKind, RequestFault};
use super::limits::{Limit, Limits};

/// Anything that is a URL or can be read as one.
pub trait IntoUrl {
    /// The URL.
    ///
    /// # Errors
    /// [`RequestFault::Url`] when the text is not one, [`RequestFault::ZoneId`]
    /// for an IPv6 zone id in the host.
    fn into_url(self) -> Result<Url, Error>;
}

impl IntoUrl for Url {
    fn into_url(self) -> Result<Url, Error> {
        Ok(self)
    }
}

impl IntoUrl for &Url {
    fn into_url(self) -> Result<Url, Error> {
        Ok(self.clone())
    }
}

impl IntoUrl for &str {
    fn into_url(self) -> Result<Url, Error> {
        parse(self)
    }
}

impl IntoUrl for String {
    fn into_url(self) -> Result<Url, Error> {
        parse(&self)
    }
}

impl IntoUrl for &String {
    fn into_url(self) -> Result<Url, Error> {
        parse(self)
    }
}

/// Refuses a URL that is too long to be meant.
///
/// # Errors
/// `TooLarge`.
pub(crate) fn check_length(url: &Url, limits: &Limits) -> Result<(), Error> {
    match url.as_str().len() > limits.url_bytes {
        true => Err(ErrorKind::TooLarge(Limit::UrlBytes).into()),
        false => Ok(()),
    }
}

/// The front of a text, as it was written, and what it became.
struct Known {
    front: Box<str>,
    /// With a path that leaves room for another one.
    url: Url,
}

/// A path that is replaced in a copy of the known URL, whose memory then suffices.
const ROOM: &str = "/................................................................";

thread_local! {
    static LAST: RefCell<Option<Known>> = const { RefCell::new(None) };
}

fn parse(text: &str) -> Result<Url, Error> {
    if let Some(url) = join_to_last(text) {
        return Ok(url);
    }
    let url = Url::parse(text).map_err(|error| {
        // WHY NOT the text: it may hold a password.
        let fault = match has_zone_id(text) {
            true => RequestFault::ZoneId,
            false => RequestFault::Url,
        };
        Error::new(ErrorKind::Request(fault)).with_source(error)
    })?;
    if let Some(front) = plain_front(text) {
        remember(front, &url);
    }
    Ok(url)
}

/// `http://host:port`, if what stands there is so plain that it says nothing about
/// the path: no user, nothing that is stripped.
fn plain_front(text: &str) -> Option<&str> {
    let scheme = ["http://", "https://"]
        .into_iter()
        .find(|scheme| text.starts_with(scheme))?;
    let slash = text.get(scheme.len()..)?.find('/')?;
    let front = text.get(..scheme.len().checked_add(slash)?)?;
    let of_a_host = |b: &u8| b.is_ascii_alphanumeric() || b".-:[]".contains(b);
    let host = front.as_bytes().get(scheme.len()..)?;
    (!host.is_empty() && host.iter().all(of_a_host)).then_some(front)
}

/// The obvious form is `Url::parse(text)`; the two lines here are what it comes to
/// when the front is known. A path counts if nothing in it is stripped, and it does
/// not begin like another host.
fn join_to_last(text: &str) -> Option<Url> {
    let join = |last: &RefCell<Option<Known>>| {
        let last = last.borrow();
        let known = last.as_ref()?;
        let path = text.strip_prefix(&*known.front)?;
        // Folds without an early end: the compiler makes vectors of them.
        let all = |fits: fn(u8) -> bool| path.bytes().fold(true, |all, b| all & fits(b));
        if !path.starts_with('/') || path.starts_with("//") {
            return None;
        }
        if all(|b| matches!(b, b'!'..=b'~') && !matches!(b, b'\\' | b'?' | b'#')) {
            let mut url = known.url.clone();
            url.set_path(path);
            return Some(url);
        }
        let plain = all(|b| matches!(b, b'!'..=b'~') && b != b'\\');
        plain.then(|| known.url.join(path).ok()).flatten()
    };
    LAST.try_with(join).ok().flatten()
}

fn remember(front: &str, url: &Url) {
    let Ok(url) = url.join(ROOM) else {
        return;
    };
    let known = Known {
        front: front.into(),
        url,
    };
    // On a thread that is going away there is nothing to remember for.
    let _ = LAST.try_with(|last| last.replace(Some(known)));
}

/// `[fe80::1%25eth0]`
fn has_zone_id(text: &str) -> bool {
    let authority = text
        .split_once("://")
        .map_or(text, |(_, behind)| behind)
        .split(['/', '?', '#'])
        .next()
        .unwrap_or_default();
    authority
        .split_once('[')
        .and_then(|(_, behind)| behind.split_once(']'))
        .is_some_and(|(inside, _)| inside.contains('%'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rng;

    /// Whatever came before, a text becomes what `Url::parse` makes of it.
    #[test]
    fn texts_become_what_url_makes_of_them() {
        let fronts = [
            "http://127.0.0.1:8080",
            "http://127.1",
            "http://EXAMPLE.com",
            "https://example.com:443",
            "https://example.com:99999",
            "http://[::1]:80",
            "http://[fe80::1%25eth0]",
            "http://user:secret@h.test",
            "http://h.test?a=",
            "http://h.test#a",
            "http://0x7f.1",
            "http://xn--nxasmq6b.test",
            "http://b\u{fc}cher.test",
            "HTTP://h.test",
            "http:/h.test",
            "http://",
            "ftp://h.test",
        ];
        let pieces = [
            "/", "a", ".", "..", "%2e", "?", "#", "\\", "\t", " ", "\u{e4}", "\"", "<", "|", "^",
            "{", "`", "%zz", ";x=1", "//", "@", ":", "[",
        ];
        let mut rng = Rng::new(7);
        let mut valid = 0;
        for _ in 0..20_000 {
            let mut text = fronts[rng.below(fronts.len())].to_owned();
            for _ in 0..rng.below(7) {
                text.push_str(pieces[rng.below(pieces.len())]);
            }
            let ours = parse(&text).ok();
            assert_eq!(ours, Url::parse(&text).ok(), "{text:?}");
            valid += usize::from(ours.is_some());
        }
        assert!(valid > 5_000);
    }

    #[test]
    fn n04_a_password_is_not_kept() {
        drop(parse("http://h.test/"));
        drop(parse("http://user:s3cret@other.test/"));
        LAST.with_borrow(|last| {
            let last = last.as_ref().map(|known| known.url.as_str());
            let front = last.and_then(|last| last.strip_suffix(ROOM));
            assert_eq!(front, Some("http://h.test"));
        });
    }
}
