//! The system calls that a program may make: allow-lists, measured with `strace` on what the
//! programs do.
//!
//! A call that is not listed, or has other arguments, fails with `EPERM`. `clone3` fails with
//! `ENOSYS`, because C libraries take that alone as a reason to start threads by `clone`, whose
//! flags a filter can read.

use std::collections::BTreeMap;

use libc::{c_long, sock_filter as Instruction};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::SandboxError;

/// What each argument must be, for a call to be allowed. Without any: however it is made.
type Allowed = (c_long, Vec<Vec<SeccompCondition>>);

type Conditions = Result<SeccompCondition, seccompiler::BackendError>;

/// What both roles need: memory, threads of the same process, clocks, and reading.
const COMMON: &[c_long] = &[
    // Memory, threads, signals to oneself.
    libc::SYS_brk,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    // Who and when.
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_nanosleep,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    // Files that are open, and their names.
    libc::SYS_close,
    libc::SYS_faccessat,
    libc::SYS_fstat,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_lseek,
    libc::SYS_newfstatat,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_statx,
    libc::SYS_write,
    libc::SYS_writev,
    // `faccessat2`, which musl's headers lack.
    439,
];

/// The same, by their older names, which other architectures do not have.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] =
    &[libc::SYS_access, libc::SYS_lstat, libc::SYS_poll, libc::SYS_readlink, libc::SYS_stat, libc::SYS_time];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[];

/// What Node needs beyond that: an event loop, and what its dynamic loader does after `exec`.
const NODE: &[c_long] = &[
    libc::SYS_capget,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_execve,
    libc::SYS_getrusage,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_set_tid_address,
];

#[cfg(target_arch = "x86_64")]
const OLDER_NODE: &[c_long] = &[libc::SYS_arch_prctl, libc::SYS_epoll_wait];
#[cfg(not(target_arch = "x86_64"))]
const OLDER_NODE: &[c_long] = &[];

/// Commands of `fcntl`. `F_SETOWN` and `F_SETSIG` would make the kernel send signals to others.
const FCNTL: [c_long; 9] = [
    libc::F_GETFD as c_long,
    libc::F_SETFD as c_long,
    libc::F_GETFL as c_long,
    libc::F_SETFL as c_long,
    libc::F_GETLK as c_long,
    libc::F_SETLK as c_long,
    libc::F_OFD_GETLK as c_long,
    libc::F_OFD_SETLK as c_long,
    libc::F_DUPFD_CLOEXEC as c_long,
];

/// Requests of `ioctl` that Node makes of its pipes.
const IOCTL: [c_long; 4] =
    [libc::FIONBIO as c_long, libc::FIOCLEX as c_long, libc::FIONREAD as c_long, libc::TCGETS as c_long];

/// The filter that a worker installs at its start.
pub(super) fn worker() -> Result<BpfProgram, SandboxError> {
    compiled(worker_calls())
}

/// The filter in which Node is started.
pub(super) fn runtime() -> Result<BpfProgram, SandboxError> {
    compiled(runtime_calls())
}

/// That argument `number` has none of the bits of `mask`.
fn without(number: u8, mask: c_long) -> Conditions {
    masked(number, mask, 0)
}

/// That the bits of `mask` of argument `number` are those of `value`.
fn masked(number: u8, mask: c_long, value: c_long) -> Conditions {
    let (mask, value) = (mask.cast_unsigned(), value.cast_unsigned());
    SeccompCondition::new(number, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(mask), value)
}

/// That argument `number`, of 32 bits, is `value`.
fn equal(number: u8, value: c_long) -> Conditions {
    SeccompCondition::new(number, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value.cast_unsigned() & 0xffff_ffff)
}

type Calls = Result<Vec<Allowed>, seccompiler::BackendError>;

fn common_calls() -> Calls {
    let one_of = |values: &[c_long]| values.iter().map(|value| Ok(vec![equal(1, *value)?])).collect::<Result<_, _>>();
    let mut calls: Vec<Allowed> = COMMON.iter().chain(OLDER).map(|number| (*number, Vec::new())).collect();
    // Files are opened for reading only. What these bits are on other kernels does not matter: all
    // others are refused as well.
    let reading = i64::from(libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_DIRECTORY)
        | i64::from(libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_LARGEFILE);
    calls.push((libc::SYS_openat, vec![vec![without(2, !reading & 0xffff_ffff)?]]));
    #[cfg(target_arch = "x86_64")]
    calls.push((libc::SYS_open, vec![vec![without(1, !reading & 0xffff_ffff)?]]));
    // Threads, not processes.
    let thread = c_long::from(libc::CLONE_THREAD | libc::CLONE_VM);
    let namespaces = c_long::from(
        libc::CLONE_NEWUSER | libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWNET | libc::CLONE_NEWIPC,
    ) | c_long::from(libc::CLONE_NEWUTS | libc::CLONE_NEWCGROUP);
    calls.push((libc::SYS_clone, vec![vec![masked(0, thread | namespaces, thread)?]]));
    calls.push((libc::SYS_fcntl, one_of(&FCNTL)?));
    // Names of threads.
    calls.push((libc::SYS_prctl, vec![vec![equal(0, libc::PR_SET_NAME.into())?]]));
    // Limits of one's own are read, and not set.
    calls.push((libc::SYS_prlimit64, vec![vec![equal(0, 0)?, masked(2, -1, 0)?]]));
    Ok(calls)
}

fn worker_calls() -> Calls {
    let mut calls = common_calls()?;
    // No memory is executable but what the program was loaded with.
    let execute = c_long::from(libc::PROT_EXEC);
    calls.push((libc::SYS_mmap, vec![vec![without(2, execute)?]]));
    calls.push((libc::SYS_mprotect, vec![vec![without(2, execute)?]]));
    Ok(calls)
}

fn runtime_calls() -> Calls {
    let mut calls = common_calls()?;
    calls.extend(NODE.iter().chain(OLDER_NODE).map(|number| (*number, Vec::new())));
    let requests = IOCTL.iter().map(|request| Ok(vec![equal(1, *request)?])).collect::<Result<_, _>>()?;
    calls.push((libc::SYS_ioctl, requests));
    Ok(calls)
}

fn compiled(calls: Calls) -> Result<BpfProgram, SandboxError> {
    let filter = calls.and_then(|calls| {
        let mut rules = BTreeMap::new();
        for (number, conditions) in calls {
            let conditions = conditions.into_iter().map(SeccompRule::new).collect::<Result<Vec<_>, _>>()?;
            rules.insert(number, conditions);
        }
        let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
        SeccompFilter::new(rules, refused, SeccompAction::Allow, std::env::consts::ARCH.try_into()?)
    });
    let filter = filter.and_then(BpfProgram::try_from);
    let filter =
        filter.map_err(|error| SandboxError::at("make the filter of system calls")(std::io::Error::other(error)))?;
    Ok(no_clone3().into_iter().chain(filter).collect())
}

/// Before everything else: `clone3` is not there. Its number is the same on all architectures.
fn no_clone3() -> [seccompiler::sock_filter; 3] {
    // Load the number of the call; go on unless it is `clone3`; say ENOSYS.
    let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let jump = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let answer = (libc::BPF_RET | libc::BPF_K) as u16;
    let instruction = |code, jf, k| {
        let Instruction { code, jt, jf, k } = Instruction { code, jt: 0, jf, k };
        seccompiler::sock_filter { code, jt, jf, k }
    };
    [
        instruction(load, 0, 0),
        instruction(jump, 1, libc::SYS_clone3 as u32),
        instruction(answer, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs()),
    ]
}
