//! The contract engine against real ones: the runtime of Vitra's time (V8 8.6), and a newer V8.
//!
//! The answers of the real engines are kept in `tests/differential/expected`; `tests/oracle.rs` makes them again. A program
//! on which our engine does not give the answer of V8 8.6 must raise a taint, or stand in the list of
//! `docs/engine-differences.txt` with the reason. Where two versions of V8 differ, our engine must raise a taint too: it
//! cannot know which one an executor ran.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use vitra_watch::replay::engine::{Budget, Surroundings, locale, on_big_stack};

#[path = "differential/harness.rs"]
mod harness;

use harness::{AROUND, Program, agree, normal, run};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential")
}

/// Reads the programs of one file; the format is in `tests/differential/programs/README.md`.
fn programs_of(file: &Path, body: bool) -> Vec<Program> {
    let stem = file.file_stem().unwrap().to_str().unwrap();
    let mut programs: Vec<Program> = Vec::new();
    let mut heading = false;
    for line in std::fs::read_to_string(file).unwrap().lines() {
        if let Some(name) = line.strip_prefix("// name: ") {
            programs.push(Program { name: format!("{stem}/{}", name.trim()), ..Program::default() });
            heading = true;
            continue;
        }
        let Some(program) = programs.last_mut() else { continue };
        let directive = line.strip_prefix("// ").and_then(|line| line.split_once(": "));
        match directive.filter(|_| heading) {
            Some(("op", text)) => program.op = Some(serde_json::from_str(text).unwrap()),
            Some(("op-hex", text)) => program.op_hex = Some(text.trim().to_owned()),
            Some(("ack", text)) => program.ack = serde_json::from_str(text).unwrap(),
            Some(("state", text)) => program.state = serde_json::from_str(text).unwrap(),
            Some(("taints", _)) => program.taints = true,
            Some(("runtime-only", _)) => {}
            _ => {
                heading = false;
                program.source.push_str(line);
                program.source.push('\n');
            }
        }
    }
    for program in &mut programs {
        program.source = program.source.trim().to_owned();
        if body {
            program.source = format!(
                "export const apply = {{ async RUN (tx, op, ack) {{ tx.put('/out', await (async () => {{\n{}\n}})()) }} }}",
                program.source
            );
        }
    }
    programs
}

fn programs() -> Vec<Program> {
    let mut all = Vec::new();
    for (dir, body) in [("bodies", true), ("contracts", false)] {
        let Ok(entries) = folder().join("programs").join(dir).read_dir() else { continue };
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        all.extend(files.iter().flat_map(|file| programs_of(file, body)));
    }
    let probe = folder().join("programs/probe");
    let source = std::fs::read_to_string(probe.join("contract.js")).unwrap();
    let ops: Vec<Json> = serde_json::from_slice(&std::fs::read(probe.join("ops.json")).unwrap()).unwrap();
    for case in ops {
        all.push(Program {
            name: format!("probe/{}", case["name"].as_str().unwrap()),
            source: source.clone(),
            op: case.get("op").cloned(),
            op_hex: case.get("opHex").and_then(Json::as_str).map(str::to_owned),
            state: case.get("state").cloned().unwrap_or_default(),
            taints: case.get("taints").is_some(),
            ..Program::default()
        });
    }
    all
}

fn expected(file: &str) -> BTreeMap<String, Json> {
    let text = std::fs::read_to_string(folder().join("expected").join(file)).unwrap();
    // Some answers are nested 500 deep and more.
    let lines = text.lines().map(|line| {
        let mut reader = serde_json::Deserializer::from_str(line);
        reader.disable_recursion_limit();
        <Json as serde::Deserialize>::deserialize(&mut reader).unwrap()
    });
    lines.map(|line| (line["name"].as_str().unwrap().to_owned(), line)).collect()
}

/// Names and reasons of the differences that are neither made equal nor tainted.
fn listed() -> BTreeMap<String, String> {
    let text = include_str!("../docs/engine-differences.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|line| line.split_once(": ").unwrap()).map(|(name, why)| (name.to_owned(), why.to_owned())).collect()
}

#[test]
fn every_difference_is_equal_tainted_or_listed() {
    let (old, newer, listed) = (expected("v8-8.6.jsonl"), expected("node20.jsonl"), listed());
    let programs = programs();
    let report = on_big_stack(&Budget::default(), || {
        let mut wrong = Vec::new();
        let mut unused: Vec<&String> = listed.keys().collect();
        let (mut equal, mut tainted, mut known) = (0, 0, 0);
        for program in &programs {
            let Some(theirs) = old.get(&program.name) else {
                // Answers that vary from run to run are not kept; we must say that they do.
                if program.taints && run(program, AROUND).tainted {
                    tainted += 1;
                } else {
                    wrong.push(format!("{}: no recorded answer and no taint", program.name));
                }
                continue;
            };
            let ours = run(program, AROUND);
            let same = agree(&ours.json, theirs);
            let stable = newer.get(&program.name).is_none_or(|newer| {
                newer["ok"] == theirs["ok"] && normal(&newer["changes"]) == normal(&theirs["changes"])
            });
            // A reader instead of a writer, another locale: runs that the audit makes before it accuses anybody.
            let varies = || {
                let others = (1..locale::COUNT).map(|locale| Surroundings { locale, ..AROUND });
                let reader = Surroundings { writer: false, ..AROUND };
                others.chain([reader]).any(|around| run(program, around).json != ours.json)
            };
            if same && stable {
                equal += 1;
            } else if ours.tainted || varies() {
                tainted += 1;
            } else if listed.contains_key(&program.name) {
                known += 1;
                unused.retain(|name| *name != &program.name);
            } else {
                wrong.push(format!(
                    "{} (same {same}, stable {stable})\n  ours   {}\n  theirs {theirs}",
                    program.name, ours.json
                ));
            }
        }
        wrong.extend(unused.iter().map(|name| format!("{name}: listed as a difference, but there is none")));
        (wrong, equal, tainted, known)
    });
    let (wrong, equal, tainted, known) = report.unwrap();
    println!("{} programs: {equal} equal, {tainted} tainted, {known} listed", programs.len());
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), programs.len(), wrong.join("\n"));
    assert!(equal > tainted, "most programs should need no taint");
}
