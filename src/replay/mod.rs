//! The auditor: replays contracts over published logs and says who broke which rule.

pub mod auditor;
pub mod batches;
pub mod contract;
pub mod engine;
pub mod examine;
pub mod finding;
pub mod heads;
pub mod logs;
pub mod matching;
pub mod numbering;
pub mod reach;
pub mod reference;
pub mod report;
pub mod scan;
pub mod state;
