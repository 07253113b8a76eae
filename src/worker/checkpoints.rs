//! Where a live audit begins, and where another one could go on.

use std::rc::Rc;

use super::report::{Begun, Request};
use crate::archive::{Database, OpenError, parse_key};
use crate::replay::auditor::{Auditor, Checkpoint, Refused};

/// A long audit looks for a checkpoint on its way, too, after so many transactions: at its end there may be none.
const MIDWAY: u64 = 10_000;

/// Opens the directory, and begins at the request's checkpoint, or at the genesis; there for the reason that is given.
pub(super) fn begin(
    request: &Request,
    anew: Option<Begun>,
) -> Result<(Rc<Database>, Auditor<'static>, Begun), OpenError> {
    let open = || Database::open(&request.dir, request.key.as_deref().and_then(parse_key));
    let mut begun = anew.unwrap_or(Begun::Genesis);
    if let (Begun::Genesis, Some(checkpoint)) = (&begun, &request.checkpoint) {
        match resume(open()?, request, checkpoint)? {
            Ok((database, auditor)) => {
                let position = auditor.position();
                return Ok((database, auditor, Begun::Checkpoint(position)));
            }
            Err(why) => begun = Begun::Anew(why.to_string()),
        }
    }
    let database = Rc::new(open()?);
    database.index_core()?.check_all()?;
    let key = *database.key();
    let auditor = Auditor::live(Rc::<Database>::clone(&database), &key, request.options());
    Ok((database, auditor, begun))
}

type Resumed = Result<(Rc<Database>, Auditor<'static>), Refused>;

fn resume(mut database: Database, request: &Request, checkpoint: &Checkpoint) -> Result<Resumed, OpenError> {
    let (key, options) = (*database.key(), request.options());
    // What was authenticated before need not be again, but for what is read of it.
    match checkpoint.lengths(&key, &options) {
        Ok((index, oplogs)) => database.spare(index, &oplogs),
        Err(why) => return Ok(Err(why)),
    }
    database.index_core()?.check_all()?;
    let database = Rc::new(database);
    let auditor = Auditor::resume(Rc::<Database>::clone(&database), &key, options, checkpoint);
    Ok(auditor.map(|auditor| (database, auditor)))
}

/// The checkpoints of a live audit, as often as they are asked for.
pub(super) struct Checkpoints {
    every: Option<u64>,
    /// Transactions judged when the newest was made, and when one was last looked for.
    made: u64,
    tried: u64,
    newest: Option<Checkpoint>,
}

impl Checkpoints {
    pub fn new(every: Option<u64>, auditor: &Auditor<'_>) -> Self {
        Self { every, made: auditor.transactions, tried: auditor.transactions, newest: None }
    }

    /// A transaction was judged.
    pub fn pass(&mut self, auditor: &Auditor<'_>) {
        if self.every.is_some_and(|every| self.is_over(self.tried, every.max(MIDWAY), auditor)) {
            self.make(auditor);
        }
    }

    /// The newest, if it was not given before.
    pub fn newest(&mut self, auditor: &Auditor<'_>) -> Option<Checkpoint> {
        if self.every.is_some_and(|every| self.is_over(self.made, every.max(1), auditor)) {
            self.make(auditor);
        }
        self.newest.take()
    }

    fn is_over(&self, since: u64, every: u64, auditor: &Auditor<'_>) -> bool {
        auditor.transactions.saturating_sub(since) >= every
    }

    fn make(&mut self, auditor: &Auditor<'_>) {
        self.tried = auditor.transactions;
        if let Some(checkpoint) = auditor.checkpoint() {
            self.made = auditor.transactions;
            self.newest = Some(checkpoint);
        }
    }
}
