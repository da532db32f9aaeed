//! What the heads of ordinary requests to one origin have in common, kept for the next.
//!
//! Owns: the fields of the last such head, as they were written.
//!
//! Laws: a head is the same with and without a stem. H06: what is kept went through the
//! checks of `request.rs`, and the target of each request does too. N01, N04: a request
//! is ordinary only if nobody gave it a field, a body or credentials, so a stem holds
//! what the client says to everybody.
//!
//! Read next: `request.rs`, which writes all other heads, and the first of these.

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

use super::error::Error;
use super::exchange::Asked;
use super::method::Method;
use super::origin::Origin;
use super::request::{self, BodyLength, RequestHead, TargetForm};
use super::syntax;

/// The fields of the last ordinary head of a client, whose `User-Agent` is always the
/// same.
#[derive(Default)]
pub(crate) struct Stem(RefCell<Option<Kept>>);

struct Kept {
    origin: Origin,
    /// Codings were asked for.
    decode: bool,
    /// What stands behind the request line.
    fields: Vec<u8>,
}

impl Stem {
    /// As [`request::write_head`], which is the obvious form.
    ///
    /// # Errors
    /// As `write_head`.
    pub(crate) fn write_head(
        &self,
        out: &mut Vec<u8>,
        head: &RequestHead<'_>,
    ) -> Result<Asked, Error> {
        if !is_ordinary(head) {
            return request::write_head(out, head);
        }
        let mut kept = self.0.borrow_mut();
        let fits = |kept: &&Kept| kept.origin == *head.origin && kept.decode == head.decode;
        if let Some(kept) = kept.as_ref().filter(fits) {
            request::write_line(out, head)?;
            out.extend_from_slice(&kept.fields);
            return Ok(Asked {
                method: head.method.clone(),
                expects_continue: false,
                upgrade: false,
                close: false,
                decode: head.decode,
            });
        }
        let start = out.len();
        let asked = request::write_head(out, head)?;
        let line_end = syntax::find_lf(out, start);
        let fields = line_end.and_then(|lf| out.get(lf.saturating_add(1)..));
        *kept = fields.map(|fields| Kept {
            origin: head.origin.clone(),
            decode: head.decode,
            fields: fields.to_owned(),
        });
        Ok(asked)
    }
}

/// Is there nothing in it but a method, a target, and what the client always says?
fn is_ordinary(head: &RequestHead<'_>) -> bool {
    head.headers.is_empty()
        && head.defaults.is_empty()
        && head.body == BodyLength::None
        && matches!(head.form, TargetForm::Origin)
        && !head.method.expects_content()
        && *head.method != Method::CONNECT
        && head.url.has_no_credentials()
}

#[cfg(test)]
#[path = "tests/stem.rs"]
mod tests;
