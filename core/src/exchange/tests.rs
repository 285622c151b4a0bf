use super::*;

use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderValue;
use serde_json::{Value, json};

use crate::{Attribute, ConfigBuilder, Connection, CookieError, CookieOptions, Expires};
use crate::{Proxy, SameSite, Secure};

/// The store's error in these tests.
type Down = &'static str;

const RECORD: &str = "{\"cookie\":{\"originalMaxAge\":60000,\"expires\":\"2023-11-14T22:14:00.000Z\",\
    \"httpOnly\":true,\"path\":\"/\"},\"views\":1}";
/// The same for a cookie that lasts as long as the browser's session.
const BROWSER_SESSION_RECORD: &str = "{\"cookie\":{\"originalMaxAge\":null,\"expires\":null,\
    \"httpOnly\":true,\"path\":\"/\"},\"views\":1}";
const SECURE_RECORD: &str = "{\"cookie\":{\"originalMaxAge\":null,\"expires\":null,\
    \"secure\":true,\"path\":\"/\"},\"views\":1}";

fn now() -> Timestamp {
    Timestamp::from_millis(1_700_000_003_000).expect("a moment")
}

fn later(millis: i64) -> Timestamp {
    now().plus_millis(millis).expect("a moment")
}

fn id(text: &str) -> SessionId {
    SessionId::from_text(text).expect("an id")
}

fn express() -> ConfigBuilder {
    Config::express("keyboard cat")
}

fn expiring() -> CookieOptions {
    CookieOptions::new().max_age_millis(60_000)
}

fn built(builder: ConfigBuilder) -> Config {
    builder.build().expect("sound options")
}

/// The value of a Cookie header that presents `id` to `config`.
fn cookie_of(config: &Config, id: &str) -> String {
    let signature = config.settings().keys.sign(id);
    format!("{}=s:{id}.{}", config.name(), str::from_utf8(&signature).expect("ASCII"))
}

fn facts(path: &str) -> RequestFacts<'_> {
    RequestFacts { path, ..RequestFacts::default() }
}

fn begin(config: &Config, cookie: &str) -> Begin {
    config.begin(&facts("/"), [cookie.as_bytes()], now())
}

fn lookup(config: &Config) -> Lookup {
    match begin(config, &cookie_of(config, "old")) {
        Begin::Load(lookup) => lookup,
        other => panic!("{other:?}"),
    }
}

/// An exchange with the session that `lookup` asks for, loaded from `record`.
fn found(lookup: Lookup, record: impl Into<Vec<u8>>) -> Exchange {
    match lookup.answer(Some(Stored::new(record)), now()) {
        Ok(Begin::Ready(exchange)) => exchange,
        other => panic!("{other:?}"),
    }
}

/// An exchange with the session `old`, loaded from `record`.
fn loaded(config: &Config, record: &str) -> Exchange {
    found(lookup(config), record)
}

/// The beginning of a request whose session has no record.
fn missing(config: &Config) -> Create {
    match lookup(config).answer(None, now()) {
        Ok(Begin::Create(create)) => create,
        other => panic!("{other:?}"),
    }
}

fn created(config: &Config) -> Exchange {
    match begin(config, "") {
        Begin::Create(create) => create.with_id(id("new"), now()),
        other => panic!("{other:?}"),
    }
}

fn start(exchange: &mut Exchange, action: Action) -> Result<Option<Pending>, Error<Down>> {
    exchange.start(action, now())
}

/// Ends the request: what the store is asked.
fn finish(exchange: &mut Exchange, now: Timestamp) -> Option<Pending> {
    exchange.finish::<Down>(now).expect("a cookie and a record")
}

/// Ends the request with the save that it must end with.
fn finish_save(exchange: &mut Exchange, now: Timestamp) -> Ask<Save> {
    match finish(exchange, now) {
        Some(Pending::Save(ask)) => ask,
        other => panic!("{other:?}"),
    }
}

/// Ends the request with the touch that it must end with.
fn finish_touch(exchange: &mut Exchange, now: Timestamp) -> Ask<Touch> {
    match finish(exchange, now) {
        Some(Pending::Touch(ask)) => ask,
        other => panic!("{other:?}"),
    }
}

fn text_of(id: &SessionId) -> String {
    id.as_str().into()
}

fn views(exchange: &Exchange) -> Option<Value> {
    exchange.session.as_ref().and_then(|session| session.data().get("views")).cloned()
}

fn set_views(exchange: &mut Exchange, views: u8) {
    exchange.session().expect("a session").insert("views", views).expect("JSON");
}

/// The store does what it is asked.
fn settle(mut exchange: Exchange, pending: Option<Pending>) -> Outcome {
    match pending {
        Some(Pending::Delete(ask)) => {
            ask.complete::<Down>(&mut exchange, Ok(()), now()).expect("deleted");
        }
        Some(Pending::Save(ask)) => done(ask, &mut exchange),
        Some(Pending::Touch(ask)) => ask.complete(&mut exchange, Some(Touched::Alive), now()),
        None => {}
        other => panic!("{other:?}"),
    }
    exchange.outcome().expect("the store has answered")
}

/// The store saves what it is asked to save.
fn done(ask: Ask<Save>, exchange: &mut Exchange) {
    let next = ask.complete::<Down>(exchange, Ok(Written::Saved(None)), now());
    assert!(matches!(next, Ok(None)), "{next:?}");
}

fn end(mut exchange: Exchange) -> Outcome {
    let pending = finish(&mut exchange, now());
    settle(exchange, pending)
}

fn line(outcome: &Outcome) -> Option<&str> {
    outcome.set_cookie().map(|line| line.to_str().expect("ASCII"))
}

// B-037, B-040, B-041, B-042: a plain prefix of the undecoded path, before the cookie is read
#[test]
fn paths_without_sessions() {
    for (cookie_path, path, participates) in [
        ("/", "/", true),
        ("/", "/any", true),
        ("", "/any", true),
        ("/app", "/app", true),
        ("/app", "/app/", true),
        ("/app", "/application", true),
        ("/app", "/", false),
        ("/app", "/App", false),
        ("/app", "/x/app", false),
        ("/a b", "/a%20b", false),
        ("/a%20b", "/a%20b", true),
        ("/", "*", false),
    ] {
        let config = built(express().cookie(CookieOptions::new().path(cookie_path)));
        let cookie = cookie_of(&config, "old");
        for cookie in ["", &cookie] {
            let begun = config.begin(&facts(path), [cookie.as_bytes()], now());
            let skipped = matches!(begun, Begin::Skip(Reason::PathMismatch));
            assert_eq!(skipped, !participates, "{cookie_path} {path}");
            assert_eq!(matches!(begun, Begin::Load(_)), participates && !cookie.is_empty());
        }
    }
}

// B-039: an empty path is `/`, and no shorter than that
#[test]
fn an_empty_path_is_the_root() {
    assert_eq!(RequestFacts::default().path, "");
    for (cookie_path, participates) in [("/", true), ("", true), ("/app", false)] {
        let config = built(express().cookie(CookieOptions::new().path(cookie_path)));
        for path in ["", "/"] {
            let begun = config.begin(&facts(path), [], now());
            assert_eq!(matches!(begun, Begin::Create(_)), participates, "{cookie_path} {path:?}");
            let skipped = matches!(begun, Begin::Skip(Reason::PathMismatch));
            assert_eq!(skipped, !participates, "{cookie_path} {path:?}");
        }
    }
}

// B-057, B-063, B-064: without an id the store is not asked, with one it is
#[test]
fn the_store_is_asked_for_verified_ids_only() {
    let config = built(express());
    for (cookie, origin) in [
        ("", Origin::Absent),
        ("connect.sid=x", Origin::Unsigned),
        ("connect.sid=s:old.x", Origin::BadSignature),
    ] {
        let Begin::Create(create) = begin(&config, cookie) else { panic!("{cookie}") };
        let exchange = create.with_id(id("new"), now());
        assert_eq!(exchange.origin(), origin);
    }
    let lookup = lookup(&config);
    let Load { id, now: moment, refresh, .. } = &lookup.operation;
    assert_eq!((text_of(id), *moment, *refresh), ("old".into(), now(), None));
}

// B-065, B-078: not found: a new session under a new id, and the client's own is not adopted
#[test]
fn a_missing_record_is_a_new_session() {
    let recommended = Config::recommended([7; 32]).name("connect.sid").for_localhost();
    for preset in [express(), recommended] {
        let mut exchange = missing(&built(preset)).with_id(id("new"), now());
        assert_eq!(exchange.origin(), Origin::Missing);
        let session = exchange.session().expect("a session");
        assert_eq!(session.id(), &id("new"));
        assert!(session.data().is_empty());
        let facts = exchange.facts();
        assert!(!facts.known && !facts.new_id && !facts.changed);
        assert_eq!(facts.saved, Saved::Never);
    }
}

/// Known is who presents the session's id, wherever that id comes from: here from an application
/// that makes the same one again.
#[test]
fn a_new_session_under_the_presented_id_is_known() {
    let config = built(express().save_uninitialized(false));
    let mut exchange = missing(&config).with_id(id("old"), now());
    assert!(exchange.facts().known);
    let save = finish_save(&mut exchange, now());
    assert_eq!(line(&settle(exchange, Some(Pending::Save(save)))), None);
}

// B-072, B-077: found: the record's data and cookie, known, and counted as saved with resave off
#[test]
fn a_found_record_is_the_session() {
    for (resave, saved) in [(true, Saved::Never), (false, Saved::Current)] {
        let config = built(express().resave(resave).cookie(CookieOptions::new().secure(true)));
        let mut exchange = loaded(&config, RECORD);
        assert_eq!(exchange.origin(), Origin::Loaded);
        let session = exchange.session().expect("a session");
        assert_eq!(session.id(), &id("old"));
        assert_eq!(session.get("views"), Ok(Some(1)));
        assert!(!session.cookie().is_secure());
        assert_eq!(session.cookie().original_max_age(), Expires::At(60_000));
        let facts = exchange.facts();
        assert!(facts.known && facts.present && facts.expiring && !facts.changed);
        assert_eq!(facts.saved, saved);
    }
}

/// A load that fails, by the store or by the record, leaves nothing that could end in a store
/// operation: `answer` consumes the only handle, whatever `unset` says (D-load-failure).
// B-069, B-070: an unreadable record fails the request and is left alone
#[test]
fn an_unreadable_record_fails_the_request() {
    let config = built(express().unset(Unset::Destroy).max_record_bytes(200));
    for (record, error) in [
        (Stored::new("{}"), RecordError::NoCookie),
        (Stored::new("{\"cookie\":null,\"views\":1}"), RecordError::NoCookie),
        (Stored::new("garbage"), RecordError::NotAnObject),
        (Stored::new(vec![0xFF]), RecordError::NotAnObject),
        (Stored::new(vec![b'{'; 200 + 4_097]), RecordError::TooLarge),
        (Stored::new(vec![b'{'; 200 + 4_096]), RecordError::NotAnObject),
    ] {
        assert_eq!(lookup(&config).answer(Some(record), now()).err(), Some(error));
    }
}

// B-075, B-076: a record with reserved names counts as changed and is rewritten without them
#[test]
fn a_record_with_reserved_names_is_rewritten() {
    let record = "{\"cookie\":{},\"id\":1,\"views\":1}";
    for resave in [true, false] {
        let mut exchange = loaded(&built(express().resave(resave)), record);
        assert!(exchange.facts().changed);
        let save = finish_save(&mut exchange, now());
        assert!(save.operation.record.to_json().ends_with("},\"views\":1}"));
        let outcome = settle(exchange, Some(Pending::Save(save)));
        assert_eq!(outcome.decision.store_reason, Reason::Changed);
    }
}

// B-056, B-060: an old secret loads the session, and a cookie sent for another reason has the first
#[test]
fn rotation_of_secrets() {
    let old = built(Config::express("old secret"));
    let cookie = cookie_of(&old, "old");
    for rolling in [false, true] {
        let config = built(Config::express("new secret").accept("old secret").rolling(rolling));
        let Begin::Load(lookup) = begin(&config, &cookie) else { panic!("a load") };
        let outcome = end(found(lookup, RECORD));
        let signature = config.settings().keys.sign("old");
        let signature = str::from_utf8(&signature).expect("ASCII");
        assert_ne!(signature.as_bytes(), old.settings().keys.sign("old"));
        assert_eq!(line(&outcome).is_some(), rolling);
        if let Some(line) = line(&outcome) {
            let signature = signature.replace('+', "%2B").replace('/', "%2F");
            assert!(line.starts_with(&format!("connect.sid=s%3Aold.{signature};")), "{line}");
        }
    }
}

// B-017, B-030, B-031, B-161: a request's own options: for its path check and its new
// sessions, `auto` resolved, and never for the attributes of a loaded session
#[test]
fn options_for_one_request() {
    let config = built(express().cookie(CookieOptions::new().path("/app")));
    let own = CookieOptions::new()
        .path("/own")
        .secure(Secure::Auto)
        .same_site(SameSite::Auto)
        .build()
        .expect("sound options");
    let facts = |path| RequestFacts {
        connection: Connection::Encrypted,
        template: Some(Arc::new(own.clone())),
        path,
        ..RequestFacts::default()
    };
    assert!(matches!(config.begin(&facts("/app"), [], now()), Begin::Skip(_)));
    let Begin::Create(create) = config.begin(&facts("/own"), [], now()) else { panic!("new") };
    let outcome = end(create.with_id(id("new"), now()));
    let line = line(&outcome).expect("a line");
    assert!(line.ends_with("; Path=/own; HttpOnly; Secure; SameSite=None"), "{line}");
    let cookie = cookie_of(&config, "old");
    let Begin::Load(lookup) = config.begin(&facts("/own"), [cookie.as_bytes()], now()) else {
        panic!("a load")
    };
    let mut exchange = found(lookup, RECORD);
    let path = |exchange: &mut Exchange| {
        let cookie = exchange.session().expect("a session").cookie();
        cookie.get(Attribute::Path).and_then(Value::as_str).map(String::from)
    };
    assert_eq!(path(&mut exchange).as_deref(), Some("/"));
    // `regenerate` makes a session, so it is made from them.
    let Ok(Some(Pending::Delete(ask))) = start(&mut exchange, Action::Regenerate(id("new"))) else {
        panic!("a delete")
    };
    ask.complete::<Down>(&mut exchange, Ok(()), now()).expect("deleted");
    assert_eq!(path(&mut exchange).as_deref(), Some("/own"));
    assert!(exchange.session().is_some_and(|session| session.cookie().is_secure()));
}

// B-138, B-139, B-110: the line, and the lifetime that is sent is the one that is stored
#[test]
fn the_end_touches_once_for_the_line_and_the_record() {
    let config = built(express().cookie(expiring()).rolling(true).resave(false));
    // A new session: saved.
    let mut exchange = created(&config);
    let save = finish_save(&mut exchange, later(7_000));
    let Save { expect, id: key, now: moment, record } = &save.operation;
    assert_eq!((expect, text_of(key), *moment), (&Expect::Anything, "new".into(), later(7_000)));
    assert_eq!(record.expires(), Some(later(67_000)));
    assert_eq!(
        record.to_json(),
        "{\"cookie\":{\"originalMaxAge\":60000,\"expires\":\"2023-11-14T22:14:30.000Z\",\
         \"httpOnly\":true,\"path\":\"/\"}}"
    );
    let outcome = settle(exchange, Some(Pending::Save(save)));
    // createHmac("sha256", "keyboard cat").update("new"), from Node.
    assert_eq!(
        line(&outcome),
        Some(
            "connect.sid=s%3Anew.oBpKU%2Byhv6cKXdj4fIhCTHDn5ZtoaR7K2ctqt2BMSPA; Path=/; \
             Expires=Tue, 14 Nov 2023 22:14:30 GMT; HttpOnly"
        )
    );
    assert!(outcome.set_cookie().is_some_and(HeaderValue::is_sensitive));
    // A loaded one: touched.
    let mut exchange = loaded(&config, RECORD);
    let touch = finish_touch(&mut exchange, later(7_000));
    let operation = &touch.operation;
    assert_eq!((text_of(&operation.id), operation.now), ("old".into(), later(7_000)));
    assert_eq!(operation.cookie.expires(), Expires::At(later(67_000)));
    let outcome = settle(exchange, Some(Pending::Touch(touch)));
    assert!(
        line(&outcome).is_some_and(|line| line.contains("Expires=Tue, 14 Nov 2023 22:14:30 GMT;"))
    );
}

// B-136, B-137, B-156, B-159, B-213: a Secure cookie stays at home on a plain request;
// the store is asked as usual
#[test]
fn secure_cookies_on_plain_requests() {
    let config = built(express().cookie(CookieOptions::new().secure(true)).rolling(true));
    let mut exchange = created(&config);
    let save = finish_save(&mut exchange, now());
    let outcome = settle(exchange, Some(Pending::Save(save)));
    assert_eq!(line(&outcome), None);
    assert_eq!(outcome.decision().cookie_reason, Reason::SecureOnPlainHttp);
    assert_eq!(outcome.cookie_error(), None);
    let mut exchange = loaded(&config, SECURE_RECORD);
    let save = finish_save(&mut exchange, now());
    assert_eq!(line(&settle(exchange, Some(Pending::Save(save)))), None);
    // The other way round: the session's own cookie decides, not today's options.
    assert!(line(&end(loaded(&config, RECORD))).is_some());
    let encrypted = RequestFacts { connection: Connection::Encrypted, ..facts("/") };
    let Begin::Create(create) = config.begin(&encrypted, [], now()) else { panic!("new") };
    assert!(line(&end(create.with_id(id("new"), now()))).is_some());
    // And the proxy's word, under the option that believes it.
    let config = built(express().cookie(CookieOptions::new().secure(true)).proxy(Proxy::Trust));
    let forwarded = RequestFacts { forwarded_proto: Some([b"https"; 2]), ..facts("/") };
    let Begin::Create(create) = config.begin(&forwarded, [], now()) else { panic!("new") };
    assert!(line(&end(create.with_id(id("new"), now()))).is_some());
}

// B-152: a cookie that can't be serialized is reported, and the session is saved without it
#[test]
fn a_cookie_that_cannot_be_sent() {
    let config = built(express());
    let long_name = built(express().name("n".repeat(4_096)));
    for (config, error) in [(&long_name, CookieError::TooLong), (&config, CookieError::Expires)] {
        let mut exchange = created(config);
        if error == CookieError::Expires {
            let cookie = exchange.session().expect("a session").cookie_mut();
            cookie.set_max_age(Duration::MAX, now());
        }
        let save = finish_save(&mut exchange, now());
        let outcome = settle(exchange, Some(Pending::Save(save)));
        assert_eq!(outcome.cookie_error(), Some(error));
        assert_eq!(line(&outcome), None);
        assert_eq!(outcome.decision().cookie, CookieAction::Send);
    }
    // The longest id there is has a line.
    let Begin::Create(create) = begin(&config, "") else { panic!("new") };
    let longest = SessionId::from_text(&":".repeat(SessionId::MAX_BYTES)).expect("an id");
    let outcome = end(create.with_id(longest, now()));
    assert!(line(&outcome).is_some());
}

// B-175, B-176, B-177, B-113: save writes the data and the lifetime as they stand, and counts as
// done whatever the store answers
#[test]
fn save() {
    let config = built(express().cookie(expiring()));
    for reply in
        [Ok(Written::Saved(None)), Ok(Written::Saved(Some(Version([1].into())))), Err("down")]
    {
        for new in [true, false] {
            let mut exchange = if new { created(&config) } else { loaded(&config, RECORD) };
            set_views(&mut exchange, 2);
            let Ok(Some(Pending::Save(ask))) = exchange.start::<Down>(Action::Save, later(500))
            else {
                panic!("a save")
            };
            let Save { expect, id: key, now: moment, record } = &ask.operation;
            assert_eq!((expect, *moment), (&Expect::Anything, later(500)));
            assert_eq!(text_of(key), if new { "new" } else { "old" });
            let end = if new { later(60_000) } else { later(37_000) };
            assert_eq!(record.expires(), Some(end), "as it was at load");
            assert!(record.to_json().ends_with(",\"views\":2}"));
            match (ask.complete(&mut exchange, reply.clone(), now()), &reply) {
                (Ok(None), Ok(Written::Saved(_))) => {}
                (Err(Error::Store("down")), Err("down")) => {}
                (result, reply) => panic!("{result:?} {reply:?}"),
            }
            assert_eq!(exchange.facts().saved, Saved::Current);
            assert_eq!(views(&exchange), Some(json!(2)));
            match finish(&mut exchange, now()) {
                None if new => {}
                Some(Pending::Touch(_)) if !new => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

// B-175, B-176: what counts is the store's answer: without one, the end saves
#[test]
fn a_save_whose_answer_never_came_does_not_count() {
    // With resave off a loaded session that was not changed is saved already.
    let config = built(express().save_uninitialized(false).resave(false));
    for new in [true, false] {
        let mut exchange = if new { created(&config) } else { loaded(&config, RECORD) };
        set_views(&mut exchange, 2);
        let before = exchange.facts();
        assert_eq!(before.saved, if new { Saved::Never } else { Saved::Stale });
        drop(start(&mut exchange, Action::Save).expect("a save"));
        assert_eq!(exchange.facts(), before);
        let save = finish_save(&mut exchange, now());
        assert!(save.operation.record.to_json().ends_with(",\"views\":2}"));
        let outcome = settle(exchange, Some(Pending::Save(save)));
        assert_eq!(outcome.decision.store_reason, Reason::Changed);
    }
    // Nor does it take away what an earlier answer gave.
    let mut exchange = created(&config);
    set_views(&mut exchange, 2);
    let Ok(Some(Pending::Save(ask))) = start(&mut exchange, Action::Save) else { panic!("a save") };
    done(ask, &mut exchange);
    drop(start(&mut exchange, Action::Save).expect("a save"));
    assert_eq!(exchange.facts().saved, Saved::Current);
    assert!(finish(&mut exchange, now()).is_none());
}

/// A config whose data has at most `limit` bytes, and a loaded session that holds `text`.
fn limited(limit: usize, text: &str) -> (Config, Exchange) {
    let config = built(express().max_record_bytes(limit).resave(false));
    let mut exchange = loaded(&config, BROWSER_SESSION_RECORD);
    exchange.session().expect("a session").insert("text", text).expect("JSON");
    (config, exchange)
}

/// What is written can be read again under the same limit; what could not is refused before the
/// store is asked.
#[test]
fn the_limit_is_the_last_length_that_is_written() {
    for text in ["a longer text than that of the record which was loaded", "é\u{0}\"\u{2028}😀"]
    {
        let (_, mut exchange) = limited(usize::MAX, text);
        let Ok(Some(Pending::Save(ask))) = start(&mut exchange, Action::Save) else {
            panic!("a save")
        };
        let expected = ask.operation.record.to_json();
        let data = exchange.session().expect("a session").data().clone();
        let length = Value::Object(data).to_string().len();
        // By a save in the middle, and by the one at the end.
        let (config, mut exchange) = limited(length, text);
        let Ok(Some(Pending::Save(ask))) = start(&mut exchange, Action::Save) else {
            panic!("a save")
        };
        let save = finish_save(&mut exchange, now());
        for record in [ask.operation.record, save.operation.record] {
            assert_eq!(record.to_json(), expected);
            let mut again = loaded(&config, &record.to_json());
            let session = again.session().expect("a session");
            assert_eq!(session.get::<String>("text"), Ok(Some(text.into())));
        }
        // One byte more, and nothing is asked, nothing is promised.
        let (_, mut exchange) = limited(length - 1, text);
        let before = exchange.facts();
        let refused = start(&mut exchange, Action::Save);
        assert!(matches!(refused, Err(Error::Record(RecordError::TooLarge))), "{refused:?}");
        assert_eq!(exchange.facts(), before);
        assert_eq!(before.saved, Saved::Stale);
        let refused = exchange.finish::<Down>(now());
        assert!(matches!(refused, Err(Error::Record(RecordError::TooLarge))), "{refused:?}");
        assert!(exchange.outcome().is_none());
        // What fits again is saved.
        let (_, mut exchange) = limited(length - 1, text);
        exchange.session().expect("a session").insert("text", "").expect("JSON");
        assert!(start(&mut exchange, Action::Save).is_ok());
        drop(finish_save(&mut exchange, now()));
        // And without a save there is nothing to refuse.
        let (_, mut exchange) = limited(length - 1, text);
        let deleted = start(&mut exchange, Action::Destroy);
        assert!(matches!(deleted, Ok(Some(Pending::Delete(_)))), "{deleted:?}");
        assert!(finish(&mut exchange, now()).is_none());
    }
}

/// The same for a session without data: its data is `{}`.
#[test]
fn the_limit_of_a_session_without_data() {
    for (limit, fits) in [(2, true), (1, false)] {
        let config = built(express().max_record_bytes(limit));
        match created(&config).finish::<Down>(now()) {
            Ok(Some(Pending::Save(_))) if fits => {}
            Err(Error::Record(RecordError::TooLarge)) if !fits => {}
            other => panic!("{other:?}"),
        }
    }
}

/// A touch never makes a record unreadable: the limit leaves room for any cookie.
#[test]
fn a_touched_record_can_be_read() {
    let mut record = finish_save(&mut created(&built(express())), now()).operation.record;
    let config = built(express().max_record_bytes(2).resave(false));
    let mut exchange = loaded(&config, &record.to_json());
    let cookie = exchange.session().expect("a session").cookie_mut();
    cookie.set_max_age(Duration::from_secs(3_600), now());
    // The longest path, each byte of which takes two in JSON.
    cookie.set(Attribute::Path, "\"".repeat(1_024)).expect("a path");
    record.touch(&finish_touch(&mut exchange, now()).operation);
    assert!(record.to_json().len() > 2_048);
    assert_eq!(loaded(&config, &record.to_json()).session().expect("a session").data().len(), 0);
}

/// New is what this request made, whatever became of it since; it stays so after the end.
#[test]
fn a_session_that_this_request_made_is_new() {
    let config = built(express());
    for cookie in ["", "connect.sid=x", "connect.sid=s:old.x"] {
        let Begin::Create(create) = begin(&config, cookie) else { panic!("{cookie}") };
        assert!(create.with_id(id("new"), now()).is_new(), "{cookie}");
    }
    // Also under the id that the client presented.
    for made in ["new", "old"] {
        assert!(missing(&config).with_id(id(made), now()).is_new(), "{made}");
    }
    for reply in [Ok(()), Err("down")] {
        let mut exchange = loaded(&config, RECORD);
        set_views(&mut exchange, 2);
        let Ok(Some(Pending::Save(ask))) = start(&mut exchange, Action::Save) else {
            panic!("a save")
        };
        done(ask, &mut exchange);
        let Ok(Some(Pending::Load(ask))) = start(&mut exchange, Action::Reload) else {
            panic!("a load")
        };
        ask.complete::<Down>(&mut exchange, Ok(Some(Stored::new(RECORD)))).expect("a record");
        assert!(!exchange.is_new(), "loaded");
        let Ok(Some(Pending::Delete(ask))) = start(&mut exchange, Action::Regenerate(id("next")))
        else {
            panic!("a delete")
        };
        assert!(!exchange.is_new(), "not before the store's answer");
        let result = ask.complete(&mut exchange, reply, now());
        assert_eq!(result.is_err(), reply.is_err());
        assert!(exchange.is_new(), "regenerated");
        assert_eq!(exchange.origin(), Origin::Loaded, "as the request began");
        assert_eq!(end(exchange).origin(), Origin::Loaded);
    }
    let mut exchange = loaded(&config, RECORD);
    exchange.unset();
    assert!(!exchange.is_new());
}

/// Whatever the plan, the outcome knows where the session came from.
#[test]
fn the_outcome_knows_the_origin() {
    let config = built(express().resave(false));
    let missing = || missing(&config).with_id(id("new"), now());
    let prepares: [fn(&mut Exchange); 3] =
        [|_| {}, |exchange| set_views(exchange, 2), Exchange::unset];
    for prepare in prepares {
        for (mut exchange, origin) in [
            (created(&config), Origin::Absent),
            (missing(), Origin::Missing),
            (loaded(&config, RECORD), Origin::Loaded),
        ] {
            prepare(&mut exchange);
            assert_eq!(exchange.origin(), origin);
            assert_eq!(end(exchange).origin(), origin);
        }
    }
    let mut exchange = loaded(&built(express().unset(Unset::Destroy)), RECORD);
    exchange.unset();
    let pending = finish(&mut exchange, now());
    assert!(matches!(pending, Some(Pending::Delete(_))));
    assert_eq!(settle(exchange, pending).origin(), Origin::Loaded);
}

// B-175: what is written after the save began is not part of it
#[test]
fn a_change_while_a_save_is_under_way_is_saved_at_the_end() {
    let mut exchange = loaded(&built(express()), RECORD);
    let Ok(Some(Pending::Save(ask))) = start(&mut exchange, Action::Save) else { panic!("a save") };
    set_views(&mut exchange, 2);
    done(ask, &mut exchange);
    assert_eq!(exchange.facts().saved, Saved::Stale);
    drop(finish_save(&mut exchange, now()));
}

// B-132, B-178, B-179: reload takes the store's data and cookie; the comparison stays as it was
#[test]
fn reload() {
    let config = built(express());
    let mut exchange = loaded(&config, RECORD);
    set_views(&mut exchange, 9);
    let Ok(Some(Pending::Load(ask))) = exchange.start::<Down>(Action::Reload, later(5)) else {
        panic!("a load")
    };
    let Load { id: key, now: moment, refresh, .. } = &ask.operation;
    assert_eq!((text_of(key), *moment, *refresh), ("old".into(), later(5), None));
    let foreign = BROWSER_SESSION_RECORD.replace("\"views\":1", "\"views\":5,\"id\":1");
    ask.complete::<Down>(&mut exchange, Ok(Some(Stored::new(foreign)))).expect("a record");
    let session = exchange.session().expect("a session");
    assert_eq!(session.cookie().expires(), Expires::Session);
    assert_eq!(session.id(), &id("old"));
    assert_eq!(Value::Object(session.data().clone()), json!({"views": 5}));
    assert!(exchange.facts().changed);
    // And back: what another request wrote and wrote back is no change.
    let Ok(Some(Pending::Load(ask))) = start(&mut exchange, Action::Reload) else {
        panic!("a load")
    };
    ask.complete::<Down>(&mut exchange, Ok(Some(Stored::new(RECORD)))).expect("a record");
    assert!(!exchange.facts().changed);
}

// B-178, B-180: a reload that fails changes nothing, however often
#[test]
fn a_failing_reload_changes_nothing() {
    let config = built(express().max_record_bytes(0));
    let mut exchange = loaded(&config, RECORD);
    set_views(&mut exchange, 2);
    let before = exchange.facts();
    let reload = |exchange: &mut Exchange, reply| {
        let Ok(Some(Pending::Load(ask))) = start(exchange, Action::Reload) else {
            panic!("a load")
        };
        ask.complete(exchange, reply).expect_err("a failure")
    };
    for _ in 0..3 {
        let failure = reload(&mut exchange, Ok(None));
        assert!(matches!(failure, Error::Missing));
        let failure = reload(&mut exchange, Err("down"));
        assert!(matches!(failure, Error::Store("down")));
        let failure = reload(&mut exchange, Ok(Some(Stored::new("{}"))));
        assert!(matches!(failure, Error::Record(RecordError::NoCookie)));
        let failure = reload(&mut exchange, Ok(Some(Stored::new(format!("{RECORD:4097}")))));
        assert!(matches!(failure, Error::Record(RecordError::TooLarge)));
        assert_eq!(exchange.facts(), before);
        assert_eq!(views(&exchange), Some(json!(2)));
    }
}

// B-181: no session comes back that was taken off the request: neither by a reload that is started
// afterwards, nor by one that was under way
#[test]
fn no_resurrection() {
    let config = built(express());
    let mut exchange = loaded(&config, RECORD);
    let Ok(Some(Pending::Load(ask))) = start(&mut exchange, Action::Reload) else {
        panic!("a load")
    };
    exchange.unset();
    let result = ask.complete::<Down>(&mut exchange, Ok(Some(Stored::new(RECORD))));
    assert!(matches!(result, Err(Error::NoSession)));
    assert!(exchange.session().is_none());
    for action in [Action::Reload, Action::Save, Action::Destroy, Action::Regenerate(id("new"))] {
        assert!(matches!(start(&mut exchange, action), Err(Error::NoSession)));
    }
    assert!(exchange.session().is_none());
    assert!(finish(&mut exchange, now()).is_none());
}

// B-178, B-181: a reload that was under way when the session got another id leads nowhere: the old
// session's data does not come back under the new id
#[test]
fn no_old_data_under_a_new_id() {
    let config = built(express());
    let mut exchange = loaded(&config, RECORD);
    let Ok(Some(Pending::Load(reload))) = start(&mut exchange, Action::Reload) else {
        panic!("a load")
    };
    let Ok(Some(Pending::Delete(ask))) = start(&mut exchange, Action::Regenerate(id("next")))
    else {
        panic!("a delete")
    };
    ask.complete::<Down>(&mut exchange, Ok(()), now()).expect("deleted");
    let cookie = exchange.session().map(|session| session.cookie().clone());
    let before = exchange.facts();
    let result = reload.complete::<Down>(&mut exchange, Ok(Some(Stored::new(SECURE_RECORD))));
    assert!(matches!(result, Err(Error::NoSession)), "{result:?}");
    let session = exchange.session().expect("a session");
    assert_eq!(session.id(), &id("next"));
    assert!(session.data().is_empty());
    assert_eq!(Some(session.cookie()), cookie.as_ref());
    assert_eq!(exchange.facts(), before);
    let save = finish_save(&mut exchange, now());
    assert_eq!(text_of(&save.operation.id), "next");
    assert!(!save.operation.record.to_json().contains("views"));
    // The new session's own reload is as any other.
    let mut exchange = loaded(&config, RECORD);
    let Ok(Some(Pending::Delete(ask))) = start(&mut exchange, Action::Regenerate(id("next")))
    else {
        panic!("a delete")
    };
    ask.complete::<Down>(&mut exchange, Ok(()), now()).expect("deleted");
    let Ok(Some(Pending::Load(reload))) = start(&mut exchange, Action::Reload) else {
        panic!("a load")
    };
    assert_eq!(text_of(&reload.operation.id), "next");
    reload.complete::<Down>(&mut exchange, Ok(Some(Stored::new(RECORD)))).expect("a record");
    assert_eq!(views(&exchange), Some(json!(1)));
}

// B-126, B-182, B-183: regenerate deletes the old record; the new session is in place even
// if that failed
#[test]
fn regenerate() {
    let config = built(express().cookie(expiring()).save_uninitialized(false).resave(false));
    for reply in [Ok(()), Err("down")] {
        for new in [true, false] {
            let mut exchange = if new { created(&config) } else { loaded(&config, SECURE_RECORD) };
            let Ok(Some(Pending::Delete(ask))) =
                start(&mut exchange, Action::Regenerate(id("next")))
            else {
                panic!("a delete")
            };
            assert_eq!(text_of(&ask.operation.id), if new { "new" } else { "old" });
            // The old session is there until the store has answered.
            assert_eq!(views(&exchange), if new { None } else { Some(json!(1)) });
            let result = ask.complete(&mut exchange, reply, later(1_000));
            assert_eq!(matches!(result, Err(Error::Store("down"))), reply.is_err());
            let session = exchange.session().expect("a session");
            assert_eq!(session.id(), &id("next"));
            assert!(session.data().is_empty());
            assert!(!session.cookie().is_secure(), "from the options");
            assert_eq!(session.cookie().expires(), Expires::At(later(61_000)));
            let facts = exchange.facts();
            assert!(facts.new_id && !facts.known);
            // Saved and sent although it is empty.
            let save = finish_save(&mut exchange, now());
            assert_eq!(text_of(&save.operation.id), "next");
            let outcome = settle(exchange, Some(Pending::Save(save)));
            assert_eq!(outcome.decision().store_reason, Reason::NewId);
            assert!(line(&outcome).is_some_and(|line| line.starts_with("connect.sid=s%3Anext.")));
        }
    }
}

// B-127, B-154, B-184, B-216: destroy takes the session off before the store answers, and for good
#[test]
fn destroy() {
    for unset in [Unset::Keep, Unset::Destroy] {
        for reply in [Ok(()), Err("down")] {
            let mut exchange = loaded(&built(express().rolling(true).unset(unset)), RECORD);
            let Ok(Some(Pending::Delete(ask))) = start(&mut exchange, Action::Destroy) else {
                panic!("a delete")
            };
            assert!(exchange.session().is_none());
            assert_eq!(text_of(&ask.operation.id), "old");
            let result = ask.complete(&mut exchange, reply, now());
            assert_eq!(matches!(result, Err(Error::Store("down"))), reply.is_err());
            assert!(exchange.session().is_none());
            let pending = finish(&mut exchange, later(3));
            match (&pending, unset) {
                (Some(Pending::Delete(ask)), Unset::Destroy) => {
                    assert_eq!(text_of(&ask.operation.id), "old");
                    assert_eq!(ask.operation.now, later(3));
                }
                (None, Unset::Keep) => {}
                other => panic!("{other:?}"),
            }
            assert_eq!(line(&settle(exchange, pending)), None);
        }
    }
}

// B-109, B-128, B-188: null leaves the record, or deletes it by the option, even if it never was
#[test]
fn unset() {
    for (option, new) in
        [(Unset::Keep, true), (Unset::Keep, false), (Unset::Destroy, true), (Unset::Destroy, false)]
    {
        let config = built(express().unset(option));
        let mut exchange = if new { created(&config) } else { loaded(&config, RECORD) };
        set_views(&mut exchange, 2);
        exchange.unset();
        assert!(!exchange.facts().changed && !exchange.facts().present);
        let pending = finish(&mut exchange, now());
        match (&pending, option) {
            (None, Unset::Keep) => {}
            (Some(Pending::Delete(ask)), Unset::Destroy) => {
                assert_eq!(text_of(&ask.operation.id), if new { "new" } else { "old" });
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(line(&settle(exchange, pending)), None);
    }
    // After a regeneration it is the new id's record.
    let mut exchange = loaded(&built(express().unset(Unset::Destroy)), RECORD);
    let Ok(Some(Pending::Delete(ask))) = start(&mut exchange, Action::Regenerate(id("next")))
    else {
        panic!("a delete")
    };
    ask.complete::<Down>(&mut exchange, Ok(()), now()).expect("deleted");
    exchange.unset();
    let Some(Pending::Delete(ask)) = finish(&mut exchange, now()) else { panic!("a delete") };
    assert_eq!(text_of(&ask.operation.id), "next");
}

// B-208: what the store refuses or fails leaves no line to send (D-write-failure)
#[test]
fn what_the_store_did_not_do_is_not_promised() {
    let config = built(express().unset(Unset::Destroy));
    for reply in [
        Err("down"),
        Ok(Written::Gone),
        Ok(Written::Exists),
        Ok(Written::Changed(Stored::new(RECORD))),
    ] {
        let mut exchange = created(&config);
        let save = finish_save(&mut exchange, now());
        let failed = save.complete(&mut exchange, reply.clone(), now());
        match (&failed, reply) {
            (Err(Error::Store("down")), Err(_)) => {}
            (Err(Error::Gone), Ok(Written::Gone)) => {}
            (Err(Error::Conflict), Ok(_)) => {}
            other => panic!("{other:?}"),
        }
        assert!(exchange.outcome().is_none());
    }
    let mut exchange = loaded(&config, RECORD);
    exchange.unset();
    let Some(Pending::Delete(ask)) = finish(&mut exchange, now()) else { panic!("a delete") };
    let failed = ask.complete(&mut exchange, Err("down"), now());
    assert!(matches!(failed, Err(Error::Store("down"))));
    assert!(exchange.outcome().is_none());
    // Nor is anything promised before the answer.
    let mut exchange = created(&config);
    drop(finish_save(&mut exchange, now()));
    assert!(exchange.outcome().is_none());
}

// B-131, B-210: a touch that failed, or found the record gone, changes nothing for the response
#[test]
fn a_failed_touch_loses_nothing_but_lifetime() {
    let config = built(express().rolling(true).resave(false));
    for reply in [None, Some(Touched::Alive), Some(Touched::Gone)] {
        let mut exchange = loaded(&config, RECORD);
        finish_touch(&mut exchange, now()).complete(&mut exchange, reply, now());
        let outcome = exchange.outcome().expect("an outcome");
        assert!(line(&outcome).is_some());
        assert_eq!(outcome.decision().cookie_reason, Reason::Rolling);
        assert_eq!(outcome.origin(), Origin::Loaded);
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Destroy,
    /// Another request writes the record, if there is one.
    Foreign,
    MaxAge,
    Null,
    Regenerate,
    Reload,
    Save,
    Touch,
    Write,
    /// The value that a loaded session has.
    WriteBack,
}

/// A store, and the letters of what it was asked.
#[derive(Default)]
struct Store {
    calls: String,
    records: BTreeMap<String, String>,
}

impl Store {
    fn save(&mut self, save: &Save) -> Result<Written, Down> {
        self.calls.push('S');
        self.records.insert(text_of(&save.id), save.record.to_json());
        Ok(Written::Saved(None))
    }

    fn delete(&mut self, delete: &Delete) -> Result<(), Down> {
        self.calls.push('D');
        self.records.remove(&text_of(&delete.id));
        Ok(())
    }

    fn load(&mut self, load: &Load) -> Result<Option<Stored>, Down> {
        self.calls.push('G');
        Ok(self.records.get(&text_of(&load.id)).map(|record| Stored::new(record.as_str())))
    }

    fn carry_out(&mut self, exchange: &mut Exchange, action: Action) {
        // A failing reload is part of the table.
        let _ = match start(exchange, action).expect("a session") {
            Some(Pending::Delete(ask)) => {
                let reply = self.delete(&ask.operation);
                ask.complete(exchange, reply, now())
            }
            Some(Pending::Load(ask)) => {
                let reply = self.load(&ask.operation);
                ask.complete(exchange, reply)
            }
            Some(Pending::Save(ask)) => {
                let reply = self.save(&ask.operation);
                ask.complete(exchange, reply, now()).map(|next| assert!(next.is_none()))
            }
            other => panic!("{other:?}"),
        };
    }

    fn handle(&mut self, exchange: &mut Exchange, steps: &[Step]) {
        for (count, step) in steps.iter().enumerate() {
            match step {
                Step::Destroy => self.carry_out(exchange, Action::Destroy),
                Step::Foreign => {
                    for record in self.records.values_mut() {
                        *record = record.replace("\"views\":1", "\"views\":7");
                    }
                }
                Step::MaxAge => {
                    let session = exchange.session().expect("a session");
                    session.cookie_mut().set_max_age(Duration::from_secs(5), now());
                }
                Step::Null => exchange.unset(),
                Step::Regenerate => {
                    self.carry_out(exchange, Action::Regenerate(id(&format!("next-{count}"))));
                }
                Step::Reload => self.carry_out(exchange, Action::Reload),
                Step::Save => self.carry_out(exchange, Action::Save),
                Step::Touch => exchange.session().expect("a session").cookie_mut().touch(now()),
                Step::Write => set_views(exchange, u8::try_from(count + 2).expect("few steps")),
                Step::WriteBack => set_views(exchange, 1),
            }
        }
    }

    fn close(&mut self, mut exchange: Exchange) -> Outcome {
        match finish(&mut exchange, now()) {
            Some(Pending::Delete(ask)) => {
                let reply = self.delete(&ask.operation);
                ask.complete(&mut exchange, reply, now()).expect("deleted");
            }
            None => {}
            Some(Pending::Save(ask)) => {
                let reply = self.save(&ask.operation);
                let next = ask.complete(&mut exchange, reply, now()).expect("saved");
                assert!(next.is_none());
            }
            Some(Pending::Touch(ask)) => {
                self.calls.push('T');
                ask.complete(&mut exchange, Some(Touched::Alive), now());
            }
            other => panic!("{other:?}"),
        }
        exchange.outcome().expect("the store has answered")
    }
}

/// What a row of the tables says of one kind of session: the store's calls (`n` and `l` for what
/// an untouched new or loaded session does at the end, `u` for a delete under `unset: destroy`),
/// and when the cookie is sent.
type Expected = (&'static str, When);

#[derive(Clone, Copy)]
enum When {
    Always,
    Never,
    Rolling,
    RollingOrExpiring,
    SaveUninitialized,
}

// B-112, B-113, B-114, B-115, B-116, B-117, B-118, B-119, B-120, B-121, B-122, B-123, B-124, B-125,
// B-126, B-127, B-128, B-129, B-132, B-153, B-215: the tables of what the store is asked and when
// the cookie is sent, under all 32 settings
#[test]
fn the_tables() {
    use Step::{Destroy, Foreign, MaxAge, Null, Regenerate, Reload, Save, Touch, Write, WriteBack};
    use When::{Always, Never, Rolling, RollingOrExpiring, SaveUninitialized};
    let rows: &[(&[Step], Expected, Expected)] = &[
        (&[], ("n", SaveUninitialized), ("l", Rolling)),
        (&[Touch], ("n", SaveUninitialized), ("l", Rolling)),
        (&[MaxAge], ("n", SaveUninitialized), ("l", Rolling)),
        (&[Write], ("S", Always), ("S", RollingOrExpiring)),
        (&[Write, WriteBack], ("S", Always), ("l", Rolling)),
        (&[Save], ("S", SaveUninitialized), ("ST", Rolling)),
        (&[Write, Save], ("S", Always), ("ST", RollingOrExpiring)),
        (&[Write, Save, Write], ("SS", Always), ("SS", RollingOrExpiring)),
        (&[Write, Save, WriteBack], ("SS", Always), ("SS", Rolling)),
        (&[Reload], ("Gn", SaveUninitialized), ("Gl", Rolling)),
        (&[Write, Reload], ("GS", Always), ("Gl", Rolling)),
        (&[Foreign, Reload], ("Gn", SaveUninitialized), ("GS", RollingOrExpiring)),
        (&[Write, Save, Reload], ("SG", Always), ("SGT", RollingOrExpiring)),
        (&[Regenerate], ("DS", Always), ("DS", Always)),
        (&[Write, Regenerate], ("DS", Always), ("DS", Always)),
        (&[Regenerate, Write], ("DS", Always), ("DS", Always)),
        (&[Regenerate, Save], ("DSS", Always), ("DSS", Always)),
        (&[Regenerate, Regenerate], ("DDS", Always), ("DDS", Always)),
        (&[Save, Regenerate], ("SDS", Always), ("SDS", Always)),
        (&[Destroy], ("Du", Never), ("Du", Never)),
        (&[Null], ("u", Never), ("u", Never)),
        (&[Write, Save, Null], ("Su", Never), ("Su", Never)),
    ];
    for settings in 0..32_u32 {
        let [su, resave, rolling, expires, unset] = [1, 2, 4, 8, 16].map(|bit| settings & bit != 0);
        let options = if expires { expiring() } else { CookieOptions::new() };
        let config = built(
            express()
                .cookie(options)
                .save_uninitialized(su)
                .resave(resave)
                .rolling(rolling)
                .unset(if unset { Unset::Destroy } else { Unset::Keep }),
        );
        let record = if expires { RECORD } else { BROWSER_SESSION_RECORD };
        for (steps, new, known) in rows {
            let mut store = Store::default();
            let missing = missing(&config).with_id(id("new"), now());
            for (kind, mut exchange, (calls, when)) in [
                ("new", created(&config), new),
                ("missing", missing, new),
                ("loaded", loaded(&config, record), known),
            ] {
                store.calls.clear();
                store.records.clear();
                if kind == "loaded" {
                    store.records.insert("old".into(), record.into());
                }
                store.handle(&mut exchange, steps);
                let outcome = store.close(exchange);
                let expected = calls
                    .replace('n', if su { "S" } else { "" })
                    .replace('l', if resave { "S" } else { "T" })
                    .replace('u', if unset { "D" } else { "" });
                let sent = match when {
                    Always => true,
                    Never => false,
                    Rolling => rolling,
                    RollingOrExpiring => rolling || expires,
                    SaveUninitialized => su,
                };
                let case = format!(
                    "{kind} {steps:?} su {su} resave {resave} rolling {rolling} expires {expires} \
                     unset {unset}"
                );
                assert_eq!(store.calls, expected, "{case}");
                assert_eq!(line(&outcome).is_some(), sent, "{case}");
                assert_eq!(outcome.cookie_error(), None);
            }
        }
    }
}
