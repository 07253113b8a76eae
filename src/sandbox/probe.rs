//! What the system has.
#![allow(unsafe_code, reason = "two system calls that ask the kernel what it knows, and change nothing")]

use std::sync::OnceLock;

use super::{Layer, Layers, spawn};

/// `LANDLOCK_CREATE_RULESET_VERSION`.
const VERSION: libc::c_ulong = 1;

/// The layers that this system can give. Asked once: none of this changes while a process runs.
pub(super) fn available() -> Layers {
    static AVAILABLE: OnceLock<Layers> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        let landlock = landlock();
        let has = [
            (Layer::Limits, true),
            (Layer::Files, landlock >= 1),
            (Layer::Network, landlock >= 4),
            (Layer::Scopes, landlock >= 6),
            (Layer::Syscalls, seccomp()),
            (Layer::Namespaces, spawn::can_isolate()),
        ];
        has.into_iter().filter(|(_, has)| *has).fold(Layers::NONE, |layers, (layer, _)| layers.with(layer))
    })
}

/// The version of Landlock's interface; 0 without it.
pub(super) fn landlock() -> u32 {
    // SAFETY: with this flag the call takes no attributes, reads no memory and returns a number.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0usize, VERSION) };
    u32::try_from(version).unwrap_or(0)
}

fn seccomp() -> bool {
    let action: u32 = libc::SECCOMP_RET_ERRNO;
    // SAFETY: the call reads the four bytes at `&action`, which live until it returns.
    unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, &raw const action) == 0 }
}
