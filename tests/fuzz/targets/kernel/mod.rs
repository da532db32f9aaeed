//! Fuzz targets of the kernel: timers, the runtime as a whole, policies as text.
//!
//! Compiled into the library under `cfg(test)` and `cfg(fuzzing)` only, below
//! `testing`, which may see everything.
//!
//! Read next: `model.rs`, the naive runtime, then `runtime.rs`.

pub mod expression;
mod model;
pub mod runtime;
pub mod timers;

#[cfg(test)]
mod replays {
    use crate::http::fuzzing::replay::replay;

    #[test]
    fn timer_structure() {
        replay("timers", super::timers::target);
    }

    #[test]
    fn runtime_operations() {
        replay("runtime", super::runtime::target);
    }

    #[test]
    fn policy_expression() {
        replay("expression", super::expression::target);
    }
}
