//! Locked-down processes: each way out is tried from inside, against each layer alone and against
//! all of them together, as root and as an ordinary user, in the role of a worker and in that of a
//! reference runtime.
//!
//! The process inside is this test program, started again by the launcher. Where the kernel lacks a
//! layer the tests say so, and require what the documentation promises for such a kernel.

#[path = "common/node.rs"]
mod node;
#[path = "sandbox/systems.rs"]
mod systems;
#[path = "sandbox/ways.rs"]
mod ways;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use vitra_watch::sandbox::{Child, Layer, Layers, Limits, Mode, Program, Role, Sandbox, enter};

use node::Project;
use ways::{LEFT_OPEN, Open, Outside, SECRET, Way, ways};

/// Nobody's account, under which the tests run once more when root runs them.
const NOBODY: u32 = 65_534;

const LIMITS: Limits =
    Limits { address_space: Some(16 << 30), data: None, cpu: Some(60), processes: Some(64), open_files: 256 };

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether root has its privileges here, as it has not in containers and in namespaces.
fn is_privileged() -> bool {
    let read = |name: &str| std::fs::read_to_string(Path::new("/proc/self").join(name)).unwrap();
    let users = read("uid_map").split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let status = read("status");
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    let effective = u64::from_str_radix(effective.trim(), 16).unwrap();
    // setuid, raw sockets, tracing, mounting.
    users == ["0", "0", "4294967295"] && [7, 13, 19, 21].iter().all(|bit| effective & 1 << bit != 0)
}

/// The world outside: what a process that has escaped could read, change or reach.
struct World {
    temp: tempfile::TempDir,
    tcp: TcpListener,
    udp: UdpSocket,
    name: String,
    _listeners: [UnixListener; 2],
    secret: Box<[u8; 16]>,
}

impl World {
    fn new() -> World {
        let temp = tempfile::tempdir().unwrap();
        let (given, kept) = (temp.path().join("given"), temp.path().join("kept"));
        std::fs::create_dir(&given).unwrap();
        std::fs::create_dir(&kept).unwrap();
        std::fs::write(kept.join("secret"), SECRET).unwrap();
        let name = format!("vitra-watch-test-{}", temp.path().display());
        let listeners = [
            UnixListener::bind(kept.join("control.sock")).unwrap(),
            UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap(),
        ];
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        World { temp, tcp, udp, name, _listeners: listeners, secret: Box::new(*SECRET) }
    }

    fn given(&self) -> PathBuf {
        self.temp.path().join("given")
    }

    /// The evidence, whole again.
    fn mend(&self) {
        let _ = std::fs::remove_dir_all(self.given());
        std::fs::create_dir(self.given()).unwrap();
        std::fs::write(self.given().join("evidence"), EVIDENCE).unwrap();
    }

    /// What the process inside is told, in the variable `INSIDE`.
    fn told(&self, way: &str, layers: Layers, role: Role, victim: u32) -> String {
        let port = |address: std::io::Result<std::net::SocketAddr>| address.unwrap().port();
        let [given, kept] = ["given", "kept"].map(|name| self.temp.path().join(name).display().to_string());
        let parent = std::process::id();
        let address = std::ptr::from_ref(&*self.secret).addr();
        let (tcp, udp) = (port(self.tcp.local_addr()), port(self.udp.local_addr()));
        let name = &self.name;
        format!("{way}|{layers}|{role:?}|{given}|{kept}|{tcp}|{udp}|{name}|{parent}|{victim}|{address}")
    }

    /// Tries one way in these layers: whether it was an escape, and what was said.
    fn tries(&self, way: &str, layers: Layers, role: Role) -> (bool, String) {
        self.mend();
        let sandbox = Sandbox::only(layers);
        assert_eq!(sandbox.layers(), layers);
        // It lives until its input ends, or until it is killed.
        let mut victim = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let program = Program {
            path: std::env::current_exe().unwrap(),
            arguments: ["--exact", "inside", "--ignored", "--nocapture"].map(OsString::from).to_vec(),
            environment: vec![("INSIDE".into(), self.told(way, layers, role, victim.id()).into())],
            read: vec![self.given()],
            role,
            limits: LIMITS,
        };
        let mut child = sandbox.launch(&program).unwrap();
        assert_eq!(child.layers(), layers);
        let said = listen(&mut child);
        child.wait();
        let killed = victim.wait().unwrap().signal().is_some();
        let escaped = if way == "signal-by-descriptor" { killed } else { said.contains("WAY:escaped") };
        (escaped, said)
    }
}

const EVIDENCE: &str = "what was signed";

fn listen(child: &mut Child) -> String {
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    said
}

/// The side that is locked in; not a test by itself.
#[test]
#[ignore = "started by the others"]
fn inside() {
    let Ok(told) = std::env::var("INSIDE") else { return };
    let told: Vec<&str> = told.split('|').collect();
    let [name, layers, role, given, kept, tcp, udp, address_name, parent, victim, address] = told[..] else {
        panic!("{told:?}")
    };
    let role = if role == "Worker" { Role::Worker } else { Role::Runtime };
    let out = Outside {
        given: given.to_owned(),
        kept: kept.to_owned(),
        tcp: tcp.parse().unwrap(),
        udp: udp.parse().unwrap(),
        name: address_name.to_owned(),
        parent: parent.parse().unwrap(),
        victim: victim.parse().unwrap(),
        address: address.parse().unwrap(),
    };
    let layers: Layers = layers.parse().unwrap();
    let all = ways(Sandbox::landlock(), role);
    if role == Role::Worker {
        enter(layers).unwrap();
    }
    // What it was given, it can read.
    let read = std::fs::read_to_string(Path::new(given).join("evidence")).unwrap();
    assert_eq!(read, EVIDENCE);
    let result = match name {
        "bomb" => ways::fork(200),
        "raise-limits" => ways::raise_limits(),
        name => (all.iter().find(|way| way.name == name).unwrap().go)(&out),
    };
    let said = match result {
        Ok(()) => "\nWAY:escaped\n".to_owned(),
        Err(error) => format!("\nWAY:held {error}\n"),
    };
    std::io::stdout().write_all(said.as_bytes()).unwrap();
}

/// A descriptor that is not marked to be closed, as careless code leaves one.
fn leave_open(world: &World) {
    let mut left = std::mem::ManuallyDrop::new(world.tcp.as_fd().try_clone_to_owned().unwrap());
    #[allow(unsafe_code, reason = "a descriptor that nobody else uses becomes a number that nobody else uses")]
    // SAFETY: LEFT_OPEN is no descriptor of anybody's; it is never used as one here.
    let mut target = std::mem::ManuallyDrop::new(unsafe {
        <std::os::fd::OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(LEFT_OPEN)
    });
    rustix::io::dup2(&mut *left, &mut target).unwrap();
}

fn role_name(role: Role) -> &'static str {
    if role == Role::Worker { "worker" } else { "runtime" }
}

/// The claims of the documentation, for each way, with each layer alone, with none, and with all.
fn every_way(role: Role) {
    // The parent is out of reach from now on, as the service is.
    let whole = Sandbox::new(Mode::Auto).unwrap();
    let (world, landlock) = (World::new(), Sandbox::landlock());
    leave_open(&world);
    let who = if is_root() { "root" } else { "an ordinary user" };
    for missing in whole.layers().missing().iter() {
        eprintln!("SKIPPED for {who}, {}: this system has no layer {}", role_name(role), missing.name());
    }
    let mut wrong = Vec::new();
    for Way { name, closed_by, open, .. } in ways(landlock, role) {
        // `held`: whether it must be; without a word about it, either will do.
        let mut expect = |layers: Layers, held: Option<bool>| {
            let (escaped, said) = world.tries(name, layers, role);
            if held == Some(escaped) || !said.contains("WAY:") {
                wrong.push(format!("{name} with {layers}: escaped {escaped}, to be held {held:?}: {said}"));
            }
        };
        // Without this the test could not fail: the way is there when nothing closes it.
        let held = match open {
            Open::ToAll => Some(false),
            Open::ToRoot if is_privileged() => Some(false),
            Open::ToRoot if !is_root() => Some(true),
            Open::ToRoot | Open::Perhaps => None,
            Open::Never => Some(true),
        };
        expect(Layers::NONE, held);
        for layer in closed_by.and(whole.layers()).iter() {
            expect(Layers::NONE.with(layer), Some(true));
        }
        expect(whole.layers(), (!closed_by.and(whole.layers()).is_empty()).then_some(true));
        // What is required closes everything by itself.
        if Layers::SUFFICIENT.and(whole.layers()) == Layers::SUFFICIENT {
            expect(Layers::SUFFICIENT, Some(true));
        }
    }
    assert!(wrong.is_empty(), "for {who}, {}:\n{}", role_name(role), wrong.join("\n"));
}

/// Protects files, network and memory of the service from a worker whose engine was taken over.
#[test]
fn a_worker_cannot_get_out() {
    every_way(Role::Worker);
}

/// The same, of a process in the filter in which Node is started.
#[test]
fn a_runtime_cannot_get_out() {
    every_way(Role::Runtime);
}

/// Protects the machine from processes without end, where the kernel counts them: not root's, and
/// within a namespace.
#[test]
fn processes_are_counted() {
    let world = World::new();
    let layers = Layers::NONE.with(Layer::Limits).with(Layer::Namespaces);
    if Sandbox::only(layers).layers() != layers {
        eprintln!("SKIPPED: this system has no layer namespaces");
        return;
    }
    let (escaped, said) = world.tries("bomb", layers, Role::Worker);
    assert!(escaped == is_root() && said.contains("WAY:"), "{said}");
    let (escaped, said) = world.tries("bomb", Layers::NONE, Role::Worker);
    assert!(escaped, "{said}");
}

/// Protects the limits themselves: at most root may raise one, and root without privileges cannot.
#[test]
fn limits_stay() {
    let world = World::new();
    let limits = Layers::NONE.with(Layer::Limits);
    let (escaped, said) = world.tries("raise-limits", limits, Role::Worker);
    // There is root without that privilege, in containers.
    assert!((!escaped || is_root()) && said.contains("WAY:"), "{said}");
    for layer in [Layer::Syscalls, Layer::Namespaces] {
        let layers = limits.with(layer);
        if Sandbox::only(layers).layers() != layers {
            eprintln!("SKIPPED: this system has no layer {}", layer.name());
            continue;
        }
        let (escaped, said) = world.tries("raise-limits", layers, Role::Worker);
        assert!(!escaped && said.contains("WAY:held"), "{said}");
    }
}

/// A reference runtime: its Node, what its Node is told, its engine and its codec, by the names of
/// their packages.
struct Runtime {
    node: &'static str,
    options: &'static [&'static str],
    packages: [&'static str; 2],
}

/// Installed once, by whichever test is first.
static PACKAGES: Project = Project::with_packages("sandbox", "runtimes");

const RUNTIMES: [Runtime; 2] = [
    Runtime { node: "node-15", options: &[], packages: ["@andrewosh/isolated-vm", "msgpackr-1.5"] },
    Runtime { node: "node-24", options: &["--no-node-snapshot"], packages: ["isolated-vm", "msgpackr-1.12"] },
];

/// What Node says of its ways out, and whether it could do its work.
fn node_tries(world: &World, runtime: &Runtime, packages: &Path, sandbox: &Sandbox) -> serde_json::Value {
    world.mend();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sandbox/escape.js");
    let outside = serde_json::json!({
        "given": world.given(), "kept": world.temp.path().join("kept"), "parent": std::process::id(),
        "tcp": world.tcp.local_addr().unwrap().port(), "root": is_root(),
    });
    let mut arguments: Vec<OsString> = runtime.options.iter().map(OsString::from).collect();
    arguments.extend([script.clone().into(), packages.into()]);
    arguments.extend(runtime.packages.map(OsString::from));
    arguments.push(outside.to_string().into());
    let program = Program {
        path: packages.join(runtime.node).join("bin/node"),
        arguments,
        // A configuration that is not there is none; one that may not be read ends Node 24.
        environment: vec![("OPENSSL_CONF".into(), "/nonexistent".into())],
        read: vec![packages.to_owned(), script, world.given()],
        role: Role::Runtime,
        limits: Limits { address_space: None, data: Some(4 << 30), ..LIMITS },
    };
    let said = listen(&mut sandbox.launch(&program).unwrap());
    serde_json::from_str(&said)
        .unwrap_or_else(|error| panic!("{} in {}: {error}: {said}", runtime.node, sandbox.layers()))
}

/// Protects the service from a contract that has the whole of Node: files, network, processes,
/// signals and `/proc` are closed, and the real runtime with its native packages works all the
/// same.
#[test]
fn node_cannot_get_out() {
    let whole = Sandbox::new(Mode::Auto).unwrap();
    let Some(packages) = PACKAGES.packages("sandbox") else { return };
    let world = World::new();
    for runtime in RUNTIMES {
        for layers in [whole.layers(), Layers::SUFFICIENT.and(whole.layers()), Layers::NONE] {
            let said = node_tries(&world, &runtime, &packages, &Sandbox::only(layers));
            let who = format!("{} in {layers}: {said}", runtime.node);
            assert!(said["given"] == EVIDENCE && said["result"] == 4_500_000, "{who}");
            assert_eq!(said["applied"]["actions"]["/n"]["value"], 7, "{who}");
            for (way, escaped) in said["ways"].as_object().unwrap() {
                // Without layers the ways are there, or this could not fail.
                let of_root = matches!(way.as_str(), "environ" | "memory" | "setuid");
                let never = of_root && !is_privileged() || way == "environment";
                let open = layers == Layers::NONE && !never;
                let closed = layers.and(Layers::SUFFICIENT) == Layers::SUFFICIENT;
                assert!(!closed || escaped.is_null(), "{way} is open, {who}");
                assert!(!open || !escaped.is_null(), "{way} is closed by nothing, {who}");
            }
        }
    }
}

/// Protects the claims where root runs the tests: everything once more as an ordinary user.
#[test]
fn nor_can_an_ordinary_user() {
    if !is_root() {
        return;
    }
    // Nobody cannot install them.
    PACKAGES.packages("sandbox");
    for test in [
        "a_worker_cannot_get_out",
        "a_runtime_cannot_get_out",
        "processes_are_counted",
        "limits_stay",
        "node_cannot_get_out",
    ] {
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", test, "--nocapture"]).uid(NOBODY).gid(NOBODY).env("TMPDIR", "/tmp").env_remove("HOME");
        let output = again.output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && said.contains("1 passed"), "{test}: {said}");
        said.lines().filter(|line| line.contains("SKIPPED")).for_each(|line| eprintln!("{line}"));
    }
}
