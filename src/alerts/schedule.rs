//! When a delivery that failed is tried again: soon, then ever more rarely, for three days.

use std::time::Duration;

use crate::hypercore::hash::blake2b;

/// How long it is tried.
const LAST: Duration = Duration::from_secs(72 * 3_600);

/// The waits after each failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule(Vec<Duration>);

impl Default for Schedule {
    /// After 5 s, 30 s, 2 min, 10 min, 1 h, then every 6 h, and a last time after 72 h.
    fn default() -> Self {
        let mut waits: Vec<Duration> = [5, 30, 120, 600, 3_600].map(Duration::from_secs).to_vec();
        let mut sum: Duration = waits.iter().sum();
        while sum < LAST {
            let wait = Duration::from_secs(6 * 3_600).min(LAST.saturating_sub(sum));
            sum = sum.saturating_add(wait);
            waits.push(wait);
        }
        Schedule(waits)
    }
}

impl Schedule {
    /// One of its own, for tests: a wait after each failure, as many as there are.
    pub fn new(waits: Vec<Duration>) -> Schedule {
        Schedule(waits)
    }

    /// How long to wait after the failure number `failures` (from 1) of the message `id`, which is so old; `None` when it was the last. One
    /// that was tried more often than planned, because its channel had worked again, is not given up earlier for that. Up to a tenth
    /// more than the schedule says, the same for the same message: what failed together shall not come back together.
    pub fn wait(&self, id: &str, failures: u32, age: Duration) -> Option<Duration> {
        let planned = self.0.get(usize::try_from(failures.checked_sub(1)?).ok()?).copied();
        let left = self.0.iter().sum::<Duration>().saturating_sub(age);
        let more = || self.0.last().map(|last| left.min(*last)).filter(|wait| !wait.is_zero());
        let wait = planned.or_else(more)?;
        let hash = blake2b(&[b"vitra-watch back-off\0", id.as_bytes(), &failures.to_le_bytes()]);
        let share = u32::from(hash.first().copied().unwrap_or(0));
        Some(wait.saturating_add(wait.saturating_mul(share) / 2_560))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects alerts against being given up early, and receivers against being asked all the time.
    #[test]
    fn three_days() {
        let schedule = Schedule::default();
        let waits: Vec<u64> = schedule.0.iter().map(Duration::as_secs).collect();
        assert_eq!(waits[..7], [5, 30, 120, 600, 3_600, 21_600, 21_600]);
        assert_eq!(waits.iter().sum::<u64>(), 72 * 3_600);
        assert_eq!(waits.len(), 17);
        for id in ["a", "b", "c"] {
            for failures in 1..=17 {
                let exact = schedule.0[failures as usize - 1];
                let wait = schedule.wait(id, failures, Duration::ZERO).unwrap();
                assert!(wait >= exact && wait <= exact.mul_f64(1.1), "{wait:?} {exact:?}");
                assert_eq!(schedule.wait(id, failures, LAST), Some(wait));
            }
            assert_eq!(schedule.wait(id, 18, LAST), None);
            assert_eq!(schedule.wait(id, 0, Duration::ZERO), None);
            // Tried more often than planned, and not three days old.
            for age in [Duration::ZERO, LAST - Duration::from_secs(1)] {
                let (wait, left) = (schedule.wait(id, 99, age).unwrap(), LAST - age);
                let longest = schedule.0[16].min(left);
                assert!(wait >= longest && wait <= longest.mul_f64(1.1), "{wait:?}");
            }
        }
        let wait = |id| schedule.wait(id, 5, Duration::ZERO);
        assert_ne!(wait("a"), wait("b"));
    }
}
