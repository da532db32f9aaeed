//! The other half of the scheduler: what follows from an end, and from a signal.
//!
//! Laws: the place of a host is given back before anything else. A job that comes
//! back while the run is ending is unfinished: it has no outcome, so a later run with
//! `--resume` takes it up.
//!
//! Read next: `tally.rs`.

use super::attempt::{Ended, Job, Way, settle};
use super::frontier::HostKey;
use super::outcome::{Failure, Outcome};
use super::retry::Verdict;
use super::scheduler::{Out, Phase, Scheduler};
use super::summary;
use downbeat::task::TaskId;
use downbeat::{JoinError, time};
use std::rc::Rc;
use std::time::Duration;

/// How long a URL waits for a descriptor before it looks again.
const STARVED: Duration = Duration::from_millis(100);

impl Scheduler<'_> {
    /// An attempt has ended.
    pub(super) fn ended(&mut self, id: TaskId, result: Result<Ended, JoinError>) {
        let Some(Out {
            host,
            entry,
            attempt,
        }) = self.out.remove(&id)
        else {
            return;
        };
        let ended = match result {
            Ok(ended) => ended,
            Err(error) => {
                self.release(host);
                return self.no_end(
                    Out {
                        host: None,
                        entry,
                        attempt,
                    },
                    &error,
                );
            }
        };
        if let Some(took) = ended.took {
            self.tally.attempt(took);
        }
        match ended.way {
            Way::Final(brief) => {
                self.release(host);
                self.window_bytes -= entry.text.len();
                self.tally.add(&brief);
                let took = ended.took.unwrap_or_default();
                let line = || format!("{}: {} ({})", entry.text, ended.what, summary::time(took));
                self.console.line(line);
            }
            Way::Again(job, verdict) => self.again(host, job, verdict, &ended.what),
            Way::Starved(job) => self.again(host, job, Verdict::Again(STARVED), &ended.what),
            Way::Broken(why) => {
                self.release(host);
                self.tally.unfinished += 1;
                self.tally.broke(why);
                self.drop_all();
            }
        }
    }

    /// A job comes back.
    fn again(&mut self, host: Option<HostKey>, job: Job, verdict: Verdict, what: &str) {
        let wait = match verdict {
            Verdict::Again(wait) | Verdict::HostAgain(wait) => wait,
            Verdict::Final => Duration::ZERO,
        };
        let (Some(host), Phase::Running) = (host, self.phase) else {
            self.release(host);
            self.tally.unfinished += 1;
            return;
        };
        let line = || {
            format!(
                "{}: {what}; again in {}",
                job.entry.text,
                summary::time(wait)
            )
        };
        self.console.line(line);
        let now = time::now();
        let until = now.checked_add(wait).unwrap_or(now);
        if matches!(verdict, Verdict::HostAgain(_)) {
            self.frontier.hold(host, until);
        }
        self.frontier.park(host, job, until, now);
    }

    /// An attempt that was dropped, or that panicked.
    fn no_end(&mut self, out: Out, error: &JoinError) {
        if self.phase == Phase::Dropping || !error.is_panic() {
            self.tally.unfinished += 1;
            return;
        }
        let mut outcome = Outcome::new(Rc::clone(&out.entry), out.attempt);
        outcome.failure = Some(Failure::new("panic", error.to_string()));
        let kit = Rc::clone(&self.kit);
        let report = async move { settle(outcome, None, None, &kit).await };
        if let Some(id) = self.attempts.spawn(report) {
            self.out.insert(id, out);
        }
    }

    fn release(&mut self, host: Option<HostKey>) {
        if let Some(host) = host {
            self.frontier.finished(host, time::now());
        }
    }

    /// A signal came: first drain, then drop.
    pub(super) fn interrupted(&mut self) {
        self.tally.interrupted = true;
        if self.phase != Phase::Running {
            return self.drop_all();
        }
        self.forget_waiting();
        let now = time::now();
        let until = now.checked_add(self.plan.grace).unwrap_or(now);
        self.phase = Phase::Draining(until);
        let (count, grace) = (self.attempts.len(), summary::time(self.plan.grace));
        let line = || format!("interrupted: waiting up to {grace} for {count} in flight");
        self.console.line(line);
    }

    /// The alarm: perhaps the grace is over.
    pub(super) fn time(&mut self) {
        if matches!(self.phase, Phase::Draining(until) if time::now() >= until) {
            self.drop_all();
        }
    }

    fn drop_all(&mut self) {
        self.forget_waiting();
        self.phase = Phase::Dropping;
        self.attempts.abort_all();
    }

    /// What has not started stays undone.
    fn forget_waiting(&mut self) {
        self.urls = None;
        self.tally.unfinished += self.frontier.clear() as u64;
    }
}
