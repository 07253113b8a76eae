//! Proofs, made and checked in a process of its own: both run contracts.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use super::child::{Pulse, prepare};
use super::parent::{Limits, Stuck, WorkerError, odd};
use super::report::{Answer, ProofTask, Request};
use super::session::{Ended, Launcher, Session};
use crate::archive::{Database, OpenError, parse_key};
use crate::database::ack::{bytes_from_hex, to_hex};
use crate::proofs::{Lacks, Proof, Rebuttal, Setup, Statement, check, is_input, prove};
use crate::replay::auditor::Auditor;
use crate::replay::reference::References;
use crate::replay::report::Report;

/// Why a file proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// In a sentence.
    pub why: String,
    /// What it lacks.
    pub lacks: Lacks,
}

/// Proves the violations that an audit of `request`'s directory has found, in worker processes, and gives each
/// finding's number and proof, or why there is none.
///
/// # Errors
/// [`WorkerError`]; what was given before stays.
pub fn make_proofs(
    launcher: &Launcher,
    request: Request,
    report: &Report,
    limits: Limits,
    mut made: impl FnMut(usize, Result<Vec<u8>, String>),
) -> Result<(), WorkerError> {
    let participants = report.participants.iter().map(|participant| participant.key.clone()).collect();
    let task = ProofTask::Make { findings: report.findings.clone(), participants };
    let mut request = Request { proofs: Some(task), ..request };
    let mut stuck = Stuck::default();
    let mut done = vec![false; report.findings.len()];
    loop {
        let mut session = Session::start(launcher, &mut request)?;
        loop {
            match session.listen(limits, &mut |_| true)? {
                Ended::Proof(Answer::Made(at, proof)) => {
                    // A worker that was started again begins with the first.
                    if let Some(done) = done.get_mut(at).filter(|done| !**done) {
                        *done = true;
                        made(at, proof.and_then(|hex| bytes_from_hex(&hex).ok_or_else(|| "it was garbled".to_owned())));
                    }
                }
                Ended::Proof(Answer::MadeAll) => return Ok(()),
                Ended::Stuck(seq, why) => {
                    stuck.count(seq, why, &mut request, limits)?;
                    break;
                }
                _ => return Err(odd()),
            }
        }
    }
}

/// Checks a proof of at most `limit` bytes in a worker process.
///
/// # Errors
/// [`WorkerError`].
pub fn check_proof(
    launcher: &Launcher,
    file: &[u8],
    limit: usize,
    limits: Limits,
) -> Result<Result<Statement, Refusal>, WorkerError> {
    let task = ProofTask::Check { file: to_hex(file), limit };
    let mut request = Request { proofs: Some(task), ..Request::new(Path::new("/").to_owned()) };
    let mut stuck = Stuck::default();
    loop {
        match Session::start(launcher, &mut request)?.listen(limits, &mut |_| true)? {
            Ended::Proof(Answer::Checked(statement)) => return Ok(Ok(*statement)),
            Ended::Proof(Answer::Refused(why, lacks)) => return Ok(Err(Refusal { why, lacks })),
            Ended::Stuck(seq, why) => stuck.count(seq, why, &mut request, limits)?,
            _ => return Err(odd()),
        }
    }
}

/// Clears the executor of a proof that rests on the end of a head, by the database in a directory, in a worker process.
/// Gives the rebuttal's bytes.
///
/// # Errors
/// [`WorkerError`].
pub fn make_rebuttal(
    launcher: &Launcher,
    dir: &Path,
    proof: &[u8],
    limit: usize,
    limits: Limits,
) -> Result<Result<Vec<u8>, Refusal>, WorkerError> {
    let task = ProofTask::Rebut { file: to_hex(proof), limit };
    let mut request = Request { proofs: Some(task), ..Request::new(dir.to_owned()) };
    let mut stuck = Stuck::default();
    loop {
        match Session::start(launcher, &mut request)?.listen(limits, &mut |_| true)? {
            Ended::Proof(Answer::Made(_, Ok(hex))) => return Ok(Ok(bytes_from_hex(&hex).ok_or_else(odd)?)),
            Ended::Proof(Answer::Made(_, Err(why))) => return Ok(Err(Refusal { why, lacks: Lacks::Proof })),
            Ended::Proof(Answer::Refused(why, lacks)) => return Ok(Err(Refusal { why, lacks })),
            Ended::Stuck(seq, why) => stuck.count(seq, why, &mut request, limits)?,
            _ => return Err(odd()),
        }
    }
}

/// The child's side. `tell` sends an answer; the last one is returned.
pub(super) fn work(
    request: &Request,
    task: &ProofTask,
    pulse: &Arc<Pulse>,
    asked: Option<Rc<dyn References>>,
    tell: &mut dyn FnMut(Answer),
) -> Answer {
    let watch = |auditor: &mut Auditor<'_>| prepare(auditor, request, pulse, asked.clone());
    let setup = Setup { options: request.options(), watch: &watch };
    match task {
        ProofTask::Make { findings, participants } => {
            let database = match Database::open(&request.dir, request.key.as_deref().and_then(parse_key)) {
                Ok(database) => Rc::new(database),
                Err(error) => return unreadable(&error),
            };
            let participants: Vec<_> = participants.iter().filter_map(|key| parse_key(key)).collect();
            let checked = database.index_core().and_then(|index| index.check_all().map_err(OpenError::from));
            if let Err(error) = checked {
                return unreadable(&error);
            }
            for (at, finding) in findings.iter().enumerate() {
                if finding.class == crate::replay::finding::Class::Violation {
                    let proof = prove(&*database, database.key(), finding, &participants, setup);
                    let proof = proof.map(|proof| to_hex(&proof.encode())).map_err(|error| error.to_string());
                    tell(Answer::Made(at, proof));
                }
            }
            match database.take_error() {
                Some(error) => unreadable(&error.into()),
                None => Answer::MadeAll,
            }
        }
        ProofTask::Rebut { file, limit } => {
            let Some(file) = bytes_from_hex(file) else { return Answer::Failed("the file was garbled".to_owned()) };
            match rebuttal(file, request, *limit, setup) {
                Ok(made) => Answer::Made(0, made.map(|rebuttal| to_hex(&rebuttal.encode()))),
                Err(error) => unreadable(&error),
            }
        }
        ProofTask::Check { file, limit } => {
            let Some(file) = bytes_from_hex(file) else { return Answer::Failed("the file was garbled".to_owned()) };
            match check(&file, *limit, setup) {
                Ok(statement) => Answer::Checked(Box::new(statement)),
                Err(why) => Answer::Refused(why.to_string(), why.lacks()),
            }
        }
    }
}

/// What clears the executor of a proof, by the database in the request's directory; or why nothing does.
fn rebuttal(
    file: Vec<u8>,
    request: &Request,
    limit: usize,
    setup: Setup<'_>,
) -> Result<Result<Rebuttal, String>, OpenError> {
    let first = match Proof::decode(&file, limit) {
        Ok(first) => first,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let database = Database::open(&request.dir, Some(first.database))?;
    let inputs: Vec<_> = database.logs().into_iter().filter(|log| is_input(&database, log)).collect();
    database.check(&inputs)?;
    let made = Rebuttal::by_longer_head(file, &database, &inputs, limit, setup);
    match database.take_error() {
        Some(error) => Err(error.into()),
        None => Ok(made.map_err(|why| why.to_string())),
    }
}

fn unreadable(error: &OpenError) -> Answer {
    if error.is_usage() { Answer::Usage(error.to_string()) } else { Answer::Malformed(error.to_string()) }
}
