//! The whole protocol on a `HashMap`, without a framework: load → modify → decide.

// An example prints, and its store is a HashMap.
#![allow(clippy::disallowed_macros, clippy::disallowed_types)]

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;

use http_session::store::{Stored, Touched, Written};
use http_session::{Begin, Config, CookieOptions, Pending, Record, RequestFacts};
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
    let mut begin = config.begin(&request, [cookie.as_bytes()], now);
    while let Begin::Load(lookup) = begin {
        let record = store.get(&lookup.operation.id);
        let record = record.filter(|record| record.expires().is_none_or(|end| end > now));
        begin = lookup.answer(record.map(|record| Stored::new(record.to_json())), now)?;
    }
    let mut exchange = match begin {
        Begin::Create(create) => create.with_id(new_id, now),
        Begin::Ready(exchange) => exchange,
        Begin::Skip(reason) => return Err(reason.to_string().into()),
        Begin::Load(_) => return Err("it was answered".into()),
    };
    println!("  {}", exchange.origin());

    // Modify.
    let session = exchange.session().ok_or("neither destroyed nor unset")?;
    let visits = session.get::<u32>("visits")?.unwrap_or(0).saturating_add(1);
    session.insert("visits", visits)?;
    println!("  visit number {visits}");

    // Decide, and do what was decided.
    let mut next = exchange.finish::<Infallible>(now)?;
    while let Some(pending) = next {
        next = match pending {
            Pending::Save(ask) => {
                // One thread, one client: the precondition (`ask.operation.expect`) holds.
                store.insert(ask.operation.id.clone(), ask.operation.record.clone());
                ask.complete::<Infallible>(&mut exchange, Ok(Written::Saved(None)), now)?
            }
            Pending::Touch(ask) => {
                let record = store.get_mut(&ask.operation.id);
                let reply = if record.is_some() { Touched::Alive } else { Touched::Gone };
                record.into_iter().for_each(|record| record.touch(&ask.operation));
                ask.complete(&mut exchange, Some(reply), now);
                None
            }
            other => return Err(format!("this program never asks for {other:?}").into()),
        }
    }
    let outcome = exchange.outcome().ok_or("the store has answered")?;
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
