//! The origin of the crowd as a program, to be killed, stopped and restarted.
//!
//! `origin PORT [tls PEM-FILE]` prints its address, writes its certificate to the file,
//! and serves until its input ends.

use std::io::{Write, copy, sink, stdin, stdout};
use std::net::Ipv4Addr;

use downbeat::testing::origin::{Framing, Origin, Reply};
use downbeat_chaos::{crowd, secret};

fn main() -> std::io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let port = words
        .first()
        .and_then(|port| port.parse().ok())
        .unwrap_or(0);
    let mut builder = Origin::builder().address((Ipv4Addr::LOCALHOST, port).into());
    if let [_, tls, file, ..] = &words[..]
        && tls == "tls"
    {
        std::fs::write(file, &secret::pem().0)?;
        builder = builder.tls(secret::acceptor());
    }
    let origin = builder.start(|request| {
        let words: Vec<&str> = request.path().split('/').collect();
        let number: usize = words.get(1).and_then(|n| n.parse().ok()).unwrap_or(0);
        let reply = Reply::ok(crowd::body(number)).header("X-Nonce", number.to_string());
        match words.get(2).copied() {
            Some("chunked") => reply.framing(Framing::Chunked(700)),
            Some("slow") => reply.delay(std::time::Duration::from_millis(100)),
            Some("moved") => Reply::new(307).header("Location", format!("/{number}/page")),
            Some("close") => reply.close(),
            _ => reply,
        }
    })?;
    let mut out = stdout();
    writeln!(out, "{}", origin.address())?;
    out.flush()?;
    copy(&mut stdin(), &mut sink())?;
    Ok(())
}
