//! Between `clone` and `exec`.
//!
//! `std::process` cannot give a child namespaces of its own, so the launcher calls `clone` itself.
//! The child is then a copy of one thread of a process that may have others, whose locks nobody
//! will ever release: until `exec` it makes system calls and nothing else. Everything that it needs
//! ([`Plan`]) is made before.
//!
//! All processes are launched by one thread that never ends, because the kernel sends the signal of
//! `PR_SET_PDEATHSIG` when the *thread* that launched a process ends. It blocks all signals, so
//! that no handler of ours runs in a child.
#![allow(unsafe_code, reason = "clone, exec and the system calls between them have no safe form")]

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};

use libc::{c_char, c_int, c_long, c_ulong};
use rustix::process::Pid;
use seccompiler::BpfProgram;

use super::{Child, Layer, Layers, Limits, Program, Role, SandboxError, ruleset, syscalls};

/// A process of its own in every respect that the kernel offers; its user is mapped to none in its
/// own namespace.
const NAMESPACES: c_int =
    libc::CLONE_NEWUSER | libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWNET | libc::CLONE_NEWIPC;

/// The steps of a child, for the message if one fails.
const STEPS: [&str; 11] = [
    "start a process",
    "connect its pipes",
    "tie it to its parent",
    "leave the session",
    "limit its resources",
    "hide /proc from it",
    "go to /",
    "forbid new privileges",
    "apply the Landlock rules",
    "install the filter of system calls",
    "execute the program",
];

/// Everything that a child needs, made by its parent.
struct Plan {
    program: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    stdin: OwnedFd,
    stdout: OwnedFd,
    null: File,
    // The child writes the step that failed into it, and it closes when the program is executed.
    failed: OwnedFd,
    limits: Vec<(libc::__rlimit_resource_t, libc::rlim_t)>,
    rules: Option<OwnedFd>,
    filter: Option<BpfProgram>,
    namespaces: bool,
}

/// Gives up core dumps, and being traced by or opened through `/proc` by processes of the same
/// user.
pub(super) fn hide_memory() {
    // SAFETY: the call takes numbers and touches no memory. It cannot fail with this argument.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
}

/// See [`super::Sandbox::launch`].
pub(super) fn launch(program: &Program, layers: Layers) -> Result<Child, SandboxError> {
    let pipe = || io::pipe().map_err(SandboxError::at("make a pipe"));
    let ((stdin, ours_in), (ours_out, stdout), (mut told, failed)) = (pipe()?, pipe()?, pipe()?);
    let null = File::options().read(true).write(true).open("/dev/null").map_err(SandboxError::at("open /dev/null"))?;
    let mut environment = Vec::new();
    for (name, value) in &program.environment {
        environment.push(string(&[name, OsStr::new("="), value])?);
    }
    let mut arguments = vec![string(&[program.path.as_os_str()])?];
    for argument in &program.arguments {
        arguments.push(string(&[argument])?);
    }
    let filter = match program.role {
        Role::Runtime if layers.has(Layer::Syscalls) => Some(syscalls::runtime()?),
        _ => None,
    };
    let plan = Plan {
        program: string(&[program.path.as_os_str()])?,
        arguments,
        environment,
        stdin: stdin.into(),
        stdout: stdout.into(),
        null,
        failed: failed.into(),
        limits: limits(&program.limits, layers),
        rules: ruleset::of(program, layers)?,
        filter,
        namespaces: layers.has(Layer::Namespaces),
    };
    let (pid, namespaces) = on_launcher(move || start(&plan))?.map_err(SandboxError::at(STEPS[0]))?;
    // The system may be out of namespaces now, and not when it was asked: then the process says so.
    let layers = if namespaces { layers } else { layers.without(Layer::Namespaces) };
    let mut child = Child::new(pid, ours_in, ours_out, layers);
    let mut failure = [0; 8];
    match told.read_exact(&mut failure) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(child),
        Err(error) => Err(SandboxError::at("hear of the start of a process")(error)),
        Ok(()) => {
            child.kill();
            let [s0, s1, s2, s3, e0, e1, e2, e3] = failure;
            let step = usize::try_from(u32::from_ne_bytes([s0, s1, s2, s3])).unwrap_or_default();
            let source = io::Error::from_raw_os_error(i32::from_ne_bytes([e0, e1, e2, e3]));
            Err(SandboxError::Launch { step: STEPS.get(step).copied().unwrap_or("start a process"), source })
        }
    }
}

/// Whether a process can have namespaces of its own, and hide `/proc` in them.
pub(super) fn can_isolate() -> bool {
    let tried = on_launcher(|| {
        // SAFETY: as in `start`; the child makes one system call and ends.
        let pid = unsafe { clone(NAMESPACES) };
        match pid {
            0 => {
                // SAFETY: the child is alone, makes one system call on constants, and ends without
                // running anything of its parent's.
                unsafe { libc::_exit(if hide_proc() == 0 { 0 } else { 1 }) }
            }
            pid => pid_of(pid),
        }
    });
    let Ok(Ok(pid)) = tried else { return false };
    let ended = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
    ended.is_ok_and(|ended| ended.is_some_and(|(_, status)| status.exit_status() == Some(0)))
}

/// What `clone` gave its parent; asked at once, while the error is that of the call.
fn pid_of(pid: c_long) -> io::Result<Pid> {
    let error = io::Error::last_os_error();
    i32::try_from(pid).ok().filter(|pid| *pid > 0).and_then(Pid::from_raw).ok_or(error)
}

/// A C string of pieces.
fn string(pieces: &[&OsStr]) -> Result<CString, SandboxError> {
    let bytes = pieces.iter().flat_map(|piece| piece.as_bytes()).copied().collect::<Vec<u8>>();
    CString::new(bytes).map_err(|error| SandboxError::at("pass an argument")(error.into()))
}

fn limits(limits: &Limits, layers: Layers) -> Vec<(libc::__rlimit_resource_t, libc::rlim_t)> {
    if !layers.has(Layer::Limits) {
        return Vec::new();
    }
    // Without a namespace the kernel counts all processes of the user, on the whole machine.
    let processes = limits.processes.filter(|_| layers.has(Layer::Namespaces));
    let all = [
        (libc::RLIMIT_CORE, Some(0)),
        (libc::RLIMIT_FSIZE, Some(0)),
        (libc::RLIMIT_MSGQUEUE, Some(0)),
        (libc::RLIMIT_NOFILE, Some(limits.open_files)),
        (libc::RLIMIT_AS, limits.address_space),
        (libc::RLIMIT_DATA, limits.data),
        (libc::RLIMIT_CPU, limits.cpu),
        (libc::RLIMIT_NPROC, processes),
    ];
    all.into_iter().filter_map(|(resource, most)| Some((resource, most?))).collect()
}

type Job = Box<dyn FnOnce() + Send>;

/// Runs something on the thread that launches.
fn on_launcher<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, SandboxError> {
    static LAUNCHER: OnceLock<Mutex<Option<Sender<Job>>>> = OnceLock::new();
    let launcher = LAUNCHER.get_or_init(|| Mutex::new(launcher()));
    let (done, result) = channel();
    let job: Job = Box::new(move || drop(done.send(work())));
    let sender = launcher.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // A thread that cannot be started has dropped its receiver.
    let sent = sender.and_then(|sender| sender.send(job).ok());
    let gone = || SandboxError::at("start a thread")(io::ErrorKind::BrokenPipe.into());
    sent.ok_or_else(gone)?;
    result.recv().map_err(|_| gone())
}

fn launcher() -> Option<Sender<Job>> {
    let (sender, jobs) = channel::<Job>();
    let work = move || {
        // SAFETY: both sets are valid and live until the calls return; `sigfillset` initialises the
        // first.
        unsafe {
            let mut all = std::mem::zeroed::<libc::sigset_t>();
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, ptr::null_mut());
        }
        jobs.into_iter().for_each(|job| job());
    };
    std::thread::Builder::new().name("launcher".to_owned()).spawn(work).ok().map(|_| sender)
}

/// `fork`, with more flags.
///
/// # Safety
/// The child must only make async-signal-safe calls until it executes a program or ends.
unsafe fn clone(flags: c_int) -> c_long {
    // SAFETY: without a stack, and without `CLONE_VM`, the child goes on here on a copy of this
    // stack, as after `fork`.
    unsafe { libc::syscall(libc::SYS_clone, c_long::from(flags | libc::SIGCHLD), 0, 0, 0, 0) }
}

/// Starts the child of a plan; says whether it has namespaces.
fn start(plan: &Plan) -> io::Result<(Pid, bool)> {
    // The strings live in the plan, which outlives the child's copy of these pointers.
    let pointers = |strings: &[CString]| -> Vec<*const c_char> {
        strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
    };
    let (arguments, environment) = (pointers(&plan.arguments), pointers(&plan.environment));
    for namespaces in [plan.namespaces, false] {
        // SAFETY: the child calls nothing but `become_program`, which keeps the promise.
        let pid = unsafe { clone(if namespaces { NAMESPACES } else { 0 }) };
        match pid {
            // SAFETY: this is the child, and all pointers are into memory of which it has a copy.
            0 => unsafe { become_program(plan, &arguments, &environment, namespaces) },
            pid if pid > 0 || !namespaces => return pid_of(pid).map(|pid| (pid, namespaces)),
            _ => {}
        }
    }
    Err(io::ErrorKind::Unsupported.into())
}

/// What the child does. Nothing here allocates, locks or unwinds.
///
/// # Safety
/// Only in a child that was just cloned; `arguments` and `environment` end with a null pointer.
unsafe fn become_program(
    plan: &Plan,
    arguments: &[*const c_char],
    environment: &[*const c_char],
    namespaces: bool,
) -> ! {
    let check = |step: u32, result: c_long| {
        if result < 0 {
            // SAFETY: the plan's descriptor is open, the bytes are eight on this stack, and the
            // process ends.
            unsafe { give_up(plan.failed.as_raw_fd(), step) }
        }
    };
    // SAFETY: every call below is a system call, or a wrapper around one that is async-signal-safe;
    // the pointers that they get are into the plan, into the two slices or onto this stack. None of
    // them is kept by the kernel beyond the call.
    unsafe {
        // The descriptors of the plan are above 2: Rust's runtime opens 0 to 2 if they are closed
        // when a program starts.
        for (from, to) in [(plan.stdin.as_raw_fd(), 0), (plan.stdout.as_raw_fd(), 1), (plan.null.as_raw_fd(), 2)] {
            check(1, libc::dup2(from, to).into());
        }
        close_on_exec();
        check(2, libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as c_ulong, 0, 0, 0).into());
        check(3, libc::setsid().into());
        for (resource, most) in &plan.limits {
            let mut now = std::mem::zeroed::<libc::rlimit>();
            check(4, libc::getrlimit(*resource, &raw mut now).into());
            // A limit that is stricter already stays.
            let most = (*most).min(now.rlim_max);
            let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
            check(4, libc::setrlimit(*resource, &raw const limit).into());
        }
        if namespaces {
            check(5, hide_proc().into());
        }
        check(6, libc::chdir(c"/".as_ptr()).into());
        check(7, libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1 as c_ulong, 0, 0, 0).into());
        if let Some(rules) = &plan.rules {
            check(8, libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0));
        }
        default_signals();
        if let Some(filter) = &plan.filter {
            let program = libc::sock_fprog {
                // Longer filters are refused by the kernel.
                len: filter.len() as libc::c_ushort,
                filter: filter.as_ptr().cast::<libc::sock_filter>().cast_mut(),
            };
            let mode = libc::SECCOMP_MODE_FILTER as c_ulong;
            check(9, libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program).into());
        }
        libc::execve(plan.program.as_ptr(), arguments.as_ptr(), environment.as_ptr());
        give_up(plan.failed.as_raw_fd(), 10)
    }
}

/// Tells the parent which step failed, and ends.
///
/// # Safety
/// Only in a child that was just cloned.
unsafe fn give_up(failed: RawFd, step: u32) -> ! {
    let errno = io::Error::last_os_error().raw_os_error().unwrap_or_default();
    let told = [step.to_ne_bytes(), errno.to_ne_bytes()];
    // SAFETY: eight bytes of this stack are written; then the process ends without running anything
    // of its parent's.
    unsafe {
        libc::write(failed, told.as_ptr().cast(), 8);
        libc::_exit(127)
    }
}

/// Marks every descriptor above 2 to be closed when the program is executed; their owners live in
/// the parent.
///
/// # Safety
/// Only in a child that was just cloned.
unsafe fn close_on_exec() {
    const CLOEXEC: libc::c_uint = 1 << 2;
    // SAFETY: numbers only.
    unsafe {
        if libc::syscall(libc::SYS_close_range, 3 as libc::c_uint, libc::c_uint::MAX, CLOEXEC) == 0 {
            return;
        }
        // Linux before 5.11.
        let mut open = std::mem::zeroed::<libc::rlimit>();
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut open);
        for descriptor in 3..open.rlim_cur.min(1 << 20) as c_int {
            libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}

/// Puts an empty directory in the place of `/proc`, in a namespace of mounts of its own.
///
/// # Safety
/// Only in a child that was just cloned with [`NAMESPACES`].
unsafe fn hide_proc() -> c_int {
    let flags = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    // SAFETY: all strings are constants that end with a null byte.
    let result = unsafe {
        let options = c"size=4k,nr_inodes=1,mode=0";
        libc::mount(c"none".as_ptr(), c"/proc".as_ptr(), c"tmpfs".as_ptr(), flags, options.as_ptr().cast())
    };
    // Where there is no /proc, none is to be hidden.
    let errno = io::Error::last_os_error().raw_os_error();
    if result != 0 && errno == Some(libc::ENOENT) { 0 } else { result }
}

/// Every signal does what it does by default, and none is blocked: the launcher's thread blocks all
/// of them.
///
/// # Safety
/// Only in a child that was just cloned.
unsafe fn default_signals() {
    // SAFETY: the set and the action are on this stack; an empty set and a zeroed action
    // (`SIG_DFL`, no flags) are valid.
    unsafe {
        let mut action = std::mem::zeroed::<libc::sigaction>();
        action.sa_sigaction = libc::SIG_DFL;
        for signal in 1..=libc::SIGRTMAX() {
            // Some cannot be set, and need not be.
            libc::sigaction(signal, &raw const action, ptr::null_mut());
        }
        let mut none = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}
