//! One loop steps aside on its thread while another does something.
//!
//! Owns: `Absent`, what the wakers' thread-local says about a loop, put away.
//!
//! Laws: T3, a wake on this thread goes to the loop that is there now; the wakes and
//! the running task of the one that stepped aside are found again when it is back.
//!
//! Absent on purpose: a loop inside a loop. `block_on` refuses that (law J10); what
//! happens here is a spawn from outside, or the drop of a runtime.
//!
//! Read next: `job.rs`.

use super::letter::END;
use super::waker::{LOCAL, Mail, WokeItself};
use crate::mailbox::Mailbox;
use crate::primitives::Arc;

/// A loop's part of a thread while another loop is there.
#[derive(Clone, Copy)]
pub(crate) struct Absent {
    /// Its name, 0 for none.
    pub(crate) loop_id: u64,
    /// Where its mailbox is.
    mailbox: usize,
    /// Its list of the woken.
    pub(crate) woken: u32,
    /// The task that was being polled.
    running: u32,
    /// It had woken itself.
    woke_itself: WokeItself,
}

/// Makes another loop the one of this thread; returns the part of the one before.
pub(crate) fn switch_loop(next: Absent) -> Absent {
    LOCAL.with(|local| Absent {
        loop_id: local.loop_id.replace(next.loop_id),
        mailbox: local.mailbox.replace(next.mailbox),
        woken: local.newest.replace(next.woken),
        running: local.running.replace(next.running),
        woke_itself: local.woke_itself.replace(next.woke_itself),
    })
}

impl Absent {
    /// A loop between two polls.
    pub(crate) fn between_polls(loop_id: u64, mailbox: &Arc<Mailbox<Mail>>, woken: u32) -> Self {
        Self {
            loop_id,
            mailbox: Arc::as_ptr(mailbox).addr(),
            woken,
            running: END,
            woke_itself: WokeItself::No,
        }
    }
}
