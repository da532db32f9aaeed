//! Session secrets in the NSS key log format, for reading one's own traffic in
//! a packet analyser. Off unless a writer is given.
//!
//! Read next: `config.rs`.

use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// Writes one line per secret. A line that cannot be written is lost: a debug
/// aid must not fail a connection.
pub(super) struct KeyLog {
    /// Where the lines go.
    out: Mutex<Box<dyn Write + Send>>,
}

impl KeyLog {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        KeyLog {
            out: Mutex::new(out),
        }
    }
}

impl rustls::KeyLog for KeyLog {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyLog")
    }
}
