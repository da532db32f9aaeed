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
//!   exchange.rs  <- head.rs (lines.rs) <-----------+
//!       |        <- framing.rs  (where does it end? may we go on? reuse.rs)
//!       |        <- response_body.rs <- body.rs (chunk.rs), trailers.rs
//!       |                         <- content.rs (inflate.rs, gzip_header.rs)
//!       v
//!   events -> response, redirect.rs -> the next request
//! ```
//!
//! Laws: H the framing, L the limits, D the deadlines, N URLs and secrets,
//! E the errors; each named in the file that keeps it.
//!
//! Read next: `exchange.rs`, then `framing.rs`.

mod address;
mod basic;
mod body;
mod charset;
mod chunk;
mod content;
mod deadlines;
mod error;
mod escape;
mod event;
mod exchange;
mod framing;
#[cfg(feature = "gzip")]
mod gzip_header;
mod head;
mod headers;
#[cfg(feature = "gzip")]
mod inflate;
mod keep_alive;
mod kind;
mod limits;
mod lines;
mod method;
mod no_proxy;
mod origin;
mod proxy;
mod quirk;
mod recv;
mod redirect;
mod request;
mod response_body;
mod retry;
mod reuse;
mod syntax;
mod timings;
mod trailers;
mod transitions;
mod upload;
mod version;

pub use address::{AddressGuard, Network, is_public};
pub use deadlines::{Deadline, Deadlines, MinRate};
pub use error::{
    ConnectFault, DecodeFault, Error, ErrorKind, FramingFault, ParseFault, Phase, ProxyFault,
    RedirectFault, RequestFault, ResolveFault, TlsFault,
};
pub use headers::Headers;
pub use keep_alive::RetryAfter;
pub use limits::{Limit, Limits};
pub use method::Method;
pub use no_proxy::NoProxy;
pub use origin::{IntoUrl, Origin, Scheme};
pub use proxy::Proxy;
pub use quirk::{Quirk, Quirks};
pub use redirect::RedirectPolicy;
pub use timings::Timings;
pub use version::Version;
