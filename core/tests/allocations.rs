//! What a request costs in allocations.

use std::convert::Infallible;

use http_session::{Begin, Config, RequestFacts, SessionId, Timestamp};

fn moment() -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).expect("a moment")
}

/// Both presets; of the first, with the options that make no record for a visitor.
fn configs() -> [Config; 2] {
    let express = Config::express("keyboard cat").resave(false).save_uninitialized(false);
    let recommended = Config::recommended([7; 32]).name("connect.sid").for_localhost();
    [express, recommended].map(|builder| builder.build().expect("options that work"))
}

/// A request without a session cookie, whose handler leaves the session alone.
fn untouched(config: &Config, cookie: &[u8]) {
    let request = RequestFacts { path: "/", ..RequestFacts::default() };
    let Begin::Create(create) = config.begin(&request, [cookie], moment()) else {
        panic!("nothing that verifies was presented")
    };
    let mut exchange = create.with_id(SessionId::from_bytes([7; 24]), moment());
    assert!(matches!(exchange.finish::<Infallible>(moment()), Ok(None)));
    let outcome = exchange.outcome().expect("nothing was asked");
    assert!(outcome.set_cookie().is_none());
}

#[test]
fn a_request_without_a_session_allocates_nothing() {
    for config in configs() {
        let info = allocation_counter::measure(|| untouched(&config, b"theme=dark; lang=de"));
        assert_eq!(info.count_total, 0);
    }
}

// DS-1
#[test]
fn a_forged_cookie_allocates_its_text_and_nothing_else() {
    let forged = b"connect.sid=s%3AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.forged";
    for config in configs() {
        let info = allocation_counter::measure(|| untouched(&config, forged));
        assert_eq!(info.count_total, 1);
    }
}
