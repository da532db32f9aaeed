//! Where does the body end? RFC 9112 section 6.3 as one pure function.
//!
//! Owns: nothing.
//!
//! Laws: H01, the table is total: every combination of method, version, status
//! and fields has one answer, and what is ambiguous is an error or the end of
//! the connection, never a guess. Field names and codings are compared whole.
//! Fields are read once, in one pass.
//!
//! ```text
//! HEAD, 1xx, 204, 304            no body, whatever the fields say
//! 2xx to CONNECT                 tunnel
//! Transfer-Encoding in HTTP/1.0  error
//! Transfer-Encoding: chunked     chunked; a Content-Length beside it is ignored, no reuse
//! Transfer-Encoding: identity    to the end of the connection; beside a length an error
//! any other Transfer-Encoding    error: its bytes would not be the body
//! Content-Length, all the same   so many bytes
//! Content-Length, otherwise      error
//! nothing                        to the end of the connection
//! ```
//!
//! Read next: `body.rs`, which carries the decision out.

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

use super::headers::Headers;
use super::kind::FramingFault;
use super::method::Method;
use super::quirk::{Quirk, Quirks};
use super::reuse::{CloseReason, Reuse};
use super::syntax;
use super::version::Version;

/// How the end of the body is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Framing {
    /// There is no body.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks, then trailers.
    Chunked,
    /// Everything until the connection ends.
    Close,
    /// No message any more: the connection is a tunnel.
    Tunnel,
}

/// The answer for one head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Decision {
    /// How the end of the body is found.
    pub(crate) framing: Framing,
    /// What the head alone says about another request.
    pub(crate) reuse: Reuse,
    /// What was let pass.
    pub(crate) quirks: Quirks,
}

/// Decides how the body of this response ends.
///
/// # Errors
/// The fault, where the end of the message cannot be told.
pub(crate) fn decide(
    method: &Method,
    version: Version,
    status: u16,
    headers: &Headers,
) -> Result<Decision, FramingFault> {
    let fields = Fields::collect(headers);
    let mut quirks = fields.quirks;
    let mut reuse = fields.persistence(version);
    let framing = if *method == Method::CONNECT && (200..300).contains(&status) {
        reuse = Reuse::Close(CloseReason::Tunnel);
        Framing::Tunnel
    } else if *method == Method::HEAD || matches!(status, 100..=199 | 204 | 304) {
        if fields.doubtful_without_body(status, version) {
            quirks.insert(Quirk::FramingOnBodyless);
            reuse.close(CloseReason::DoubtfulFraming);
        }
        Framing::None
    } else {
        fields.framing(version, &mut quirks)?
    };
    if framing == Framing::Close {
        reuse.close(CloseReason::CloseDelimited);
    }
    reuse.judge(quirks);
    Ok(Decision {
        framing,
        reuse,
        quirks,
    })
}

/// What the framing fields of one head say.
#[derive(Default)]
struct Fields {
    /// The length, or why there is none.
    length: Option<Result<u64, FramingFault>>,
    /// The transfer codings, or why they cannot be undone.
    coding: Option<Result<Coding, FramingFault>>,
    /// `Connection: close`.
    close: bool,
    /// `Connection: keep-alive`.
    keep_alive: bool,
    /// What was let pass.
    quirks: Quirks,
}

/// The transfer codings we know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    Chunked,
    Identity,
}

impl Fields {
    fn collect(headers: &Headers) -> Fields {
        let mut fields = Fields::default();
        let mut codings = TransferCodings::default();
        let all = |name| headers.get_all(name);
        all("connection").for_each(|value| fields.connection(value));
        all("content-length").for_each(|value| fields.length(value));
        all("transfer-encoding").for_each(|value| codings.add(value));
        fields.quirks.merge(codings.quirks);
        fields.coding = codings.result();
        fields
    }

    /// Tokens count wherever they stand: `close` in the first of two fields
    /// closes as well as in the last (RFC 9112 section 9.3).
    fn connection(&mut self, value: &[u8]) {
        // The list is nearly always this one token.
        if syntax::same_name(value, b"keep-alive") {
            self.keep_alive = true;
            return;
        }
        for token in syntax::members(value) {
            self.close |= token.eq_ignore_ascii_case(b"close");
            self.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// Equal copies are one (RFC 9110 section 8.6), anything else is an error.
    fn length(&mut self, value: &[u8]) {
        // It is nearly always this one number.
        if let (None, Some(length)) = (self.length, syntax::decimal(value)) {
            self.length = Some(Ok(length));
            return;
        }
        for member in syntax::members(value) {
            let this = syntax::decimal(member).ok_or(FramingFault::Length);
            self.length = Some(match self.length {
                None => this,
                Some(before) if before == this => {
                    self.quirks.insert(Quirk::RepeatedLength);
                    this
                }
                Some(Err(fault)) => Err(fault),
                Some(Ok(_)) => this.and(Err(FramingFault::LengthConflict)),
            });
        }
    }

    fn persistence(&self, version: Version) -> Reuse {
        if self.close {
            Reuse::Close(CloseReason::ServerClose)
        } else if version == Version::Http10 && !self.keep_alive {
            Reuse::Close(CloseReason::Http10)
        } else {
            Reuse::Keep
        }
    }

    /// A message without body may carry the fields its GET would have, but a
    /// server that writes nonsense there may send a body all the same.
    fn doubtful_without_body(&self, status: u16, version: Version) -> bool {
        let body_announced = self.coding.is_some() || !matches!(self.length, None | Some(Ok(0)));
        let nonsense = matches!(self.length, Some(Err(_)))
            || matches!(self.coding, Some(Err(_)))
            || (self.coding.is_some() && (version == Version::Http10 || self.length.is_some()));
        nonsense || (status == 204 && body_announced)
    }

    fn framing(&self, version: Version, quirks: &mut Quirks) -> Result<Framing, FramingFault> {
        match (self.coding, self.length) {
            (Some(_), _) if version == Version::Http10 => Err(FramingFault::CodingInHttp10),
            (Some(Err(fault)), _) => Err(fault),
            (Some(Ok(Coding::Chunked)), length) => {
                if length.is_some() {
                    quirks.insert(Quirk::LengthBesideChunked);
                }
                Ok(Framing::Chunked)
            }
            (Some(Ok(Coding::Identity)), Some(_)) => Err(FramingFault::IdentityBesideLength),
            (Some(Ok(Coding::Identity)), None) => {
                quirks.insert(Quirk::IdentityCoding);
                Ok(Framing::Close)
            }
            (None, Some(length)) => length.map(Framing::Length),
            (None, None) => Ok(Framing::Close),
        }
    }
}

/// The `Transfer-Encoding` fields of one head, taken as one list.
#[derive(Default)]
struct TransferCodings {
    /// There was such a field.
    present: bool,
    /// Members that are not empty, up to a few.
    members: u32,
    /// How many of them were `chunked`.
    chunked: u32,
    /// How many of them were `identity`.
    identity: u32,
    /// What was let pass.
    quirks: Quirks,
}

impl TransferCodings {
    fn add(&mut self, value: &[u8]) {
        self.present = true;
        for member in syntax::members(value) {
            if member.is_empty() {
                // RFC 9110 section 5.6.1: a few empty members are ignored.
                self.quirks.insert(Quirk::EmptyListMember);
                continue;
            }
            self.members = self.members.saturating_add(1);
            if member.eq_ignore_ascii_case(b"chunked") {
                self.chunked = self.chunked.saturating_add(1);
            } else if member.eq_ignore_ascii_case(b"identity") {
                self.identity = self.identity.saturating_add(1);
            }
        }
    }

    fn result(&self) -> Option<Result<Coding, FramingFault>> {
        self.present
            .then_some(match (self.members, self.chunked, self.identity) {
                (0, _, _) => Err(FramingFault::EmptyCoding),
                (1, 1, 0) => Ok(Coding::Chunked),
                (1, 0, 1) => Ok(Coding::Identity),
                (members, chunked, 0) if members == chunked => Err(FramingFault::RepeatedChunked),
                _ => Err(FramingFault::Coding),
            })
    }
}

#[cfg(test)]
#[path = "tests/framing.rs"]
mod tests;
