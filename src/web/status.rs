//! How everything stands as JSON (`docs/json.md`).

use serde_json::{Value as Json, json};

use super::Site;
use super::overview::{Entry, Overview};
use crate::database::ack::to_hex;
use crate::watch::Millis;
use crate::watch::alert::ProofRef;
use crate::watch::state::{FindingRow, OutboxStatus};

/// Name and version of the form.
pub const SCHEMA: &str = "vitra-watch/site/1";
/// Name and version of the form of a single finding.
pub const FINDING_SCHEMA: &str = "vitra-watch/finding/1";

/// Everything that `/` shows.
pub fn status(site: &Site, overview: &Overview, now: Millis) -> Json {
    let live = site.live.get();
    let own = overview
        .own_conditions
        .iter()
        .map(|row| json!({ "id": row.id, "kind": row.kind.name(), "began_at": row.began_at, "message": row.message }));
    json!({
        "schema": SCHEMA,
        "watcher": site.watcher,
        "version": env!("CARGO_PKG_VERSION"),
        "at": now,
        "started_at": live.started_at,
        "ready": live.ready,
        "stopped": live.stopped,
        "peers": live.peers,
        "alerts": {
            "pending": overview.messages(OutboxStatus::Pending),
            "dead": overview.messages(OutboxStatus::Dead),
            "delivered": overview.messages(OutboxStatus::Delivered),
        },
        "conditions": own.collect::<Vec<_>>(),
        "databases": overview.databases.iter().map(|entry| database(site, entry)).collect::<Vec<_>>(),
    })
}

fn database(site: &Site, entry: &Entry) -> Json {
    let findings =
        entry.findings.iter().map(|((class, kind), count)| json!({ "class": class, "kind": kind, "open": count }));
    json!({
        "key": entry.hex,
        "name": entry.name,
        "url": site.link(&format!("database/{}", entry.hex)),
        "verdict": entry.verdict,
        "head_length": entry.head_length,
        "verified_length": entry.verified_length,
        "transactions": entry.transactions,
        "operations_pending": entry.pending,
        "participants": entry.participants,
        "peers": entry.peers,
        "progress_at": entry.progress_at,
        "checked_at": entry.checked_at,
        "findings": findings.collect::<Vec<_>>(),
        "conditions": entry.conditions.keys().collect::<Vec<_>>(),
    })
}

/// One finding and how it stands.
pub fn finding(site: &Site, row: &FindingRow) -> Json {
    let proof = row.proof.map(|proof| {
        let digest = to_hex(&proof.digest);
        let url = Some(site.link(&format!("proof/{digest}.vproof")));
        ProofRef { digest, size: proof.size, url }
    });
    json!({
        "schema": FINDING_SCHEMA,
        "database": to_hex(&row.database),
        "status": row.status,
        "found_at": row.found_at,
        "changed_at": row.changed_at,
        "proof": proof,
        "probe": row.probe,
        "finding": row.finding,
    })
}
