//! What the fuzz targets run, one function each, so that the tests can replay their corpora through the same code.
//!
//! A function takes arbitrary bytes and asserts what must hold for all of them; "no panic, no hang" goes without saying.
//! To add a target: a function here, its name in [`TARGETS`], and a binary in `fuzz/`.
#![allow(clippy::panic)] // an assertion that fails is what these functions are for

use crate::archive::oplog;
use crate::hypercore::{HeadClaim, Manifest};

/// A target: arbitrary bytes in, a panic if something does not hold.
pub type Target = fn(&[u8]);

/// All targets by name: the name of the binary and of the directory in `fuzz/corpus`.
pub const TARGETS: &[(&str, Target)] =
    &[("hypercore_header", hypercore_header), ("head_with_manifest", head_with_manifest)];

/// An oplog file: headers and log entries. Checksums are repaired first, or nearly no input would get past them.
pub fn hypercore_header(bytes: &[u8]) {
    let _ = oplog::parse(bytes);
    let repaired = oplog::repair(bytes);
    let Ok(parsed) = oplog::parse(&repaired) else { return };
    let nodes: usize = parsed.entries.iter().chain(&parsed.stale).map(|entry| entry.nodes.len()).sum();
    // A node takes 34 bytes at least: nothing was made up.
    assert!(nodes <= bytes.len() / 34);
    let headers = std::iter::once(&parsed.header).chain(&parsed.older);
    for header in headers {
        if let Some(manifest) = &header.manifest {
            assert_eq!(Manifest::decode(manifest.bytes()).as_ref(), Ok(manifest));
        }
    }
}

/// A head with its manifest, as evidence carries it: one form only, and what verifies once verifies always.
pub fn head_with_manifest(bytes: &[u8]) {
    let Ok(claim) = HeadClaim::decode(bytes) else { return };
    assert_eq!(claim.encode(), bytes);
    let needs_roots = claim.needs_roots();
    let Ok(head) = claim.clone().verify() else { return };
    assert!(needs_roots || claim.roots.is_empty());
    assert_eq!(head.claim(), &claim);
    assert_eq!(claim.verify().as_ref(), Ok(&head));
}
