//! The session in memory while its request runs: an id, JSON data, and a cookie.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{DataError, SessionCookie, SessionId};

/// JSON data, shared with the baselines that it is compared with until it is written to. The first
/// write makes a copy of its own, so there is no flag that could be forgotten.
pub(crate) type Data = Arc<Object>;

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// A session: what express-session calls `req.session`. Its `Debug` shows neither id nor data.
#[derive(Clone)]
pub struct Session {
    pub(crate) cookie: SessionCookie,
    pub(crate) data: Data,
    pub(crate) id: SessionId,
}

impl Session {
    /// The session id.
    pub const fn id(&self) -> &SessionId {
        &self.id
    }

    /// The session's cookie.
    pub const fn cookie(&self) -> &SessionCookie {
        &self.cookie
    }

    /// The session's cookie, to change it. By itself such a change is no modification (B-100): it
    /// reaches the browser with `rolling` or with a change of the data (B-129).
    pub const fn cookie_mut(&mut self) -> &mut SessionCookie {
        &mut self.cookie
    }

    /// The data as it stands, without the cookie (B-083).
    pub fn data(&self) -> &Map<String, Value> {
        &self.data
    }

    /// The value under `key` as a `T`, or `None` if there is none.
    ///
    /// # Errors
    /// [`DataError::WrongType`].
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, DataError> {
        let read = |value| T::deserialize(value).map_err(|_| DataError::WrongType);
        self.data.get(key).map(read).transpose()
    }

    /// Puts `value` under `key`, by JSON's rules: NaN and the infinities become null (B-103).
    /// Writing an equal value is no modification (B-101).
    ///
    /// # Errors
    /// [`DataError::ReservedKey`], [`DataError::NotJson`], [`DataError::TooDeep`]; the session is
    /// unchanged.
    pub fn insert<T: Serialize>(&mut self, key: &str, value: T) -> Result<(), DataError> {
        if key == "cookie" || is_reserved(key) {
            return Err(DataError::ReservedKey);
        }
        let value = serde_json::to_value(value).map_err(|_| DataError::NotJson)?;
        if !is_readable(&value, 100) {
            return Err(DataError::TooDeep);
        }
        Arc::make_mut(&mut self.data).insert(key.into(), value);
        Ok(())
    }

    /// Takes out what is under `key`; the other keys stay in their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.data.get(key)?;
        let data = Arc::make_mut(&mut self.data);
        let value = data.get_mut(key).map(Value::take);
        data.retain(|other, _| other != key);
        value
    }

    /// Takes out all data. The session stays: to end it, destroy it.
    pub fn clear(&mut self) {
        self.data = Data::default();
    }
}

redacted! { Session }

/// What is nested deeper could be written, and not be read again.
fn is_readable(value: &Value, depth: usize) -> bool {
    let inner = |value| depth.checked_sub(1).is_some_and(|depth| is_readable(value, depth));
    match value {
        Value::Array(values) => values.iter().all(inner),
        Value::Object(values) => values.values().all(inner),
        _ => true,
    }
}

/// Are the two equal as JSON values? The order of keys has no meaning (D-key-order).
pub(crate) fn is_same(left: &Data, right: &Data) -> bool {
    Arc::ptr_eq(left, right) || left == right
}

/// Names that a session object of express-session has itself, own or inherited: data under them
/// is not loaded (B-075).
pub(crate) fn is_reserved(key: &str) -> bool {
    #[rustfmt::skip]
    const NAMES: [&str; 20] = [
        "destroy", "id", "regenerate", "reload", "req", "resetMaxAge", "save", "touch",
        "constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString",
        "toString", "valueOf", "__defineGetter__", "__defineSetter__", "__lookupGetter__",
        "__lookupSetter__", "__proto__",
    ];
    NAMES.contains(&key)
}

#[cfg(test)]
mod tests;
