//! What a server says about time: `Keep-Alive` and `Retry-After`.
//!
//! Owns: nothing; pure functions over field values.
//!
//! Laws: every number a server chose is clamped. A connection is given up some
//! time before the server gives it up, since a request that meets its FIN is
//! lost. Dates are the three forms of RFC 9110 section 5.6.7.
//!
//! Absent on purpose: the clock. `Retry-After` with a date is answered as a
//! date; who knows the time makes a duration of it.
//!
//! Read next: `retry.rs`.

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

use std::time::Duration;

use super::headers::Headers;
use super::syntax;

/// The longest time a server's hint can keep a connection.
const LONGEST: Duration = Duration::from_secs(600);

/// How long before the server's own timer a connection is given up.
const MARGIN: Duration = Duration::from_millis(1000);

/// How long this connection may stay idle, by the server's `Keep-Alive:
/// timeout=n` minus a margin; `None`: it said nothing.
pub(crate) fn idle_timeout(headers: &Headers) -> Option<Duration> {
    let mut hint = None;
    for value in headers.get_all("keep-alive") {
        for member in syntax::members(value) {
            let mut parts = member.splitn(2, |b| *b == b'=');
            let name = syntax::trim(parts.next().unwrap_or_default());
            let number = syntax::trim(parts.next().unwrap_or_default());
            let number = number.strip_prefix(b"\"").unwrap_or(number);
            let number = number.strip_suffix(b"\"").unwrap_or(number);
            if name.eq_ignore_ascii_case(b"timeout")
                && let Some(seconds) = syntax::decimal(number)
            {
                let this = Duration::from_secs(seconds).min(LONGEST);
                hint = Some(hint.map_or(this, |other: Duration| other.min(this)));
            }
        }
    }
    hint.map(|hint| hint.saturating_sub(MARGIN))
}

/// What `Retry-After` asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetryAfter {
    /// So long from now.
    Delay(Duration),
    /// At this time, in seconds since 1970-01-01 UTC.
    At(u64),
}

impl RetryAfter {
    /// Reads the field of a response. What makes no sense is as if absent.
    pub fn of(headers: &Headers) -> Option<RetryAfter> {
        let value = syntax::trim(headers.get("retry-after")?);
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return http_date(value).map(RetryAfter::At);
        }
        // More than fits is as long as can be, not nothing.
        let seconds = syntax::decimal(value).unwrap_or(u64::MAX);
        Some(RetryAfter::Delay(Duration::from_secs(seconds)))
    }

    /// How long that is at the time `now`, in seconds since 1970, and at most
    /// `longest`.
    pub fn delay(self, now: u64, longest: Duration) -> Duration {
        let asked = match self {
            RetryAfter::Delay(delay) => delay,
            RetryAfter::At(then) => Duration::from_secs(then.saturating_sub(now)),
        };
        asked.min(longest)
    }
}

/// The three date forms of RFC 9110 section 5.6.7, in seconds since 1970.
pub(crate) fn http_date(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let words: Vec<&str> = text
        .split([' ', ',', '-'])
        .filter(|word| !word.is_empty())
        .collect();
    let (day, month, year, time) = match words.as_slice() {
        // Sun, 06 Nov 1994 08:49:37 GMT and Sunday, 06-Nov-94 08:49:37 GMT
        [_, day, month, year, time, "GMT"] => (day, month, year, time),
        // Sun Nov  6 08:49:37 1994
        [_, month, day, time, year] => (day, month, year, time),
        _ => return None,
    };
    let number = |text: &str| syntax::decimal(text.as_bytes());
    let year = match (year.len(), number(year)?) {
        // RFC 9110: two digits that seem far ahead are in the past.
        (2, year) if year < 70 => year.checked_add(2000)?,
        (2, year) => year.checked_add(1900)?,
        (4, year) => year,
        _ => return None,
    };
    let mut clock = time.split(':').map(number);
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if clock.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_since_1970(year, month_number(month)?, number(day)?)?;
    days.checked_mul(86_400)?
        .checked_add(hour.checked_mul(3600)?)?
        .checked_add(minute.checked_mul(60)?)?
        .checked_add(second)
}

fn month_number(name: &str) -> Option<u64> {
    let names = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let at = names.iter().position(|known| *known == name)?;
    u64::try_from(at).ok()?.checked_add(1)
}

/// The Gregorian calendar, with the year beginning in March.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1970..=9999).contains(&year) || !(1..=last).contains(&day) {
        return None;
    }
    let early = u64::from(month <= 2);
    let year = year.checked_sub(early)?;
    let from_march = month.checked_add(9)? % 12;
    let of_year = from_march.checked_mul(153)?.checked_add(2)? / 5;
    let leaps = (year / 4)
        .checked_sub(year / 100)?
        .checked_add(year / 400)?;
    year.checked_mul(365)?
        .checked_add(leaps)?
        .checked_add(of_year)?
        .checked_add(day)?
        .checked_sub(719_469)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Headers {
        let mut headers = Headers::new();
        assert!(headers.append(name, value).is_ok());
        headers
    }

    #[test]
    fn keep_alive_is_clamped_and_has_a_margin() {
        let seconds = |s| Some(Duration::from_secs(s));
        for (value, want) in [
            ("timeout=5", seconds(4)),
            ("timeout=5, max=100", seconds(4)),
            ("max=3, Timeout = \"20\"", seconds(19)),
            ("timeout=1", seconds(0)),
            ("timeout=0", seconds(0)),
            ("timeout=99999999999999999999", None),
            ("timeout=999999999", seconds(599)),
            ("timeout=+5", None),
            ("timeout", None),
            ("xtimeout=5", None),
        ] {
            assert_eq!(idle_timeout(&with("Keep-Alive", value)), want, "{value}");
        }
        assert_eq!(idle_timeout(&Headers::new()), None);
    }

    #[test]
    fn retry_after_in_all_forms() {
        let at = RetryAfter::At(784_111_777);
        for (value, want) in [
            ("120", Some(RetryAfter::Delay(Duration::from_secs(120)))),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(at)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(at)),
            ("Sun Nov  6 08:49:37 1994", Some(at)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(RetryAfter::At(0))),
            (
                "Thu, 29 Feb 2024 00:00:00 GMT",
                Some(RetryAfter::At(1_709_164_800)),
            ),
            ("Sun, 06 Nov 1994 24:49:37 GMT", None),
            ("Thu, 30 Feb 2024 00:00:00 GMT", None),
            ("Thu, 29 Feb 2023 00:00:00 GMT", None),
            ("Sun, 31 Apr 2024 00:00:00 GMT", None),
            ("Sun, 00 Apr 2024 00:00:00 GMT", None),
            (
                "99999999999999999999",
                Some(RetryAfter::Delay(Duration::from_secs(u64::MAX))),
            ),
            ("", None),
            ("1.5", None),
            ("+5", None),
            ("-5", None),
            ("soon", None),
        ] {
            assert_eq!(RetryAfter::of(&with("Retry-After", value)), want, "{value}");
        }
        let longest = Duration::from_secs(60);
        assert_eq!(at.delay(784_111_747, longest), Duration::from_secs(30));
        assert_eq!(at.delay(784_111_999, longest), Duration::ZERO);
        assert_eq!(at.delay(0, longest), longest);
    }
}
