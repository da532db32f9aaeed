//! What a client has done so far, in numbers.
//!
//! Owns: the counts.
//!
//! Law E04: a request that is made again and a connection that is not kept are
//! counted where that is decided, so what a server saw can be reconciled with what
//! callers saw: every connection that was opened is open or has one reason why not.
//!
//! Absent on purpose: rates and times. They are differences of two of these, and
//! [`Timings`](super::Timings).
//!
//! Read next: `pool/mod.rs`.

use std::cell::RefCell;

use super::reuse::CloseReason;

/// What a client and its clones have done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Calls of `send` that began.
    pub requests: u64,
    /// Those that gave a response.
    pub responses: u64,
    /// Those that gave an error. The rest is under way or was dropped.
    pub failed: u64,
    /// Responses whose body ended in an error.
    pub broken_bodies: u64,
    /// Redirects that were followed.
    pub redirects: u64,
    /// Requests that were made again, because a kept connection was dead.
    pub retries: u64,
    /// Connections that were made.
    pub opened: u64,
    /// Requests that used a kept connection.
    pub reused: u64,
    /// Connections that are no more, by the reason. With those that are open, they
    /// are as many as `opened`.
    pub closed: Closed,
}

/// Why connections were closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// The server said so, or is one of HTTP/1.0, or ended the body by closing.
    pub by_server: u64,
    /// The request said `close`, or became another protocol.
    pub by_request: u64,
    /// The response was tolerated, or is followed by bytes of nobody.
    pub doubtful: u64,
    /// The response came before the request was written.
    pub unfinished: u64,
    /// The request failed, timed out or was dropped before its end.
    pub given_up: u64,
    /// The server closed it, or sent something, while it was idle.
    pub stirred: u64,
    /// It was idle for too long, or too old.
    pub expired: u64,
    /// Somebody needed its place for another host.
    pub evicted: u64,
    /// By [`Client::close_idle`](super::Client::close_idle).
    pub by_caller: u64,
}

impl Closed {
    /// All of them.
    pub fn total(&self) -> u64 {
        let all = [
            self.by_server,
            self.by_request,
            self.doubtful,
            self.unfinished,
            self.given_up,
            self.stirred,
            self.expired,
            self.evicted,
            self.by_caller,
        ];
        all.into_iter().sum()
    }

    fn of(&mut self, fate: Fate) -> &mut u64 {
        match fate {
            Fate::GivenUp => &mut self.given_up,
            Fate::Stirred => &mut self.stirred,
            Fate::Evicted => &mut self.evicted,
            Fate::ByCaller => &mut self.by_caller,
            Fate::NotKept(reason) => match reason {
                CloseReason::ServerClose | CloseReason::Http10 | CloseReason::CloseDelimited => {
                    &mut self.by_server
                }
                CloseReason::ClientClose | CloseReason::Tunnel => &mut self.by_request,
                CloseReason::DoubtfulFraming
                | CloseReason::Quirk(_)
                | CloseReason::BytesAfterEnd => &mut self.doubtful,
                CloseReason::RequestUnfinished => &mut self.unfinished,
                CloseReason::TransportEnded => &mut self.stirred,
                CloseReason::Expired => &mut self.expired,
            },
        }
    }
}

/// What becomes of a connection when it is dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Fate {
    /// Its exchange did not come to an end.
    #[default]
    GivenUp,
    /// It was no longer silent.
    Stirred,
    /// It made room.
    Evicted,
    /// The caller wants it so.
    ByCaller,
    /// Law P01.
    NotKept(CloseReason),
}

/// Where the counting is done.
#[derive(Default)]
pub(crate) struct Tally(RefCell<Counters>);

impl Tally {
    /// Counts. `add` changes a number and does nothing else.
    pub(crate) fn count(&self, add: impl FnOnce(&mut Counters)) {
        add(&mut self.0.borrow_mut());
    }

    /// A connection is gone.
    pub(crate) fn count_end(&self, fate: Fate) {
        self.count(|counters| {
            let closed = counters.closed.of(fate);
            *closed = closed.saturating_add(1);
        });
    }

    /// The numbers now.
    pub(crate) fn counters(&self) -> Counters {
        *self.0.borrow()
    }
}
