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
//! Read next: `given.rs`, `upload.rs`, `exchange.rs`.

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

use super::content;
use super::error::Error;
use super::exchange::Asked;
use super::given::{self, Given};
use super::headers::{self, Headers};
use super::kind::{ErrorKind, RequestFault};
use super::method::Method;
use super::origin::Origin;
use super::target::Target;

/// Everything the head is made of.
pub(crate) struct RequestHead<'a> {
    /// The method.
    pub(crate) method: &'a Method,
    /// The target. A user and password become `Authorization`.
    pub(crate) url: &'a Target,
    /// The origin of `url`.
    pub(crate) origin: &'a Origin,
    /// The caller's fields.
    pub(crate) headers: &'a Headers,
    /// The client's default fields; a name the caller used is left out.
    pub(crate) defaults: &'a Headers,
    /// A redirect led to another origin: credentials among the defaults stay behind.
    pub(crate) left_home: bool,
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
        error.with_url(head.url.url())
    })
}

/// Appends the first line of the head alone. After an error, `out` is as it was.
///
/// # Errors
/// `Request`, with the fault.
pub(crate) fn write_line(out: &mut Vec<u8>, head: &RequestHead<'_>) -> Result<(), Error> {
    let start = out.len();
    request_line(out, head).map_err(|error| {
        out.truncate(start);
        error.with_url(head.url.url())
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
    if *head.method == Method::CONNECT {
        return Err(ErrorKind::Request(RequestFault::Connect).into());
    }
    let body = body_to_announce(head)?;
    let given = Given::collect(head, body)?;
    // A range of a compressed body cannot be decompressed.
    let decode = head.decode && !given.range;
    request_line(out, head)?;
    our_fields(out, head, &given, decode)?;
    for (name, value) in given::fields_to_send(head) {
        put_checked(out, name, value)?;
    }
    credentials(out, head, &given)?;
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

/// What every request has, unless the caller has it.
fn our_fields(
    out: &mut Vec<u8>,
    head: &RequestHead<'_>,
    given: &Given<'_>,
    decode: bool,
) -> Result<(), Error> {
    let host = given.host.unwrap_or(head.origin.authority().as_bytes());
    put(out, "Host", host);
    if !given.user_agent && !head.user_agent.is_empty() {
        let agent = head.user_agent.as_bytes();
        headers::check_value(b"User-Agent", agent)?;
        put(out, "User-Agent", agent);
    }
    if !given.accept {
        out.extend_from_slice(b"Accept: */*\r\n");
    }
    if decode && !given.accept_encoding {
        out.extend_from_slice(content::ACCEPT_ENCODING);
    }
    Ok(())
}

/// Those of the URL and of the proxy, unless the caller has them.
fn credentials(out: &mut Vec<u8>, head: &RequestHead<'_>, given: &Given<'_>) -> Result<(), Error> {
    if !given.authorization
        && let Some(value) = head.url.credentials()
    {
        put(out, "Authorization", value.as_bytes());
    }
    if let TargetForm::Absolute(Some(credentials)) = head.form
        && !given.proxy_authorization
    {
        put_checked(out, "Proxy-Authorization", credentials.as_bytes())?;
    }
    Ok(())
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
    out.extend_from_slice(head.url.path_and_query().as_bytes());
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

/// LAW H06: whoever checked it before.
fn put_checked(out: &mut Vec<u8>, name: &str, value: &[u8]) -> Result<(), Error> {
    headers::check(name.as_bytes(), value)?;
    put(out, name, value);
    Ok(())
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
