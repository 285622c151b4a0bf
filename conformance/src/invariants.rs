//! What must hold of every trace, whatever the options and the requests: the promises P-1 … P-13, each as
//! one or more invariants that can be seen in a scenario and its trace.
//!
//! [`check`] checks them all. Cookies, signatures, dates and the store's contents are worked out anew here:
//! nothing of the library is asked whether the library is right.
//!
//! An invariant that was never applied says nothing. So a [`Tally`] counts how often the premise of each one
//! held, and for each one there is a [`Bug`] that it catches.

use std::fmt;
use std::ops::AddAssign;

use crate::scenario::{Preset, Scenario};
use crate::trace::Trace;

mod access;
mod bug;
mod lifetime;
mod reading;
mod response;
mod story;
mod writes;

pub use self::bug::{BUGS, Bug};
pub(crate) use self::bug::{Seed, Seeded};
pub(crate) use self::reading::presented;

use self::story::{Scene, Story};

/// A promise as far as it can be seen in one request.
struct Invariant {
    name: &'static str,
    says: &'static str,
    /// The preset that promises it; `None`: both.
    preset: Option<Preset>,
    check: fn(&Story<'_>, &Scene<'_>) -> Verdict,
}

/// What an invariant says of one request.
enum Verdict {
    /// Nothing: its premise does not hold.
    Idle,
    /// It holds.
    Kept,
    /// It does not: this was seen.
    Broken(String),
}

impl Verdict {
    /// It must be so, or else this was seen.
    fn must(holds: bool, otherwise: impl FnOnce() -> String) -> Self {
        if holds { Self::Kept } else { Self::Broken(otherwise()) }
    }

    /// Nothing of what was found may be.
    fn none(found: Option<String>) -> Self {
        found.map_or(Self::Kept, Self::Broken)
    }
}

/// All invariants, in the order in which they are checked.
const ALL: [&[Invariant]; 4] = [lifetime::ALL, access::ALL, response::ALL, writes::ALL];

/// How many invariants there are.
const COUNT: usize = {
    let [a, b, c, d] = ALL;
    a.len() + b.len() + c.len() + d.len()
};

fn all() -> impl Iterator<Item = &'static Invariant> {
    ALL.into_iter().flatten()
}

/// Checks all invariants of the scenario's preset in each request of its trace, and counts those whose premise
/// held. A refused configuration has no requests.
///
/// # Errors
/// The first one that does not hold.
pub fn check(scenario: &Scenario, trace: &Trace, tally: &mut Tally) -> Result<(), Violation> {
    let story = Story::tell(scenario, trace);
    let preset = scenario.options.preset();
    for scene in &story.scenes {
        for (invariant, count) in all().zip(&mut tally.0) {
            if invariant.preset.is_some_and(|only| only != preset) {
                continue;
            }
            match (invariant.check)(&story, scene) {
                Verdict::Idle => {}
                Verdict::Kept => *count += 1,
                Verdict::Broken(seen) => {
                    let Invariant { name, says, .. } = invariant;
                    return Err(Violation { name, says, request: Some(scene.index), seen });
                }
            }
        }
    }
    Ok(())
}

/// What a text shows of the scenario's ids, secrets and data: the text (P-12b).
pub(crate) fn leak(scenario: &Scenario, trace: &Trace, text: &str) -> Option<String> {
    response::leak(&Story::tell(scenario, trace), [text].into_iter())
}

/// An invariant that does not hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    name: &'static str,
    says: &'static str,
    /// `None`: it is about the whole scenario.
    request: Option<usize>,
    seen: String,
}

impl Violation {
    /// Of what must hold of the whole scenario.
    pub(crate) const fn new(name: &'static str, says: &'static str, seen: String) -> Self {
        Self { name, says, request: None, seen }
    }

    /// Which one: `P-1a`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, says, request, seen } = self;
        write!(f, "{name} ({says}) does not hold")?;
        if let Some(request) = request {
            write!(f, " in request {request}")?;
        }
        write!(f, ": {seen}")
    }
}

/// How often the premise of each invariant held.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tally([u64; COUNT]);

impl Default for Tally {
    fn default() -> Self {
        Self([0; COUNT])
    }
}

impl Tally {
    /// Each invariant's name, what it says, and how often its premise held.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        all().zip(self.0).map(|(invariant, count)| (invariant.name, invariant.says, count))
    }

    /// The names of those that were never applied, although one of these presets promises them.
    pub fn idle(&self, presets: &[Preset]) -> Vec<&'static str> {
        let promised =
            |invariant: &Invariant| invariant.preset.is_none_or(|only| presets.contains(&only));
        let idle =
            all().zip(self.0).filter(|(invariant, count)| *count == 0 && promised(invariant));
        idle.map(|(invariant, _)| invariant.name).collect()
    }
}

impl AddAssign<&Self> for Tally {
    fn add_assign(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(count, more)| *count += more);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, says, count) in self.counts() {
            writeln!(f, "{name:6} {count:>12}  {says}")?;
        }
        Ok(())
    }
}
