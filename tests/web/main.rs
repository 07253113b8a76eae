//! The status page: what it shows of real databases, what strangers can make of it, and what others read from it.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/nasty.rs"]
mod nasty;
#[path = "../common/node.rs"]
mod node;
#[path = "../common/services.rs"]
mod services;

mod browser;
mod client;
mod guards;
mod heads;
mod machines;
mod markup;
mod metrics;
mod monitoring;
mod pages;
mod prometheus;
mod site;
