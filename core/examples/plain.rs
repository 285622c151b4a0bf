//! The whole protocol on a `HashMap`, without a framework: load → modify → decide.

// An example prints, and its store is a HashMap.
#![allow(clippy::disallowed_macros, clippy::disallowed_types)]

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;

use http_session::store::{Stored, Touched, Written};
use http_session::{Begin, Config, CookieOptions, Plan, Record, RequestFacts};
use http_session::{SessionId, Timestamp};

type Store = HashMap<SessionId, Record>;

/// Counts a visit of the client that sends this Cookie line; returns the Set-Cookie line, if any.
fn visit(
    config: &Config,
    store: &mut Store,
    cookie: &str,
    now: Timestamp,
) -> Result<Option<String>, Box<dyn Error>> {
    // Never so in earnest: anyone can guess this id. Take 24 bytes of a secure generator, or
    // `SessionId::random`.
    let new_id = SessionId::from_bytes([u8::try_from(store.len())?; 24]);

    // Load.
    let request = RequestFacts { path: "/", ..RequestFacts::default() };
    let mut exchange = match config.begin(&request, [cookie.as_bytes()], now) {
        Begin::Skip(reason) => return Err(reason.to_string().into()),
        Begin::Create(create) => create.with_id(new_id, now),
        Begin::Load(lookup) => match store.get(&lookup.operation.id) {
            Some(record) if record.expires().is_none_or(|end| end > now) => {
                lookup.found(Stored::new(record.to_json()))?
            }
            _ => lookup.missing().with_id(new_id, now),
        },
    };
    println!("  {}", exchange.origin());

    // Modify.
    let session = exchange.session_mut().ok_or("neither destroyed nor unset")?;
    let visits = session.get::<u32>("visits")?.unwrap_or(0).saturating_add(1);
    session.insert("visits", visits)?;
    println!("  visit number {visits}");

    // Decide, and do what was decided.
    let outcome = match exchange.finish(now)? {
        Plan::Delete(closing) => {
            store.remove(&closing.operation.id);
            closing.settle::<Infallible>(Ok(()))?
        }
        Plan::Nothing(outcome) => outcome,
        Plan::Save(closing) => {
            store.insert(closing.operation.id.clone(), closing.operation.record.clone());
            closing.settle::<Infallible>(Ok(Written::Saved(None)))?
        }
        Plan::Touch(closing) => match store.get_mut(&closing.operation.id) {
            Some(record) => {
                record.touch(&closing.operation);
                closing.settle(Some(Touched::Alive))
            }
            None => closing.settle(Some(Touched::Gone)),
        },
    };
    let decision = outcome.decision();
    println!("  store: {}, because {}", decision.store, decision.store_reason);
    println!("  cookie: {}, because {}", decision.cookie, decision.cookie_reason);
    Ok(outcome.set_cookie().map(|line| line.to_str().map(String::from)).transpose()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::express("keyboard cat").resave(false).save_uninitialized(false);
    let config = config.cookie(CookieOptions::new().max_age_millis(3_600_000)).build()?;
    let now = Timestamp::from_millis(1_700_000_000_000).ok_or("no date")?;
    let mut store = Store::new();

    println!("A client without a cookie:");
    let line = visit(&config, &mut store, "", now)?.ok_or("no Set-Cookie line")?;
    println!("  Set-Cookie: {line}");

    println!("The same client again:");
    let cookie = line.split(';').next().unwrap_or_default();
    visit(&config, &mut store, cookie, now)?;

    println!("Somebody who changed the cookie:");
    visit(&config, &mut store, &cookie.replace("s%3AAAAA", "s%3AAAAB"), now)?;
    Ok(())
}
