//! Hyperbee: logs that Hyperbee wrote, an obvious model, and hostile trees.

mod data;
mod reads;
mod recompute;
