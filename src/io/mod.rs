//! Byte streams: the traits, the `async` methods on them, buffers and halves.

mod registered;
mod traits;

pub use registered::Registered;
pub use traits::{AsyncRead, AsyncWrite};
