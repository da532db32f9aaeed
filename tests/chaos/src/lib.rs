//! What the chaos programs and tests share: the proxy, its faults, an origin, a crowd of
//! callers and their ledger.
//!
//! Read next: `fault.rs`, `proxy.rs`, then `crowd.rs`.

pub mod crowd;
pub mod fault;
pub mod process;
pub mod proxy;
pub mod secret;
