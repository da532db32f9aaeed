//! The scripted origin: answers by the plan, properly or not, and writes down what it
//! was asked.
//!
//! Laws: it counts every head it sees, so a request that is made twice is seen twice;
//! it compares every request body with the plan's.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use downbeat::testing::origin::{Framing, Reply, Request, Service, Steps};

use super::plan::{Misdeed, Plan, Plans, place};

/// What the server saw and did.
#[derive(Default)]
pub(crate) struct Book {
    /// How often each request was seen, by number and hop.
    pub(crate) seen: BTreeMap<(usize, usize), u32>,
    /// The misdeeds that were done, by request.
    pub(crate) misdeeds: BTreeMap<usize, Misdeed>,
    /// Connections that a misdeed has closed, or left open without an answer to come:
    /// where its response was whole, the client may use them again.
    pub(crate) spoiled: BTreeSet<usize>,
    /// What was wrong with the requests.
    pub(crate) complaints: Vec<String>,
}

/// The service of a run.
pub(crate) fn service(plans: Plans, scheme: &'static str, book: Rc<RefCell<Book>>) -> Service {
    let (by_head, known) = (book.clone(), plans.clone());
    let handler = move |request: &Request| match place(request) {
        Some((id, hop)) => answer(&plans[id], hop, scheme, request, &book),
        None => {
            let complaint = format!("no such target: {}", request.target);
            book.borrow_mut().complaints.push(complaint);
            Reply::new(400)
        }
    };
    Service::new(handler).on_head(move |request| {
        let (id, hop) = place(request)?;
        let plan = &known[id];
        let mut book = by_head.borrow_mut();
        let seen = book.seen.entry((id, hop)).or_default();
        *seen += 1;
        let first = *seen == 1;
        let misdeed = plan.misdeed.filter(|_| hop == plan.hops)?;
        if plan.once && !first {
            return None;
        }
        book.misdeeds.insert(id, misdeed);
        if misdeed != Misdeed::Dribble {
            book.spoiled.insert(request.connection);
        }
        Some(steps(plan, misdeed, request))
    })
}

/// The proper answer.
fn answer(plan: &Plan, hop: usize, scheme: &str, request: &Request, book: &RefCell<Book>) -> Reply {
    if request.method != plan.method || request.body != plan.sent[..plan.sent_length()] {
        let complaint = format!(
            "request {}: {} with {} bytes",
            plan.id,
            request.method,
            request.body.len()
        );
        book.borrow_mut().complaints.push(complaint);
    }
    if hop < plan.hops {
        return Reply::new([307, 308][hop % 2]).header("Location", plan.url(scheme, hop + 1));
    }
    let mut reply = Reply::new(plan.status)
        .body(plan.encoded())
        .framing(plan.framing)
        .delay(plan.delay)
        .header("X-Nonce", plan.nonce());
    if plan.gzip {
        reply = reply.header("Content-Encoding", "gzip");
    }
    reply
}

/// The whole proper response, with a length.
fn message(plan: &Plan, request: &Request) -> Vec<u8> {
    let (body, coding) = (plan.encoded(), ["", "Content-Encoding: gzip\r\n"]);
    let mut message = format!(
        "{}Content-Length: {}\r\n{}\r\n",
        head(plan),
        body.len(),
        coding[usize::from(plan.gzip)]
    )
    .into_bytes();
    if request.method != "HEAD" {
        message.extend(body);
    }
    message
}

fn head(plan: &Plan) -> String {
    format!(
        "HTTP/1.1 {} X\r\nX-Nonce: {}\r\n",
        plan.status,
        plan.nonce()
    )
}

/// The first so many bytes of the proper response.
fn part(plan: &Plan, request: &Request, length: usize) -> Steps {
    let mut message = message(plan, request);
    message.truncate(length);
    Steps::new().send(message)
}

fn steps(plan: &Plan, misdeed: Misdeed, request: &Request) -> Steps {
    let text = |fields: &str| Steps::new().send(head(plan) + fields);
    let read = Steps::new().read_body();
    match misdeed {
        Misdeed::Hold => Steps::new().hold(),
        Misdeed::Close => Steps::new().close(),
        Misdeed::Reset => Steps::new().reset(),
        Misdeed::HoldAt(n) => part(plan, request, n).hold(),
        Misdeed::CloseAt(n) => part(plan, request, n).close(),
        Misdeed::ResetAt(n) => part(plan, request, n).reset(),
        Misdeed::Banner => Steps::new().send("SSH-2.0-nobody\r\n").close(),
        Misdeed::EndlessHead => text("").repeat("X-More: and more\r\n", 10_000).hold(),
        Misdeed::EndlessInterim => Steps::new()
            .repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 10_000)
            .hold(),
        Misdeed::BadChunk => text("Transfer-Encoding: chunked\r\n\r\nzz\r\n").hold(),
        Misdeed::TwoLengths => text("Content-Length: 1\r\nContent-Length: 2\r\n\r\nok").hold(),
        Misdeed::Noise => {
            text("Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!").hold()
        }
        Misdeed::Planted => read
            .send([message(plan, request), message(plan, request)].concat())
            .hold(),
        Misdeed::CloseAfter => read.send(message(plan, request)).close(),
        Misdeed::Dribble => {
            let pause = std::time::Duration::from_micros(300);
            read.dribble(message(plan, request), 5, pause)
        }
    }
}

impl Plan {
    /// How many bytes of body go up.
    pub(crate) fn sent_length(&self) -> usize {
        match self.upload {
            super::plan::Upload::None => 0,
            _ => self.sent.len(),
        }
    }

    /// Can a body that ends too early be told from a whole one?
    pub(crate) fn ends_by_close(&self) -> bool {
        self.framing == Framing::Close
    }
}
