//! What the running server has, and what can be changed in it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use http::StatusCode;
use http_session_store::core::{Secret, SessionId};
use http_session_store::{Env, MemoryStore, Sessions};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::clock::{Clock, Step};
use crate::inspector::Inspector;
use crate::meeting::Meeting;
use crate::options::{Options, Preset};
use crate::reply::{Reply, file, to_the_page, told};
use crate::spy::Spy;
use crate::{lock, log, page};

/// What the running server has.
pub struct Demo {
    pub(crate) clock: Clock,
    current: RwLock<Arc<Current>>,
    pub(crate) inspector: Inspector,
    pub(crate) meetings: Mutex<HashMap<SessionId, Meeting>>,
    secret: Secret,
    pub(crate) store: Spy<MemoryStore>,
}

/// The options that are in force, and the sessions that were built from them.
pub(crate) struct Current {
    pub(crate) options: Options,
    pub(crate) sessions: Sessions,
}

impl Demo {
    /// An empty shop. From here on the process's `tracing` goes to the page.
    ///
    /// # Errors
    /// What the library has against the secret.
    pub fn new(secret: Secret, env: impl Env) -> Result<Self, String> {
        log::listen();
        let (clock, store) = (Clock::new(env), Spy::new(MemoryStore::new()));
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

    /// The sessions that are in force now, for a `session_layer_from` or a `session_fairing_from`. Where
    /// options don't change while the server runs, that is `session_layer(config, store)`.
    pub fn sessions(&self) -> Sessions {
        self.current().sessions.clone()
    }

    pub(crate) fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// `POST /set/…`: the clock and the options. It needs no session.
    pub fn set(&self, what: &str, form: &str) -> Reply {
        let done = match what {
            "clock" => parse(form).map(|Put { step }| self.clock.put(step)),
            "options" => parse(form).and_then(|options| self.change(options)),
            // A preset, with all that it sets.
            "preset" => parse(form).and_then(|Whole { preset }| self.change(Options::of(preset))),
            _ => return self.missing(),
        };
        done.map_or_else(|text| told(StatusCode::BAD_REQUEST, text), |()| to_the_page())
    }

    /// Puts other options in force. The store stays, so sessions carry on.
    fn change(&self, options: Options) -> Result<(), String> {
        let current = Current::new(&self.secret, options, &self.store, &self.clock)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
        Ok(())
    }

    /// `GET /files/…`.
    pub fn file(&self, name: &str) -> Reply {
        match name {
            "demo.css" => file("text/css; charset=utf-8", include_str!("demo.css")),
            "demo.js" => file("text/javascript; charset=utf-8", include_str!("demo.js")),
            _ => self.missing(),
        }
    }

    /// Anything else.
    pub fn missing(&self) -> Reply {
        told(StatusCode::NOT_FOUND, "There is no such page.")
    }

    /// Two requests of the session have met, and are done: it is told once.
    pub(crate) fn met(&self, id: &SessionId) -> Option<Meeting> {
        let mut meetings = lock(&self.meetings);
        let complete = meetings.get(id).is_some_and(Meeting::is_complete);
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
        let sessions = Sessions::new(config, store.clone()).env(clock.clone());
        Ok(Self { options, sessions })
    }
}

/// Sessions and secrets are nobody's business.
impl fmt::Debug for Demo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Demo").finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Put {
    step: Step,
}

#[derive(Deserialize)]
struct Whole {
    preset: Preset,
}

pub(crate) fn parse<T: DeserializeOwned>(form: &str) -> Result<T, String> {
    serde_urlencoded::from_str(form).map_err(|error| page::sentence(&error))
}
