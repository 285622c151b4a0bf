//! What goes to the log.

use std::fmt::{self, Debug, Write};
use std::sync::{Arc, LazyLock, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::subscriber::{DefaultGuard, NoSubscriber, set_default};
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_core::span::Current;

/// Keeps the texts of all events, each with the name of the span that it is in.
#[derive(Clone, Default)]
pub(crate) struct Capture(Arc<Mutex<Captured>>);

#[derive(Default)]
struct Captured {
    entered: Vec<u64>,
    events: Vec<String>,
    spans: Vec<&'static Metadata<'static>>,
}

impl Capture {
    /// Of this thread, until the guard is dropped.
    pub(crate) fn start() -> (Self, DefaultGuard) {
        let capture = Self::default();
        (capture.clone(), listen(capture))
    }

    /// The events since the last time.
    pub(crate) fn events(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no panic").events)
    }
}

/// Tells `subscriber` what this thread logs, until the guard is dropped.
pub(crate) fn listen(subscriber: impl Subscriber + Send + Sync) -> DefaultGuard {
    // While there is one subscriber, tracing asks that of the thread which reaches a line first whether anybody wants to
    // know, and remembers it for all threads: another test's, which has none, would say no.
    static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));
    LazyLock::force(&ANOTHER);
    set_default(subscriber)
}

impl Captured {
    fn current(&self) -> Option<(Id, &'static Metadata<'static>)> {
        let id = self.entered.last()?;
        Some((Id::from_u64(*id), self.spans[usize::try_from(*id).ok()? - 1]))
    }
}

impl Subscriber for Capture {
    fn current_span(&self) -> Current {
        match self.0.lock().expect("no panic").current() {
            Some((id, metadata)) => Current::new(id, metadata),
            None => Current::none(),
        }
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let spans = &mut self.0.lock().expect("no panic").spans;
        spans.push(span.metadata());
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, _: &Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut captured = self.0.lock().expect("no panic");
        let span = captured.current().map(|(_, metadata)| metadata.name());
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        captured.events.push(match span {
            Some(span) => format!("{span}: {}", text.0),
            None => text.0,
        });
    }

    fn enter(&self, id: &Id) {
        self.0.lock().expect("no panic").entered.push(id.into_u64());
    }

    fn exit(&self, _: &Id) {
        self.0.lock().expect("no panic").entered.pop();
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = fmt::from_fn(|f| value.fmt(f));
        write!(self.0, " {}={value:?}", field.name()).expect("a String takes all");
    }
}
