//! `vitra-watch compare`: two copies of one database.

use std::io::Write;

use serde_json::json;

use super::args::CompareArgs;
use super::proof::{save, unusable};
use super::{Failure, download, escape, escape_json, exit};
use crate::archive::{Core, Database};
use crate::database::ack::to_hex;
use crate::hyperbee::Blocks as _;
use crate::hypercore::{Key, Nodes as _, Prefix};
use crate::proofs::{by_heads_of, is_input, prove};
use crate::replay::auditor::Options;

/// How two copies of a log stand to each other.
enum Relation {
    Same(u64),
    /// The lengths of both; the shorter one is a prefix of the other.
    Prefix(u64, u64),
    /// Kinds of the findings about signed heads, and proofs of them.
    Contradiction(Vec<(&'static str, String)>),
    /// One has it, with this length.
    OnlyFirst(u64),
    OnlySecond(u64),
    /// They differ, and no signed heads show it.
    Unsigned,
}

pub(super) fn run(args: &CompareArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let (first_dir, first_key) = download::locate(&args.first, &args.download)?;
    let (second_dir, second_key) = download::locate(&args.second, &args.download)?;
    let key = args.key.or(first_key).or(second_key);
    let first = Database::open(&first_dir, key).map_err(unusable)?;
    let second = Database::open(&second_dir, key).map_err(unusable)?;
    if first.key() != second.key() {
        let text = format!("two databases: {} and {}", to_hex(first.key()), to_hex(second.key()));
        return Err(Failure::new(exit::USAGE, text));
    }
    let both = Database::open_all(&[&first_dir, &second_dir], Some(*first.key())).map_err(unusable)?;
    let (mut oplogs, index) = (first.logs(), *first.key());
    oplogs.extend(second.logs());
    oplogs.retain(|log| *log != index && (is_input(&first, log) || is_input(&second, log)));
    let oplogs: Vec<Key> = oplogs.into_iter().collect();
    for database in [&first, &second] {
        database.check(&oplogs).map_err(unusable)?;
    }
    let mut code = exit::VERIFIED;
    for log in std::iter::once(index).chain(oplogs) {
        let relation = relation([&first, &second], &both, &log, args)?;
        let own = match (&relation, log == index) {
            (Relation::Contradiction(_), true) => exit::VIOLATED_BY_HEADS,
            (Relation::Contradiction(_), false) => exit::VIOLATED_BY_PARTICIPANTS,
            (Relation::Unsigned, _) => exit::INCOMPLETE,
            _ => exit::VERIFIED,
        };
        code = exit::gravest(&[code, own]);
        if args.json { print_json(&log, &relation, out)? } else { print(&log, &index, &relation, out)? }
    }
    Ok(code)
}

fn relation(pair: [&Database; 2], both: &Database, log: &Key, args: &CompareArgs) -> Result<Relation, Failure> {
    let findings = by_heads_of(both, both.key(), log);
    if !findings.is_empty() {
        let mut said = Vec::new();
        for finding in &findings {
            let proof = prove(both, both.key(), finding, &[], Options::default());
            let proof = proof.map_err(|why| Failure::new(exit::INTERNAL, why))?;
            said.push((finding.kind.name(), save(&args.out, &proof.encode())?.display().to_string()));
        }
        return Ok(Relation::Contradiction(said));
    }
    let [first, second] = pair.map(|database| copy(database, log));
    Ok(match (first, second) {
        (Some(a), None) => Relation::OnlyFirst(a.length()),
        (None, Some(b)) => Relation::OnlySecond(b.length()),
        (None, None) => Relation::Same(0),
        (Some(a), Some(b)) => {
            let (short, long) = (a.length().min(b.length()), a.length().max(b.length()));
            let roots = |core: &Core| core.roots_at(short);
            let same = roots(a).zip(roots(b)).and_then(|(a, b)| Prefix::of_roots(&a).has_roots(&b));
            match same == Some(true) {
                true if short == long => Relation::Same(long),
                true => Relation::Prefix(a.length(), b.length()),
                false => Relation::Unsigned,
            }
        }
    })
}

/// What a database has of a log.
fn copy<'a>(database: &'a Database, log: &Key) -> Option<&'a Core> {
    let core = if log == database.key() { database.index_core().ok() } else { database.oplog_core(log) };
    core.filter(|core| core.length() > 0)
}

fn print(log: &Key, index: &Key, relation: &Relation, out: &mut dyn Write) -> Result<(), Failure> {
    let role = if log == index { "index" } else { "oplog" };
    let said = match relation {
        Relation::Same(length) => format!("the same, {length} blocks"),
        Relation::Prefix(a, b) if a < b => format!("the first is a prefix of the second: {a} of {b} blocks"),
        Relation::Prefix(a, b) => format!("the second is a prefix of the first: {b} of {a} blocks"),
        Relation::Contradiction(_) => "CONTRADICT EACH OTHER".to_owned(),
        Relation::OnlyFirst(length) => format!("only in the first, {length} blocks"),
        Relation::OnlySecond(length) => format!("only in the second, {length} blocks"),
        Relation::Unsigned => "they differ, but no signed heads show it".to_owned(),
    };
    writeln!(out, "{role} {}: {said}", to_hex(log))?;
    if let Relation::Contradiction(proofs) = relation {
        for (kind, path) in proofs {
            writeln!(out, "  {kind}: {}", escape(path))?;
        }
    }
    Ok(())
}

fn print_json(log: &Key, relation: &Relation, out: &mut dyn Write) -> Result<(), Failure> {
    let (word, first, second) = match relation {
        Relation::Same(length) => ("same", Some(*length), Some(*length)),
        Relation::Prefix(a, b) => ("prefix", Some(*a), Some(*b)),
        Relation::Contradiction(_) => ("contradiction", None, None),
        Relation::OnlyFirst(length) => ("only-first", Some(*length), None),
        Relation::OnlySecond(length) => ("only-second", None, Some(*length)),
        Relation::Unsigned => ("unknown", None, None),
    };
    let proofs: Vec<_> = match relation {
        Relation::Contradiction(proofs) => {
            proofs.iter().map(|(kind, path)| json!({ "kind": kind, "proof": path })).collect()
        }
        _ => Vec::new(),
    };
    let json = json!({
        "schema": "vitra-watch/compare/1", "log": to_hex(log), "relation": word, "first_length": first, "second_length": second, "proofs": proofs,
    });
    Ok(writeln!(out, "{}", escape_json(&json.to_string()))?)
}
