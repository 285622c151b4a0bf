//! The store that a check is about.

use std::ops::Deref;
use std::sync::Arc;

use http_session::SessionId;

use super::Kind;
use super::client::Client;
use super::handle::{Handle, Open};

/// A store of its own for a check, and ids that no other check has.
pub(super) struct Subject<'a> {
    client: Client,
    name: String,
    open: &'a dyn Open,
    outage: Option<&'a dyn Open>,
    /// What names and ids begin with.
    tag: String,
}

impl<'a> Subject<'a> {
    pub(super) async fn open(
        kind: Kind,
        open: &'a dyn Open,
        outage: Option<&'a dyn Open>,
        tag: String,
    ) -> Self {
        let name = format!("http-session-{tag}");
        let client = Client::new(kind, open.open(&name).await);
        Self { client, name, open, outage, tag }
    }

    /// An id of this check.
    pub(super) fn id(&self, text: &str) -> SessionId {
        SessionId::from_text(&format!("{}-{text}", self.tag)).expect("neither empty nor too long")
    }

    /// Another one who uses the same records, as from another process.
    pub(super) async fn another(&self) -> Client {
        self.client.with(self.open.open(&self.name).await)
    }

    /// One who uses the records of another name.
    pub(super) async fn named(&self, name: &str) -> Client {
        self.client.with(self.open.open(&format!("{}{name}", self.tag)).await)
    }

    /// A store that fails.
    pub(super) async fn failing(&self) -> Option<Arc<dyn Handle>> {
        Some(self.outage?.open("").await)
    }
}

impl Deref for Subject<'_> {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}
