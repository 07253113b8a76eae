//! Not yet.

pub mod engine;
