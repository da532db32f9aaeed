//! The origin of the crowd as a program, to be killed, stopped and restarted.
//!
//! `origin PORT [tls PEM-FILE]` prints its address, writes its certificate to the file,
//! and serves until its input ends.

use std::io::{Write, copy, sink, stdin, stdout};
use std::net::Ipv4Addr;

use flate2::Compression;
use flate2::write::GzEncoder;

use downbeat::testing::origin::{Framing, Origin, Reply, Steps};
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
            Some("bomb") => Reply::steps(bomb(number)),
            Some("crumbs") => Reply::steps(crumbs(number)),
            Some("members") => Reply::steps(members(number)),
            Some("blocks") => Reply::steps(blocks(number)),
            Some("twice") => Reply::steps(twice(number)),
            Some("stream") => Reply::steps(stream(number)),
            _ => reply,
        }
    })?;
    let mut out = stdout();
    writeln!(out, "{}", origin.address())?;
    out.flush()?;
    copy(&mut stdin(), &mut sink())?;
    Ok(())
}

/// Zeros, so many times 64 MiB, as gzip members.
fn bomb(times: usize) -> Steps {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..64 {
        packed.write_all(&vec![0; 1 << 20]).expect("memory");
    }
    let member = packed.finish().expect("memory");
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
    Steps::new().send(head).repeat(member, times as u64).close()
}

/// So many MiB.
fn stream(mib: usize) -> Steps {
    let length = mib << 20;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    Steps::new()
        .send(head)
        .repeat(vec![7; 1 << 16], (length >> 16) as u64)
}

/// So many thousand chunks of one byte.
fn crumbs(thousands: usize) -> Steps {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    Steps::new()
        .send(head)
        .repeat("1\r\nx\r\n".repeat(1000), thousands as u64)
        .close()
}

/// So many thousand gzip members with nothing in them.
fn members(thousands: usize) -> Steps {
    let packed = GzEncoder::new(Vec::new(), Compression::best());
    let member = packed.finish().expect("memory");
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
    Steps::new()
        .send(head)
        .repeat(member.repeat(1000), thousands as u64)
        .close()
}

/// The header of a gzip member, and four deflate blocks without content: ten bits each.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
const BLOCKS: [u8; 5] = [0x02, 0x08, 0x20, 0x80, 0x00];

/// One gzip member of so many thousand times four blocks with nothing in them.
fn blocks(thousands: usize) -> Steps {
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
    Steps::new()
        .send(head)
        .send(HEADER)
        .repeat(BLOCKS.repeat(1000), thousands as u64)
        .close()
}

/// The same in gzip once more, where a kilobyte is a million of them.
fn twice(times: usize) -> Steps {
    let pack = |bytes: &[u8]| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(bytes).expect("memory");
        packed.finish().expect("memory")
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\n\r\n";
    Steps::new()
        .send(head)
        .send(pack(&HEADER))
        .repeat(pack(&BLOCKS.repeat(1 << 18)), times as u64)
        .close()
}
