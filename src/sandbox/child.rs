//! A launched process.

use std::io::{PipeReader, PipeWriter};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::Layers;

/// A launched process; killed and reaped when dropped.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    reaped: bool,
    /// Its standard input, until it is taken.
    pub stdin: Option<PipeWriter>,
    /// Its standard output, until it is taken.
    pub stdout: Option<PipeReader>,
    layers: Layers,
}

impl Child {
    pub(super) fn new(pid: Pid, stdin: PipeWriter, stdout: PipeReader, layers: Layers) -> Child {
        Child { pid, reaped: false, stdin: Some(stdin), stdout: Some(stdout), layers }
    }

    /// Its number, as this process sees it.
    pub fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// The layers that hold for it. A worker adds its own share of [`super::Layer::Syscalls`]
    /// itself, or ends.
    pub fn layers(&self) -> Layers {
        self.layers
    }

    /// Kills it, with all of its threads, and waits until it is gone.
    pub fn kill(&mut self) {
        if !self.reaped {
            // One that has ended is still there until it is reaped, so the number is nobody else's.
            let _ = kill_process(self.pid, Signal::KILL);
            self.wait();
        }
    }

    /// Waits until it has ended; gives its exit status, or `None` if it was killed.
    pub fn wait(&mut self) -> Option<i32> {
        self.stdin = None;
        while !self.reaped {
            match waitpid(Some(self.pid), WaitOptions::empty()) {
                Ok(status) => {
                    self.reaped = true;
                    return status.and_then(|(_, status)| status.exit_status());
                }
                Err(rustix::io::Errno::INTR) => {}
                // Somebody else has reaped it.
                Err(_) => self.reaped = true,
            }
        }
        None
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}
