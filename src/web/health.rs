//! Whether the service itself is well. Each answer lists what is wrong; none of it is about databases that lie.

use super::overview::Overview;
use super::text::duration;
use crate::watch::Millis;
use crate::watch::live::Snapshot;
use crate::watch::state::OutboxStatus;

/// After a minute without a turn of its loop, the service is not well.
pub const TURN_LATE: Millis = 60_000;
/// After five minutes, it does not live.
pub const TURN_DEAD: Millis = 300_000;

/// `/health`: anything that keeps it from finding lies or telling of them. `None` for a state that cannot be read.
pub fn health(live: &Snapshot, overview: Option<&Overview>, now: Millis) -> Vec<String> {
    let mut problems = ready(live, overview.is_some());
    problems.extend(late(live, now, TURN_LATE));
    if let Some(why) = &live.stopped {
        problems.push(format!("nothing new is taken in: {}", super::text::plain_name(why)));
    }
    let Some(overview) = overview else { return problems };
    let dead = overview.messages(OutboxStatus::Dead);
    if dead > 0 {
        problems.push(format!("alerts that could not be delivered: {dead}"));
    }
    if overview.failed_audits > 0 {
        problems.push(format!("databases whose audit has failed: {}", overview.failed_audits));
    }
    problems
}

/// `/livez`: whether its loop turns at all.
pub fn lives(live: &Snapshot, now: Millis) -> Vec<String> {
    late(live, now, TURN_DEAD).into_iter().collect()
}

/// `/readyz`: whether everything is open.
pub fn ready(live: &Snapshot, readable: bool) -> Vec<String> {
    let mut problems = Vec::new();
    if !live.ready {
        problems.push("not everything is open yet".to_owned());
    }
    if !readable {
        problems.push("the state cannot be read".to_owned());
    }
    problems
}

fn late(live: &Snapshot, now: Millis, limit: Millis) -> Option<String> {
    let since = now.saturating_sub(live.turned_at);
    (since > limit).then(|| format!("the last turn of its loop was {} ago", duration(since)))
}
