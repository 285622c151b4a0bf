//! PX-7: a shared cache between clients and the application.

use http::HeaderMap;
use http::header::{CACHE_CONTROL, HeaderValue, SET_COOKIE, VARY};
use http_session::{Action, Config, Exchange};

use super::model::*;

/// The items of a list.
fn items(headers: &HeaderMap, name: http::HeaderName) -> Vec<String> {
    let lines = headers.get_all(name).iter().map(|line| line.to_str().expect("ASCII"));
    let items = lines.flat_map(|line| line.split(',')).map(|item| item.trim().to_ascii_lowercase());
    items.filter(|item| !item.is_empty()).collect()
}

/// A response, and the Cookie line of the request that it was made for.
#[derive(Clone)]
struct Entry {
    body: String,
    cookie: String,
    headers: HeaderMap,
}

/// A shared cache that stores and reuses all that RFC 9111 lets it: also what says nothing (section 4.2.2).
#[derive(Default)]
struct Cache(Vec<Entry>);

impl Cache {
    /// Section 3.
    fn store(&mut self, entry: &Entry) {
        let directives = items(&entry.headers, CACHE_CONTROL);
        let has = |name: &str| directives.iter().any(|directive| directive == name);
        // It understands the status 200, so `must-understand` voids `no-store` (section 5.2.2.3).
        let kept_out = has("private") || has("no-store") && !has("must-understand");
        if !kept_out {
            self.0.push(entry.clone());
        }
    }

    /// Section 4.1. What `no-cache` says is taken to be fresh all the same: an application may answer 304.
    fn find(&self, cookie: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| {
            let vary = items(&entry.headers, VARY);
            let on = |name: &str| vary.iter().any(|item| item == name);
            !on("*") && (!on("cookie") || entry.cookie == cookie)
        })
    }
}

/// What a handler does with the session, and the body that it makes: private, unless the session was left alone.
type Handler = fn(&mut Store, &mut Exchange) -> String;

fn read(_: &mut Store, exchange: &mut Exchange) -> String {
    format!("for {:?}", exchange.session().and_then(|session| session.get::<String>("user").ok()))
}

const HANDLERS: [(&str, Handler); 8] = [
    ("nothing", |_, _| "for all".into()),
    ("read", read),
    ("is empty", |_, exchange| {
        format!("for {}", exchange.session().is_some_and(|session| session.data().is_empty()))
    }),
    ("is new", |_, exchange| {
        let _ = exchange.session();
        format!("for {}", exchange.is_new())
    }),
    ("write", |store, exchange| {
        set(exchange, "views", 1);
        read(store, exchange)
    }),
    ("save", |store, exchange| {
        set(exchange, "views", 2);
        store.act(exchange, Action::Save, now()).expect("saved");
        read(store, exchange)
    }),
    ("renew", |store, exchange| {
        let _ = store.act(exchange, Action::Renew(id("next")), now());
        read(store, exchange)
    }),
    ("destroy", |store, exchange| {
        let body = read(store, exchange);
        let _ = store.act(exchange, Action::Destroy, now());
        body
    }),
];

/// What handlers say to caches.
const SAYS: [&[(http::HeaderName, &str)]; 14] = [
    &[],
    &[(CACHE_CONTROL, "public, max-age=60")],
    &[(CACHE_CONTROL, "max-age=60")],
    &[(CACHE_CONTROL, "s-maxage=60"), (CACHE_CONTROL, "public")],
    &[(CACHE_CONTROL, "PUBLIC")],
    &[(CACHE_CONTROL, "no-cache")],
    &[(CACHE_CONTROL, "no-store, must-understand")],
    &[(CACHE_CONTROL, "private=\"x-name\", max-age=60")],
    &[(CACHE_CONTROL, "x=\"private\", max-age=60")],
    &[(CACHE_CONTROL, "public, max-age=60"), (VARY, "Accept")],
    &[(CACHE_CONTROL, "public, max-age=60"), (VARY, "Cookie2, X-Cookie")],
    &[(CACHE_CONTROL, "public"), (VARY, "*")],
    &[(CACHE_CONTROL, "public"), (VARY, "cookie")],
    &[(VARY, "Accept-Encoding"), (VARY, "Origin")],
];

/// The application's answer, and the cookie that the client has afterwards.
fn answer(
    config: &Config,
    store: &mut Store,
    cookie: &str,
    handler: Handler,
    says: &[(http::HeaderName, &str)],
) -> Entry {
    let mut headers = HeaderMap::new();
    for (name, line) in says {
        headers.append(name, HeaderValue::from_str(line).expect("ASCII"));
    }
    let mut exchange = store.begin(config, &encrypted(), cookie, now());
    let body = handler(store, &mut exchange);
    store.end(exchange).expect("the store works").apply(&mut headers);
    Entry { body, cookie: cookie.into(), headers }
}

// PX-7: no client gets from a shared cache what was made for another one, least of all its cookie; and what depends
// on no session is still shared
#[test]
fn a_shared_cache() {
    let [mut hits, mut shared, mut stored] = [0; 3];
    for rolling in [false, true] {
        let config = built(recommended().rolling(rolling));
        let people = ["ada", "bob"].map(|user| cookie(&config, user));
        let forged = format!("{}={}", config.name(), signed(&[9; 32], "ada"));
        let clients = ["", &*people[0], &people[1], &forged, "theme=dark"];
        for (name, handler) in HANDLERS {
            for says in SAYS {
                for first in clients {
                    let mut store = Store::default();
                    for user in ["ada", "bob"] {
                        store.put(
                            user,
                            &record(Some(now()), &format!(",\"user\":\"{user}\"")),
                            None,
                        );
                    }
                    let mut cache = Cache::default();
                    let made = answer(&config, &mut store, first, handler, says);
                    cache.store(&made);
                    stored += cache.0.len();
                    for second in clients {
                        let Some(found) = cache.find(second) else { continue };
                        hits += 1;
                        shared += usize::from(second != first);
                        let context = format!("{name} {says:?}: {first} to {second}");
                        assert!(!found.headers.contains_key(SET_COOKIE), "{context}");
                        assert!(found.cookie == second || found.body == "for all", "{context}");
                    }
                }
            }
        }
    }
    println!("{stored} stored, {hits} hits, {shared} of them for another client");
    assert!(hits > 500 && shared > 100);
}
