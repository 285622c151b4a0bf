//! What a check works with: it starts applications.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http_session::{Config, ConfigBuilder, IdError, SessionId, Timestamp};
use http_session_store::testing::TestEnv;
use http_session_store::{Env, Sessions};

use super::app::{Plan, TemplateFor};
use super::shelf::Shelf;
use super::site::Site;
use super::start::Start;
use super::{Ability, App, Mounting, Routes};
use crate::suite::Flaw;

/// An adapter for a check.
pub(super) struct Bench<'a> {
    /// Which of the recorded scenarios are replayed.
    pub(super) every: usize,
    pub(super) start: &'a dyn Start,
    without: Vec<Ability>,
}

/// How the application of a check differs from the usual one.
pub(super) struct Setting {
    pub(super) config: ConfigBuilder,
    pub(super) cookie_options: Option<Arc<TemplateFor>>,
    pub(super) mounting: Mounting,
    pub(super) routes: Routes,
}

impl From<ConfigBuilder> for Setting {
    fn from(config: ConfigBuilder) -> Self {
        let (mounting, routes) = (Mounting::Once, Routes::All);
        Self { config, cookie_options: None, mounting, routes }
    }
}

impl From<Mounting> for Setting {
    fn from(mounting: Mounting) -> Self {
        Self { mounting, ..Self::from(recommended()) }
    }
}

/// The safe preset, for plain HTTP.
pub(super) fn recommended() -> ConfigBuilder {
    Config::recommended("the secret of the contract for adapters").for_localhost()
}

/// express-session's, which makes a session for every visitor; what is not changed is touched.
pub(super) fn express() -> ConfigBuilder {
    Config::express("the secret of the contract for adapters")
        .resave(false)
        .save_uninitialized(true)
}

impl<'a> Bench<'a> {
    pub(super) const fn new(start: &'a dyn Start, without: Vec<Ability>, every: usize) -> Self {
        Self { every, start, without }
    }

    /// Can the framework do that?
    pub(super) fn can(&self, ability: Ability) -> bool {
        !self.without.contains(&ability)
    }

    /// An application that must launch.
    pub(super) async fn site(&self, setting: impl Into<Setting>) -> Result<Site, Flaw> {
        let launched = self.launch(setting).await;
        launched.map_err(|error| Flaw::new("the start", "an address", format!("{error:?}")))
    }

    /// An application, or why it does not launch.
    pub(super) async fn launch(&self, setting: impl Into<Setting>) -> Result<Site, String> {
        let Setting { config, cookie_options, mounting, routes } = setting.into();
        let (env, shelf) = (Scripted::new(), Shelf::new());
        let config = config.build().expect("the suite's options");
        let sessions = Sessions::new(config.clone(), shelf.clone()).env(env.clone());
        let second = (mounting == Mounting::Two).then(|| {
            let config = Config::recommended("another secret of the contract for adapters");
            let config = config.for_localhost().name("second").build();
            Sessions::new(config.expect("the suite's options"), shelf.clone()).env(env.clone())
        });
        let app = App::new(Plan { cookie_options, mounting, routes, second, sessions });
        let address = self.start.start(app.clone()).await.map_err(|error| error.to_string())?;
        Ok(Site::new(app, address, config, env, shelf))
    }
}

/// A clock that stands still, and ids that can be had or not; clones are the same.
#[derive(Clone)]
pub(super) struct Scripted {
    env: TestEnv,
    no_ids: Arc<AtomicBool>,
}

impl Scripted {
    fn new() -> Self {
        let start = Timestamp::from_millis(1_800_000_000_000).expect("a date");
        Self { env: TestEnv::new(start), no_ids: Arc::default() }
    }

    /// No id can be made from now on.
    pub(super) fn fail(&self) {
        self.no_ids.store(true, Ordering::SeqCst);
    }
}

impl Env for Scripted {
    fn now(&self) -> Timestamp {
        self.env.now()
    }

    fn genid(&self) -> Result<SessionId, IdError> {
        if self.no_ids.load(Ordering::SeqCst) { Err(IdError::Random) } else { self.env.genid() }
    }
}
