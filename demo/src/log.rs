//! Reads the library's log, which says of each request what was decided and why.

use std::fmt::Debug;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber, subscriber};

use crate::visit::{Seen, see};

/// From here on.
pub(crate) fn listen() {
    // If it fails, another demo of this process was first: one listener is enough.
    let _ = subscriber::set_global_default(Listener);
}

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("http_session")
    }

    fn event(&self, event: &Event<'_>) {
        see(|seen| event.record(&mut Words(seen)));
    }

    // There are no spans to follow.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Words<'s>(&'s mut Seen);

impl Visit for Words<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.told.insert(field.name(), format!("{value:?}"));
    }
}
