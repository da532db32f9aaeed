//! The URL of a request: its text at once, a [`Url`] when somebody asks for one.
//!
//! Owns: the text; per thread, the scheme, host and port that were parsed last.
//!
//! Laws: whoever looks sees what `Url::parse` makes of the text, always. Most requests
//! of a program go to few hosts, and to parse a URL was a tenth of a request, so a text
//! that begins with the same letters as the last one up to its path, and whose path and
//! query are so plain that `url` leaves them as they are, is not parsed: it is what
//! parsing would give. N04: a text with a user or password is never one of these.
//!
//! Absent on purpose: percent-encoding and dot segments. A text that needs them is
//! parsed.
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

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use url::{Position, Url};

use super::basic;
use super::error::Error;
use super::into_url;
use super::kind::ErrorKind;
use super::limits::{Limit, Limits};
use super::origin::Origin;

/// The URL of a request.
#[derive(Clone, Debug)]
pub struct Target(Form);

#[derive(Clone, Debug)]
enum Form {
    /// It was parsed. In a box: many may wait for a connection, and most are plain.
    Parsed(Box<Url>),
    /// It is what it would be after parsing.
    Plain {
        /// What stands behind the front: path and query.
        behind: Box<str>,
        /// Scheme, host and port, and what they mean.
        front: Rc<Front>,
        /// The same, for who wants to see a `Url`.
        url: OnceCell<Box<Url>>,
    },
}

impl Target {
    /// The target of a text.
    ///
    /// # Errors
    /// As [`into_url::parse`].
    pub(crate) fn of(text: &str) -> Result<Target, Error> {
        if let Some(form) = like_the_last(text) {
            return Ok(Target(form));
        }
        let url = into_url::parse(text)?;
        if let Some(front) = plain_front(text) {
            remember(front, &url);
        }
        Ok(Target::from(url))
    }

    /// The URL.
    pub(crate) fn url(&self) -> &Url {
        match &self.0 {
            Form::Parsed(url) => url,
            Form::Plain { behind, front, url } => url.get_or_init(|| front.parse(behind)),
        }
    }

    /// The same, to keep.
    pub(crate) fn into_url(self) -> Url {
        *match self.0 {
            Form::Parsed(url) => url,
            Form::Plain { behind, front, url } => {
                url.into_inner().unwrap_or_else(|| front.parse(&behind))
            }
        }
    }

    /// Gives back the room to spare that parsing left in the text.
    pub(crate) fn trim(&mut self) {
        if let Form::Parsed(url) = &mut self.0 {
            **url = Url::clone(url);
        }
    }

    /// The origin, if it is known.
    pub(crate) fn origin(&self) -> Option<&Origin> {
        match &self.0 {
            Form::Parsed(_) => None,
            Form::Plain { front, .. } => Some(&front.origin),
        }
    }

    /// What a request line says of it: path and query.
    pub(crate) fn path_and_query(&self) -> &str {
        match &self.0 {
            Form::Parsed(url) => &url[Position::BeforePath..Position::AfterQuery],
            Form::Plain { behind, .. } => behind,
        }
    }

    /// Is it known that there is neither a user nor a password?
    pub(crate) fn has_no_credentials(&self) -> bool {
        matches!(self.0, Form::Plain { .. })
    }

    /// The value for `Authorization`, if there is a user or a password.
    pub(crate) fn credentials(&self) -> Option<String> {
        match &self.0 {
            Form::Parsed(url) => basic::of_url(url),
            Form::Plain { .. } => None,
        }
    }

    /// Takes user and password out, as the value for `Authorization`.
    pub(crate) fn take_credentials(&mut self) -> Option<String> {
        match &mut self.0 {
            Form::Parsed(url) => basic::take_userinfo(url),
            Form::Plain { .. } => None,
        }
    }

    /// Refuses one that is too long to be meant.
    ///
    /// # Errors
    /// `TooLarge`.
    pub(crate) fn check_length(&self, limits: &Limits) -> Result<(), Error> {
        let length = match &self.0 {
            Form::Parsed(url) => url.as_str().len(),
            Form::Plain { behind, front, .. } => front.text.len().saturating_add(behind.len()),
        };
        match length > limits.url_bytes {
            true => Err(ErrorKind::TooLarge(Limit::UrlBytes).into()),
            false => Ok(()),
        }
    }
}

impl From<Url> for Target {
    fn from(url: Url) -> Target {
        Target(Form::Parsed(Box::new(url)))
    }
}

/// Scheme, host and port that are their own normal form, and what they mean.
#[derive(Debug)]
struct Front {
    text: Box<str>,
    origin: Origin,
    /// A URL that begins so.
    url: Url,
}

impl Front {
    /// The URL of this front and a text behind it that was found plain.
    fn parse(&self, behind: &str) -> Box<Url> {
        // It cannot fail: the front was parsed before, and what is behind is a path.
        let text = [&*self.text, behind].concat();
        Box::new(Url::parse(&text).unwrap_or_else(|_| self.url.clone()))
    }
}

thread_local! {
    static LAST: RefCell<Option<Rc<Front>>> = const { RefCell::new(None) };
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

/// Keeps the front of a text, if parsing left it as it was.
fn remember(front: &str, url: &Url) {
    if url[..Position::BeforePath] != *front {
        return;
    }
    let Ok(origin) = Origin::of(url) else {
        return;
    };
    let front = Rc::new(Front {
        text: front.into(),
        origin,
        url: url.clone(),
    });
    // On a thread that is going away there is nothing to remember for.
    let _ = LAST.try_with(|last| last.replace(Some(front)));
}

fn like_the_last(text: &str) -> Option<Form> {
    let like = |last: &RefCell<Option<Rc<Front>>>| {
        let last = last.borrow();
        let front = last.as_ref()?;
        let behind = text.strip_prefix(&*front.text)?;
        is_plain(behind.as_bytes()).then(|| Form::Plain {
            behind: behind.into(),
            front: Rc::clone(front),
            url: OnceCell::new(),
        })
    };
    LAST.try_with(like).ok().flatten()
}

/// Would `url` leave this path and query as they are? A path that begins like another
/// host, dot segments, and all bytes that are seldom seen count as no.
fn is_plain(text: &[u8]) -> bool {
    if !matches!(text, [b'/'] | [b'/', b'!'..=b'.' | b'0'..=b'~', ..]) {
        return false;
    }
    let mut at = 0_usize;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let Some(length) = rest.iter().position(|byte| !of(*byte, PATH)) else {
            return true;
        };
        let before = at.checked_add(length).and_then(|at| at.checked_sub(1));
        match rest.get(length..).unwrap_or_default() {
            [b'?', query @ ..] => return query.iter().all(|byte| of(*byte, QUERY)),
            // A dot segment begins behind a slash.
            [b'.', ..] if before.and_then(|at| text.get(at)) != Some(&b'/') => {}
            // `%2e` is a dot, too.
            [b'%', b'2', b'e' | b'E', ..] => return false,
            [b'%', ..] => {}
            _ => return false,
        }
        at = at.saturating_add(length).saturating_add(1);
    }
}

/// It may stand anywhere in a path.
const PATH: u8 = 1;
/// It may stand anywhere in a query.
const QUERY: u8 = 2;

fn of(byte: u8, part: u8) -> bool {
    #[allow(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "a loop over the whole table, when this is compiled"
    )]
    static PARTS: [u8; 256] = {
        let mut parts = [0; 256];
        let mut byte = 0;
        while byte < 128 {
            parts[byte] = match byte as u8 {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'~' => PATH | QUERY,
                b'!' | b'$' | b'&' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => PATH | QUERY,
                b':' | b'@' => PATH | QUERY,
                b'\'' => PATH,
                b'.' | b'%' | b'?' => QUERY,
                _ => 0,
            };
            byte += 1;
        }
        parts
    };
    PARTS
        .get(usize::from(byte))
        .is_some_and(|parts| parts & part != 0)
}

#[cfg(test)]
#[path = "tests/target.rs"]
mod tests;
