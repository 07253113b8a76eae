//! Writing to a process that may not read.

use std::io::{self, ErrorKind, PipeWriter, Write};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

/// Writes all of it, as far as the process reads within `patience`.
///
/// # Errors
/// [`ErrorKind::TimedOut`] when it does not read, [`ErrorKind::BrokenPipe`] when it is gone, and what the system says.
pub fn send(pipe: &mut PipeWriter, bytes: &[u8], patience: Duration) -> io::Result<()> {
    let flags = fcntl_getfl(&*pipe)?;
    if !flags.contains(OFlags::NONBLOCK) {
        fcntl_setfl(&*pipe, flags | OFlags::NONBLOCK)?;
    }
    let begun = Instant::now();
    let mut rest = bytes;
    while !rest.is_empty() {
        match pipe.write(rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let left = patience.saturating_sub(begun.elapsed());
                let left = Timespec::try_from(left).map_err(|_| ErrorKind::InvalidInput)?;
                let mut ready = [PollFd::new(&*pipe, PollFlags::OUT)];
                if poll(&mut ready, Some(&left))? == 0 {
                    return Err(ErrorKind::TimedOut.into());
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
