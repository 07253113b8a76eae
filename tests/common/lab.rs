//! Random histories of the lab.

use vitra_watch::lab::lies::{Lie, Tell};
use vitra_watch::lab::workload::EXAMPLES;
use vitra_watch::lab::{Beginning, Course, Example, Lab, Memory, Oddities, Random, Truth};
use vitra_watch::replay::auditor::{Auditor, Options};
use vitra_watch::replay::report::{self, Report};

/// One random history: everything follows from these numbers.
#[derive(Clone, Debug)]
pub struct Case {
    pub seed: u64,
    pub example: Example,
    pub participants: usize,
    pub outsiders: usize,
    pub actions: u64,
    pub lie: Option<&'static Lie>,
    pub after: u64,
}

impl Case {
    /// All from a seed, but for the lie.
    pub fn random(seed: u64, lie: Option<&'static Lie>) -> Case {
        let mut random = Random::new(seed);
        Case {
            seed,
            example: *random.pick(&EXAMPLES).unwrap(),
            participants: 1 + random.below(3) as usize,
            outsiders: 1 + random.below(2) as usize,
            actions: 3 + random.below(25),
            lie,
            after: random.below(12),
        }
    }

    /// Makes the database. `None` for the truth when there was no chance to lie.
    pub fn tell(&self) -> (Lab<Memory>, Option<Truth>) {
        let mut random = Random::new(self.seed ^ 0x5eed);
        let beginning = Beginning {
            participants: self.participants,
            outsiders: self.outsiders,
            ..Beginning::new(self.example.source, self.seed)
        };
        let mut genesis = beginning.genesis();
        let mut early = None;
        if let Some((lie, Tell::Genesis(change))) = self.lie.map(|lie| (lie, lie.tell)) {
            early = Some(Truth::of(lie, Some(change(&mut genesis))));
        }
        let lab = Lab::create(&beginning, &genesis, |_| Ok(Memory::default())).unwrap();
        if early.is_some() {
            return (lab, early);
        }
        let keys = (0..lab.oplogs.len()).map(|who| lab.name(who).unwrap()).collect();
        let workload = self.example.workload(keys, self.participants, random.bits()).unwrap();
        let oddities = Oddities { manners: true, races: self.lie.is_none() };
        let mut course = Course::new(lab, workload, oddities, self.lie.map(|lie| (lie, self.after)), random);
        course.run(self.actions).unwrap_or_else(|error| panic!("{self:?}: {error}"));
        (course.lab, course.truth)
    }
}

/// Audits it in memory.
pub fn audit(lab: &Lab<Memory>) -> Report {
    let key = *lab.index.key();
    report::run(Auditor::new(lab, &key, Options::default()), |_, _| ())
}
