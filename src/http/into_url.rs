//! From text to URL: what callers may give as one.
//!
//! Owns: nothing.
//!
//! Laws: the outcome is that of `Url::parse`. A zone id is named as what it is (law N07).
//!
//! Read next: `target.rs`, which parses what it has not seen.

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

use url::Url;

use super::error::Error;
use super::kind::{ErrorKind, RequestFault};
use super::limits::{Limit, Limits};
use super::target::Target;

/// Anything that is a URL or can be read as one.
pub trait IntoUrl {
    /// The URL.
    ///
    /// # Errors
    /// [`RequestFault::Url`] when the text is not one, [`RequestFault::ZoneId`]
    /// for an IPv6 zone id in the host.
    fn into_url(self) -> Result<Url, Error>;

    /// The same, for a request: a text need not be parsed to be sent.
    ///
    /// # Errors
    /// As [`into_url`](Self::into_url).
    #[doc(hidden)]
    fn into_target(self) -> Result<Target, Error>
    where
        Self: Sized,
    {
        self.into_url().map(Target::from)
    }
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

    fn into_target(self) -> Result<Target, Error> {
        Target::of(self)
    }
}

impl IntoUrl for String {
    fn into_url(self) -> Result<Url, Error> {
        parse(&self)
    }

    fn into_target(self) -> Result<Target, Error> {
        Target::of(&self)
    }
}

impl IntoUrl for &String {
    fn into_url(self) -> Result<Url, Error> {
        parse(self)
    }

    fn into_target(self) -> Result<Target, Error> {
        Target::of(self)
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

/// The URL of a text.
///
/// # Errors
/// As [`IntoUrl::into_url`].
pub(crate) fn parse(text: &str) -> Result<Url, Error> {
    Url::parse(text).map_err(|error| {
        // WHY NOT the text: it may hold a password.
        let fault = match has_zone_id(text) {
            true => RequestFault::ZoneId,
            false => RequestFault::Url,
        };
        Error::new(ErrorKind::Request(fault)).with_source(error)
    })
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
