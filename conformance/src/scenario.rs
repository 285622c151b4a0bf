//! What a session middleware is configured with and what a client then does with it.
//!
//! `FORMAT.md` of this crate describes the JSON form, one scenario a line. A field that is not
//! known is an error, so that nothing in a scenario can be ignored by accident. What is absent
//! stays absent when a scenario is written again; the methods of the same name fill in defaults.

use std::collections::BTreeMap;
use std::fmt;
use std::slice;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::trace::StoreCall;

/// One scenario: a configuration, what the store holds at first, and the client's requests.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Says what the scenario is; its trace has the same name.
    pub name: String,
    /// The virtual clock at the beginning, in milliseconds since the Unix epoch.
    pub start: i64,
    /// How the middleware is configured.
    pub options: Options,
    /// What the store holds before the first request: session id → record.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub preload: BTreeMap<String, Value>,
    /// What the client sends, in this order, one after the other.
    pub requests: Vec<Request>,
}

/// The options of the middleware, and three of the harness. What is absent takes the default of the
/// preset.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Options {
    /// Which defaults, and whose behaviour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// The secrets that cookies are signed with. The first one signs, all are tried in reading.
    pub secret: Secrets,
    /// The name of the session cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether a session is saved although it was not changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resave: Option<bool>,
    /// Whether a new session is saved although nothing was put into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save_uninitialized: Option<bool>,
    /// Whether the cookie is sent with every response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolling: Option<bool>,
    /// What becomes of the stored session when a handler drops the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unset: Option<Unset>,
    /// Whether `X-Forwarded-Proto` is believed; `None` leaves it to the framework.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<bool>,
    /// The options of the session cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<CookieOptions>,
    /// Cookie options by the beginning of the URL, in place of `cookie`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie_by_path: Option<BTreeMap<String, CookieOptions>>,
    /// What becomes of a write when a parallel request was faster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
    /// Milliseconds from the last use to the session's end; `Some(None)` is null: never.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<Option<u64>>,
    /// Milliseconds from the session's beginning to its end; `Some(None)` is null: never.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub absolute_timeout: Option<Option<u64>>,
    /// Whether the cookie is made fit for `http://localhost`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub localhost: Option<bool>,
    /// Whether the store can touch a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_touch: Option<bool>,
    /// The template of session ids, with `#` for the running number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genid: Option<String>,
}

impl Options {
    /// The preset, [`Preset::Express`] by default.
    pub fn preset(&self) -> Preset {
        self.preset.unwrap_or_default()
    }

    /// The name of the session cookie: if there is none, or an empty one, the preset's.
    pub fn name(&self) -> &str {
        let name = self.name.as_deref().filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| match self.preset() {
            Preset::Express => "connect.sid",
            Preset::Recommended => "__Host-id",
        });
        match self.localhost {
            Some(true) => name.trim_start_matches("__Host-").trim_start_matches("__Secure-"),
            _ => name,
        }
    }

    /// The idle and the absolute timeout in milliseconds, if there are such: by default those of the preset, one
    /// day and 30 days with [`Preset::Recommended`].
    pub fn timeouts(&self) -> [Option<u64>; 2] {
        const DAY: u64 = 24 * 3_600_000;
        let defaults = match self.preset() {
            Preset::Express => [None, None],
            Preset::Recommended => [Some(DAY), Some(30 * DAY)],
        };
        [self.idle_timeout.unwrap_or(defaults[0]), self.absolute_timeout.unwrap_or(defaults[1])]
    }

    /// Whose change counts, by default the preset's.
    pub fn conflict(&self) -> Conflict {
        self.conflict.unwrap_or_else(|| match self.preset() {
            Preset::Express => Conflict::Overwrite,
            Preset::Recommended => Conflict::Merge,
        })
    }

    /// `storeTouch`, true by default.
    pub fn store_touch(&self) -> bool {
        self.store_touch.unwrap_or(true)
    }

    /// The session id that is generated as the `number`th of a scenario, counted from 1.
    pub fn id(&self, number: u64) -> String {
        self.genid.as_deref().unwrap_or("sid#").replace('#', &number.to_string())
    }

    /// The cookie options for a request to `url`, which is path and query as sent.
    ///
    /// With `cookieByPath` that is the entry with the longest key that `url` begins with, else
    /// the entry `default`; otherwise it is `cookie`. `None` means that all is default.
    pub fn cookie_for(&self, url: &str) -> Option<&CookieOptions> {
        let Some(by_path) = &self.cookie_by_path else { return self.cookie.as_ref() };
        let longest = by_path.iter().filter(|(key, _)| url.starts_with(*key));
        match longest.max_by_key(|(key, _)| key.len()) {
            Some((_, options)) => Some(options),
            None => by_path.get("default"),
        }
    }
}

/// One secret or several: a string or an array of strings in JSON.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Secrets {
    /// A string.
    One(String),
    /// An array.
    Many(Vec<String>),
}

impl Secrets {
    /// The secrets in order.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(secret) => slice::from_ref(secret),
            Self::Many(secrets) => secrets,
        }
    }
}

impl Default for Secrets {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

/// A value that is there, null or not. What is absent does not come here.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Which defaults the options have, and whose behaviour the middleware.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// express-session's.
    #[default]
    Express,
    /// The safe one.
    Recommended,
}

/// What becomes of a write when a parallel request was faster.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Conflict {
    /// Both changes count, key by key.
    Merge,
    /// The last one counts.
    Overwrite,
    /// The request fails.
    Refuse,
}

/// What becomes of the stored session when a handler drops the session.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unset {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is destroyed.
    Destroy,
}

/// The options of a cookie as written, in their order: of `maxAge` and `expires` the last wins.
///
/// Values are left as JSON, since a scenario may hold wrong ones. `maxAge` is in milliseconds,
/// `expires` in milliseconds since the Unix epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CookieOptions(pub Vec<(String, Value)>);

impl CookieOptions {
    const KEYS: &'static [&'static str] = &[
        "path",
        "domain",
        "httpOnly",
        "secure",
        "sameSite",
        "maxAge",
        "expires",
        "partitioned",
        "priority",
    ];

    /// The value of one option.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

impl Serialize for CookieOptions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de> Deserialize<'de> for CookieOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(CookieOptionsVisitor)
    }
}

/// Reads a map into pairs, whose order the map of `serde_json` need not keep.
struct CookieOptionsVisitor;

impl<'de> Visitor<'de> for CookieOptionsVisitor {
    type Value = CookieOptions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cookie options")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<CookieOptions, A::Error> {
        let mut options = CookieOptions::default();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            if !CookieOptions::KEYS.contains(&key.as_str()) {
                return Err(de::Error::unknown_field(&key, CookieOptions::KEYS));
            }
            if options.get(&key).is_some() {
                return Err(de::Error::custom(format!("the cookie option `{key}` occurs twice")));
            }
            options.0.push((key, value));
        }
        Ok(options)
    }
}

/// One request of the client, and what the handler does with it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// When it is sent, in milliseconds after the scenario's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// The method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Path and query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Headers other than Cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, String>>,
    /// Whether the connection itself is TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
    /// Whether the framework says that the request came over TLS. It is asked only when the
    /// option `proxy` is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secure: Option<bool>,
    /// What goes into the Cookie header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<Presented>,
    /// What the handler does, in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<Vec<Operation>>,
    /// The status that the handler answers with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The body that the handler answers with; `empty` means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Which store calls of this request fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults: Option<Faults>,
}

impl Request {
    /// When it is sent, in milliseconds after the scenario's start; 0 by default.
    pub fn at(&self) -> i64 {
        self.at.unwrap_or(0)
    }

    /// The method, GET by default.
    pub fn method(&self) -> &str {
        self.method.as_deref().unwrap_or("GET")
    }

    /// Path and query, `/` by default.
    pub fn url(&self) -> &str {
        self.url.as_deref().unwrap_or("/")
    }

    /// Headers other than Cookie, none by default.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.headers.iter().flatten();
        headers.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether the connection itself is TLS; false by default.
    pub fn encrypted(&self) -> bool {
        self.encrypted.unwrap_or(false)
    }

    /// Whether the framework says that the request came over TLS; false by default.
    pub fn secure(&self) -> bool {
        self.secure.unwrap_or(false)
    }

    /// What goes into the Cookie header, [`Presented::Jar`] by default.
    pub fn cookie(&self) -> &Presented {
        self.cookie.as_ref().unwrap_or(&Presented::Jar)
    }

    /// What the handler does, nothing by default.
    pub fn handler(&self) -> &[Operation] {
        self.handler.as_deref().unwrap_or_default()
    }

    /// The status that the handler answers with, 200 by default.
    pub fn status(&self) -> u16 {
        self.status.unwrap_or(200)
    }

    /// The text that the handler answers with, `ok` by default.
    pub fn body(&self) -> &str {
        match self.body.as_deref() {
            None => "ok",
            Some("empty") => "",
            Some(text) => text,
        }
    }

    /// How the store calls of one kind fail in this request; `None` if they do not.
    pub fn fault(&self, call: StoreCall) -> Option<FaultCode> {
        self.faults.as_ref()?.of(call)
    }
}

/// What the client puts into the Cookie header.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "PresentedForm", into = "PresentedForm")]
pub enum Presented {
    /// The last value that the server set for the session cookie, whatever its attributes.
    #[default]
    Jar,
    /// No Cookie header.
    None,
    /// The whole header.
    Raw(String),
    /// The value that the response to an earlier request set, altered; no Cookie header if that
    /// response set none.
    Step {
        /// Which request, counted from 0.
        step: usize,
        /// What is changed or added.
        alter: Alteration,
    },
    /// A signed cookie, altered.
    Sign {
        /// The session id that is signed.
        id: String,
        /// The secret that signs it.
        secret: String,
        /// What is changed or added.
        alter: Alteration,
    },
}

/// What is done to a cookie before the client presents it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alteration {
    /// What is done to the percent-encoded value.
    pub tamper: Option<Tamper>,
    /// Other pairs that come first in the same header.
    pub before: Option<String>,
    /// Other pairs that come last in the same header.
    pub after: Option<String>,
}

/// What is done to the percent-encoded value of a cookie.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tamper {
    /// An `A` is added.
    Append,
    /// All of it is percent-decoded.
    Decoded,
    /// The last character becomes `A`, or `B` if it is `A`.
    FlipLast,
    /// The digits of percent escapes become lower case.
    LowerHex,
    /// An `=` is added.
    Pad,
    /// It is put into double quotes.
    Quoted,
    /// A leading `s%3A` is dropped.
    StripPrefix,
    /// All from the last `.` on is dropped.
    StripSignature,
    /// The last character is dropped.
    Truncate,
}

impl Tamper {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Append,
        Self::Decoded,
        Self::FlipLast,
        Self::LowerHex,
        Self::Pad,
        Self::Quoted,
        Self::StripPrefix,
        Self::StripSignature,
        Self::Truncate,
    ];
}

/// [`Presented`] as it stands in JSON.
#[derive(Clone, Deserialize, Serialize)]
#[serde(untagged)]
enum PresentedForm {
    Word(PresentedWord),
    Object(PresentedObject),
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum PresentedWord {
    Jar,
    None,
}

#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PresentedObject {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sign: Option<Signed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tamper: Option<Tamper>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    id: String,
    secret: String,
}

impl TryFrom<PresentedForm> for Presented {
    type Error = &'static str;

    fn try_from(form: PresentedForm) -> Result<Self, Self::Error> {
        let object = match form {
            PresentedForm::Word(PresentedWord::Jar) => return Ok(Self::Jar),
            PresentedForm::Word(PresentedWord::None) => return Ok(Self::None),
            PresentedForm::Object(object) => object,
        };
        let PresentedObject { raw, step, sign, tamper, before, after } = object;
        let alter = Alteration { tamper, before, after };
        match (raw, step, sign) {
            (Some(raw), None, None) if alter == Alteration::default() => Ok(Self::Raw(raw)),
            (Some(_), None, None) => Err("`raw` is the whole Cookie header, nothing goes with it"),
            (None, Some(step), None) => Ok(Self::Step { step, alter }),
            (None, None, Some(Signed { id, secret })) => Ok(Self::Sign { id, secret, alter }),
            _ => Err("`cookie` needs one of `raw`, `step` and `sign`"),
        }
    }
}

impl From<Presented> for PresentedForm {
    fn from(presented: Presented) -> Self {
        let object = match presented {
            Presented::Jar => return Self::Word(PresentedWord::Jar),
            Presented::None => return Self::Word(PresentedWord::None),
            Presented::Raw(raw) => PresentedObject { raw: Some(raw), ..Default::default() },
            Presented::Step { step, alter: Alteration { tamper, before, after } } => {
                PresentedObject { step: Some(step), tamper, before, after, ..Default::default() }
            }
            Presented::Sign { id, secret, alter: Alteration { tamper, before, after } } => {
                let sign = Some(Signed { id, secret });
                PresentedObject { sign, tamper, before, after, ..Default::default() }
            }
        };
        Self::Object(object)
    }
}

/// One thing that the handler does.
///
/// Those without a field have braces nevertheless: only so are unknown fields an error.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
pub enum Operation {
    /// Moves the virtual clock on.
    Advance {
        /// By how much, in milliseconds; back, if negative.
        ms: i64,
    },
    /// Reads the session's cookie.
    Cookie {},
    /// Gives the session a cookie from the present options.
    #[serde(rename = "cookie.reset")]
    CookieReset {},
    /// Assigns a property of the session's cookie.
    #[serde(rename = "cookie.set")]
    CookieSet {
        /// The property: `maxAge`, `expires`, `path` and so on.
        field: String,
        /// What is assigned: `maxAge` in milliseconds, `expires` in milliseconds since the Unix
        /// epoch.
        value: Value,
    },
    /// Removes a key from the session data.
    Delete {
        /// The key.
        key: String,
    },
    /// Destroys the session.
    Destroy {},
    /// Reads session data.
    Get {
        /// The key.
        key: String,
    },
    /// Appends a header to the response.
    Header {
        /// The name of the header.
        name: String,
        /// Its value.
        value: String,
    },
    /// Reads the session's id.
    Id {},
    /// Reads the keys of the session data.
    Keys {},
    /// Gives the session a new id and logs somebody in.
    LogIn {
        /// Under which key.
        key: String,
        /// Who.
        value: Value,
    },
    /// Somebody else destroys a session in the store.
    #[serde(rename = "other.destroy")]
    OtherDestroy {
        /// Whose.
        id: String,
    },
    /// Somebody else puts a record into the store.
    #[serde(rename = "other.set")]
    OtherSet {
        /// Whose.
        id: String,
        /// The record.
        record: Value,
    },
    /// Gives the request a new session with a new id.
    Regenerate {},
    /// Reads the session from the store again.
    Reload {},
    /// Gives the session a new id.
    Renew {},
    /// Saves the session now.
    Save {},
    /// Changes session data.
    Set {
        /// The key.
        key: String,
        /// The new value.
        value: Value,
    },
    /// Begins the session's time to live anew.
    Touch {},
    /// Drops the session; the option `unset` says what becomes of the stored one.
    Unset {},
    /// Adds to a number in the session data, in a way that can be done again.
    Update {
        /// Under which key; a missing one counts as 0.
        key: String,
        /// What is added.
        add: i64,
    },
}

/// Which store calls of a request fail, and how.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// How every `destroy` fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destroy: Option<FaultCode>,
    /// How every `get` fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub get: Option<FaultCode>,
    /// How every `rotate` fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate: Option<FaultCode>,
    /// How every `set` fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<FaultCode>,
    /// How every `touch` fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touch: Option<FaultCode>,
}

impl Faults {
    /// How the store calls of one kind fail; `None` if they do not.
    pub fn of(&self, call: StoreCall) -> Option<FaultCode> {
        match call {
            StoreCall::Destroy => self.destroy,
            StoreCall::Get => self.get,
            StoreCall::Rotate => self.rotate,
            StoreCall::Set => self.set,
            StoreCall::Touch => self.touch,
        }
    }
}

/// The code of a store's error.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum FaultCode {
    /// The store is out of order.
    Eio,
    /// Nothing there: in answer to a `get` that is no failure, but a session not found.
    Enoent,
}

#[cfg(test)]
mod tests;
