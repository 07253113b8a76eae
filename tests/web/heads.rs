//! Signed notes, taken apart and checked by hand: with nothing of what made them but the hash.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};
use vitra_watch::database::ack::{bytes_from_hex, to_hex};
use vitra_watch::hypercore::hash::blake2b;
use vitra_watch::hypercore::{HeadClaim, Manifest, Scheme};
use vitra_watch::lab::{Beginning, KeyScheme, Lab};
use vitra_watch::watch::live::LogHead;
use vitra_watch::web::heads::notes;

use crate::client::get;
use crate::site::{Fixture, told};

/// `TREE` of Hypercore's capabilities: the namespace of what it signs.
const TREE: &str = "9fac70b50ca14efc4e91c833b204e75b8b5aad8b5881bfc0adb5ef38a3275b9c";

/// One note: (log, fork) and (length, tree hash), if all its signatures hold.
type Note = (([u8; 32], u64), (u64, [u8; 32]));

/// Reads concatenated notes. Written from the documentation of `src/web/heads.rs`.
fn read(text: &str) -> Vec<Note> {
    let mut lines = text.split_inclusive('\n');
    let mut notes = Vec::new();
    while let Some(origin) = lines.next() {
        let mut line = || lines.next().unwrap().strip_suffix('\n').unwrap();
        let origin = origin.strip_suffix('\n').unwrap();
        let (log, fork) = origin.split_once("/fork/").map_or((origin, 0), |(log, fork)| (log, fork.parse().unwrap()));
        let key: [u8; 32] = bytes_from_hex(log.strip_prefix("hypercore/").unwrap()).unwrap().try_into().unwrap();
        let length: u64 = line().parse().unwrap();
        let tree: [u8; 32] = STANDARD.decode(line()).unwrap().try_into().unwrap();
        assert_eq!(line(), "");
        let (name, signed) = line().strip_prefix("\u{2014} ").unwrap().split_once(' ').unwrap();
        assert_eq!(name, log);
        let signed = STANDARD.decode(signed).unwrap();
        let id = Sha256::digest([name.as_bytes(), b"\n\xffhypercore-tree/v1", &key].concat());
        assert_eq!(signed[..4], id[..4]);
        let manifest = usize::from(u16::from_be_bytes([signed[5], signed[6]]));
        verify(signed[4], &signed[7..7 + manifest], &signed[7 + manifest..], key, fork, length, tree);
        notes.push(((key, fork), (length, tree)));
    }
    notes
}

fn verify(scheme: u8, manifest: &[u8], signature: &[u8], key: [u8; 32], fork: u64, length: u64, tree: [u8; 32]) {
    let mut signed = tree.to_vec();
    signed.extend(length.to_le_bytes());
    signed.extend(fork.to_le_bytes());
    let prefix = bytes_from_hex(TREE).unwrap();
    let (public, signature) = match scheme {
        0 => (key, signature),
        1 => {
            signed.splice(0..0, prefix);
            (key, signature)
        }
        // One signer: the container is a count, the signer's number, the signature, no patch, no nodes.
        3 => {
            signed.splice(0..0, key);
            signed.splice(0..0, prefix);
            assert_eq!((&signature[..2], &signature[66..]), (&[1, 0][..], &[0, 0][..]));
            // The key is the hash of the manifest, whose last 32 bytes are its only signer's public key.
            let namespace = "e64b7108eacce47cfc61ac850568f55f8b15b82ec5ed78c4ec597b036e2a1498";
            assert_eq!(blake2b(&[&bytes_from_hex(namespace).unwrap(), manifest]), key);
            let signer = Manifest::decode(manifest).unwrap().signers[0].public_key;
            (signer, &signature[2..66])
        }
        other => panic!("scheme {other}"),
    };
    let signature = Signature::from_slice(signature).unwrap();
    VerifyingKey::from_bytes(&public).unwrap().verify_strict(&signed, &signature).unwrap();
}

/// Protects watchers that compare notes: each has its log's own signature over what it says.
#[test]
fn every_head_is_a_note_that_verifies() {
    let audited = told(None, 3);
    let mut fixture = Fixture::new();
    fixture.add(&audited, "a");
    let served = fixture.serve();
    let reply = get(served.address, "/heads");
    assert_eq!(reply.header("content-type").unwrap(), "text/plain; charset=utf-8");
    let notes: BTreeMap<_, _> = read(reply.text()).into_iter().collect();
    let heads = audited.heads();
    assert_eq!(notes.len(), heads.len());
    for head in &heads {
        assert_eq!(notes[&(head.key, head.fork)], (head.length, head.tree_hash));
    }
    let hex = to_hex(&audited.key());
    assert_eq!(get(served.address, &format!("/database/{hex}/heads")).text().len(), reply.text().len());
}

/// Protects logs whose key is a manifest's hash, those that were cut back, and old ones.
#[test]
fn notes_of_every_scheme() {
    let mut heads = Vec::new();
    for scheme in [KeyScheme::PublicKey, KeyScheme::Manifest] {
        let beginning = Beginning { scheme, ..Beginning::new("export function apply() {}", 5) };
        let lab = Lab::in_memory(&beginning).unwrap();
        heads.push(LogHead::from(lab.index.store.heads().last().unwrap()));
    }
    assert_eq!([heads[0].scheme, heads[1].scheme], [Scheme::Compat80, Scheme::Key112]);
    // An old one, cut back three times.
    let secret = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let (key, tree) = (secret.verifying_key().to_bytes(), [9; 32]);
    let signed = [&tree[..], &5_u64.to_le_bytes(), &3_u64.to_le_bytes()].concat();
    let signature = ed25519_dalek::Signer::sign(&secret, &signed).to_bytes();
    heads.push(LogHead::from(&HeadClaim::by_public_key(key, 3, 5, tree, &signature).verify().unwrap()));
    let text = notes(&heads);
    assert!(text.contains(&format!("hypercore/{}/fork/3\n5\n", to_hex(&key))));
    assert_eq!(read(&text).len(), 3);
    let unsigned = LogHead { scheme: Scheme::Manifest, ..heads[0].clone() };
    assert_eq!(notes([&unsigned]), "");
}
