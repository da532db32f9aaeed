//! One redirect: from a response to the next request, or to the caller.
//!
//! Owns: the policy, and what it says of one response.
//!
//! Laws: N01, on any change of scheme, host or port every copy of every
//! credential is dropped, and nothing puts one back on the way (the caller's
//! own copy is not kept). N02, a body that goes takes its fields with it. N03,
//! https to http is refused unless allowed. N06, only http and https. N08, a
//! limit of n lets n redirects pass. N09, targets are read by `url`, from bytes.
//!
//! 301, 302, 303, 307 and 308 are followed (Fetch section 4.4; RFC 9110 section
//! 15.4). Without `Location`, or with an empty one, the response is for the
//! caller, as is every other status.
//!
//! Absent on purpose: cookies; refresh by HTML or header.
//!
//! Read next: `trail.rs`; `retry.rs`, the other way to make a request again.

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

use std::borrow::Cow;

use url::Url;

use super::basic;
use super::error::Error;
use super::headers::Headers;
use super::into_url;
use super::kind::{ErrorKind, RedirectFault};
use super::limits::{Limit, Limits};
use super::method::Method;
use super::origin::Origin;
use super::quirk::{Quirk, Quirks};
use super::trail::Trail;

/// Which redirects are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectPolicy {
    /// How many at most; `None`: none, and that is no error.
    limit: Option<u32>,
    /// Also from https to http.
    downgrade: bool,
}

impl RedirectPolicy {
    /// Follows up to `limit`; one more is an error.
    pub fn limit(limit: u32) -> RedirectPolicy {
        RedirectPolicy {
            limit: Some(limit),
            downgrade: false,
        }
    }

    /// Follows none: the caller gets the redirect as the response.
    pub fn none() -> RedirectPolicy {
        RedirectPolicy {
            limit: None,
            downgrade: false,
        }
    }

    /// Lets https lead to http.
    pub fn allow_downgrade(mut self, allow: bool) -> RedirectPolicy {
        self.downgrade = allow;
        self
    }
}

impl Default for RedirectPolicy {
    fn default() -> Self {
        RedirectPolicy::limit(10)
    }
}

/// What is known of the response and its request.
pub(crate) struct Turn<'a> {
    /// The method of the request.
    pub(crate) method: &'a Method,
    /// Its URL.
    pub(crate) url: &'a Url,
    /// Its body can be sent again (no body can always).
    pub(crate) replayable: bool,
    /// The status of the response.
    pub(crate) status: u16,
    /// The fields of the response.
    pub(crate) headers: &'a Headers,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Step {
    /// The response is for the caller.
    Deliver,
    /// Make another request.
    Follow(Box<NextRequest>),
}

/// The next request, as it differs from the last.
#[derive(Debug)]
pub(crate) struct NextRequest {
    /// The method.
    pub(crate) method: Method,
    /// The URL, without user and password.
    pub(crate) url: Url,
    /// The origin of `url`.
    pub(crate) origin: Origin,
    /// The body is not sent again.
    pub(crate) drop_body: bool,
    /// Scheme, host or port differ.
    pub(crate) crosses_origin: bool,
    /// `Authorization` made of the user and password in the target.
    authorization: Option<String>,
    /// What was let pass in `Location`.
    pub(crate) quirks: Quirks,
}

impl Trail {
    /// Decides about one response.
    ///
    /// # Errors
    /// `Redirect` with the fault, or `TooLarge` for an endless `Location`.
    pub(crate) fn follow(
        &mut self,
        turn: &Turn<'_>,
        policy: &RedirectPolicy,
        limits: &Limits,
    ) -> Result<Step, Error> {
        let Some(limit) = policy.limit else {
            return Ok(Step::Deliver);
        };
        if !leads_on(turn.status) {
            return Ok(Step::Deliver);
        }
        let Some(location) = location(turn.headers, limits)? else {
            return Ok(Step::Deliver);
        };
        let next = resolve(turn, location, policy)?;
        into_url::check_length(&next.url, limits)?;
        let visited = self.visit(turn.method, turn.url);
        // One repetition can make sense: a page that wants to be asked twice.
        let again = |seen: &&(Method, Url)| seen.0 == next.method && seen.1 == next.url;
        if visited.iter().filter(again).count() > 1 {
            return Err(refuse(RedirectFault::Loop));
        }
        if visited.len() > usize::try_from(limit).unwrap_or(usize::MAX) {
            return Err(refuse(RedirectFault::TooMany));
        }
        Ok(Step::Follow(Box::new(next)))
    }
}

/// Is it the status of a redirect?
pub(crate) fn leads_on(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

impl NextRequest {
    /// Changes the fields of the last request into those of this one.
    pub(crate) fn apply(&self, headers: &mut Headers) {
        if self.crosses_origin {
            headers.remove_if(is_credential);
        }
        if self.drop_body {
            headers.remove_if(|name| {
                let content = name
                    .get(..8)
                    .is_some_and(|start| start.eq_ignore_ascii_case(b"content-"));
                content || BODY_FIELDS.iter().any(|b| same(name, b))
            });
        }
        if let Some(value) = &self.authorization
            && !headers.contains("authorization")
        {
            // Base64: always a valid value.
            let _ = headers.append("Authorization", value);
        }
    }
}

/// What belongs to one origin. `Host` too: a name given for another server.
const CREDENTIALS: [&str; 7] = [
    "authorization",
    "cookie",
    "cookie2",
    "proxy-authorization",
    "proxy-authenticate",
    "www-authenticate",
    "host",
];

/// Does a field of this name belong to one origin?
pub(crate) fn is_credential(name: &[u8]) -> bool {
    CREDENTIALS.iter().any(|known| same(name, known))
}

/// What belongs to a body, beside `Content-*` (RFC 9110 section 15.4).
const BODY_FIELDS: [&str; 6] = [
    "transfer-encoding",
    "expect",
    "trailer",
    "digest",
    "repr-digest",
    "last-modified",
];

fn same(name: &[u8], known: &str) -> bool {
    name.eq_ignore_ascii_case(known.as_bytes())
}

/// The one target, or none.
fn location<'a>(headers: &'a Headers, limits: &Limits) -> Result<Option<&'a [u8]>, Error> {
    let mut all = headers.get_all("location");
    let Some(first) = all.next() else {
        return Ok(None);
    };
    if all.any(|other| other != first) {
        // Two targets: one of them may be somebody else's.
        return Err(refuse(RedirectFault::Conflict));
    }
    if first.len() > limits.location_bytes {
        return Err(ErrorKind::TooLarge(Limit::LocationBytes).into());
    }
    Ok((!first.is_empty()).then_some(first))
}

fn resolve(
    turn: &Turn<'_>,
    location: &[u8],
    policy: &RedirectPolicy,
) -> Result<NextRequest, Error> {
    let bad = |fault| refuse(fault).with_detail(&location_excerpt(location));
    let mut quirks = Quirks::NONE;
    let odd = |b: &u8| !b.is_ascii_graphic() || *b == b'\\';
    if location.iter().any(odd) {
        quirks.insert(Quirk::OddLocation);
    }
    let mut url = target(turn, location, policy)?;
    let authorization = basic::take_userinfo(&mut url);
    let origin = Origin::of(&url).map_err(|_| bad(RedirectFault::Target))?;
    let crosses_origin = Origin::of(turn.url).map_or(true, |from| from != origin);
    let method = next_method(turn.method, turn.status);
    let drop_body = method != *turn.method;
    if !drop_body && !turn.replayable {
        return Err(bad(RedirectFault::BodyNotReplayable));
    }
    Ok(NextRequest {
        method,
        url,
        origin,
        drop_body,
        crosses_origin,
        authorization,
        quirks,
    })
}

/// Where `Location` leads, if it may lead there.
fn target(turn: &Turn<'_>, location: &[u8], policy: &RedirectPolicy) -> Result<Url, Error> {
    let bad = |fault| refuse(fault).with_detail(&location_excerpt(location));
    let joined = turn.url.join(&as_text(location));
    let mut url = joined.map_err(|error| bad(RedirectFault::Target).with_source(error))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad(RedirectFault::Scheme));
    }
    if turn.url.scheme() == "https" && url.scheme() == "http" && !policy.downgrade {
        return Err(bad(RedirectFault::Downgrade));
    }
    if url.fragment().is_none() {
        // RFC 9110 section 10.2.2
        url.set_fragment(turn.url.fragment());
    }
    Ok(url)
}

/// Fetch section 4.4: POST becomes GET at 301 and 302, everything but HEAD at
/// 303. 307 and 308 change nothing.
fn next_method(method: &Method, status: u16) -> Method {
    let to_get = match status {
        301 | 302 => *method == Method::POST,
        303 => *method != Method::HEAD,
        _ => false,
    };
    match to_get {
        true => Method::GET,
        false => method.clone(),
    }
}

/// UTF-8 as it is; of anything else, the bytes above 0x7F as `%XX`, which is
/// what browsers send.
fn as_text(location: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(location) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(location.len().saturating_mul(2));
    for &byte in location {
        match byte {
            0x80.. => text.push_str(&format!("%{byte:02X}")),
            byte => text.push(char::from(byte)),
        }
    }
    Cow::Owned(text)
}

/// The target for an error, without a user and password in it.
fn location_excerpt(location: &[u8]) -> String {
    let authority = location
        .split(|b| matches!(b, b'?' | b'#'))
        .next()
        .unwrap_or_default();
    match authority.iter().rposition(|b| *b == b'@') {
        Some(at) => {
            let behind = location.get(at..).unwrap_or_default();
            format!("(userinfo){}", super::escape::excerpt(behind))
        }
        None => super::escape::excerpt(location),
    }
}

fn refuse(fault: RedirectFault) -> Error {
    Error::new(ErrorKind::Redirect(fault))
}

#[cfg(test)]
#[path = "tests/redirect.rs"]
mod tests;
