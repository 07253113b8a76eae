//! Setting the reference runtimes up, and trying them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::process::SCRIPT;
use super::{REFERENCES, Runtimes};
use crate::database::{Value, encode};
use crate::replay::engine::{AckView, Change, Outcome};
use crate::replay::reference::{Question, Reply, ask};
use crate::replay::state::Empty;
use crate::sandbox::Sandbox;

/// The npm project, with exact versions and the hash of every package.
const FILES: [(&str, &str); 3] = [
    ("package.json", include_str!("../../runtimes/package.json")),
    ("package-lock.json", include_str!("../../runtimes/package-lock.json")),
    (SCRIPT, include_str!("../../runtimes/runtime.js")),
];

/// What is written when everything is there.
const STAMP: &str = "installed";

/// Why there are no runtimes.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Nothing was installed there.
    #[error("there are no reference runtimes in {0}: `vitra-watch runtimes install` sets them up")]
    Absent(PathBuf),
    /// They are of another version of this program.
    #[error("the reference runtimes in {0} are another version's: `vitra-watch runtimes install` renews them")]
    Outdated(PathBuf),
    /// npm did not do it.
    #[error("{0}")]
    Npm(String),
    /// The directory cannot be written.
    #[error("{0}: {1}")]
    Directory(PathBuf, std::io::Error),
    /// One of them does not work.
    #[error("the reference runtime {0} does not work: {1}")]
    Broken(String, String),
}

/// What is there.
#[derive(Clone, Debug)]
pub struct Installed {
    /// Where.
    pub dir: PathBuf,
}

/// The runtimes in a directory, if this version of the program has installed them.
///
/// # Errors
/// [`Problem::Absent`] and [`Problem::Outdated`].
pub fn installed(dir: &Path) -> Result<Installed, Problem> {
    let Ok(stamp) = std::fs::read_to_string(dir.join(STAMP)) else { return Err(Problem::Absent(dir.to_owned())) };
    if stamp != digest() {
        return Err(Problem::Outdated(dir.to_owned()));
    }
    Ok(Installed { dir: dir.to_owned() })
}

/// Installs the runtimes with npm, which verifies each package against the lock file and runs none of their scripts.
///
/// # Errors
/// When npm is not there or fails, or the directory cannot be written.
pub fn install(dir: &Path) -> Result<Installed, Problem> {
    let directory = |error| Problem::Directory(dir.to_owned(), error);
    std::fs::create_dir_all(dir).map_err(directory)?;
    let _ = std::fs::remove_file(dir.join(STAMP));
    for (name, text) in FILES {
        std::fs::write(dir.join(name), text).map_err(directory)?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(dir).stdin(Stdio::null());
    let output =
        npm.output().map_err(|error| Problem::Npm(format!("npm, which comes with Node, cannot be run: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Problem::Npm(format!("npm failed: {}", said.trim())));
    }
    std::fs::write(dir.join(STAMP), digest()).map_err(directory)?;
    installed(dir)
}

/// What the stamp says: the files of this version.
fn digest() -> String {
    let parts: Vec<&[u8]> = FILES.iter().map(|(_, text)| text.as_bytes()).collect();
    crate::database::ack::to_hex(&crate::hypercore::hash::blake2b(&parts))
}

/// A contract whose result depends on engine, boundary and codec.
const TRIAL: &str = "export const apply = { TRY (tx, op, ack) {
  const found = /(?<last>.)$/u.exec(op.text)
  tx.put('/text', found.groups.last); tx.put('/sum', op.big + 1n); tx.put('/when', new Date(ack.ts)); tx.delete('/gone')
} }";

/// Runs a trial operation in each runtime.
///
/// # Errors
/// [`Problem::Broken`] for the first that does not do it right.
pub fn check(installed: &Installed, sandbox: Sandbox) -> Result<(), Problem> {
    let operation = encode(&Value::object(vec![
        ("op".into(), Value::str("TRY")),
        ("text".into(), Value::str("a\u{1f600}")),
        ("big".into(), Value::BigInt(1 << 60)),
    ]));
    let (origin, metadata) = ("ab".repeat(32), Value::Undefined);
    let ack = AckView { origin: &origin, seq: 7, ts: 1_700_000_000_123.0, metadata: &metadata };
    let question = Question { source: TRIAL, index: &"cd".repeat(32), operation: &operation, ack: &ack };
    let wanted = [
        ("/gone", None),
        ("/sum", Some(Value::BigInt((1 << 60) + 1))),
        ("/text", Some(Value::str("\u{1f600}"))),
        ("/when", Some(Value::Date(1_700_000_000_123.0))),
    ];
    let replies = ask(&Runtimes::new(&installed.dir, sandbox), &question, &Empty).unwrap_or_default();
    for (at, reference) in REFERENCES.iter().enumerate() {
        let broken = |why: String| Problem::Broken(reference.name.to_owned(), why);
        match replies.get(at) {
            Some(Reply::Outcome { outcome: Outcome::Success { changes, .. }, .. }) => {
                let same = |(change, (path, put)): (&Change, &(&str, Option<Value>))| {
                    *change.path == **path && format!("{:?}", change.put) == format!("{put:?}")
                };
                if changes.len() != wanted.len() || !changes.iter().zip(&wanted).all(same) {
                    return Err(broken(format!("it made {changes:?}")));
                }
            }
            Some(Reply::Outcome { outcome, .. }) => return Err(broken(format!("the trial came to {outcome:?}"))),
            Some(Reply::None(why)) => return Err(broken(why.clone())),
            None => return Err(broken("it was not asked".to_owned())),
        }
    }
    Ok(())
}
