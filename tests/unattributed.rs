//! Logs whose heads accuse nobody: nobody signed them, or the signature does not say of which log it is. An audit says what is
//! wrong in them, and of nobody that they did it.

mod common;

use common::lab::Case;
use ed25519_dalek::{Signer as _, SigningKey};
use tempfile::tempdir;
use vitra_watch::archive::{Archive, Database};
use vitra_watch::hyperbee::Blocks as _;
use vitra_watch::hypercore::hash::namespace;
use vitra_watch::hypercore::head::signable;
use vitra_watch::hypercore::{HeadClaim, Manifest, Scheme, SignedHead};
use vitra_watch::lab::lies;
use vitra_watch::lab::{Lab, Memory};
use vitra_watch::proofs::{Inclusion, prove};
use vitra_watch::replay::auditor::{Auditor, Options};
use vitra_watch::replay::engine::{Budget, on_big_stack};
use vitra_watch::replay::finding::{Class, Finding, Kind, Verdict};
use vitra_watch::replay::report::{self, Report};

/// How the log of these roots can be had without anybody who answers for it.
fn heads(lab: &Lab<Memory>) -> Vec<SignedHead> {
    let view = lab.index.store.views().next().unwrap();
    let roots = view.tree.roots_at(lab.index.length()).unwrap();
    let (length, tree_hash) = (roots.length(), roots.tree_hash());
    let secret = SigningKey::from_bytes(&[31; 32]);
    let public = secret.verifying_key().to_bytes();
    let signer = [&[0], &namespace::DEFAULT[..], &public].concat();
    let claim = |manifest: Manifest, signature: Vec<u8>| HeadClaim {
        key: manifest.key(),
        manifest: Some(manifest),
        fork: 0,
        length,
        tree_hash,
        signature,
        roots: Vec::new(),
    };
    let mut prologue = [&[1, 2, 0, 1, 1][..], &signer, &tree_hash].concat();
    vitra_watch::hypercore::encoding::put_uint(&mut prologue, length);
    let prologue = Manifest::decode(&prologue).unwrap();
    let fixed = Manifest::decode(&[&[0, 0, 0][..], &tree_hash].concat()).unwrap();
    let v0 = Manifest::decode(&[&[0, 0, 1][..], &signer].concat()).unwrap();
    let signed = signable(Scheme::Namespace112, &namespace::DEFAULT, &tree_hash, length, 0);
    let signature = secret.sign(&signed).to_bytes().to_vec();
    [claim(prologue, Vec::new()), claim(fixed, Vec::new()), claim(v0, signature)]
        .map(|claim| claim.verify().unwrap())
        .into()
}

/// An audit from an archive that has the lab's index under this head.
fn audit(lab: &Lab<Memory>, head: &SignedHead, then: impl FnOnce(&Database, &Report)) {
    let dir = tempdir().unwrap();
    let mut archive = Archive::create(dir.path()).unwrap();
    let oplogs = lab.oplogs.iter().filter_map(|log| Some((log, log.store.heads().last()?)));
    for (log, head) in std::iter::once((&lab.index, head)).chain(oplogs) {
        let id = archive.log(head.key(), head.manifest()).unwrap();
        let history = archive.new_history(id, head.fork()).unwrap();
        let mut writer = archive.writer(id, history).unwrap();
        writer.append((0..head.length()).map(|seq| log.store.block(seq).unwrap())).unwrap();
        writer.stage_head(head.clone()).unwrap();
        archive.commit(&mut [&mut writer]).unwrap();
    }
    drop(archive);
    let database = Database::open(dir.path(), Some(*head.key())).unwrap();
    let report = report::run(Auditor::new(&database, head.key(), Options::default()), |_, _| ());
    then(&database, &report);
}

/// Protects whoever's public key stands in a manifest that a forger wrote: what is wrong in such a log accuses nobody, and there is
/// no file that says who did it. What is in order is verified as ever.
#[test]
fn what_nobody_answers_for_accuses_nobody() {
    on_big_stack(&Budget::default(), || {
        let (mut wrong, mut right) = (0, 0);
        for (seed, lie) in (0..).zip(lies::all().filter(|lie| !lie.kind.by_heads())).step_by(3) {
            let (lab, truth) = Case::random(seed, Some(lie)).tell();
            for head in heads(&lab) {
                audit(&lab, &head, |database, report| {
                    let violation = |finding: &&Finding| finding.class == Class::Violation;
                    assert_eq!(report.findings.iter().find(violation), None, "{lie:?}");
                    assert!(report.violated_by.is_empty());
                    if truth.is_none() {
                        return;
                    }
                    let found = report.findings.iter().find(|finding| finding.kind == Kind::Unattributed);
                    assert_eq!(report.verdict, Verdict::Unverifiable, "{lie:?}");
                    let found = found.unwrap_or_else(|| panic!("{lie:?} {report:#?}"));
                    assert!(found.accused.is_none() && found.message.contains(lie.kind.name()), "{found:#?}");
                    assert!(prove(database, head.key(), found, &[], Options::default()).is_err());
                    assert!(Inclusion::prove(database, head.key(), head.key(), 1).is_err());
                    wrong += 1;
                });
            }
            let (lab, _) = Case::random(seed, None).tell();
            audit(&lab, &heads(&lab)[0], |_, report| {
                assert!(report.findings.iter().all(|finding| finding.kind != Kind::Unattributed), "{report:#?}");
                right += 1;
            });
        }
        println!("{wrong} lies, {right} truths");
        assert!(wrong > 20 && right > 10);
    })
    .unwrap();
}
