//! HTTP/1.1, the client's side.
//!
//! Two halves. The pure half turns bytes into events and knows no socket, no
//! clock and no task: everything in RFC 9112 that can be got wrong is there and
//! is tested without a network. The other half owns connections, time and
//! tasks, and asks the pure one at every step.
//!
//! ```text
//!   request.rs --bytes--> connection --bytes--> recv.rs
//!                                                  |
//!   exchange.rs  <- head.rs (plain_head.rs, lines.rs) <--+
//!       |        <- framing.rs  (where does it end? may we go on? reuse.rs)
//!       |        <- response_body.rs <- body.rs (chunk.rs), trailers.rs
//!       |                         <- content.rs (inflate.rs, spell.rs)
//!       v
//!   events -> response, redirect.rs -> the next request
//! ```
//!
//! Laws: H the framing, L the limits, D the deadlines, N URLs and secrets,
//! E the errors; each named in the file that keeps it. E01, nothing a peer sends can
//! panic: below here the lints deny what could.
//!
//! Read next: `exchange.rs`, then `framing.rs`.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic
    )
)]

mod address;
mod alarm;
mod bad_head;
mod basic;
mod body;
mod builder;
mod call;
#[cfg(feature = "gzip")]
mod chain;
mod charset;
mod chunk;
mod client;
mod connect;
mod connection;
mod content;
mod counters;
mod deadlines;
mod dial;
mod dns;
mod doors;
mod error;
mod error_text;
mod escape;
mod event;
mod exchange;
mod faults;
mod fetch;
mod fields;
mod folds;
mod framing;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
#[path = "../../tests/fuzz/targets/http/mod.rs"]
pub mod fuzzing;
mod given;
#[cfg(feature = "gzip")]
mod gzip_header;
mod head;
mod headers;
mod hooks;
mod hop;
#[cfg(feature = "gzip")]
mod inflate;
mod into_url;
mod keep_alive;
mod kind;
mod limits;
mod lines;
mod method;
mod no_proxy;
mod origin;
mod outbox;
mod payload;
mod plain_head;
mod pool;
mod proxy;
mod quirk;
mod recv;
mod redirect;
mod request;
mod response;
mod response_body;
mod retry;
mod reuse;
#[cfg(feature = "gzip")]
mod sink;
#[cfg(feature = "gzip")]
mod spell;
mod stem;
mod syntax;
mod target;
mod tcp;
mod timings;
mod trail;
mod trailers;
mod transfer;
mod transitions;
mod tunnel;
mod upload;
mod version;
mod watch;
mod wire;

pub use address::{AddressGuard, Network, is_public};
pub use builder::ClientBuilder;
pub use call::RequestBuilder;
pub use client::Client;
pub use connect::{Connect, Connected, Connecting, Destination, Stream};
pub use counters::{Closed, Counters};
pub use deadlines::{Deadline, Deadlines, MinRate};
pub use error::{
    ConnectFault, DecodeFault, Error, ErrorKind, FramingFault, ParseFault, Phase, ProxyFault,
    RedirectFault, RequestFault, ResolveFault, TlsFault,
};
pub use headers::Headers;
pub use hooks::{Event, Hooks};
pub use into_url::IntoUrl;
pub use keep_alive::RetryAfter;
pub use limits::{Limit, Limits};
pub use method::Method;
pub use no_proxy::NoProxy;
pub use origin::{Origin, Scheme};
pub use payload::Body;
pub use proxy::Proxy;
pub use quirk::{Quirk, Quirks};
pub use redirect::RedirectPolicy;
pub use response::{Redirect, Response};
pub use timings::Timings;
pub use version::Version;
