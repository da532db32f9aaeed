//! Who waits, who is next, and what makes two connections the same.

use super::*;

#[test]
fn p07_waiters_of_a_host_are_served_in_order() {
    let mut model = Model::new(1, 1);
    model.ask(0);
    model.connected(0);
    model.poll_all();
    for _ in 0..5 {
        model.steps += 1;
        model.ask(0);
    }
    for left in (0..5).rev() {
        let first = *model.waiting.keys().next().unwrap();
        let (connection, number) = model.busy.pop().unwrap();
        model.give(connection, number);
        model.poll_all();
        assert_eq!(model.waiting.len(), left);
        assert!(
            !model.waiting.contains_key(&first),
            "the first was passed over"
        );
    }
}

#[test]
fn p07_a_busy_host_cannot_keep_the_only_place() {
    let mut model = Model::new(1, 1);
    model.ask(0);
    model.connected(0);
    model.poll_all();
    model.steps += 1;
    model.ask(1);
    let mut rounds = 0;
    // Somebody for host 0 always waits when its connection comes back.
    while model.dialing.is_empty() {
        rounds += 1;
        assert!(rounds < 100, "host 1 starves");
        model.steps += 1;
        model.ask(0);
        let (connection, number) = model.busy.pop().unwrap();
        model.give(connection, number);
        model.poll_all();
    }
    assert_eq!(model.dialing, [1]);
    assert!(rounds > 10, "its connection is worth something");
}

#[test]
fn hosts_without_connections_are_forgotten() {
    let mut books: Ledger<u32> = Ledger::new(Caps {
        total: 2,
        per_host: 2,
    });
    for number in 0..1000 {
        let key = books.add(PoolKey::new(&host(number), Route::Direct, None));
        books.pin(key);
        if books.open(key).is_none() {
            let evicted = books.evict_for(key).unwrap();
            let evicted_host = books.find(&host(evicted as usize), |_| true).unwrap();
            books.close(evicted_host);
            books.open(key).unwrap();
        }
        books.unpin(key);
        assert!(matches!(books.give(key, number as u32), Given::Idle));
    }
    assert_eq!(books.hosts_known(), 2);
    assert_eq!(books.counts(), (2, 2));
}

#[test]
fn p05_every_part_of_the_key_counts() {
    let proxy = |url: &str| Proxy::all(url).unwrap();
    let (one, two) = (proxy("http://p.test:1/"), proxy("http://p.test:2/"));
    let with_password = proxy("http://user:secret@p.test:1/");
    let base = origin("https://h.test/");
    let key = PoolKey::new(&base, Route::Tunnel(&one), Some(1));
    let same = |other: &Origin, route: Route<'_>, tls| {
        PoolKey::origin_of(other, route) == &key.origin && key.fits(route, tls)
    };
    assert!(same(&base, Route::Tunnel(&one), Some(1)));
    for other in ["http://h.test/", "https://h2.test/", "https://h.test:444/"] {
        assert!(
            !same(&origin(other), Route::Tunnel(&one), Some(1)),
            "{other}"
        );
    }
    assert!(!same(&base, Route::Direct, Some(1)));
    assert!(!same(&base, Route::Tunnel(&two), Some(1)));
    assert!(!same(&base, Route::Tunnel(&with_password), Some(1)));
    assert!(!same(&base, Route::Tunnel(&one), Some(2)));
    // One connection to a forwarding proxy serves every host behind it, but no
    // connection to the same machine that is no proxy.
    let forward = PoolKey::new(&host(1), Route::Forward(&one), None);
    assert_eq!(forward.origin, *one.origin());
    assert!(forward.fits(Route::Forward(&one), None));
    assert!(!forward.fits(Route::Direct, None));
}
