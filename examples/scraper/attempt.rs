//! One attempt to fetch one URL: the task that the scheduler spawns.
//!
//! Owns: nothing beyond its own run. What all attempts share is the `Kit`.
//!
//! Laws:
//! * It ends in one of four ways: the outcome is written, again later, no descriptor
//!   left (which is no attempt), or nothing can be written any more.
//! * The outcome's line is handed over in the last poll, so a cancelled attempt has
//!   left none.
//! * Memory: one piece of the body at a time, whatever its size.
//!
//! Read next: `retry.rs`, `scheduler.rs`.

use super::outcome::{Failure, Outcome};
use super::retry::{RetryRule, Verdict};
use super::save::{Body, Shelf};
use super::source::Entry;
use super::tally::{Brief, Broken};
use downbeat::http::{self, Client, ErrorKind, RetryAfter};
use downbeat::sync::channel::Sender;
use downbeat::time;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};
use url::{ParseError, Url};

/// One URL on its way to its outcome.
#[derive(Debug)]
pub(crate) struct Job {
    /// What was given.
    pub(crate) entry: Rc<Entry>,
    /// What that means, or why it means nothing.
    pub(crate) url: Result<Url, &'static str>,
    /// Attempts made.
    pub(crate) attempts: u32,
    /// Since when it waits for a descriptor.
    pub(crate) starving: Option<Instant>,
}

/// What all attempts share.
pub(crate) struct Kit {
    /// The client with its connections.
    pub(crate) client: Client,
    /// Where outcomes are written, if anywhere.
    pub(crate) lines: Option<Sender<Vec<u8>>>,
    /// Where bodies are saved, if anywhere.
    pub(crate) shelf: Option<Shelf>,
    /// When to try again.
    pub(crate) retry: RetryRule,
    /// How long an attempt may wait for a descriptor.
    pub(crate) patience: Duration,
}

/// How an attempt ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The way.
    pub(crate) way: Way,
    /// How long it took; `None` if nothing was tried.
    pub(crate) took: Option<Duration>,
    /// What happened, in a few words.
    pub(crate) what: Box<str>,
}

/// The ways an attempt can end.
#[derive(Debug)]
pub(crate) enum Way {
    /// The URL has its outcome.
    Final(Brief),
    /// Again later.
    Again(Job, Verdict),
    /// There was no descriptor.
    Starved(Job),
    /// Nothing more can be written.
    Broken(Broken),
}

impl Job {
    /// The job of an entry.
    pub(crate) fn new(entry: Entry) -> Self {
        Self {
            url: parse(&entry.text),
            entry: Rc::new(entry),
            attempts: 0,
            starving: None,
        }
    }

    /// The name under which its host is capped and delayed: without the port and the
    /// scheme, so that a redirect from http to https stays within it.
    pub(crate) fn host(&self) -> Option<&str> {
        self.url.as_ref().ok()?.host_str()
    }
}

/// Tries once.
pub(crate) async fn attempt(mut job: Job, kit: Rc<Kit>) -> Ended {
    let url = match &job.url {
        Ok(url) => url.clone(),
        Err(why) => {
            let mut outcome = Outcome::new(Rc::clone(&job.entry), 0);
            outcome.failure = Some(Failure::new("url", *why));
            return settle(outcome, None, None, &kit).await;
        }
    };
    job.attempts += 1;
    let began = time::now();
    let mut outcome = Outcome::new(Rc::clone(&job.entry), job.attempts);
    let got = exchange(&url, &mut outcome, &kit).await;
    let took = time::now().saturating_duration_since(began);
    let what = describe(&outcome);
    match got {
        Ok(Got::Complete(Verdict::Final)) => settle(outcome, Some(took), Some(took), &kit).await,
        Ok(Got::Failed(Verdict::Final)) => settle(outcome, Some(took), None, &kit).await,
        Ok(Got::Complete(verdict) | Got::Failed(verdict)) => {
            job.starving = None;
            Ended {
                way: Way::Again(job, verdict),
                took: Some(took),
                what,
            }
        }
        Ok(Got::Starved) => {
            let since = *job.starving.get_or_insert(began);
            if time::now().saturating_duration_since(since) >= kit.patience {
                return settle(outcome, Some(took), None, &kit).await;
            }
            job.attempts -= 1;
            Ended {
                way: Way::Starved(job),
                took: None,
                what,
            }
        }
        Err(error) => Ended {
            way: Way::Broken(broken(&error)),
            took: Some(took),
            what,
        },
    }
}

/// What an exchange was, as far as it went.
enum Got {
    /// A whole response.
    Complete(Verdict),
    /// No response, or not the whole of it.
    Failed(Verdict),
    /// No descriptor.
    Starved,
}

/// Request and response. An error is one of the disk.
async fn exchange(url: &Url, outcome: &mut Outcome, kit: &Kit) -> io::Result<Got> {
    let mut response = match kit.client.get(url.clone()).send().await {
        Ok(response) => response,
        Err(error) => return Ok(failed(&error, url, outcome, kit)),
    };
    let (index, attempts) = (outcome.entry.index, outcome.attempts);
    let (status, headers) = (response.status(), response.headers());
    outcome.status = Some(status);
    outcome.final_url = Some(response.url().to_string());
    outcome.content_type = headers.get_str("content-type").map(str::to_owned);
    outcome.reused = response.reused();
    let verdict = kit
        .retry
        .after_status(status, RetryAfter::of(headers), index, attempts);
    let mut body = match &kit.shelf {
        Some(shelf) if status < 400 => Some(shelf.body(index, response.url())),
        _ => None,
    };
    loop {
        match response.chunk().await {
            Ok(Some(piece)) => {
                outcome.bytes += piece.len() as u64;
                if let Some(body) = &mut body {
                    body.push(piece).await?;
                }
            }
            Ok(None) => break,
            Err(error) => {
                if let Some(body) = body {
                    body.discard().await;
                }
                return Ok(failed(&error, url, outcome, kit));
            }
        }
    }
    outcome.timings = Some(*response.timings());
    drop(response); // The connection serves others while the body is saved.
    outcome.saved = save(body).await?;
    if status >= 400 {
        outcome.failure = Some(Failure::new("status", format!("status {status}")));
    }
    Ok(Got::Complete(verdict))
}

async fn save(body: Option<Body>) -> io::Result<Option<String>> {
    match body {
        Some(body) => body.finish().await.map(Some),
        None => Ok(None),
    }
}

/// Notes an error of the client.
fn failed(error: &http::Error, url: &Url, outcome: &mut Outcome, kit: &Kit) -> Got {
    outcome.failure = Some(Failure::of(error, url));
    outcome.timings = error.timings().copied();
    let kind = error.kind();
    match kind {
        ErrorKind::DescriptorsExhausted => Got::Starved,
        _ => Got::Failed(
            kit.retry
                .after_error(kind, outcome.entry.index, outcome.attempts),
        ),
    }
}

/// Writes the outcome; `response` is how long a complete response took.
pub(crate) async fn settle(
    outcome: Outcome,
    took: Option<Duration>,
    response: Option<Duration>,
    kit: &Kit,
) -> Ended {
    let what = describe(&outcome);
    let brief = Brief {
        failure: outcome.failure.as_ref().map(|failure| failure.kind),
        bytes: outcome.bytes,
        reused: outcome.reused,
        response,
    };
    if let Some(lines) = &kit.lines
        && lines.send(outcome.to_line()).await.is_err()
    {
        // Why, the journal says at the end.
        return Ended {
            way: Way::Broken(Broken::Pipe),
            took,
            what,
        };
    }
    Ended {
        way: Way::Final(brief),
        took,
        what,
    }
}

/// `200`, or why not.
fn describe(outcome: &Outcome) -> Box<str> {
    match (&outcome.failure, outcome.status) {
        (Some(failure), _) => failure.message.clone().into(),
        (None, Some(status)) => format!("{status}, {} bytes", outcome.bytes).into(),
        (None, None) => Box::default(),
    }
}

/// What an error of the disk means for the run.
pub(crate) fn broken(error: &io::Error) -> Broken {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Broken::Pipe,
        _ => Broken::Output(error.to_string()),
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
        Err(_) => Err("not a URL"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_url() {
        let host = |text: &str| {
            let entry = Entry {
                index: 0,
                line: None,
                text: text.into(),
            };
            Job::new(entry).host().map(str::to_owned)
        };
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
