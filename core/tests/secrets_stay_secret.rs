//! Nothing that is printed for people shows a secret, an id, a signature or session data.

use std::collections::BTreeMap;
use std::fmt::Debug;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http_session::store::{Delete, Expect, Load, Rotate, Save, Stored, Touch, Version, Written};
use http_session::{
    Action, Begin, Config, ConfigError, CookieError, CookieOptions, DataError, Error, Exchange,
    Finding, IdError, Origin, Outcome, Pending, Reason, Record, RecordError, RequestFacts, Secret,
    SessionId, Timestamp,
};

const SECRET: &str = "needle-secret-f2a9";
const ID: &str = "needle-id-c41b";
const KEY: &str = "needle-key-77d0";
const DATA: &str = "needle-data-e8e3";
const VERSION: &str = "needle-version-10aa";

fn now() -> Timestamp {
    Timestamp::from_millis(1_700_000_003_000).expect("a moment")
}

fn id() -> SessionId {
    SessionId::from_text(ID).expect("an id")
}

fn config() -> Config {
    Config::express(SECRET).accept(SECRET).build().expect("sound options")
}

/// A config with as many findings as one can have, some of them because of what it holds.
fn shared_config() -> Config {
    let cookie = CookieOptions::new().domain("needle.example").path(format!("/{DATA} "));
    let builder = Config::express("secret").accept(SECRET).name(format!("__Host-{KEY}"));
    let config = builder.cookie(cookie.max_age_millis(0)).build().expect("sound options");
    assert!(config.audit().contains(&Finding::KnownSecret));
    config
}

fn record() -> String {
    format!("{{\"cookie\":{{\"path\":\"/\"}},\"{KEY}\":\"{DATA}\"}}")
}

fn stored() -> Stored {
    let mut stored = Stored::new(record());
    stored.version = Some(Version(VERSION.as_bytes().into()));
    stored
}

fn new_session() -> Exchange {
    let mut exchange = match config().begin(&RequestFacts::default(), [], now()) {
        Begin::Create(create) => create.with_id(id(), now()),
        other => panic!("{other:?}"),
    };
    exchange.session().expect("a session").insert(KEY, DATA).expect("JSON");
    exchange
}

fn outcome() -> Outcome {
    let mut exchange = new_session();
    match exchange.finish::<()>(now()).expect("not too large") {
        Some(Pending::Save(ask)) => {
            let next = ask.complete::<()>(&mut exchange, Ok(Written::Saved(None)), now());
            assert!(next.expect("saved").is_none());
        }
        other => panic!("{other:?}"),
    }
    exchange.outcome().expect("saved")
}

/// The pair `connect.sid=…` that presents the id, from our own Set-Cookie line.
fn cookie() -> String {
    let outcome = outcome();
    let line = outcome.set_cookie().and_then(|line| line.to_str().ok()).expect("a line");
    line.split(';').next().expect("a pair").into()
}

fn lookup() -> Begin {
    config().begin(&RequestFacts::default(), [cookie().as_bytes()], now())
}

fn answered(reply: Option<Stored>) -> Begin {
    match lookup() {
        Begin::Load(lookup) => lookup.answer(reply, now()).expect("a record"),
        other => panic!("{other:?}"),
    }
}

fn loaded() -> Exchange {
    match answered(Some(stored())) {
        Begin::Ready(exchange) => exchange,
        other => panic!("{other:?}"),
    }
}

/// What the end of a request asks, with a loaded session that will be touched, saved, or deleted.
fn ending(prepare: impl FnOnce(&mut Exchange)) -> Option<Pending> {
    let mut exchange = loaded();
    prepare(&mut exchange);
    exchange.finish::<()>(now()).expect("not too large")
}

fn pending(action: Action) -> Pending {
    loaded().start::<()>(action, now()).expect("a session").expect("a question")
}

/// What must not be seen: the needles, also encoded, and as lists of bytes.
fn needles() -> Vec<String> {
    let cookie = cookie();
    let signature = cookie.rsplit('.').next().expect("a signature");
    let plain = signature.replace("%2B", "+").replace("%2F", "/");
    assert_eq!(plain.len(), 43);
    let ours: Vec<u8> = (1..25).collect();
    let words = [SECRET, ID, KEY, DATA, VERSION, signature, &plain, "AQIDBAUG"];
    let mut needles: Vec<String> = words.map(String::from).into();
    for bytes in words.map(str::as_bytes).into_iter().chain([&ours[..]]) {
        let list: Vec<String> = bytes.iter().take(6).map(ToString::to_string).collect();
        needles.push(list.join(", "));
        for hex in ["", "%"] {
            let lower = bytes.iter().take(6).map(|byte| format!("{hex}{byte:02x}"));
            let lower: String = lower.collect();
            needles.extend([lower.to_uppercase(), lower]);
        }
        // In base64, whatever comes before it: the groups of three bytes that are its own.
        for before in 0..3 {
            let text = [&[0; 2][..before], bytes].concat();
            let own = 3 * usize::from(before > 0)..text.len() / 3 * 3;
            let own = STANDARD_NO_PAD.encode(&text[own]);
            needles.push(own.get(..8).unwrap_or(&own).into());
        }
    }
    needles
}

struct Prints(Vec<String>);

impl Prints {
    fn debug(&mut self, value: impl Debug) {
        self.0.push(format!("{value:?}"));
        // A list of bytes on many lines is a list of bytes.
        let words = format!("{value:#?}");
        self.0.push(words.split_whitespace().collect::<Vec<_>>().join(" "));
    }

    fn error(&mut self, error: impl std::error::Error) {
        self.0.push(error.to_string());
        let mut source = error.source();
        while let Some(error) = source {
            self.0.push(format!("{error} {error:?}"));
            source = error.source();
        }
        self.debug(error);
    }
}

fn check(prints: &Prints) {
    let needles = needles();
    assert!(!prints.0.is_empty());
    for print in &prints.0 {
        for needle in &needles {
            assert!(!print.contains(needle), "{needle} in {print}");
        }
        assert!(!print.contains("needle"), "{print}");
    }
}

// LG-1: plain, and in what others would make of it
#[test]
fn debug() {
    let mut prints = Prints(Vec::new());
    let options = CookieOptions::new().max_age_millis(5);
    // The options and the request.
    prints.debug(Config::express(SECRET).accept(SECRET).cookie(options.clone()));
    prints.debug(config());
    prints.debug(Secret::from(SECRET));
    prints.debug(Secret::from(SECRET.as_bytes().to_vec()));
    prints.debug(config().template(options.clone()));
    prints.debug(options);
    prints.debug(RequestFacts::default());
    // Ids of both kinds.
    let counting = SessionId::from_bytes(std::array::from_fn(|index| 1 + index as u8));
    assert!(counting.as_str().starts_with("AQIDBAUG"));
    for id in [id(), counting.clone()] {
        prints.debug(&id);
    }
    // The exchange and its beginnings.
    prints.debug(config().begin(&RequestFacts::default(), [], now()));
    prints.debug(lookup());
    match lookup() {
        Begin::Load(lookup) => {
            prints.debug(&lookup);
            prints.debug(&lookup.operation);
        }
        other => panic!("{other:?}"),
    }
    prints.debug(answered(None));
    prints.debug(answered(Some(stored())));
    prints.debug(loaded().session());
    prints.debug(loaded().session().map(|session| session.cookie().clone()));
    prints.debug(loaded().facts());
    for origin in [
        Origin::Absent,
        Origin::BadSignature,
        Origin::Expired,
        Origin::Loaded,
        Origin::Malformed,
        Origin::Missing,
        Origin::Unsigned,
    ] {
        prints.debug(origin);
        prints.0.push(origin.to_string());
    }
    // Methods in the middle of the request.
    for action in [
        Action::Destroy,
        Action::LogIn(counting.clone()),
        Action::Regenerate(counting.clone()),
        Action::Reload,
        Action::Renew(counting),
        Action::Save,
    ] {
        prints.debug(&action);
        match pending(action) {
            Pending::Delete(ask) => {
                prints.debug(&ask.operation);
                prints.debug(ask);
            }
            Pending::Load(ask) => {
                prints.debug(&ask.operation);
                prints.debug(ask);
            }
            Pending::Rotate(ask) => {
                prints.debug(&ask.operation);
                prints.debug(ask);
            }
            Pending::Save(ask) => {
                prints.debug(&ask.operation);
                prints.debug(ask);
            }
            other => panic!("{other:?}"),
        }
    }
    // The end, and outcomes.
    let save = ending(|exchange| {
        exchange.session().expect("a session").insert(KEY, [DATA, DATA]).expect("JSON");
    });
    assert!(matches!(save, Some(Pending::Save(_))));
    prints.debug(save);
    prints.debug(ending(|_| {}));
    prints.debug(ending(Exchange::unset));
    prints.debug(outcome());
    prints.debug(outcome().decision());
    prints.debug(outcome().set_cookie());
    let mut headers = http::HeaderMap::new();
    outcome().apply(&mut headers);
    assert_eq!(headers.len(), 1);
    prints.debug(headers);
    // What goes to the store and comes back.
    let record = Record::from_json(&record()).expect("a record");
    let cookie = loaded().session().expect("a session").cookie().clone();
    prints.debug(&record);
    prints.debug(Load::new(id(), now(), None));
    prints.debug(Delete::new(id(), now()));
    prints.debug(Touch::new(id(), cookie, Some(now()), None, now()));
    let version = stored().version.expect("a version");
    let expect = Expect::Version(version.clone());
    prints.debug(&version);
    prints.debug(&expect);
    prints.debug(Save::new(id(), record.clone(), expect.clone(), now()));
    prints.debug(Rotate::new(id(), id(), record, expect, now()));
    prints.debug(stored());
    prints.debug(Written::Changed(stored()));
    prints.debug(Written::Saved(Some(version)));
    check(&prints);
}

// LG-1: plain, and in what others would make of it
#[test]
fn debug_of_an_exchange() {
    let mut prints = Prints(Vec::new());
    for mut exchange in [new_session(), loaded()] {
        prints.debug(&exchange);
        // A closure that holds a secret, and the data that it makes.
        let held = String::from(DATA);
        let update = move |_: Option<String>| held.clone();
        let session = exchange.session().expect("a session");
        assert!(session.update(KEY, update).is_ok_and(|value| value == DATA));
        prints.debug(session);
        let pending = exchange.start::<()>(Action::Save, now()).expect("a session");
        match pending {
            Some(Pending::Save(ask)) => {
                prints.debug(&ask);
                prints.debug(&ask.operation);
            }
            other => panic!("{other:?}"),
        }
        prints.debug(exchange);
    }
    check(&prints);
}

// LG-1: plain, and in what others would make of it
#[test]
fn errors() {
    let mut prints = Prints(Vec::new());
    // Errors that really came from needles.
    let mut exchange = loaded();
    let session = exchange.session().expect("a session");
    prints.error(session.get::<u64>(KEY).expect_err("a text"));
    prints.error(session.insert(KEY, BTreeMap::from([([DATA], DATA)])).expect_err("no JSON"));
    prints.error(session.insert("cookie", DATA).expect_err("reserved"));
    let deep = (0..101).fold(serde_json::json!(DATA), |value, _| serde_json::json!([value]));
    prints.error(session.insert(KEY, deep).expect_err("too deep"));
    prints.error(SessionId::from_text("").expect_err("empty"));
    prints.error(SessionId::from_text(&ID.repeat(100)).expect_err("too long"));
    prints.error(Secret::from_base64(SECRET).expect_err("no base64"));
    prints.error(Record::from_json(&format!("[\"{DATA}\"]")).expect_err("no object"));
    prints.error(Record::from_json(&format!("{{\"{KEY}\":{DATA}}}")).expect_err("no JSON"));
    prints.error(Record::from_json(&format!("{{\"{KEY}\":\"{DATA}\"}}")).expect_err("no cookie"));
    let options = CookieOptions::new;
    for options in [
        options().domain(format!("{DATA} ")),
        options().path(format!("{DATA};")),
        options().priority(DATA),
        options().same_site(DATA),
    ] {
        let error = Config::express(SECRET).cookie(options).build().expect_err("refused");
        prints.error(error);
    }
    prints.error(Config::express(SECRET).name(format!("{DATA} ")).build().expect_err("refused"));
    prints.error(Config::express(SECRET).accept("").build().expect_err("refused"));
    let mut gone = loaded();
    gone.unset();
    prints.error(gone.start::<RecordError>(Action::Save, now()).expect_err("no session"));
    let mut large = loaded();
    let text = DATA.repeat(2_000_000);
    large.session().expect("a session").insert(KEY, text).expect("JSON");
    prints.error(large.start::<RecordError>(Action::Save, now()).expect_err("too large"));
    prints.error(large.finish::<RecordError>(now()).expect_err("too large"));
    // And all that there are.
    for error in [
        CookieError::Domain,
        CookieError::Expires,
        CookieError::Name,
        CookieError::NoAttribute,
        CookieError::Path,
        CookieError::Priority,
        CookieError::SameSite,
        CookieError::TooLong,
    ] {
        prints.error(error);
        prints.error(ConfigError::from(error));
        prints.error(Error::<RecordError>::Cookie(error));
    }
    prints.error(Config::recommended("keyboard cat").name(DATA).build().expect_err("refused"));
    for config in [config(), shared_config()] {
        for finding in config.audit() {
            prints.debug(finding);
            prints.0.push(format!("{finding} {}", finding.clause()));
            prints.error(ConfigError::Refused(*finding));
        }
    }
    prints.error(ConfigError::EmptySecret);
    prints.error(ConfigError::SecretNotBase64);
    prints.error(ConfigError::TooManySecrets);
    for error in [IdError::Empty, IdError::Random, IdError::TooLong] {
        prints.error(error);
        prints.error(Error::<RecordError>::Id(error));
    }
    for error in
        [DataError::NotJson, DataError::ReservedKey, DataError::TooDeep, DataError::WrongType]
    {
        prints.error(error);
        prints.error(Error::<RecordError>::Data(error));
    }
    for error in [RecordError::NoCookie, RecordError::NotAnObject, RecordError::TooLarge] {
        prints.error(error);
        prints.error(Error::<RecordError>::Record(error));
        prints.error(Error::Store(error));
    }
    for error in [
        Error::<RecordError>::Conflict,
        Error::Ended,
        Error::Gone,
        Error::LayeredTwice,
        Error::Missing,
        Error::NoLayer,
        Error::NoSession,
        Error::PathMismatch,
        Error::Undeliverable,
    ] {
        prints.error(error);
    }
    prints.0.push(Reason::PathMismatch.to_string());
    check(&prints);
}

#[test]
fn the_check_finds_what_it_looks_for() {
    for needle in needles() {
        let text = format!("x{needle}x");
        assert!(std::panic::catch_unwind(|| check(&Prints(vec![text]))).is_err(), "{needle}");
    }
    let mut prints = Prints(Vec::new());
    prints.debug(SECRET.as_bytes());
    assert!(std::panic::catch_unwind(|| check(&prints)).is_err());
}
