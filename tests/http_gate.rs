//! The client's connection limit under a policy: who waits is let in by its order.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use downbeat::http::{Client, ClientBuilder, Deadline, Deadlines, Error, ErrorKind, Phase};
use downbeat::policy::{Cause, Fifo, Policy, Runnable, edf, sjf};
use downbeat::testing::origin::{Memory, Reply, Request, Service};
use downbeat::{JoinHandle, Runtime, SpawnOptions, spawn_with, time};

/// The paths in the order in which they were asked for.
type Log = Rc<RefCell<Vec<String>>>;

fn simulate<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
    runtime.block_on(future)
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// An origin in memory that takes 10 ms per request.
fn serving(reply: impl Fn(&Request) -> Reply + 'static) -> (ClientBuilder, Memory, Log) {
    let log = Log::default();
    let theirs = Rc::clone(&log);
    let memory = Memory::new(Service::new(move |request| {
        theirs.borrow_mut().push(request.target.clone());
        reply(request)
    }));
    (Client::builder().connector(memory.clone()), memory, log)
}

fn slow() -> (ClientBuilder, Memory, Log) {
    serving(|_| Reply::ok("ok").delay(ms(10)))
}

/// A task that fetches `url`, and what became of it.
fn fetch(
    client: &Client,
    url: impl Into<String>,
    options: SpawnOptions,
) -> JoinHandle<Result<String, Error>> {
    let (client, url) = (client.clone(), url.into());
    let task = async move { client.get(url.as_str()).send().await?.text().await };
    spawn_with(task, options)
}

async fn all(tasks: Vec<JoinHandle<Result<String, Error>>>) {
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), "ok");
    }
}

#[test]
fn the_smallest_waiter_is_next() {
    let (builder, memory, log) = slow();
    simulate(async {
        let client = builder.max_connections(1).gate(sjf).build().unwrap();
        let sizes = [5, 9, 1, 7, 3];
        let task = |size| {
            let options = SpawnOptions::new().size(size);
            fetch(&client, format!("http://h.test/{size}"), options)
        };
        all(sizes.map(task).into()).await;
    });
    // Nobody waited when the first one came.
    assert_eq!(*log.borrow(), ["/5", "/1", "/3", "/7", "/9"]);
    assert_eq!(memory.connections(), 1);
}

#[test]
fn a_host_has_a_door_of_its_own() {
    let (builder, _, log) = slow();
    simulate(async {
        let caps = builder.max_connections(3).max_per_host(1);
        let client = caps.gate(edf).build().unwrap();
        let now = time::now();
        let due = |after: u64| SpawnOptions::new().deadline(now + ms(after));
        let busy = (0..4).map(|i| {
            let url = format!("http://busy.test/{i}");
            fetch(&client, url, due(1000 - i))
        });
        let mut tasks: Vec<_> = busy.collect();
        let began = time::now();
        let other = fetch(&client, "http://other.test/x", due(5000));
        assert_eq!(other.await.unwrap().unwrap(), "ok");
        // Three wait for the busy host, and yet two connections are free.
        assert_eq!(time::now() - began, ms(10));
        tasks.push(fetch(&client, "http://busy.test/urgent", due(20)));
        all(tasks).await;
    });
    let log = log.borrow();
    let busy: Vec<&str> = (log.iter().map(String::as_str))
        .filter(|path| *path != "/x")
        .collect();
    // /3 was granted the place before the urgent one came.
    assert_eq!(busy, ["/0", "/3", "/urgent", "/2", "/1"]);
}

#[test]
fn who_gives_up_leaves_the_line_and_permits_are_conserved() {
    let (builder, _, log) = serving(|request| match request.path() {
        "/moved" => Reply::new(302).header("Location", "http://b.test/there"),
        "/long" => Reply::ok(vec![b'x'; 100_000]),
        _ => Reply::ok("ok").delay(ms(10)),
    });
    simulate(async {
        let caps = builder.max_connections(2).max_per_host(1);
        let client = caps.gate(Fifo::new).build().unwrap();
        for round in 0..20 {
            let url = format!("http://a.test/{round}");
            let tasks: Vec<_> = (0..4)
                .map(|_| fetch(&client, &url, SpawnOptions::new()))
                .collect();
            time::sleep(ms(round)).await;
            // Dropped in line, behind the door, while answered.
            tasks.iter().for_each(JoinHandle::abort);
            let moved = client.get("http://a.test/moved").send().await.unwrap();
            assert_eq!(moved.text().await.unwrap(), "ok");
            // A response that is not read has the connection until it is dropped.
            drop(client.get("http://b.test/long").send().await.unwrap());
        }
        let tasks = ["a", "b", "c"].map(|host| {
            let url = format!("http://{host}.test/last");
            fetch(&client, url, SpawnOptions::new())
        });
        let began = time::now();
        all(tasks.into()).await;
        assert_eq!(time::now() - began, ms(20), "two at a time, as before");
    });
    assert!(log.borrow().iter().filter(|path| *path == "/there").count() == 20);
}

#[test]
fn the_wait_is_timed_and_bounded() {
    let (builder, _, _) = slow();
    simulate(async {
        let deadlines = Deadlines {
            queue: Some(ms(15)),
            ..Deadlines::default()
        };
        let one = builder.max_connections(1).deadlines(deadlines);
        let client = one.gate(Fifo::new).build().unwrap();
        let tasks = [(); 3].map(|()| {
            let client = client.clone();
            let task = async move {
                let response = client.get("http://h.test/").send().await?;
                let queue = response.timings().queue;
                response.text().await.map(|_| queue)
            };
            downbeat::spawn(task)
        });
        let [first, second, third] = tasks;
        assert_eq!(first.await.unwrap().unwrap(), ms(0));
        assert_eq!(second.await.unwrap().unwrap(), ms(10));
        let late = third.await.unwrap().unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Timeout(Deadline::Queue));
        assert_eq!(late.phase(), Phase::Queue);
        assert_eq!(late.timings().unwrap().queue, ms(15));
    });
}

/// Turns everybody away who has to wait.
struct Bouncer(Rc<Cell<u32>>, Option<Runnable>);

impl Policy for Bouncer {
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        if let Some(waiting) = self.1.replace(task) {
            self.0.set(self.0.get() + 1);
            waiting.shed();
        }
    }

    fn pick_next(&mut self, _: std::time::Instant) -> Option<Runnable> {
        self.1.take()
    }
}

#[test]
fn a_policy_can_turn_requests_away() {
    let (builder, _, log) = slow();
    let shed = Rc::new(Cell::new(0));
    simulate(async {
        let count = Rc::clone(&shed);
        let order = move || Bouncer(Rc::clone(&count), None);
        let client = builder.max_connections(1).gate(order).build().unwrap();
        let tasks =
            [1, 2, 3, 4].map(|i| fetch(&client, format!("http://h.test/{i}"), SpawnOptions::new()));
        let mut kinds = Vec::new();
        for task in tasks {
            let result = task.await.unwrap();
            kinds.push(
                result
                    .err()
                    .map(|error| (error.kind(), error.is_retryable())),
            );
        }
        let turned_away = Some((ErrorKind::Shed, true));
        assert_eq!(kinds, [None, turned_away, turned_away, None]);
    });
    assert_eq!((shed.get(), log.borrow().len()), (2, 2));
}
