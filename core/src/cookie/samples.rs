//! What the tests of the cookie and of its options have in common.

use serde_json::Value;

use crate::{Config, CookieError, CookieOptions, SessionCookie, SessionId, Timestamp};

/// 2023-11-14T22:13:23.999Z: the milliseconds tell whether they are cut off.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(1_700_000_003_999).expect("a moment")
}

pub(crate) fn later(millis: i64) -> Timestamp {
    now().plus_millis(millis).expect("a moment")
}

pub(crate) fn made(options: CookieOptions) -> SessionCookie {
    options.build().expect("sound options").create(now(), false, true)
}

pub(crate) fn options() -> CookieOptions {
    CookieOptions::new()
}

pub(crate) fn stored(record: &Value) -> SessionCookie {
    SessionCookie::from_record(&mut record.as_object().expect("an object").clone(), true)
}

/// What cookie-signature's `sign` makes of the secret `keyboard cat` and the id `v`, from Node.
pub(crate) const SIGNED: &str = "v.ehGrtZnMiJMwKddk%2FI1zyQPyBmD4owpJOw2NUIhIePk";

/// The line of the session `v`, its signed id looked at and shortened to `v`.
pub(crate) fn line(cookie: &SessionCookie) -> Result<String, CookieError> {
    let config = Config::express("keyboard cat").name("sid").build().expect("sound options");
    let line = cookie.line(config.settings(), Some(&SessionId::from_text("v").expect("an id")))?;
    let line = line.to_str().expect("ASCII");
    let rest = line.strip_prefix(&format!("sid=s%3A{SIGNED}")).expect("name and signed id");
    Ok(format!("sid=v{rest}"))
}
