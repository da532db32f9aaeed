//! Fuzz targets of the pure half of the HTTP client. Each is a function of bytes
//! that panics when its oracle disagrees.
//!
//! Owns: the targets, and the slow, strict readers they are held against.
//!
//! This folder is compiled into the library under `cfg(test)` and `cfg(fuzzing)` only,
//! below `http`, so the targets see what the client sees and no door is opened for
//! them in a normal build.
//!
//! Read next: `strict.rs`, then `head.rs`.

#[path = "../bytes.rs"]
pub(crate) mod bytes;
pub mod chunk;
#[cfg(feature = "gzip")]
pub mod content;
pub mod exchange;
pub mod head;
pub mod redirect;
#[cfg(test)]
#[path = "../replay.rs"]
pub(crate) mod replay;
pub mod request;
mod strict;

#[cfg(test)]
mod replays {
    use super::replay::replay;

    #[test]
    fn response_head() {
        replay("head", super::head::target);
    }

    #[test]
    fn chunk_decoder() {
        replay("chunk", super::chunk::target);
    }

    #[test]
    fn whole_exchange() {
        replay("exchange", super::exchange::target);
    }

    #[test]
    fn request_serialiser() {
        replay("request", super::request::target);
    }

    #[test]
    fn redirect_resolver() {
        replay("redirect", super::redirect::target);
    }

    #[cfg(feature = "gzip")]
    #[test]
    fn content_decoding() {
        replay("content", super::content::target);
    }
}
