//! Every combination of facts: `decide` is what the independent model says, and what DECISIONS.md publishes.
//!
//! `UPDATE_DECISIONS=1 cargo test -p http-session --test decisions` writes DECISIONS.md anew.

#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "the list is a file, and what was counted is printed"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use http_session::{CookieAction, Decision, Facts, Reason, Saved, StoreAction, decide};
use http_session_model::decision as model;

/// Every combination of facts: with the quirks, under which four of them are never true, 2^9 × 3;
/// without them, 2^13 × 3.
fn all(quirks: bool) -> Vec<Facts> {
    let mut all = Vec::new();
    for bits in 0..if quirks { 1 << 9 } else { 1 << 13 } {
        let bit = |index: u32| bits & (1 << index) != 0;
        for saved in [Saved::Current, Saved::Never, Saved::Stale] {
            all.push(Facts {
                changed: bit(0),
                cookie_changed: bit(9),
                ended: bit(10),
                expiring: bit(1),
                known: bit(2),
                new_id: bit(3),
                present: bit(4),
                quirks,
                refreshed: bit(11),
                resign: bit(12),
                rolling: bit(5),
                save_uninitialized: bit(6),
                saved,
                unset_destroy: bit(7),
                withheld: bit(8),
            });
        }
    }
    all
}

/// The same facts in the model's words.
fn told(facts: Facts) -> model::Facts {
    let Facts { changed, cookie_changed, ended, expiring, known, new_id, present, .. } = facts;
    let Facts { refreshed, resign, rolling, save_uninitialized, unset_destroy, withheld, .. } =
        facts;
    let (noted, noted_is_current) = match facts.saved {
        Saved::Current => (true, true),
        Saved::Never => (false, false),
        Saved::Stale => (true, false),
    };
    model::Facts {
        changed,
        cookie_changed,
        ended,
        expiring,
        known,
        new_id,
        noted,
        noted_is_current,
        present,
        refreshed,
        resign,
        rolling,
        save_uninitialized,
        unset_destroy,
        withheld,
    }
}

/// The decision in the model's words.
fn answered(Decision { cookie, store, .. }: Decision) -> (model::Store, model::Cookie) {
    let store = match store {
        StoreAction::Delete => model::Store::Destroy,
        StoreAction::Nothing => model::Store::Nothing,
        StoreAction::Save => model::Store::Save,
        StoreAction::Touch => model::Store::Touch,
        other => panic!("the model does not know {other:?}"),
    };
    let cookie = match cookie {
        CookieAction::Clear => model::Cookie::Clear,
        CookieAction::Send => model::Cookie::Send,
        CookieAction::Withhold => model::Cookie::Nothing,
        other => panic!("the model does not know {other:?}"),
    };
    (store, cookie)
}

fn compare(quirks: bool, by_the_rules: fn(&model::Facts) -> (model::Store, model::Cookie)) {
    let mut counts = BTreeMap::new();
    for facts in all(quirks) {
        let answer = by_the_rules(&told(facts));
        assert_eq!(answered(decide(facts)), answer, "{facts:?}");
        *counts.entry(answer).or_insert(0) += 1;
    }
    println!("{} combinations: {counts:?}", all(quirks).len());
    // All pairs, but for those that make no sense: what is destroyed is not sent, and what is saved or
    // touched is not cleared. With the quirks nothing is.
    let pairs = if quirks { 4 * 2 - 1 } else { 4 * 3 - 1 - 2 };
    assert_eq!(counts.len(), pairs, "{counts:?}");
}

#[test]
fn all_are_different() {
    for (quirks, count) in [(true, 1_536), (false, 24_576)] {
        let different: BTreeSet<_> = all(quirks).iter().map(|facts| format!("{facts:?}")).collect();
        assert_eq!(different.len(), count);
    }
}

// B-106, B-107, B-108, B-109, B-110, B-111, B-114, B-136, B-137: for every combination of facts,
// the decision is that of the formulas
#[test]
fn the_decision_is_that_of_the_formulas() {
    compare(true, model::express);
}

// B-060, B-061, B-106, B-107, B-108, B-124, B-125, B-126, B-129, B-137, B-154: without the quirks, for
// every combination of facts, the decision is what users of express-session would rather have
#[test]
fn the_decision_is_what_one_would_wish() {
    compare(false, model::recommended);
}

// B-114, B-137: what makes no difference
#[test]
fn what_makes_no_difference() {
    for facts in all(true) {
        let decision = decide(facts);
        if facts.known {
            let other = Facts { save_uninitialized: !facts.save_uninitialized, ..facts };
            assert_eq!(decide(other), decision, "{facts:?}");
        }
        let other = decide(Facts { withheld: !facts.withheld, ..facts });
        assert_eq!((other.store, other.store_reason), (decision.store, decision.store_reason));
    }
}

// B-136, B-137, B-154: without the quirks, what never happens
#[test]
fn what_never_happens() {
    for facts in all(false) {
        let Decision { cookie, store, .. } = decide(facts);
        let saved = facts.saved != Saved::Never || store == StoreAction::Save;
        if cookie == CookieAction::Send {
            assert!(facts.present && saved, "a promise that was not kept: {facts:?}");
            assert!(!facts.withheld, "a cookie that the browser drops: {facts:?}");
        }
        if cookie == CookieAction::Clear {
            assert!(facts.ended && !facts.withheld, "{facts:?}");
            assert!(!facts.present || !facts.known && !saved, "{facts:?}");
        }
        if facts.saved == Saved::Never && facts.withheld && !facts.known {
            assert!(store != StoreAction::Save, "an orphan: {facts:?}");
        }
        let presented_nothing = facts.present && !facts.known && !facts.ended;
        let set_nothing = !facts.changed && facts.saved == Saved::Never;
        if presented_nothing && set_nothing && !facts.save_uninitialized {
            let nothing = (StoreAction::Nothing, CookieAction::Withhold);
            assert_eq!((store, cookie), nothing, "{facts:?}");
        }
        let cookie_only = facts.changed && facts.cookie_changed && facts.saved == Saved::Stale;
        if facts.present && facts.known && cookie_only && !facts.withheld {
            assert_eq!((store, cookie), (StoreAction::Save, CookieAction::Send), "{facts:?}");
        }
    }
}

/// A line of a decision list: what the facts must be, in words of [`fact`]; what is done, and why; the rules.
type Line = (&'static str, &'static str, Reason, &'static str);

/// The names of the facts, in the order of the columns.
const FACTS: [&str; 14] = [
    "present",
    "known",
    "new_id",
    "changed",
    "cookie_changed",
    "saved",
    "ended",
    "refreshed",
    "resign",
    "expiring",
    "rolling",
    "save_uninitialized",
    "unset_destroy",
    "withheld",
];

fn fact(facts: Facts, name: &str) -> &'static str {
    let is = match name {
        "saved" => {
            return match facts.saved {
                Saved::Current => "current",
                Saved::Never => "never",
                Saved::Stale => "stale",
            };
        }
        "present" => facts.present,
        "known" => facts.known,
        "new_id" => facts.new_id,
        "changed" => facts.changed,
        "cookie_changed" => facts.cookie_changed,
        "ended" => facts.ended,
        "refreshed" => facts.refreshed,
        "resign" => facts.resign,
        "expiring" => facts.expiring,
        "rolling" => facts.rolling,
        "save_uninitialized" => facts.save_uninitialized,
        "unset_destroy" => facts.unset_destroy,
        "withheld" => facts.withheld,
        other => panic!("no fact: {other}"),
    };
    if is { "yes" } else { "no" }
}

const EXPRESS_STORE: &[Line] = &[
    ("present=no unset_destroy=yes", "delete", Reason::Unset, "B-109"),
    ("present=no", "nothing", Reason::NoSession, "B-110"),
    ("new_id=yes", "save", Reason::NewId, "B-098, B-107, B-125"),
    ("saved=stale", "save", Reason::Changed, "B-107, B-116"),
    ("saved=never changed=yes", "save", Reason::Changed, "B-107, B-116"),
    ("saved=never known=yes", "save", Reason::Resave, "B-107, B-112"),
    ("saved=never save_uninitialized=yes", "save", Reason::New, "B-107, B-114"),
    ("saved=never", "nothing", Reason::Uninitialized, "B-107, B-114"),
    ("known=yes changed=yes", "touch", Reason::AlreadySaved, "B-108, B-113"),
    ("known=yes", "touch", Reason::NotModified, "B-108"),
    ("", "nothing", Reason::AlreadySaved, "B-107, B-108"),
];

const EXPRESS_COOKIE: &[Line] = &[
    ("present=no", "not sent", Reason::NoSession, "B-106, B-123"),
    ("known=yes rolling=no new_id=no changed=no", "not sent", Reason::NotModified, "B-106, B-118"),
    ("known=yes rolling=no expiring=no", "not sent", Reason::BrowserSessionCookie, "B-106, B-153"),
    (
        "known=no save_uninitialized=no new_id=no changed=no",
        "not sent",
        Reason::Uninitialized,
        "B-106, B-114",
    ),
    ("withheld=yes", "not sent", Reason::SecureOnPlainHttp, "B-136"),
    ("known=yes rolling=yes", "sent", Reason::Rolling, "B-106"),
    ("new_id=yes", "sent", Reason::NewId, "B-098, B-106, B-122"),
    ("changed=yes", "sent", Reason::Changed, "B-098, B-106, B-119"),
    ("", "sent", Reason::New, "B-106, B-114"),
];

const RECOMMENDED_STORE: &[Line] = &[
    ("present=no unset_destroy=yes", "delete", Reason::Unset, "B-109, B-127, B-128"),
    ("present=no", "nothing", Reason::NoSession, "B-110"),
    ("saved=stale", "save", Reason::Changed, "B-107, B-129"),
    (
        "saved=never known=no changed=no save_uninitialized=no",
        "nothing",
        Reason::Uninitialized,
        "B-107, B-114, B-126",
    ),
    ("saved=never known=no withheld=yes", "nothing", Reason::SecureOnPlainHttp, "B-137"),
    ("saved=never changed=yes", "save", Reason::Changed, "B-107, B-116"),
    ("saved=never known=yes", "save", Reason::Resave, "B-107, B-112"),
    ("saved=never", "save", Reason::New, "B-107, B-114"),
    ("known=yes changed=yes", "touch", Reason::AlreadySaved, "B-108, B-113"),
    (
        "known=yes refreshed=yes rolling=no resign=no cookie_changed=no",
        "nothing",
        Reason::Refreshed,
        "B-108",
    ),
    ("known=yes", "touch", Reason::NotModified, "B-108"),
    ("", "nothing", Reason::AlreadySaved, "B-107, B-125"),
];

const RECOMMENDED_COOKIE: &[Line] = &[
    ("present=no ended=no", "not sent", Reason::NoSession, "B-123"),
    ("present=no withheld=yes", "not sent", Reason::SecureOnPlainHttp, "B-136, B-154"),
    ("present=no", "cleared", Reason::Ended, "B-154"),
    (
        "known=yes rolling=no resign=no cookie_changed=no new_id=no changed=no",
        "not sent",
        Reason::NotModified,
        "B-106, B-118",
    ),
    (
        "known=yes rolling=no resign=no cookie_changed=no expiring=no",
        "not sent",
        Reason::BrowserSessionCookie,
        "B-106, B-153",
    ),
    (
        "known=no saved=never changed=no save_uninitialized=no ended=no",
        "not sent",
        Reason::Uninitialized,
        "B-106, B-126",
    ),
    ("withheld=yes", "not sent", Reason::SecureOnPlainHttp, "B-136, B-137"),
    (
        "known=no saved=never changed=no save_uninitialized=no",
        "cleared",
        Reason::Ended,
        "B-126, B-154",
    ),
    ("known=yes rolling=yes", "sent", Reason::Rolling, "B-106"),
    ("known=yes resign=yes", "sent", Reason::Resigned, "B-061"),
    ("known=yes cookie_changed=yes", "sent", Reason::CookieChanged, "B-129"),
    ("new_id=yes", "sent", Reason::NewId, "B-098, B-106, B-122"),
    ("changed=yes", "sent", Reason::Changed, "B-098, B-106, B-119"),
    ("save_uninitialized=yes", "sent", Reason::New, "B-106, B-114"),
    ("", "sent", Reason::Saved, "B-124"),
];

/// A decision list: its heading, whether it is for the facts with the quirks, and which half of a decision
/// it tells.
struct List {
    heading: &'static str,
    quirks: bool,
    half: fn(Decision) -> (String, String),
    lines: &'static [Line],
}

fn store(decision: Decision) -> (String, String) {
    (decision.store.to_string(), decision.store_reason.to_string())
}

fn cookie(decision: Decision) -> (String, String) {
    (decision.cookie.to_string(), decision.cookie_reason.to_string())
}

const LISTS: [List; 4] = [
    List {
        heading: "`Config::express`: what the store is asked",
        quirks: true,
        half: store,
        lines: EXPRESS_STORE,
    },
    List {
        heading: "`Config::express`: what becomes of the cookie",
        quirks: true,
        half: cookie,
        lines: EXPRESS_COOKIE,
    },
    List {
        heading: "`Config::recommended`: what the store is asked",
        quirks: false,
        half: store,
        lines: RECOMMENDED_STORE,
    },
    List {
        heading: "`Config::recommended`: what becomes of the cookie",
        quirks: false,
        half: cookie,
        lines: RECOMMENDED_COOKIE,
    },
];

/// A row as it stands in the file: what it says of facts, and all other cells.
struct Row {
    conditions: Vec<(String, String)>,
    action: String,
    reason: String,
    rules: String,
    /// How many combinations it is the first to fit.
    first: usize,
}

impl Row {
    fn fits(&self, facts: Facts) -> bool {
        self.conditions.iter().all(|(name, value)| fact(facts, name) == value)
    }
}

const INTRODUCTION: &str = "\
# Decisions

What happens at the end of a request, as four lists: the first row that fits decides. A fact that a row does
not care about is blank in it; one that no row of a list cares about has no column. What the facts mean stands
at `Facts` in [src/plan.rs](src/plan.rs), and the rules, B-001 to B-216, in
[rules.txt](../conformance/rules.txt). *first* is for how many combinations of facts the row decides: of 1,536
with express-session's quirks, of 24,576 without them.

This file is made by `UPDATE_DECISIONS=1 cargo test -p http-session --test decisions`. Without the variable
the test fails if the file is not current, and reads it back: for every combination of facts, the rows are what
`decide` does, reasons included. That `decide` is right is not told by the rows but by a model that was written
from the rules alone (`http-session-model`), and that test compares them, too.
";

/// How many combinations each row is the first to fit, and that it is right about them.
fn check(list: &List, rows: &[Row]) -> Vec<usize> {
    let mut firsts = vec![0; rows.len()];
    for facts in all(list.quirks) {
        let first = rows.iter().position(|row| row.fits(facts)).expect("the last row always fits");
        let Row { action, reason, .. } = &rows[first];
        let (decided, why) = (list.half)(decide(facts));
        assert_eq!((action, reason), (&decided, &why), "{}: {facts:?}", list.heading);
        firsts[first] += 1;
    }
    firsts
}

fn render(list: &List) -> String {
    let mut rows: Vec<_> = list
        .lines
        .iter()
        .map(|(conditions, action, reason, rules)| Row {
            conditions: conditions
                .split_whitespace()
                .map(|condition| condition.split_once('=').expect("name=value"))
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            action: (*action).into(),
            reason: reason.to_string(),
            rules: (*rules).into(),
            first: 0,
        })
        .collect();
    for (row, first) in check(list, &rows).into_iter().enumerate() {
        rows[row].first = first;
    }
    let of = |row: &Row, name: &str| {
        let condition = row.conditions.iter().find(|(fact, _)| fact == name);
        condition.map(|(_, value)| value.clone())
    };
    let columns: Vec<&str> =
        FACTS.into_iter().filter(|name| rows.iter().any(|row| of(row, name).is_some())).collect();
    let mut out = format!("\n## {}\n\n| {} |", list.heading, columns.join(" | "));
    // Writing to a String never fails.
    let _ = writeln!(out, " decided | because | rules | first |");
    let _ = writeln!(out, "|{}", " --- |".repeat(columns.len() + 4));
    for row in &rows {
        for column in &columns {
            let _ = write!(out, "| {} ", of(row, column).unwrap_or_default());
        }
        let Row { action, reason, rules, first, .. } = row;
        let _ = writeln!(out, "| **{action}** | {reason} | {rules} | {first} |");
    }
    out
}

/// The rows of a list as the file has them.
fn read(file: &str, list: &List) -> Vec<Row> {
    let (_, rest) = file.split_once(&format!("\n## {}\n", list.heading)).expect("a heading");
    let mut lines = rest.lines().skip_while(|line| line.is_empty());
    let mut cells = || -> Option<Vec<String>> {
        let line = lines.next()?.strip_prefix('|')?.strip_suffix('|')?;
        Some(line.split('|').map(|cell| cell.trim().to_owned()).collect())
    };
    let head = cells().expect("a head");
    cells().expect("a rule below the head");
    let mut rows = Vec::new();
    while let Some(mut row) = cells() {
        assert_eq!(row.len(), head.len());
        let rest = row.split_off(row.len() - 4);
        let said = head.iter().cloned().zip(row).filter(|(_, value)| !value.is_empty());
        rows.push(Row {
            conditions: said.collect(),
            action: rest[0].trim_matches('*').into(),
            reason: rest[1].clone(),
            rules: rest[2].clone(),
            first: rest[3].parse().expect("a number"),
        });
    }
    rows
}

// B-060, B-061, B-106, B-112, B-124, B-126, B-129, B-136, B-153, B-154: for every combination of facts, what is
// decided and why is what the published list says
#[test]
fn the_published_list_is_what_is_decided() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("DECISIONS.md");
    let text = LISTS.iter().fold(INTRODUCTION.to_owned(), |text, list| text + &render(list));
    if std::env::var_os("UPDATE_DECISIONS").is_some() {
        fs::write(&path, &text).expect("the list can be written");
    }
    let file = fs::read_to_string(&path).expect("the list is part of the source");
    assert!(file == text, "DECISIONS.md is not current (UPDATE_DECISIONS=1)");
    for list in &LISTS {
        let rows = read(&file, list);
        let firsts = check(list, &rows);
        println!("{}: {} rows, first of {firsts:?}", list.heading, rows.len());
        for (row, first) in rows.iter().zip(firsts) {
            assert!(first > 0, "{}: no combination needs {:?}", list.heading, row.conditions);
            assert_eq!(row.first, first, "{}", list.heading);
            assert!(row.rules.starts_with("B-"), "{}: {:?}", list.heading, row.conditions);
        }
        assert_eq!(rows.len(), list.lines.len());
    }
}
