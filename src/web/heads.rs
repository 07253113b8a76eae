//! The newest signed head of every log, as C2SP signed notes: for other watchers to compare with theirs. Two notes of one origin and
//! length with another root prove an equivocation by themselves, since the owner's own signature is in them (except in the
//! scheme ns112, which does not say of which log it is).
//!
//! ```text
//! hypercore/KEY[/fork/N]
//! LENGTH
//! base64(tree hash)
//!
//! — hypercore/KEY base64(id | scheme | length of the manifest, u16 big-endian | manifest | signature)
//! ```
//!
//! KEY is hex. `id` is the first four bytes of SHA-256 over the name, a line feed, 0xff, `hypercore-tree/v1` and the key, as signed notes
//! derive it for signatures of their own kinds. `scheme` is 0 for legacy48, 1 for compat80, 2 for ns112, 3 for key112. A log whose manifest
//! fixes its tree has no signature, and so no note; nor has a patched head, of which nobody signed the tree hash. Notes follow one another without anything between them.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::database::ack::to_hex;
use crate::hypercore::Scheme;
use crate::watch::live::LogHead;

/// The kind of signature, as its identity names it.
const KIND: &[u8] = b"\xffhypercore-tree/v1";

/// The notes of these heads, one after another.
pub fn notes<'a>(heads: impl IntoIterator<Item = &'a LogHead>) -> String {
    heads.into_iter().filter_map(note).collect()
}

/// The note of a head; `None` if nobody signed it as it is.
pub fn note(head: &LogHead) -> Option<String> {
    if head.patched {
        return None;
    }
    let scheme = match head.scheme {
        Scheme::Legacy48 => 0_u8,
        Scheme::Compat80 => 1,
        Scheme::Namespace112 => 2,
        Scheme::Key112 => 3,
        Scheme::Manifest => return None,
    };
    let manifest = head.manifest.as_deref().unwrap_or_default();
    let length = u16::try_from(manifest.len()).ok()?;
    let name = format!("hypercore/{}", to_hex(&head.key));
    let id = Sha256::new().chain_update(&name).chain_update(b"\n").chain_update(KIND).chain_update(head.key).finalize();
    let id = id.first_chunk::<4>()?;
    let signed = [&id[..], &[scheme], &length.to_be_bytes(), manifest, &head.signature].concat();
    let mut note = name.clone();
    if head.fork > 0 {
        // Writing to a string cannot fail.
        let _ = write!(note, "/fork/{}", head.fork);
    }
    let (length, tree) = (head.length, STANDARD.encode(head.tree_hash));
    let _ = write!(note, "\n{length}\n{tree}\n\n\u{2014} {name} {}\n", STANDARD.encode(signed));
    Some(note)
}
