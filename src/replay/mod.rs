//! The auditor: replays contracts over published logs and says who broke which rule.

pub mod engine;
