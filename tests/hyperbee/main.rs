//! Hyperbee: logs that Hyperbee wrote, an obvious model, and hostile trees.

mod checks;
mod data;
mod hostile;
mod lists;
mod reads;
mod recompute;
