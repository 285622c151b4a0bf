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
    /// What was handed over: the whole session for `set`, `{cookie}` for `touch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Value>,
}

/// The calls that a store knows.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreCall {
    /// Removes a session.
    Destroy,
    /// Reads a session.
    Get,
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
