//! What must hold after a run, whatever happened in it.
//!
//! Laws: a request that met no fault was answered, with the right bytes; one that
//! failed says so with a kind that its fault explains; nothing that is not idempotent
//! was seen twice; nobody waited past the deadline.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use downbeat::http::{Deadline, DecodeFault, ErrorKind, ParseFault, Phase, TlsFault};

use super::caller::{Answer, Ended, Outcome, Told};
use super::net::{Net, number};
use super::plan::{Misdeed, Plan, Plans};
use super::rough::Fault;
use super::server::Book;

/// The most that a request may last beyond its deadline.
const LATE: Duration = Duration::from_millis(100);

/// Everything a run left behind.
pub(crate) struct Evidence {
    pub(crate) plans: Plans,
    pub(crate) secure: bool,
    pub(crate) net: Net,
    pub(crate) book: Rc<RefCell<Book>>,
    pub(crate) told: Rc<RefCell<Told>>,
    pub(crate) total: Duration,
}

impl Evidence {
    /// Judges one request.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn judge(&self, plan: &Plan, ended: &Ended) -> Result<(), String> {
        let deadline = plan.total.unwrap_or(self.total) + LATE;
        if ended.took > deadline {
            return Err(format!("it took {:?} of {deadline:?}", ended.took));
        }
        self.one_outcome(plan, &ended.outcome)?;
        self.not_twice(plan, &ended.outcome)?;
        match &ended.outcome {
            Outcome::Answered(answer) => self.right(plan, answer),
            Outcome::Failed { kind, text, .. } => match self.explained(plan, &ended.outcome) {
                true => Ok(()),
                false => Err(format!("failed without a reason: {kind:?}, {text}")),
            },
            Outcome::GivenUp if plan.gives_up == Some(ended.took) => Ok(()),
            Outcome::GivenUp => Err(format!("given up after {:?}", ended.took)),
        }
    }

    /// LAW E03, as the hooks saw it.
    fn one_outcome(&self, plan: &Plan, outcome: &Outcome) -> Result<(), String> {
        let told = self.told.borrow();
        let (ended, failed) = (told.ended[plan.id], told.failed[plan.id]);
        let whole = match outcome {
            Outcome::Answered(answer) => answer.body.is_some(),
            Outcome::Failed { .. } if ended + failed == 1 => true,
            // A caller that stops reading leaves the client without an outcome.
            _ => ended + failed > 1,
        };
        let begun = told.begun[plan.id];
        if begun > 1 || whole && (begun, ended + failed) != (1, 1) {
            return Err(format!(
                "begun {begun}, ended {ended}, failed {failed} times"
            ));
        }
        Ok(())
    }

    /// No request that has an effect was seen twice, and no other more often than it
    /// was tried.
    fn not_twice(&self, plan: &Plan, outcome: &Outcome) -> Result<(), String> {
        let book = self.book.borrow();
        let hops = book.seen.range((plan.id, 0)..=(plan.id, plan.hops));
        let (most, seen) = hops.fold((0, 0), |(most, sum), (_, &n)| (n.max(most), sum + n));
        if plan.method == "POST" && most > 1 {
            return Err(format!("a POST was seen {most} times"));
        }
        match outcome {
            Outcome::Answered(answer) if seen > answer.attempts => Err(format!(
                "seen {seen} times, and tried {} times",
                answer.attempts
            )),
            _ => Ok(()),
        }
    }

    fn right(&self, plan: &Plan, answer: &Answer) -> Result<(), String> {
        if (answer.status, &answer.nonce) != (plan.status, &plan.nonce()) {
            let Answer { status, nonce, .. } = answer;
            return Err(format!("an answer to another request: {status}, {nonce}"));
        }
        let expected = match plan.method {
            "HEAD" => &[][..],
            _ => &plan.body[..],
        };
        let Some(body) = &answer.body else {
            return Ok(());
        };
        let cut = (answer.peer).and_then(|peer| self.net.struck(peer));
        // Without a length and without TLS nobody can tell.
        let may_be_cut =
            plan.ends_by_close() && !self.secure && matches!(cut, Some(Fault::EndDown(_)));
        if body == expected || may_be_cut && expected.starts_with(body) {
            return Ok(());
        }
        let (got, wanted) = (body.len(), expected.len());
        Err(format!("a wrong body: {got} bytes, {wanted} expected"))
    }

    /// Does a fault of this request, or its own deadline, explain the error?
    fn explained(&self, plan: &Plan, outcome: &Outcome) -> bool {
        let Outcome::Failed {
            kind, phase, peer, ..
        } = outcome
        else {
            return false;
        };
        if plan.total.is_some() && *kind == ErrorKind::Timeout(Deadline::Total) {
            return true;
        }
        let book = self.book.borrow();
        let by_server = (book.misdeeds.get(&plan.id)).is_some_and(|&deed| fits(deed, *kind));
        let fault = peer.and_then(|peer| self.net.struck(peer));
        let by_fault = fault.is_some_and(|fault| broke(fault, *kind));
        let connection = peer.and_then(number);
        let by_another = connection.is_some_and(|number| book.spoiled.contains(&number))
            && matches!(
                kind,
                ErrorKind::Io
                    | ErrorKind::Truncated
                    | ErrorKind::Timeout(Deadline::FirstByte | Deadline::Write)
                    // The body of a response to HEAD, behind its end.
                    | ErrorKind::Parse(ParseFault::NotHttp)
            );
        let unreached = !self.net.0.unreached.borrow().is_empty()
            && *phase == Phase::Connect
            && matches!(
                kind,
                ErrorKind::Connect(_) | ErrorKind::Timeout(Deadline::Connect)
            );
        by_server || by_fault || by_another || unreached
    }
}

/// Can this error come of this misdeed?
fn fits(deed: Misdeed, kind: ErrorKind) -> bool {
    let ended = matches!(kind, ErrorKind::Io | ErrorKind::Truncated);
    let silence = matches!(
        kind,
        ErrorKind::Timeout(
            Deadline::FirstByte | Deadline::Head | Deadline::ReadIdle | Deadline::Write
        )
    );
    match deed {
        Misdeed::Hold | Misdeed::HoldAt(_) => silence,
        Misdeed::Close | Misdeed::Reset | Misdeed::CloseAt(_) | Misdeed::ResetAt(_) => ended,
        Misdeed::Banner => matches!(kind, ErrorKind::Parse(_)),
        Misdeed::EndlessHead | Misdeed::EndlessInterim => matches!(kind, ErrorKind::TooLarge(_)),
        Misdeed::BadChunk | Misdeed::TwoLengths => matches!(kind, ErrorKind::Framing(_)),
        Misdeed::Noise => matches!(kind, ErrorKind::Decode(_)),
        Misdeed::Planted | Misdeed::CloseAfter | Misdeed::Dribble => false,
    }
}

/// Can this error come of a connection that broke like this?
fn broke(fault: Fault, kind: ErrorKind) -> bool {
    match fault {
        Fault::ResetUp(_) | Fault::ResetDown(_) | Fault::EndDown(_) => matches!(
            kind,
            ErrorKind::Io
                | ErrorKind::Truncated
                | ErrorKind::Tls(TlsFault::Closed)
                | ErrorKind::Decode(DecodeFault::Truncated)
        ),
        Fault::SilenceDown(_) | Fault::SilenceUp(_) => matches!(
            kind,
            ErrorKind::Timeout(
                Deadline::Tls
                    | Deadline::Write
                    | Deadline::FirstByte
                    | Deadline::Head
                    | Deadline::ReadIdle
            )
        ),
    }
}
