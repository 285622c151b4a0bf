//! What express-session does although nobody wants it, and what the preset `recommended` does instead.
//!
//! `rules.txt` marks these rules with a Q. `quirks.txt` has a line for each: its number, what
//! express-session does, what `recommended` does, the named difference of `FORMAT.md` where this
//! project's `express` does not follow express-session, and why it can't be told as a story, if so. `fixtures/quirks*.jsonl` tell a story for each
//! under both presets. From all that [`Quirks::report`] makes `QUIRKS.md`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::Path;

use crate::citations::List;
use crate::files::read_file;
use crate::scenario::{Preset, Request, Scenario};
use crate::trace::{Answer, Call, StoreCall, Trace};

/// All quirks.
#[derive(Debug)]
pub struct Quirks {
    quirks: Vec<Quirk>,
    complaints: Vec<String>,
}

/// One quirk.
#[derive(Debug)]
pub struct Quirk {
    /// Its number, `B-137`.
    pub number: String,
    /// The named difference by which this project's `express` answers some of its stories.
    pub difference: Option<&'static str>,
    /// Its stories; none where it can't be told as one.
    pub pairs: Vec<Pair>,
    express: &'static str,
    recommended: &'static str,
    rule: String,
    /// Why there is no story, and what pins it instead.
    untold: Option<&'static str>,
    pinned: Vec<String>,
}

/// A story under both presets.
#[derive(Debug)]
pub struct Pair {
    /// What it is about.
    pub title: String,
    /// Under `express`, recorded from express-session.
    pub express: Told,
    /// Under `recommended`, written down by hand.
    pub recommended: Told,
    /// What this project does under `express`, where that has a named difference which a comparison
    /// can't accept; written down by hand.
    pub ours: Option<Trace>,
}

/// A story under one preset.
#[derive(Debug)]
pub struct Told {
    /// What happens.
    pub scenario: Scenario,
    /// What comes of it.
    pub trace: Trace,
}

impl Quirks {
    /// Reads the list, the stories, and which tests there are in the workspace at `root`.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn of(root: &Path) -> io::Result<Self> {
        let rules = crate::rules::rules(root)?;
        let mut complaints = Vec::new();
        let mut quirks = list(&rules, &mut complaints);
        let mut ours: BTreeMap<String, Trace> = BTreeMap::new();
        for trace in read_file::<Trace>(root.join(OURS))? {
            ours.insert(trace.name.clone(), trace);
        }
        let [express, recommended] = [told(root, "quirks")?, told(root, "quirks-recommended")?];
        if express.len() != recommended.len() {
            complaints.push("the two presets do not tell the same number of stories".into());
        }
        for (express, recommended) in express.into_iter().zip(recommended) {
            let name = express.scenario.name.clone();
            let presets = [&express, &recommended].map(|told| told.scenario.options.preset());
            if presets != [Preset::Express, Preset::Recommended]
                || name != recommended.scenario.name
            {
                complaints.push(format!("{name}: not told under `express` and `recommended`"));
            }
            let (number, title) = name.split_once(": ").unwrap_or((&name, ""));
            let Some(quirk) = quirks.iter_mut().find(|quirk| quirk.number == number) else {
                complaints.push(format!("{name}: rules.txt marks no such quirk"));
                continue;
            };
            let (title, ours) = (title.into(), ours.remove(&name));
            quirk.pairs.push(Pair { title, express, recommended, ours });
        }
        complaints.extend(ours.keys().map(|name| format!("{name}: a difference without a story")));
        for quirk in &quirks {
            let Quirk { number, pairs, pinned, untold, .. } = quirk;
            match (pairs.is_empty(), untold) {
                (true, None) => {
                    complaints.push(format!("{number} has neither a pair nor a reason"))
                }
                (false, Some(why)) => {
                    complaints.push(format!("{number} has a pair, though {why}"));
                }
                (true, Some(_)) if pinned.is_empty() => {
                    complaints.push(format!("{number} has neither a pair nor a test"));
                }
                _ => {}
            }
            if !pairs.is_empty() && pairs.iter().all(Pair::is_alike) {
                complaints.push(format!("{number}: nothing of the difference can be seen"));
            }
        }
        Ok(Self { quirks, complaints })
    }

    /// The quirks, by their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Quirk> {
        self.quirks.iter()
    }

    /// What is wrong: quirks without a line, a story or another test, and stories without a quirk.
    #[must_use]
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// `QUIRKS.md`.
    #[must_use]
    pub fn report(&self) -> String {
        let mut out = String::from(HEAD);
        for quirk in &self.quirks {
            let Quirk { number, rule, express, recommended, pairs, pinned, untold, .. } = quirk;
            let side = |text: &str, of: fn(&Pair) -> &Told| {
                let facts = pairs.iter().map(|pair| {
                    let Told { scenario, trace } = of(pair);
                    format!("<br>{}: {}", pair.title, facts(scenario, trace))
                });
                text.to_owned() + &facts.collect::<String>()
            };
            let mut left = side(express, |pair| &pair.express);
            if let Some(difference) = quirk.difference {
                let _ = write!(left, "<br>(`Config::express`: {difference})");
            }
            let right = side(recommended, |pair| &pair.recommended);
            let tests = match pairs.len() {
                0 => format!("{}: {}", untold.unwrap_or_default(), pinned.join("<br>")),
                1 => "the pair".into(),
                more => format!("the {more} pairs"),
            };
            // Writing to a String never fails.
            let _ = writeln!(out, "| {number} | {rule} | {left} | {right} | {tests} |");
        }
        out
    }
}

impl Pair {
    /// Does nothing that the table shows tell the presets apart?
    fn is_alike(&self) -> bool {
        let [express, recommended] =
            [&self.express, &self.recommended].map(|told| facts(&told.scenario, &told.trace));
        express == recommended
    }
}

const OURS: &str = "conformance/fixtures/quirks-differences.traces.jsonl";

const HEAD: &str = "\
# Quirks

What express-session does although nobody wants it, and what `Config::recommended` does instead. \
`Config::express` does what express-session does, but where a difference is named \
([FORMAT.md](FORMAT.md#comparing)).

This file is made by `UPDATE_QUIRKS=1 cargo test -p http-session-conformance --test quirks`, which fails \
without the variable if it is not current. The texts stand in `quirks.txt`, the stories in \
`fixtures/quirks*.jsonl`. The left answers are recorded from express-session 1.19.0, the right ones \
are checked by hand.

After each story stands what came of it, request by request: the calls of the store, the status, and \
*sent* or *cleared* if the response sets the session's cookie. `set!` is a call that fails, \
`set?` one that the store refuses because a parallel request was faster.

| | quirk | express-session | `recommended` | tested by |
| --- | --- | --- | --- | --- |
";

fn told(root: &Path, set: &str) -> io::Result<Vec<Told>> {
    let path = |part| root.join(format!("conformance/fixtures/{set}.{part}.jsonl"));
    let scenarios = read_file::<Scenario>(path("scenarios"))?;
    let traces = read_file::<Trace>(path("traces"))?;
    let equal = scenarios.iter().map(|scenario| &scenario.name).eq(traces.iter().map(|t| &t.name));
    if !equal {
        return Err(io::Error::other(format!("{set}: scenarios and traces differ in their names")));
    }
    let pairs = scenarios.into_iter().zip(traces);
    Ok(pairs.map(|(scenario, trace)| Told { scenario, trace }).collect())
}

/// The quirks that `rules.txt` marks, with their lines in `quirks.txt`.
fn list(rules: &List, complaints: &mut Vec<String>) -> Vec<Quirk> {
    let mut lines: BTreeMap<&'static str, [&'static str; 4]> = BTreeMap::new();
    for line in include_str!("../quirks.txt").lines() {
        let mut fields = line.split('\t');
        let mut field = || fields.next().unwrap_or_default();
        lines.insert(field(), [field(), field(), field(), field()]);
    }
    let mut quirks = Vec::new();
    for rule in rules.items.iter().filter(|rule| rule.quirk) {
        let number = rule.id;
        let Some([express, recommended, difference, untold]) = lines.remove(number) else {
            complaints.push(format!("{number} is a quirk, and quirks.txt has no line for it"));
            continue;
        };
        let given = |text: &'static str| Some(text).filter(|text| !text.is_empty());
        let pinned = match rule.reason {
            Some(reason) => vec![reason.into()],
            None => rule.tests.iter().filter(|test| test.contains(".rs: ")).cloned().collect(),
        };
        quirks.push(Quirk {
            number: number.into(),
            difference: given(difference),
            pairs: Vec::new(),
            express,
            recommended,
            rule: rule.text.into(),
            untold: rule.reason.map(|_| "can't occur").or_else(|| given(untold)),
            pinned,
        });
    }
    complaints
        .extend(lines.keys().map(|number| format!("{number}: rules.txt marks no such quirk")));
    quirks
}

/// What came of a scenario, as far as a table can show it.
fn facts(scenario: &Scenario, trace: &Trace) -> String {
    if trace.rejected {
        return "refused".into();
    }
    let name = scenario.options.name();
    let answers = scenario.requests.iter().zip(&trace.requests);
    let facts: Vec<String> = answers.map(|(request, answer)| fact(name, request, answer)).collect();
    let runs = facts.chunk_by(|a, b| a == b).map(|run| match run.len() {
        1 => run[0].clone(),
        times => format!("{times} × {}", run[0]),
    });
    format!("`{}`", runs.collect::<Vec<_>>().join("; "))
}

fn fact(name: &str, request: &Request, answer: &Answer) -> String {
    let mut words: Vec<String> = answer.calls.iter().map(|call| word(request, call)).collect();
    words.push(answer.status.to_string());
    let values = answer.set_cookie.iter().filter_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix('=')?;
        Some(if value.starts_with(';') { "cleared" } else { "sent" })
    });
    words.extend(values.map(str::to_owned));
    words.join(" ")
}

fn word(request: &Request, call: &Call) -> String {
    let name = match call.call {
        StoreCall::Destroy => "destroy",
        StoreCall::Get => "get",
        StoreCall::Rotate => "rotate",
        StoreCall::Set => "set",
        StoreCall::Touch => "touch",
    };
    let failed = if request.fault(call.call).is_some() { "!" } else { "" };
    let refused = if call.refused.is_some() { "?" } else { "" };
    format!("{name}{failed}{refused}")
}
