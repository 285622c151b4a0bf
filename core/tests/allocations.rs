//! What a request costs in allocations.

use http_session::{Begin, Config, Plan, RequestFacts, SessionId, Timestamp};

fn moment() -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).expect("a moment")
}

fn config() -> Config {
    let builder = Config::express("keyboard cat").resave(false).save_uninitialized(false);
    builder.build().expect("options that work")
}

/// A request without a session cookie, whose handler leaves the session alone.
fn untouched(config: &Config, cookie: &[u8]) {
    let request = RequestFacts { path: "/", ..RequestFacts::default() };
    let Begin::Create(create) = config.begin(&request, [cookie], moment()) else {
        panic!("nothing that verifies was presented")
    };
    let exchange = create.with_id(SessionId::from_bytes([7; 24]), moment());
    assert!(matches!(exchange.finish(moment()), Ok(Plan::Nothing(_))));
}

#[test]
fn a_request_without_a_session_allocates_nothing() {
    let config = config();
    let info = allocation_counter::measure(|| untouched(&config, b"theme=dark; lang=de"));
    assert_eq!(info.count_total, 0);
}

#[test]
fn a_forged_cookie_allocates_its_text_and_nothing_else() {
    let config = config();
    let forged = b"connect.sid=s%3AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.forged";
    let info = allocation_counter::measure(|| untouched(&config, forged));
    assert_eq!(info.count_total, 1);
}
