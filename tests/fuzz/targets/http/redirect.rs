//! The redirect resolver: a chain of responses, whatever their `Location` says, never
//! leaves http and https, never goes back to http, never gives a credential to
//! another origin, and ends.

use super::super::headers::Headers;
use super::super::limits::Limits;
use super::super::method::Method;
use super::super::origin::Origin;
use super::super::redirect::{RedirectPolicy, Step, Turn};
use super::super::trail::Trail;
use super::bytes::Bytes;
use url::Url;

/// What must stay with its origin.
const SECRETS: [(&str, &str); 4] = [
    ("Authorization", "secret-a"),
    ("Cookie", "secret-b"),
    ("COOKIE", "secret-c"),
    ("Proxy-Authorization", "secret-d"),
];

/// A byte of options, the first URL, then hops: a byte for the status and a line that
/// ends with a zero byte.
pub fn target(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let options = bytes.byte();
    let Ok(mut url) = Url::parse(&String::from_utf8_lossy(bytes.line())) else {
        return;
    };
    if Origin::of(&url).is_err() {
        return;
    }
    let limit = u32::from(options >> 4);
    let policy = RedirectPolicy::limit(limit).allow_downgrade(options & 1 != 0);
    let replayable = options & 2 != 0;
    let mut method = match options & 12 {
        0 => Method::GET,
        4 => Method::HEAD,
        8 => Method::POST,
        _ => Method::PUT,
    };
    let mut request = Headers::new();
    for (name, value) in SECRETS {
        assert!(request.append(name, value).is_ok());
    }
    assert!(request.append("Content-Type", "text/plain").is_ok());
    let (mut trail, mut hops) = (Trail::default(), 0);
    while !bytes.is_empty() {
        let status = [301, 302, 303, 307, 308, 300, 304, 200][usize::from(bytes.byte() % 8)];
        let mut headers = Headers::new();
        headers.append_unchecked("Location", bytes.line());
        let turn = Turn {
            method: &method,
            url: &url,
            replayable,
            status,
            headers: &headers,
        };
        let Ok(Step::Follow(next)) = trail.follow(&turn, &policy, &Limits::default()) else {
            return;
        };
        hops += 1;
        assert!(hops <= limit, "{hops} hops, {limit} allowed");
        assert!(
            matches!(next.url.scheme(), "http" | "https"),
            "{}",
            next.url
        );
        assert!(next.url.username().is_empty() && next.url.password().is_none());
        let downgrade = url.scheme() == "https" && next.url.scheme() == "http";
        assert!(!downgrade || options & 1 != 0, "{url} to {}", next.url);
        // The `url` crate's own notion of an origin.
        let crosses = url.origin() != next.url.origin();
        assert_eq!(next.crosses_origin, crosses, "{url} to {}", next.url);
        next.apply(&mut request);
        let holds = |secret: &str| request.raw().any(|field| field.1 == secret.as_bytes());
        for (name, secret) in SECRETS {
            assert!(!(crosses && holds(secret)), "{name} goes to {}", next.url);
        }
        if next.drop_body {
            assert!(!request.contains("Content-Type"), "without a body");
            assert_eq!(next.method, Method::GET);
        } else {
            assert_eq!(next.method, method, "a body is only dropped for GET");
            assert!(replayable, "a body is sent again that cannot be");
        }
        let again = Url::parse(next.url.as_str());
        assert_eq!(again.as_ref(), Ok(&next.url), "it is what it says");
        (url, method) = (next.url.clone(), next.method.clone());
    }
}
