//! What was reported while a request ran: the events of the library's crates that tell of an error,
//! which is what an application's log would hold.

use std::cell::RefCell;
use std::fmt::Debug;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

thread_local! {
    static REPORTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What was reported on this thread since the last call, as a trace's `errors` spells it.
pub(crate) fn take() -> Vec<String> {
    REPORTS.take()
}

/// Collects reports on this thread while `run` runs.
pub(crate) fn collect<T>(run: impl FnOnce() -> T) -> T {
    take();
    tracing::subscriber::with_default(Collector, run)
}

struct Collector;

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let tells = *metadata.level() <= Level::WARN && metadata.fields().field("error").is_some();
        tells && metadata.target().starts_with("http_session")
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let report = match text.error.as_str() {
            "the session store failed" => "store".to_owned(),
            error => format!("other: {error}"),
        };
        REPORTS.with_borrow_mut(|reports| reports.push(report));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The text of the event's error.
#[derive(Default)]
struct Text {
    error: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "error" {
            self.error = format!("{value:?}");
        }
    }
}
