//! Byte streams: the traits, the `async` methods on them, buffers and halves.

mod traits;

pub use traits::{AsyncRead, AsyncWrite};
