//! Standard output, and whether this process was given one.
//!
//! Before `main`, Rust's standard library opens `/dev/null` in the place of a
//! standard stream that is closed, lest a file opened later become one. What is then
//! written is lost, and no call says so: `scraper >&-` would end as if somebody had
//! read it. So the question is asked earlier, among what the linker lets run first.
//!
//! WHY NOT look in `main` whether it is `/dev/null`: many a program starts others
//! like that on purpose.
//!
//! Owns: the answer.
//!
//! Absent on purpose: the same for systems other than Linux, where nothing says it
//! without `unsafe`.

use std::io::{self, Write};

/// Writes all of `bytes` and flushes.
///
/// # Errors
/// Those of the system, and that standard output is closed.
pub(crate) fn write(bytes: &[u8]) -> io::Result<()> {
    if was_closed() {
        return Err(io::Error::other("it is closed"));
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

#[cfg(target_os = "linux")]
use early::was_closed;

#[cfg(not(target_os = "linux"))]
fn was_closed() -> bool {
    false
}

/// What runs before `main`: `inventory` asks for a registry as soon as the program
/// is loaded, and the asking is what is wanted.
#[cfg(target_os = "linux")]
mod early {
    use inventory::{Collect, Registry, submit};
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    static CLOSED: AtomicBool = AtomicBool::new(false);

    struct Question;

    submit! { Question }

    impl Collect for Question {
        fn registry() -> &'static Registry {
            static NOTHING: Registry = Registry::new();
            // ORDER: Relaxed, there is one thread.
            CLOSED.store(is_closed(), Relaxed);
            &NOTHING
        }
    }

    fn is_closed() -> bool {
        let open = Path::new("/proc/self/fd");
        open.is_dir() && !open.join("1").is_symlink()
    }

    pub(super) fn was_closed() -> bool {
        CLOSED.load(Relaxed)
    }
}
