//! One URL on its way to its outcome.
//!
//! Owns: `Job`, and what counts as a URL. Text that is none is a job too: its attempt
//! fails at once, so that it has an outcome like all others.
//!
//! Read next: `attempt.rs`.

use super::source::Entry;
use std::borrow::Cow;
use std::time::Instant;
use url::{ParseError, Position, Url};

/// One URL on its way to its outcome. The scheduler changes it between attempts.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// What was given.
    pub(crate) entry: Entry,
    /// What that means, or why it means nothing.
    pub(crate) url: Result<Url, &'static str>,
    /// Attempts, the one in flight included.
    pub(crate) attempts: u32,
    /// Since when it is held up by this process, not by a server.
    pub(crate) held_up: Option<Instant>,
}

impl Job {
    /// The job of an entry.
    pub(crate) fn new(entry: Entry) -> Self {
        Self {
            url: entry.flaw.map_or_else(|| parse(&entry.text), Err),
            entry,
            attempts: 0,
            held_up: None,
        }
    }

    /// The name under which its host is capped and delayed: without the port and the
    /// scheme, so that a redirect from http to https stays within it.
    pub(crate) fn host(&self) -> Option<&str> {
        self.url.as_ref().ok()?.host_str()
    }
}

impl Job {
    /// What people are shown: what was given, without a user and password.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        let text = &*self.entry.text;
        let Some(behind) = text.find("://").map(|at| at + 3) else {
            return text.into();
        };
        let rest = &text[behind..];
        let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
        match authority.rfind('@') {
            Some(at) => format!("{}{}", &text[..behind], &rest[at + 1..]).into(),
            None => text.into(),
        }
    }

    /// What a picture calls it: the part that differs first, at most 120 characters.
    pub(crate) fn title(&self) -> String {
        let index = self.entry.index;
        match &self.url {
            Ok(url) => {
                let host = url.host_str().unwrap_or_default();
                format!("{index} {:.80} {host:.30}", &url[Position::BeforePath..])
            }
            Err(_) => format!("{index} {:.80}", self.shown()),
        }
    }
}

/// Reads a URL as it was given.
fn parse(text: &str) -> Result<Url, &'static str> {
    match Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            Err("neither http nor https: a URL begins with http:// or https://")
        }
        Ok(url) if url.host_str().is_none_or(str::is_empty) => Err("no host"),
        Ok(url) => Ok(url),
        Err(ParseError::RelativeUrlWithoutBase) => {
            Err("no scheme: a URL begins with http:// or https://")
        }
        Err(ParseError::EmptyHost) => Err("no host"),
        Err(ParseError::InvalidPort) => Err("bad port"),
        Err(ParseError::InvalidIpv4Address) => Err("bad IPv4 address"),
        Err(ParseError::InvalidIpv6Address) => {
            Err("bad IPv6 address: a zone id has no place in a URL")
        }
        Err(ParseError::IdnaError | ParseError::InvalidDomainCharacter) => Err("bad host name"),
        Err(_) => Err("not a URL"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(text: &str) -> Job {
        Job::new(Entry {
            index: 0,
            line: None,
            text: text.into(),
            flaw: None,
            size: None,
        })
    }

    #[test]
    fn a_password_is_not_shown() {
        for (text, shown) in [
            ("http://u:s3cret@h/a@b", "http://h/a@b"),
            ("http://u:s3@cret@h?x", "http://h?x"),
            ("http://u:s3cret@h:99999", "http://h:99999"),
            ("http://h/~u@x", "http://h/~u@x"),
            ("mailto:a@b", "mailto:a@b"),
        ] {
            assert_eq!(job(text).shown(), shown);
            assert!(!job(text).title().contains("s3"));
        }
    }

    #[test]
    fn what_is_a_url() {
        let host = |text: &str| job(text).host().map(str::to_owned);
        assert_eq!(
            host("http://EXAMPLE.com:8080/x").as_deref(),
            Some("example.com")
        );
        assert_eq!(host("https://[::1]/").as_deref(), Some("[::1]"));
        for wrong in [
            "",
            "example.com",
            "/page",
            "ftp://h/",
            "http://",
            "http://h:99999/",
            "mailto:a@b",
        ] {
            assert_eq!(host(wrong), None, "{wrong}");
        }
    }
}
