//! A small shop whose page shows, for each request, what became of the session and why:
//! `cargo demo`, then http://127.0.0.1:3000/.
//!
//! `PORT` is another port, `SESSION_SECRET` the secret that signs the cookies.
//!
//! The handlers are the part to read: what a shop asks of its sessions. [`options`] are set with a
//! form, [`page`] writes the page, [`inspector`] and [`spy`] look on, [`clock`] is a clock to be put
//! forward.

mod clock;
mod inspector;
mod options;
mod page;
mod spy;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use http_session_axum::core::SessionId;
use http_session_axum::store::Error as SessionError;
use http_session_axum::{
    Config, Error, MemoryStore, Secret, Session, SessionLayer, secret_from_env, session_layer,
};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tower::{Layer, ServiceExt};

use self::clock::{Clock, Step};
use self::inspector::Inspector;
use self::options::{Options, Preset};
use self::page::{Page, Visitor};
use self::spy::Spy;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let port = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| format!("PORT is no port number: {port:?}"))?,
        Err(_) => 3000,
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address).await.map_err(|error| {
        format!("can't listen on {address}: {error}. Another port: PORT=3001 cargo demo")
    })?;
    let secret = match secret_from_env("SESSION_SECRET") {
        Ok(secret) => secret,
        Err(error) => {
            // Good enough to try things out. A service refuses to start instead: with a secret of
            // its own making, each restart would log everybody out.
            println!("{error}.\nA random secret is used now: sessions end with this process.");
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes)?;
            Secret::from(bytes)
        }
    };
    let app = app(secret)?;
    println!("Listening on http://{}/ (Ctrl-C stops it)", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

pub(crate) fn app(secret: Secret) -> Result<Router, String> {
    let demo = Arc::new(Demo::new(secret)?);
    let app = Router::new()
        .route("/", get(look))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .route("/visit", post(visit))
        .route("/cart/add", post(add))
        .route("/cart/remove", post(remove))
        .route("/tabs", post(one_of_two_tabs))
        .route("/busy", post(change_slowly))
        .route("/busy/logout", post(log_out_meanwhile))
        .route("/renew", post(renew))
        .route("/unset", post(unset))
        // A layer serves the routes above it: each of them has a session ...
        .layer(from_fn_with_state(Arc::clone(&demo), with_session))
        // ... looked at from outside, where it is known what became of it.
        .layer(from_fn_with_state(Arc::clone(&demo), inspector::inspect))
        // What is added below has no session: it costs no look into the store.
        .route("/clock", post(set_clock))
        .route("/options", post(set_options))
        .route("/preset", post(use_preset))
        .route("/demo.css", get(|| file("text/css", include_str!("demo.css"))))
        .route("/demo.js", get(|| file("text/javascript", include_str!("demo.js"))))
        // The last layer is the outermost one.
        .layer(from_fn(protect))
        .with_state(demo);
    Ok(app)
}

/// What the running server has.
struct Demo {
    clock: Clock,
    current: RwLock<Arc<Current>>,
    inspector: Inspector,
    meetings: Mutex<HashMap<SessionId, Meeting>>,
    secret: Secret,
    store: Spy<MemoryStore>,
}

/// The options that are in force, and the layer that was built from them.
struct Current {
    config: Config,
    layer: SessionLayer,
    options: Options,
}

impl Demo {
    fn new(secret: Secret) -> Result<Self, String> {
        let (clock, store) = (Clock::default(), Spy::new(MemoryStore::new()));
        let options = Options::of(Preset::Recommended);
        let current = Current::new(&secret, options, &store, &clock)?;
        Ok(Self {
            clock,
            current: RwLock::new(Arc::new(current)),
            inspector: Inspector::default(),
            meetings: Mutex::default(),
            secret,
            store,
        })
    }

    fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other options in force. The store stays, so sessions carry on.
    fn change(&self, options: Options) -> Result<(), String> {
        let current = Current::new(&self.secret, options, &self.store, &self.clock)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
        Ok(())
    }

    /// Two requests of the session have met, and are done: it is told once.
    fn met(&self, id: &SessionId) -> Option<Meeting> {
        let mut meetings = lock(&self.meetings);
        let complete = meetings.get(id).is_some_and(|meeting| meeting.complete);
        complete.then(|| meetings.remove(id)).flatten()
    }
}

impl Current {
    fn new(
        secret: &Secret,
        options: Options,
        store: &Spy<MemoryStore>,
        clock: &Clock,
    ) -> Result<Self, String> {
        let config = options.config(secret.clone()).map_err(|error| page::sentence(&error))?;
        let layer = session_layer(config.clone(), store.clone())
            .env(clock.clone())
            .on_error(|error| (error.status(), page::in_plain_words(error)).into_response());
        Ok(Self { config, layer, options })
    }
}

/// Nothing panics while one of the demo's locks is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The session layer, as a middleware that takes the one in force. Where options don't change while
/// the server runs, it is `.layer(session_layer(config, store))`.
async fn with_session(State(demo): State<Arc<Demo>>, request: Request, next: Next) -> Response {
    let current = demo.current();
    match current.layer.layer(next).oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Every button ends here: a form's answer sends the browser back to the page (303), so that
/// reloading the page does not send the form again.
async fn look(State(demo): State<Arc<Demo>>, session: Session) -> Result<Page, Error> {
    // All data, as one struct.
    let visitor: Visitor = session.read()?;
    let id = session.id()?;
    let meeting = demo.met(&id).map(|meeting| meeting.result(&visitor));
    // The messages that were left: asking for them takes them out.
    Ok(Page { flashes: session.flashes()?, id, meeting, visitor })
}

type Answer = Result<Redirect, Refusal>;

#[derive(Deserialize)]
struct Login {
    name: String,
}

async fn log_in(session: Session, Form(login): Form<Login>) -> Answer {
    // A real service checks a password here.
    let name: String = login.name.trim().chars().take(40).collect();
    if name.is_empty() {
        return Err(Refusal::Told("Please give a name."));
    }
    // With a new id: whoever knew the old one, or had planted it in this browser, has nothing. The
    // cart stays. If it fails, nobody is logged in.
    session.log_in("name", &name).await?;
    session.flash("success", format!("Welcome, {name}. Your session has a new id."))?;
    Ok(to_the_page())
}

async fn log_out(session: Session) -> Answer {
    session.destroy().await?;
    // From here on this request has no session: reading it would be an error.
    Ok(to_the_page())
}

async fn visit(session: Session) -> Answer {
    count_up(&session, "visits")?;
    // Nothing else to do: the end of the request saves what was changed.
    Ok(to_the_page())
}

/// An update, not an insert of what was read: under `merge`, of two at once both count.
fn count_up(session: &Session, key: &str) -> Result<u64, SessionError> {
    session.update(key, |count: Option<u64>| count.unwrap_or_default().saturating_add(1))
}

#[derive(Clone, Copy, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Item {
    Tea,
    Bread,
    Honey,
}

impl Item {
    const ALL: [Self; 3] = [Self::Tea, Self::Bread, Self::Honey];

    /// Each item is a value of its own in the session: two requests that add different ones need
    /// not be in each other's way.
    const fn key(self) -> &'static str {
        match self {
            Self::Tea => "tea",
            Self::Bread => "bread",
            Self::Honey => "honey",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Tea => "Tea",
            Self::Bread => "Bread",
            Self::Honey => "Honey",
        }
    }
}

#[derive(Deserialize)]
struct Chosen {
    item: Item,
}

async fn add(session: Session, Form(Chosen { item }): Form<Chosen>) -> Answer {
    count_up(&session, item.key())?;
    session.flash("success", format!("{} is in your cart.", item.name()))?;
    Ok(to_the_page())
}

async fn remove(session: Session, Form(Chosen { item }): Form<Chosen>) -> Answer {
    if session.remove(item.key())?.is_some() {
        session.flash("info", format!("{} is out of your cart.", item.name()))?;
    }
    Ok(to_the_page())
}

async fn renew(session: Session) -> Answer {
    session.renew().await?;
    session.flash("info", "Your session has a new id. The old one is worth nothing.")?;
    Ok(to_the_page())
}

async fn unset(session: Session) -> Answer {
    session.unset()?;
    Ok(to_the_page())
}

/// Two requests of one session, each of which waits for the other.
struct Meeting {
    barrier: Arc<Barrier>,
    before: Visitor,
    /// The second one is here.
    complete: bool,
    kind: Kind,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Busy,
    Tabs,
}

impl Meeting {
    /// Waits until both requests have loaded the session.
    async fn of(demo: &Demo, session: &Session, kind: Kind) -> Result<Arc<Barrier>, Refusal> {
        let (id, before) = (session.id()?, session.read()?);
        let barrier = {
            let mut meetings = lock(&demo.meetings);
            match meetings.get_mut(&id) {
                Some(first) if first.kind == kind && !first.complete => {
                    first.complete = true;
                    Arc::clone(&first.barrier)
                }
                _ => {
                    let barrier = Arc::new(Barrier::new(2));
                    let first =
                        Self { barrier: Arc::clone(&barrier), before, complete: false, kind };
                    meetings.insert(id.clone(), first);
                    barrier
                }
            }
        };
        let met = wait(&barrier).await;
        if met.is_err() {
            lock(&demo.meetings).remove(&id);
        }
        met.map(|()| barrier)
    }

    /// What survived.
    fn result(&self, after: &Visitor) -> page::Met {
        let arrived = |item: &Item| after.count(*item) > self.before.count(*item);
        match self.kind {
            Kind::Busy => page::Met::Revived,
            Kind::Tabs => page::Met::Tabs {
                clicks: after.clicks.saturating_sub(self.before.clicks),
                items: Item::ALL.into_iter().filter(arrived).collect(),
            },
        }
    }
}

async fn wait(barrier: &Barrier) -> Result<(), Refusal> {
    let met = tokio::time::timeout(Duration::from_secs(5), barrier.wait()).await;
    met.map(drop).map_err(|_| Refusal::Told("The second of the two requests did not come."))
}

/// Each of the two adds an item of its own, and both count up the same counter.
async fn one_of_two_tabs(
    State(demo): State<Arc<Demo>>,
    session: Session,
    Form(Chosen { item }): Form<Chosen>,
) -> Answer {
    if session.is_new()? {
        return Err(Refusal::Told(
            "You have no session yet that two tabs could share. Log in or take something first.",
        ));
    }
    Meeting::of(&demo, &session, Kind::Tabs).await?;
    count_up(&session, item.key())?;
    count_up(&session, "clicks")?;
    Ok(to_the_page())
}

/// A request that is still busy when another one logs the visitor out.
async fn change_slowly(State(demo): State<Arc<Demo>>, session: Session) -> Answer {
    must_be_logged_in(&session)?;
    let log_out = Meeting::of(&demo, &session, Kind::Busy).await?;
    wait(&log_out).await?;
    count_up(&session, Item::Honey.key())?;
    Ok(to_the_page())
}

async fn log_out_meanwhile(State(demo): State<Arc<Demo>>, session: Session) -> Answer {
    must_be_logged_in(&session)?;
    let busy = Meeting::of(&demo, &session, Kind::Busy).await?;
    session.destroy().await?;
    wait(&busy).await?;
    Ok(to_the_page())
}

fn must_be_logged_in(session: &Session) -> Result<(), Refusal> {
    let name: Option<String> = session.get("name")?;
    name.map(drop).ok_or(Refusal::Told("Please log in first: nobody could be logged out."))
}

#[derive(Deserialize)]
struct Put {
    step: Step,
}

async fn set_clock(State(demo): State<Arc<Demo>>, Form(Put { step }): Form<Put>) -> Redirect {
    demo.clock.put(step);
    to_the_page()
}

async fn set_options(State(demo): State<Arc<Demo>>, Form(options): Form<Options>) -> Response {
    match demo.change(options) {
        Ok(()) => to_the_page().into_response(),
        Err(text) => (StatusCode::BAD_REQUEST, text).into_response(),
    }
}

#[derive(Deserialize)]
struct Whole {
    preset: Preset,
}

/// A preset, with all that it sets.
async fn use_preset(state: State<Arc<Demo>>, Form(Whole { preset }): Form<Whole>) -> Response {
    set_options(state, Form(Options::of(preset))).await
}

fn to_the_page() -> Redirect {
    Redirect::to("/")
}

/// Why a form is not accepted.
enum Refusal {
    Session(Error),
    Told(&'static str),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Session(error)
    }
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Self {
        Self::Session(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Session(error) => {
                let text = page::in_plain_words(&error.0);
                let mut response = error.into_response();
                *response.body_mut() = Body::from(text);
                response
            }
            Self::Told(text) => (StatusCode::BAD_REQUEST, text).into_response(),
        }
    }
}

/// What every web application should have, with sessions or without.
async fn protect(request: Request, next: Next) -> Response {
    // SameSite=Lax keeps the session out of other sites' posts, but a login needs no session, and
    // another port of this host is the same site. Browsers say where a request comes from.
    let foreign = request
        .headers()
        .get("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none");
    if foreign && request.method() == Method::POST {
        return (StatusCode::FORBIDDEN, "This form belongs to another site.").into_response();
    }
    let headers = [
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
    ];
    (headers, next.run(request).await).into_response()
}

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let kind = format!("{kind}; charset=utf-8");
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store".into())], text)
}
