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

use super::inbox::Inbox;
use super::message::{Reply, Request};
use super::steps::{Step, Steps};
use super::wire::{Link, Wire};
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
        let mut inbox = Inbox::new(stream);
        if let Some(steps) = self.on_accept.as_ref().and_then(|choose| choose(number)) {
            match play(steps, inbox, None).await? {
                Some(same) => inbox = same,
                None => return Ok(()),
            }
        }
        let mut out = Vec::new();
        for index in 0.. {
            let Some(mut request) = inbox.head().await? else {
                break;
            };
            (request.connection, request.index) = (number, index);
            requests.fetch_add(1, Ordering::SeqCst);
            let by_head = self.on_head.as_ref().and_then(|choose| choose(&request));
            let reply = match by_head {
                Some(steps) => Reply::steps(steps),
                None => {
                    if request.header("expect").is_some() {
                        inbox.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
                    }
                    request.body = inbox.body(&request).await?;
                    (self.handler)(&request)
                }
            };
            if !reply.delay.is_zero() {
                time::sleep(reply.delay).await;
            }
            if let Some(steps) = reply.steps {
                match play(steps, inbox, Some(&request)).await? {
                    Some(same) => inbox = same,
                    None => return Ok(()),
                }
                continue;
            }
            let old = request.minor_version == 0 && !request.wants("keep-alive");
            let close = reply.close || old || request.wants("close");
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
}

/// Plays the steps in order. The inbox comes back if the connection goes on.
async fn play<S: Wire>(
    steps: Steps,
    mut inbox: Inbox<S>,
    head: Option<&Request>,
) -> io::Result<Option<Inbox<S>>> {
    for step in steps.steps {
        match step {
            Step::Send(bytes) => inbox.write(&bytes).await?,
            Step::Dribble(bytes, size, pause) => {
                for piece in bytes.chunks(size) {
                    inbox.write(piece).await?;
                    time::sleep(pause).await;
                }
            }
            Step::Repeat(bytes, times) => repeat(&mut inbox, &bytes, times).await?,
            Step::Wait(pause) => time::sleep(pause).await,
            Step::ReadUntil(mark) => drop(inbox.until(&mark).await?),
            Step::ReadBody => {
                if let Some(head) = head {
                    inbox.body(head).await?;
                }
            }
            Step::Hold => {
                inbox.drain().await;
                return Ok(None);
            }
            Step::Close => {
                inbox.close().await?;
                // Bytes of ours in flight survive only if nothing of the
                // peer's is left unread when the socket goes.
                inbox.drain().await;
                return Ok(None);
            }
            Step::Cut => {
                let mut raw: Inbox<Link> = Inbox::new(inbox.into_stream().into_link());
                raw.close().await?;
                raw.drain().await;
                return Ok(None);
            }
            Step::Reset => {
                inbox.into_stream().into_link().reset();
                return Ok(None);
            }
        }
    }
    Ok(Some(inbox))
}

/// Sends many copies in writes of some 64 KiB.
async fn repeat<S: Wire>(inbox: &mut Inbox<S>, bytes: &[u8], times: u64) -> io::Result<()> {
    const BLOCK: u64 = 64 * 1024;
    let per_write = (BLOCK / (bytes.len() as u64).max(1)).clamp(1, times.max(1));
    let block = bytes.repeat(usize::try_from(per_write).unwrap_or(1));
    let mut left = times;
    while left > 0 {
        let now = per_write.min(left);
        let length = bytes.len() * usize::try_from(now).unwrap_or(1);
        inbox.write(block.get(..length).unwrap_or(&block)).await?;
        left -= now;
    }
    Ok(())
}
