//! Every limit through the client: what is exactly as large passes, one more is the
//! error of that name. Each test is named after its field in `Limits`.

use downbeat::Runtime;
use downbeat::http::{Client, Error, ErrorKind, Limit, Limits};
use downbeat::testing::origin::{Memory, Reply, Service, Steps};

/// What a response of these bytes comes to under these limits: its body's length.
fn outcome(limits: Limits, wire: impl Into<Vec<u8>>) -> Result<usize, ErrorKind> {
    let wire = wire.into();
    let service = Service::new(move |_| Reply::steps(Steps::new().send(wire.clone()).close()));
    fetch(limits, service, "http://h.test/").map_err(|error| error.kind())
}

fn fetch(limits: Limits, service: Service, url: &str) -> Result<usize, Error> {
    let client = Client::builder().connector(Memory::new(service));
    let client = client.limits(limits).build().unwrap();
    let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
    runtime.block_on(async { Ok(client.get(url).send().await?.bytes().await?.len()) })
}

/// `exact` passes under the limits of its size and fails under those of one less.
fn is_exact(limit: Limit, exact: usize, limits: impl Fn(usize) -> Limits, wire: &[u8]) {
    assert!(outcome(limits(exact), wire).is_ok(), "{limit} {exact}");
    let less = outcome(limits(exact - 1), wire);
    assert_eq!(less, Err(ErrorKind::TooLarge(limit)), "{limit} {exact}");
}

/// Limits with one that differs from the default.
macro_rules! only {
    ($field:ident) => {
        |most| Limits {
            $field: most as _,
            ..Limits::default()
        }
    };
}

#[test]
fn head_bytes() {
    let head = b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n";
    is_exact(Limit::HeadBytes, head.len(), only!(head_bytes), head);
    let interim = b"HTTP/1.1 103 Early\r\n\r\n";
    let both = [&interim[..], head].concat();
    is_exact(Limit::HeadBytes, both.len(), only!(head_bytes), &both);
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(200_000));
    let outcome = outcome(Limits::default(), endless);
    assert_eq!(outcome, Err(ErrorKind::TooLarge(Limit::HeadBytes)));
}

#[test]
fn fields() {
    let head = b"HTTP/1.1 204 No Content\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n";
    is_exact(Limit::Fields, 3, only!(fields), head);
}

#[test]
fn line_bytes() {
    let head = b"HTTP/1.1 204 No\r\nX-Long: abcdefghijklmnop\r\n\r\n";
    is_exact(Limit::LineBytes, 24, only!(line_bytes), head);
}

#[test]
fn empty_lines() {
    let head = b"\r\n\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    is_exact(Limit::EmptyLines, 3, only!(empty_lines), head);
}

#[test]
fn chunk_overhead() {
    let body = |extension: usize| {
        let extension = "x".repeat(extension);
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        format!("{head}1;{extension}\r\na\r\n0\r\n\r\n")
    };
    let limits = only!(chunk_overhead);
    assert_eq!(outcome(limits(100), body(90)), Ok(1));
    let too_large = Err(ErrorKind::TooLarge(Limit::ChunkOverhead));
    assert_eq!(outcome(limits(100), body(101)), too_large);
}

#[test]
fn trailer_bytes() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let wire = format!("{head}1\r\na\r\n0\r\nX-Sum: 123\r\n\r\n");
    is_exact(
        Limit::TrailerBytes,
        12,
        only!(trailer_bytes),
        wire.as_bytes(),
    );
}

#[test]
fn trailer_fields() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let wire = format!("{head}0\r\nA: 1\r\nB: 2\r\n\r\n");
    is_exact(
        Limit::TrailerFields,
        2,
        only!(trailer_fields),
        wire.as_bytes(),
    );
}

#[test]
fn body_bytes() {
    let body = "x".repeat(1000);
    let declared = format!("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{body}");
    let chunked =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n{body}\r\n0\r\n\r\n");
    let to_close = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
    for wire in [declared, chunked, to_close] {
        is_exact(Limit::BodyBytes, 1000, only!(body_bytes), wire.as_bytes());
    }
}

#[cfg(feature = "gzip")]
mod coded {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn coded(codings: &str, body: &[u8]) -> Vec<u8> {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {codings}\r\n\r\n");
        [head.as_bytes(), body].concat()
    }

    #[test]
    fn body_bytes_of_what_is_decoded() {
        let wire = coded("gzip", &gzip(&[0; 100_000]));
        assert!(wire.len() < 1000);
        is_exact(Limit::BodyBytes, 100_000, only!(body_bytes), &wire);
    }

    #[test]
    fn codings() {
        let wire = coded("gzip, gzip", &gzip(&gzip(b"twice")));
        is_exact(Limit::Codings, 2, only!(codings), &wire);
    }

    #[test]
    fn decoded_ratio() {
        let zeros = vec![0; 8 << 20];
        let twice = gzip(&gzip(&zeros));
        let ratio = zeros.len() / twice.len();
        let wire = coded("gzip, gzip", &twice);
        let limits = only!(decoded_ratio);
        assert_eq!(outcome(limits(ratio + 1), wire.clone()), Ok(zeros.len()));
        let too_large = Err(ErrorKind::TooLarge(Limit::DecodedRatio));
        assert_eq!(outcome(limits(ratio / 2), wire.clone()), too_large);
        assert_eq!(outcome(Limits::default(), wire), too_large);
    }

    /// Never more than this at a time, and nothing is lost.
    #[test]
    fn decode_step() {
        let wire = coded("gzip", &gzip(&[0; 300_000]));
        let service = Service::new(move |_| Reply::steps(Steps::new().send(wire.clone()).close()));
        let limits = Limits {
            decode_step: 10_000,
            ..Limits::default()
        };
        let client = Client::builder().connector(Memory::new(service));
        let client = client.limits(limits).build().unwrap();
        let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
        runtime.block_on(async {
            let mut response = client.get("http://h.test/").send().await.unwrap();
            let mut sizes = Vec::new();
            while let Some(chunk) = response.chunk().await.unwrap() {
                sizes.push(chunk.len());
            }
            assert_eq!(sizes.iter().sum::<usize>(), 300_000);
            assert!(
                sizes.iter().all(|size| (1..=10_000).contains(size)),
                "{sizes:?}"
            );
        });
    }
}

#[test]
fn location_bytes() {
    let service = || {
        Service::new(|request| match request.path() {
            "/" => Reply::new(302).header("Location", "/123456789"),
            _ => Reply::ok("there"),
        })
    };
    let limits = only!(location_bytes);
    assert!(fetch(limits(10), service(), "http://h.test/").is_ok());
    let error = fetch(limits(9), service(), "http://h.test/").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge(Limit::LocationBytes));
}

/// Given, and redirected to.
#[test]
fn url_bytes() {
    let service = || {
        Service::new(|request| match request.path() {
            "/" => Reply::new(302).header("Location", "/123456789"),
            _ => Reply::ok("there"),
        })
    };
    let limits = only!(url_bytes);
    let there = "http://h.test/123456789";
    for url in ["http://h.test/", there] {
        assert!(fetch(limits(there.len()), service(), url).is_ok());
        let error = fetch(limits(there.len() - 1), service(), url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge(Limit::UrlBytes), "{url}");
    }
}

/// The body of a redirect is read up to so many bytes, to keep the connection.
#[test]
fn drain_bytes() {
    for (most, reused) in [(1000, true), (999, false)] {
        let service = Service::new(|request| match request.path() {
            "/" => Reply::new(302)
                .header("Location", "/end")
                .body(vec![b'x'; 1000]),
            _ => Reply::ok("end"),
        });
        let client = Client::builder().connector(Memory::new(service));
        let limits = only!(drain_bytes);
        let client = client.limits(limits(most)).build().unwrap();
        let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
        let response = runtime.block_on(client.get("http://h.test/").send());
        assert_eq!(response.unwrap().reused(), reused, "{most}");
    }
}

/// So many addresses of a host are tried; the rest is left alone.
#[test]
fn addresses() {
    let good = downbeat::testing::origin::Origin::start(|_| Reply::ok("ok")).unwrap();
    // Nobody listens there any more.
    let listen = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = [listen(), listen()].map(|listener| listener.local_addr().unwrap());
    for (most, reached) in [(3, true), (2, false)] {
        let limits = only!(addresses);
        let builder = Client::builder().limits(limits(most));
        let given = vec![dead[0], dead[1], good.address()];
        let client = builder.host_override("h.test", given).build().unwrap();
        let sent = downbeat::run(async move { client.get("http://h.test/").send().await });
        assert_eq!(sent.is_ok(), reached, "{most}");
    }
}
