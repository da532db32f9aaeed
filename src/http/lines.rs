//! Finds the end of a head or trailer section, however it arrives.
//!
//! Owns: how far the bytes have been looked at, and what was seen.
//!
//! Laws: H04, every byte is looked at once, whatever the reads: the search goes
//! on where it stopped. Limits are checked on what is there, not on what is
//! complete, so an endless line fails at the limit and not at the deadline.
//!
//! Absent on purpose: the meaning of a line. `head.rs` and `trailers.rs` parse
//! the section once it is complete.
//!
//! Read next: `head.rs`.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic
    )
)]

use super::limits::Limit;
use super::recv::RecvBuffer;
use super::syntax;

/// Incremental search for the empty line.
#[derive(Default, Clone)]
pub(crate) struct LineScanner {
    /// First byte not looked at.
    at: usize,
    /// First byte of the line being read.
    line: usize,
    /// Complete lines that do not begin with white space.
    starts: usize,
    /// A line that begins with white space was seen.
    folded: bool,
    /// A line that ends with LF alone was seen.
    bare_lf: bool,
    /// Up to so many bytes in all, no bound can be passed; 0 before the first search.
    quiet: usize,
}

/// What the search found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scan {
    /// Not there yet.
    More,
    /// The section, its empty line included, is so long.
    End(usize),
    /// A limit was passed on the way.
    TooLarge(Limit),
}

/// What one section may cost.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// Bytes in all, and the limit's name.
    pub(crate) bytes: (usize, Limit),
    /// Lines that start a field (or are the status line), and the limit's name.
    pub(crate) lines: (usize, Limit),
    /// Bytes of one line, its end not counted.
    pub(crate) line_bytes: usize,
}

impl Bounds {
    /// Which of the two limits a long line passes first. It depends on where the
    /// line begins and on nothing else, so not on how its bytes came.
    fn first_passed(&self, line: usize) -> Limit {
        let longest = self.line_bytes.saturating_add(2); // With its CRLF.
        match line.saturating_add(longest) <= self.bytes.0 {
            true => Limit::LineBytes,
            false => self.bytes.1,
        }
    }
}

impl LineScanner {
    /// Goes on with a section that begins at `bytes[0]`. Earlier calls saw a
    /// prefix of the same bytes.
    pub(crate) fn scan(&mut self, bytes: &[u8], bounds: &Bounds) -> Scan {
        // The obvious form changes `self` at every line; a copy stays in registers.
        let mut seen = self.clone();
        for lf in syntax::line_feeds(bytes, self.at) {
            let scan = seen.line_ends(bytes, lf, bounds);
            if scan != Scan::More {
                *self = seen;
                return scan;
            }
        }
        *self = seen;
        self.at = bytes.len();
        // One more for a CR that may belong to the line end.
        let unfinished = self.at.saturating_sub(self.line).saturating_sub(1);
        if bytes.len() > bounds.bytes.0 || unfinished > bounds.line_bytes {
            return Scan::TooLarge(bounds.first_passed(self.line));
        }
        self.quiet = self.line.saturating_add(bounds.line_bytes);
        self.quiet = self.quiet.min(bounds.bytes.0);
        Scan::More
    }

    /// A line ends at `lf`.
    #[inline]
    fn line_ends(&mut self, bytes: &[u8], lf: usize, bounds: &Bounds) -> Scan {
        let start = std::mem::replace(&mut self.line, lf.saturating_add(1));
        self.at = self.line;
        let text = bytes.get(start..lf).unwrap_or_default();
        let (length, crlf) = match text.last() {
            Some(b'\r') => (text.len().saturating_sub(1), true),
            _ => (text.len(), false),
        };
        if self.at > bounds.bytes.0 || length > bounds.line_bytes {
            return Scan::TooLarge(bounds.first_passed(start));
        }
        self.bare_lf |= !crlf;
        if length == 0 {
            return Scan::End(self.at);
        }
        let continues = matches!(text.first(), Some(b' ' | b'\t'));
        self.folded |= continues;
        self.starts = self.starts.saturating_add(usize::from(!continues));
        match self.starts > bounds.lines.0 {
            true => Scan::TooLarge(bounds.lines.1),
            false => Scan::More,
        }
    }

    /// The common case of a head that comes byte by byte: is one byte new, in the
    /// middle of a line and within the bounds? Then it has been looked at.
    ///
    /// WHY NOT `scan`: a byte at a time, its forty instructions more are most of the
    /// cost of a head.
    #[inline]
    pub(crate) fn inside_line(&mut self, recv: &RecvBuffer) -> bool {
        let length = recv.len();
        let one = length == self.at.wrapping_add(1);
        if length > self.quiet || !one || recv.last() == Some(b'\n') {
            return false;
        }
        #[cfg(test)]
        syntax::visit(1);
        self.at = length;
        true
    }

    /// Complete lines that do not continue another.
    pub(crate) fn starts(&self) -> usize {
        self.starts
    }

    /// Was a line continued?
    pub(crate) fn folded(&self) -> bool {
        self.folded
    }

    /// Did a line end with LF alone?
    pub(crate) fn bare_lf(&self) -> bool {
        self.bare_lf
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the search says of `text` that comes in pieces of `size` bytes.
    fn scan(text: &[u8], size: usize, bounds: &Bounds) -> Scan {
        let mut scanner = LineScanner::default();
        let ends = (size..text.len()).step_by(size).chain([text.len()]);
        let scans = ends.map(|end| scanner.scan(&text[..end], bounds));
        let mut scans = scans.skip_while(|scan| *scan == Scan::More);
        scans.next().unwrap_or(Scan::More)
    }

    /// H04: which limit is passed does not depend on the pieces, also where one line
    /// passes two.
    #[test]
    fn limits_do_not_depend_on_the_pieces() {
        for first in [0, 1, 7, 8, 9, 20] {
            for second in 0..40 {
                for end in ["\r\n", "\n"] {
                    let (first, second) = ("a".repeat(first), "b".repeat(second));
                    let text = format!("{first}{end}{second}{end}{end}");
                    for (bytes, line_bytes) in [(20, 8), (20, 18), (20, 19), (30, 8), (12, 40)] {
                        let bounds = Bounds {
                            bytes: (bytes, Limit::HeadBytes),
                            lines: (9, Limit::Fields),
                            line_bytes,
                        };
                        let whole = scan(text.as_bytes(), text.len(), &bounds);
                        for size in 1..5 {
                            let pieces = scan(text.as_bytes(), size, &bounds);
                            assert_eq!(pieces, whole, "{text:?} {bytes} {line_bytes} {size}");
                        }
                    }
                }
            }
        }
    }
}
