//! A scenario's handler: carries out its operations on a session.

use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http_session::{Action, Attribute, Exchange, Expires, SessionCookie, Timestamp};
use http_session_store::{Env, Error, Session, Store};
use serde_json::{Value, json};

use crate::driver;
use crate::scenario::Operation;
use crate::setup;
use crate::world::World;

/// What an operation gives that has nothing to give.
fn done<T>(result: Result<T, Error>) -> Value {
    result.map_or_else(|error| failed(&error), |_| true.into())
}

fn failed(error: &Error) -> Value {
    let name = match error {
        Error::Conflict => "conflict".into(),
        Error::Gone => "gone".into(),
        Error::Missing => "missing".into(),
        Error::NoSession => "no session".into(),
        Error::Store(_) => "store".into(),
        Error::Undeliverable => "undeliverable".into(),
        other => format!("other: {other}"),
    };
    json!({ "error": name })
}

fn give<T: Into<Value>>(result: Result<T, Error>) -> Value {
    result.map_or_else(|error| failed(&error), Into::into)
}

/// Carries out what has nothing to do with the request's session.
fn outside(world: &World, headers: &mut HeaderMap, operation: &Operation) -> Option<Value> {
    world.operation_begins();
    match operation {
        Operation::Header { name, value } => {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            headers.append(name, HeaderValue::from_str(value).expect("a header's value"));
        }
        Operation::Advance { ms } => world.env.advance(*ms),
        Operation::OtherDestroy { id } => world.remove(id),
        Operation::OtherSet { id, record } => world.put(id, record),
        _ => return None,
    }
    Some(true.into())
}

/// Carries out one operation on the core's own session; `None` where the request has none. The store
/// and the environment are the world, or what stands before it.
pub(crate) fn on_exchange(
    world: &World,
    (store, env): (&impl Store, &impl Env),
    headers: &mut HeaderMap,
    exchange: Option<&mut Exchange>,
    operation: &Operation,
) -> Value {
    if let Some(value) = outside(world, headers, operation) {
        return value;
    }
    let Some(exchange) = exchange else { return without_session(operation) };
    let now = world.now();
    let genid = || env.genid().map_err(Error::Id);
    let action = match operation {
        Operation::CookieReset {} if exchange.session().is_some() => {
            exchange.reset_cookie(now);
            return true.into();
        }
        Operation::Destroy {} => Ok(Action::Destroy),
        Operation::LogIn { .. } if exchange.session().is_some() => genid().map(Action::LogIn),
        Operation::Regenerate {} if exchange.session().is_some() => genid().map(Action::Regenerate),
        Operation::Renew {} if exchange.session().is_some() => genid().map(Action::Renew),
        Operation::Reload {} => Ok(Action::Reload),
        Operation::Save {} => Ok(Action::Save),
        Operation::Unset {} => {
            exchange.unset();
            return true.into();
        }
        _ => {
            let Some(session) = exchange.session() else { return failed(&Error::NoSession) };
            return match operation {
                Operation::Cookie {} => read_cookie(session.cookie(), now),
                Operation::CookieSet { field, value } => {
                    set_cookie_field(session.cookie_mut(), field, value, now);
                    true.into()
                }
                Operation::Delete { key } => {
                    session.remove(key);
                    true.into()
                }
                Operation::Get { key } => give(
                    session.get::<Value>(key).map(Option::unwrap_or_default).map_err(Error::Data),
                ),
                Operation::Id {} => session.id().as_str().into(),
                Operation::Keys {} => {
                    let mut keys: Vec<&str> = session.data().keys().map(String::as_str).collect();
                    keys.sort_unstable();
                    keys.into()
                }
                Operation::Set { key, value } => {
                    done(session.insert(key, value).map_err(Error::Data))
                }
                Operation::Touch {} => {
                    session.cookie_mut().touch(now);
                    true.into()
                }
                Operation::Update { key, add } => {
                    give(session.update(key, adding(*add)).map_err(Error::Data))
                }
                other => unreachable!("{other:?} was dealt with"),
            };
        }
    };
    let mut result = action.and_then(|action| driver::run(exchange, action, store, env));
    if let (Ok(()), Operation::LogIn { key, value }) = (&result, operation) {
        let session = exchange.session().ok_or(Error::NoSession);
        result = session.and_then(|session| session.insert(key, value).map_err(Error::Data));
    }
    done(result)
}

/// What `update` does to a number.
fn adding(add: i64) -> impl Fn(Option<i64>) -> i64 + Send + Sync + 'static {
    move |number| number.unwrap_or_default() + add
}

/// Carries out one operation on the session that an application sees; `None` where the request has
/// none.
pub(crate) async fn on_session(
    world: &World,
    headers: &mut HeaderMap,
    session: Option<&Session>,
    operation: &Operation,
) -> Value {
    if let Some(value) = outside(world, headers, operation) {
        return value;
    }
    let Some(session) = session else { return without_session(operation) };
    match operation {
        Operation::Cookie {} => {
            give(session.cookie().map(|cookie| read_cookie(&cookie, world.now())))
        }
        Operation::CookieReset {} => done(session.reset_cookie()),
        Operation::CookieSet { field, value } => {
            done(session.cookie_mut(|cookie, now| set_cookie_field(cookie, field, value, now)))
        }
        Operation::Delete { key } => done(session.remove(key)),
        Operation::Destroy {} => done(session.destroy().await),
        Operation::Get { key } => give(session.get::<Value>(key).map(Option::unwrap_or_default)),
        Operation::Id {} => give(session.id().map(|id| id.as_str().to_owned())),
        Operation::Keys {} => give(session.keys()),
        Operation::LogIn { key, value } => done(session.log_in(key, value).await),
        Operation::Regenerate {} => done(session.regenerate().await),
        Operation::Reload {} => done(session.reload().await),
        Operation::Renew {} => done(session.renew().await),
        Operation::Save {} => done(session.save().await),
        Operation::Set { key, value } => done(session.insert(key, value)),
        Operation::Touch {} => done(session.touch()),
        // In JavaScript null can be assigned at any time.
        Operation::Unset {} => match session.unset() {
            Err(Error::NoSession) => true.into(),
            result => done(result),
        },
        Operation::Update { key, add } => give(session.update(key, adding(*add))),
        other => unreachable!("{other:?} was dealt with"),
    }
}

fn without_session(operation: &Operation) -> Value {
    match operation {
        Operation::Unset {} => true.into(),
        _ => failed(&Error::NoSession),
    }
}

fn read_cookie(cookie: &SessionCookie, now: Timestamp) -> Value {
    let millis = |expires: Expires<i64>| match expires {
        Expires::At(millis) => Value::from(millis),
        Expires::False => Value::Bool(false),
        _ => Value::Null,
    };
    let (expires, max_age) = match cookie.expires() {
        Expires::At(end) => (end.as_millis().into(), end.millis_since(now).into()),
        Expires::False => (Value::Bool(false), Value::Bool(false)),
        _ => (Value::Null, Value::Null),
    };
    let original_max_age = millis(cookie.original_max_age());
    json!({ "maxAge": max_age, "originalMaxAge": original_max_age, "expires": expires })
}

fn set_cookie_field(cookie: &mut SessionCookie, field: &str, value: &Value, now: Timestamp) {
    let attribute = match field {
        "domain" => Attribute::Domain,
        "expires" => return cookie.set_expires(setup::expires(value), now),
        "httpOnly" => Attribute::HttpOnly,
        "maxAge" => {
            return match (value.as_u64(), value.as_i64()) {
                (Some(age), _) => cookie.set_max_age(Duration::from_millis(age), now),
                // No lifetime is negative: the end is in the past.
                (None, Some(age)) => {
                    let end = now.plus_millis(age).map_or(Expires::Invalid, Expires::At);
                    cookie.set_expires(end, now)
                }
                (None, None) => cookie.set_expires(setup::expires(value), now),
            };
        }
        "originalMaxAge" => {
            let length = value.as_i64().map_or(Expires::Session, Expires::At);
            return cookie.set_original_max_age(length);
        }
        "partitioned" => Attribute::Partitioned,
        "path" => Attribute::Path,
        "priority" => Attribute::Priority,
        "sameSite" => Attribute::SameSite,
        "secure" => Attribute::Secure,
        _ => panic!("cookie field {field} can't be assigned"),
    };
    let set = cookie.set(attribute, value.clone());
    set.unwrap_or_else(|error| panic!("cookie field {field} = {value}: {error}"));
}
