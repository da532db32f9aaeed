//! Writes the head of a request: exactly one request, whatever the caller gave.
//!
//! Owns: nothing; it appends to the connection's send buffer.
//!
//! Laws: H06, what is written parses as one request with the fields that were
//! asked for: every byte of target, names and values is checked here, on its
//! way out, whoever checked it before. H07, the library alone says how long the
//! body is. `Host` goes first and once; a URL's user and password become
//! `Authorization` and nothing else; a fragment never leaves.
//!
//! Absent on purpose: the body. `upload.rs` frames it.
//!
//! Read next: `upload.rs`, `exchange.rs`.

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

use std::io::Write as _;

use url::Url;

use super::basic;
use super::content;
use super::error::Error;
use super::exchange::Asked;
use super::headers::{self, Headers};
use super::kind::{ErrorKind, RequestFault};
use super::method::Method;
use super::origin::Origin;
use super::syntax;

/// Everything the head is made of.
pub(crate) struct RequestHead<'a> {
    /// The method.
    pub(crate) method: &'a Method,
    /// The target. A user and password become `Authorization`.
    pub(crate) url: &'a Url,
    /// The origin of `url`.
    pub(crate) origin: &'a Origin,
    /// The caller's fields.
    pub(crate) headers: &'a Headers,
    /// The client's default fields; a name the caller used is left out.
    pub(crate) defaults: &'a Headers,
    /// How the target is written.
    pub(crate) form: TargetForm<'a>,
    /// What is known about the body.
    pub(crate) body: BodyLength,
    /// `User-Agent`, unless the caller or the defaults have one.
    pub(crate) user_agent: &'a str,
    /// Undo content codings, and ask for those we know.
    pub(crate) decode: bool,
}

/// How the target is written (RFC 9112 section 3.2).
#[derive(Clone, Copy)]
pub(crate) enum TargetForm<'a> {
    /// Path and query: to an origin, also through a tunnel.
    Origin,
    /// The whole URL: to a proxy that forwards, with the value of
    /// `Proxy-Authorization` if it wants one.
    Absolute(Option<&'a str>),
}

/// What is known about the body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BodyLength {
    /// There is none.
    None,
    /// So many bytes.
    Known(u64),
    /// Sent in chunks.
    Chunked,
}

/// Appends the head to `out` and says what the exchange must know of it. After
/// an error, `out` is as it was.
///
/// # Errors
/// `Request`, with the fault.
pub(crate) fn write_head(out: &mut Vec<u8>, head: &RequestHead<'_>) -> Result<Asked, Error> {
    let start = out.len();
    write(out, head).map_err(|error| {
        out.truncate(start);
        error.with_url(head.url)
    })
}

/// Appends a CONNECT request for a tunnel to `origin`.
///
/// # Errors
/// `Request`, when the credentials hold a control character.
pub(crate) fn write_connect(
    out: &mut Vec<u8>,
    origin: &Origin,
    user_agent: &str,
    credentials: Option<&str>,
) -> Result<Asked, Error> {
    let target = origin.authority_with_port();
    check_target(target.as_bytes())?;
    let fields = [
        ("Host", Some(target.as_str())),
        ("User-Agent", Some(user_agent).filter(|s| !s.is_empty())),
        ("Proxy-Authorization", credentials),
    ];
    for (name, value) in fields {
        headers::check(name.as_bytes(), value.unwrap_or_default().as_bytes())?;
    }
    let _ = write!(out, "CONNECT {target} HTTP/1.1\r\n");
    for (name, value) in fields {
        if let Some(value) = value {
            put(out, name, value.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(Asked {
        method: Method::CONNECT,
        expects_continue: false,
        upgrade: false,
        close: false,
        decode: false,
    })
}

fn write(out: &mut Vec<u8>, head: &RequestHead<'_>) -> Result<Asked, Error> {
    let body = body_to_announce(head)?;
    let given = Given::collect(head, body)?;
    request_line(out, head)?;
    put(
        out,
        "Host",
        given.host.unwrap_or(head.origin.authority().as_bytes()),
    );
    if !given.user_agent && !head.user_agent.is_empty() {
        headers::check(b"User-Agent", head.user_agent.as_bytes())?;
        put(out, "User-Agent", head.user_agent.as_bytes());
    }
    if !given.accept {
        put(out, "Accept", b"*/*");
    }
    // A range of a compressed body cannot be decompressed.
    let decode = head.decode && !given.range;
    if decode
        && !given.accept_encoding
        && let Some(codings) = content::ACCEPT_ENCODING
    {
        put(out, "Accept-Encoding", codings.as_bytes());
    }
    for (name, value) in fields_to_send(head) {
        headers::check(name.as_bytes(), value)?;
        put(out, name, value);
    }
    if !given.authorization
        && let Some(value) = basic::of_url(head.url)
    {
        put(out, "Authorization", value.as_bytes());
    }
    if let TargetForm::Absolute(Some(credentials)) = head.form
        && !given.proxy_authorization
    {
        headers::check(b"Proxy-Authorization", credentials.as_bytes())?;
        put(out, "Proxy-Authorization", credentials.as_bytes());
    }
    match body {
        BodyLength::None => {}
        BodyLength::Known(length) => {
            let _ = write!(out, "Content-Length: {length}\r\n");
        }
        BodyLength::Chunked => put(out, "Transfer-Encoding", b"chunked"),
    }
    let expects_continue = given.expect && !matches!(body, BodyLength::None | BodyLength::Known(0));
    if expects_continue {
        put(out, "Expect", b"100-continue");
    }
    out.extend_from_slice(b"\r\n");
    Ok(Asked {
        method: head.method.clone(),
        expects_continue,
        upgrade: given.upgrade && given.connection_upgrade,
        close: given.close,
        decode,
    })
}

/// What the caller and the defaults gave that concerns us.
#[derive(Default)]
struct Given<'a> {
    host: Option<&'a [u8]>,
    user_agent: bool,
    accept: bool,
    accept_encoding: bool,
    range: bool,
    authorization: bool,
    proxy_authorization: bool,
    expect: bool,
    upgrade: bool,
    close: bool,
    connection_upgrade: bool,
}

impl<'a> Given<'a> {
    fn collect(head: &'a RequestHead<'_>, body: BodyLength) -> Result<Given<'a>, Error> {
        let mut given = Given::default();
        for (name, value) in all_fields(head) {
            given.field(name, value, body)?;
        }
        Ok(given)
    }

    fn field(&mut self, name: &str, value: &'a [u8], body: BodyLength) -> Result<(), Error> {
        let refuse = |fault| Err(Error::new(ErrorKind::Request(fault)).with_detail(name));
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("host") {
            // A Host with a blank or a comma is read differently by every proxy.
            let bad = value.is_empty()
                || value
                    .iter()
                    .any(|b| !b.is_ascii_graphic() || b",/\\@".contains(b));
            if bad || self.host.replace(value).is_some() {
                return refuse(RequestFault::Host);
            }
        } else if is("content-length") {
            let announced = match body {
                BodyLength::Known(length) => Some(length),
                BodyLength::None => Some(0),
                BodyLength::Chunked => None,
            };
            if announced.is_none() || syntax::decimal(value) != announced {
                return refuse(RequestFault::OwnedHeader);
            }
        } else if is("transfer-encoding") {
            if body != BodyLength::Chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return refuse(RequestFault::OwnedHeader);
            }
        } else if is("connection") {
            for token in syntax::members(value) {
                self.close |= token.eq_ignore_ascii_case(b"close");
                self.connection_upgrade |= token.eq_ignore_ascii_case(b"upgrade");
            }
        } else {
            self.user_agent |= is("user-agent");
            self.accept |= is("accept");
            self.accept_encoding |= is("accept-encoding");
            self.range |= is("range");
            self.authorization |= is("authorization");
            self.proxy_authorization |= is("proxy-authorization");
            self.upgrade |= is("upgrade");
            self.expect |= is("expect") && value.eq_ignore_ascii_case(b"100-continue");
        }
        Ok(())
    }
}

/// The caller's fields, then the defaults the caller did not name.
fn all_fields<'a>(head: &'a RequestHead<'_>) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    let defaults = head.defaults.iter();
    let defaults = defaults.filter(|(name, _)| !head.headers.contains(name));
    head.headers.iter().chain(defaults)
}

/// Those of them that are sent as they are. The others we write ourselves.
fn fields_to_send<'a>(head: &'a RequestHead<'_>) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    let to_proxy = matches!(head.form, TargetForm::Absolute(_));
    all_fields(head).filter(move |(name, _)| {
        let ours = ["host", "content-length", "transfer-encoding", "expect"]
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own));
        // A proxy's credentials are not for the origin.
        let misplaced = !to_proxy && name.eq_ignore_ascii_case("proxy-authorization");
        !ours && !misplaced
    })
}

/// RFC 9110 section 8.6: methods that expect content say when there is none.
fn body_to_announce(head: &RequestHead<'_>) -> Result<BodyLength, Error> {
    let some = !matches!(head.body, BodyLength::None | BodyLength::Known(0));
    if some && head.method.forbids_content() {
        return Err(ErrorKind::Request(RequestFault::BodyForbidden).into());
    }
    Ok(match head.body {
        BodyLength::None | BodyLength::Known(0) if head.method.expects_content() => {
            BodyLength::Known(0)
        }
        BodyLength::Known(0) => BodyLength::None,
        body => body,
    })
}

fn request_line(out: &mut Vec<u8>, head: &RequestHead<'_>) -> Result<(), Error> {
    out.extend_from_slice(head.method.as_str().as_bytes());
    out.push(b' ');
    let start = out.len();
    if let TargetForm::Absolute(_) = head.form {
        let scheme = head.origin.scheme().as_str();
        let _ = write!(out, "{scheme}://{}", head.origin.authority());
    }
    out.extend_from_slice(head.url.path().as_bytes());
    if let Some(query) = head.url.query() {
        out.push(b'?');
        out.extend_from_slice(query.as_bytes());
    }
    check_target(out.get(start..).unwrap_or_default())?;
    out.extend_from_slice(b" HTTP/1.1\r\n");
    Ok(())
}

fn check_target(target: &[u8]) -> Result<(), Error> {
    match !target.is_empty() && target.iter().all(u8::is_ascii_graphic) {
        true => Ok(()),
        false => Err(ErrorKind::Request(RequestFault::Url).into()),
    }
}

fn put(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
#[path = "tests/request.rs"]
mod tests;
