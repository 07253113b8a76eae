//! The contract engine: what an executor's runtime would have computed.

pub mod math;
