//! `vitra-watch receipt verify`: does what a participant was given still hold?

use std::io::Write;

use serde_json::json;

use super::args::{ReceiptArgs, ReceiptCommand, ReceiptVerifyArgs};
use super::proof::{read, save, unusable};
use super::{Failure, download, escape, escape_json, exit};
use crate::archive::Database;
use crate::database::ack::to_hex;
use crate::hypercore::Key;
use crate::proofs::file::MAX_SIZE;
use crate::proofs::inclusion::Processed;
use crate::proofs::vitra::{self, Receipt, Shown};
use crate::proofs::{Inclusion, by_heads_of, is_input, prove};
use crate::replay::auditor::Options;

pub(super) fn run(args: &ReceiptArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    match &args.command {
        ReceiptCommand::Verify(args) => verify(args, out),
    }
}

/// How a receipt stands to the log.
enum Standing {
    /// The operation is in the log; what became of it.
    Included(Option<Processed>),
    /// The log is shorter here.
    Beyond(u64),
    /// It is no input of the database.
    NoInput,
    /// The owner has published another history since; proofs of that.
    Rewritten(Vec<String>),
}

fn verify(args: &ReceiptVerifyArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let malformed = |error: String| Failure::new(exit::MALFORMED, format!("{}: {error}", args.file.display()));
    let shown = vitra::parse(&read(&args.file, MAX_SIZE)?).map_err(|error| malformed(error.to_string()))?;
    let (named, receipts) = match shown {
        Shown::Transaction { database, receipts } => (Some(database), receipts),
        Shown::Receipt(receipt) => (None, vec![receipt]),
        Shown::Fork(_) | Shown::Rewrite(_) => {
            return Err(Failure::new(exit::USAGE, "that is a proof, no receipt: `vitra-watch proof import` takes it"));
        }
    };
    let (dir, key) = download::locate(&args.target, &args.download)?;
    if key.zip(named).is_some_and(|(key, named)| key != named) {
        return Err(Failure::new(exit::USAGE, "the receipt is for another database"));
    }
    let mut database = Database::open(&dir, key.or(named)).map_err(unusable)?;
    let held = database.logs();
    let oplogs: Vec<Key> =
        receipts.iter().map(|receipt| *receipt.head.key()).filter(|key| held.contains(key)).collect();
    database.check(&oplogs).map_err(unusable)?;
    receipts.iter().for_each(|receipt| database.add_head(receipt.head.clone()));
    let mut code = exit::VERIFIED;
    for receipt in &receipts {
        let standing = standing(&database, receipt, args)?;
        let own = match &standing {
            Standing::Rewritten(_) => exit::VIOLATED_BY_PARTICIPANTS,
            Standing::Included(Some(_)) => exit::VERIFIED,
            Standing::Included(None) | Standing::Beyond(_) | Standing::NoInput => exit::INCOMPLETE,
        };
        code = exit::gravest(&[code, own]);
        if args.json { print_json(receipt, &standing, out)? } else { print(receipt, &standing, out)? }
    }
    Ok(code)
}

fn standing(database: &Database, receipt: &Receipt, args: &ReceiptVerifyArgs) -> Result<Standing, Failure> {
    let (index, log) = (database.key(), receipt.head.key());
    if !is_input(database, log) {
        return Ok(Standing::NoInput);
    }
    let findings = by_heads_of(database, index, log);
    if !findings.is_empty() {
        let mut proofs = Vec::new();
        for finding in &findings {
            let proof = prove(database, index, finding, &[], Options::default());
            let proof = proof.map_err(|why| Failure::new(exit::INTERNAL, why))?;
            proofs.push(save(&args.out, &proof.encode())?.display().to_string());
        }
        return Ok(Standing::Rewritten(proofs));
    }
    let inclusion = Inclusion::prove(database, index, log, receipt.seq).ok().and_then(|proof| proof.verify().ok());
    if let Some(error) = database.take_error() {
        return Err(Failure::new(exit::MALFORMED, error));
    }
    let here = database.oplog_core(log).map_or(0, crate::hyperbee::Blocks::length);
    Ok(match inclusion {
        Some(included) => Standing::Included(included.result),
        None => Standing::Beyond(here),
    })
}

/// Whether the result that the receipt names is the published one.
fn agrees(receipt: &Receipt, result: &Processed) -> bool {
    receipt
        .result
        .as_ref()
        .is_none_or(|said| said.success == result.success && said.ts.is_none_or(|ts| ts.total_cmp(&result.ts).is_eq()))
}

fn print(receipt: &Receipt, standing: &Standing, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "operation {} of {}", receipt.seq, to_hex(receipt.head.key()))?;
    match standing {
        Standing::Included(result) => {
            writeln!(out, "  in the log, as the receipt says")?;
            match result {
                None => writeln!(out, "  NOT PROCESSED yet")?,
                Some(result) => {
                    let block = result.seq;
                    writeln!(
                        out,
                        "  processed: {}, with the ack at block {block} of the index",
                        escape(&result.outcome())
                    )?;
                    for change in &result.changes {
                        writeln!(out, "  change: {}", super::proof::change(change))?;
                    }
                    if !agrees(receipt, result) {
                        writeln!(out, "  the receipt says otherwise; what it says of the result nobody signed")?;
                    }
                }
            }
        }
        Standing::Beyond(length) => writeln!(out, "  NOT HERE: this copy of the log has {length} blocks")?,
        Standing::NoInput => writeln!(out, "  NOT HERE: the database knows no such log")?,
        Standing::Rewritten(proofs) => {
            writeln!(out, "  REWRITTEN: the owner of the log has signed another history")?;
            for proof in proofs {
                writeln!(out, "  proof: {}", escape(proof))?;
            }
        }
    }
    Ok(())
}

fn print_json(receipt: &Receipt, standing: &Standing, out: &mut dyn Write) -> Result<(), Failure> {
    let log = to_hex(receipt.head.key());
    let said = |standing: &str| json!({ "schema": "vitra-watch/receipt/1", "log": log, "seq": receipt.seq, "standing": standing });
    let mut json = match standing {
        Standing::Included(Some(_)) => said("processed"),
        Standing::Included(None) => said("unprocessed"),
        Standing::Beyond(_) | Standing::NoInput => said("not-here"),
        Standing::Rewritten(_) => said("rewritten"),
    };
    if let Some(object) = json.as_object_mut() {
        match standing {
            Standing::Included(Some(result)) => {
                object.insert("result".to_owned(), json!(result));
                object.insert("agrees".to_owned(), agrees(receipt, result).into());
            }
            Standing::Beyond(length) => drop(object.insert("length".to_owned(), (*length).into())),
            Standing::Rewritten(proofs) => drop(object.insert("proofs".to_owned(), json!(proofs))),
            Standing::Included(None) | Standing::NoInput => {}
        }
    }
    Ok(writeln!(out, "{}", escape_json(&json.to_string()))?)
}
