//! The session in memory while its request runs: an id, JSON data, and a cookie.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{DataError, SessionCookie, SessionId, Timestamp};

/// JSON data, shared with the baselines that it is compared with until it is written to. The first
/// write makes a copy of its own, so there is no flag that could be forgotten.
pub(crate) type Data = Arc<Object>;

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// The key under which a record keeps when its session was made, if there is an absolute timeout: in
/// milliseconds, among the data, where a Node service leaves it alone.
pub(crate) const CREATED: &str = "http-session:created";

/// What [`Session::update`] does to a value.
type Update = Arc<dyn Fn(Option<&Value>) -> Result<Value, DataError> + Send + Sync>;

/// A session: what express-session calls `req.session`. Its `Debug` shows neither id nor data.
#[derive(Clone)]
pub struct Session {
    /// All data was taken out since the last load or save.
    pub(crate) cleared: bool,
    pub(crate) cookie: SessionCookie,
    pub(crate) created: Option<Timestamp>,
    pub(crate) data: Data,
    pub(crate) id: SessionId,
    /// What was written to which key since the last load or save: an update, or `None` for a value.
    pub(crate) log: Vec<(Box<str>, Option<Update>)>,
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

    /// When the session was made, or its user logged in: the beginning of the absolute timeout. `None`
    /// without one.
    pub const fn created(&self) -> Option<Timestamp> {
        self.created
    }

    /// The session's cookie, to change it. Under [`Config::express`](crate::Config::express) such a
    /// change is no modification by itself (B-100): it reaches the browser with `rolling` or with a
    /// change of the data (B-129).
    pub const fn cookie_mut(&mut self) -> &mut SessionCookie {
        &mut self.cookie
    }

    /// The data as it stands, without the cookie (B-083).
    pub fn data(&self) -> &Map<String, Value> {
        &self.data
    }

    /// The value under `key` as a `T`; `None` if there is none, or null.
    ///
    /// # Errors
    /// [`DataError::WrongType`].
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, DataError> {
        read(self.data.get(key))
    }

    /// Puts `value` under `key`, by JSON's rules: NaN and the infinities become null (B-103).
    /// Writing an equal value is no modification (B-101). If a parallel request writes to the same key,
    /// the last writer wins.
    ///
    /// # Errors
    /// [`DataError::ReservedKey`], [`DataError::NotJson`], [`DataError::TooDeep`]; the session is
    /// unchanged.
    pub fn insert<T: Serialize>(&mut self, key: &str, value: T) -> Result<(), DataError> {
        self.put(key, to_json(value)?)?;
        self.log_write(key);
        Ok(())
    }

    /// Puts what `update` makes of the value under `key` there, and returns it.
    ///
    /// Under [`Conflict::Merge`](crate::Conflict::Merge), if a parallel request changed the session
    /// meanwhile, `update` is called again with the value as it is then: of parallel increments all
    /// count. So it must depend on nothing but its argument. What is returned comes of the value that
    /// this request knows; what is stored in the end is to be had after a save.
    ///
    /// # Errors
    /// [`DataError::WrongType`], and those of [`Session::insert`]; the session is unchanged.
    pub fn update<T, U>(&mut self, key: &str, update: U) -> Result<T, DataError>
    where
        T: Serialize + DeserializeOwned,
        U: Fn(Option<T>) -> T + Send + Sync + 'static,
    {
        let step = move |value: Option<&Value>| to_json(update(read(value)?));
        let value = step(self.data.get(key))?;
        let result = from_json(&value)?;
        self.put(key, value)?;
        // Of a value that this request has put there itself, nothing is known elsewhere.
        if !self.is_written(key) {
            self.log.push((key.into(), Some(Arc::new(step))));
        }
        Ok(result)
    }

    fn put(&mut self, key: &str, value: Value) -> Result<(), DataError> {
        if key == "cookie" || key == CREATED || is_reserved(key) {
            return Err(DataError::ReservedKey);
        }
        if !is_readable(&value, 100) {
            return Err(DataError::TooDeep);
        }
        Arc::make_mut(&mut self.data).insert(key.into(), value);
        Ok(())
    }

    /// From here on the value under `key` is this request's own.
    fn log_write(&mut self, key: &str) {
        self.log.retain(|(other, _)| **other != *key);
        self.log.push((key.into(), None));
    }

    /// Was a value put under `key`, or taken out?
    fn is_written(&self, key: &str) -> bool {
        self.log.iter().any(|(other, update)| **other == *key && update.is_none())
    }

    /// Takes out what is under `key`; the other keys stay in their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.data.get(key)?;
        self.log_write(key);
        let data = Arc::make_mut(&mut self.data);
        let value = data.get_mut(key).map(Value::take);
        data.retain(|other, _| other != key);
        value
    }

    /// Takes out all data, also what a parallel request has written meanwhile. The session stays: to end
    /// it, destroy it.
    pub fn clear(&mut self) {
        self.cleared = true;
        self.log.clear();
        self.data = Data::default();
    }

    /// The whole data as a `T`: a struct whose fields are the keys.
    ///
    /// # Errors
    /// [`DataError::WrongType`].
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, DataError> {
        from_json(&Value::Object(self.data().clone()))
    }

    /// Inserts each field of `value` that is not yet so. Other keys stay.
    ///
    /// # Errors
    /// [`DataError::NotJson`] if it has no fields, and those of [`Session::insert`]; the session is
    /// unchanged.
    pub fn write<T: Serialize>(&mut self, value: &T) -> Result<(), DataError> {
        let Value::Object(mut fields) = to_json(value)? else { return Err(DataError::NotJson) };
        fields.retain(|key, value| self.data.get(key) != Some(value));
        let mut written = self.clone();
        fields.into_iter().try_for_each(|(key, value)| written.insert(&key, value))?;
        *self = written;
        Ok(())
    }

    /// Carries what this request changed since `base` over to `theirs`: what was written, key by key;
    /// what was updated is updated again.
    pub(crate) fn rebase(&mut self, base: &Self, theirs: &Self) -> Result<(), DataError> {
        let nothing = Data::default();
        let (base_data, their_data) =
            if self.cleared { (&nothing, &nothing) } else { (&base.data, &theirs.data) };
        let mut data = Object::clone(their_data);
        let updated =
            |key: &str| self.log.iter().any(|(other, _)| **other == *key) && !self.is_written(key);
        let written = |key: &String| self.data.get(key) != base_data.get(key) && !updated(key);
        data.retain(|key, _| self.data.contains_key(key) || !written(key));
        for (key, value) in self.data.iter().filter(|(key, _)| written(key)) {
            data.insert(key.clone(), value.clone());
        }
        for (key, update) in self.log.iter().filter(|(key, _)| updated(key)) {
            if let Some(update) = update {
                let value = Some(update(data.get(&**key))?).filter(|value| is_readable(value, 100));
                data.insert(key.to_string(), value.ok_or(DataError::TooDeep)?);
            }
        }
        self.data = Data::new(data);
        self.cookie.rebase(&base.cookie, &theirs.cookie);
        // Of two first loads the earlier counts.
        if self.created == base.created || theirs.created < self.created {
            self.created = theirs.created.or(self.created);
        }
        Ok(())
    }

    /// Was the session changed since it was `other`? Under [`Config::express`](crate::Config::express)
    /// the cookie does not count (B-100).
    pub(crate) fn is_changed(&self, other: &Self, quirks: bool) -> bool {
        !is_same(&self.data, &other.data)
            || self.created != other.created
            || !quirks && self.cookie.is_changed(&other.cookie)
    }
}

redacted! { Session }

fn to_json<T: Serialize>(value: T) -> Result<Value, DataError> {
    serde_json::to_value(value).map_err(|_| DataError::NotJson)
}

fn from_json<T: DeserializeOwned>(value: &Value) -> Result<T, DataError> {
    T::deserialize(value).map_err(|_| DataError::WrongType)
}

/// The value as a `T`: null is `None` as well, unless `T` can be null itself.
fn read<T: DeserializeOwned>(value: Option<&Value>) -> Result<Option<T>, DataError> {
    match (value.map(from_json).transpose(), value) {
        (Err(_), Some(Value::Null)) => Ok(None),
        (result, _) => result,
    }
}

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
