//! The units: systemd reads them, finds them tight, and they say what the service needs.

#[path = "common/services.rs"]
mod services;

use std::path::{Path, PathBuf};
use std::process::Command;

use services::program;

fn units() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(units().join(name)).unwrap()
}

/// The units in a directory of their own, with the program of this build.
fn copies() -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    for entry in units().read_dir().unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let text = read(&name).replace("/usr/bin/vitra-watch", env!("CARGO_BIN_EXE_vitra-watch"));
        std::fs::write(temp.path().join(name), text).unwrap();
    }
    temp
}

fn output(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), said)
}

/// Protects who installs them: systemd has nothing to say about them, but that an old one knows one of the two types only.
#[test]
fn systemd_reads_the_units() {
    let temp = copies();
    for unit in ["vitra-watch.service", "vitra-watch-audit@.service", "vitra-watch-audit@.timer"] {
        let Some(mut analyze) = program("systemd-analyze") else { return };
        let (success, said) = output(analyze.args(["verify", "--man=no"]).arg(temp.path().join(unit)));
        let ours = said.lines().filter(|line| line.contains("vitra-watch"));
        let odd: Vec<&str> =
            ours.filter(|line| !line.ends_with("Failed to parse service type, ignoring: notify-reload")).collect();
        assert!(success && odd.is_empty(), "{unit}: {said}");
    }
}

/// Protects the machine from a fault in the service: what systemd calls its exposure stays small.
#[test]
fn the_units_are_hardened() {
    let temp = copies();
    for unit in ["vitra-watch.service", "vitra-watch-audit@.service"] {
        let Some(mut analyze) = program("systemd-analyze") else { return };
        // The threshold is the exposure times ten.
        let arguments = ["security", "--offline=true", "--no-pager", "--threshold=15"];
        let (success, said) = output(analyze.args(arguments).arg(temp.path().join(unit)));
        let overall = said.lines().find(|line| line.contains("Overall exposure level")).unwrap_or_default();
        assert!(success && !overall.is_empty(), "{unit}: {overall} {said}");
    }
}

/// Protects the service from its own hardening: what it and its workers need is there.
#[test]
fn what_the_service_needs_is_allowed() {
    let service = read("vitra-watch.service");
    for line in [
        "Type=notify",
        "Type=notify-reload",
        "DynamicUser=yes",
        "StateDirectory=vitra-watch",
        // Peers, the DHT and the control socket.
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        // Workers are locked in; without these the service would not start.
        "SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp",
    ] {
        assert!(service.lines().any(|there| there == line), "{line}");
    }
    let seconds = |name: &str| {
        let value = service.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        value.parse::<u64>().unwrap()
    };
    // A graceful stop takes ten seconds at most.
    assert!(seconds("TimeoutStopSec=") > 10 && seconds("WatchdogSec=") >= 30);
    // A limit of memory for all would kill the service for one worker; workers have their own.
    assert!(!service.contains("MemoryMax") && service.contains("OOMPolicy=continue"));
    let audit = read("vitra-watch-audit@.service");
    assert!(audit.contains("ExecStart=/usr/bin/vitra-watch audit %i "));
}

/// Protects both units alike: one is hardened as the other is.
#[test]
fn both_units_have_the_same_hardening() {
    let hardening = |name: &str| {
        let text = read(name);
        let lines = text.lines().skip_while(|line| !line.starts_with("CapabilityBoundingSet"));
        lines
            .take_while(|line| *line != "[Install]")
            .map(str::to_owned)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
    };
    assert_eq!(hardening("vitra-watch.service"), hardening("vitra-watch-audit@.service"));
}
