//! Ways out of a locked-down process, tried natively from inside.
#![allow(unsafe_code, reason = "what code that took over an engine would do: system calls without any check")]

use std::ffi::CString;
use std::io::Error;
use std::path::Path;

use vitra_watch::sandbox::{Layer, Layers, Role};

/// What a process inside is told about the world outside.
pub struct Outside {
    /// A directory that was given to read, with a file `evidence`.
    pub given: String,
    /// One that was not, with a file `secret` and a socket `control.sock`.
    pub kept: String,
    /// Listening on 127.0.0.1.
    pub tcp: u16,
    /// Listening on 127.0.0.1.
    pub udp: u16,
    /// The name of an abstract socket.
    pub name: String,
    /// The parent's process.
    pub parent: i32,
    /// Another process of the same user.
    pub victim: i32,
    /// Where the parent's memory holds [`SECRET`].
    pub address: usize,
}

/// What is in the parent's memory.
pub const SECRET: &[u8; 16] = b"a webhook secret";

/// The descriptor that the parent leaves open across `exec`.
pub const LEFT_OPEN: i32 = 77;

/// A way out.
pub struct Way {
    pub name: &'static str,
    /// Tries it: `Ok` is an escape.
    pub go: fn(&Outside) -> Result<(), Error>,
    /// The layers of which each alone closes it.
    pub closed_by: Layers,
    /// Who finds it open without any layer.
    pub open: Open,
}

/// Who finds a way open that no layer closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    ToAll,
    /// Who has root's privileges; ordinary users never.
    ToRoot,
    /// That depends on the system.
    Perhaps,
    /// It is closed whatever the layers are.
    Never,
}

const FILES: Layers = Layers::NONE.with(Layer::Files);
const SYSCALLS: Layers = Layers::NONE.with(Layer::Syscalls);
const FILES_SYSCALLS: Layers = FILES.with(Layer::Syscalls);
/// Whoever has any rule of Landlock cannot trace a process outside, nor open what is as good as
/// tracing it.
const LANDLOCK_NAMESPACES: Layers = FILES.with(Layer::Network).with(Layer::Scopes).with(Layer::Namespaces);

/// Every way, with the documentation's claims about it (`docs/sandbox.md`) for a kernel and a role.
pub fn ways(landlock: u32, role: Role) -> Vec<Way> {
    let way = |name, closed_by, go| Way { name, go, closed_by, open: Open::ToAll };
    let for_root = |way: Way| Way { open: Open::ToRoot, ..way };
    let perhaps = |way: Way| Way { open: Open::Perhaps, ..way };
    let never = |way: Way| Way { open: Open::Never, ..way };
    let truncate = if landlock >= 3 { FILES_SYSCALLS } else { SYSCALLS };
    let socket = if landlock >= 9 { FILES_SYSCALLS } else { SYSCALLS };
    // Node's filter is installed before `exec`, and must allow it.
    let exec = if role == Role::Worker { FILES_SYSCALLS } else { FILES };
    vec![
        way("read-outside", FILES, |out| open(&out.kept, "secret", libc::O_RDONLY).map(drop)),
        way("list-outside", FILES, |out| open(&out.kept, "", libc::O_RDONLY | libc::O_DIRECTORY).map(drop)),
        way("write-given", FILES_SYSCALLS.with(Layer::Limits), write),
        way("map-given", FILES_SYSCALLS, map),
        way("create", FILES_SYSCALLS, |out| open(&out.given, "new", libc::O_CREAT | libc::O_WRONLY).map(drop)),
        way("truncate", truncate, |out| {
            let path = path(&out.given, "evidence");
            done(unsafe { libc::truncate(path.as_ptr(), 0) })
        }),
        way("unlink", FILES_SYSCALLS, |out| {
            let path = path(&out.given, "evidence");
            done(unsafe { libc::unlink(path.as_ptr()) })
        }),
        way("rename", FILES_SYSCALLS, |out| {
            let (from, to) = (path(&out.given, "evidence"), path(&out.given, "elsewhere"));
            done(unsafe { libc::rename(from.as_ptr(), to.as_ptr()) })
        }),
        way("link", FILES_SYSCALLS, |out| {
            let (from, to) = (path(&out.given, "evidence"), path(&out.given, "link"));
            done(unsafe { libc::symlink(from.as_ptr(), to.as_ptr()) })
        }),
        way("chmod", SYSCALLS, |out| {
            let path = path(&out.given, "evidence");
            done(unsafe { libc::chmod(path.as_ptr(), 0) })
        }),
        way("tcp", SYSCALLS.with(Layer::Network).with(Layer::Namespaces), |out| internet(libc::SOCK_STREAM, out.tcp)),
        way("udp", SYSCALLS.with(Layer::Namespaces), |out| internet(libc::SOCK_DGRAM, out.udp)),
        way("unix-socket", socket, |out| unix(&path(&out.kept, "control.sock").into_bytes(), false)),
        way("abstract-socket", SYSCALLS.with(Layer::Scopes).with(Layer::Namespaces), |out| {
            unix(out.name.as_bytes(), true)
        }),
        for_root(way("raw-socket", SYSCALLS.with(Layer::Namespaces), |_| {
            done(unsafe { libc::socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP) })
        })),
        way("exec", exec, exec_echo),
        way("fork", SYSCALLS, |_| fork(1)),
        for_root(way("ptrace", LANDLOCK_NAMESPACES.with(Layer::Syscalls), |out| {
            done(unsafe { libc::ptrace(libc::PTRACE_SEIZE, out.parent, 0, 0) })
        })),
        for_root(way("read-memory", LANDLOCK_NAMESPACES.with(Layer::Syscalls), read_memory)),
        for_root(way("write-memory", LANDLOCK_NAMESPACES.with(Layer::Syscalls), |out| {
            let file = open("/proc", &format!("{}/mem", out.parent), libc::O_RDWR)?;
            let there = libc::off_t::try_from(out.address).unwrap();
            done(unsafe { libc::pwrite(file, SECRET.as_ptr().cast(), SECRET.len(), there) })
        })),
        for_root(way("proc-mem", LANDLOCK_NAMESPACES, |out| {
            open("/proc", &format!("{}/mem", out.parent), libc::O_RDONLY).map(drop)
        })),
        for_root(way("proc-environ", FILES.with(Layer::Namespaces), |out| {
            let file = open("/proc", &format!("{}/environ", out.parent), libc::O_RDONLY)?;
            let mut bytes = [0u8; 64];
            let read = unsafe { libc::read(file, bytes.as_mut_ptr().cast(), bytes.len()) };
            // The file of a process that may not be looked at can be opened, and is empty.
            done(if read > 0 { 0 } else { -1 })
        })),
        way("proc-status", FILES.with(Layer::Namespaces), |out| {
            open("/proc", &format!("{}/status", out.parent), libc::O_RDONLY).map(drop)
        }),
        way("signal", SYSCALLS.with(Layer::Scopes).with(Layer::Namespaces), |out| {
            // Ignored unless one asks for it.
            done(unsafe { libc::kill(out.parent, libc::SIGURG) })
        }),
        way("signal-by-descriptor", SYSCALLS.with(Layer::Scopes).with(Layer::Namespaces), signal_by_descriptor),
        for_root(way("mount", FILES_SYSCALLS.with(Layer::Namespaces), |out| {
            let (what, there) = (c"tmpfs", path(&out.kept, ""));
            done(unsafe { libc::mount(what.as_ptr(), there.as_ptr(), what.as_ptr(), 0, std::ptr::null()) })
        })),
        for_root(way("setuid", SYSCALLS.with(Layer::Namespaces), |_| {
            // Around the C library, which would ask all threads.
            done(unsafe { libc::syscall(libc::SYS_setuid, 12_345) })
        })),
        way("memory", Layers::NONE.with(Layer::Limits), |_| {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
            let memory = unsafe { libc::mmap(std::ptr::null_mut(), 64 << 30, protection, flags, -1, 0) };
            done(if memory == libc::MAP_FAILED { -1 } else { 0 })
        }),
        perhaps(way("io-uring", SYSCALLS, |_| {
            let mut parameters = [0u8; 120];
            done(unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()) })
        })),
        perhaps(way("keyring", SYSCALLS, |_| {
            // KEYCTL_GET_KEYRING_ID of the user's keyring.
            done(unsafe { libc::syscall(libc::SYS_keyctl, 0, -4, 1) })
        })),
        never(way("environment", Layers::all(), |_| {
            let odd = std::env::vars_os().any(|(name, _)| name != "INSIDE");
            done(if odd { 0 } else { -1 })
        })),
        never(way("descriptors", Layers::all(), |_| done(unsafe { libc::fcntl(LEFT_OPEN, libc::F_GETFD) }))),
        never(way("privileges", Layers::all(), |_| {
            let none = unsafe { libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) };
            // The filter does not even allow to ask.
            done(if none == 0 { 0 } else { -1 })
        })),
    ]
}

fn done(result: impl TryInto<i64>) -> Result<(), Error> {
    match result.try_into() {
        Ok(-1) => Err(Error::last_os_error()),
        _ => Ok(()),
    }
}

fn path(directory: &str, name: &str) -> CString {
    CString::new(Path::new(directory).join(name).to_str().unwrap()).unwrap()
}

fn open(directory: &str, name: &str, flags: i32) -> Result<i32, Error> {
    let path = path(directory, name);
    let file = unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, 0o600) };
    done(file).map(|()| file)
}

fn write(out: &Outside) -> Result<(), Error> {
    let file = open(&out.given, "evidence", libc::O_RDWR)?;
    // An error instead of the end, where the limit is reached.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    done(unsafe { libc::pwrite(file, c"lies".as_ptr().cast(), 4, 0) })
}

fn map(out: &Outside) -> Result<(), Error> {
    let file = open(&out.given, "evidence", libc::O_RDWR)?;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let memory = unsafe { libc::mmap(std::ptr::null_mut(), 4096, protection, libc::MAP_SHARED, file, 0) };
    if memory == libc::MAP_FAILED {
        return Err(Error::last_os_error());
    }
    unsafe { memory.cast::<u8>().write(b'L') };
    Ok(())
}

fn internet(kind: i32, port: u16) -> Result<(), Error> {
    let socket = unsafe { libc::socket(libc::AF_INET, kind, 0) };
    done(socket)?;
    let mut address = unsafe { std::mem::zeroed::<libc::sockaddr_in>() };
    address.sin_family = libc::AF_INET as libc::sa_family_t;
    address.sin_port = port.to_be();
    address.sin_addr.s_addr = u32::from_be_bytes([127, 0, 0, 1]).to_be();
    let length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    done(unsafe { libc::connect(socket, (&raw const address).cast(), length) })?;
    done(unsafe { libc::send(socket, SECRET.as_ptr().cast(), SECRET.len(), 0) })
}

fn unix(name: &[u8], is_abstract: bool) -> Result<(), Error> {
    let socket = unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0) };
    done(socket)?;
    let mut address = unsafe { std::mem::zeroed::<libc::sockaddr_un>() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let skip = usize::from(is_abstract);
    for (place, byte) in address.sun_path.iter_mut().skip(skip).zip(name) {
        *place = *byte as libc::c_char;
    }
    let length = size_of::<libc::sa_family_t>() + skip + name.len() + usize::from(!is_abstract);
    done(unsafe { libc::connect(socket, (&raw const address).cast(), length as libc::socklen_t) })
}

fn exec_echo(_: &Outside) -> Result<(), Error> {
    let arguments = [c"/bin/echo".as_ptr(), c"\nWAY:escaped".as_ptr(), std::ptr::null()];
    let environment = [std::ptr::null()];
    // It says itself that it runs.
    done(unsafe { libc::execve(c"/bin/echo".as_ptr(), arguments.as_ptr(), environment.as_ptr()) })
}

/// Lets files grow again.
pub fn raise_limits() -> Result<(), Error> {
    let most = libc::rlimit { rlim_cur: 1 << 20, rlim_max: 1 << 20 };
    done(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const most) })
}

/// Makes so many processes, all alive at once.
pub fn fork(count: usize) -> Result<(), Error> {
    let mut ends = [0; 2];
    done(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    for _ in 0..count {
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // Until the first process is gone.
            unsafe {
                libc::close(ends[1]);
                libc::read(ends[0], [0u8; 1].as_mut_ptr().cast(), 1);
                libc::_exit(0);
            }
        }
        done(pid)?;
    }
    Ok(())
}

fn read_memory(out: &Outside) -> Result<(), Error> {
    let mut bytes = [0u8; SECRET.len()];
    let ours = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let theirs = libc::iovec { iov_base: std::ptr::without_provenance_mut(out.address), iov_len: bytes.len() };
    done(unsafe { libc::process_vm_readv(out.parent, &raw const ours, 1, &raw const theirs, 1, 0) })?;
    assert_eq!(&bytes, SECRET);
    Ok(())
}

/// Makes the kernel send a signal when a pipe of ours becomes readable. Only the victim shows
/// whether it did.
fn signal_by_descriptor(out: &Outside) -> Result<(), Error> {
    let mut ends = [0; 2];
    done(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // F_SETSIG
    done(unsafe { libc::fcntl(ends[0], 10, libc::SIGKILL) })?;
    done(unsafe { libc::fcntl(ends[0], libc::F_SETOWN, out.victim) })?;
    done(unsafe { libc::fcntl(ends[0], libc::F_SETFL, libc::O_ASYNC) })?;
    done(unsafe { libc::write(ends[1], c"x".as_ptr().cast(), 1) })
}
