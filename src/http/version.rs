//! The two protocol versions this client can read.
//!
//! Owns: nothing. Laws: anything else in a status line is a parse error
//! (RFC 9112 section 2.3; RFC 9110 section 2.5 lets a client refuse 1.2).
//!
//! Absent on purpose: 0.9, 2 and 3.
//!
//! Read next: `head.rs`.

use std::fmt;

/// The version a response was written in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub enum Version {
    /// HTTP/1.0: one response per connection unless both sides say otherwise.
    Http10,
    /// HTTP/1.1.
    #[default]
    Http11,
}

impl Version {
    /// The text of the status line.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
