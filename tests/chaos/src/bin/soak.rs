//! The soak: keep-alive requests for as long as it takes, with a ledger.
//!
//! ```text
//! cargo run --release --bin soak                     # 3,000,000 and 300,000 over TLS
//! REQUESTS=200000 TLS=20000 cargo run --release --bin soak
//! ```
//!
//! A bug that shows once in 600,000 requests is seen by 3,000,000 with 99.3 %. Exit 1 if
//! a request has no outcome or a wrong body, a POST was made twice, memory grows by more
//! than a byte per request, or descriptors or threads are left.

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use downbeat_chaos::crowd::{self, Seen};
use downbeat_chaos::process::{holdings, number, resident_kib, slope};

fn main() -> ExitCode {
    let plain = round(false, number("REQUESTS", 3_000_000) as usize);
    let secure = round(true, number("TLS", 300_000) as usize);
    if plain && secure {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Requests at a time.
const AT_ONCE: usize = 64;

fn round(secure: bool, requests: usize) -> bool {
    let seen = Seen::default();
    let origin = crowd::origin(secure, &seen).expect("an origin");
    let before = holdings();
    let began = Instant::now();
    let (mut answered, mut wrong) = (0, Vec::new());
    let mut points = Vec::new();
    downbeat::run(async {
        let total = Duration::from_secs(60);
        let client = crowd::client(total, AT_ONCE).expect("a client");
        let base = crowd::base(secure, origin.address());
        let step = (requests / 300).max(AT_ONCE);
        for first in (0..requests).step_by(step) {
            let numbers = first..(first + step).min(requests);
            let count = numbers.len();
            let mut ledger = crowd::run(&client, &base, numbers, AT_ONCE, total).await;
            ledger.check_posts(&seen);
            // The origin's ledger grows; it is emptied, not measured.
            *seen.lock().expect("no panic") = Default::default();
            answered += ledger.successes();
            if ledger.successes() != count {
                wrong.push(format!("from {first}: {:?}", ledger.failures()));
            }
            wrong.append(&mut ledger.wrong);
            // The first tenth is for warming up.
            if first * 10 > requests {
                points.push((first as f64, resident_kib() as f64 * 1024.0));
            }
        }
    });
    let took = began.elapsed();
    let slope = slope(&points);
    // Threads of the pool leave a little later.
    std::thread::sleep(Duration::from_millis(200));
    let after = holdings();
    let name = if secure { "https" } else { "http" };
    println!(
        "{name}: {answered} of {requests} answered, {} wrong, {:.0} a second; memory {slope:+.3} bytes a request over {} samples; descriptors and threads {before:?} and {after:?}",
        wrong.len(),
        requests as f64 / took.as_secs_f64(),
        points.len()
    );
    for line in wrong.iter().take(5) {
        println!("  {line}");
    }
    drop::<Arc<Mutex<_>>>(seen);
    answered == requests && wrong.is_empty() && slope <= 1.0 && after <= before
}
