//! Systems that lack a layer: what the program says and does there. The tests take layers away by a
//! filter of system calls, as a container or a hardened unit does.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

use super::Mode;
use vitra_watch::sandbox::{Layer, Layers, Sandbox};

/// A filter that refuses a system call, with one of these flags as its first argument if there are
/// any.
fn refusing(call: libc::c_long, flags: i32, error: i32) -> BpfProgram {
    let flags = u64::from(flags.unsigned_abs());
    let condition = SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(flags), flags).unwrap();
    let rules = if flags == 0 { Vec::new() } else { vec![SeccompRule::new(vec![condition]).unwrap()] };
    let refused = SeccompAction::Errno(error.unsigned_abs());
    let arch = std::env::consts::ARCH.try_into().unwrap();
    SeccompFilter::new(BTreeMap::from([(call, rules)]), SeccompAction::Allow, refused, arch)
        .unwrap()
        .try_into()
        .unwrap()
}

/// Audits an honest database on a system that refuses what the filter refuses.
fn audit(filter: Option<BpfProgram>, mode: &str) -> Output {
    let database = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/databases/kv-honest");
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitra-watch"));
    command.arg("audit").arg(database).args(["--sandbox", mode]);
    let run = move || {
        // For this thread and what it starts.
        filter.iter().for_each(|filter| apply_filter(filter).unwrap());
        command.output().unwrap()
    };
    std::thread::spawn(run).join().unwrap()
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Protects who relies on the sandbox: with all layers it is silent, whatever else is said, and
/// `off` is never silent.
#[test]
fn a_verdict_is_the_same_in_every_mode() {
    let whole = Sandbox::new(Mode::Auto).unwrap().layers();
    for mode in Mode::NAMES {
        let (code, errors) = said(&audit(None, mode));
        let silent = mode != "off" && whole == Layers::all();
        assert!(code == Some(0) && errors.is_empty() == silent, "{mode}: {code:?} {errors}");
    }
}

/// Protects against silently less: without Landlock `required` refuses, and `auto` says what is
/// missing.
#[test]
fn a_system_without_landlock_is_said() {
    let without = || Some(refusing(libc::SYS_landlock_create_ruleset, 0, libc::ENOSYS));
    let (code, errors) = said(&audit(without(), "required"));
    assert!(code == Some(70) && errors.contains("it lacks files"), "{code:?} {errors}");
    let (code, errors) = said(&audit(without(), "auto"));
    assert!(code == Some(0) && errors.contains("MISSING on this system: files,network,scopes"), "{code:?} {errors}");
}

/// Protects the service under systemd, whose unit refuses namespaces: the other layers suffice, and
/// the missing one is said.
#[test]
fn a_system_without_namespaces_suffices() {
    let whole = Sandbox::new(Mode::Auto).unwrap().layers();
    if whole.and(Layers::SUFFICIENT) != Layers::SUFFICIENT {
        eprintln!("SKIPPED: this system lacks {}", whole.missing());
        return;
    }
    let (code, errors) = said(&audit(Some(refusing(libc::SYS_clone, libc::CLONE_NEWUSER, libc::EPERM)), "required"));
    assert!(code == Some(0) && errors.contains(Layer::Namespaces.name()), "{code:?} {errors}");
}
