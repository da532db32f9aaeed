//! The callers: one task per request of the plan, and what became of each.
//!
//! Laws: E03, every request has one outcome, here and in what the client tells its
//! hooks; D, none of them lasts longer than its deadline.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use downbeat::future::{OneOf, race};
use downbeat::http::{Body, Client, Error, ErrorKind, Event, Method, Phase, Response};
use downbeat::time;

use super::chance::{Chance, Site};
use super::plan::{Plan, Reading, Upload};

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was answered, and read as far as the plan says.
    Answered(Answer),
    Failed {
        kind: ErrorKind,
        phase: Phase,
        peer: Option<SocketAddr>,
        text: String,
    },
    /// The caller dropped it.
    GivenUp,
}

/// What a caller got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) nonce: String,
    /// The whole body, if it was read to its end.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) attempts: u32,
}

/// What became of a request, and how long that took.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) took: Duration,
}

/// What the client told about its requests: begun, ended and failed, by target.
#[derive(Default)]
pub(crate) struct Told {
    targets: Vec<usize>,
    pub(crate) begun: Vec<u32>,
    pub(crate) ended: Vec<u32>,
    pub(crate) failed: Vec<u32>,
    pub(crate) retries: u64,
}

impl Told {
    pub(crate) fn new(requests: usize) -> Told {
        Told {
            targets: Vec::new(),
            begun: vec![0; requests],
            ended: vec![0; requests],
            failed: vec![0; requests],
            retries: 0,
        }
    }

    /// A hook that writes into it. Numbers of requests follow their starts.
    pub(crate) fn listen(told: &Rc<RefCell<Told>>) -> impl Fn(u64, &Event<'_>) + 'static {
        let told = told.clone();
        move |number, event| {
            let mut told = told.borrow_mut();
            if let Event::RequestStart { url, .. } = event {
                let id = url.path().split('/').nth(1);
                let id = id.and_then(|id| id.parse().ok()).expect("a number");
                assert_eq!(told.targets.len() as u64, number, "requests are numbered");
                told.targets.push(id);
                told.begun[id] += 1;
            }
            let number = usize::try_from(number).expect("few requests");
            let id = told.targets[number];
            match event {
                Event::ResponseEnd => told.ended[id] += 1,
                Event::RequestFailed { .. } => told.failed[id] += 1,
                Event::Retry { .. } => told.retries += 1,
                // The response that ended was not the last.
                Event::Redirect { .. } => told.ended[id] = 0,
                _ => {}
            }
        }
    }
}

/// Makes the request of a plan.
pub(crate) async fn call(client: Client, plan: Plan, url: String, chance: Rc<Chance>) -> Ended {
    let began = time::now();
    let asked = unsettled(chance, fetch(&client, &plan, &url));
    let outcome = match plan.gives_up {
        None => outcome(asked.await),
        Some(patience) => match race((asked, time::sleep(patience))).await {
            OneOf::First(result) => outcome(result),
            _ => Outcome::GivenUp,
        },
    };
    Ended {
        outcome,
        took: time::now() - began,
    }
}

fn outcome(result: Result<Answer, Error>) -> Outcome {
    match result {
        Ok(answer) => Outcome::Answered(answer),
        Err(error) => Outcome::Failed {
            kind: error.kind(),
            phase: error.phase(),
            peer: error.peer_addr(),
            text: error.to_string(),
        },
    }
}

async fn fetch(client: &Client, plan: &Plan, url: &str) -> Result<Answer, Error> {
    let method = Method::new(plan.method).expect("a method");
    let mut request = client.request(method, url);
    let sent = || std::io::Cursor::new(plan.sent.clone());
    request = match plan.upload {
        Upload::None => request,
        Upload::Bytes => request.body(plan.sent.clone()),
        Upload::Stream => request.body(Body::stream(Memory(sent()))),
        Upload::Sized => request.body(Body::sized(Memory(sent()), plan.sent.len() as u64)),
    };
    if plan.expects {
        request = request.header("Expect", "100-continue");
    }
    if let Some(total) = plan.total {
        request = request.timeout(total);
    }
    read(request.send().await?, plan.reading).await
}

async fn read(mut response: Response, reading: Reading) -> Result<Answer, Error> {
    let nonce = response.headers().get("x-nonce").unwrap_or_default();
    let mut answer = Answer {
        status: response.status(),
        nonce: String::from_utf8_lossy(nonce).into_owned(),
        body: None,
        peer: response.peer_addr(),
        attempts: response.attempts(),
    };
    match reading {
        Reading::HeadOnly => {}
        Reading::OnePiece => drop(response.chunk().await?),
        Reading::Bytes => answer.body = Some(response.bytes().await?),
        Reading::Chunks => {
            let mut body = Vec::new();
            while let Some(piece) = response.chunk().await? {
                body.extend_from_slice(piece);
            }
            answer.body = Some(body);
        }
    }
    Ok(answer)
}

/// Polls a future the way a busy program does: with another waker each time, and
/// not always when it could.
async fn unsettled<F: Future>(chance: Rc<Chance>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        if chance.strikes(Site::Hesitant) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if !chance.is_active(Site::Moved) {
            return future.as_mut().poll(cx);
        }
        let waker = Waker::from(Arc::new(Forward(cx.waker().clone())));
        future.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await
}

/// A waker that is equal to no other.
struct Forward(Waker);

impl Wake for Forward {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }
}

/// A request body that is there at once.
struct Memory(std::io::Cursor<Vec<u8>>);

impl downbeat::io::AsyncRead for Memory {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(std::io::Read::read(&mut self.0, buf))
    }
}
