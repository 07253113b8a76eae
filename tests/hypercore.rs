//! `hypercore/` against vectors that real JavaScript cores wrote (eleven versions, all four signature schemes), and
//! against every small change of them.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use vitra_watch::hypercore::{
    ConsistencyProof, Equivocation, Hash, HeadClaim, InclusionProof, Key, Manifest, MerkleTree, MultiProof, Node,
    Nodes, Opening, Prefix, PrefixEvidence, ProofError, Roots, Scheme, SignedHead, conflict, discovery_key, encoding,
    flat, hash, head, leaf,
};

type Check = Result<(), String>;

fn load(name: &str) -> Value {
    let text = std::fs::read_to_string(format!("{}/tests/data/hypercore/{name}", env!("CARGO_MANIFEST_DIR")));
    serde_json::from_str(&text.unwrap()).unwrap()
}

fn bytes(value: &Value) -> Result<Vec<u8>, String> {
    let text = value.as_str().ok_or("no string")?;
    if !text.len().is_multiple_of(2) || text.bytes().any(|c| c.is_ascii_uppercase()) {
        return Err("odd hex".into());
    }
    let digits =
        (0..text.len()).step_by(2).map(|i| text.get(i..i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()));
    digits.collect::<Option<_>>().ok_or("not hex".into())
}

fn array(value: &Value) -> Result<[u8; 32], String> {
    bytes(value)?.try_into().map_err(|_| "not 32 bytes".into())
}

fn number(value: &Value) -> Result<u64, String> {
    value.as_u64().ok_or("no number".into())
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or("no list".into())
}

fn same<T: PartialEq + std::fmt::Debug>(a: T, b: T) -> Check {
    if a == b { Ok(()) } else { Err(format!("{a:?} is not {b:?}")) }
}

/// Nodes, whose indexes must be the given ones.
fn nodes(value: &Value, indexes: &[u64]) -> Result<Vec<Node>, String> {
    let values = list(value)?;
    same(values.iter().map(|node| number(&node["index"])).collect::<Result<Vec<_>, _>>()?, indexes.to_vec())?;
    values.iter().map(|node| Ok(Node { size: number(&node["size"])?, hash: array(&node["hash"])? })).collect()
}

/// A head of the vectors; `owner` has `key` and `manifest`.
fn signed_head(owner: &Value, value: &Value) -> Result<SignedHead, String> {
    let key = array(&owner["key"])?;
    let manifest = match &owner["manifest"] {
        Value::Null => None,
        text => {
            let manifest = Manifest::decode(&bytes(text)?).map_err(|e| e.to_string())?;
            manifest.bind(&key).map_err(|e| e.to_string())?
        }
    };
    let length = number(&value["length"])?;
    let indexes: Vec<u64> = flat::roots(length).map(|at| at.index()).collect();
    let roots = nodes(&value["roots"], &indexes)?;
    let built = Roots::from_nodes(length, &roots).map_err(|e| e.to_string())?;
    same(built.byte_length(), number(&value["byteLength"])?)?;
    same(built.tree_hash(), array(&value["treeHash"])?)?;
    let mut claim = HeadClaim {
        key,
        manifest,
        fork: number(&value["fork"])?,
        length,
        tree_hash: array(&value["treeHash"])?,
        signature: bytes(&value["signature"])?,
        roots: Vec::new(),
    };
    if claim.needs_roots() {
        claim.roots = roots;
    }
    same(HeadClaim::decode(&claim.encode()).map_err(|e| e.to_string())?, claim.clone())?;
    claim.verify().map_err(|e| e.to_string())
}

fn check_core(case: &Value) -> Check {
    same(discovery_key(&array(&case["key"])?), array(&case["discoveryKey"])?)?;
    signed_head(case, &case["head"]).map(drop)
}

fn check_inclusion(proof: &Value, head: &SignedHead) -> Check {
    let (block, prefix) = (number(&proof["index"])?, number(&proof["prefix"])?);
    let [uncles, roots, extension] = InclusionProof::layout(block, prefix, head.length()).ok_or("out of range")?;
    same(bytes(&proof["signature"])?, head.signature().to_vec())?;
    let value = bytes(&proof["value"])?;
    let inclusion = InclusionProof {
        uncles: nodes(&proof["blockNodes"], &uncles)?,
        roots: nodes(&proof["upgradeNodes"], &roots)?,
        extension: nodes(&proof["additionalNodes"], &extension)?,
    };
    inclusion.verify(block, &value, prefix, head).map(drop).map_err(|e| e.to_string())
}

fn extension_of(up: &Value, from: u64, to: u64) -> Result<Vec<Node>, String> {
    same((number(&up["start"])?, number(&up["length"])?), (from, to.checked_sub(from).ok_or("shrinks")?))?;
    nodes(&up["additionalNodes"], &[])?;
    nodes(&up["nodes"], &ConsistencyProof::layout(from, to).1)
}

fn check_consistency(step: &Value, head: &SignedHead) -> Check {
    let (n, m) = (number(&step["n"])?, number(&step["m"])?);
    same(m, head.length())?;
    let roots = nodes(&step["rootsN"], &ConsistencyProof::layout(n, m).0)?;
    let proof = ConsistencyProof { roots, extension: extension_of(&step["up"], n, m)? };
    proof.verify(n, head).map(drop).map_err(|e| e.to_string())
}

fn roots_of(head: &Value) -> Result<Vec<Node>, String> {
    let indexes: Vec<u64> = flat::roots(number(&head["length"])?).map(|at| at.index()).collect();
    nodes(&head["roots"], &indexes)
}

fn equivocation(case: &Value, roots: &Value) -> Result<Equivocation, String> {
    let (a, b) = (signed_head(case, &case["a"])?, signed_head(case, &case["b"])?);
    same((a.length(), b.length()), (number(&case["la"])?, number(&case["lb"])?))?;
    let n = a.length();
    let prefix = ConsistencyProof {
        roots: nodes(roots, &ConsistencyProof::layout(n, b.length()).0)?,
        extension: match &case["bUp"] {
            Value::Null => Vec::new(),
            up => extension_of(up, n, b.length())?,
        },
    };
    if a.length() == b.length() {
        prefix.verify(n, &b).map_err(|e| e.to_string())?;
        Ok(Equivocation::equally_long(a, b))
    } else {
        let evidence = [PrefixEvidence::Roots(roots_of(&case["a"])?), PrefixEvidence::Prefix(prefix)];
        Ok(Equivocation { shorter: a, longer: b, length: n, evidence })
    }
}

fn check_equivocation(case: &Value) -> Check {
    let guilty = equivocation(case, &case["bRootsAtA"])?.verify().map_err(|e| e.to_string())?;
    same(guilty.len(), 1)?;
    // The honest roots are those of a itself.
    let n = number(&case["la"])?;
    let honest = nodes(&case["honest"]["rootsAtA"], &ConsistencyProof::layout(n, n).0)?;
    let honest = Roots::from_nodes(n, &honest).map_err(|e| e.to_string())?.tree_hash();
    same(honest, array(&case["a"]["treeHash"])?)
}

fn check_fork(case: &Value) -> Check {
    let before = signed_head(case, &case["before"])?;
    let (cut, after) = (signed_head(case, &case["afterTruncate"])?, signed_head(case, &case["after"])?);
    same([&before, &cut, &after].map(conflict::truncates), [false, true, true])
}

fn check_receipt(case: &Value) -> Check {
    let key = array(&case["key"])?;
    let seq = number(&case["length"])?.checked_sub(1).ok_or("no block")?;
    let receipt = |hash: &Value, sig: &Value| {
        let claim = HeadClaim::receipt(key, seq, array(hash)?, &bytes(sig)?);
        let head = claim.verify().map_err(|e| e.to_string())?;
        same(head.scheme(), Scheme::Legacy48).map(|()| head)
    };
    let a = receipt(&case["treeHash"], &case["sig"])?;
    let honest = receipt(&case["honestHash"], &case["honestSig"])?;
    let b = signed_head(case, &case["b"])?;
    let (n, m) = (a.length(), b.length());
    let prefix = ConsistencyProof {
        roots: nodes(&case["bRootsAt"], &ConsistencyProof::layout(n, m).0)?,
        extension: extension_of(&case["bUp"], n, m)?,
    };
    let against = |shorter| {
        let evidence = [PrefixEvidence::TreeHash, PrefixEvidence::Prefix(prefix.clone())];
        Equivocation { shorter, longer: b.clone(), length: n, evidence }.verify()
    };
    same(against(honest), Err(conflict::EquivocationError::Consistent))?;
    // A receipt has no roots, and nothing binds the sizes of the longer head's: what opens them is needed as well.
    same(against(a), Err(conflict::EquivocationError::Undecided))
}

/// Every small change of a JSON value: `(where, changed value)`. `skip` names fields (by key) that are left alone.
fn mutations(value: &Value, skip: &[&str]) -> Vec<(String, Value)> {
    fn walk(value: &Value, at: &str, skip: &[&str], out: &mut Vec<(String, Value)>) {
        let mut add = |how: String, changed: Value| {
            assert_ne!(&changed, value);
            out.push((how, changed));
        };
        match value {
            Value::Null => add(format!("{at}: empty text"), json!("")),
            Value::Bool(b) => add(at.to_owned(), json!(!b)),
            Value::Number(n) => {
                let n = n.as_u64().unwrap();
                for other in [n + 1, n.wrapping_sub(1), n ^ 0x100, n + (1 << 32), n + (1 << 52), 1 << 63, u64::MAX] {
                    add(format!("{at}: {n} -> {other}"), json!(other));
                }
            }
            Value::String(text) => {
                for i in (0..text.len()).step_by(2) {
                    let byte = u8::from_str_radix(&text[i..i + 2], 16).unwrap() ^ 1 << (i / 2 % 8);
                    add(format!("{at}: byte {}", i / 2), json!(format!("{}{byte:02x}{}", &text[..i], &text[i + 2..])));
                }
                add(format!("{at}: one byte more"), json!(format!("{text}00")));
                if !text.is_empty() {
                    add(format!("{at}: one byte less"), json!(text[..text.len() - 2]));
                    add(format!("{at}: empty"), json!(""));
                }
            }
            Value::Array(items) => {
                for i in 0..items.len() {
                    let mut fewer = items.clone();
                    fewer.remove(i);
                    add(format!("{at}: without {i}"), json!(fewer));
                    let mut more = items.clone();
                    more.insert(i, items[i].clone());
                    add(format!("{at}: {i} twice"), json!(more));
                    if i > 0 && items[i] != items[i - 1] {
                        let mut swapped = items.clone();
                        swapped.swap(i, i - 1);
                        add(format!("{at}: {i} swapped"), json!(swapped));
                    }
                    let mut inner = Vec::new();
                    walk(&items[i], &format!("{at}[{i}]"), skip, &mut inner);
                    for (how, changed) in inner {
                        let mut items = items.clone();
                        items[i] = changed;
                        add(how, json!(items));
                    }
                }
                if items.is_empty() {
                    add(format!("{at}: a node"), json!([{"index": 0, "size": 1, "hash": "00".repeat(32)}]));
                }
            }
            Value::Object(fields) => {
                for (name, field) in fields.iter().filter(|(name, _)| !skip.contains(&name.as_str())) {
                    let mut inner = Vec::new();
                    walk(field, &format!("{at}.{name}"), skip, &mut inner);
                    for (how, changed) in inner {
                        let mut fields = fields.clone();
                        fields.insert(name.clone(), changed);
                        add(how, Value::Object(fields));
                    }
                }
            }
        }
    }
    let mut out = Vec::new();
    walk(value, "", skip, &mut out);
    out
}

/// The value must pass, every change of it must not. Returns how many changes there were.
fn reject_all(what: &str, value: &Value, skip: &[&str], check: impl Fn(&Value) -> Check) -> usize {
    check(value).unwrap_or_else(|e| panic!("{what}: {e}"));
    let all = mutations(value, skip);
    for (how, changed) in &all {
        assert!(check(changed).is_err(), "{what} {how}: accepted");
    }
    all.len()
}

/// Fields of the vectors that are not evidence, each for its reason. Nothing else is left alone.
const NOT_EVIDENCE: [&str; 5] = [
    "label",   // names the test case
    "version", // says which software wrote it
    "d",       // says where the two histories part: follows from the blocks, which the vectors do not hold
    "proofs",  // taken one by one
    "cons",    // taken one by one
];

/// Where the key is a public key nothing binds a manifest. It is no evidence, and a claim that carries one is refused
/// ([`a_manifest_that_nothing_binds_is_refused`]), changed or not.
fn skipped(case: &Value) -> Vec<&'static str> {
    let mut skip = NOT_EVIDENCE.to_vec();
    if is_compat(case) {
        skip.push("manifest");
    }
    skip
}

fn is_compat(case: &Value) -> bool {
    let key = array(&case["key"]).unwrap();
    case["manifest"].is_null() || Manifest::decode(&bytes(&case["manifest"]).unwrap()).unwrap().is_compat(&key)
}

#[test]
fn cores_of_all_versions_and_nothing_else() {
    let vectors = load("vectors.json");
    let (mut heads, mut proofs, mut steps, mut rejected) = (0, 0, 0, 0);
    for case in vectors["cases"].as_array().unwrap() {
        let label = case["label"].as_str().unwrap();
        rejected += reject_all(label, case, &skipped(case), check_core);
        heads += 1;
        let head = signed_head(case, &case["head"]).unwrap();
        for proof in case["proofs"].as_array().unwrap() {
            rejected += reject_all(label, proof, &[], |proof| check_inclusion(proof, &head));
            proofs += 1;
        }
        for step in case["cons"].as_array().unwrap() {
            rejected += reject_all(label, step, &[], |step| check_consistency(step, &head));
            steps += 1;
        }
    }
    println!("{heads} heads, {proofs} inclusion proofs, {steps} consistency steps, {rejected} changes rejected");
    assert_eq!((heads, proofs, steps), (28, 390, 324));
    assert!(rejected > 100_000);
}

#[test]
fn schemes_are_told_apart() {
    let vectors = load("vectors.json");
    let mut seen = BTreeMap::new();
    for case in vectors["cases"].as_array().unwrap() {
        let scheme = signed_head(case, &case["head"]).unwrap().scheme();
        *seen.entry(format!("{scheme:?}")).or_insert(0) += 1;
    }
    let expected = [("Compat80", 15), ("Key112", 9), ("Legacy48", 2), ("Namespace112", 2)];
    let expected = BTreeMap::from(expected.map(|(name, count)| (name.to_owned(), count)));
    assert_eq!(seen, expected);
}

#[test]
fn a_manifest_that_nothing_binds_is_refused() {
    let vectors = load("vectors.json");
    let mut tried = 0;
    for case in vectors["cases"].as_array().unwrap() {
        if !is_compat(case) || case["manifest"].is_null() {
            continue;
        }
        let claim = signed_head(case, &case["head"]).unwrap().claim().clone();
        let manifests = mutations(&case["manifest"], &[]).into_iter().map(|(_, changed)| changed);
        for manifest in manifests.chain([case["manifest"].clone()]) {
            let Ok(manifest) = Manifest::decode(&bytes(&manifest).unwrap()) else { continue };
            let claim = HeadClaim { manifest: Some(manifest), ..claim.clone() };
            assert!(claim.verify().is_err());
            tried += 1;
        }
    }
    assert!(tried > 200, "{tried}");
}

#[test]
fn encoded_claims_have_one_form() {
    let vectors = load("vectors.json");
    for case in vectors["cases"].as_array().unwrap() {
        let encoded = signed_head(case, &case["head"]).unwrap().claim().encode();
        let accepts = |bytes: &[u8]| HeadClaim::decode(bytes).is_ok_and(|claim| claim.verify().is_ok());
        assert!(accepts(&encoded));
        for i in 0..encoded.len() {
            for bit in [0, i % 8, 7] {
                let mut changed = encoded.clone();
                changed[i] ^= 1 << bit;
                assert!(!accepts(&changed), "{} byte {i} bit {bit}", case["label"]);
            }
            assert!(!accepts(&encoded[..i]));
        }
        assert!(!accepts(&[&encoded[..], &[0]].concat()));
    }
}

#[test]
fn equivocations_convict_and_changes_of_them_do_not() {
    let vectors = load("vectors.json");
    let mut rejected = 0;
    for case in vectors["equivocation"].as_array().unwrap() {
        rejected += reject_all("equivocation", case, &skipped(case), check_equivocation);
        // Honest roots lead to a's own tree, never to b.
        let honest = equivocation(case, &case["honest"]["rootsAtA"]);
        assert!(honest.is_err() || honest.is_ok_and(|honest| honest.verify().is_err()));
    }
    assert!(rejected > 5_000, "{rejected}");
}

#[test]
fn truncations_convict_and_changes_of_them_do_not() {
    for case in load("vectors.json")["forks"].as_array().unwrap() {
        assert!(reject_all("fork", case, &skipped(case), check_fork) > 500);
    }
}

#[test]
fn a_receipt_convicts_a_rewritten_log() {
    // `sig` and `honestSig` sign two different trees: both are checked, so every field counts.
    assert!(reject_all("receipt", &load("receipt.json"), &[], check_receipt) > 500);
}

#[test]
fn hand_sized_vector() {
    let v = load("vectors-min.json");
    let hex = |name: &str| array(&v[name]).unwrap();
    let blocks: Vec<String> = (0..7).map(|i| format!("block-{i}")).collect();
    let tree = MerkleTree::over(&blocks).unwrap();
    assert_eq!(leaf(b"block-0").hash, hex("leaf0"));
    let node = |first, blocks| tree.node(flat::Subtree { first, blocks }).unwrap().hash;
    assert_eq!([node(0, 2), node(0, 4), node(4, 2), node(6, 1)], ["parent1", "root3", "root9", "root12"].map(hex));
    let tree_hash = hex("treeHash7");
    assert_eq!(tree.roots_at(7).unwrap().tree_hash(), tree_hash);
    let (public, v1) = (hex("publicKey"), hex("keyV1"));
    assert_eq!(discovery_key(&public), hex("discoveryKeyCompat"));
    assert_eq!(discovery_key(&v1), hex("discoveryKeyV1"));
    let manifest = Manifest::decode(&bytes(&v["manifestV1"]).unwrap()).unwrap();
    assert_eq!(manifest.key(), v1);
    let default = hash::namespace::DEFAULT;
    for (name, scheme, context) in [
        ("Legacy48", Scheme::Legacy48, [0; 32]),
        ("Compat80", Scheme::Compat80, [0; 32]),
        ("Ns112", Scheme::Namespace112, default),
        ("Key112", Scheme::Key112, v1),
    ] {
        let signed = head::signable(scheme, &context, &tree_hash, 7, 0);
        assert_eq!(signed, bytes(&v[format!("signable{name}")]).unwrap());
        let signature = bytes(&v[format!("sig{name}")]).unwrap();
        let claim = match scheme {
            Scheme::Legacy48 | Scheme::Compat80 => HeadClaim::by_public_key(public, 0, 7, tree_hash, &signature),
            _ => container_claim(&manifest, v1, 0, 7, tree_hash, &[(0, signature)]),
        };
        assert_eq!(claim.verify().unwrap().scheme(), scheme);
    }
    let container = bytes(&v["sigContainerV1"]).unwrap();
    assert_eq!(
        container,
        container_claim(&manifest, v1, 0, 7, tree_hash, &[(0, bytes(&v["sigKey112"]).unwrap())]).signature
    );
}

fn container_claim(
    manifest: &Manifest,
    key: Key,
    fork: u64,
    length: u64,
    tree_hash: Hash,
    signatures: &[(u64, Vec<u8>)],
) -> HeadClaim {
    let mut signature = Vec::new();
    encoding::put_uint(&mut signature, signatures.len() as u64);
    for (signer, bytes) in signatures {
        encoding::put_uint(&mut signature, *signer);
        signature.extend_from_slice(bytes);
        signature.push(0);
    }
    signature.push(0);
    HeadClaim { key, manifest: Some(manifest.clone()), fork, length, tree_hash, signature, roots: Vec::new() }
}

mod own {
    //! Heads that this test signs itself, for what no vector shows.

    use super::*;
    use ed25519_dalek::{Signer, SigningKey};
    use vitra_watch::hypercore::views::{View, rewritten_from};

    fn secret(n: u8) -> SigningKey {
        SigningKey::from_bytes(&[n; 32])
    }

    fn sign(n: u8, scheme: Scheme, context: &[u8; 32], tree: &MerkleTree, length: u64, fork: u64) -> Vec<u8> {
        let hash = tree.roots_at(length).unwrap().tree_hash();
        secret(n).sign(&head::signable(scheme, context, &hash, length, fork)).to_vec()
    }

    pub fn by_key(n: u8, scheme: Scheme, tree: &MerkleTree, length: u64, fork: u64) -> SignedHead {
        let signature = sign(n, scheme, &[0; 32], tree, length, fork);
        let key = secret(n).verifying_key().to_bytes();
        HeadClaim::by_public_key(key, fork, length, tree.roots_at(length).unwrap().tree_hash(), &signature)
            .verify()
            .unwrap()
    }

    fn tree(text: &str, n: u64) -> MerkleTree {
        MerkleTree::over((0..n).map(|i| format!("{}-{i}", if i < 3 { "same" } else { text }))).unwrap()
    }

    fn quorum(quorum: u8, signers: &[u8], flags: u8, rest: &[u8]) -> Manifest {
        let mut bytes = vec![1, flags, 0, quorum, signers.len() as u8];
        for n in signers {
            bytes.push(0);
            bytes.extend_from_slice(&hash::namespace::DEFAULT);
            bytes.extend_from_slice(secret(*n).verifying_key().as_bytes());
        }
        bytes.extend_from_slice(rest);
        Manifest::decode(&bytes).unwrap()
    }

    fn by_quorum(manifest: &Manifest, signers: &[u8], all: &[u8], tree: &MerkleTree) -> HeadClaim {
        let (key, length) = (manifest.key(), tree.length());
        let signatures = signers.iter().map(|n| {
            let index = all.iter().position(|other| other == n).unwrap() as u64;
            (index, sign(*n, Scheme::Key112, &key, tree, length, 0))
        });
        container_claim(
            manifest,
            key,
            0,
            length,
            tree.roots_at(length).unwrap().tree_hash(),
            &signatures.collect::<Vec<_>>(),
        )
    }

    /// Protects convictions: an owner who cuts a log and goes on signs receipts of its first blocks too; they do not say that the
    /// log may have been another one from there on, where a longer head says that it was not.
    #[test]
    fn only_the_longest_heads_of_a_cut_log_say_from_where_it_may_differ() {
        let (whole, cut) = (tree("whole", 8), tree("cut", 6));
        let old = [by_key(1, Scheme::Legacy48, &whole, 8, 0)];
        let new: Vec<SignedHead> = (1..=6).map(|length| by_key(1, Scheme::Legacy48, &cut, length, 1)).collect();
        let views = [View { heads: &old, tree: &whole }, View { heads: &new, tree: &cut }];
        assert_eq!(rewritten_from(&views, &whole), Some(3));
        // Alone, the head of one block shows no more than that block.
        let first = [views[0], View { heads: &new[..1], tree: &cut }];
        assert_eq!(rewritten_from(&first, &whole), Some(1));
    }

    #[test]
    fn quorum_equivocation_accuses_those_who_signed_both() {
        let all = [1, 2, 3];
        let manifest = quorum(2, &all, 0, &[]);
        let head = |signers: &[u8], text| by_quorum(&manifest, signers, &all, &tree(text, 5)).verify().unwrap();
        let guilty = Equivocation::equally_long(head(&[1, 2], "a"), head(&[2, 3], "b")).verify().unwrap();
        assert_eq!(guilty, [secret(2).verifying_key().to_bytes()]);
        // Without a majority, two disjoint groups can contradict each other with nobody lying twice.
        let manifest = quorum(1, &all, 0, &[]);
        let head = |signers: &[u8], text| by_quorum(&manifest, signers, &all, &tree(text, 5)).verify().unwrap();
        assert_eq!(Equivocation::equally_long(head(&[1], "a"), head(&[2], "b")).verify(), Ok(vec![]));
    }

    #[test]
    fn quorums_are_met_by_distinct_signers() {
        let all = [1, 2, 3];
        let manifest = quorum(2, &all, 0, &[]);
        let claim = |signers: &[u8]| by_quorum(&manifest, signers, &all, &tree("a", 5)).verify();
        assert!(claim(&[1, 2]).is_ok() && claim(&[3, 1]).is_ok() && claim(&[1, 2, 3]).is_ok());
        assert_eq!(claim(&[1]), Err(head::HeadError::Quorum));
        assert_eq!(claim(&[]), Err(head::HeadError::Quorum));
        assert_eq!(claim(&[1, 1]), Err(head::HeadError::BadSigner));
        let mut third_is_junk = by_quorum(&manifest, &[1, 2, 3], &all, &tree("a", 5));
        let at = third_is_junk.signature.len() - 10;
        third_is_junk.signature[at] ^= 1;
        assert_eq!(third_is_junk.verify(), Err(head::HeadError::BadSignature));
    }

    #[test]
    fn a_key_may_sign_under_two_schemes() {
        let old = by_key(1, Scheme::Legacy48, &tree("a", 6), 6, 0);
        let new = by_key(1, Scheme::Compat80, &tree("b", 9), 9, 0);
        let (tree, other) = (tree("a", 6), tree("b", 9));
        let proof = ConsistencyProof::build(&other, 6, 9).unwrap();
        let openings: Vec<Opening> = flat::roots(6).map(|at| Opening::build(&other, at).unwrap()).collect();
        let roots = PrefixEvidence::Roots(tree.roots().nodes().to_vec());
        let honest = by_key(1, Scheme::Legacy48, &other, 6, 0);
        let verdict = |shorter: &SignedHead, evidence: [&PrefixEvidence; 2]| {
            let evidence = evidence.map(PrefixEvidence::clone);
            Equivocation { shorter: shorter.clone(), longer: new.clone(), length: 6, evidence }.verify()
        };
        let (bare, plain) = (PrefixEvidence::TreeHash, PrefixEvidence::Prefix(proof.clone()));
        let opened = PrefixEvidence::Opened(proof.clone(), openings.clone());
        assert!(verdict(&old, [&roots, &plain]).is_ok());
        assert!(verdict(&old, [&bare, &opened]).is_ok());
        assert_eq!(verdict(&old, [&bare, &plain]), Err(conflict::EquivocationError::Undecided));
        assert_eq!(verdict(&honest, [&bare, &plain]), Err(conflict::EquivocationError::Consistent));
        assert_eq!(verdict(&honest, [&bare, &opened]), Err(conflict::EquivocationError::Consistent));
        // A byte of size that goes from a root to its sibling still leads to the head, but to no contradiction.
        let mut shifted = proof;
        let (last, first) = (shifted.roots.last_mut().unwrap(), shifted.extension.first_mut().unwrap());
        (last.size, first.size) = (last.size - 1, first.size + 1);
        let six = by_key(1, Scheme::Compat80, &other, 6, 0);
        let plain = PrefixEvidence::Prefix(shifted.clone());
        let own = PrefixEvidence::Roots(other.roots_at(6).unwrap().nodes().to_vec());
        assert_eq!(verdict(&six, [&bare, &plain]), Err(conflict::EquivocationError::Undecided));
        assert_eq!(verdict(&six, [&own, &plain]), Err(conflict::EquivocationError::Consistent));
        let opened = PrefixEvidence::Opened(shifted, openings);
        let refused = conflict::EquivocationError::Proof(ProofError::Opening);
        assert_eq!(verdict(&six, [&bare, &opened]), Err(refused));
    }

    #[test]
    fn other_keys_and_forks_do_not_equivocate() {
        let a = by_key(1, Scheme::Compat80, &tree("a", 6), 6, 0);
        for b in [by_key(2, Scheme::Compat80, &tree("b", 6), 6, 0), by_key(1, Scheme::Compat80, &tree("b", 6), 6, 1)] {
            let verdict = Equivocation::equally_long(a.clone(), b).verify();
            assert_eq!(verdict, Err(conflict::EquivocationError::NotComparable));
        }
    }

    #[test]
    fn keys_that_are_no_points_or_of_small_order_sign_nothing() {
        let tree = tree("a", 3);
        let mut small_order = [0; 32];
        small_order[0] = 1;
        for (key, signature) in [([0xff; 32], vec![0; 64]), (small_order, [&small_order[..], &[0; 32]].concat())] {
            let claim = HeadClaim::by_public_key(key, 0, 3, tree.roots_at(3).unwrap().tree_hash(), &signature);
            assert!(claim.verify().is_err());
        }
    }

    #[test]
    fn a_prologue_needs_no_signature_and_accuses_nobody() {
        let log = tree("a", 8);
        let prologue = [&log.roots_at(5).unwrap().tree_hash()[..], &[5]].concat();
        let manifest = quorum(1, &[1], 2, &prologue);
        let claim = |length, fork, signature: &[u8]| HeadClaim {
            key: manifest.key(),
            manifest: Some(manifest.clone()),
            fork,
            length,
            tree_hash: log.roots_at(length).unwrap().tree_hash(),
            signature: signature.to_vec(),
            roots: Vec::new(),
        };
        let head = claim(5, 0, &[]).verify().unwrap();
        assert_eq!((head.scheme(), head.signers().len(), conflict::truncates(&head)), (Scheme::Manifest, 0, false));
        assert!(claim(4, 0, &[]).verify().is_err());
        assert!(claim(5, 1, &[]).verify().is_err());
        assert!(claim(5, 0, &[0]).verify().is_err());
        assert!(claim(6, 0, &[]).verify().is_err());
        let signed = by_quorum(&manifest, &[1], &[1], &tree("b", 8)).verify().unwrap();
        let prefix = PrefixEvidence::Prefix(ConsistencyProof::build(&tree("b", 8), 5, 8).unwrap());
        let evidence = [PrefixEvidence::TreeHash, prefix];
        let verdict = Equivocation { shorter: head, longer: signed, length: 5, evidence }.verify();
        assert_eq!(verdict, Err(conflict::EquivocationError::Unsigned));
    }

    #[test]
    fn a_log_that_never_grows() {
        let log = tree("a", 8);
        let hash = log.roots_at(8).unwrap().tree_hash();
        let manifest = Manifest::decode(&[&[0, 0, 0][..], &hash].concat()).unwrap();
        let claim = |fork, tree_hash| HeadClaim {
            key: manifest.key(),
            manifest: Some(manifest.clone()),
            fork,
            length: 8,
            tree_hash,
            signature: Vec::new(),
            roots: Vec::new(),
        };
        assert!(claim(0, hash).verify().is_ok());
        assert!(claim(1, hash).verify().is_err() && claim(0, [0; 32]).verify().is_err());
    }

    #[test]
    fn manifests_with_impossible_quorums_or_unknown_features_are_refused() {
        let good = quorum(1, &[1], 0, &[]).bytes().to_vec();
        for (at, value) in [(0, 3), (1, 4), (1, 16), (2, 1), (3, 0), (3, 2), (4, 2), (5, 1)] {
            let mut bad = good.clone();
            bad[at] = value;
            assert!(Manifest::decode(&bad).is_err(), "byte {at} = {value}");
        }
        assert!(Manifest::decode(&[0, 0, 3]).is_err());
        assert!(Manifest::decode(&[1, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
    }

    #[test]
    fn proofs_of_every_small_tree() {
        let log = tree("a", 20);
        for length in 1..=20 {
            let head = by_key(1, Scheme::Compat80, &log, length, 0);
            for prefix in 0..=length {
                let bound = Prefix::of_roots(&log.roots_at(prefix).unwrap());
                let proof = ConsistencyProof::build(&log, prefix, length).unwrap();
                assert_eq!(proof.verify(prefix, &head), Ok(bound.clone()));
                for block in 0..prefix {
                    let bytes = format!("{}-{block}", if block < 3 { "same" } else { "a" });
                    let proof = InclusionProof::build(&log, block, prefix, length).unwrap();
                    assert_eq!(proof.verify(block, bytes.as_bytes(), prefix, &head), Ok(bound.clone()));
                    assert!(proof.verify(block, b"other", prefix, &head).is_err());
                }
            }
        }
    }

    #[test]
    fn every_change_of_a_multiproof_is_rejected() {
        let log = tree("a", 23);
        let head = by_key(1, Scheme::Compat80, &log, 23, 0);
        let text = |i: u64| format!("{}-{i}", if i < 3 { "same" } else { "a" });
        for wanted in [&[][..], &[0], &[22], &[0, 22], &[3, 4, 5, 17], &(0..23).collect::<Vec<_>>()] {
            let proof = MultiProof::build(&log, wanted, 23).unwrap();
            let blocks: BTreeMap<u64, String> = wanted.iter().map(|i| (*i, text(*i))).collect();
            assert_eq!(proof.verify(&blocks, &head), Ok(()));
            let mut longer = proof.clone();
            longer.nodes.push(leaf(b"x"));
            assert!(longer.verify(&blocks, &head).is_err());
            for i in 0..proof.nodes.len() {
                let mut changed = proof.clone();
                changed.nodes[i].size ^= 1;
                assert!(changed.verify(&blocks, &head).is_err());
                for byte in 0..32 {
                    let mut changed = proof.clone();
                    changed.nodes[i].hash[byte] ^= 1;
                    assert!(changed.verify(&blocks, &head).is_err());
                }
                let mut fewer = proof.clone();
                fewer.nodes.remove(i);
                assert!(fewer.verify(&blocks, &head).is_err());
            }
            for (seq, block) in &blocks {
                let mut other = blocks.clone();
                other.insert(*seq, format!("{block}!"));
                assert!(proof.verify(&other, &head).is_err());
                let mut fewer = blocks.clone();
                fewer.remove(seq);
                assert!(proof.verify(&fewer, &head).is_err());
            }
            let mut beyond = blocks.clone();
            beyond.insert(23, text(23));
            assert!(proof.verify(&beyond, &head).is_err());
        }
    }

    #[test]
    fn roots_give_the_hash_of_every_length() {
        let log = tree("a", 100);
        let mut roots = Roots::new();
        for i in 0..100 {
            assert_eq!(Some(&roots), log.roots_at(i).as_ref());
            roots.push_leaf(leaf(format!("{}-{i}", if i < 3 { "same" } else { "a" }).as_bytes())).unwrap();
        }
        assert_eq!(Some(&roots), log.roots_at(100).as_ref());
    }
}

mod compared {
    //! Heads of several holders, compared.

    use super::*;
    use vitra_watch::hypercore::views::{Conflict, View, conflicts};

    fn tree(text: &str, shared: u64, n: u64) -> MerkleTree {
        MerkleTree::over((0..n).map(|i| format!("{}-{i}", if i < shared { "same" } else { text }))).unwrap()
    }

    fn heads(tree: &MerkleTree, at: &[(u64, u64)]) -> Vec<SignedHead> {
        at.iter().map(|(length, fork)| own::by_key(1, Scheme::Compat80, tree, *length, *fork)).collect()
    }

    #[test]
    fn honest_histories_do_not_contradict_each_other() {
        let log = tree("a", 0, 40);
        let (old, new) = (tree("a", 0, 17), &log);
        let (a, b) = (heads(&log, &[(3, 0), (17, 0), (16, 0)]), heads(&log, &[(40, 0), (39, 0), (1, 0)]));
        assert_eq!(conflicts(&[View { heads: &a, tree: &old }, View { heads: &b, tree: new }]), []);
    }

    #[test]
    fn two_histories_give_one_contradiction() {
        for (m, n) in [(20, 20), (9, 33), (33, 9), (32, 31)] {
            for shared in [0, 1, 7, 8] {
                let (a, b) = (tree("a", shared, m), tree("b", shared, n));
                let (x, y) = (heads(&a, &[(m, 0), (1, 0), (9, 0)]), heads(&b, &[(9, 0), (n, 0), (n - 1, 0)]));
                let found = conflicts(&[View { heads: &x, tree: &a }, View { heads: &y, tree: &b }]);
                let [Conflict::Equivocation { evidence, first_difference }] = &found[..] else { panic!("{found:?}") };
                assert_eq!(*first_difference, Some(shared));
                assert_eq!([evidence.shorter.length(), evidence.longer.length()], [m.min(n), m.max(n)]);
            }
        }
    }

    #[test]
    fn a_head_whose_tree_is_gone_convicts_where_it_can() {
        let (a, b) = (tree("a", 5, 20), tree("b", 5, 20));
        let lost = heads(&a, &[(12, 0)]);
        let with = |kept: &[SignedHead]| {
            let all = [kept, &lost].concat();
            conflicts(&[View { heads: &all, tree: &b }])
        };
        // A longer head whose tree is here shows what that log was at 12 blocks.
        let longer = with(&heads(&b, &[(20, 0)]));
        assert!(matches!(&longer[..], [Conflict::Equivocation { first_difference: None, .. }]));
        // Against a shorter one it says nothing: its own past is not here.
        assert_eq!(with(&heads(&b, &[(8, 0)])), []);
        assert_eq!(with(&heads(&b, &[(12, 0)])).len(), 1);
    }

    #[test]
    fn truncations_are_one_a_fork_and_other_forks_do_not_equivocate() {
        let (a, b) = (tree("a", 5, 20), tree("b", 5, 20));
        let all = [heads(&a, &[(20, 0), (12, 0)]), heads(&b, &[(6, 1), (20, 1)])].concat();
        let found = conflicts(&[View { heads: &all, tree: &b }]);
        let [Conflict::Truncation(head)] = &found[..] else { panic!("{found:?}") };
        assert_eq!((head.fork(), head.length()), (1, 20));
    }
}
