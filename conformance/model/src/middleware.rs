//! The middleware: a request comes, its handler runs, the response goes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::cookie::{Cookie, Js};
use crate::decision::{self, Facts, express};
use crate::scenario::{Operation, Options, Request};
use crate::store::Store;
use crate::text::{percent_decode, percent_encode, sign};

pub(crate) struct Middleware {
    ids: u32,
    options: Options,
}

/// What the trace says of a request, but for the store's calls.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) session: Option<String>,
    pub(crate) ops: Vec<Value>,
    pub(crate) set_cookie: Vec<String>,
    pub(crate) errors: Vec<String>,
}

struct Session {
    id: String,
    data: Map<String, Value>,
    cookie: Cookie,
    /// `save()` notes a hash (B-175). Not so after `regenerate()` (B-125).
    is_wrapped: bool,
}

/// What the middleware knows of a request that it takes part in.
struct Visit<'a> {
    request: &'a Request,
    /// Read from the request.
    cookie_id: Option<String>,
    /// B-043: `req.sessionID`, which stays when the session goes.
    session_id: String,
    session: Option<Session>,
    original_id: String,
    original_hash: Value,
    saved_hash: Option<Value>,
}

/// Why no handler runs.
enum Failure {
    Store,
    Record,
}

impl Middleware {
    pub(crate) fn new(options: Options) -> Self {
        Self { ids: 0, options }
    }

    pub(crate) fn serve(
        &mut self,
        request: &Request,
        cookie_header: Option<String>,
        store: &mut Store,
    ) -> Answer {
        let mut answer = Answer { status: request.status, ..Answer::default() };
        // B-037, B-038, B-042
        let path = self.options.cookie(&request.url).into_iter().rfind(|(key, _)| key == "path");
        let path = path.and_then(|(_, path)| path.as_str().map(String::from)).unwrap_or_default();
        let path = if path.is_empty() { "/" } else { &path };
        if !pathname(&request.url).starts_with(path) {
            handle(self, &mut None, request, store, &mut answer);
            return answer;
        }
        // B-013
        if self.options.secrets().is_empty() {
            answer.status = 500;
            answer.errors.push("other: secret option required for sessions".into());
            return answer;
        }
        let header = cookie_header.unwrap_or_default();
        let mut visit = Visit {
            request,
            cookie_id: self.read_cookie(&header),
            session_id: String::new(),
            session: None,
            original_id: String::new(),
            original_hash: Value::Null,
            saved_hash: None,
        };
        match self.load(&mut visit, store) {
            Ok(()) => {
                let mut visiting = Some(visit);
                handle(self, &mut visiting, request, store, &mut answer);
                visit = visiting.expect("it is not taken");
            }
            // B-067, B-069
            Err(failure) => {
                answer.status = 500;
                answer.errors.push(match failure {
                    Failure::Store => "store".into(),
                    Failure::Record => "other: a record without a usable cookie".into(),
                });
            }
        }
        self.end(visit, store, &mut answer);
        answer
    }

    // B-044 … B-058
    fn read_cookie(&self, header: &str) -> Option<String> {
        if header.len() < 2 {
            return None;
        }
        let pairs = header.split(';').filter_map(|pair| pair.split_once('='));
        let blank = [' ', '\t'];
        let name = self.options.name();
        let mut ours = pairs.filter(|(key, _)| key.trim_matches(blank) == name);
        let (_, value) = ours.next()?;
        let value = value.trim_matches(blank);
        let value = match value.strip_prefix('"') {
            Some("") => "",
            Some(rest) => rest.strip_suffix('"').unwrap_or(value),
            None => value,
        };
        let value = percent_decode(value).unwrap_or_else(|| value.into());
        let signed = value.strip_prefix("s:")?;
        let (id, _) = signed.rsplit_once('.')?;
        let secrets = self.options.secrets();
        secrets.iter().any(|secret| sign(id, secret) == signed).then(|| id.into())
    }

    // B-063 … B-068
    fn load(&mut self, visit: &mut Visit<'_>, store: &mut Store) -> Result<(), Failure> {
        let id = visit.cookie_id.clone().unwrap_or_default();
        if id.is_empty() {
            self.generate_first(visit, store.now);
            return Ok(());
        }
        visit.session_id.clone_from(&id);
        let record = match store.get(&id) {
            // B-066
            Err(code) if code == "ENOENT" => None,
            Err(_) => return Err(Failure::Store),
            Ok(record) => record.filter(|record| Js::Json(record.clone()).is_true()),
        };
        match record {
            None => self.generate_first(visit, store.now),
            Some(record) => {
                let session = inflate(&record, &id, store.now).ok_or(Failure::Record)?;
                visit.session = Some(Session { is_wrapped: true, ..session });
                // B-076: of the raw record; B-077
                visit.original_id = id;
                visit.original_hash = hash(record.as_object().expect("it has a cookie"));
                let resave = self.options.resave != Some(false);
                visit.saved_hash = (!resave).then(|| visit.original_hash.clone());
            }
        }
        Ok(())
    }

    // B-078
    fn generate_first(&mut self, visit: &mut Visit<'_>, now: i64) {
        self.generate(visit, now);
        visit.session.iter_mut().for_each(|session| session.is_wrapped = true);
        visit.original_id.clone_from(&visit.session_id);
        visit.original_hash = hash(&Map::new());
    }

    // B-027 … B-031, B-078
    fn generate(&mut self, visit: &mut Visit<'_>, now: i64) {
        self.ids += 1;
        visit.session_id = self.options.id(self.ids);
        let mut cookie = Cookie::new(&self.options.cookie(&visit.request.url), now);
        if !self.options.has_cookie_function() {
            let secure = self.is_secure(visit.request);
            let auto = Js::Json("auto".into());
            if cookie.secure == auto {
                cookie.secure = Js::Json(secure.into());
            }
            if cookie.same_site == auto {
                cookie.same_site = Js::Json(if secure { "none" } else { "lax" }.into());
            }
        }
        let id = visit.session_id.clone();
        visit.session = Some(Session { id, data: Map::new(), cookie, is_wrapped: false });
    }

    // B-156 … B-159
    fn is_secure(&self, request: &Request) -> bool {
        let forwarded = || {
            let mut headers = request.headers.iter();
            let header = headers.find(|(name, _)| name.eq_ignore_ascii_case("x-forwarded-proto"));
            let first = header.and_then(|(_, value)| value.split(',').next()).unwrap_or_default();
            first.trim().eq_ignore_ascii_case("https")
        };
        request.encrypted
            || match self.options.proxy {
                Some(true) => forwarded(),
                Some(false) => false,
                None => request.secure,
            }
    }

    /// B-110, then B-133.
    fn end(&self, mut visit: Visit<'_>, store: &mut Store, answer: &mut Answer) {
        // B-138: what is sent is what is stored.
        if let Some(session) = &mut visit.session {
            session.cookie.touch(store.now);
        }
        let (store_decision, cookie_decision) = express(&self.facts(&visit));
        let id = &visit.session_id;
        let asked = match (store_decision, &visit.session) {
            (decision::Store::Destroy, _) => store.destroy(id),
            (decision::Store::Save, Some(session)) => store.set(id, record(session)),
            (decision::Store::Touch, Some(session)) if self.options.store_has_touch() => {
                store.touch(id, session.cookie.to_json())
            }
            _ => Ok(()),
        };
        if let (decision::Cookie::Send, Some(session)) = (cookie_decision, &visit.session) {
            // B-139
            let signed = sign(id, &self.options.secrets()[0]);
            let value = percent_encode(&format!("s:{signed}"));
            match session.cookie.line(&self.options.name(), &value) {
                // B-134, B-135
                Ok(line) => answer.set_cookie.push(line),
                // B-152
                Err(option) => answer.errors.push(format!("other: option {option} is invalid")),
            }
        }
        // B-207
        if asked.is_err() {
            answer.errors.push("store".into());
        }
    }

    fn facts(&self, visit: &Visit<'_>) -> Facts {
        let session = visit.session.as_ref();
        let present_hash = session.map(|session| hash(&session.data));
        Facts {
            changed: present_hash.as_ref().is_some_and(|hash| *hash != visit.original_hash),
            expiring: session.is_some_and(|session| session.cookie.is_expiring()),
            known: visit.cookie_id.as_ref() == Some(&visit.session_id),
            new_id: visit.session_id != visit.original_id,
            noted: visit.saved_hash.is_some(),
            noted_is_current: visit.saved_hash == present_hash,
            present: session.is_some(),
            rolling: self.options.rolling == Some(true),
            save_uninitialized: self.options.save_uninitialized != Some(false),
            unset_destroy: self.options.unset_is_destroy() && !visit.session_id.is_empty(),
            withheld: session.is_some_and(|session| session.cookie.is_secure())
                && !self.is_secure(visit.request),
            // Not in express-session.
            cookie_changed: false,
            ended: false,
            refreshed: false,
            resign: false,
        }
    }

    /// The methods that ask the store (B-174).
    fn call(
        &mut self,
        visit: &mut Visit<'_>,
        store: &mut Store,
        operation: &Operation,
    ) -> Result<(), &'static str> {
        let session = visit.session.as_ref().ok_or("no session")?;
        let id = session.id.clone();
        match operation {
            // B-175 … B-177
            Operation::Save => {
                if session.is_wrapped {
                    visit.saved_hash = Some(hash(&session.data));
                }
                store.set(&id, record(session)).map_err(|_| "store")
            }
            // B-178, B-179
            Operation::Reload => {
                let record = store.get(&id).map_err(|_| "store")?.ok_or("missing")?;
                let mut found = inflate(&record, &id, store.now).ok_or("other: no cookie")?;
                found.is_wrapped = session.is_wrapped;
                visit.session = Some(found);
                Ok(())
            }
            // B-182, B-183
            Operation::Regenerate => {
                let destroyed = store.destroy(&visit.session_id).map_err(|_| "store");
                self.generate(visit, store.now);
                destroyed
            }
            // B-184
            Operation::Destroy => {
                visit.session = None;
                store.destroy(&id).map_err(|_| "store")
            }
            _ => unreachable!("it asks no store"),
        }
    }
}

/// The handler: carries out its operations.
fn handle(
    middleware: &mut Middleware,
    visit: &mut Option<Visit<'_>>,
    request: &Request,
    store: &mut Store,
    answer: &mut Answer,
) {
    let session = visit.as_ref().and_then(|visit| visit.session.as_ref());
    answer.session = session.map(|session| session.id.clone());
    for operation in &request.handler {
        let result = perform(middleware, visit.as_mut(), operation, store, answer);
        answer.ops.push(result.unwrap_or_else(|error| json!({ "error": error })));
    }
}

fn perform(
    middleware: &mut Middleware,
    visit: Option<&mut Visit<'_>>,
    operation: &Operation,
    store: &mut Store,
    answer: &mut Answer,
) -> Result<Value, &'static str> {
    let done = Ok(Value::Bool(true));
    match operation {
        Operation::Advance { ms } => {
            store.now += ms;
            return done;
        }
        Operation::OtherSet { id, record } => {
            store.put(id, record.clone());
            return done;
        }
        Operation::OtherDestroy { id } => {
            store.remove(id);
            return done;
        }
        Operation::Header { name, value } => {
            if name.eq_ignore_ascii_case("set-cookie") {
                answer.set_cookie.push(value.clone());
            }
            return done;
        }
        // B-188
        Operation::Unset => {
            if let Some(visit) = visit {
                visit.session = None;
            }
            return done;
        }
        _ => {}
    }
    let visit = visit.ok_or("no session")?;
    let session = visit.session.as_mut().ok_or("no session")?;
    let now = store.now;
    match operation {
        Operation::Get { key } if key == "cookie" => Ok(session.cookie.to_json()),
        Operation::Get { key } => Ok(session.data.get(key).cloned().unwrap_or_default()),
        Operation::Keys => {
            let mut keys: Vec<&String> = session.data.keys().collect();
            keys.sort_by_key(|key| key.encode_utf16().collect::<Vec<_>>());
            Ok(json!(keys))
        }
        Operation::Id => Ok(json!(session.id)),
        Operation::Set { key, value } => {
            session.data.insert(key.clone(), value.clone());
            done
        }
        Operation::Delete { key } => {
            session.data.remove(key);
            done
        }
        Operation::Cookie => Ok(session.cookie.described(now)),
        Operation::CookieSet { field, value } => {
            session.cookie.set(field, value, now);
            done
        }
        // B-185
        Operation::Touch => {
            session.cookie.touch(now);
            done
        }
        method => middleware.call(visit, store, method).map(|()| true.into()),
    }
}

// B-084
fn record(session: &Session) -> Value {
    let mut record = session.data.clone();
    record.insert("cookie".into(), session.cookie.to_json());
    Value::Object(record)
}

// B-071; None: no usable cookie (B-069).
fn inflate(record: &Value, id: &str, now: i64) -> Option<Session> {
    let cookie = Cookie::inflate(record.get("cookie")?, now)?;
    let mut data = record.as_object()?.clone();
    data.remove("cookie");
    // B-075
    for name in OWN_NAMES {
        data.remove(name);
    }
    Some(Session { id: id.into(), data, cookie, is_wrapped: false })
}

/// What every session has itself, and every object: no names for data (B-075).
pub const OWN_NAMES: [&str; 20] = [
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
    "constructor",
    "destroy",
    "hasOwnProperty",
    "id",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "regenerate",
    "reload",
    "req",
    "resetMaxAge",
    "save",
    "toLocaleString",
    "toString",
    "touch",
    "valueOf",
];

/// What stands for the hash (B-099): all but the cookie, with one type of number.
fn hash(data: &Map<String, Value>) -> Value {
    let kept = data.iter().filter(|(key, _)| *key != "cookie");
    let kept: BTreeMap<_, _> = kept.map(|(key, value)| (key, with_one_number(value))).collect();
    json!(kept)
}

fn with_one_number(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(with_one_number).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(k, v)| (k.clone(), with_one_number(v))).collect())
        }
        other => other.clone(),
    }
}

/// B-037 … B-039: the path of a URL, without its host.
fn pathname(url: &str) -> &str {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let path = match url.split_once("://") {
        Some((_, rest)) if !url.starts_with('/') => rest.find('/').map_or("/", |at| &rest[at..]),
        _ => url,
    };
    if path.is_empty() { "/" } else { path }
}
