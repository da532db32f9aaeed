//! Faults of servers, retries, exit codes.

use crate::program::{Temporary, kind, objects, run, run_by_shell, run_with_input, text};
use downbeat::policy::Expression;
use downbeat::testing::origin::{Origin, Reply, Steps};
use serde_json::Value;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};

fn origin(handler: impl Fn(&str) -> Reply + Send + 'static) -> Origin {
    let builder = Origin::builder().can_reset();
    builder
        .start(move |request| handler(request.path()))
        .expect("an origin starts")
}

/// Answers badly, by the path.
fn hostile(path: &str) -> Reply {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome";
    match path {
        "/reset" => Steps::new().reset().into(),
        "/truncated" => Steps::new().send(head).close().into(),
        "/stalls" => Steps::new().send(head).hold().into(),
        "/silent" => Steps::new().hold().into(),
        "/nonsense" => Steps::new()
            .send("220 smtp.example ready\r\n\r\n")
            .close()
            .into(),
        "/large" => Reply::ok(vec![b'x'; 10_000]),
        "/circle" => Reply::new(302).header("Location", "/circle"),
        "/moved" => Reply::new(301).header("Location", "/fine"),
        "/500" => Reply::new(500),
        "/404" => Reply::new(404).body("nothing here"),
        _ => Reply::ok("fine"),
    }
}

#[test]
fn every_fault_is_one_outcome_of_its_kind() {
    let origin = origin(hostile);
    let nowhere = TcpStream::connect(origin.address()).expect("the origin listens");
    let nowhere = nowhere.local_addr().expect("it is connected");
    let cases = [
        ("reset", "truncated"),
        ("truncated", "truncated"),
        ("stalls", "timeout"),
        ("silent", "timeout"),
        ("nonsense", "protocol"),
        ("large", "too_large"),
        ("circle", "redirect"),
        ("500", "status"),
        ("404", "status"),
        ("moved", ""),
        ("fine", ""),
    ];
    let mut input = format!("http://{nowhere}/refused\nhttp://no-such-host.invalid/dns\n");
    for (path, _) in cases {
        input += &origin.url(&format!("/{path}\n"));
    }
    let args = [
        "-i",
        "-",
        "-o",
        "-",
        "-q",
        "--retry",
        "0",
        "--timeout",
        "1s",
        "--max-size",
        "5k",
    ];
    let run = run_with_input(args, &input);
    assert_eq!(run.code, Some(1), "{}", run.err);
    assert!(
        run.err.starts_with("Fetched 2 of 13 URLs.\n"),
        "{}",
        run.err
    );
    let mut found: Vec<(String, String)> = Vec::new();
    for object in run.objects() {
        let url = text(&object, "url");
        let path = url.rsplit('/').next().expect("a path").to_owned();
        assert_eq!(object["ok"], kind(&object).is_empty());
        if path == "moved" {
            assert_eq!(text(&object, "final_url"), origin.url("/fine"));
        }
        found.push((path, kind(&object).to_owned()));
    }
    found.sort();
    let mut expected = vec![("refused", "connect"), ("dns", "dns")];
    expected.extend(cases);
    expected.sort_unstable();
    let expected: Vec<_> = expected
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn every_policy_gives_the_same_results() {
    let origin = origin(hostile);
    let paths = [
        "fine",
        "reset",
        "truncated",
        "nonsense",
        "large",
        "circle",
        "500",
        "404",
        "moved",
    ];
    let urls = paths.iter().cycle().take(60);
    let input: String = urls.map(|path| origin.url(&format!("/{path}\n"))).collect();
    let outcomes = |policy: &str| {
        let args = [
            "-i",
            "-",
            "-o",
            "-",
            "--per-host",
            "0",
            "--max-size",
            "5k",
            "--policy",
            policy,
            "--gate",
            policy,
            "-c",
            "20",
        ];
        let run = run_with_input(args, &input);
        assert_eq!(run.code, Some(1), "{policy}: {}", run.err);
        // How long it took and on whose connection is what a policy may change, and
        // whether a message tells of a stale one.
        const SAME: [&str; 8] = [
            "index",
            "line",
            "url",
            "final_url",
            "status",
            "ok",
            "attempts",
            "bytes",
        ];
        let outcome = |object: &Value| {
            let fields = SAME.map(|name| object[name].to_string()).join(" ");
            (object["index"].as_u64(), fields + " " + kind(object))
        };
        let mut all: Vec<_> = run.objects().iter().map(outcome).collect();
        all.sort();
        all
    };
    let fifo = outcomes("fifo");
    assert_eq!(fifo.len(), 60);
    let same = |policy: &str| {
        let found = outcomes(policy);
        let differs = found.iter().zip(&fifo).find(|(a, b)| a != b);
        assert_eq!((differs, found.len()), (None, fifo.len()), "{policy}");
    };
    same("random:7");
    for (usage, _) in Expression::words() {
        // Each word with its usual arguments, but for a choice, names, and long pauses.
        let policy = usage.replace("(time|polls)", "").replace("seed", "7");
        let policy = policy.replace("NAME", "root").replace("10ms", "10us");
        let policy = policy.trim_end_matches('>');
        same(policy);
    }
    for policy in [
        "slot(3) > groups(fair) > edf",
        "check > groups(lottery(7)) > sjf",
    ] {
        same(policy);
    }
}

/// An origin that answers `status` twice, with this `Retry-After`, then 200.
fn recovering(status: u16, retry_after: Option<&'static str>) -> Origin {
    let count = AtomicU32::new(0);
    origin(move |_| {
        if count.fetch_add(1, Ordering::SeqCst) >= 2 {
            return Reply::ok("at last");
        }
        let reply = Reply::new(status);
        match retry_after {
            Some(value) => reply.header("Retry-After", value),
            None => reply,
        }
    })
}

#[test]
fn what_passes_is_tried_again() {
    for status in [429, 502, 503, 504] {
        let origin = recovering(status, Some("0"));
        let run = run(["-o", "-", &origin.url("/")]);
        let object = &run.objects()[0];
        assert_eq!(
            (run.code, &object["attempts"]),
            (Some(0), &3.into()),
            "{status}"
        );
        assert_eq!(origin.requests(), 3);
    }
}

#[test]
fn retry_after_is_obeyed_or_there_is_no_retry() {
    let origin = recovering(503, Some("1"));
    let run_one = run(["--retry", "2", &origin.url("/")]);
    assert_eq!(run_one.code, Some(0));
    assert!(run_one.two_lines("Fetched 1 URLs.") >= 2.0);
    let origin = recovering(503, Some("61"));
    assert_eq!(run([origin.url("/")]).code, Some(3));
    assert_eq!(origin.requests(), 1);
}

#[test]
fn what_does_not_pass_is_not_tried_again() {
    for status in [404, 500, 501] {
        let origin = recovering(status, None);
        assert_eq!(run([origin.url("/")]).code, Some(3));
        assert_eq!(origin.requests(), 1, "{status}");
    }
    let origin = recovering(503, Some("0"));
    assert_eq!(run(["--retry", "1", &origin.url("/")]).code, Some(3));
    assert_eq!(origin.requests(), 2);
}

#[test]
fn a_retry_waits_without_a_slot() {
    // One URL is told to come again in a second; with one slot, all others pass it.
    let count = AtomicU32::new(0);
    let origin = origin(move |path| match path {
        "/busy" if count.fetch_add(1, Ordering::SeqCst) == 0 => {
            Reply::new(502).header("Retry-After", "1")
        }
        _ => Reply::ok("fine"),
    });
    let mut input = origin.url("/busy\n");
    for page in 0..20 {
        input += &origin.url(&format!("/{page}\n"));
    }
    let run = run_with_input(["-i", "-", "-o", "-", "-c", "1"], &input);
    assert_eq!(run.code, Some(0));
    let objects = run.objects();
    assert_eq!(
        text(objects.last().expect("outcomes"), "url"),
        origin.url("/busy")
    );
}

#[test]
fn exit_codes() {
    let origin = origin(hostile);
    let (fine, missing) = (origin.url("/fine"), origin.url("/404"));
    assert_eq!(run([&fine]).code, Some(0));
    assert_eq!(run([&fine, &missing]).code, Some(1));
    assert_eq!(run([&missing, &missing]).code, Some(3));
    let empty = Temporary::with("# nothing\n");
    let nothing = run(["-i", empty.name()]);
    assert_eq!(nothing.code, Some(0));
    nothing.two_lines("Fetched 0 URLs.");
    for usage in [
        &["--no-such-option"][..],
        &["-c", "0"],
        &["--policy", "best"],
        &["-i", "/no/such/list"],
        &["--demo", "5", "http://h/"],
        &["--header", "bad header: x", "http://h/"],
        &["--cacert", "/no/such/file", "http://h/"],
        &["--compare", "-i", "-"],
        &["--timeout", "0", "http://h/"],
        &["--gate", "best", "http://h/"],
        &["--trace", "picture.png", "http://h/"],
        &["--connect-timeout", "0s", "http://h/"],
        &["--header", "Content-Length: 5", "http://h/"],
        &["--user-agent", "me\r\nX: y", "http://h/"],
    ] {
        let run = run(usage);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{usage:?}");
        assert!(!run.err.is_empty(), "{usage:?}");
    }
    let kept = Temporary::with("results of yesterday");
    let refused = run(["-o", kept.name(), "--header", "bad header: x", "http://h/"]);
    assert_eq!(
        (refused.code, kept.read().as_str()),
        (Some(2), "results of yesterday")
    );
    for output in [
        &["-o", "/no/such/dir/file"][..],
        &["--save", "/dev/null/dir"],
        &["--trace", "/no/such/dir/picture.html"],
        #[cfg(target_os = "linux")]
        &["-o", "/dev/full"],
    ] {
        let run = run(output.iter().chain(&[fine.as_str()]));
        assert_eq!(run.code, Some(4), "{output:?}: {}", run.err);
        assert!(run.err.contains("scraper: "), "{output:?}: {}", run.err);
    }
}

/// Without a standard output nothing can be said there: as with one that is full.
#[cfg(target_os = "linux")]
#[test]
fn a_standard_output_that_is_closed_is_an_error() {
    let origin = origin(hostile);
    let fine = origin.url("/fine");
    let outcomes = Temporary::with("");
    let in_a_file = ["-q", "-o", outcomes.name(), &fine];
    for (script, args, code) in [
        ("\"$0\" \"$@\" >&-", &["-q", &fine][..], 4),
        ("\"$0\" \"$@\" >&-", &["-q", "--summary", "json", &fine], 4),
        ("\"$0\" \"$@\" >&-", &["-q", "-o", "-", &fine], 4),
        ("\"$0\" \"$@\" >&-", &in_a_file, 4),
        ("\"$0\" \"$@\" >/dev/full", &["-q", &fine], 4),
        // Not wanting to see it is no error, however it is said.
        ("\"$0\" \"$@\" >/dev/null", &["-q", &fine], 0),
        ("\"$0\" \"$@\" 1<>/dev/null", &["-q", &fine], 0),
        ("\"$0\" \"$@\" <&- 2>&-", &["-q", &fine], 0),
    ] {
        let run = run_by_shell(script, args);
        assert_eq!(run.code, Some(code), "{script} {args:?}: {}", run.err);
        let complains = !run.err.is_empty();
        assert_eq!(complains, code == 4, "{script} {args:?}: {}", run.err);
    }
    assert_eq!(
        objects(&outcomes.read()).len(),
        1,
        "what was fetched is kept"
    );
}

#[cfg(feature = "tls")]
#[test]
fn a_root_can_be_given() {
    use downbeat::tls::Acceptor;
    let issued =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (chain, key) = (issued.cert.pem(), issued.signing_key.serialize_pem());
    let acceptor = Acceptor::builder(chain.as_bytes(), key.as_bytes()).expect("it fits");
    let acceptor = acceptor.build().expect("it fits");
    let origin = Origin::builder()
        .tls(acceptor)
        .start(|_| Reply::ok("secret"));
    let origin = origin.expect("an origin starts");
    let url = format!("https://localhost:{}/", origin.address().port());
    let root = Temporary::with(chain);
    assert_eq!(run(["--cacert", root.name(), &url]).code, Some(0));
    let stranger = run(["-o", "-", &url]);
    assert_eq!(kind(&stranger.objects()[0]), "tls");
}
