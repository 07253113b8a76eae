//! Secrets: named in the configuration, kept elsewhere, never shown.

use std::fmt;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zeroize::Zeroizing;

/// Longest secret that is read.
const LONGEST: u64 = 64 << 10;

/// Where a secret is: in a file, a systemd credential, or the environment; never in the configuration itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Secret {
    /// A file, which only its owner and group may read.
    File(PathBuf),
    /// A credential that systemd passes (`LoadCredential=`).
    Credential(String),
    /// An environment variable.
    Env(String),
}

/// A secret that was read: wiped when it is dropped, and never printed.
#[derive(Clone)]
pub struct Hidden(Zeroizing<String>);

impl Hidden {
    /// The secret itself, for whoever signs or logs in with it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(hidden)")
    }
}

impl Secret {
    /// Reads it. White space around it is left away.
    ///
    /// # Errors
    /// A sentence that names the place and never what stands there.
    pub fn read(&self) -> Result<Hidden, String> {
        let text = match self {
            Self::File(path) => read(path, true)?,
            Self::Credential(name) => {
                let dir = std::env::var_os("CREDENTIALS_DIRECTORY");
                let dir = dir.ok_or_else(|| format!("the credential {name:?}: systemd has passed none"))?;
                // systemd guards that directory.
                read(&Path::new(&dir).join(name), false)?
            }
            Self::Env(name) => std::env::var(name)
                .map(Zeroizing::new)
                .map_err(|_| format!("the environment variable {name:?} is not set, or no text"))?,
        };
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(format!("{self} is empty"));
        }
        Ok(Hidden::from(trimmed.to_owned()))
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(out, "the secret {}", path.display()),
            Self::Credential(name) => write!(out, "the credential {name:?}"),
            Self::Env(name) => write!(out, "the environment variable {name:?}"),
        }
    }
}

fn read(path: &Path, guarded: bool) -> Result<Zeroizing<String>, String> {
    let fail = |why: &dyn fmt::Display| format!("the secret {}: {why}", path.display());
    let file = std::fs::File::open(path).map_err(|e| fail(&e))?;
    let facts = file.metadata().map_err(|e| fail(&e))?;
    if !facts.is_file() {
        return Err(fail(&"it is no file"));
    }
    if guarded && facts.mode() & 0o007 != 0 {
        return Err(fail(&"everybody on this machine can read it or write to it; chmod o-rwx"));
    }
    if facts.len() > LONGEST {
        return Err(fail(&"it is too long for a secret"));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST).read_to_string(&mut text).map_err(|e| fail(&e))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Protects secrets: one that everybody can read is refused, and none is ever printed.
    #[test]
    fn read_from_guarded_files_and_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let secret = Secret::File(path.clone());
        assert!(secret.read().unwrap_err().contains("secret"));
        std::fs::write(&path, " hunter2\n").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o604)).unwrap();
        assert!(secret.read().unwrap_err().contains("chmod"));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let hidden = secret.read().unwrap();
        assert_eq!(hidden.reveal(), "hunter2");
        assert!(!format!("{hidden:?} {secret:?} {secret}").contains("hunter2"));
        std::fs::write(&path, "\n").unwrap();
        assert!(secret.read().unwrap_err().ends_with("is empty"));
        assert!(Secret::Env("VITRA_WATCH_NO_SUCH_VARIABLE".into()).read().is_err());
        assert!(Secret::File(dir.path().into()).read().unwrap_err().ends_with("it is no file"));
    }
}
