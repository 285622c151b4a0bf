//! What the handler answers.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use http::{HeaderMap, StatusCode};
use hyper::body::Bytes;
use tokio::sync::mpsc::Receiver;

/// What the handler answers: to be translated into a response of the framework.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// Header lines, in their order, some more than once. There is neither Content-Length nor Content-Type.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    /// The handler fails with this status, as handlers of the framework do: by a rejection, or an error that a
    /// catcher answers. Headers and body are empty. If there is no such thing, answer with the status.
    pub fails: bool,
}

/// A response's body.
#[derive(Debug)]
pub enum Body {
    /// One that is there.
    Whole(Bytes),
    /// One that is still to come; only if the framework has
    /// [`Ability::Streams`](super::Ability::Streams).
    Chunks(Chunks),
}

/// The parts of a streamed body. They come from a task of their own: whoever reads slowly makes it wait.
#[derive(Debug)]
pub struct Chunks(pub(super) Receiver<Bytes>);

impl Reply {
    pub(crate) fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, headers: HeaderMap::new(), body: Body::Whole(body.into()), fails: false }
    }

    pub(super) fn text(body: impl Into<String>) -> Self {
        Self::new(StatusCode::OK, body.into())
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        let bytes: Vec<u8> = value.chars().map(|character| character as u8).collect();
        let value = bytes.try_into().expect("a header's value in Latin-1");
        self.headers.append(name, value);
        self
    }
}

impl Chunks {
    /// The next part; `None`: that was all.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.0.recv().await
    }
}

impl Stream for Chunks {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|part| part.map(Ok))
    }
}
