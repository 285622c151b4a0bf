//! Properties of the public interface, for whatever comes in.

mod model;
#[path = "common/text.rs"]
mod text;

use std::collections::{BTreeMap, VecDeque};

use http_session::store::{Stored, Touch, Written};
use http_session::{
    Action, Begin, Config, Connection, CookieOptions, Exchange, Expires, Outcome, Pending,
    Priority, Record, RequestFacts, SameSite, Secure, SessionId, Timestamp,
};
use http_session_model::OWN_NAMES;
use http_session_model::text::{percent_decode, sign};
use proptest::prelude::*;
use serde_json::{Map, Value};
use text::text;

const SECRETS: [&str; 2] = ["keyboard cat", "old secret"];

fn config() -> Config {
    Config::express(SECRETS[0]).accept(SECRETS[1]).name("sid").build().expect("sound options")
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_700_000_003_999).expect("a moment")
}

/// The rules of reading a cookie once more, on Latin-1 text and without regard to speed.
fn presented(lines: &[Vec<u8>]) -> Option<String> {
    let lines =
        lines.iter().map(|line| line.iter().map(|byte| char::from(*byte)).collect::<String>());
    let all = lines.collect::<Vec<_>>().join(";");
    let spaces = [' ', '\t'];
    let value = all
        .split(';')
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| name.trim_matches(spaces) == "sid")?
        .1
        .trim_matches(spaces);
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let value = percent_decode(value).unwrap_or_else(|| value.into());
    let text = value.strip_prefix("s:")?;
    let id = &text[..text.rfind('.')?];
    let known = SECRETS.iter().any(|secret| sign(id, secret) == text);
    (known && (1..=1_024).contains(&id.len())).then(|| id.into())
}

fn encode_all(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// Pieces of Cookie lines: noise, our name, values that are signed, nearly signed, or encoded.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let id = text("[ -~é€]{0,12}");
    let secret = prop_oneof![4 => Just(SECRETS[0]), 2 => Just(SECRETS[1]), 1 => Just("unknown")];
    let value = (id, secret, 0..5_u8).prop_map(|(id, secret, dress)| {
        let value = format!("s:{}", sign(&id, secret));
        match dress {
            0 => value,
            1 => format!("\"{value}\""),
            2 => encode_all(&value),
            3 => format!(" {} ", value.replace(':', "%3A")),
            _ => format!("{value}="),
        }
        .into_bytes()
    });
    let noise = proptest::sample::select(vec![
        &b"sid"[..],
        b"sid=",
        b"; ",
        b";",
        b"=",
        b"\"",
        b"%",
        b" ",
        b"\t",
        b"a=b; ",
        b"s:",
        b"\xC2\xA0",
    ])
    .prop_map(<[u8]>::to_vec);
    prop_oneof![
        4 => value.clone().prop_map(|value| [b"sid=", &value[..]].concat()),
        1 => value,
        4 => noise,
        1 => proptest::collection::vec(any::<u8>(), 0..12),
    ]
}

fn cookie_lines() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let line = proptest::collection::vec(piece(), 0..6).prop_map(|pieces| pieces.concat());
    proptest::collection::vec(line, 0..3)
}

fn options() -> impl Strategy<Value = CookieOptions> {
    let same_site = prop_oneof![
        Just(SameSite::Auto),
        Just(SameSite::Lax),
        Just(SameSite::None),
        Just(SameSite::Strict),
    ];
    let priority = prop_oneof![Just(Priority::High), Just(Priority::Low), Just(Priority::Medium)];
    let secure = prop_oneof![Just(Secure::Always), Just(Secure::Auto), Just(Secure::Never)];
    (
        (text("/[ -~]{0,12}"), text(".{0,12}")),
        proptest::option::of(
            prop_oneof![8 => -1_000_000_000_000..1_000_000_000_000_i64, 1 => any::<i64>()],
        ),
        (proptest::option::of(same_site), proptest::option::of(priority), secure),
        (any::<bool>(), any::<bool>(), any::<bool>()),
    )
        .prop_map(
            |(
                (path, domain),
                age,
                (same_site, priority, secure),
                (http_only, partitioned, with_domain),
            )| {
                let mut options = CookieOptions::new()
                    .path(path)
                    .secure(secure)
                    .http_only(http_only)
                    .partitioned(partitioned);
                if with_domain {
                    options = options.domain(domain);
                }
                if let Some(age) = age {
                    options = options.max_age_millis(age);
                }
                if let Some(same_site) = same_site {
                    options = options.same_site(same_site);
                }
                if let Some(priority) = priority {
                    options = options.priority(priority);
                }
                options
            },
        )
}

fn data() -> impl Strategy<Value = Map<String, Value>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text(".{0,8}").prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(text(".{0,4}"), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    proptest::collection::btree_map(text(".{0,6}"), value, 0..5)
        .prop_map(|map| map.into_iter().filter(|(key, _)| !is_reserved(key)).collect())
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).expect("JSON")
}

fn is_reserved(key: &str) -> bool {
    key == "cookie" || OWN_NAMES.contains(&key)
}

fn id() -> impl Strategy<Value = SessionId> {
    prop_oneof![
        any::<[u8; 24]>().prop_map(SessionId::from_bytes),
        text(".{1,40}").prop_map(|text| SessionId::from_text(&text).expect("an id")),
    ]
}

fn facts(path: &str) -> RequestFacts<'_> {
    RequestFacts { path, ..RequestFacts::default() }
}

fn new_session(config: &Config, id: &SessionId) -> Exchange {
    let facts = RequestFacts { connection: Connection::Encrypted, ..facts(config.path()) };
    match config.begin(&facts, [], now()) {
        Begin::Create(create) => create.with_id(id.clone(), now()),
        other => panic!("{other:?}"),
    }
}

fn saved(mut exchange: Exchange) -> (Record, Outcome) {
    match exchange.finish::<()>(now()).expect("not too large") {
        Some(Pending::Save(ask)) => {
            let record = ask.operation.record.clone();
            let next = ask.complete::<()>(&mut exchange, Ok(Written::Saved(None)), now());
            assert!(next.expect("saved").is_none());
            (record, exchange.outcome().expect("saved"))
        }
        other => panic!("{other:?}"),
    }
}

/// The session that presents `id`, loaded from `record`.
fn loaded(config: &Config, id: &str, record: impl Into<Vec<u8>>) -> Option<Exchange> {
    let cookie =
        format!("{}={}", config.name(), encode_all(&format!("s:{}", sign(id, SECRETS[0]))));
    match config.begin(&facts(config.path()), [cookie.as_bytes()], now()) {
        Begin::Load(lookup) => match lookup.answer(Some(Stored::new(record)), now()) {
            Ok(Begin::Ready(exchange)) => Some(exchange),
            Ok(other) => panic!("{other:?}"),
            Err(_) => None,
        },
        other => panic!("{other:?}"),
    }
}

/// Bytes that are nearly a record.
fn record_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = proptest::sample::select(vec![
        "{",
        "}",
        "\"cookie\":",
        "{}",
        ",",
        "\"x\":",
        "1e9",
        "null",
        "\"expires\":",
        "\"2023-11-14T22:13:23.000Z\"",
        "\"id\":",
        "\"originalMaxAge\":",
        "\\ud83d",
        "[",
        "]",
        "-1.5",
        "\"path\":",
    ]);
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..80),
        proptest::collection::vec(piece.clone(), 0..12)
            .prop_map(|pieces| pieces.concat().into_bytes()),
        proptest::collection::vec(piece, 0..8).prop_map(|pieces| format!(
            "{{\"cookie\":{{{}}}",
            pieces.concat()
        )
        .into_bytes()),
        (data(), data()).prop_map(|(cookie, data)| {
            let cookie = serde_json::to_string(&cookie).expect("JSON");
            let mut data = serde_json::to_string(&data).expect("JSON").split_off(1);
            if data.len() > 1 {
                data.insert(0, ',');
            }
            format!("{{\"cookie\":{cookie}{data}").into_bytes()
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    // CK-1, B-044, B-045, B-046, B-047, B-049, B-053, B-054, B-055, B-056, B-057, B-058, B-212: whatever
    // the Cookie lines, the store is asked if and only if the first cookie of our name is signed
    #[test]
    fn only_signed_ids_reach_the_store(lines in cookie_lines()) {
        let begun = config().begin(&facts("/"), lines.iter().map(Vec::as_slice), now());
        let id = match &begun {
            Begin::Create(_) => None,
            Begin::Load(lookup) => Some(String::from(lookup.operation.id.as_str())),
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        prop_assert_eq!(id, presented(&lines));
    }

    // CK-7, B-139, B-140, B-151: another reader finds name and value in our line, and what it sends back
    // presents the same id
    #[test]
    fn a_line_comes_back_as_the_same_id(
        options in options(),
        name in text("[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}"),
        id in id(),
    ) {
        let config = Config::express(SECRETS[0]).name(name.as_str()).cookie(options).build();
        let Ok(config) = config else { return Ok(()) };
        let (record, outcome) = saved(new_session(&config, &id));
        let Some(line) = outcome.set_cookie() else {
            // Only an end that is no date keeps a line back.
            prop_assert!(outcome.cookie_error().is_some());
            prop_assert_eq!(record.expires(), None);
            return Ok(());
        };
        let line = line.to_str().expect("ASCII");
        let read = cookie::Cookie::parse(line).expect("a cookie");
        prop_assert_eq!(read.name(), &name);
        let value = percent_decode(read.value()).expect("percent-encoded");
        prop_assert_eq!(value, format!("s:{}", sign(id.as_str(), SECRETS[0])));
        let cookie = format!("other=x; {}={}", read.name(), read.value());
        match config.begin(&facts(config.path()), [cookie.as_bytes()], now()) {
            Begin::Load(lookup) => prop_assert_eq!(&lookup.operation.id, &id),
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        }
    }

    // B-071, B-072, B-084, B-085: what is written and loaded is the same session, and not changed
    #[test]
    fn a_record_comes_back_as_the_same_session(options in options(), data in data(), id in id()) {
        let config = Config::express(SECRETS[0]).cookie(options).build();
        let Ok(config) = config else { return Ok(()) };
        let mut exchange = new_session(&config, &id);
        for (key, value) in &data {
            exchange.session().expect("a session").insert(key, value).expect("JSON");
        }
        let (record, outcome) = saved(exchange);
        let text = record.to_json();
        prop_assert!(text.starts_with("{\"cookie\":{\"originalMaxAge\":"), "{}", text);
        let other = Record::from_json(&text).expect("a record");
        prop_assert_eq!(other.expires(), record.expires());
        prop_assert_eq!(value(&other.to_json()), value(&text));
        let mut again = loaded(&config, id.as_str(), text.as_str()).expect("a record");
        prop_assert!(again.facts().known && !again.facts().changed);
        let session = again.session().expect("a session");
        prop_assert_eq!(session.id(), &id);
        prop_assert_eq!(session.data(), &data);
        let start = format!("{{\"cookie\":{}", session.cookie().to_json());
        prop_assert!(text.starts_with(&start), "{} {}", text, start);
        if outcome.cookie_error().is_none() {
            let length = session.cookie().max_age(now()).map_or(Expires::Session, Expires::At);
            prop_assert_eq!(session.cookie().original_max_age(), length);
        }
    }

    // SG-8, B-069: any bytes are a session or an error, and a session ends in a save or a touch
    #[test]
    fn any_record_is_a_session_or_an_error(bytes in record_bytes(), moment in any::<i64>()) {
        let record = Record::from_json(&String::from_utf8_lossy(&bytes));
        let is_text = str::from_utf8(&bytes).is_ok();
        let loaded = loaded(&config(), "id", bytes);
        // What somebody else wrote is a record if and only if it can be loaded.
        prop_assert!(!is_text || record.is_ok() == loaded.is_some());
        if let Some(mut exchange) = loaded {
            let moment = Timestamp::from_millis(moment).unwrap_or(Timestamp::MAX);
            let session = exchange.session().expect("a session");
            prop_assert!(session.data().keys().all(|key| !is_reserved(key)));
            if let Ok(mut record) = record {
                let (id, cookie) = (session.id().clone(), session.cookie().clone());
                let expires = cookie.end();
                let touch = Touch::new(id, cookie, expires, None, now());
                let before = record.expires();
                record.touch(&touch);
                prop_assert_eq!(record.expires().is_some(), before.is_some());
            }
            let pending = exchange.finish::<()>(moment).expect("not too large");
            prop_assert!(matches!(pending, Some(Pending::Save(_) | Pending::Touch(_))));
        }
    }
}

/// What a request does, one after the other.
#[derive(Clone, Copy, Debug)]
enum Step {
    Add(u8, i64),
    Clear,
    End,
    Insert(u8, i64),
    Load,
    Remove(u8),
    Save,
}

fn writes() -> impl Strategy<Value = Vec<Step>> {
    let write = prop_oneof![
        6 => (0..4_u8, 1..5_i64).prop_map(|(key, more)| Step::Add(key, more)),
        3 => (0..4_u8, 0..5_i64).prop_map(|(key, value)| Step::Insert(key, value)),
        2 => (0..4_u8).prop_map(Step::Remove),
        1 => Just(Step::Clear),
    ];
    proptest::collection::vec(write, 0..5)
}

/// A load, changes, perhaps a save and more changes, and the end.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    (writes(), proptest::option::of(writes())).prop_map(|(first, second)| {
        let second = second.map(|writes| [&[Step::Save][..], &writes].concat());
        [&[Step::Load][..], &first, &second.unwrap_or_default(), &[Step::End]].concat()
    })
}

type Keys = BTreeMap<u8, i64>;

/// What writes mean to a key that was `before`.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    More(i64),
    Nothing,
    Value(Option<i64>),
}

/// A key that was only added to has so much more; of one that was written, and that is not what it
/// was, the value counts; all others are nothing to the request.
fn meaning(writes: &[Step], key: u8, before: Option<i64>) -> Meaning {
    let (mut value, mut more, mut is_own, mut cleared) = (before, 0, false, false);
    for write in writes {
        match *write {
            Step::Add(other, add) if other == key => {
                value = Some(value.unwrap_or_default() + add);
                more += add;
            }
            Step::Insert(other, new) if other == key => (value, is_own) = (Some(new), true),
            Step::Remove(other) if other != key => {}
            Step::Remove(_) if value.is_some() => (value, is_own) = (None, true),
            // Whatever others put there meanwhile.
            Step::Clear => (value, is_own, cleared) = (None, true, true),
            _ => {}
        }
    }
    match is_own {
        false if more > 0 => Meaning::More(more),
        true if cleared || value != before => Meaning::Value(value),
        _ => Meaning::Nothing,
    }
}

/// A request under way, beside the model of what it knows.
struct Request {
    base: Keys,
    exchange: Option<Exchange>,
    meanings: [Meaning; 4],
    pending: Option<Pending>,
    steps: VecDeque<Step>,
    written: Vec<Step>,
}

impl Request {
    fn new(steps: Vec<Step>) -> Self {
        let steps = steps.into();
        let (base, written) = (Keys::new(), Vec::new());
        let meanings = [Meaning::Nothing; 4];
        Self { base, exchange: None, meanings, pending: None, steps, written }
    }

    fn is_done(&self) -> bool {
        self.pending.is_none() && self.steps.is_empty()
    }

    fn step(&mut self, config: &Config, store: &mut model::Store, all: &mut Keys) {
        let now = model::now();
        if let (Some(asked), Some(exchange)) = (self.pending.take(), &mut self.exchange) {
            let version = store.version;
            self.pending = store.answer(exchange, asked, now).expect("merged");
            if store.version > version {
                for (key, meaning) in (0..4).zip(self.meanings) {
                    match meaning {
                        Meaning::More(more) => *all.entry(key).or_default() += more,
                        Meaning::Nothing => {}
                        Meaning::Value(Some(value)) => drop(all.insert(key, value)),
                        Meaning::Value(None) => drop(all.remove(&key)),
                    }
                }
                (self.base, self.written) = (all.clone(), Vec::new());
            }
            // What others have written just so is theirs from then on.
            let cleared = self.written.iter().any(|step| matches!(step, Step::Clear));
            for (key, meaning) in (0..4).zip(&mut self.meanings).filter(|_| !cleared) {
                if matches!(meaning, Meaning::Value(value) if all.get(&key) == value.as_ref()) {
                    *meaning = Meaning::Nothing;
                }
            }
            return;
        }
        let Some(step) = self.steps.pop_front() else { return };
        if matches!(step, Step::Load) {
            (self.exchange, self.base) = (Some(store.load(config)), all.clone());
            return;
        }
        let exchange = self.exchange.as_mut().expect("loaded");
        let session = exchange.session().expect("a session");
        match step {
            Step::Add(key, more) => model::add(exchange, &format!("k{key}"), more),
            Step::Clear => session.clear(),
            Step::Insert(key, value) => session.insert(&format!("k{key}"), value).expect("JSON"),
            Step::Remove(key) => drop(session.remove(&format!("k{key}"))),
            Step::End => self.pending = exchange.finish::<model::Down>(now).expect("an end"),
            Step::Load => {}
            Step::Save => {
                self.pending = exchange.start::<model::Down>(Action::Save, now).expect("a save");
            }
        }
        if self.pending.is_some() {
            self.meanings =
                [0, 1, 2, 3].map(|key| meaning(&self.written, key, self.base.get(&key).copied()));
        }
        self.written.push(step);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    // RC-3, B-130: of parallel requests all count, key by key, in whatever order they load and save
    #[test]
    fn parallel_requests_are_merged(
        before in proptest::collection::btree_map(0..4_u8, 0..5_i64, 0..4),
        requests in [steps(), steps(), steps()],
        order in proptest::collection::vec(0..3_usize, 60),
    ) {
        let config = model::built(model::recommended());
        let text: String =
            before.iter().map(|(key, value)| format!(",\"k{key}\":{value}")).collect();
        let mut store = model::Store::with("old", &model::record(Some(model::now()), &text));
        let mut all = before;
        let mut requests = requests.map(Request::new);
        // At random, then in turn.
        for turn in order.into_iter().chain((0..300).map(|turn| turn % 3)) {
            requests[turn].step(&config, &mut store, &mut all);
        }
        for request in requests {
            prop_assert!(request.is_done());
            prop_assert!(request.exchange.is_some_and(|exchange| exchange.outcome().is_some()));
        }
        let mut data = store.data("old").expect("a record");
        data.as_object_mut().expect("an object").remove("http-session:created");
        let expected: Map<String, Value> =
            all.into_iter().map(|(key, value)| (format!("k{key}"), value.into())).collect();
        prop_assert_eq!(data, Value::Object(expected));
    }

    // EX-7, B-154: what clears a cookie is what was sent, but for its value and its end
    #[test]
    fn a_clearing_line_is_the_sent_one(options in options(), id in id()) {
        let name = "sid";
        let config = Config::recommended(model::SECRET).name(name).cookie(options).build();
        let Ok(config) = config else { return Ok(()) };
        let mut store = model::Store::default();
        let facts = RequestFacts { connection: Connection::Encrypted, ..facts(config.path()) };
        let Begin::Create(create) = config.begin(&facts, [], now()) else {
            return Err(TestCaseError::fail("nothing was presented"));
        };
        let mut exchange = create.with_id(id.clone(), now());
        model::set(&mut exchange, "n", 1);
        let Ok(sent) = store.end_at(exchange, now()) else { return Ok(()) };
        let sent = model::line(&sent).expect("a line");
        let presented = sent.split(';').next().expect("a pair").as_bytes();
        let Begin::Load(lookup) = config.begin(&facts, [presented], now()) else {
            return Err(TestCaseError::fail("it was presented"));
        };
        let Ok(Begin::Ready(mut exchange)) = lookup.answer(store.get(id.as_str()), now()) else {
            return Err(TestCaseError::fail("it was stored"));
        };
        store.act(&mut exchange, Action::Destroy, now()).expect("deleted");
        let cleared = store.end_at(exchange, now()).expect("nothing is left to do");
        let cleared = model::line(&cleared).expect("a line");
        let [sent, cleared] =
            [sent, cleared].map(|line| cookie::Cookie::parse(line).expect("a cookie"));
        prop_assert_eq!(cleared.name_value(), (name, ""));
        prop_assert_eq!(cleared.domain(), sent.domain());
        prop_assert_eq!(cleared.path(), sent.path());
        prop_assert_eq!(cleared.secure(), sent.secure());
        prop_assert_eq!(cleared.http_only(), sent.http_only());
        prop_assert_eq!(cleared.partitioned(), sent.partitioned());
        prop_assert_eq!(cleared.same_site(), sent.same_site());
        let expires = cleared.expires_datetime().map(|date| date.unix_timestamp());
        prop_assert!(expires.is_some_and(|expires| expires < now().as_millis() / 1_000));
    }

    /// A record comes back with the moment of its beginning, and without it among the data.
    #[test]
    fn a_beginning_comes_back(data in data(), moment in any::<i64>()) {
        let moment = moment.rem_euclid(2 * Timestamp::MAX.as_millis() + 1);
        let created = Timestamp::MIN.plus_millis(moment).expect("a moment");
        let timeouts = http_session::Timeouts::NONE;
        let config = model::built(model::recommended().timeouts(timeouts));
        let text = serde_json::to_string(&data).expect("JSON");
        let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).expect("braces");
        let comma = if text.is_empty() { "" } else { "," };
        let mut store =
            model::Store::with("old", &model::record(Some(created), &format!("{comma}{text}")));
        for _ in 0..2 {
            let mut exchange = store.load(&config);
            let session = exchange.session().expect("a session");
            prop_assert_eq!(session.created(), Some(created));
            prop_assert_eq!(session.data(), &data);
            store.act(&mut exchange, Action::Save, now()).expect("saved");
        }
        let record = Record::from_json(&store.records["old"].record).expect("a record");
        prop_assert_eq!(value(&record.to_json()), value(&store.records["old"].record));
    }
}
