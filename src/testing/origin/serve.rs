//! The life of one connection at the origin.
//!
//! Owns: the handler and the choices of steps ([`Service`]), shared by all
//! connections of one loop.
//!
//! ```text
//!   accept -> [steps] -> head -> [steps | body -> handler -> reply] -> head ...
//! ```
//!
//! Errors of a connection end it and nothing else: the peer is a client under
//! test, and what it does to us is its own business.
//!
//! Read next: `mod.rs`, which accepts connections.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::inbox::Inbox;
use super::message::{Reply, Request};
use super::play::play;
use super::steps::Steps;
use super::wire::Wire;
use crate::time;

/// Answers a request.
pub(super) type Handler = dyn Fn(&Request) -> Reply;
/// Decides by the head alone, before the body is read.
pub(super) type ByHead = dyn Fn(&Request) -> Option<Steps>;
/// Decides at accept, by the connection's number.
pub(super) type ByNumber = dyn Fn(usize) -> Option<Steps>;

/// How requests are answered, on any stream.
pub struct Service {
    pub(super) handler: Box<Handler>,
    pub(super) on_head: Option<Box<ByHead>>,
    pub(super) on_accept: Option<Box<ByNumber>>,
}

impl Service {
    /// Answers every request by `handler`.
    pub fn new(handler: impl Fn(&Request) -> Reply + 'static) -> Service {
        Service {
            handler: Box::new(handler),
            on_head: None,
            on_accept: None,
        }
    }

    /// Asks `choose` for steps when a head is there and before its body is read.
    pub fn on_head(mut self, choose: impl Fn(&Request) -> Option<Steps> + 'static) -> Service {
        self.on_head = Some(Box::new(choose));
        self
    }

    /// Asks `choose` for steps for each new connection, by its number.
    pub fn on_accept(mut self, choose: impl Fn(usize) -> Option<Steps> + 'static) -> Service {
        self.on_accept = Some(Box::new(choose));
        self
    }

    /// Serves one connection to its end; `number` is what requests report.
    pub async fn serve(&self, stream: impl Wire, number: usize) {
        let uncounted = AtomicUsize::new(0);
        self.serve_counting(stream, number, &uncounted).await;
    }

    pub(super) async fn serve_counting(
        &self,
        stream: impl Wire,
        number: usize,
        requests: &AtomicUsize,
    ) {
        // The reason is the client's to report.
        let _ = self.converse(stream, number, requests).await;
    }

    async fn converse(
        &self,
        stream: impl Wire,
        number: usize,
        requests: &AtomicUsize,
    ) -> io::Result<()> {
        let at_accept = self.on_accept.as_ref().and_then(|choose| choose(number));
        let inbox = Inbox::new(stream);
        let Some(mut inbox) = play(at_accept.unwrap_or_default(), inbox, None).await? else {
            return Ok(());
        };
        let mut out = Vec::new();
        for index in 0.. {
            let Some(mut request) = inbox.head().await? else {
                break;
            };
            (request.connection, request.index) = (number, index);
            // ORDER: SeqCst: a count for tests.
            requests.fetch_add(1, Ordering::SeqCst);
            let reply = self.reply(&mut inbox, &mut request).await?;
            pause(reply.delay).await;
            if let Some(steps) = reply.steps {
                match play(steps, inbox, Some(&request)).await? {
                    Some(same) => inbox = same,
                    None => return Ok(()),
                }
                continue;
            }
            let close = reply.closes(&request);
            out.clear();
            reply.encode(&request, close, &mut out);
            inbox.write(&out).await?;
            if close {
                inbox.close().await?;
                inbox.drain().await;
                break;
            }
        }
        inbox.close().await
    }

    /// Decides by the head, or reads the body and asks the handler.
    async fn reply<S: Wire>(
        &self,
        inbox: &mut Inbox<S>,
        request: &mut Request,
    ) -> io::Result<Reply> {
        if let Some(steps) = self.on_head.as_ref().and_then(|choose| choose(request)) {
            return Ok(Reply::steps(steps));
        }
        if request.header("expect").is_some() {
            inbox.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        request.body = inbox.body(request).await?;
        Ok((self.handler)(request))
    }
}

async fn pause(delay: Duration) {
    if !delay.is_zero() {
        time::sleep(delay).await;
    }
}
