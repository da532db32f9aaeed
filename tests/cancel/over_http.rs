//! The client: a request and a body, cut at every poll, over memory, plain and over TLS.

use std::time::Duration;

use downbeat::http::{Body, Client, ClientBuilder, Response};
use downbeat::testing::origin::{Framing, Memory, Reply, Request, Service};
use downbeat::testing::{Stream, pair};
use downbeat::time;

use super::cut::{at_every_poll, cut};

const BODY: usize = 3000;

fn answer(request: &Request) -> Reply {
    if request.path() == "/from" {
        return Reply::new(307).header("Location", "/to");
    }
    let body = vec![b'x'; BODY];
    let reply = Reply::ok(body).delay(Duration::from_millis(2));
    match request.path() {
        "/chunked" => reply.framing(Framing::Chunked(100)),
        _ => reply,
    }
}

/// A client of a service over narrow connections, one at a time.
fn client() -> (Client, Memory) {
    let memory = Memory::new(Service::new(answer)).capacity(300);
    let builder = Client::builder().connector(memory.clone());
    (finished(builder), memory)
}

fn finished(builder: ClientBuilder) -> Client {
    builder.max_connections(1).build().unwrap()
}

/// The client still works, and then has nothing.
async fn still_whole(client: &Client, memory: &Memory, url: &str) {
    let whole = client.get(url).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(whole.len(), BODY);
    assert_eq!(client.connections(), (1, 1), "one place, and it is free");
    client.close_idle();
    assert_eq!(client.connections(), (0, 0));
    time::sleep(Duration::from_millis(50)).await;
    assert_eq!(memory.open(), 0, "the server's side is closed too");
}

async fn response(client: &Client, path: &str) -> Response {
    let url = format!("http://h.test{path}");
    client.get(url).send().await.unwrap()
}

#[test]
fn requests() {
    // CUTS http/call.rs send
    at_every_poll("send", |k| {
        Box::pin(async move {
            let (client, memory) = client();
            let request = client.put("http://h.test/from").body(vec![b'y'; 2000]);
            let done = cut(k, request.send()).await.is_some();
            still_whole(&client, &memory, "http://h.test/").await;
            done
        })
    });
    at_every_poll("send a stream", |k| {
        Box::pin(async move {
            let (client, memory) = client();
            let (upload, mut source): (Stream, Stream) = pair(64);
            let feeding = downbeat::spawn(async move {
                use downbeat::io::AsyncWriteExt;
                // Fails when the upload is cut.
                drop(source.write_all(&[b'z'; 900]).await);
            });
            let request = client.post("http://h.test/").body(Body::stream(upload));
            let done = cut(k, request.send()).await.is_some();
            feeding.await.unwrap();
            still_whole(&client, &memory, "http://h.test/").await;
            done
        })
    });
    at_every_poll("wait in the queue", |k| {
        Box::pin(async move {
            let (client, memory) = client();
            let busy = response(&client, "/").await;
            let release = downbeat::spawn(async move {
                time::sleep(Duration::from_millis(5)).await;
                busy.bytes().await.unwrap();
            });
            let done = cut(k, client.get("http://h.test/").send()).await.is_some();
            release.await.unwrap();
            still_whole(&client, &memory, "http://h.test/").await;
            done
        })
    });
}

#[test]
fn bodies() {
    // CUTS http/response.rs chunk, http/response.rs bytes, http/response.rs text, http/response.rs read_all
    for path in ["/", "/chunked"] {
        at_every_poll("chunk", |k| {
            Box::pin(async move {
                let (client, memory) = client();
                let mut response = response(&client, path).await;
                let length = |piece: Option<&[u8]>| piece.map_or(0, <[u8]>::len);
                let done = cut(k, async { length(response.chunk().await.unwrap()) }).await;
                // Nothing is lost.
                let rest = response.read_all().await.unwrap();
                assert_eq!(done.unwrap_or(0) + rest.len(), BODY);
                still_whole(&client, &memory, "http://h.test/").await;
                done.is_some()
            })
        });
        at_every_poll("bytes and text", |k| {
            Box::pin(async move {
                let (client, memory) = client();
                let bytes = cut(k, response(&client, path).await.bytes()).await;
                let text = cut(k, response(&client, path).await.text()).await;
                still_whole(&client, &memory, "http://h.test/").await;
                bytes.is_some() && text.is_some()
            })
        });
        at_every_poll("read_all", |k| {
            Box::pin(async move {
                let (client, memory) = client();
                let mut response = response(&client, path).await;
                let done = cut(k, response.read_all()).await;
                // What was read is lost, and the response knows where it is.
                let rest = response.read_all().await.unwrap();
                assert!(rest.len() <= BODY);
                assert!(done.is_none() || rest.is_empty());
                drop(response);
                still_whole(&client, &memory, "http://h.test/").await;
                done.is_some()
            })
        });
    }
}

#[cfg(feature = "tls")]
#[test]
fn over_tls() {
    use downbeat::tls::Acceptor;
    let params = rcgen::CertificateParams::new(vec!["h.test".to_owned()]).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = std::rc::Rc::new((params.self_signed(&key).unwrap().pem(), key.serialize_pem()));
    at_every_poll("a request over TLS", |k| {
        let pem = pem.clone();
        Box::pin(async move {
            let (chain, key) = (pem.0.as_bytes(), pem.1.as_bytes());
            let acceptor = Acceptor::builder(chain, key).unwrap().build().unwrap();
            let memory = Memory::new(Service::new(answer))
                .capacity(600)
                .tls(acceptor);
            let builder = Client::builder().only_roots_pem(chain).unwrap();
            let client = finished(builder.connector(memory.clone()));
            let request = client.get("https://h.test/").send();
            let done = cut(k, async { request.await.unwrap().bytes().await }).await;
            still_whole(&client, &memory, "https://h.test/").await;
            done.is_some()
        })
    });
}
