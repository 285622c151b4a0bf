//! The session in memory while its request runs: an id, JSON data, and a cookie.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::cookie::SessionCookie;
use crate::error::DataError;
use crate::id::SessionId;
use crate::time::Timestamp;

/// JSON data, shared with the baselines that it is compared with until it is written to. The first
/// write makes a copy of its own, so there is no flag that could be forgotten.
pub(crate) type Data = Arc<Map<String, Value>>;

/// A session: what express-session calls `req.session`. Its `Debug` shows neither id nor data.
#[derive(Clone)]
pub struct Session {
    pub(crate) cookie: SessionCookie,
    pub(crate) data: Data,
    pub(crate) id: SessionId,
}

impl Session {
    /// The session id.
    #[must_use]
    pub const fn id(&self) -> &SessionId {
        &self.id
    }

    /// The session's cookie.
    #[must_use]
    pub const fn cookie(&self) -> &SessionCookie {
        &self.cookie
    }

    /// The session's cookie, to change it. By itself such a change is no modification (B-100): it
    /// reaches the browser with `rolling` or with a change of the data (B-129).
    pub const fn cookie_mut(&mut self) -> &mut SessionCookie {
        &mut self.cookie
    }

    /// The data as it stands, without the cookie (B-083).
    #[must_use]
    pub fn data(&self) -> &Map<String, Value> {
        &self.data
    }

    /// The value under `key` as a `T`, or `None` if there is none.
    ///
    /// # Errors
    /// [`DataError::WrongType`].
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, DataError> {
        self.data
            .get(key)
            .map(|value| {
                T::deserialize(value).map_err(|_| DataError::WrongType(std::any::type_name::<T>()))
            })
            .transpose()
    }

    /// Puts `value` under `key`, by JSON's rules: NaN and the infinities become null (B-103).
    /// Writing an equal value is no modification (B-101).
    ///
    /// # Errors
    /// [`DataError::ReservedKey`], [`DataError::NotJson`]; the session is unchanged.
    pub fn insert<T: Serialize>(&mut self, key: &str, value: T) -> Result<(), DataError> {
        if key == "cookie" || is_reserved(key) {
            return Err(DataError::ReservedKey);
        }
        let value = serde_json::to_value(value)
            .map_err(|_| DataError::NotJson(std::any::type_name::<T>()))?;
        Arc::make_mut(&mut self.data).insert(key.into(), value);
        Ok(())
    }

    /// Takes out what is under `key`.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        if self.data.contains_key(key) { Arc::make_mut(&mut self.data).remove(key) } else { None }
    }

    /// Takes out all data. The session stays: to end it, destroy it.
    pub fn clear(&mut self) {
        self.data = Data::default();
    }

    /// The keys of the data.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.data.keys().map(String::as_str)
    }

    /// Renews the cookie's lifetime in memory (B-185). The end of the request does so by itself.
    pub fn touch(&mut self, now: Timestamp) {
        self.cookie.touch(now);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// Are the two equal as JSON values? The order of keys has no meaning (D-key-order).
pub(crate) fn is_same(left: &Data, right: &Data) -> bool {
    Arc::ptr_eq(left, right) || left == right
}

/// Names that a session object of express-session has itself, own or inherited: data under them
/// is not loaded (B-075).
pub(crate) fn is_reserved(key: &str) -> bool {
    matches!(
        key,
        "__defineGetter__"
            | "__defineSetter__"
            | "__lookupGetter__"
            | "__lookupSetter__"
            | "__proto__"
            | "constructor"
            | "destroy"
            | "hasOwnProperty"
            | "id"
            | "isPrototypeOf"
            | "propertyIsEnumerable"
            | "regenerate"
            | "reload"
            | "req"
            | "resetMaxAge"
            | "save"
            | "toLocaleString"
            | "toString"
            | "touch"
            | "valueOf"
    )
}

#[cfg(test)]
mod tests;
