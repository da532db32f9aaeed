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

use super::job::Job;
use super::outcome::{Failure, Outcome};
use super::retry::{RetryRule, Verdict};
use super::save::{Body, Shelf};
use super::tally::{Brief, Broken};
use super::turnstile::InLine;
use downbeat::http::{self, Client, ErrorKind, Response, RetryAfter};
use downbeat::sync::channel::Sender;
use downbeat::time;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use url::Url;

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
    /// How long it stood in line for a slot, if there was a line.
    pub(crate) waited: Option<Duration>,
}

/// The ways an attempt can end.
#[derive(Debug)]
pub(crate) enum Way {
    /// The URL has its outcome.
    Final(Brief),
    /// Again later.
    Again(Verdict),
    /// There was no descriptor.
    Starved(Failure),
    /// Nothing more can be written.
    Broken(Broken),
}

/// What an exchange was, as far as it went.
enum Got {
    /// A whole response.
    Whole(Verdict),
    /// No response, or not the whole of it.
    Part(Verdict),
    /// No descriptor.
    Starved(Failure),
}

/// Tries once.
pub(crate) async fn attempt(job: Rc<Job>, kit: Rc<Kit>) -> Ended {
    let mut outcome = Outcome::new(Rc::clone(&job));
    let url = match &job.url {
        Ok(url) => url,
        Err(why) => {
            outcome.failure = Some(Failure::new("url", *why));
            return settle(outcome, None, None, &kit).await;
        }
    };
    let began = time::now();
    let got = exchange(url, &mut outcome, &kit).await;
    let took = Some(time::now().saturating_duration_since(began));
    match got {
        Ok(Got::Whole(Verdict::Final)) => settle(outcome, took, took, &kit).await,
        Ok(Got::Part(Verdict::Final)) => settle(outcome, took, None, &kit).await,
        Ok(Got::Whole(verdict) | Got::Part(verdict)) => {
            Ended::new(Way::Again(verdict), took, &outcome)
        }
        Ok(Got::Starved(failure)) => Ended::new(Way::Starved(failure), None, &outcome),
        Err(error) => Ended::new(Way::Broken(broken(&error)), took, &outcome),
    }
}

/// Waits for a slot in line, then tries once.
pub(crate) async fn after_line(line: InLine, job: Rc<Job>, kit: Rc<Kit>) -> Ended {
    let (slot, waited) = match line.come_in().await {
        Ok(inside) => inside,
        Err(failure) => {
            let outcome = Outcome::new(job);
            return Ended::new(Way::Starved(failure), None, &outcome);
        }
    };
    // In a box of its own: those in line need little memory.
    let mut ended = Box::pin(attempt(job, kit)).await;
    ended.waited = Some(waited);
    drop(slot);
    ended
}

/// Request and response. An error is one of the disk.
async fn exchange(url: &Url, outcome: &mut Outcome, kit: &Kit) -> io::Result<Got> {
    let mut response = match kit.client.get(url.clone()).send().await {
        Ok(response) => response,
        Err(error) => return Ok(failed(&error, url, outcome, kit)),
    };
    let status = response.status();
    outcome.status = Some(status);
    outcome.final_url = Some(response.url().to_string());
    outcome.content_type = (response.headers().get_str("content-type")).map(str::to_owned);
    outcome.reused = response.reused();
    let retry_after = RetryAfter::of(response.headers());
    let index = outcome.job.entry.index;
    let mut body = (kit.shelf.as_ref().filter(|_| status < 400))
        .map(|shelf| shelf.body(index, response.url()));
    if let Err(error) = read(&mut response, outcome, body.as_mut()).await? {
        if let Some(body) = body {
            body.discard().await;
        }
        return Ok(failed(&error, url, outcome, kit));
    }
    outcome.timings = Some(*response.timings());
    drop(response); // The connection serves others while the body is saved.
    if let Some(body) = body {
        outcome.saved = Some(body.finish().await?);
    }
    if status >= 400 {
        outcome.failure = Some(Failure::new("status", format!("status {status}")));
    }
    let attempts = outcome.job.attempts;
    let verdict = (kit.retry).after_status(status, retry_after, index, attempts);
    Ok(Got::Whole(verdict))
}

/// Reads the body, piece by piece. The outer error is one of the disk.
async fn read(
    response: &mut Response,
    outcome: &mut Outcome,
    mut body: Option<&mut Body>,
) -> io::Result<Result<(), http::Error>> {
    loop {
        match response.chunk().await {
            Ok(Some(piece)) => {
                outcome.bytes += piece.len() as u64;
                if let Some(body) = &mut body {
                    body.push(piece).await?;
                }
            }
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// Notes an error of the client.
fn failed(error: &http::Error, url: &Url, outcome: &mut Outcome, kit: &Kit) -> Got {
    let failure = Failure::of(error, url);
    let kind = error.kind();
    if kind == ErrorKind::DescriptorsExhausted {
        return Got::Starved(failure);
    }
    outcome.failure = Some(failure);
    outcome.timings = error.timings().copied();
    let (index, attempts) = (outcome.job.entry.index, outcome.job.attempts);
    Got::Part(kit.retry.after_error(kind, index, attempts))
}

/// Writes the outcome; `response` is how long a complete response took.
pub(crate) async fn settle(
    outcome: Outcome,
    took: Option<Duration>,
    response: Option<Duration>,
    kit: &Kit,
) -> Ended {
    let brief = Brief {
        failure: outcome.failure.as_ref().map(|failure| failure.kind),
        bytes: outcome.bytes,
        reused: outcome.reused,
        response,
    };
    let mut way = Way::Final(brief);
    if let Some(lines) = &kit.lines
        && lines.send(outcome.to_line()).await.is_err()
    {
        // Why, the journal says at the end.
        way = Way::Broken(Broken::Pipe);
    }
    Ended::new(way, took, &outcome)
}

impl Ended {
    fn new(way: Way, took: Option<Duration>, outcome: &Outcome) -> Self {
        let what = match (&way, &outcome.failure, outcome.status) {
            (Way::Starved(failure), ..) | (_, Some(failure), _) => failure.message.clone(),
            (_, None, Some(status)) => format!("{status}, {} bytes", outcome.bytes),
            (_, None, None) => String::new(),
        };
        let what = what.into();
        let waited = None;
        Self {
            way,
            took,
            what,
            waited,
        }
    }
}

/// What an error of the disk means for the run.
pub(crate) fn broken(error: &io::Error) -> Broken {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Broken::Pipe,
        _ => Broken::Output(error.to_string()),
    }
}
