//! The whole space of options: each combination of what the options can be, driven through scripted requests.
//!
//! The space has 15 dimensions, which make [`COMBINATIONS`] combinations; a number names each of them. A
//! script is a scenario without those options (`space/scripts.jsonl`, 30 of them). [`scenario`] puts the two
//! together, for either preset, [`judge`] says whether all that was promised holds in it, and [`Walk`] goes
//! through the space.
//!
//! `express` gets express-session's own scripts: with `regenerate` in the place of a new id, and without the
//! options that express-session does not have.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::histories::orders::mix;
use crate::invariants::{self, Bug, Tally, Violation};
use crate::scenario::{CookieOptions, Operation, Preset, Request, Scenario, Secrets, Unset};
use crate::trace::Trace;
use crate::via::{Via, through_core};

mod cover;
mod walk;

pub use self::cover::covering;
pub use self::walk::{Failure, Report, Walk};

/// The dimensions, and how many values each has. The last one changes with each number.
pub const DIMENSIONS: [(&str, usize); 15] = [
    ("resave", 2),
    ("saveUninitialized", 2),
    ("rolling", 2),
    ("unset", 2),
    ("proxy", 3),
    ("secure", 3),
    ("httpOnly", 2),
    ("sameSite", 5),
    ("maxAge", 3),
    ("path", 2),
    ("domain", 2),
    ("partitioned", 2),
    ("priority", 4),
    ("secrets", 2),
    ("cookieByPath", 2),
];

/// How many combinations there are.
pub const COMBINATIONS: usize = {
    let (mut product, mut dimension) = (1, 0);
    while dimension < DIMENSIONS.len() {
        product *= DIMENSIONS[dimension].1;
        dimension += 1;
    }
    product
};

/// How many scripts there are.
pub const SCRIPTS: usize = 30;

/// A combination: for each dimension which of its values, counted from 0.
pub type Point = [usize; DIMENSIONS.len()];

/// The combination with this number.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn point(index: usize) -> Point {
    assert!(index < COMBINATIONS, "{index} names no combination");
    let (mut point, mut rest) = ([0; DIMENSIONS.len()], index);
    for (value, (_, size)) in point.iter_mut().zip(DIMENSIONS).rev() {
        *value = rest % size;
        rest /= size;
    }
    point
}

/// The number of a combination.
#[must_use]
pub fn index(point: &Point) -> usize {
    point.iter().zip(DIMENSIONS).fold(0, |index, (value, (_, size))| index * size + value)
}

/// The script that a combination begins with: any of them, so that all are spread over the space.
#[must_use]
pub const fn first_script(index: usize) -> usize {
    (mix(index as u64) % SCRIPTS as u64) as usize
}

/// The scenario of a combination and a script.
///
/// # Panics
/// If there is no such combination or script.
#[must_use]
pub fn scenario(preset: Preset, index: usize, script: usize) -> Scenario {
    let mut scenario = scripts(preset)[script].clone();
    fill(&mut scenario, index, &point(index));
    scenario
}

/// The scripts as this preset gets them.
fn scripts(preset: Preset) -> &'static [Scenario] {
    static EXPRESS: LazyLock<Vec<Scenario>> = LazyLock::new(|| read(Preset::Express));
    static RECOMMENDED: LazyLock<Vec<Scenario>> = LazyLock::new(|| read(Preset::Recommended));
    match preset {
        Preset::Express => &EXPRESS,
        Preset::Recommended => &RECOMMENDED,
    }
}

fn read(preset: Preset) -> Vec<Scenario> {
    let lines = include_str!("space/scripts.jsonl").lines().map(|line| {
        let script: Scenario = serde_json::from_str(line).expect("a script is a scenario");
        let mut options = script.options;
        options.preset = Some(preset);
        if preset == Preset::Express {
            (options.name, options.conflict) = (None, None);
            (options.idle_timeout, options.absolute_timeout) = (None, None);
        }
        // The client of the script knows the cookie's name.
        let line = line.replace("(name)", options.name());
        let script: Scenario = serde_json::from_str(&line).expect("a name needs no escapes");
        let requests = match preset {
            Preset::Recommended => script.requests,
            Preset::Express => script.requests.into_iter().map(as_express).collect(),
        };
        Scenario { options, requests, ..script }
    });
    let scripts: Vec<_> = lines.collect();
    assert_eq!(scripts.len(), SCRIPTS, "space/scripts.jsonl");
    scripts
}

/// The request with what express-session has.
fn as_express(mut request: Request) -> Request {
    let express = |operation: &Operation| match operation.clone() {
        Operation::LogIn { key, value } => {
            vec![Operation::Regenerate {}, Operation::Set { key, value }]
        }
        Operation::Renew {} => vec![Operation::Regenerate {}],
        Operation::Update { key, add } => vec![Operation::Set { key, value: add.into() }],
        Operation::CookieReset {} => Vec::new(),
        other => vec![other],
    };
    request.handler =
        request.handler.map(|operations| operations.iter().flat_map(express).collect());
    request.faults.iter_mut().for_each(|faults| faults.rotate = None);
    request
}

/// Puts a combination into a script.
fn fill(scenario: &mut Scenario, index: usize, point: &Point) {
    const SECRETS: [&str; 2] =
        ["today's secret, 32 bytes and more", "yesterday's secret, 32 bytes or more"];
    let &[
        resave,
        save,
        rolling,
        unset,
        proxy,
        secure,
        http_only,
        same_site,
        max_age,
        path,
        domain,
        partitioned,
        priority,
        secrets,
        by_path,
    ] = point;
    let on = |value| value == 1;
    let mut cookie = vec![
        ("path", json!(["/", "/app"][path])),
        ("httpOnly", json!([true, false][http_only])),
        ("secure", [json!(false), json!(true), json!("auto")][secure].clone()),
        (
            "sameSite",
            [json!(false), json!("lax"), json!("strict"), json!("none"), json!("auto")][same_site]
                .clone(),
        ),
        // A second; and longer than the preset lets anyone be away.
        ("maxAge", [Value::Null, json!(1_000), json!(172_800_000)][max_age].clone()),
        ("partitioned", json!(on(partitioned))),
    ];
    if on(domain) {
        cookie.push(("domain", json!("example.com")));
    }
    if priority > 0 {
        cookie.push(("priority", json!(["low", "medium", "high"][priority - 1])));
    }
    let cookie =
        CookieOptions(cookie.into_iter().map(|(key, value)| (key.to_owned(), value)).collect());
    let options = &mut scenario.options;
    options.resave = Some(on(resave));
    options.save_uninitialized = Some(on(save));
    options.rolling = Some(on(rolling));
    options.unset = Some([Unset::Keep, Unset::Destroy][unset]);
    options.proxy = [None, Some(false), Some(true)][proxy];
    options.secret =
        Secrets::Many(SECRETS[..=secrets].iter().map(|&secret| secret.into()).collect());
    (options.cookie, options.cookie_by_path) = if on(by_path) {
        let default = ("default".to_owned(), CookieOptions::default());
        (None, Some([default, ("/app".to_owned(), cookie)].into()))
    } else {
        (Some(cookie), None)
    };
    let preset = match options.preset() {
        Preset::Express => "express",
        Preset::Recommended => "recommended",
    };
    scenario.name = format!("{preset} {index}: {}", scenario.name);
}

/// Does the preset refuse these options? That is the whole table: what can never be serialized, and an empty
/// secret; `recommended` also what browsers drop, and a secret that is too short.
#[must_use]
pub fn is_refused(scenario: &Scenario) -> bool {
    let options = &scenario.options;
    let secrets = options.secret.as_slice();
    if secrets.first().is_none_or(String::is_empty)
        || crate::compare::uses_impossible_option(scenario)
    {
        return true;
    }
    if options.preset() == Preset::Express {
        return false;
    }
    let localhost = options.localhost == Some(true);
    let dropped = |cookie: &CookieOptions| {
        let says = |key: &str, word: &str| {
            let text = cookie.get(key).and_then(Value::as_str);
            text.is_some_and(|text| text.eq_ignore_ascii_case(word))
        };
        let is = |key: &str, flag: bool| cookie.get(key) == Some(&Value::Bool(flag));
        let auto = !localhost && says("secure", "auto");
        let secure = !localhost && !auto && !is("secure", false);
        let path = cookie.get("path").map_or(Some("/"), Value::as_str).unwrap_or_default();
        let wide = !cookie.get("domain").is_none_or(|domain| *domain == "");
        let reachable = path.is_empty()
            || path.starts_with('/')
                && path
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && !b"\"#<>?\\^`{}".contains(&byte));
        // The last of the two counts.
        let lifetime = cookie.0.iter().rfind(|(key, _)| key == "maxAge" || key == "expires");
        let over = matches!(lifetime, Some((key, Value::Number(age))) if key == "maxAge" && age.as_i64() <= Some(0));
        let name = options.name().to_ascii_lowercase();
        let http = name.starts_with("__http-") || name.starts_with("__host-http-");
        name.starts_with("__host-") && !(secure && path == "/" && !wide)
            || name.starts_with("__secure-") && !secure
            || http && (!secure || is("httpOnly", false))
            || says("sameSite", "none") && !secure
            || cookie.get("sameSite") == Some(&"auto".into()) && !secure && !auto
            || is("partitioned", true) && !secure
            || !reachable
            || over
    };
    let [idle, absolute] = options.timeouts();
    if idle == Some(0)
        || absolute == Some(0)
        || idle.zip(absolute).is_some_and(|(idle, all)| idle > all)
    {
        return true;
    }
    let fallback = CookieOptions::default();
    let used = match &options.cookie_by_path {
        None => vec![options.cookie.as_ref()],
        Some(_) => {
            scenario.requests.iter().map(|request| options.cookie_for(request.url())).collect()
        }
    };
    secrets.iter().any(|secret| secret.len() < 32)
        || used.into_iter().any(|cookie| dropped(cookie.unwrap_or(&fallback)))
}

/// Does all hold that was promised? The options are refused if they have to be (P-15), and each request keeps
/// the invariants.
///
/// # Errors
/// The first that does not hold.
pub fn judge(scenario: &Scenario, trace: &Trace, tally: &mut Tally) -> Result<(), Violation> {
    let refused = is_refused(scenario);
    if trace.rejected != refused {
        let seen = if refused { "it was not refused" } else { "it was refused" };
        let says = "what is dangerous is refused, and nothing else";
        return Err(Violation::new("P-15", says, seen.into()));
    }
    invariants::check(scenario, trace, tally)
}

/// Replays it through the core and [judges](judge) that. Once more, if asked for: the same comes of the same
/// (P-14), and no `Debug` on the way shows an id, a secret or data (P-12b).
///
/// # Errors
/// As [`judge`].
pub fn try_out(scenario: &Scenario, again: bool, tally: &mut Tally) -> Result<Trace, Violation> {
    let trace = Via::Core.replay(scenario);
    judge(scenario, &trace, tally)?;
    if again {
        compare(scenario, &trace, &through_core(scenario, None))?;
    }
    Ok(trace)
}

fn compare(scenario: &Scenario, trace: &Trace, again: &(Trace, String)) -> Result<(), Violation> {
    let (second, shown) = again;
    if second != trace {
        let seen = "a second replay gives another trace".into();
        return Err(Violation::new("P-14", "the same comes of the same", seen));
    }
    match invariants::leak(scenario, trace, shown) {
        Some(text) => Err(Violation::new("P-12b", "no Debug shows secrets", text)),
        None => Ok(()),
    }
}

/// What catches a bug first: its script is driven through combinations of all kinds until something is seen.
///
/// # Errors
/// Nothing catches it.
pub fn catch(bug: &Bug) -> Result<Violation, String> {
    let caught = covering().iter().find_map(|point| {
        let scenario = scenario(bug.preset, index(point), bug.script);
        let first = through_core(&scenario, Some(bug));
        let judged = judge(&scenario, &first.0, &mut Tally::default());
        judged
            .and_then(|()| compare(&scenario, &first.0, &through_core(&scenario, Some(bug))))
            .err()
    });
    caught.ok_or_else(|| format!("{}: nothing has caught it", bug.says))
}
