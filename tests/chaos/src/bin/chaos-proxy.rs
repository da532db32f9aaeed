//! The chaos proxy as a program.
//!
//! ```text
//! chaos-proxy --upstream 127.0.0.1:8000 [--listen 8001] [--seed 7] [--profile hostile]
//! ```
//!
//! Profiles: `clean`, `rough` (what a right client does not notice), `hostile`,
//! `accept-never`, or one fault for every connection: `delay=MS`, `dribble=BYTES`,
//! `split`, `coalesce=MS`, `reset-down=BYTES`, `reset-up=BYTES`, `half-close=BYTES`,
//! `black-hole=BYTES`, `idle-bytes`, `deaf`, `accept-and-close`, `accept-and-reset`,
//! `urgent=BYTES`. It prints one line of JSON per connection when its input ends.

use downbeat_chaos::fault::Profile;
use downbeat_chaos::proxy::Proxy;
use std::net::SocketAddr;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut listen, mut upstream, mut seed, mut profile) = (0, None, 1, Profile::Hostile);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--listen" => listen = value.parse()?,
            "--upstream" => upstream = Some(value.parse::<SocketAddr>()?),
            "--seed" => seed = value.parse()?,
            "--profile" => profile = value.parse()?,
            _ => return Err(format!("{word}: unknown").into()),
        }
    }
    let upstream = upstream.ok_or("--upstream ADDRESS is missing")?;
    let proxy = Proxy::start(listen, upstream, seed, profile)?;
    eprintln!("listening on {}, seed {seed}", proxy.address());
    // Until end of file.
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    for entry in proxy.log() {
        println!("{}", entry.json(seed));
    }
    Ok(())
}
