//! Every signature that an owner makes for one log, tried as a signature for every other log of the same owner.

use ed25519_dalek::{Signer as _, SigningKey};
use vitra_watch::hypercore::hash::{blake2b, namespace};
use vitra_watch::hypercore::head::signable;
use vitra_watch::hypercore::{HeadClaim, Key, Manifest, Node, Scheme};

use crate::keys::{manifest_bytes, manifest_v0};
use crate::logs::container;

/// A log that this key pair may sign, however: its own, or one whose manifest somebody else wrote.
struct Log {
    name: String,
    key: Key,
    manifest: Option<Manifest>,
}

impl Log {
    fn of(name: String, bytes: &[u8]) -> Option<Log> {
        let manifest = Manifest::decode(bytes).ok()?;
        Some(Log { name, key: manifest.key(), manifest: Some(manifest) })
    }
}

/// All logs of a public key under these namespaces: the key itself, and manifests of each version, flags and quorum.
fn logs(public: Key, namespaces: &[Key]) -> Vec<Log> {
    let mut logs = vec![Log { name: "public key".into(), key: public, manifest: None }];
    let other = SigningKey::from_bytes(&[99; 32]).verifying_key().to_bytes();
    for (n, namespace) in namespaces.iter().enumerate() {
        for (more, patches) in [(false, false), (false, true), (true, false), (true, true)] {
            let mut signers = vec![(*namespace, public)];
            signers.extend(more.then_some((namespace::DEFAULT, other)));
            let name = |version| format!("v{version} namespace {n} {more} {patches}");
            logs.extend(Log::of(name(0), &manifest_v0(patches, 1, &signers)));
            for version in [1, 2] {
                logs.extend(Log::of(name(version), &manifest_bytes(version, patches, 1, &signers, None)));
            }
        }
    }
    logs
}

/// Ways in which signed bytes can be put into a head of a log.
fn claims(log: &Log, tree_hash: [u8; 32], length: u64, bytes: [u8; 64], roots: &[Node]) -> Vec<HeadClaim> {
    let mut signatures = vec![bytes.to_vec()];
    signatures.extend([0, 1].map(|version| container(version, &[(0, bytes, 0)], &[])));
    let claim = |signature: Vec<u8>| {
        let (key, manifest) = (log.key, log.manifest.clone());
        let mut claim = HeadClaim { key, manifest, fork: 0, length, tree_hash, signature, roots: Vec::new() };
        if claim.needs_roots() {
            claim.roots = roots.to_vec();
        }
        claim
    };
    signatures.into_iter().map(claim).collect()
}

/// Protects whoever signs several logs with one key pair: no signature made for one of them accuses the owner of another, in
/// all pairs of schemes, versions, manifests and namespaces. (The forger's namespaces are the keys of the victim's logs.)
#[test]
fn no_signature_is_one_of_another_log() {
    let secret = SigningKey::from_bytes(&blake2b(&[b"all pairs"]));
    let public = secret.verifying_key().to_bytes();
    let own = [namespace::DEFAULT, blake2b(&[b"a namespace of the owner's"])];
    let signing = logs(public, &own);
    let mut namespaces: Vec<Key> = own.to_vec();
    namespaces.extend([namespace::TREE, [0; 32]]);
    namespaces.extend(signing.iter().map(|log| log.key));
    let reading = logs(public, &namespaces);
    let (tree_hash, length) = (blake2b(&[b"a tree"]), 5);
    let (mut own_heads, mut pairs) = (0, 0);
    for log in &signing {
        let ways: Vec<(Scheme, Key)> = match &log.manifest {
            None => vec![(Scheme::Legacy48, log.key), (Scheme::Compat80, log.key)],
            Some(manifest) if manifest.version == 0 => vec![(Scheme::Namespace112, manifest.signers[0].namespace)],
            Some(manifest) if manifest.version == 1 => {
                vec![(Scheme::Key112, log.key), (Scheme::Namespace112, manifest.signers[0].namespace)]
            }
            Some(_) => vec![(Scheme::Key112, log.key)],
        };
        for (scheme, context) in ways {
            let bytes = secret.sign(&signable(scheme, &context, &tree_hash, length, 0)).to_bytes();
            for other in &reading {
                pairs += 1;
                for claim in claims(other, tree_hash, length, bytes, &[]) {
                    let Ok(head) = claim.verify() else { continue };
                    let named = head.names_its_log();
                    assert!(!named || other.key == log.key, "{scheme:?} of {} as one of {}", log.name, other.name);
                    own_heads += u64::from(named);
                }
            }
        }
    }
    println!("{pairs} pairs, {own_heads} heads of the log that was signed");
    assert!(own_heads >= 2 + 8, "{own_heads}");
}
