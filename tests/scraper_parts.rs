//! The unit tests of the scraper's modules: examples have none of their own, so the
//! whole program is taken in here as a module.
#![allow(dead_code)]

#[path = "../examples/scraper/main.rs"]
mod scraper;
