//! What a process of our own gives up at its start.

use std::io;

use super::{Layer, Layers, SandboxError, ruleset, spawn, syscalls};

/// Gives up, for this thread and all that it starts, what only the start of a process needs:
/// executing programs, and every system call that a worker does not make. Before the first line is
/// read, and before there are other threads.
///
/// # Errors
/// If a layer cannot be had; the process must end then.
pub fn enter(layers: Layers) -> Result<(), SandboxError> {
    if !layers.without(Layer::Limits).is_empty() {
        spawn::hide_memory();
    }
    if layers.has(Layer::Files) {
        let restrict = SandboxError::at("apply the Landlock rules");
        ruleset::no_exec()?.restrict_self().map_err(|error| restrict(io::Error::other(error)))?;
    }
    if layers.has(Layer::Syscalls) {
        let install = SandboxError::at("install the filter of system calls");
        let filter = syscalls::worker()?;
        seccompiler::apply_filter(&filter).map_err(|error| install(io::Error::other(error)))?;
    }
    Ok(())
}
