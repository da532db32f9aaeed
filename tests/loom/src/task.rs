//! As much of a task as its letters need: its name and its waker.

pub(crate) mod info {
    //! Stands for `src/task/info.rs`.

    /// The name of a task; here only something to put into a letter.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) struct TaskId(pub(crate) u32);
}

#[path = "../../../src/task/letter.rs"]
pub(crate) mod letter;
mod model;
mod models;
mod teeth;
