//! ureq: blocking calls, one thread for each request in flight.

use peers::fetch::{Tally, Work};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use ureq::Agent;

fn worker(work: &Work, agent: &Agent, next: &AtomicUsize) -> Tally {
    let mut tally = Tally::default();
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        if index >= work.requests {
            return tally;
        }
        let mut response = agent.get(work.url(index)).call().expect("a response");
        let body = response.body_mut().read_to_vec().expect("a body");
        tally.add(response.status().as_u16(), body.len());
    }
}

fn main() {
    let work = Work::from_arguments();
    let idle = work.in_flight.max(10);
    let config = Agent::config_builder()
        .max_idle_connections(idle)
        .max_idle_connections_per_host(idle);
    let agent: Agent = config.build().into();
    let next = AtomicUsize::new(0);
    let tally = thread::scope(|scope| {
        let threads: Vec<_> = (0..work.workers())
            .map(|_| scope.spawn(|| worker(&work, &agent, &next)))
            .collect();
        let mut tally = Tally::default();
        for thread in threads {
            tally.merge(thread.join().expect("no panic"));
        }
        tally
    });
    work.report(tally);
}
