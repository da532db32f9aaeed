//! A file server on hyper: `hyper_server PORT FOLDER`.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

type Body = BoxBody<Bytes, Infallible>;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().unwrap().parse().unwrap();
    let folder = PathBuf::from(arguments.next().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
            .await
            .unwrap();
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let folder = folder.clone();
                    let service = service_fn(move |request| answer(request, folder.clone()));
                    let connection = hyper::server::conn::http1::Builder::new();
                    tokio::task::spawn_local(async move {
                        let _ = connection
                            .serve_connection(TokioIo::new(stream), service)
                            .await;
                    });
                }
            })
            .await;
    });
}

async fn answer(request: Request<Incoming>, folder: PathBuf) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    let whole = request
        .into_body()
        .collect()
        .await
        .map(|body| body.to_bytes().len());
    if path == "/chunked" {
        let pieces = (0..1000).map(|_| Ok(Frame::data(Bytes::from_static(b"Hello, world!"))));
        let stream = StreamBody::new(Pieces(Box::new(pieces)));
        return Ok(Response::new(BoxBody::new(stream)));
    }
    let file = std::fs::read(folder.join(Path::new(path.trim_start_matches('/'))));
    let mut response = Response::new(match &file {
        Ok(bytes) => BoxBody::new(Full::new(Bytes::copy_from_slice(bytes))),
        Err(_) => BoxBody::new(Full::new(Bytes::from_static(b"no"))),
    });
    if file.is_err() || whole.is_err() {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    Ok(response)
}

/// An iterator as the stream that hyper asks for.
struct Pieces(Box<dyn Iterator<Item = Result<Frame<Bytes>, Infallible>> + Send + Sync>);

impl futures_core::Stream for Pieces {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}
