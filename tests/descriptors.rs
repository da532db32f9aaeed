//! What happens when the process has no descriptors left. The test starts itself
//! again as a child with a low limit, so that its neighbours keep theirs.
#![cfg(unix)]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use downbeat::http::{Client, ErrorKind};
use downbeat::net::{TcpListener, TcpStream, is_out_of_resources};
use downbeat::runtime::stats;
use downbeat::time::{sleep, timeout};
use downbeat::{run, spawn};

/// Set in the child.
const CHILD: &str = "DOWNBEAT_TEST_FEW_DESCRIPTORS";

#[test]
fn a_listener_out_of_descriptors_accepts_when_there_are_some_again() {
    with_few(
        "a_listener_out_of_descriptors_accepts_when_there_are_some_again",
        accept_later,
    );
}

#[test]
fn what_is_idle_is_closed_for_a_request_without_a_descriptor() {
    with_few(
        "what_is_idle_is_closed_for_a_request_without_a_descriptor",
        make_room,
    );
}

/// Runs `test` in a child that may have 48 descriptors.
fn with_few(name: &str, test: fn()) {
    if std::env::var_os(CHILD).is_some() {
        return test();
    }
    let this = std::env::current_exe().unwrap();
    let child = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 48 && exec \"$0\" --exact \"$1\" --nocapture",
        ])
        .arg(this)
        .arg(name)
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(
        child.status.success(),
        "{}{}",
        String::from_utf8_lossy(&child.stdout),
        String::from_utf8_lossy(&child.stderr)
    );
}

/// Opens files until none is left.
fn hoard() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

fn accept_later() {
    run(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        // The connection waits in the listener's queue: its event comes once.
        let _peer = std::net::TcpStream::connect(address).unwrap();
        let hoard = hoard();
        let error = TcpStream::connect(address).await.unwrap_err();
        assert!(is_out_of_resources(&error), "{error}");
        let accepting = spawn(async move { listener.accept().await.map(|(_, peer)| peer) });
        sleep(Duration::from_millis(100)).await;
        assert!(!accepting.is_finished());
        let polls = stats().polls;
        assert!(polls < 50, "{polls} polls: it spins");
        drop(hoard);
        let accepted = timeout(Duration::from_secs(5), accepting).await;
        accepted.expect("accepted soon after").unwrap().unwrap();
    });
}

/// Answers one request of one connection, and waits for its end.
fn serve_one(listener: &std::net::TcpListener) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut bytes = [0; 1024];
    assert_ne!(stream.read(&mut bytes).unwrap(), 0);
    let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    stream.write_all(response).unwrap();
    assert_eq!(stream.read(&mut bytes).unwrap(), 0);
}

fn make_room() {
    let listen = || std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let listeners = [listen(), listen()];
    let urls = listeners.each_ref().map(|listener| {
        let address = listener.local_addr().unwrap();
        format!("http://{address}/")
    });
    let server = std::thread::spawn(move || listeners.each_ref().map(serve_one));
    run(async move {
        let client = Client::new().unwrap();
        let body = client.get(&urls[0]).send().await.unwrap().bytes().await;
        assert_eq!(body.unwrap(), b"hi");
        assert_eq!(client.connections(), (1, 1));
        let _hoard = hoard();
        let body = client.get(&urls[1]).send().await.unwrap().bytes().await;
        assert_eq!(body.unwrap(), b"hi");
        assert_eq!(
            (client.connections(), client.counters().opened),
            ((1, 1), 2)
        );
        // With nothing that is idle, nothing can be closed.
        client.close_idle();
        server.join().unwrap();
        let _more = hoard();
        let error = client.get(&urls[0]).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DescriptorsExhausted);
    });
}
