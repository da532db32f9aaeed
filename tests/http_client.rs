//! The client against an origin over loopback.

use downbeat::http::Client;
use downbeat::testing::origin::{Framing, Origin, Reply};

#[test]
fn get() {
    let origin =
        Origin::start(|request| Reply::ok(format!("{} {}", request.method, request.target)))
            .unwrap();
    downbeat::run(async {
        let client = Client::new().unwrap();
        for page in 0..3 {
            let response = client
                .get(origin.url(&format!("/{page}")))
                .send()
                .await
                .unwrap();
            assert_eq!(response.status(), 200);
            assert_eq!(response.reused(), page > 0);
            assert_eq!(response.text().await.unwrap(), format!("GET /{page}"));
        }
    });
    assert_eq!(origin.connections(), 1);
}

#[test]
fn chunked_and_close() {
    let origin = Origin::start(|request| {
        let body: Vec<u8> = (0..200_000u32).map(|i| i as u8).collect();
        match request.path() {
            "/chunked" => Reply::ok(body).framing(Framing::Chunked(1000)),
            "/close" => Reply::ok(body).framing(Framing::Close),
            _ => Reply::ok(body),
        }
    })
    .unwrap();
    downbeat::run(async {
        let client = Client::new().unwrap();
        for path in ["/length", "/chunked", "/close", "/length"] {
            let response = client.get(origin.url(path)).send().await.unwrap();
            let body = response.bytes().await.unwrap();
            assert_eq!(body.len(), 200_000, "{path}");
            assert!(
                body.iter().enumerate().all(|(i, b)| *b == i as u8),
                "{path}"
            );
        }
    });
    assert_eq!(origin.connections(), 2);
}
