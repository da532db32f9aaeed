//! What the caller and the client's defaults gave, as far as it concerns the client.
//!
//! Owns: the findings of one walk over the fields.
//!
//! Laws: H07, the library alone says how long the body is: a caller's own
//! `Content-Length` or `Transfer-Encoding` must say the same. N01, what the defaults
//! hold for one origin is not sent to another that a redirect led to.
//!
//! Read next: `request.rs`, which writes the head.

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

use super::error::Error;
use super::kind::{ErrorKind, RequestFault};
use super::redirect;
use super::request::{BodyLength, RequestHead, TargetForm};
use super::syntax;

/// What the caller and the defaults gave that concerns us.
#[derive(Default)]
pub(super) struct Given<'a> {
    pub(super) host: Option<&'a [u8]>,
    pub(super) user_agent: bool,
    pub(super) accept: bool,
    pub(super) accept_encoding: bool,
    pub(super) range: bool,
    pub(super) authorization: bool,
    pub(super) proxy_authorization: bool,
    pub(super) expect: bool,
    pub(super) upgrade: bool,
    pub(super) close: bool,
    pub(super) connection_upgrade: bool,
}

impl<'a> Given<'a> {
    pub(super) fn collect(head: &'a RequestHead<'_>, body: BodyLength) -> Result<Given<'a>, Error> {
        let mut given = Given::default();
        for (name, value) in all_fields(head) {
            given.field(name, value, body)?;
        }
        Ok(given)
    }

    fn field(&mut self, name: &str, value: &'a [u8], body: BodyLength) -> Result<(), Error> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("host") {
            // A Host with a blank or a comma is read differently by every proxy.
            let odd = |b: &u8| !b.is_ascii_graphic() || b",/\\@".contains(b);
            if value.is_empty() || value.iter().any(odd) || self.host.replace(value).is_some() {
                return refuse(RequestFault::Host, name);
            }
        } else if is("content-length") || is("transfer-encoding") {
            if !fits(name, value, body) {
                return refuse(RequestFault::OwnedHeader, name);
            }
        } else if is("connection") {
            for token in syntax::members(value) {
                self.close |= token.eq_ignore_ascii_case(b"close");
                self.connection_upgrade |= token.eq_ignore_ascii_case(b"upgrade");
            }
        } else if is("expect") {
            if !value.eq_ignore_ascii_case(b"100-continue") {
                return refuse(RequestFault::OwnedHeader, name);
            }
            self.expect = true;
        } else {
            self.user_agent |= is("user-agent");
            self.accept |= is("accept");
            self.accept_encoding |= is("accept-encoding");
            self.range |= is("range");
            self.authorization |= is("authorization");
            self.proxy_authorization |= is("proxy-authorization");
            self.upgrade |= is("upgrade");
        }
        Ok(())
    }
}

fn refuse(fault: RequestFault, name: &str) -> Result<(), Error> {
    Err(Error::new(ErrorKind::Request(fault)).with_detail(name))
}

/// LAW H07: does the caller's framing say what ours will?
fn fits(name: &str, value: &[u8], body: BodyLength) -> bool {
    let is_length = name.eq_ignore_ascii_case("content-length");
    match body {
        BodyLength::Chunked => !is_length && value.eq_ignore_ascii_case(b"chunked"),
        BodyLength::Known(length) => is_length && syntax::decimal(value) == Some(length),
        BodyLength::None => is_length && syntax::decimal(value) == Some(0),
    }
}

/// The caller's fields, then the defaults the caller did not name.
fn all_fields<'a>(head: &'a RequestHead<'_>) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    let defaults = head.defaults.iter().filter(|(name, _)| {
        // LAW N01: the caller's own copies are gone by now.
        let misplaced = head.left_home && redirect::is_credential(name.as_bytes());
        !misplaced && !head.headers.contains(name)
    });
    head.headers.iter().chain(defaults)
}

/// Those of them that are sent as they are. The others we write ourselves.
pub(super) fn fields_to_send<'a>(
    head: &'a RequestHead<'_>,
) -> impl Iterator<Item = (&'a str, &'a [u8])> {
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
