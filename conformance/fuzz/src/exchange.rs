//! Whole scenarios: options of either preset, requests, what the handlers do, faults and clocks. They are replayed
//! through the core, and the trace keeps the promises.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use arbitrary::{Result, Unstructured};
use http_session_conformance::invariants::Tally;
use http_session_conformance::scenario::{
    Alteration, Conflict, CookieOptions, FaultCode, Faults, Operation, Options, Presented, Preset,
    Request, Scenario, Secrets, Tamper, Unset,
};
use http_session_conformance::space;
use http_session_conformance::trace::Trace;
use http_session_conformance::via::Via;
use serde_json::{Value, json};

use crate::common::SECRETS;
use crate::premises::{add, held};

/// One execution.
///
/// # Panics
/// On any violation.
pub fn run(bytes: &[u8]) {
    check(bytes, |scenario| Via::Core.replay(scenario));
}

/// The same with `subject` in the library's place.
///
/// # Panics
/// On any violation.
pub fn check(bytes: &[u8], subject: impl Fn(&Scenario) -> Trace) {
    let Ok(scenario) = scenario(&mut Unstructured::new(bytes)) else { return };
    let trace = subject(&scenario);
    let mut tally = Tally::default();
    if let Err(violation) = space::judge(&scenario, &trace, &mut tally) {
        let json = |value| serde_json::to_string(value).expect("JSON");
        panic!(
            "{violation}\n{}\n{}",
            json(&scenario),
            serde_json::to_string(&trace).expect("JSON")
        );
    }
    if trace.rejected {
        return held("the options are refused");
    }
    tally.counts().for_each(|(name, _, count)| add(name, count));
    held("a scenario is replayed");
}

/// The scenario that the bytes tell.
fn scenario(u: &mut Unstructured<'_>) -> Result<Scenario> {
    let options = options(u)?;
    let mut preload = BTreeMap::new();
    for id in ["old", "older"] {
        if u.arbitrary()? {
            preload.insert(id.into(), record(u, 0..=7)?);
        }
    }
    let count = u.int_in_range(1..=5)?;
    let requests = (0..count).map(|index| request(u, index)).collect::<Result<_>>()?;
    let start = 1_700_000_000_000;
    Ok(Scenario { name: "fuzzed".into(), start, options, preload, requests })
}

/// Mostly what the preset says.
fn maybe<T>(
    u: &mut Unstructured<'_>,
    value: impl FnOnce(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Option<T>> {
    if u.ratio(1, 3)? { value(u).map(Some) } else { Ok(None) }
}

fn flag(u: &mut Unstructured<'_>) -> Result<bool> {
    u.arbitrary()
}

fn options(u: &mut Unstructured<'_>) -> Result<Options> {
    let timeout = |u: &mut Unstructured<'_>| {
        Ok(*u.choose(&[None, Some(1), Some(1_000), Some(60_000), Some(3_600_000)])?)
    };
    let preset = *u.choose(&[Preset::Express, Preset::Recommended])?;
    Ok(Options {
        preset: Some(preset),
        secret: match u.int_in_range(0..=3)? {
            0 => Secrets::Many(SECRETS[..2].iter().map(|secret| (*secret).into()).collect()),
            _ => Secrets::One(SECRETS[0].into()),
        },
        name: maybe(u, |u| Ok((*u.choose(&["sid", "__Host-sid", ""])?).into()))?,
        resave: maybe(u, flag)?,
        save_uninitialized: maybe(u, flag)?,
        rolling: maybe(u, flag)?,
        unset: maybe(u, |u| Ok(*u.choose(&[Unset::Keep, Unset::Destroy])?))?,
        proxy: maybe(u, flag)?,
        cookie: maybe(u, cookie)?,
        cookie_by_path: None,
        conflict: maybe(u, |u| {
            Ok(*u.choose(&[Conflict::Merge, Conflict::Overwrite, Conflict::Refuse])?)
        })?,
        idle_timeout: maybe(u, timeout)?,
        absolute_timeout: maybe(u, timeout)?,
        localhost: maybe(u, flag)?,
        store_touch: maybe(u, flag)?,
        // Nobody can make an id of nothing.
        genid: u.ratio(1, 16)?.then(String::new),
    })
}

fn cookie(u: &mut Unstructured<'_>) -> Result<CookieOptions> {
    let mut options = CookieOptions::default();
    for _ in 0..u.int_in_range(0..=4)? {
        let (key, value) = attribute(u)?;
        if options.get(key).is_none() {
            options.0.push((key.into(), value));
        }
    }
    Ok(options)
}

/// An attribute with a value that can be serialized, or the cookie's end.
fn attribute(u: &mut Unstructured<'_>) -> Result<(&'static str, Value)> {
    Ok(match u.int_in_range(0..=8)? {
        0 => ("path", (*u.choose(&["/", "/app"])?).into()),
        1 => ("domain", (*u.choose(&["example.com", ".a.b"])?).into()),
        2 => ("httpOnly", u.arbitrary::<bool>()?.into()),
        3 => ("secure", u.arbitrary::<bool>()?.into()),
        4 => ("sameSite", (*u.choose(&["lax", "strict", "none"])?).into()),
        5 => {
            let ages = [1, 1_000, 60_000, 86_400_000, -1];
            ("maxAge", (*u.choose(&ages)?).into())
        }
        6 => {
            let ends = [1_700_000_000_000_i64, 1_700_000_060_000, 1_600_000_000_000];
            ("expires", (*u.choose(&ends)?).into())
        }
        7 => ("partitioned", u.arbitrary::<bool>()?.into()),
        _ => ("priority", (*u.choose(&["low", "high"])?).into()),
    })
}

/// A record that somebody else wrote, of one of these kinds: 5 and 6 tell of a beginning, 7 can't be read.
fn record(u: &mut Unstructured<'_>, kinds: RangeInclusive<u8>) -> Result<Value> {
    let created = *u.choose(&[1_699_999_999_000_i64, 1_699_990_000_000, 1_600_000_000_000])?;
    let secure = u.arbitrary::<bool>()?;
    let end = *u.choose(&[
        "2023-11-14T22:13:22.000Z",
        "2023-11-14T22:14:20.000Z",
        "2024-11-14T22:13:20.000Z",
    ])?;
    Ok(match u.int_in_range(kinds)? {
        0 => {
            json!({ "cookie": { "originalMaxAge": null, "expires": null, "secure": secure }, "n": 1 })
        }
        1 => {
            json!({ "cookie": { "originalMaxAge": 60_000, "expires": end, "secure": secure }, "a": "x" })
        }
        5 => {
            json!({ "cookie": { "expires": end, "httpOnly": false }, "http-session:created": created })
        }
        6 => json!({ "cookie": { "secure": secure }, "http-session:created": created, "n": 7 }),
        2 => json!({ "cookie": {}, "id": 1, "__proto__": 2 }),
        3 => {
            json!({ "cookie": { "path": "/\r\n", "originalMaxAge": -5, "expires": false }, "n": "x" })
        }
        4 => {
            json!({ "cookie": { "path": "/app", "sameSite": "strict", "originalMaxAge": 1_000, "expires": end } })
        }
        _ => json!({ "n": 1 }),
    })
}

fn request(u: &mut Unstructured<'_>, index: usize) -> Result<Request> {
    let offsets = [0, 1, 999, 1_000, 1_001, 59_999, 60_000, 3_600_000, 100_000_000, -1_000];
    let fault = |u: &mut Unstructured<'_>| {
        maybe(u, |u| Ok(*u.choose(&[FaultCode::Eio, FaultCode::Enoent])?))
    };
    Ok(Request {
        at: Some(*u.choose(&offsets)? + i64::try_from(index).unwrap_or_default()),
        method: None,
        url: maybe(u, |u| Ok((*u.choose(&["/app", "/app/x?y=1", "/apple", "/other"])?).into()))?,
        headers: maybe(u, |u| {
            let proto = *u.choose(&["https", "http", "https, http", "http,https", ""])?;
            Ok(BTreeMap::from([("X-Forwarded-Proto".into(), proto.into())]))
        })?,
        // A Secure cookie goes nowhere else, and that is what most of the rest depends on.
        encrypted: Some(u.ratio(3, 4)?),
        secure: maybe(u, flag)?,
        cookie: presented(u, index)?,
        handler: {
            let count = u.int_in_range(0..=6)?;
            Some((0..count).map(|_| operation(u)).collect::<Result<_>>()?)
        },
        status: maybe(u, |u| Ok(*u.choose(&[204, 302, 404])?))?,
        body: None,
        faults: if u.ratio(1, 5)? {
            Some(Faults {
                destroy: fault(u)?,
                get: fault(u)?,
                rotate: fault(u)?,
                set: fault(u)?,
                touch: fault(u)?,
            })
        } else {
            None
        },
    })
}

fn presented(u: &mut Unstructured<'_>, index: usize) -> Result<Option<Presented>> {
    let kind = u.int_in_range(0..=9)?;
    let alter = if kind > 6 {
        Alteration {
            tamper: maybe(u, |u| Ok(*u.choose(&Tamper::ALL)?))?,
            before: maybe(u, |u| Ok((*u.choose(&["a=b", "sid=x", "__Host-id=s:old.x"])?).into()))?,
            after: maybe(u, |u| Ok((*u.choose(&["a=b", "sid=x"])?).into()))?,
        }
    } else {
        Alteration::default()
    };
    Ok(match kind {
        0..=3 => None,
        4 => Some(Presented::None),
        5 => Some(Presented::Raw(
            (*u.choose(&["sid=s:old.x", "__Host-id=", "a=b", "\u{E9}"])?).into(),
        )),
        6 | 7 if index > 0 => Some(Presented::Step { step: u.choose_index(index)?, alter }),
        _ => Some(Presented::Sign {
            id: (*u.choose(&["old", "older", "gone"])?).into(),
            secret: (*u.choose(&[SECRETS[0], SECRETS[0], SECRETS[1], SECRETS[2]])?).into(),
            alter,
        }),
    })
}

fn operation(u: &mut Unstructured<'_>) -> Result<Operation> {
    let keys = ["n", "a", "b"];
    let ids = ["old", "older", "sid1", "sid2"];
    let key = (*u.choose(&keys)?).into();
    let value = |u: &mut Unstructured<'_>| {
        Ok(match u.int_in_range(0..=3)? {
            0 => Value::Null,
            1 => json!([{ "x": u.arbitrary::<i8>()? }]),
            // No word that an error's own text has.
            2 => (*u.choose(&["", "x", "Zwölf Boxkämpfer"])?).into(),
            _ => u.arbitrary::<i8>()?.into(),
        })
    };
    Ok(match u.int_in_range(0..=22)? {
        0 => Operation::Advance { ms: *u.choose(&[1, 999, 1_000, 60_000, 3_600_000, -1, -5_000])? },
        1 => Operation::Cookie {},
        2 => Operation::CookieReset {},
        3 => {
            let (field, value) = attribute(u)?;
            Operation::CookieSet { field: field.into(), value }
        }
        4 => Operation::Delete { key },
        5 => Operation::Destroy {},
        6 => Operation::Get { key },
        7 => Operation::Header {
            name: (*u.choose(&["Cache-Control", "Vary", "Set-Cookie", "X-Other"])?).into(),
            value: (*u.choose(&[
                "public, max-age=60",
                "*",
                "Accept",
                "no-store",
                "other=1; Path=/",
            ])?)
            .into(),
        },
        8 => Operation::Id {},
        9 => Operation::Keys {},
        10 => Operation::LogIn { key, value: value(u)? },
        11 => Operation::OtherDestroy { id: (*u.choose(&ids)?).into() },
        // Never under an id that will be made: those are drawn by lot.
        12 => Operation::OtherSet { id: (*u.choose(&ids[..2])?).into(), record: record(u, 0..=4)? },
        13 => Operation::Regenerate {},
        14 => Operation::Reload {},
        15 => Operation::Renew {},
        16 => Operation::Save {},
        17 => Operation::Touch {},
        18 => Operation::Unset {},
        19 => Operation::Update { key, add: u.int_in_range(-9..=9)? },
        _ => Operation::Set { key, value: value(u)? },
    })
}
