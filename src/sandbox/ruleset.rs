//! The Landlock rules of a program.

use std::io;
use std::os::fd::OwnedFd;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, Scope,
};

use super::{Layer, Layers, Program, SandboxError, libraries};

/// The newest version whose rights are handled. Older kernels handle those that they know.
const KNOWN: ABI = ABI::V9;

const STEP: &str = "make the Landlock rules";

fn error(error: impl std::error::Error + Send + Sync + 'static) -> SandboxError {
    SandboxError::at(STEP)(io::Error::other(error))
}

/// The rules for a program, as a descriptor; `None` if no layer needs Landlock.
pub(super) fn of(program: &Program, layers: Layers) -> Result<Option<OwnedFd>, SandboxError> {
    let mut rules = Ruleset::default().set_compatibility(CompatLevel::BestEffort);
    let mut needed = false;
    if layers.has(Layer::Files) {
        rules = rules.handle_access(AccessFs::from_all(KNOWN)).map_err(error)?;
        needed = true;
    }
    if layers.has(Layer::Network) {
        rules = rules.handle_access(AccessNet::from_all(KNOWN)).map_err(error)?;
        needed = true;
    }
    if layers.has(Layer::Scopes) {
        rules = rules.scope(Scope::from_all(KNOWN)).map_err(error)?;
        needed = true;
    }
    if !needed {
        return Ok(None);
    }
    let mut rules = rules.create().map_err(error)?;
    if layers.has(Layer::Files) {
        let executable = AccessFs::Execute | AccessFs::ReadFile;
        rules = allow(rules, &program.path, executable, true)?;
        for loader in libraries::loaders() {
            rules = allow(rules, loader, executable, false)?;
        }
        for library in libraries::shared() {
            rules = allow(rules, library, AccessFs::ReadFile.into(), false)?;
        }
        for given in &program.read {
            rules = allow(rules, given, AccessFs::ReadFile | AccessFs::ReadDir, true)?;
        }
    }
    Ok(rules.into())
}

/// Rules that allow nothing to be executed, and restrict nothing else.
pub(super) fn no_exec() -> Result<RulesetCreated, SandboxError> {
    let rules = Ruleset::default().set_compatibility(CompatLevel::BestEffort);
    rules.handle_access(AccessFs::Execute).and_then(Ruleset::create).map_err(error)
}

/// Allows something with a file, or with a directory and all below. What is not there needs no
/// rule, unless it is `needed`.
fn allow(
    rules: RulesetCreated,
    path: &std::path::Path,
    mut access: landlock::BitFlags<AccessFs>,
    needed: bool,
) -> Result<RulesetCreated, SandboxError> {
    let found = match PathFd::new(path) {
        Ok(found) => found,
        Err(_) if !needed => return Ok(rules),
        Err(cause) => return Err(error(cause)),
    };
    // A right that only directories have makes the rule of a file an error.
    if !path.is_dir() {
        access &= AccessFs::from_file(KNOWN);
    }
    rules.add_rule(PathBeneath::new(found, access)).map_err(error)
}
