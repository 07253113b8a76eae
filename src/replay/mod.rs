//! Not yet.

pub mod scan;
