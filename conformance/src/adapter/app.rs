//! The application that an author starts.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use http::StatusCode;
use http_session::{Connection, CookieTemplate};
use http_session_store::{Error, Session, Sessions};
use tokio::sync::watch;

use super::Reply;

/// The application that the suite wants: a session layer of its [`sessions`](Self::sessions), put in as
/// [`mounting`](Self::mounting) says, and a handler on the [`routes`](Self::routes) that calls
/// [`handle`](Self::handle) and answers with the [`Reply`]. Clones are the same one.
///
/// Each request has a header field [`STEP`](Self::STEP), whose value says which one it is.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    ended: watch::Sender<bool>,
    plan: Plan,
    /// What the handler did wrong.
    flaws: Mutex<Vec<String>>,
    steps: Mutex<HashMap<String, Step>>,
}

/// What an application is made of.
pub(crate) struct Plan {
    pub(crate) cookie_options: Option<Arc<TemplateFor>>,
    pub(crate) mounting: Mounting,
    pub(crate) routes: Routes,
    pub(crate) second: Option<Sessions>,
    pub(crate) sessions: Sessions,
}

pub(crate) type TemplateFor = dyn Fn(&str) -> Arc<CookieTemplate> + Send + Sync;

/// What the server side knows of a request, and what its handler does: once.
pub(crate) struct Step {
    pub(crate) act: Option<Act>,
    pub(crate) connection: Connection,
    pub(crate) url: String,
}

pub(crate) type Act = Box<dyn FnOnce(Found) -> Acted + Send>;
pub(crate) type Acted = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

/// The sessions that the adapter found for a request.
pub(crate) struct Found {
    pub(crate) main: Option<Session>,
    pub(crate) second: Option<Session<Second>>,
}

/// How the session layer is put in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Mounting {
    /// As the documentation of the adapter says: around the handler and whatever else answers.
    Once,
    /// In the wrong order: where a layer can be added so that it does not stand in front of the handler, do
    /// so; elsewhere it is as [`Missing`](Self::Missing).
    Late,
    /// Not at all. The handler asks for the session all the same.
    Missing,
    /// The handler is below the prefix `/nested`, which the router takes off. Where the layer can stand
    /// inside of that, it does.
    Nested,
    /// Twice: the same layer around itself.
    Twice,
    /// Two layers: that of [`App::sessions`], and that of [`App::second`] with the marker [`Second`]. The
    /// handler calls [`App::handle_both`].
    Two,
}

/// What the handler answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Routes {
    /// Every path and method.
    All,
    /// `GET /handler`. The framework itself answers the rest, with a 404 or a 405. Only if it has
    /// [`Ability::Routes`](super::Ability::Routes).
    One,
}

/// The marker of the second session.
#[derive(Clone, Copy, Debug)]
pub enum Second {}

impl App {
    /// The header field whose value says which request it is.
    pub const STEP: &'static str = "x-step";

    pub(crate) fn new(plan: Plan) -> Self {
        Self(Arc::new(Inner {
            ended: watch::Sender::default(),
            plan,
            flaws: Mutex::default(),
            steps: Mutex::default(),
        }))
    }

    /// The sessions, for the layer.
    pub fn sessions(&self) -> Sessions {
        self.0.plan.sessions.clone()
    }

    /// Those of the second layer, under [`Mounting::Two`].
    ///
    /// # Panics
    /// Under any other.
    pub fn second(&self) -> Sessions {
        self.0.plan.second.clone().expect("there are two under Mounting::Two alone")
    }

    /// How the layer is put in.
    pub fn mounting(&self) -> Mounting {
        self.0.plan.mounting
    }

    /// Waits until the suite needs the application no more: for those whose threads are not of the suite's
    /// runtime, which ends with the check.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut ended = self.0.ended.subscribe();
        async move {
            // An error says that nobody has it any more.
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }

    /// The application while the suite needs it.
    pub(crate) fn running(&self) -> Running {
        Running(self.clone())
    }

    /// What the handler answers.
    pub fn routes(&self) -> Routes {
        self.0.plan.routes
    }

    /// Cookie options by the request's target (path and query as sent), if the layer is to have such: a
    /// framework that does not keep the target finds it with [`url`](Self::url).
    pub fn cookie_options(
        &self,
    ) -> Option<impl Fn(&str) -> Arc<CookieTemplate> + Clone + Send + Sync + use<>> {
        let cookie_options = self.0.plan.cookie_options.clone()?;
        Some(move |url: &str| cookie_options(url))
    }

    /// What a TLS acceptor would say of the request's connection: to be handed to the layer.
    pub fn connection(&self, step: &str) -> Connection {
        self.lock().get(step).map(|step| step.connection).unwrap_or_default()
    }

    /// The request's target as it was sent.
    pub fn url(&self, step: &str) -> String {
        self.lock().get(step).map(|step| step.url.clone()).unwrap_or_default()
    }

    /// What the handler does with the request of this step, whose session the adapter found; `None` where
    /// it says that there is none on this path. If the adapter says that there is an error, don't call it, and
    /// answer as the framework does.
    ///
    /// It may panic, and it may wait for long: let it, as any handler.
    pub async fn handle(&self, step: &str, session: Option<&Session>) -> Reply {
        self.act(step, Found { main: session.cloned(), second: None }).await
    }

    /// As [`handle`](Self::handle), with both sessions of [`Mounting::Two`].
    pub async fn handle_both(
        &self,
        step: &str,
        session: Option<&Session>,
        second: Option<&Session<Second>>,
    ) -> Reply {
        self.act(step, Found { main: session.cloned(), second: second.cloned() }).await
    }

    async fn act(&self, step: &str, found: Found) -> Reply {
        let act = self.lock().get_mut(step).and_then(|step| step.act.take());
        let failed = |text: String| {
            self.0.flaws.lock().expect("no panic under this lock").push(text);
            Reply::new(StatusCode::INTERNAL_SERVER_ERROR, "")
        };
        match act {
            None => failed(format!("a call for the step {step:?}, which none is left to do of")),
            Some(act) => act(found).await.unwrap_or_else(|error| failed(error.to_string())),
        }
    }

    /// Notes a step that is to come.
    pub(crate) fn expect(&self, name: &str, step: Step) {
        self.lock().insert(name.into(), step);
    }

    /// Was the handler called for this step?
    pub(super) fn handled(&self, step: &str) -> bool {
        self.lock().get(step).is_some_and(|step| step.act.is_none())
    }

    /// What the handler did wrong since the last call.
    pub(super) fn flaws(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.flaws.lock().expect("no panic under this lock"))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Step>> {
        self.0.steps.lock().expect("no panic under this lock")
    }
}

/// An application that is needed: when this is dropped, it has [ended](App::ended).
pub(crate) struct Running(App);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.ended.send_replace(true);
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { mounting, routes, .. } = self.0.plan;
        let mut text = f.debug_struct("App");
        text.field("mounting", &mounting).field("routes", &routes).finish_non_exhaustive()
    }
}

impl Found {
    pub(super) fn main(&self) -> Result<&Session, Error> {
        self.main.as_ref().ok_or(Error::PathMismatch)
    }

    pub(super) fn second(&self) -> Result<&Session<Second>, Error> {
        self.second.as_ref().ok_or(Error::PathMismatch)
    }
}
