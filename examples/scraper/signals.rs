//! Ctrl-C, as messages to the loop.
//!
//! Owns: the thread that waits for signals. The first and the second one (SIGINT or
//! SIGTERM) go to the scheduler, which drains and then drops; the third ends the
//! process at once, whatever is stuck.
//!
//! Read next: `scheduler.rs`.

use downbeat::sync::remote;
use std::io;

/// A request to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interrupt;

/// Interruptions of this process, from now on. The channel has an end where the
/// system has no signals.
///
/// # Errors
/// When the handler cannot be installed.
#[cfg(unix)]
pub(crate) fn watch() -> io::Result<remote::Receiver<Interrupt>> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let (sender, receiver) = remote::channel(2);
    std::thread::Builder::new()
        .name("scraper-signals".into())
        .spawn(move || {
            for (number, _) in signals.forever().enumerate() {
                if number >= 2 {
                    std::process::exit(130);
                }
                // A run that is over needs no signal.
                let _ = sender.try_send(Interrupt);
            }
        })?;
    Ok(receiver)
}

/// Interruptions of this process: none where the system has no signals.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub(crate) fn watch() -> io::Result<remote::Receiver<Interrupt>> {
    Ok(remote::channel(1).1)
}
