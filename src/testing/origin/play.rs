//! Plays steps on a connection.
//!
//! Owns: nothing; the connection comes back if the steps do not end it.
//!
//! Read next: `serve.rs`.

use std::io;

use super::inbox::Inbox;
use super::message::Request;
use super::steps::{Step, Steps};
use super::wire::{Link, Wire};
use crate::time;

/// Plays the steps in order. The inbox comes back if the connection goes on.
pub(super) async fn play<S: Wire>(
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
            last @ (Step::Hold | Step::Close | Step::Cut | Step::Reset) => {
                end(last, inbox).await?;
                return Ok(None);
            }
        }
    }
    Ok(Some(inbox))
}

/// Ends the connection in one of the ways there are.
///
/// Bytes of ours in flight survive only if nothing of the peer's is left unread
/// when the socket goes, so all but the reset wait for the peer.
async fn end<S: Wire>(how: Step, mut inbox: Inbox<S>) -> io::Result<()> {
    match how {
        Step::Reset => inbox.into_stream().into_link().reset(),
        Step::Cut => {
            let mut raw: Inbox<Link> = Inbox::new(inbox.into_stream().into_link());
            raw.close().await?;
            raw.drain().await;
        }
        Step::Close => {
            inbox.close().await?;
            inbox.drain().await;
        }
        _ => inbox.drain().await,
    }
    Ok(())
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
