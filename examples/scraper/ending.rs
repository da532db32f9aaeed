//! The other half of the scheduler: what follows from an end, and from a signal.
//!
//! Laws: the place of a host is given back with the end of each attempt. A job that
//! comes back while the run is ending is unfinished: it has no outcome, so a later
//! run with `--resume` takes it up. What holds an attempt up in this process (no
//! descriptor, a policy that sheds load) is no attempt, and fails the URL only when it
//! lasts as long as an attempt may.
//!
//! Read next: `tally.rs`.

use super::attempt::{Ended, Way, settle};
use super::frontier::HostKey;
use super::job::Job;
use super::outcome::{Failure, Outcome};
use super::retry::Verdict;
use super::scheduler::{Out, Phase, Scheduler};
use super::summary;
use super::tally::Ending;
use downbeat::task::TaskId;
use downbeat::{JoinError, time};
use std::rc::Rc;
use std::time::Duration;

/// How long a job waits that was held up.
const PAUSE: Duration = Duration::from_millis(100);

impl Scheduler<'_> {
    /// An attempt has ended.
    pub(super) fn ended(&mut self, id: TaskId, result: Result<Ended, JoinError>) {
        let Some(out) = self.out.remove(&id) else {
            return;
        };
        if out.came_in.as_ref().is_some_and(|came_in| !came_in.get()) {
            self.left_line(out.host);
        }
        let ended = match result {
            Ok(ended) => ended,
            Err(JoinError::Panicked(_)) if self.phase != Phase::Dropping => {
                return self.fail(out, Failure::new("panic", "the attempt panicked"));
            }
            Err(_) => return self.hold_up(out, Failure::new("shed", "the policy shed it")),
        };
        if let Some(waited) = ended.waited {
            self.tally.waits.add(waited);
        }
        if let Some(took) = ended.took {
            self.tally.attempt(took);
        }
        match ended.way {
            Way::Final(brief) => {
                self.release(out.host);
                self.window_bytes -= out.job.entry.text.len();
                self.tally.add(&brief);
                let took = summary::time(ended.took.unwrap_or_default());
                let line = || format!("{}: {} ({took})", out.job.shown(), ended.what);
                self.console.line(line);
            }
            Way::Again(verdict) => self.again(out, verdict, &ended.what),
            Way::Starved(failure) => self.hold_up(out, failure),
            Way::Broken(why) => {
                self.release(out.host);
                self.tally.unfinished += 1;
                self.tally.broke(why);
                self.drop_all();
            }
        }
    }

    /// A job comes back after an attempt.
    fn again(&mut self, out: Out, verdict: Verdict, what: &str) {
        let mut job = Rc::unwrap_or_clone(out.job);
        job.held_up = None;
        self.put_back(out.host, job, verdict, what);
    }

    /// A job comes back without an attempt, or fails if that lasts.
    fn hold_up(&mut self, out: Out, failure: Failure) {
        let mut job = Rc::unwrap_or_clone(out.job);
        let now = time::now();
        let since = *job.held_up.get_or_insert(now);
        let waited = now.saturating_duration_since(since);
        if waited >= self.plan.timeout && self.phase == Phase::Running {
            let job = Rc::new(job);
            return self.fail(Out { job, ..out }, failure);
        }
        job.attempts = job.attempts.saturating_sub(1);
        self.put_back(out.host, job, Verdict::Again(PAUSE), &failure.message);
    }

    fn put_back(&mut self, host: Option<HostKey>, job: Job, verdict: Verdict, what: &str) {
        if self.phase != Phase::Running {
            self.release(host);
            self.tally.unfinished += 1;
            return;
        }
        let wait = match verdict {
            Verdict::Again(wait) | Verdict::HostAgain(wait) => wait,
            Verdict::Final => Duration::ZERO,
        };
        let waits = summary::time(wait);
        self.console
            .line(|| format!("{}: {what}; again in {waits}", job.shown()));
        let now = time::now();
        let until = now.checked_add(wait).unwrap_or(now);
        let Some(host) = host else {
            return self.frontier.push(None, job, now);
        };
        if matches!(verdict, Verdict::HostAgain(_)) {
            self.frontier.hold(host, until);
        }
        self.frontier.park(host, job, until, now);
    }

    /// Gives a job an outcome that its attempt could not write.
    fn fail(&mut self, out: Out, failure: Failure) {
        self.release(out.host);
        let mut outcome = Outcome::new(Rc::clone(&out.job));
        outcome.failure = Some(failure);
        let kit = Rc::clone(&self.kit);
        let report = async move { settle(outcome, None, None, &kit).await };
        if let Some(id) = self.attempts.spawn(report) {
            let (host, came_in) = (None, None);
            self.out.insert(
                id,
                Out {
                    host,
                    came_in,
                    ..out
                },
            );
        }
    }

    fn release(&mut self, host: Option<HostKey>) {
        if let Some(host) = host {
            self.frontier.finished(host, time::now());
        }
    }

    /// A signal came: first drain, then drop.
    pub(super) fn interrupted(&mut self) {
        self.tally.ending = Ending::Drained;
        if self.phase != Phase::Running {
            return self.drop_all();
        }
        self.forget_waiting();
        let now = time::now();
        let until = now.checked_add(self.plan.grace).unwrap_or(now);
        self.phase = Phase::Draining(until);
        if let Some(turnstile) = &self.turnstile {
            turnstile.close(self.in_line);
        }
        let (count, grace) = (self.in_flight(), summary::time(self.plan.grace));
        self.console.notice(&format!(
            "interrupted: waiting up to {grace} for {count} in flight; again: drops them"
        ));
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
        if self.tally.is_interrupted() {
            self.tally.ending = Ending::Dropped;
        }
        self.attempts.abort_all();
    }

    /// What has not started stays undone.
    fn forget_waiting(&mut self) {
        self.urls = None;
        self.tally.unfinished += self.frontier.clear() as u64;
    }
}
