//! Durations, sizes, ranges and headers as people type them.
//!
//! Owns: the parsers of option values; each error says what would have been right.
//!
//! Read next: `cli.rs`.

use std::time::Duration;

/// `250ms`, `10s`, `1.5s`, `2m`, `1h`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    duration_in(text, "s")
}

/// The same for a limit: with none at all, nothing could be done.
pub(crate) fn limit(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("expected more than 0".into()),
        limit => Ok(limit),
    }
}

/// The same with another unit for a bare number.
fn duration_in(text: &str, default: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let unit = if unit.is_empty() { default } else { unit };
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err("expected a duration such as 250ms, 10s or 2m".into()),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| "expected a duration such as 250ms, 10s or 2m")?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| "too long a time".into())
}

/// `20..180ms`: two durations, the first not above the second. The first takes the
/// unit of the second; bare numbers are milliseconds.
pub(crate) fn latency(text: &str) -> Result<(Duration, Duration), String> {
    let (low, high) = text
        .split_once("..")
        .ok_or("expected a range such as 20..180ms")?;
    let unit = split(high).1;
    let high = duration_in(high, "ms")?;
    let low = duration_in(low, if unit.is_empty() { "ms" } else { unit })?;
    if low > high {
        return Err("the lower end is above the upper one".into());
    }
    Ok((low, high))
}

/// `500`, `64KiB`, `16MiB`, `1GiB`; `k`, `M`, `G` are powers of 1000.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let factor: u64 = match unit {
        "" | "B" => 1,
        "k" | "K" | "kB" | "KB" => 1000,
        "M" | "MB" => 1_000_000,
        "G" | "GB" => 1_000_000_000,
        "Ki" | "KiB" => 1 << 10,
        "Mi" | "MiB" => 1 << 20,
        "Gi" | "GiB" => 1 << 30,
        _ => return Err("expected a size such as 500k or 16MiB".into()),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "expected a size such as 500k or 16MiB")?;
    number
        .checked_mul(factor)
        .ok_or_else(|| "too large".to_owned())
}

/// A share between 0 and 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a share between 0 and 1, such as 0.2".into()),
    }
}

/// `Name: value`.
pub(crate) fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("expected a header such as 'Accept: text/html'")?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() {
        return Err("the header has no name".into());
    }
    for ours in ["Content-Length", "Transfer-Encoding"] {
        if name.eq_ignore_ascii_case(ours) {
            return Err(format!("{ours} is written by the client itself"));
        }
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Text that can be the value of a header.
pub(crate) fn plain(text: &str) -> Result<String, String> {
    match text.chars().any(char::is_control) {
        true => Err("control characters cannot be sent".into()),
        false => Ok(text.to_owned()),
    }
}

/// Number and unit.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let digits = |c: char| c.is_ascii_digit() || c == '.';
    let (number, unit) = text.split_at(text.find(|c| !digits(c)).unwrap_or(text.len()));
    (number, unit.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let ms = Duration::from_millis;
        assert_eq!(duration("250ms"), Ok(ms(250)));
        assert_eq!(duration("1.5"), Ok(ms(1500)));
        assert_eq!(duration("2m"), Ok(ms(120_000)));
        assert_eq!((duration("0"), limit("1ms")), (Ok(ms(0)), Ok(ms(1))));
        assert!(limit("0").is_err() && limit("0.0ms").is_err());
        assert_eq!(latency("20..180"), Ok((ms(20), ms(180))));
        assert_eq!(latency("20..180ms"), Ok((ms(20), ms(180))));
        assert_eq!(latency("1..2s"), Ok((ms(1000), ms(2000))));
        assert_eq!(latency("5ms..1s"), Ok((ms(5), ms(1000))));
        for wrong in ["", "fast", "-1s", "1 week", "1e3", "99999999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        for wrong in ["5", "9..1", "..", "1.."] {
            assert!(latency(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_and_shares() {
        assert_eq!(size("16MiB"), Ok(16 << 20));
        assert_eq!(size("500k"), Ok(500_000));
        assert!(size("99999999999999GiB").is_err());
        assert!(size("12 apples").is_err());
        assert_eq!(share("0.25"), Ok(0.25));
        assert!(share("1.5").is_err() && share("NaN").is_err());
    }

    #[test]
    fn headers() {
        let parsed = header("Accept:  text/html ");
        assert_eq!(parsed, Ok(("Accept".into(), "text/html".into())));
        for wrong in ["Accept", ": x", "content-length: 5"] {
            assert!(header(wrong).is_err(), "{wrong}");
        }
        assert!(plain("me/1.0 (é)").is_ok() && plain("me\r\nX: y").is_err());
    }
}
