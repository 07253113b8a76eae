//! Logs of a directory, as scripts are told to serve them.

#![allow(dead_code)] // each test file uses its part

use std::path::Path;

use serde_json::{Value as Json, json};
use vitra_watch::archive::{ArchiveReader, Corestore, find_stores};
use vitra_watch::database::ack::to_hex;
use vitra_watch::hyperbee::Blocks;
use vitra_watch::hypercore::hash::blake2b;

/// The logs of a directory of Hypercore 10.
pub fn stored(dir: &Path) -> Vec<Json> {
    let store = Corestore::open(&find_stores(dir)[0]).unwrap();
    store.cores().iter().map(|core| json!({"version": 10, "storage": core.dir().to_str().unwrap()})).collect()
}

/// The logs of a lab's archive, to be written again with the same keys.
pub fn lab_logs(lab: &Path, seed: u64, version: u64) -> Vec<Json> {
    let store = find_stores(lab).remove(0);
    let reader = ArchiveReader::open(&store).unwrap();
    let secrets = (0..64_u64).map(|n| blake2b(&[b"vitra-watch lab", &seed.to_le_bytes(), &n.to_le_bytes()]));
    let secrets: Vec<_> = secrets.collect();
    let log = |core: &vitra_watch::archive::Core| {
        let secret = secrets.iter().find(|secret| {
            let public = ed25519_dalek::SigningKey::from_bytes(secret).verifying_key().to_bytes();
            public == *core.key() || core.manifest().is_some_and(|m| m.signers[0].public_key == public)
        });
        let blocks: Vec<String> = (0..core.length()).map(|seq| to_hex(&core.block(seq).unwrap())).collect();
        json!({
            "version": version, "compat": core.manifest().is_none(), "seed": to_hex(secret.unwrap()),
            "steps": [blocks], "expected": to_hex(core.key()),
        })
    };
    reader.cores().iter().map(log).collect()
}
