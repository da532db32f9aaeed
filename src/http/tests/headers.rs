//! Tests of the field list.

use super::*;

fn sample() -> Headers {
    let mut headers = Headers::new();
    for (name, value) in [
        ("Host", "h"),
        ("X-A", "1"),
        ("x-a", "2"),
        ("Cookie", "s3cret"),
    ] {
        assert!(headers.append(name, value).is_ok());
    }
    headers
}

#[test]
fn order_case_and_duplicates() {
    let headers = sample();
    assert_eq!(headers.get("x-A"), Some(&b"1"[..]));
    assert_eq!(headers.get_all("X-a").collect::<Vec<_>>(), [b"1", b"2"]);
    assert_eq!(
        headers.iter().map(|(n, _)| n).collect::<Vec<_>>(),
        ["Host", "X-A", "x-a", "Cookie"]
    );
    assert_eq!(headers.get("X"), None);
}

#[test]
fn set_and_remove_take_all_copies() {
    let mut headers = sample();
    assert!(headers.set("X-A", " 3 ").is_ok());
    assert_eq!(headers.get_all("x-a").collect::<Vec<_>>(), [b"3"]);
    assert_eq!(headers.len(), 3);
    assert_eq!(headers.remove("COOKIE"), 1);
    assert!(!headers.text().windows(6).any(|w| w == b"s3cret"));
    assert_eq!(headers.remove("none"), 0);
}

#[test]
fn changing_often_does_not_grow() {
    let mut headers = sample();
    for n in 0..10_000 {
        assert!(headers.set("X-N", n.to_string()).is_ok());
    }
    assert!(headers.footprint() < 4096, "{}", headers.footprint());
}

#[test]
fn injection_is_refused() {
    let mut headers = Headers::new();
    for name in ["", "a b", "a:", "a\r\nb", "ä", "a\0"] {
        let kind = headers.append(name, "v").map_err(|e| e.kind());
        assert_eq!(
            kind,
            Err(ErrorKind::Request(RequestFault::HeaderName)),
            "{name:?}"
        );
    }
    for value in ["a\r\nb", "a\nb", "a\rb", "a\0b", "a\x01b", "a\x7fb"] {
        let kind = headers.set("x", value).map_err(|e| e.kind());
        assert_eq!(
            kind,
            Err(ErrorKind::Request(RequestFault::HeaderValue)),
            "{value:?}"
        );
    }
    // The error shows what was wrong, but no secret.
    let told = |name: &str| headers.clone().append(name, "").map_err(|e| e.to_string());
    assert!(told("a b").is_err_and(|text| text.contains("a b")));
    assert!(told("Cookie: s3cret").is_err_and(|text| !text.contains("s3cret")));
    assert!(headers.is_empty());
    assert!(headers.append("x", b"caf\xe9\t1").is_ok());
}

#[test]
fn debug_hides_secrets() {
    let text = format!("{:?}", sample());
    assert!(text.contains("X-A") && !text.contains("s3cret"), "{text}");
}
