//! Locked-down processes: one launcher for every process that runs contract code.
//!
//! Contracts are hostile, and the engines that run them are large C and C++ programs. This module
//! assumes that a contract takes over its engine, and sees to it that the process is then worth
//! nothing: it can compute, read what it was given, and write to one pipe.
//!
//! The players are the parent (the service, or a command), which describes a [`Program`] and gets a
//! [`Child`]; the launcher ([`Sandbox::launch`]), which applies between `clone` and `exec` what the
//! parent decided; and, where the program is our own binary, the child itself, which gives up the
//! rest at its start ([`enter`]).
//!
//! The layers ([`Layer`]) overlap on purpose: most ways out are closed by more than one of them.
//! `docs/sandbox.md` says which layer closes which way, and `tests/sandbox.rs` tries each way
//! against each layer alone.
//!
//! Always, with whatever layers: no new privileges, an environment of exactly what is listed, no
//! descriptors but the two pipes and `/dev/null` as standard error, working directory `/`, a
//! session of its own, SIGKILL when the parent dies.
//!
//! What this does not promise: a process that was taken over still decides what it writes to its
//! pipe, so what it says is a claim of whoever took it over, and must be read as such. It can use
//! processor time up to its limits. It can see whether a path exists (`stat`), because neither
//! Landlock nor the system-call filter tells paths apart there.

mod child;
mod inside;
mod libraries;
mod lines;
mod probe;
mod ruleset;
mod send;
mod spawn;
mod syscalls;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

pub use child::Child;
pub use inside::enter;
pub use lines::{Line, Lines};
pub use send::send;

/// Whether a process may run without the layers that suffice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is launched unless [`Layers::SUFFICIENT`] hold.
    Required,
    /// Everything that the system has is used, and what is missing is said.
    #[default]
    Auto,
    /// No layer but [`Layer::Limits`].
    Off,
}

impl Mode {
    /// All of them, by the names that the command line and the configuration use.
    pub const NAMES: [&str; 3] = ["required", "auto", "off"];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Auto => "auto",
            Self::Off => "off",
        }
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Required, Self::Auto, Self::Off].into_iter().find(|mode| mode.name() == text);
        known.ok_or_else(|| format!("it is one of {}", Self::NAMES.join(", ")))
    }
}

/// One thing that keeps a process in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// `setrlimit`: memory, processor time, processes, open files; no core dumps, no bytes into
    /// files.
    Limits,
    /// Landlock, files: reading what was given, executing the program, nothing else.
    Files,
    /// Landlock, TCP: neither `bind` nor `connect`.
    Network,
    /// Landlock, scopes: no signals to and no abstract sockets of processes outside.
    Scopes,
    /// seccomp: system calls of an allow-list, with the arguments that are needed.
    Syscalls,
    /// Namespaces of its own: users, processes, mounts (without `/proc`), network, IPC.
    Namespaces,
}

impl Layer {
    /// All of them.
    pub const ALL: [Layer; 6] =
        [Layer::Limits, Layer::Files, Layer::Network, Layer::Scopes, Layer::Syscalls, Layer::Namespaces];

    /// Its name in messages, metrics and documentation.
    pub fn name(self) -> &'static str {
        match self {
            Layer::Limits => "limits",
            Layer::Files => "files",
            Layer::Network => "network",
            Layer::Scopes => "scopes",
            Layer::Syscalls => "syscalls",
            Layer::Namespaces => "namespaces",
        }
    }
}

/// A set of layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layers(u8);

impl Layers {
    /// None.
    pub const NONE: Layers = Layers(0);
    /// Those that together close every way out that `tests/sandbox.rs` tries; the others close it a
    /// second time.
    pub const SUFFICIENT: Layers = Layers::NONE.with(Layer::Limits).with(Layer::Files).with(Layer::Syscalls);

    /// All of them.
    pub fn all() -> Layers {
        Layer::ALL.into_iter().fold(Layers::NONE, Layers::with)
    }

    /// These and one more.
    #[must_use]
    pub const fn with(self, layer: Layer) -> Layers {
        Layers(self.0 | 1 << layer as u8)
    }

    /// These without one.
    #[must_use]
    pub const fn without(self, layer: Layer) -> Layers {
        Layers(self.0 & !(1 << layer as u8))
    }

    /// Those that are in both sets.
    #[must_use]
    pub const fn and(self, other: Layers) -> Layers {
        Layers(self.0 & other.0)
    }

    /// Whether it is one of them.
    pub const fn has(self, layer: Layer) -> bool {
        self.0 & (1 << layer as u8) != 0
    }

    /// Those that are not in the set.
    #[must_use]
    pub fn missing(self) -> Layers {
        Layers(Layers::all().0 & !self.0)
    }

    /// Whether it is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Layer> {
        Layer::ALL.into_iter().filter(move |layer| self.has(*layer))
    }
}

impl fmt::Display for Layers {
    /// Their names with commas, `none` without any: what [`Layers::from_str`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (at, layer) in self.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { "," }, layer.name())?;
        }
        Ok(())
    }
}

impl FromStr for Layers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Layers::NONE);
        }
        text.split(',').try_fold(Layers::NONE, |layers, name| {
            let layer = Layer::ALL.into_iter().find(|layer| layer.name() == name);
            layer.map(|layer| layers.with(layer)).ok_or_else(|| format!("there is no layer {name}"))
        })
    }
}

/// What a program is there for, which decides the system calls that it may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Our own binary. It installs its filter itself ([`enter`]), so that the filter forbids `exec`
    /// and executable memory.
    Worker,
    /// Node.js. The launcher installs its filter before `exec`, so that the filter must allow
    /// `exec`; Landlock restricts it to the program and its loader. Node 24 needs
    /// `OPENSSL_CONF=/nonexistent` in its environment: it ends if it may not read the file.
    Runtime,
}

/// What a program may use. Core dumps and bytes written into files are always zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of address space. Not for V8, which reserves more than it uses.
    pub address_space: Option<u64>,
    /// Bytes of private writable memory; V8's reservations do not count until they become writable.
    pub data: Option<u64>,
    /// Seconds of processor time, over all threads.
    pub cpu: Option<u64>,
    /// Threads and processes. Counted within the user namespace, and therefore set only with
    /// [`Layer::Namespaces`]; the kernel exempts root.
    pub processes: Option<u64>,
    /// Open files.
    pub open_files: u64,
}

/// A program to launch.
#[derive(Clone, Debug)]
pub struct Program {
    /// The executable, absolute.
    pub path: PathBuf,
    /// Its arguments, without its own name.
    pub arguments: Vec<OsString>,
    /// Its whole environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Files, and directories with all below, that it may read. The program, its loader and the
    /// usual libraries need not be named.
    pub read: Vec<PathBuf>,
    /// What it is there for.
    pub role: Role,
    /// What it may use.
    pub limits: Limits,
}

/// Why nothing is launched.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// [`Mode::Required`], and the system lacks a layer.
    #[error("this system cannot lock contract code in: it lacks {0} (`--sandbox auto` runs without)")]
    Missing(Layers),
    /// The launcher failed.
    #[error("failed to {step}: {source}")]
    Launch {
        /// What it was doing.
        step: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

impl SandboxError {
    fn at(step: &'static str) -> impl FnOnce(std::io::Error) -> SandboxError {
        move |source| SandboxError::Launch { step, source }
    }
}

/// The layers in which programs are launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sandbox {
    mode: Mode,
    layers: Layers,
}

impl Sandbox {
    /// Asks the system what it has. Unless `mode` is [`Mode::Off`], this process gives up core
    /// dumps and being traced by others of its user, so that its memory is out of reach of what it
    /// launches.
    ///
    /// # Errors
    /// [`SandboxError::Missing`] where layers are required that the system lacks.
    pub fn new(mode: Mode) -> Result<Sandbox, SandboxError> {
        let layers = match mode {
            Mode::Off => Layers::NONE.with(Layer::Limits),
            Mode::Auto | Mode::Required => {
                spawn::hide_memory();
                probe::available()
            }
        };
        let lacking = Layers(Layers::SUFFICIENT.0 & layers.missing().0);
        if mode == Mode::Required && !lacking.is_empty() {
            return Err(SandboxError::Missing(lacking));
        }
        Ok(Sandbox { mode, layers })
    }

    /// Without any layer but the limits: for tests of what a parent does, and for [`Mode::Off`].
    pub fn off() -> Sandbox {
        Sandbox { mode: Mode::Off, layers: Layers::NONE.with(Layer::Limits) }
    }

    /// Exactly these layers, as far as the system has them: to try one alone.
    pub fn only(layers: Layers) -> Sandbox {
        Sandbox { mode: Mode::Auto, layers: probe::available().and(layers) }
    }

    /// How it was asked for.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The layers that hold.
    pub fn layers(&self) -> Layers {
        self.layers
    }

    /// The newest version of Landlock's interface that the kernel has; 0 for none.
    pub fn landlock() -> u32 {
        probe::landlock()
    }

    /// One sentence that says which layers hold, and which are missing.
    pub fn statement(&self) -> String {
        if self.mode == Mode::Off {
            return "contract code runs without a sandbox (--sandbox off)".to_owned();
        }
        let missing = self.layers.missing();
        match missing.is_empty() {
            true => format!("contract code is locked in by all layers: {}", self.layers),
            false => format!("contract code is locked in by {}; MISSING on this system: {missing}", self.layers),
        }
    }

    /// Launches a program.
    ///
    /// # Errors
    /// [`SandboxError::Launch`]; nothing runs then.
    pub fn launch(&self, program: &Program) -> Result<Child, SandboxError> {
        spawn::launch(program, self.layers)
    }
}
