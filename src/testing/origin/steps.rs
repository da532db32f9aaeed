//! Steps: what a hostile or broken server does, byte by byte.
//!
//! Owns: a list of steps, each taken when the one before is done.
//!
//! Absent on purpose: conditions and loops. Steps are a straight line; which
//! ones are played is the handler's choice.
//!
//! Read next: `serve.rs`, which plays it.

use std::time::Duration;

/// Steps for one connection. Without a final close, reset or hold the
/// connection goes on to the next request.
#[derive(Debug, Clone, Default)]
pub struct Steps {
    pub(super) steps: Vec<Step>,
}

/// One step.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Send these bytes.
    Send(Vec<u8>),
    /// Send them in pieces of a size, with a pause after each.
    Dribble(Vec<u8>, usize, Duration),
    /// Send them again and again, so many times.
    Repeat(Vec<u8>, u64),
    /// Do nothing for a while.
    Wait(Duration),
    /// Read until these bytes came by.
    ReadUntil(Vec<u8>),
    /// Read the rest of the request whose head started the steps.
    ReadBody,
    /// Read and forget whatever comes until the peer is done, then close.
    Hold,
    /// End of file, after TLS's close_notify.
    Close,
    /// End of file without close_notify.
    Cut,
    /// Reset.
    Reset,
}

impl Steps {
    /// Nothing to do.
    pub fn new() -> Steps {
        Steps::default()
    }

    fn then(mut self, step: Step) -> Steps {
        self.steps.push(step);
        self
    }

    /// Sends `bytes`, in one write if the socket takes them.
    pub fn send(self, bytes: impl Into<Vec<u8>>) -> Steps {
        self.then(Step::Send(bytes.into()))
    }

    /// Sends `bytes` in pieces of `size`, with a pause after each.
    pub fn dribble(self, bytes: impl Into<Vec<u8>>, size: usize, pause: Duration) -> Steps {
        self.then(Step::Dribble(bytes.into(), size.max(1), pause))
    }

    /// Sends `bytes` `times` times.
    pub fn repeat(self, bytes: impl Into<Vec<u8>>, times: u64) -> Steps {
        self.then(Step::Repeat(bytes.into(), times))
    }

    /// Does nothing for a while, on the loop's clock.
    pub fn wait(self, pause: Duration) -> Steps {
        self.then(Step::Wait(pause))
    }

    /// Reads until `mark` came by.
    pub fn read_until(self, mark: impl Into<Vec<u8>>) -> Steps {
        self.then(Step::ReadUntil(mark.into()))
    }

    /// Reads the body of the request whose head started the steps.
    pub fn read_body(self) -> Steps {
        self.then(Step::ReadBody)
    }

    /// Sends nothing more, and waits until the peer has closed.
    pub fn hold(self) -> Steps {
        self.then(Step::Hold)
    }

    /// Ends the connection in order.
    pub fn close(self) -> Steps {
        self.then(Step::Close)
    }

    /// Ends the connection without saying so in TLS. Without TLS: [`close`](Self::close).
    pub fn cut(self) -> Steps {
        self.then(Step::Cut)
    }

    /// Resets the connection.
    pub fn reset(self) -> Steps {
        self.then(Step::Reset)
    }
}
