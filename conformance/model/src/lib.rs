//! express-session's rules once more, naively, from their text alone: nothing of the library is used here.
//!
//! [`replay`] takes a scenario of FORMAT.md, with the preset `express`, and gives the trace that
//! express-session 1.19.0 makes of it. Beside the code stand the numbers of the rules
//! (`conformance/rules.txt`). It is no copy of the library and none of express-session, and is not fast: it is
//! what a reader can check against the rules, line by line. The recorded traces vouch for it, and it for what
//! was never recorded.
//!
//! [`decision`] has the formulas that all comes to, for both presets: those with the quirks are what
//! [`replay`] decides by.
//!
//! ```sh
//! cargo run --release -q -p http-session-model < scenarios.jsonl > traces.jsonl
//! ```
//!
//! What it does not know: cookie options of wrong types (B-025), several middlewares (B-032), a store that
//! disconnects (B-035), `req.cookies` (B-059), a new order of keys (B-102), values that are no JSON (B-104),
//! and how the bytes of a response are held back (B-163 … B-173): no scenario can tell these.

mod client;
mod cookie;
mod date;
pub mod decision;
mod middleware;
mod scenario;
mod store;
pub mod text;

use serde_json::{Value, json};

use self::client::Client;
use self::middleware::Middleware;
pub use self::middleware::OWN_NAMES;
use self::scenario::Scenario;
use self::store::Store;

/// The trace of a scenario, which is the text of a JSON object: the order of the keys has a meaning.
///
/// # Errors
/// The text is no scenario, or has what express-session does not.
pub fn replay(scenario: &str) -> serde_json::Result<Value> {
    let Scenario { name, start, options, preload, requests } = serde_json::from_str(scenario)?;
    if options.is_refused() {
        return Ok(json!({ "name": name, "rejected": true }));
    }
    let mut store = Store::new(preload);
    let mut client = Client::new(options.name());
    let mut middleware = Middleware::new(options);
    let mut answers = Vec::new();
    for request in &requests {
        store.begin(start + request.at, request.faults.clone());
        let answer = middleware.serve(request, client.header(&request.cookie), &mut store);
        client.take(&answer.set_cookie);
        answers.push(json!({
            "status": answer.status,
            "session": answer.session,
            "ops": answer.ops,
            "setCookie": answer.set_cookie,
            "calls": store.calls,
            "errors": answer.errors,
        }));
    }
    Ok(json!({ "name": name, "requests": answers, "store": store.contents() }))
}
