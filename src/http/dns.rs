//! Names: a small cache of look-ups, in front of any resolver.
//!
//! Owns: the answers, and the look-ups under way.
//!
//! Laws: P10, the cache is bounded in entries and in time; an answer that is
//! "no" is kept too, for a shorter time. Who asks for a name that is being looked
//! up waits for that answer (single flight): a hundred requests to one host are
//! one look-up. A look-up is a task of its own, so the one who asked first may
//! give up without taking it from the others.
//!
//! Absent on purpose: the TTL of the record; getaddrinfo does not tell it.
//!
//! Read next: `tcp.rs`.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::error::Error;
use super::hooks::{Event, Tracer};
use super::kind::{ErrorKind, ResolveFault};
use crate::clock::instant_after;
use crate::net::Resolve;
use crate::runtime::try_spawn;
use crate::task::SpawnOptions;
use crate::time;

/// Most answers kept.
const ENTRIES: usize = 1024;
/// How long "no such name" is believed.
const NEGATIVE: Duration = Duration::from_secs(1);

/// Addresses, or why there are none.
type Answer = Result<Rc<[SocketAddr]>, ResolveFault>;

/// A resolver and its cache.
pub(crate) struct Names {
    resolver: Box<dyn Resolve>,
    /// How long an answer is believed. Zero: not at all.
    believe: Duration,
    known: RefCell<Known>,
}

#[derive(Default)]
struct Known {
    answers: HashMap<(Box<str>, u16), Entry>,
    /// Oldest first.
    order: VecDeque<(Box<str>, u16)>,
}

enum Entry {
    /// Until then.
    Answered(Answer, Instant),
    /// Being looked up.
    Flying(Rc<RefCell<Flight>>),
}

/// A look-up under way.
#[derive(Default)]
struct Flight {
    landed: Option<Answer>,
    waiting: Vec<Waker>,
}

impl Names {
    pub(crate) fn new(resolver: Box<dyn Resolve>, believe: Duration) -> Names {
        Names {
            resolver,
            believe,
            known: RefCell::default(),
        }
    }

    /// The addresses of a host, preferred ones first.
    ///
    /// # Errors
    /// `Resolve`, with the fault.
    pub(crate) async fn look_up(
        self: &Rc<Self>,
        host: &str,
        port: u16,
        tracer: &Tracer,
    ) -> Result<Rc<[SocketAddr]>, Error> {
        let key = (Box::from(host), port);
        let flight = match self.find(&key) {
            Some(Entry::Answered(answer, _)) => {
                tracer.tell(Event::DnsCacheHit { host });
                return answer.map_err(|fault| ErrorKind::Resolve(fault).into());
            }
            Some(Entry::Flying(flight)) => flight,
            None => self.take_off(key),
        };
        tracer.tell(Event::DnsStart { host });
        let answer = landing(flight).await;
        if let Ok(addresses) = &answer {
            tracer.tell(Event::DnsEnd { host, addresses });
        }
        answer.map_err(|fault| ErrorKind::Resolve(fault).into())
    }

    fn find(&self, key: &(Box<str>, u16)) -> Option<Entry> {
        match self.known.borrow().answers.get(key)? {
            Entry::Answered(_, until) if *until <= time::now() => None,
            Entry::Answered(answer, until) => Some(Entry::Answered(answer.clone(), *until)),
            Entry::Flying(flight) => Some(Entry::Flying(flight.clone())),
        }
    }

    /// Begins a look-up.
    fn take_off(self: &Rc<Self>, key: (Box<str>, u16)) -> Rc<RefCell<Flight>> {
        let flight = Rc::new(RefCell::new(Flight::default()));
        self.enter(key.clone(), Entry::Flying(flight.clone()));
        let landing = Landing {
            names: self.clone(),
            key,
            flight: flight.clone(),
            answer: Err(ResolveFault::Other),
        };
        let task = async move {
            let mut landing = landing;
            let names = landing.names.clone();
            let (host, port) = (landing.key.0.clone(), landing.key.1);
            landing.answer = answer(names.resolver.resolve(&host, port).await);
        };
        // Without a loop the task is dropped, and so lands with a fault.
        if let Ok(handle) = try_spawn(task, SpawnOptions::new().name("http look-up")) {
            handle.detach();
        }
        flight
    }

    fn enter(&self, key: (Box<str>, u16), entry: Entry) {
        let mut known = self.known.borrow_mut();
        let known = &mut *known;
        if known.answers.insert(key.clone(), entry).is_none() {
            known.order.push_back(key);
        }
        while known.order.len() > ENTRIES {
            if let Some(oldest) = known.order.pop_front() {
                known.answers.remove(&oldest);
            }
        }
    }
}

/// Ends a flight, wherever its task ends: an answer, a panic, the loop's end.
struct Landing {
    names: Rc<Names>,
    key: (Box<str>, u16),
    flight: Rc<RefCell<Flight>>,
    answer: Answer,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let believe = match &self.answer {
            Ok(_) => self.names.believe,
            Err(ResolveFault::NotFound | ResolveFault::NoAddress) => {
                self.names.believe.min(NEGATIVE)
            }
            Err(_) => Duration::ZERO,
        };
        let until = instant_after(time::now(), believe);
        let entry = Entry::Answered(self.answer.clone(), until);
        self.names.enter(self.key.clone(), entry);
        let mut flight = self.flight.borrow_mut();
        flight.landed = Some(self.answer.clone());
        let waiting = std::mem::take(&mut flight.waiting);
        drop(flight);
        waiting.into_iter().for_each(Waker::wake);
    }
}

async fn landing(flight: Rc<RefCell<Flight>>) -> Answer {
    poll_fn(|cx| {
        if let Some(answer) = &flight.borrow().landed {
            return Poll::Ready(answer.clone());
        }
        let known = (flight.borrow().waiting.iter()).any(|known| known.will_wake(cx.waker()));
        if !known {
            // LAW T5: cloned with nothing borrowed.
            let waker = cx.waker().clone();
            flight.borrow_mut().waiting.push(waker);
        }
        Poll::Pending
    })
    .await
}

fn answer(found: io::Result<Vec<SocketAddr>>) -> Answer {
    match found {
        Ok(addresses) if addresses.is_empty() => Err(ResolveFault::NoAddress),
        Ok(addresses) => Ok(addresses.into()),
        Err(error) => Err(fault_of(&error)),
    }
}

/// std has no kinds for the errors of getaddrinfo, only its texts.
fn fault_of(error: &io::Error) -> ResolveFault {
    if error.kind() == io::ErrorKind::NotFound {
        return ResolveFault::NotFound;
    }
    let text = error.to_string();
    let says = |part: &str| text.contains(part);
    if says("Temporary failure") {
        ResolveFault::Temporary
    } else if says("No address associated") {
        ResolveFault::NoAddress
    } else if says("not known") || says("nodename nor servname") {
        ResolveFault::NotFound
    } else {
        ResolveFault::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Runtime;
    use std::cell::Cell;

    /// LAW P10: the oldest name is forgotten first, and an answer is believed for a
    /// while, a "no" for less.
    #[test]
    fn p10_the_cache_is_bounded_in_entries_and_in_time() {
        let asked = Rc::new(Cell::new(0));
        let counter = asked.clone();
        let resolver = move |host: &str, port: u16| {
            counter.set(counter.get() + 1);
            match host.starts_with("no") {
                true => Err(io::ErrorKind::NotFound.into()),
                false => Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]),
            }
        };
        let believe = Duration::from_secs(30);
        let names = Rc::new(Names::new(Box::new(resolver), believe));
        let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
        runtime.block_on(async {
            let tracer = Tracer::default();
            let look_up = async |host: &str| {
                let before = asked.get();
                let found = names.look_up(host, 80, &tracer).await.is_ok();
                (found, asked.get() - before)
            };
            assert_eq!(look_up("first").await, (true, 1));
            assert_eq!(look_up("first").await, (true, 0));
            for number in 0..ENTRIES {
                look_up(&format!("other{number}")).await;
            }
            assert_eq!(names.known.borrow().answers.len(), ENTRIES);
            assert_eq!(names.known.borrow().order.len(), ENTRIES);
            assert_eq!(look_up("first").await, (true, 1));
            assert_eq!(look_up("no such").await, (false, 1));
            assert_eq!(look_up("no such").await, (false, 0));
            time::sleep(NEGATIVE).await;
            assert_eq!(look_up("no such").await, (false, 1));
            assert_eq!(look_up("first").await, (true, 0));
            time::sleep(believe).await;
            assert_eq!(look_up("first").await, (true, 1));
        });
    }
}
