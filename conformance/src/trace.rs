//! What happened in a scenario.
//!
//! `FORMAT.md` of this crate describes the JSON form, one trace a line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What happened in one scenario.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "TraceForm", into = "TraceForm")]
pub struct Trace {
    /// The name of the scenario.
    pub name: String,
    /// Whether the configuration was refused. Then nothing else happened.
    pub rejected: bool,
    /// The answers to the requests, in their order.
    pub requests: Vec<Answer>,
    /// What the store holds at the end: session id → record.
    pub store: BTreeMap<String, Value>,
}

/// What came of one request.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Answer {
    /// The status of the response.
    pub status: u16,
    /// The id of the session that the handler found when it began; `None` if it found none, or
    /// did not run.
    pub session: Option<String>,
    /// What the operations of the handler gave, in their order.
    pub ops: Vec<Value>,
    /// The Set-Cookie lines of the response, in their order, as text in the manner of
    /// [`latin1`](crate::client::latin1).
    pub set_cookie: Vec<String>,
    /// The values of Vary, as one list; under [`Preset::Recommended`] only.
    ///
    /// [`Preset::Recommended`]: crate::scenario::Preset::Recommended
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vary: Option<String>,
    /// Those of Cache-Control, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// What the store was called for, in this order.
    pub calls: Vec<Call>,
    /// What reached the framework's error handler: `store`, or `other: ` and any text.
    pub errors: Vec<String>,
}

/// One call of the store.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// What was called.
    pub call: StoreCall,
    /// The session id that it was called with.
    pub id: String,
    /// The new session id, for `rotate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What was handed over: the whole session for `set` and `rotate`, `{cookie}` for `touch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Value>,
    /// When the record is to expire, if that is not when its cookie does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
    /// Why the store did not do it, though it did not fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

/// Why a store did not do what it was called for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Refused {
    /// Somebody has changed the record.
    Changed,
    /// There is a record where none was expected.
    Exists,
    /// There is none where one was expected.
    Gone,
}

/// The calls that a store knows.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreCall {
    /// Removes a session.
    Destroy,
    /// Reads a session.
    Get,
    /// Writes a session under a new id and removes the old one.
    Rotate,
    /// Writes a session.
    Set,
    /// Writes the cookie of a session, and with it the time to live.
    Touch,
}

/// [`Trace`] as it stands in JSON.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct TraceForm {
    name: String,
    #[serde(default, skip_serializing_if = "is_false")]
    rejected: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requests: Option<Vec<Answer>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    store: Option<BTreeMap<String, Value>>,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl TryFrom<TraceForm> for Trace {
    type Error = &'static str;

    fn try_from(form: TraceForm) -> Result<Self, Self::Error> {
        let TraceForm { name, rejected, requests, store } = form;
        match (rejected, requests, store) {
            (false, Some(requests), Some(store)) => Ok(Self { name, rejected, requests, store }),
            (true, None, None) => Ok(Self { name, rejected, ..Self::default() }),
            (false, _, _) => Err("a trace needs `requests` and `store`"),
            (true, _, _) => Err("nothing goes with `rejected`"),
        }
    }
}

impl From<Trace> for TraceForm {
    fn from(trace: Trace) -> Self {
        let Trace { name, rejected, requests, store } = trace;
        Self {
            name,
            rejected,
            requests: (!rejected).then_some(requests),
            store: (!rejected).then_some(store),
        }
    }
}
