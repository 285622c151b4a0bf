//! A cookie without a request.

use std::sync::LazyLock;

use http_session_store::core::{
    Begin, Config, Expires, RequestFacts, SessionCookie, SessionId, Timestamp,
};

/// A cookie of a new lifetime, as an end of request hands it over: it can be had from a session only.
pub(crate) fn cookie(end: Expires, now: Timestamp) -> SessionCookie {
    static COOKIE: LazyLock<SessionCookie> = LazyLock::new(|| {
        let config = Config::express("keyboard cat").build().expect("sound options");
        let facts = RequestFacts { path: "/", ..RequestFacts::default() };
        let Begin::Create(create) = config.begin(&facts, [], Timestamp::MIN) else {
            panic!("no cookie was presented")
        };
        let id = SessionId::from_text("sid").expect("an id");
        create.with_id(id, Timestamp::MIN).session().expect("a session").cookie().clone()
    });
    let mut cookie = COOKIE.clone();
    cookie.set_expires(end, now);
    cookie
}
