//! An application that was started.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use http::Method;
use http_session::Config;
use serde_json::Value;

use super::App;
use super::app::Running;
use super::bench::Scripted;
use super::shelf::Shelf;
use super::visit::Visit;
use crate::client::sign;
use crate::suite::{Flaw, Outcome, ensure};

/// An application, with its store and its clock.
pub(super) struct Site {
    pub(super) address: SocketAddr,
    pub(super) app: App,
    pub(super) config: Config,
    pub(super) env: Scripted,
    _running: Running,
    pub(super) shelf: Shelf,
    steps: AtomicU64,
}

impl Site {
    pub(super) fn new(
        app: App,
        address: SocketAddr,
        config: Config,
        env: Scripted,
        shelf: Shelf,
    ) -> Self {
        let _running = app.running();
        Self { address, app, config, env, _running, shelf, steps: AtomicU64::new(0) }
    }

    /// The name of the session cookie.
    pub(super) fn name(&self) -> &str {
        self.config.name()
    }

    /// A request that is to be sent.
    pub(super) fn get(&self, url: &str) -> Visit<'_> {
        self.request(Method::GET, url)
    }

    pub(super) fn request(&self, method: Method, url: &str) -> Visit<'_> {
        let step = self.steps.fetch_add(1, Ordering::SeqCst).to_string();
        Visit::new(self, method, url.into(), step)
    }

    /// A visitor whose session holds `n = 1`: the cookie to present, and the id.
    pub(super) async fn visitor(&self) -> Result<(String, String), Flaw> {
        self.visitor_at("/").await
    }

    pub(super) async fn visitor_at(&self, url: &str) -> Result<(String, String), Flaw> {
        let before = self.shelf.records();
        let cookie = self.get(url).counting().send().await?.cookie("a visitor", self.name())?;
        let mut records = self.shelf.records().into_keys();
        let id = records.find(|id| !before.contains_key(id));
        self.shelf.calls();
        Ok((cookie, id.ok_or_else(|| Flaw::new("a visitor", "a new record", "none"))?))
    }

    /// A cookie for this id, signed with a secret that is not ours.
    pub(super) fn forged(&self, id: &str) -> String {
        format!("{}={}", self.name(), sign(id, "somebody else's secret"))
    }

    /// Does the record of this id hold this value under the key?
    pub(super) fn holds(
        &self,
        case: &str,
        id: &str,
        key: &str,
        value: impl Into<Value>,
    ) -> Outcome {
        let (value, record) = (value.into(), self.shelf.records().remove(id));
        let found = record.as_ref().map(|record| &record[key]);
        let answered = found.map_or_else(|| "no record".into(), |found| format!("{key} = {found}"));
        ensure(found == Some(&value), case, &format!("a record with {key} = {value}"), answered)
    }

    /// Are there this many records?
    pub(super) fn has_records(&self, case: &str, number: usize) -> Outcome {
        let found = self.shelf.records().len();
        ensure(found == number, case, &format!("{number} records"), found.to_string())
    }
}
