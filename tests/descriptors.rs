//! What happens when the process has no descriptors left. The test starts itself
//! again as a child with a low limit, so that its neighbours keep theirs.
#![cfg(unix)]

use std::fs::File;
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use downbeat::net::{TcpListener, TcpStream, is_out_of_resources};
use downbeat::runtime::stats;
use downbeat::time::{sleep, timeout};
use downbeat::{run, spawn};

/// Set in the child.
const CHILD: &str = "DOWNBEAT_TEST_FEW_DESCRIPTORS";

#[test]
fn a_listener_out_of_descriptors_accepts_when_there_are_some_again() {
    if std::env::var_os(CHILD).is_some() {
        return few_descriptors();
    }
    let this = std::env::current_exe().unwrap();
    let name = "a_listener_out_of_descriptors_accepts_when_there_are_some_again";
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

fn few_descriptors() {
    run(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        // The connection waits in the listener's queue: its event comes once.
        let _peer = std::net::TcpStream::connect(address).unwrap();
        let mut hoard = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            hoard.push(file);
        }
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
