//! The scenarios: each makes what it needs, uses it hard, breaks some of it off, and
//! leaves.

use downbeat::http::Client;
use downbeat::io::{AsyncReadExt, AsyncWriteExt};
use downbeat::net::{TcpListener, TcpStream};
use downbeat::sync::{channel, remote};
use downbeat::testing::origin::{Framing, Origin, Reply};
use downbeat::{Runtime, TaskGroup, gather, spawn, spawn_blocking, time, yield_now};
use std::cell::RefCell;
use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

/// A name and what it does.
pub type Scenario = (&'static str, fn());

/// All of them.
pub const ALL: &[Scenario] = &[
    ("empty loops", empty_loops),
    ("tasks", tasks),
    ("tasks left behind", tasks_left_behind),
    ("panics", panics),
    ("timers", timers),
    ("wakers outlive their loop", wakers_outlive),
    ("channels", channels),
    ("wakes from threads", wakes_from_threads),
    ("work sent to a dead loop", work_for_the_dead),
    ("blocking jobs", blocking_jobs),
    ("blocking jobs left behind", blocking_jobs_left_behind),
    ("tcp echo", tcp_echo),
    ("tcp broken off", tcp_broken_off),
    ("http keep-alive", || on_a_thread(http_keep_alive)),
    ("http broken off", || on_a_thread(http_broken_off)),
    ("http refused", || on_a_thread(http_refused)),
    ("one loop, many rounds", one_loop_many_rounds),
];

/// A thread keeps the memory of its last head for the next one; how much that is
/// depends on which came last. It goes with the thread.
fn on_a_thread(scenario: fn()) {
    thread::spawn(scenario).join().expect("the scenario passes");
}

fn home() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn empty_loops() {
    for _ in 0..100 {
        downbeat::run(async {});
    }
}

fn tasks() {
    downbeat::run(async {
        let tasks = (0..1000_usize).map(|task| async move {
            for _ in 0..task % 7 {
                yield_now().await;
            }
            vec![task; task % 100]
        });
        let values = gather(tasks).await;
        assert_eq!(values.len(), 1000);
    });
}

/// They wait for ever, for each other and for nothing, and some were aborted.
fn tasks_left_behind() {
    downbeat::run(async {
        let mut handles = Vec::new();
        for task in 0..500 {
            let boxed = vec![0_u8; task];
            let handle = spawn(async move {
                std::future::pending::<()>().await;
                drop(boxed);
            });
            if task % 3 == 0 {
                handle.abort();
            }
            handles.push(handle);
        }
        yield_now().await;
        let waiting = spawn(async move {
            for handle in handles {
                drop(handle.await);
            }
        });
        yield_now().await;
        drop(waiting);
        let mut group = TaskGroup::new();
        for _ in 0..10 {
            group.spawn(std::future::pending::<()>());
        }
        drop(group);
    });
}

fn panics() {
    let mut runtime = Runtime::builder()
        .on_report(|_| ())
        .build()
        .expect("a loop");
    runtime.block_on(async {
        let mut handles = Vec::new();
        for task in 0..100_usize {
            handles.push(spawn(async move {
                yield_now().await;
                // Without the hook, which would print.
                std::panic::resume_unwind(Box::new(format!("task {task}")));
            }));
        }
        for (task, handle) in handles.into_iter().enumerate() {
            if task % 2 == 0 {
                let ended: Result<(), _> = handle.await;
                assert!(ended.is_err_and(|error| error.is_panic()));
            }
        }
    });
}

fn timers() {
    let mut runtime = Runtime::builder().virtual_clock().build().expect("a loop");
    runtime.block_on(async {
        let mut sleeps: Vec<_> = (0..5000_u64)
            .map(|n| Box::pin(time::sleep(Duration::from_millis(n * 7 % 1000 + 1))))
            .collect();
        poll_fn(|cx| {
            for sleep in &mut sleeps {
                let _ = sleep.as_mut().poll(cx);
            }
            Poll::Ready(())
        })
        .await;
        // Every second one is cancelled, the others fire or go with the loop.
        let mut place = 0;
        sleeps.retain(|_| {
            place += 1;
            place % 2 == 0
        });
        time::sleep(Duration::from_millis(500)).await;
        for _ in 0..100 {
            let never = std::future::pending::<()>();
            assert!(
                time::timeout(Duration::from_millis(1), never)
                    .await
                    .is_err()
            );
        }
    });
}

fn wakers_outlive() {
    let wakers = Rc::new(RefCell::new(Vec::<Waker>::new()));
    let kept = Rc::clone(&wakers);
    downbeat::run(async move {
        for _ in 0..100 {
            let kept = Rc::clone(&kept);
            spawn(poll_fn(move |cx| {
                kept.borrow_mut().push(cx.waker().clone());
                Poll::<()>::Pending
            }))
            .detach();
        }
        yield_now().await;
    });
    let wakers = wakers.take();
    assert_eq!(wakers.len(), 100);
    let (here, there) = wakers.split_at(50);
    let there = there.to_vec();
    thread::spawn(move || there.into_iter().for_each(Waker::wake))
        .join()
        .expect("wakes never panic");
    for waker in here {
        waker.wake_by_ref();
    }
}

fn channels() {
    downbeat::run(async {
        let (sender, receiver) = channel::channel::<Vec<u8>>(4);
        let consumers = (0..5).map(|_| {
            let receiver = receiver.clone();
            spawn(async move {
                let mut bytes = 0;
                while let Some(value) = receiver.recv().await {
                    bytes += value.len();
                }
                bytes
            })
        });
        let consumers: Vec<_> = consumers.collect();
        for n in 0..500 {
            sender.send(vec![0; n]).await.expect("open");
        }
        consumers[0].abort();
        drop(sender);
        for consumer in consumers {
            drop(consumer.await);
        }
        let (sender, receiver) = channel::channel(1000);
        for n in 0..1000 {
            sender.try_send(Box::new(n)).expect("room");
        }
        drop(receiver);
        drop(sender);
    });
}

fn wakes_from_threads() {
    downbeat::run(async {
        let handle = downbeat::Handle::current().expect("on a loop");
        let (sender, mut receiver) = remote::channel::<usize>(8);
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (sender, handle) = (sender.clone(), handle.clone());
                thread::spawn(move || {
                    for n in 0..100 {
                        sender.send_blocking(n).expect("open");
                    }
                    handle.spawn(async { 1 }).wait().expect("the loop runs")
                })
            })
            .collect();
        drop(sender);
        let mut sum = 0;
        while let Some(n) = receiver.recv().await {
            sum += n;
        }
        assert_eq!(sum, 4 * 4950);
        for thread in threads {
            let joined = spawn_blocking(move || thread.join().is_ok()).await;
            assert!(matches!(joined, Ok(true)));
        }
    });
}

fn work_for_the_dead() {
    let runtime = Runtime::new().expect("a loop");
    let handle = runtime.handle();
    let before = handle.spawn(async { vec![0_u8; 1000] });
    drop(runtime);
    let after = handle.spawn(async { vec![0_u8; 1000] });
    assert!(before.wait().is_err());
    assert!(after.wait().is_err());
    assert!(handle.is_gone());
}

fn blocking_jobs() {
    downbeat::run(async {
        let jobs = (0..64_usize).map(|n| spawn_blocking(move || vec![n; 100]));
        let jobs: Vec<_> = jobs.collect();
        let mut total = 0;
        for job in jobs {
            total += job.await.expect("it returns").len();
        }
        assert_eq!(total, 6400);
    });
}

fn blocking_jobs_left_behind() {
    let mut runtime = Runtime::builder()
        .blocking_threads(2)
        .build()
        .expect("a loop");
    runtime.block_on(async {
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let first = spawn_blocking(move || gate.recv().is_ok());
        // Queued behind it or not, they are nobody's business any more.
        for n in 0..20 {
            drop(spawn_blocking(move || vec![n; 100]));
        }
        yield_now().await;
        release.send(()).expect("it waits");
        assert!(matches!(first.await, Ok(true)));
    });
}

async fn echo(mut stream: TcpStream) {
    let mut buffer = vec![0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

fn tcp_echo() {
    downbeat::run(async {
        let listener = TcpListener::bind(home()).expect("loopback");
        let address = listener.local_addr().expect("bound");
        spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                spawn(echo(stream)).detach();
            }
        })
        .detach();
        let clients = (0..50_u8).map(|n| async move {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            let sent = vec![n; 10_000];
            stream.write_all(&sent[..2000]).await.expect("open");
            let mut got = vec![0; 2000];
            stream.read_exact(&mut got).await.expect("an echo");
            assert_eq!(got, sent[..2000]);
        });
        gather(clients).await;
    });
}

/// Connections in every state when the loop goes.
fn tcp_broken_off() {
    downbeat::run(async {
        let listener = TcpListener::bind(home()).expect("loopback");
        let address = listener.local_addr().expect("bound");
        let mut kept = Vec::new();
        for n in 0..30 {
            let stream = TcpStream::connect(address).await.expect("it listens");
            if n % 3 == 0 {
                let (mut accepted, _) = listener.accept().await.expect("one waits");
                spawn(async move {
                    let mut buffer = [0; 10];
                    drop(accepted.read(&mut buffer).await);
                })
                .detach();
            }
            if n % 2 == 0 {
                kept.push(stream);
            }
        }
        spawn(async move { drop(listener.accept().await) }).detach();
        yield_now().await;
        drop(kept);
    });
}

fn origin() -> Origin {
    Origin::start(|request| {
        let body: Vec<u8> = (0..20_000_u32).map(|i| i as u8).collect();
        match request.path() {
            "/chunked" => Reply::ok(body).framing(Framing::Chunked(777)),
            "/slow" => Reply::ok(body).delay(Duration::from_secs(60)),
            "/close" => Reply::ok(body).close(),
            _ => Reply::ok(body),
        }
    })
    .expect("loopback")
}

fn http_keep_alive() {
    let origin = origin();
    downbeat::run(async {
        let client = Client::new().expect("a client");
        let pages = (0..60).map(|_| {
            let request = client.get(origin.url("/length"));
            async move {
                let response = request.send().await.expect("an answer");
                response.bytes().await.expect("a body").len()
            }
        });
        let lengths = gather(pages).await;
        assert!(lengths.iter().all(|length| matches!(length, Ok(20_000))));
        for n in 0..30 {
            let path = ["/length", "/chunked", "/close"][n % 3];
            let response = client.get(origin.url(path)).send().await;
            let body = response.expect("an answer").bytes().await;
            assert!(body.is_ok_and(|body| body.len() == 20_000));
        }
    });
    drop(origin);
}

/// Given up while waiting for a connection, for the head, and in the body.
fn http_broken_off() {
    let origin = origin();
    downbeat::run(async {
        let client = Client::builder().max_per_host(4).build().expect("a client");
        for round in 0..20 {
            let path = ["/slow", "/length", "/chunked"][round % 3];
            let request = client.get(origin.url(path));
            let wait = Duration::from_millis(2);
            if let Ok(Ok(response)) = time::timeout(wait, request.send()).await {
                let mut response = response;
                drop(response.chunk().await);
            }
        }
        let mut group = TaskGroup::new();
        for _ in 0..20 {
            let request = client.get(origin.url("/slow"));
            group.spawn(async move { request.send().await.is_ok() });
        }
        yield_now().await;
        drop(group);
    });
    drop(origin);
}

fn http_refused() {
    downbeat::run(async {
        let listener = TcpListener::bind(home()).expect("loopback");
        let address = listener.local_addr().expect("bound");
        drop(listener);
        let client = Client::new().expect("a client");
        for _ in 0..10 {
            let answer = client.get(format!("http://{address}/")).send().await;
            assert!(answer.is_err());
        }
        assert!(client.get("http://[::1").send().await.is_err());
    });
}

thread_local! {
    /// The loop that lives on.
    static LOOP: RefCell<Runtime> = RefCell::new(Runtime::new().expect("a loop"));
}

/// A loop keeps room for as many timers as there ever were at once. How many of short
/// sleeps are, is a matter of the clock; this many there are now.
async fn arm_at_once(count: usize) {
    let hour = |_| Box::pin(time::sleep(Duration::from_secs(3600)));
    let mut sleeps: Vec<_> = (0..count).map(hour).collect();
    poll_fn(|cx| {
        for sleep in &mut sleeps {
            assert!(sleep.as_mut().poll(cx).is_pending());
        }
        Poll::Ready(())
    })
    .await;
}

/// A loop that lives on: what a round leaves in its tables is the same after each.
fn one_loop_many_rounds() {
    LOOP.with_borrow_mut(|runtime| {
        runtime.block_on(async {
            arm_at_once(200).await;
            let tasks = (0..200).map(|n| async move {
                time::sleep(Duration::from_micros(n)).await;
            });
            gather(tasks).await;
            spawn(std::future::pending::<()>()).abort();
            let (sender, receiver) = channel::channel(1);
            spawn(async move { receiver.recv().await }).detach();
            sender.send(vec![0_u8; 100]).await.expect("open");
            let listener = TcpListener::bind(home()).expect("loopback");
            let address = listener.local_addr().expect("bound");
            let (client, served) =
                downbeat::future::join((TcpStream::connect(address), listener.accept())).await;
            assert!(client.is_ok() && served.is_ok());
            assert!(matches!(spawn_blocking(|| 1).await, Ok(1)));
            time::sleep(Duration::from_millis(1)).await;
        });
        assert_eq!(runtime.tasks().len(), 0);
    });
}
