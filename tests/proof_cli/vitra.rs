//! Receipts and proofs in Vitra's own JSON.

use vitra_watch::archive::ArchiveReader;
use vitra_watch::database::ack::to_hex;
use vitra_watch::hypercore::SignedHead;

use super::*;
use crate::node::{Node, Project, successful};

/// What the owners of a lab's oplogs signed, as Vitra writes it: all heads of each, by length.
fn receipts(dir: &Path) -> Vec<Json> {
    let reader = ArchiveReader::open(dir).unwrap();
    let index = run(&["audit", "--json", path(dir)]);
    let index: Json = serde_json::from_slice(&index.stdout).unwrap();
    let oplogs = reader.cores().iter().filter(|core| index["database"] != to_hex(core.key()));
    let mut heads: Vec<_> = oplogs.flat_map(|core| core.heads()).collect();
    heads.sort_by_key(|head| (*head.key(), head.length()));
    let receipt = |head: &&SignedHead| {
        json!({
            "vitraBlockInclusionProof": 1,
            "logPubkey": to_hex(head.key()),
            "blockSeq": head.length() - 1,
            "rootHashAtBlock": to_hex(head.tree_hash()),
            "rootHashSignature": to_hex(head.signature()),
        })
    };
    heads.iter().map(receipt).collect()
}

/// The longest receipt of a log.
fn longest<'a>(receipts: &'a [Json], log: &Json) -> &'a Json {
    receipts.iter().rfind(|receipt| receipt["logPubkey"] == *log).unwrap()
}

fn transaction(dir: &Path, receipts: &[Json]) -> Json {
    let report: Json = serde_json::from_slice(&run(&["audit", "--json", path(dir)]).stdout).unwrap();
    let operations: Vec<Json> = receipts.iter().map(|proof| json!({ "proof": proof })).collect();
    json!({
        "vitraTransaction": 1, "databasePubkey": report["database"], "isProcessed": false,
        "call": { "method": "set", "params": {} }, "operations": operations,
    })
}

/// Protects whoever has a receipt: what it says is found again, with its result, and a log that was rewritten is proven to be.
#[test]
fn receipts_hold_or_convict() {
    let temp = tempfile::tempdir().unwrap();
    let kv: &[&str] = &["--contract", "kv", "--participants", "2"];
    let (ours, theirs) = (lab(&temp, "kv", kv), lab(&temp, "other", &["--contract", "counter", "--participants", "2"]));
    let out = temp.path().join("out");
    let verify_receipt = |file: &Path, json: bool| {
        let json: &[&str] = if json { &["--json"] } else { &[] };
        run(&[&["receipt", "verify", path(file), path(&ours), "--out", path(&out)], json].concat())
    };
    let held = receipts(&ours);
    let good = write(&temp, "good.json", &transaction(&ours, &[held[0].clone(), held[1].clone()]));
    let output = verify_receipt(&good, true);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    for line in lines(&output) {
        assert_eq!((&line["standing"], &line["agrees"]), (&json!("processed"), &json!(true)), "{line}");
        assert!(line["result"]["seq"].as_u64().unwrap() > 0);
    }
    assert!(text(&verify_receipt(&good, false)).contains("in the log, as the receipt says"));

    // Of an operation that is not here yet: both participants have written more elsewhere.
    let more = receipts(&extended(&ours, "more", &[("0", "x"), ("1", "y")]));
    let logs = [&held[0]["logPubkey"], &held[held.len() - 1]["logPubkey"]];
    assert_ne!(logs[0], logs[1]);
    for log in logs {
        let receipt = longest(&more, log);
        assert!(receipt["blockSeq"].as_u64() > longest(&held, log)["blockSeq"].as_u64());
        let output = verify_receipt(&write(&temp, "beyond.json", receipt), true);
        assert_eq!(
            (output.status.code(), &lines(&output)[0]["standing"]),
            (Some(21), &json!("not-here")),
            "{output:?}"
        );
    }

    // Somebody changed it.
    let mut forged = held[1].clone();
    forged["blockSeq"] = json!(forged["blockSeq"].as_u64().unwrap() + 2);
    assert_eq!(verify_receipt(&write(&temp, "forged.json", &forged), true).status.code(), Some(65));

    // The owner has signed another history.
    let seq = |receipt: &Json| receipt["blockSeq"].as_u64();
    let contradicts = |receipt: &Json| seq(receipt) <= seq(longest(&held, &receipt["logPubkey"]));
    let other = receipts(&theirs).into_iter().find(contradicts).unwrap();
    let rewritten = write(&temp, "rewritten.json", &other);
    let output = verify_receipt(&rewritten, true);
    assert_eq!(output.status.code(), Some(12), "{output:?}");
    let line = lines(&output).remove(0);
    assert_eq!(line["standing"], "rewritten");
    let proof = PathBuf::from(line["proofs"][0].as_str().unwrap());
    let (code, said) = verify(&proof);
    assert_eq!((code, &said["finding"]["kind"]), (0, &json!("equivocation")), "{said}");
    assert_eq!(said["finding"]["accused"]["role"], "participant");

    // One that is not here yet does not hide one that was rewritten, whatever their order.
    let absent = longest(&more, logs.into_iter().find(|log| **log != other["logPubkey"]).unwrap()).clone();
    for both in [[other.clone(), absent.clone()], [absent, other]] {
        let output = verify_receipt(&write(&temp, "both.json", &transaction(&ours, &both)), true);
        assert_eq!(output.status.code(), Some(12), "{output:?}");
        let mut standings: Vec<Json> = lines(&output).iter().map(|line| line["standing"].clone()).collect();
        standings.sort_by_key(Json::to_string);
        assert_eq!(standings, ["not-here", "rewritten"]);
    }

    // Imported, it stays: audits know it from now on.
    assert_eq!(run(&["audit", path(&ours)]).status.code(), Some(0));
    let imported = run(&["proof", "import", path(&rewritten), path(&ours), "--out", path(&out)]);
    assert_eq!(imported.status.code(), Some(12), "{imported:?}");
    assert_eq!(run(&["audit", path(&ours)]).status.code(), Some(12));
}

/// Protects the way to Vitra's own format and back: a truncation can be said there, and is believed again from there.
#[test]
fn truncations_go_through_vitras_json() {
    let temp = tempfile::tempdir().unwrap();
    for lie in ["truncation/index", "truncation/oplog"] {
        let name = lie.replace('/', "-");
        let dir = lab(&temp, &name, &["--contract", "kv", "--lie", lie]);
        let honest = lab(&temp, &format!("{name}-honest"), &["--contract", "kv"]);
        let out = temp.path().join(format!("{name}-proofs"));
        run(&["audit", path(&dir), "--proofs", path(&out)]);
        let truncation = |file: &PathBuf| verify(file).1["finding"]["kind"] == "truncation";
        let file = proofs(&out).into_iter().find(truncation).unwrap();
        let exported = run(&["proof", "export", "--vitra", path(&file)]);
        assert_eq!(exported.status.code(), Some(0), "{exported:?}");
        let json = lines(&exported).remove(0);
        assert_eq!(json["vitraLogForkFraudProof"], 1);
        let json = write(&temp, &format!("{name}.json"), &json);
        let imported = run(&["proof", "import", path(&json), path(&honest), "--out", path(&out)]);
        let expected = if lie == "truncation/index" { 11 } else { 12 };
        assert_eq!(imported.status.code(), Some(expected), "{imported:?}");
        assert!(text(&imported).contains("truncation"));
        assert_eq!(run(&["audit", path(&honest)]).status.code(), Some(expected));
    }
    // What Vitra's format cannot say is not said.
    let dir = lab(&temp, "lie", &["--contract", "kv", "--lie", "wrong-change/value@6"]);
    let out = temp.path().join("lie-proofs");
    run(&["audit", path(&dir), "--proofs", path(&out)]);
    assert_eq!(run(&["proof", "export", "--vitra", path(&proofs(&out)[0])]).status.code(), Some(1));
}

/// Two receipts of one block, as Vitra signed them with the Hypercore of its time: the owner published one history and then another.
fn contradicting() -> (String, [Json; 2]) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hypercore/receipt.json");
    let data: Json = serde_json::from_slice(&std::fs::read(data).unwrap()).unwrap();
    let receipt = |hash: &str, signature: &str| {
        json!({
            "vitraBlockInclusionProof": 1,
            "logPubkey": data["key"],
            "blockSeq": data["length"].as_u64().unwrap() - 1,
            "rootHashAtBlock": data[hash],
            "rootHashSignature": data[signature],
        })
    };
    (data["key"].as_str().unwrap().to_owned(), [receipt("treeHash", "sig"), receipt("honestHash", "honestSig")])
}

/// Protects whoever has nothing but a file of Vitra's: what its owner signed is said, contradictions in it are proven where the log
/// is the index, and where that cannot be known it is said what is missing.
#[test]
fn a_file_of_vitras_is_judged_alone() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("out");
    let import = |file: &Path, more: &[&str]| {
        let output = run(&[&["proof", "import", path(file), "--out", path(&out)], more].concat());
        (output.status.code().unwrap(), text(&output))
    };
    let (log, [given, violating]) = contradicting();
    let (code, said) = import(&write(&temp, "receipt.json", &given), &[]);
    assert_eq!(code, 0, "{said}");
    let hash = given["rootHashAtBlock"].as_str().unwrap();
    assert!(said.contains(&format!("log {log}: its owner signed length 6, fork 0, tree hash {hash}")), "{said}");

    let rewrite = json!({
        "vitraBlockInclusionFraudProof": 1,
        "description": "Checksums do not match",
        "givenInclusionProof": given,
        "violatingInclusionProof": violating,
    });
    let file = write(&temp, "rewrite.json", &rewrite);
    for more in [&[][..], &["--key", &"5".repeat(64)]] {
        let (code, said) = import(&file, more);
        assert_eq!(code, 21, "{said}");
        assert!(said.contains("equivocation; for a proof name the directory of its database"), "{said}");
        assert!(!out.exists());
    }
    let (code, said) = import(&file, &["--key", &log]);
    assert_eq!(code, 11, "{said}");
    let proof = proofs(&out).remove(0);
    let (code, said) = verify(&proof);
    assert_eq!((code, &said["finding"]["kind"], &said["finding"]["log"]), (0, &json!("equivocation"), &json!(log)));
    // And back.
    let exported = run(&["proof", "export", "--vitra", path(&proof)]);
    let mut exported = lines(&exported).remove(0);
    let mut receipts = ["givenInclusionProof", "violatingInclusionProof"].map(|name| exported[name].take());
    let order = |receipt: &Json| receipt["rootHashAtBlock"].to_string();
    receipts.sort_by_key(order);
    let mut expected = [given.clone(), violating.clone()];
    expected.sort_by_key(order);
    assert_eq!(receipts, expected);

    // Nothing is believed that is not signed.
    let mut forged = rewrite;
    forged["violatingInclusionProof"]["rootHashAtBlock"] = json!("00".repeat(32));
    assert_eq!(import(&write(&temp, "forged.json", &forged), &["--key", &log]).0, 65);
}

/// Protects the same for a log that was cut: one head shows it.
#[test]
fn a_truncation_of_vitras_is_judged_alone() {
    let temp = tempfile::tempdir().unwrap();
    let dir = lab(&temp, "lab", &["--contract", "kv", "--lie", "truncation/index"]);
    let [first, second] = ["first", "second"].map(|name| temp.path().join(name));
    run(&["audit", path(&dir), "--proofs", path(&first)]);
    let truncation = proofs(&first).into_iter().find(|file| verify(file).1["finding"]["kind"] == "truncation").unwrap();
    let exported = run(&["proof", "export", "--vitra", path(&truncation)]);
    let json = lines(&exported).remove(0);
    let file = write(&temp, "truncation.json", &json);
    let log = json["logPubkey"].as_str().unwrap();
    assert_eq!(run(&["proof", "import", path(&file), "--out", path(&second)]).status.code(), Some(21));
    let imported = run(&["proof", "import", path(&file), "--key", log, "--out", path(&second)]);
    assert_eq!(imported.status.code(), Some(11), "{imported:?}");
    let again = std::fs::read(&proofs(&second)[0]).unwrap();
    assert_eq!(again, std::fs::read(truncation).unwrap(), "one proof has one file");
}

static VITRA: Project = Project::new("vitra");

/// What the storage under Vitra says; `None` where there is no Node.
fn vitra(args: &[&str]) -> Option<Json> {
    let output = VITRA.run(Node::Todays, "receipt.js", args)?;
    Some(serde_json::from_str(&successful(&output)).unwrap())
}

/// Protects the participants of Vitra's own databases: what the Hypercore under Vitra signs for them, in a directory that Vitra wrote, is
/// read, and what we export is read by it.
#[test]
fn the_receipts_of_vitra_are_read() {
    let case = unpack("a", "h-pending-tail");
    let temp = tempfile::tempdir().unwrap();
    let ours = temp.path().join("ours");
    // Opening it, Corestore writes.
    let [rewritten, cut, signer] = ["rewritten", "cut", "signer"].map(|name| temp.path().join(name));
    for dir in [&ours, &rewritten, &cut, &signer] {
        copy_all(&case.dir.join("db"), dir);
    }
    let (log, oplog) = case.manifest["oplogs"].as_object().unwrap().iter().next().unwrap();
    let length = oplog["length"].as_u64().unwrap();
    let receipt = |dir: &Path, seq: u64| vitra(&["receipt", path(dir), log, &seq.to_string()]);
    let Some(first) = receipt(&signer, 0) else { return };
    let out = temp.path().join("out");
    let judge = |command: &[&str], file: &Path, more: &[&str]| {
        let output = run(&[command, &[path(file), "--out", path(&out)], more].concat());
        (output.status.code().unwrap(), text(&output))
    };
    let verify_receipt = |receipts: &[Json]| {
        let transaction = write(&temp, "transaction.json", &transaction(&ours, receipts));
        judge(&["receipt", "verify", "--json"], &transaction, &[path(&ours)])
    };

    // Executed, and not executed yet.
    let report: Json = serde_json::from_slice(&run(&["audit", "--json", path(&ours)]).stdout).unwrap();
    let acked = report["participants"][0]["acked"].as_u64().unwrap();
    assert!(acked > 0 && acked < length);
    for seq in 0..length {
        let (code, said) = verify_receipt(&[receipt(&signer, seq).unwrap()]);
        let standing = if seq < acked { "processed" } else { "unprocessed" };
        assert!(said.contains(&format!("\"standing\":\"{standing}\"")), "{said}");
        assert_eq!(code, if seq < acked { 0 } else { 21 }, "{said}");
    }
    let (code, said) = judge(&["proof", "import"], &write(&temp, "first.json", &first), &[]);
    assert!(code == 0 && said.contains(&format!("log {log}: its owner signed length 1, fork 0")), "{said}");

    // The owner publishes another history, with the fork counter as it was.
    vitra(&["rewrite", path(&rewritten), log, "2", "0"]).unwrap();
    let [given, violating] = [&signer, &rewritten].map(|dir| receipt(dir, length - 1).unwrap());
    assert_ne!(given["rootHashAtBlock"], violating["rootHashAtBlock"]);
    let (code, said) = verify_receipt(std::slice::from_ref(&violating));
    assert!(code == 12 && said.contains("\"standing\":\"rewritten\""), "{said}");
    let rewrite = json!({
        "vitraBlockInclusionFraudProof": 1, "description": "Checksums do not match",
        "givenInclusionProof": given, "violatingInclusionProof": violating,
    });
    let file = write(&temp, "rewrite.json", &rewrite);
    assert_eq!(judge(&["proof", "import"], &file, &[]).0, 21, "whose log it is stands in the index");
    assert_eq!(judge(&["proof", "import"], &file, &[path(&ours)]).0, 12);

    // And back: Vitra's code finds both receipts signed, and tells which of them its log contradicts.
    for proof in proofs(&out) {
        let (code, said) = verify(&proof);
        assert_eq!((code, &said["finding"]["kind"]), (0, &json!("equivocation")));
        let output = run(&["proof", "export", "--vitra", path(&proof)]);
        let json = lines(&output).remove(0);
        let check = |name: &str| vitra(&["check", path(&signer), &json[name].to_string()]).unwrap();
        let mut found = ["givenInclusionProof", "violatingInclusionProof"].map(check);
        found.sort_by_key(Json::to_string);
        assert_eq!(found, ["held", "rewritten"]);
    }

    // The owner cuts the log openly: that is signed.
    vitra(&["rewrite", path(&cut), log, "2", "1"]).unwrap();
    let fork = vitra(&["fork", path(&cut), log]).unwrap();
    let file = write(&temp, "fork.json", &fork);
    assert_eq!(judge(&["proof", "import"], &file, &[]).0, 21);
    let (code, said) = judge(&["proof", "import"], &file, &[path(&ours)]);
    assert!(code == 12 && said.contains("truncation: "), "{said}");
    let proof = proofs(&out).into_iter().find(|proof| verify(proof).1["finding"]["kind"] == "truncation").unwrap();
    let output = run(&["proof", "export", "--vitra", path(&proof)]);
    assert_eq!(lines(&output), [fork]);
}
