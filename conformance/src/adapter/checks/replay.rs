//! What was recorded, and what was checked by hand.

use std::path::PathBuf;

use crate::adapter::Ability;
use crate::adapter::bench::Bench;
use crate::adapter::case::Case;
use crate::adapter::recorded::replay;
use crate::compare::{Verdict, compare, presents_bytes};
use crate::files::read_file;
use crate::scenario::Scenario;
use crate::suite::{Flaw, Outcome, ensure};
use crate::trace::Trace;

pub(in crate::adapter) const CHECKS: &[Case] = &[
    Case::new(
        "replay/rules",
        "B-001 to B-216, FORMAT.md",
        "does what express-session did in the recorded scenarios that are named after its rules",
        |b| Box::pin(each(b, "rules", ".gz", 1)),
    )
    .replaying(),
    Case::new(
        "replay/recommended",
        "Config::recommended, FORMAT.md",
        "does what was checked by hand of the safe preset",
        |b| Box::pin(each(b, "recommended", "", 1)),
    )
    .replaying(),
    Case::new(
        "replay/quirks",
        "QUIRKS.md",
        "does what the safe preset does in place of each quirk",
        |b| Box::pin(each(b, "quirks-recommended", "", 1)),
    )
    .replaying(),
    Case::new(
        "replay/exhaustive",
        "FORMAT.md",
        "does what express-session did under each combination of options",
        |b| Box::pin(each(b, "exhaustive", ".gz", b.every)),
    )
    .replaying(),
    Case::new(
        "replay/random",
        "FORMAT.md",
        "does what express-session did in scenarios that were made at random",
        |b| Box::pin(each(b, "random", ".gz", b.every)),
    )
    .replaying(),
];

fn fixture(set: &str, part: &str, end: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    folder.join(format!("{set}.{part}.jsonl{end}"))
}

async fn each(b: &Bench<'_>, set: &str, end: &str, every: usize) -> Outcome {
    let read = |error: std::io::Error| Flaw::new("the fixtures", "files", error.to_string());
    let scenarios: Vec<Scenario> = read_file(fixture(set, "scenarios", end)).map_err(read)?;
    let traces: Vec<Trace> = read_file(fixture(set, "traces", end)).map_err(read)?;
    let mut replayed = 0;
    for (scenario, recorded) in scenarios.iter().zip(&traces).step_by(every) {
        let name = format!("{:?}", scenario.name);
        if !can(b, scenario, recorded) {
            continue;
        }
        replayed += 1;
        let trace = replay(scenario, b.start).await;
        let mut trace = trace.map_err(|error| Flaw::new(&name, "a trace", format!("{error:?}")))?;
        // What is reported, and where, is the framework's.
        for (answer, recorded) in trace.requests.iter_mut().zip(&recorded.requests) {
            answer.errors.clone_from(&recorded.errors);
        }
        if let Verdict::Differs(text) = compare(scenario, recorded, &trace) {
            return Err(Flaw::new(name, "what was recorded", text));
        }
    }
    ensure(replayed > 0, "the fixtures", "scenarios", "none")
}

/// Can the framework do what the scenario needs?
fn can(b: &Bench<'_>, scenario: &Scenario, recorded: &Trace) -> bool {
    let mut requests = scenario.requests.iter();
    let connections = requests.any(|request| request.encrypted() || request.secure());
    let needs = [
        (Ability::Bytes, presents_bytes(scenario, recorded)),
        (Ability::Connections, connections),
        (Ability::CookieOptions, scenario.options.cookie_by_path.is_some()),
    ];
    needs.into_iter().all(|(ability, needed)| !needed || b.can(ability))
}
