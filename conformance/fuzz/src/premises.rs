//! How often what a check is about really occurred: a check whose premise never holds checks nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// Each premise by its name, and how often it held.
#[derive(Clone, Debug, Default)]
pub struct Premises(BTreeMap<&'static str, u64>);

thread_local! {
    static HELD: RefCell<Premises> = RefCell::default();
}

/// Notes that a premise held.
pub(crate) fn held(premise: &'static str) {
    add(premise, 1);
}

/// Notes that it held this often.
pub(crate) fn add(premise: &'static str, count: u64) {
    HELD.with_borrow_mut(|Premises(counts)| *counts.entry(premise).or_default() += count);
}

/// What held in this thread since it was last asked.
pub fn take() -> Premises {
    HELD.take()
}

impl Premises {
    /// How often the premise held.
    pub fn of(&self, premise: &str) -> u64 {
        self.0.get(premise).copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Premises {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(premise, count)| writeln!(f, "premise: {count:>9} {premise}"))
    }
}

/// A fuzzer says at its end how often each held.
#[cfg(feature = "libfuzzer")]
impl Drop for Premises {
    fn drop(&mut self) {
        eprint!("{self}");
    }
}
