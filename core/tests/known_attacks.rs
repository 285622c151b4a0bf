//! What was found in other session libraries and no other test here would see: AUDIT.md has the whole table.

mod model;

use http_session::Origin;
use serde_json::json;

use self::model::*;

/// Attack 7: a session that was emptied is stored as an empty one: what was in it does not come back.
#[test]
fn an_emptied_session_is_stored_as_an_empty_one() {
    let config = built(recommended());
    let mut store = Store::with("old", &record(Some(now()), ",\"user\":\"ada\""));
    let mut exchange = store.load(&config);
    exchange.session().expect("a session").clear();
    drop(store.end(exchange).expect("saved"));
    assert_eq!(store.calls, "GS");
    let mut exchange = store.load(&config);
    assert_eq!((exchange.origin(), get(&mut exchange, "user")), (Origin::Loaded, None));
    assert_eq!(store.data("old"), Some(json!({"http-session:created": now().as_millis()})));
}
