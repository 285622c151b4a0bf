//! What many histories have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sha2::{Digest, Sha256};

use super::{History, invariants};

/// What came of many histories: how often each invariant applied and held, and how they ended.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many there were.
    pub histories: u64,
    /// How many operations they made.
    pub operations: u64,
    /// How many turns were not needed, because their request had ended.
    pub unused: u64,
    /// How many operations were made after the last turn.
    pub late: u64,
    /// In how many no request failed.
    pub succeeded: u64,
    /// In how many of these the store ended as if the requests had come one after the other. In the others a
    /// request saw the beginning of another one, and not its end.
    pub serial: u64,
    /// How many histories ended in each [end state](History::end_state).
    pub ends: BTreeMap<String, u64>,
    /// For each of [`invariants::ALL`]: how often it applied, how many histories broke it, and the shortest
    /// of those.
    invariants: [Count; invariants::ALL.len()],
}

#[derive(Clone, Debug, Default)]
struct Count {
    applied: u64,
    broken: u64,
    example: Option<(usize, String)>,
}

impl Tally {
    /// Looks at a history.
    pub fn add(&mut self, history: &History) {
        self.histories += 1;
        self.operations += history.steps.len() as u64;
        self.unused += history.unused as u64;
        self.late += history.late as u64;
        *self.ends.entry(history.end_state()).or_default() += 1;
        for (count, invariant) in self.invariants.iter_mut().zip(invariants::ALL) {
            let verdict = (invariant.check)(history);
            count.applied += verdict.applied;
            let Some(broken) = verdict.broken else { continue };
            count.broken += 1;
            let steps = history.steps.len();
            if count.example.as_ref().is_none_or(|(shortest, _)| steps < *shortest) {
                count.example = Some((steps, format!("{broken}\n{history}")));
            }
        }
    }

    /// Compares a history's end with [those](super::one_after_the_other) of the same requests one after the
    /// other.
    pub fn compare(&mut self, history: &History, serial: &BTreeSet<String>) {
        if history.succeeded() {
            self.succeeded += 1;
            self.serial += u64::from(serial.contains(&history.live_state()));
        }
    }

    /// Adds what another thread has seen.
    pub fn join(&mut self, other: Self) {
        self.histories += other.histories;
        self.operations += other.operations;
        self.unused += other.unused;
        self.late += other.late;
        self.succeeded += other.succeeded;
        self.serial += other.serial;
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
        for (count, other) in self.invariants.iter_mut().zip(other.invariants) {
            count.applied += other.applied;
            count.broken += other.broken;
            let shorter = |(one, _): &(usize, String), (other, _): &(usize, String)| one.cmp(other);
            count.example =
                [count.example.take(), other.example].into_iter().flatten().min_by(shorter);
        }
    }

    /// How often the invariant of this name applied.
    pub fn applied(&self, name: &str) -> u64 {
        self.count(name).applied
    }

    /// How many histories broke the invariant of this name.
    pub fn broken(&self, name: &str) -> u64 {
        self.count(name).broken
    }

    fn count(&self, name: &str) -> &Count {
        let mut counts = invariants::ALL.iter().zip(&self.invariants);
        let named = counts.find(|(invariant, _)| invariant.name == name);
        named.map(|(_, count)| count).expect("an invariant's name")
    }

    /// SHA-256 over the end states and how many histories ended in each, its first 16 digits: equal runs have
    /// equal ones.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for (end, count) in &self.ends {
            hash.update(format!("{count} {end}\n"));
        }
        hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Did all invariants hold in all histories?
    pub fn holds(&self) -> bool {
        self.invariants.iter().all(|count| count.broken == 0)
    }

    /// Panics unless all invariants held in all histories.
    ///
    /// # Panics
    /// With the shortest history that broke each.
    pub fn assert(&self) {
        assert!(self.holds(), "{self}");
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { histories, operations, unused, late, .. } = self;
        writeln!(
            f,
            "{histories} histories, {operations} operations; {unused} turns not needed, {late} operations \
             after the last turn"
        )?;
        if self.succeeded > 0 {
            let Self { serial, succeeded, .. } = self;
            writeln!(f, "{succeeded} without a failure, {serial} of them as one after the other")?;
        }
        for (invariant, count) in invariants::ALL.iter().zip(&self.invariants) {
            let (applied, broken) = (count.applied, count.broken);
            writeln!(f, "{:32} applied {applied:>11}   broken in {broken}", invariant.name)?;
            if let Some((_, example)) = &count.example {
                writeln!(f, "{}: {}\n{example}", invariant.name, invariant.says)?;
            }
        }
        write!(f, "{} distinct end states, {}", self.ends.len(), self.hash())
    }
}
