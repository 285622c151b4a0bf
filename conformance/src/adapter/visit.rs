//! A request to an application, and its way there and back.

use http::header::{COOKIE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Empty};
use http_session::Connection;
use http_session_store::Error;
use hyper::body::{Bytes, Incoming};
use tokio::task::JoinHandle;

use super::answer::Answer;
use super::app::{Act, Found, Step};
use super::shelf::{Gate, soon};
use super::site::Site;
use super::wire::{Broken, Wire};
use super::{App, Reply};
use crate::suite::{Flaw, Outcome, ensure};

/// A request that is to be sent.
pub(super) struct Visit<'a> {
    act: Act,
    connection: Connection,
    headers: HeaderMap,
    method: Method,
    site: &'a Site,
    step: String,
    url: String,
}

impl<'a> Visit<'a> {
    /// Its handler asks for nothing, and answers `ok`.
    pub(super) fn new(site: &'a Site, method: Method, url: String, step: String) -> Self {
        let act: Act = Box::new(|_| Box::pin(async { Ok(Reply::text("ok")) }));
        let (connection, headers) = (Connection::default(), HeaderMap::new());
        Self { act, connection, headers, method, site, step, url }
    }

    /// What it is, for a report.
    pub(super) fn line(&self) -> String {
        let headers = self.headers.iter().map(|(name, line)| format!(" {name}: {line:?}"));
        format!("{} {}{}", self.method, self.url, headers.collect::<String>())
    }

    /// Adds a header line.
    pub(super) fn with(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header's value");
        self.headers.append(HeaderName::from_static(name), value);
        self
    }

    /// Adds a Cookie line.
    pub(super) fn cookie(self, line: impl AsRef<[u8]>) -> Self {
        self.with(COOKIE.as_str(), line)
    }

    /// What a TLS acceptor says of the connection.
    pub(super) const fn over(mut self, connection: Connection) -> Self {
        self.connection = connection;
        self
    }

    /// What its handler does.
    pub(super) fn does<F>(mut self, act: impl FnOnce(Found) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<Reply, Error>> + Send + 'static,
    {
        self.act = Box::new(|found| Box::pin(act(found)));
        self
    }

    /// Its handler adds 1 to `n`, and answers with that.
    pub(super) fn counting(self) -> Self {
        self.does(async |found| {
            let n = found.main()?.update("n", |n: Option<u64>| n.unwrap_or_default() + 1)?;
            Ok(Reply::text(n.to_string()))
        })
    }

    /// Its handler answers with `n`.
    pub(super) fn reading(self) -> Self {
        self.does(async |found| {
            let n = found.main()?.get::<u64>("n")?;
            Ok(Reply::text(n.map_or_else(|| "none".into(), |n| n.to_string())))
        })
    }

    /// Its handler adds 1 to `n`, and answers with `reply`.
    pub(super) fn answering(self, reply: Reply) -> Self {
        self.does(async |found| {
            found.main()?.update("n", |n: Option<u64>| n.unwrap_or_default() + 1)?;
            Ok(reply)
        })
    }

    /// Sends it, and waits for the answer.
    pub(super) async fn send(self) -> Result<Answer, Flaw> {
        self.begin().answer().await
    }

    /// Sends it over a connection that is kept.
    pub(super) async fn send_over(self, wire: &mut Wire) -> Result<Answer, Flaw> {
        let site = self.site;
        let request = self.request();
        let response = soon("a response", wire.send(request)).await?;
        let answer = whole(response).await.map_err(|error| no_answer(&error))?;
        sound(site)?;
        Ok(answer)
    }

    /// Sends it.
    pub(super) fn begin(self) -> Flight<'a> {
        let (site, step) = (self.site, self.step.clone());
        let (mut wire, request) = (Wire::new(site.address), self.request());
        let response = tokio::spawn(async move {
            let response = wire.send(request).await;
            response.map(|response| (response, wire))
        });
        Flight { response, site, step }
    }

    fn request(self) -> Request<Empty<Bytes>> {
        let Self { act, connection, headers, method, site, step, url } = self;
        let mut request = Request::builder()
            .method(method)
            .uri(&url)
            .header(HOST, "localhost")
            .header(App::STEP, &step)
            .body(Empty::new())
            .expect("a request");
        request.headers_mut().extend(headers);
        site.app.expect(&step, Step { act: Some(act), connection, url });
        request
    }
}

/// A request whose handler adds a key, and then waits at the gate.
pub(super) async fn slow<'a>(
    site: &'a Site,
    cookie: &str,
    key: &'static str,
) -> Result<(Flight<'a>, Gate), Flaw> {
    let gate = Gate::new();
    let inner = gate.clone();
    let mut visit = site.get("/");
    if !cookie.is_empty() {
        visit = visit.cookie(cookie);
    }
    let visit = visit.does(async move |found| {
        let session = found.main()?;
        session.insert(key, 1)?;
        inner.wait().await;
        Ok(Reply::text(session.keys()?.join(" ")))
    });
    let flight = visit.begin();
    gate.reached("the slow handler").await?;
    Ok((flight, gate))
}

/// A request that was sent.
pub(super) struct Flight<'a> {
    response: JoinHandle<Result<(http::Response<Incoming>, Wire), Broken>>,
    site: &'a Site,
    pub(super) step: String,
}

impl Flight<'_> {
    /// Waits for the response, whole.
    pub(super) async fn answer(self) -> Result<Answer, Flaw> {
        let site = self.site;
        let answer = self.ends().await?.map_err(|error| no_answer(&error))?;
        sound(site)?;
        Ok(answer)
    }

    /// Waits for the response, or until the connection is closed.
    pub(super) async fn ends(self) -> Result<Result<Answer, Broken>, Flaw> {
        let end = async {
            let (response, _wire) = self.response.await.expect("no panic")?;
            whole(Ok(response)).await
        };
        soon("a response", end).await
    }

    /// Waits for the response's head: its body is still to come.
    pub(super) async fn head(self) -> Result<(Answer, Incoming, Wire), Flaw> {
        let head = soon("a response's head", self.response).await?.expect("no panic");
        let (response, wire) = head.map_err(|error| no_answer(&error))?;
        sound(self.site)?;
        let (head, body) = response.into_parts();
        let answer = Answer { body: Bytes::new(), headers: head.headers, status: head.status };
        Ok((answer, body, wire))
    }

    /// Nothing has come back yet.
    pub(super) fn has_nothing(&self, case: &str) -> Outcome {
        ensure(!self.response.is_finished(), case, "no response yet", "a response")
    }

    /// The client goes away: its end of the connection is closed.
    pub(super) async fn leave(self) {
        self.response.abort();
        drop(self.response.await);
        // The task of the connection ends where the runtime comes to it.
        tokio::task::yield_now().await;
    }
}

async fn whole(response: Result<http::Response<Incoming>, Broken>) -> Result<Answer, Broken> {
    let (head, body) = response?.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Answer { body, headers: head.headers, status: head.status })
}

fn no_answer(error: &Broken) -> Flaw {
    Flaw::new("a request", "a response", format!("{error:?}"))
}

/// Nothing went wrong in the handlers so far.
pub(super) fn sound(site: &Site) -> Outcome {
    let flaws = site.app.flaws();
    ensure(flaws.is_empty(), "the handler", "no error", format!("{flaws:?}"))
}
