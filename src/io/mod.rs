//! Byte streams: the traits, the `async` methods on them, buffers and halves.
//!
//! Owns: the buffers of [`BufReader`] and [`BufWriter`]; everything else is
//! methods on streams that somebody else owns.
//!
//! Law: whatever reads until something is found takes a limit, because the
//! other side decides how long that takes.
//!
//! With the feature `futures-io`, `Compat` turns our streams into those of the
//! crate of that name, and back.
//!
//! Read next: `traits.rs`, then `waits.rs`, then `ext.rs`.

mod buf_reader;
mod buf_writer;
mod closing;
mod copy;
mod ext;
#[cfg(feature = "futures-io")]
mod futures_io;
mod registered;
mod split;
mod traits;
mod waits;

#[cfg(feature = "futures-io")]
pub use self::futures_io::Compat;
pub use buf_reader::BufReader;
pub use buf_writer::BufWriter;
pub(crate) use closing::next_close;
pub use copy::copy;
pub use ext::{AsyncReadExt, AsyncWriteExt, LimitExceeded};
pub use registered::Registered;
pub use split::{ReadHalf, ReuniteError, WriteHalf, split};
pub use traits::{AsyncRead, AsyncWrite};
