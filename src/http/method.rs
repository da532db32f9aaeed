//! The request method: a token, with the properties RFC 9110 gives it.
//!
//! Owns: the name, nothing else. The nine registered methods cost no memory,
//! every other token is an extension method and is sent as written.
//!
//! Laws: a `Method` is always a valid token, so it can go on the wire without
//! another look. Names are case-sensitive (`get` is an extension method).
//!
//! Absent on purpose: which method takes which body; `request.rs` decides that
//! where the bytes are written.
//!
//! Read next: `headers.rs`.

use std::fmt;

use super::error::Error;
use super::kind::{ErrorKind, RequestFault};
use super::syntax;

/// A request method.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Method(Name);

/// The registered names, and a box for the rest.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Name {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Patch,
    Extension(Box<str>),
}

impl Method {
    /// Transfer a representation of the target.
    pub const GET: Method = Method(Name::Get);
    /// Like GET, without the body.
    pub const HEAD: Method = Method(Name::Head);
    /// Let the target process the body.
    pub const POST: Method = Method(Name::Post);
    /// Replace the target by the body.
    pub const PUT: Method = Method(Name::Put);
    /// Remove the target.
    pub const DELETE: Method = Method(Name::Delete);
    /// Open a tunnel; the client uses it for proxies, and refuses it from callers.
    pub const CONNECT: Method = Method(Name::Connect);
    /// Ask what the target can do.
    pub const OPTIONS: Method = Method(Name::Options);
    /// Loop-back test; never carries a body.
    pub const TRACE: Method = Method(Name::Trace);
    /// Change a part of the target (RFC 5789).
    pub const PATCH: Method = Method(Name::Patch);

    /// Takes any token as a method.
    ///
    /// # Errors
    /// [`RequestFault::Method`] when `name` is empty or is not a token
    /// (RFC 9110 section 5.6.2).
    pub fn new(name: &str) -> Result<Method, Error> {
        if !syntax::is_token(name.as_bytes()) {
            return Err(Error::new(ErrorKind::Request(RequestFault::Method))
                .with_peer_text(name.as_bytes()));
        }
        Ok(Method(match name {
            "GET" => Name::Get,
            "HEAD" => Name::Head,
            "POST" => Name::Post,
            "PUT" => Name::Put,
            "DELETE" => Name::Delete,
            "CONNECT" => Name::Connect,
            "OPTIONS" => Name::Options,
            "TRACE" => Name::Trace,
            "PATCH" => Name::Patch,
            other => Name::Extension(other.into()),
        }))
    }

    /// The name as it goes on the wire.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::Get => "GET",
            Name::Head => "HEAD",
            Name::Post => "POST",
            Name::Put => "PUT",
            Name::Delete => "DELETE",
            Name::Connect => "CONNECT",
            Name::Options => "OPTIONS",
            Name::Trace => "TRACE",
            Name::Patch => "PATCH",
            Name::Extension(name) => name,
        }
    }

    /// Read-only by definition (RFC 9110 section 9.2.1). Extension methods are
    /// taken for unsafe.
    pub fn is_safe(&self) -> bool {
        matches!(self.0, Name::Get | Name::Head | Name::Options | Name::Trace)
    }

    /// Doing it twice is doing it once (RFC 9110 section 9.2.2). Only such a
    /// request is ever repeated without being asked to.
    pub fn is_idempotent(&self) -> bool {
        self.is_safe() || matches!(self.0, Name::Put | Name::Delete)
    }

    /// Content is expected, so its absence is announced as length 0
    /// (RFC 9110 section 8.6).
    pub(crate) fn expects_content(&self) -> bool {
        matches!(self.0, Name::Post | Name::Put | Name::Patch)
    }

    /// Content has no defined meaning and is refused.
    pub(crate) fn forbids_content(&self) -> bool {
        matches!(self.0, Name::Trace)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
