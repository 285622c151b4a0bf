//! An adapter for hyper that was written by hand, sound or broken in one way.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_util::stream::once;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use http::header::{CACHE_CONTROL, COOKIE, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use http_session::{Config, Connection, Outcome, RequestFacts, SessionId};
use http_session_conformance::adapter::{App, Body, Mounting, Reply, Routes, Second, Started};
use http_session_conformance::client::sign;
use http_session_store::{Error, Main, Session, Sessions};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Mutex, Notify};
use tokio::time::sleep;

/// What is wrong with an adapter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Defect {
    /// It collects streamed bodies.
    BuffersBodies,
    /// A client that goes away ends its save: each request has a runtime of its own, which ends with it.
    CancelsSaves,
    /// It closes the session when a streamed body has come to its end.
    ClosesWithTheBody,
    /// A refused save is a 500.
    ConflictIs500,
    /// It sends the first part of a streamed body.
    CutsBodies,
    DecodesThePath,
    /// It answers before the store has deleted.
    DeletesLater,
    /// A failed delete is no failure.
    DeletesMayFail,
    /// A panic ends the server.
    DiesOfPanics,
    /// It drops Cookie lines that are not UTF-8.
    DropsLinesOfBytes,
    /// It looks at no cookie if some line is not UTF-8.
    DropsAllForBytes,
    /// A 204 and a 304 have no header.
    EmptyIsBare,
    /// It takes care of no response of an error.
    ErrorsAreNotSaved,
    /// It sends the cookie when the save takes long.
    AnswersEarly,
    /// It takes care of no handler that fails.
    FailsAreNotSaved,
    /// It finishes requests whose client went away.
    FinishesAnyway,
    /// It reads the first Cookie line.
    FirstCookieLine,
    /// It hands over the first X-Forwarded-Proto line as the last one.
    FirstForwarded,
    /// It hands over the first Forwarded line.
    FirstOfRfc7239,
    /// It hands over the first cookie of our name alone.
    FirstOfOurName,
    ForgetsTheSave,
    HandsOverTheWholeTarget,
    HeadIsNotSaved,
    IgnoresConnections,
    IgnoresCookieOptions,
    IgnoresForwarded,
    IgnoresRfc7239,
    IgnoresCookies,
    /// A failed load is no session.
    IgnoresLoadFailures,
    /// No id is no session.
    IgnoresNoId,
    IgnoresThePath,
    /// A record that can't be read is no session.
    IgnoresUnreadable,
    /// A session that was ended meanwhile is no failure.
    GoneIsFine,
    /// It sets the cookie in place of the handler's lines.
    InsertsTheCookie,
    /// Of header lines of one name it keeps the last.
    JoinsLines,
    /// A failed save leaves the handler's header lines.
    KeepsLinesOnFailure,
    /// It hands over the last X-Forwarded-Proto line as the first one.
    LastForwarded,
    /// A layer that stands in the wrong place is a layer.
    LateIsFine,
    /// A handle that was left is not closed.
    LeavesHandlesOpen,
    /// A handler that panicked leaves its handle open.
    LeavesHandlesOpenOnPanic,
    /// It loads on first use what nobody uses.
    LoadsEverything,
    /// It asks the session for its id.
    LooksAtTheSession,
    /// It keeps header lines that are text.
    LosesBytes,
    /// It answers unknown methods before the layer.
    MethodsFirst,
    /// It makes a session without a layer.
    MissingIsFine,
    /// It hands out sessions that were not loaded.
    NeverLoads,
    NoCookie,
    /// It says nothing to caches with a failure.
    NoVaryOnFailure,
    /// Nothing is wrong.
    None,
    OneLoadAtATime,
    OneRequestAtATime,
    OneSaveAtATime,
    /// It closes the first of two sessions.
    OneOfTwo,
    /// It says nothing to caches.
    OnlySetCookie,
    /// It says Vary alone to caches.
    OnlyVary,
    /// It keeps responses out of shared caches under express-session's preset.
    PrivateUnderExpress,
    /// It looks for our cookie in the query as well.
    ReadsTheQuery,
    RedirectsAreNotSaved,
    /// It takes a connection's last cookies for those of the next request.
    RemembersCookies,
    /// It takes the handler's cookies of our name off.
    ReplacesOurName,
    /// It answers what has no route before the layer.
    RoutesFirst,
    /// A failed save is a 200.
    SaveFailureIs200,
    SavesAfterPanics,
    /// A client that goes away is a request that has come to its end.
    SavesOnDisconnect,
    SecondTakesTheFirstsPlace,
    /// All is TLS.
    SaysEncrypted,
    /// It reads no Cookie line with a quote in it.
    StrictAboutQuotes,
    StripsThePath,
    /// It takes a cookie's id without looking at its signature.
    TrustsIds,
    /// It believes X-Forwarded-Proto by itself.
    TrustsForwarded,
    /// A layer around itself makes two sessions.
    TwiceIsFine,
    /// Both sessions are the first one.
    TwoAreOne,
    /// What is secure upstream is TLS.
    UpstreamIsEncrypted,
}

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

struct Server {
    app: App,
    defect: Defect,
    loading: Mutex<()>,
    request: Mutex<()>,
    saving: Mutex<()>,
}

/// Starts an application.
pub(crate) async fn start(app: App, defect: Defect) -> Started {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let (loading, request, saving) = Default::default();
    let server = Arc::new(Server { app, defect, loading, request, saving });
    let dead = Arc::new(Notify::new());
    tokio::spawn(async move {
        loop {
            let stream = tokio::select! {
                accepted = listener.accept() => accepted.expect("a connection").0,
                () = dead.notified() => break,
            };
            let (dead, server) = (dead.clone(), server.clone());
            let last = Arc::new(std::sync::Mutex::new(None));
            let service = service_fn(move |mut request: Request<Incoming>| {
                let server = server.clone();
                if defect == Defect::RemembersCookies {
                    let mut last = last.lock().expect("no panic");
                    let cookies = request.headers().get(COOKIE).cloned().or_else(|| last.take());
                    request.headers_mut().extend(cookies.clone().map(|line| (COOKIE, line)));
                    *last = cookies;
                }
                async move { Ok::<_, Infallible>(server.answer(request).await) }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let connection = tokio::spawn(connection);
            if defect == Defect::DiesOfPanics {
                tokio::spawn(async move {
                    if connection.await.is_err_and(|error| error.is_panic()) {
                        dead.notify_one();
                    }
                });
            }
        }
    });
    Ok(address)
}

/// Among a response's extensions: its session is closed later.
#[derive(Clone)]
struct Later;

/// The session of a request that is under way.
struct Opened<N: 'static> {
    defect: Defect,
    session: Option<Session<N>>,
    sessions: Sessions,
}

impl<N: 'static> Drop for Opened<N> {
    fn drop(&mut self) {
        let Some(session) = &self.session else { return };
        match self.defect {
            Defect::LeavesHandlesOpen if !thread::panicking() => {}
            Defect::LeavesHandlesOpenOnPanic if thread::panicking() => {}
            Defect::SavesOnDisconnect if !thread::panicking() => {
                let (session, sessions) = (session.clone(), self.sessions.clone());
                tokio::spawn(async move { drop(sessions.close(&session).await) });
            }
            _ => Sessions::abandon(session),
        }
    }
}

impl Server {
    fn is(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let head = request.into_parts().0;
        if self.is(Defect::FinishesAnyway) {
            let answer = tokio::spawn(async move { self.answered(&head).await });
            return answer
                .await
                .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        }
        self.answered(&head).await
    }

    async fn answered(&self, head: &Parts) -> Answer {
        let _one = match self.defect {
            Defect::OneRequestAtATime => Some(self.request.lock().await),
            _ => None,
        };
        let unmatched = self.unmatched(head);
        match (self.defect, &unmatched) {
            (Defect::RoutesFirst, Some(status)) => return empty(*status),
            (Defect::MethodsFirst, Some(status)) if *status == 405 => return empty(*status),
            _ => {}
        }
        let sessions = self.app.sessions();
        let layers = match self.app.mounting() {
            Mounting::Late => usize::from(self.is(Defect::LateIsFine)),
            Mounting::Missing => usize::from(self.is(Defect::MissingIsFine)),
            Mounting::Twice => 2 - usize::from(self.is(Defect::TwiceIsFine)),
            _ => 1,
        };
        match layers {
            0 => return self.refuse(sessions.config(), &Error::NoLayer),
            1 => {}
            _ => return self.refuse(sessions.config(), &Error::LayeredTwice),
        }
        let mut main = match self.open::<Main>(&sessions, head).await {
            Ok(main) => main,
            Err(error) => return self.refuse(sessions.config(), &error),
        };
        let mut second = None;
        if self.app.mounting() == Mounting::Two {
            let sessions =
                if self.is(Defect::TwoAreOne) { self.app.sessions() } else { self.app.second() };
            match self.open::<Second>(&sessions, head).await {
                Ok(opened) => second = Some(opened),
                Err(error) => return self.refuse(sessions.config(), &error),
            }
        }
        let reply = match unmatched {
            Some(status) => Ok((empty(status), false)),
            None => self.handle(head, &main, second.as_ref()).await,
        };
        let (mut answer, fails) = match reply {
            Ok(reply) => reply,
            Err(panicked) => (panicked, false),
        };
        let status = answer.status();
        let unsaved = match self.defect {
            Defect::ErrorsAreNotSaved => status.as_u16() >= 400,
            Defect::FailsAreNotSaved => fails,
            Defect::ForgetsTheSave => true,
            Defect::HeadIsNotSaved => head.method == Method::HEAD,
            Defect::RedirectsAreNotSaved => status.is_redirection(),
            _ => false,
        };
        if answer.extensions().get::<Later>().is_some() {
            main.session = None;
            return answer;
        }
        if unsaved {
            return answer;
        }
        answer = self.close(main, answer).await;
        if let Some(second) = second
            && !self.is(Defect::OneOfTwo)
        {
            answer = self.close(second, answer).await;
        }
        if self.is(Defect::JoinsLines) {
            let headers = answer.headers_mut();
            for (name, value) in headers.clone().iter().filter(|(name, _)| *name != SET_COOKIE) {
                headers.insert(name, value.clone());
            }
        }
        if self.is(Defect::LosesBytes) {
            let headers = answer.headers_mut();
            let all = std::mem::take(headers);
            let text = all.iter().filter(|(_, value)| value.to_str().is_ok());
            headers.extend(text.map(|(name, value)| (name.clone(), value.clone())));
        }
        if self.is(Defect::EmptyIsBare) && matches!(answer.status().as_u16(), 204 | 304) {
            answer.headers_mut().clear();
        }
        answer
    }

    /// What the router says by itself.
    fn unmatched(&self, head: &Parts) -> Option<StatusCode> {
        match self.app.routes() {
            Routes::All => None,
            _ if head.uri.path() != "/handler" => Some(StatusCode::NOT_FOUND),
            _ if head.method != Method::GET => Some(StatusCode::METHOD_NOT_ALLOWED),
            _ => None,
        }
    }

    async fn open<N: 'static>(
        &self,
        sessions: &Sessions,
        head: &Parts,
    ) -> Result<Opened<N>, Error> {
        let _one = match self.defect {
            Defect::OneLoadAtATime => Some(self.loading.lock().await),
            _ => None,
        };
        let path = self.path(sessions, head);
        let facts = RequestFacts {
            path: &path,
            connection: self.connection(head),
            forwarded: self.rfc7239(head),
            forwarded_proto: self.forwarded(head),
            template: match self.app.cookie_options() {
                Some(cookie_options) if !self.is(Defect::IgnoresCookieOptions) => {
                    Some(cookie_options(&head.uri.to_string()))
                }
                _ => None,
            },
        };
        let lines = self.cookie_lines(sessions.config(), head);
        let lines = lines.iter().map(|line| &**line);
        let mut begin = sessions.config().begin(&facts, lines, sessions.now());
        if self.is(Defect::TrustsIds)
            && let Some(id) = id_of(sessions.config(), head)
        {
            begin = sessions.config().begin_with_id(id, sessions.now());
        }
        let session = match (self.defect, sessions.open::<N>(begin).await) {
            (Defect::IgnoresLoadFailures, Err(Error::Store(_)))
            | (Defect::IgnoresNoId, Err(Error::Id(_)))
            | (Defect::IgnoresUnreadable, Err(Error::Record(_))) => None,
            (_, opened) => opened?,
        };
        if let Some(session) = session.as_ref().filter(|_| self.is(Defect::LoadsEverything)) {
            session.load().await?;
        }
        Ok(Opened { defect: self.defect, session, sessions: sessions.clone() })
    }

    fn path(&self, sessions: &Sessions, head: &Parts) -> String {
        let path = head.uri.path();
        match self.defect {
            Defect::DecodesThePath => percent_decode_str(path).decode_utf8_lossy().into(),
            Defect::HandsOverTheWholeTarget => head.uri.to_string(),
            Defect::IgnoresThePath => sessions.config().path().into(),
            Defect::StripsThePath if self.app.mounting() == Mounting::Nested => {
                path.strip_prefix("/nested").unwrap_or(path).into()
            }
            _ => path.into(),
        }
    }

    fn connection(&self, head: &Parts) -> Connection {
        let known = self.app.connection(step(&head.headers));
        let says_https = head.headers.get("x-forwarded-proto").is_some_and(|line| line == "https");
        match (self.defect, known) {
            (Defect::IgnoresConnections, _) => Connection::Unknown,
            (Defect::SaysEncrypted, _)
            | (Defect::UpstreamIsEncrypted, Connection::SecureUpstream) => Connection::Encrypted,
            (Defect::TrustsForwarded, _) if says_https => Connection::Encrypted,
            _ => known,
        }
    }

    fn rfc7239<'h>(&self, head: &'h Parts) -> Option<&'h [u8]> {
        let mut lines = head.headers.get_all("forwarded").iter().map(HeaderValue::as_bytes);
        match self.defect {
            Defect::IgnoresRfc7239 => None,
            Defect::FirstOfRfc7239 => lines.next(),
            _ => lines.next_back(),
        }
    }

    fn forwarded<'h>(&self, head: &'h Parts) -> Option<[&'h [u8]; 2]> {
        let lines = head.headers.get_all("x-forwarded-proto");
        let mut lines = lines.iter().map(HeaderValue::as_bytes);
        let first = lines.next()?;
        let last = lines.next_back().unwrap_or(first);
        match self.defect {
            Defect::FirstForwarded => Some([first, first]),
            Defect::IgnoresForwarded => None,
            Defect::LastForwarded => Some([last, last]),
            _ => Some([first, last]),
        }
    }

    fn cookie_lines(&self, config: &Config, head: &Parts) -> Vec<Vec<u8>> {
        let lines = head.headers.get_all(COOKIE).iter();
        let mut lines: Vec<Vec<u8>> = lines.map(|line| line.as_bytes().into()).collect();
        let is_text = |line: &Vec<u8>| str::from_utf8(line).is_ok();
        match self.defect {
            Defect::DropsAllForBytes if !lines.iter().all(is_text) => lines.clear(),
            Defect::DropsLinesOfBytes => lines.retain(is_text),
            Defect::FirstCookieLine => lines.truncate(1),
            Defect::IgnoresCookies => lines.clear(),
            Defect::ReadsTheQuery => lines.extend(head.uri.query().map(Vec::from)),
            Defect::StrictAboutQuotes => lines.retain(|line| !line.contains(&b'"')),
            Defect::FirstOfOurName => {
                let name = format!("{}=", config.name());
                let pairs = lines.iter().flat_map(|line| line.split(|byte| *byte == b';'));
                let pairs: Vec<Vec<u8>> = pairs.map(|pair| pair.trim_ascii().into()).collect();
                lines =
                    pairs.into_iter().filter(|pair| pair.starts_with(name.as_bytes())).collect();
                lines.truncate(1);
            }
            _ => {}
        }
        lines
    }

    /// What an extractor does before the handler gets the session.
    async fn load<N>(&self, session: Option<&Session<N>>) -> Result<(), Error> {
        match session {
            Some(session) if !self.is(Defect::NeverLoads) => session.load().await,
            _ => Ok(()),
        }
    }

    /// What the handler answers, and whether it failed; or what it is answered in place of it.
    async fn handle(
        &self,
        head: &Parts,
        main: &Opened<Main>,
        second: Option<&Opened<Second>>,
    ) -> Result<(Answer, bool), Answer> {
        let (step, main) = (step(&head.headers), main.session.as_ref());
        let asked = [
            self.load(main).await,
            self.load(second.and_then(|second| second.session.as_ref())).await,
        ];
        if let Some(error) = asked.into_iter().find_map(Result::err) {
            return Err(self.refuse(self.app.sessions().config(), &error));
        }
        let handle = async {
            match second {
                None => self.app.handle(step, main).await,
                Some(second) => self.app.handle_both(step, main, second.session.as_ref()).await,
            }
        };
        let reply = if self.is(Defect::SavesAfterPanics) {
            let caught = std::panic::AssertUnwindSafe(handle).catch_unwind().await;
            caught.map_err(|_| empty(StatusCode::INTERNAL_SERVER_ERROR))?
        } else {
            handle.await
        };
        Ok(self.response(reply, main).await)
    }

    async fn response(&self, reply: Reply, main: Option<&Session>) -> (Answer, bool) {
        let Reply { status, headers, body, fails, .. } = reply;
        let body = match body {
            Body::Whole(body) => Full::new(body).boxed_unsync(),
            Body::Chunks(mut chunks) => match self.defect {
                Defect::BuffersBodies => {
                    let chunks = chunks.try_collect::<Vec<_>>().await.unwrap_or_default();
                    Full::new(Bytes::from(chunks.concat())).boxed_unsync()
                }
                Defect::ClosesWithTheBody => {
                    let (session, sessions) = (main.cloned(), self.app.sessions());
                    let closing = once(async move {
                        if let Some(session) = session {
                            drop(sessions.close(&session).await);
                        }
                        Ok(Bytes::new())
                    });
                    let body = chunks.chain(closing).map_ok(Frame::data);
                    let mut answer = Response::new(StreamBody::new(body).boxed_unsync());
                    answer.extensions_mut().insert(Later);
                    return (answer, false);
                }
                Defect::CutsBodies => {
                    Full::new(chunks.next().await.unwrap_or_default()).boxed_unsync()
                }
                _ => StreamBody::new(chunks.map_ok(Frame::data)).boxed_unsync(),
            },
        };
        let mut answer = Response::new(body);
        (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
        (answer, fails)
    }

    async fn close<N: 'static>(&self, mut opened: Opened<N>, mut answer: Answer) -> Answer {
        let Some(session) = opened.session.take() else { return answer };
        let _one = match self.defect {
            Defect::OneSaveAtATime => Some(self.saving.lock().await),
            _ => None,
        };
        let sessions = opened.sessions.clone();
        let quirks = sessions.config().has_quirks();
        // To ask is to use the session: the response then says Vary: Cookie.
        let asks = match self.defect {
            Defect::LooksAtTheSession => true,
            Defect::AnswersEarly | Defect::DeletesLater | Defect::DeletesMayFail => quirks,
            _ => false,
        };
        let id = asks.then(|| session.id().map(|id| id.as_str().to_owned()));
        let gone = matches!(id, Some(Err(Error::NoSession)));
        let closing = {
            let sessions = sessions.clone();
            async move { sessions.close(&session).await }
        };
        let closed = match self.defect {
            Defect::AnswersEarly if quirks => {
                // The suite's store answers at once, or it is held.
                let mut closing = Box::pin(closing);
                match (&mut closing).now_or_never() {
                    Some(closed) => closed,
                    None => {
                        tokio::spawn(closing);
                        let id = id.and_then(Result::ok).unwrap_or_default();
                        let value = sign(&id, "the secret of the contract for adapters");
                        let line = format!("{}={value}; Path=/", sessions.config().name());
                        let line = line.try_into().expect("a header's value");
                        answer.headers_mut().append(SET_COOKIE, line);
                        return answer;
                    }
                }
            }
            Defect::CancelsSaves => {
                let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
                let runtime = OwnRuntime(Some(runtime.expect("a runtime can be made")));
                let tasks = runtime.0.iter().map(Runtime::handle).next().expect("it is there");
                tasks.spawn(closing).await.expect("no panic")
            }
            Defect::DeletesLater if gone => {
                tokio::spawn(closing);
                sleep(Duration::from_millis(5)).await;
                return answer;
            }
            _ => closing.await,
        };
        match closed {
            Ok(outcome) => self.apply(&outcome, sessions.config(), &mut answer),
            Err(_) if self.is(Defect::DeletesMayFail) && gone => {}
            Err(Error::Gone) if self.is(Defect::GoneIsFine) => {}
            Err(_) if self.is(Defect::SaveFailureIs200) => return empty(StatusCode::OK),
            Err(error) if self.is(Defect::KeepsLinesOnFailure) => {
                *answer.status_mut() = error.status();
            }
            Err(error) => return self.refuse(sessions.config(), &error),
        }
        answer
    }

    fn apply(&self, outcome: &Outcome, config: &Config, answer: &mut Answer) {
        let headers = answer.headers_mut();
        let line = outcome.set_cookie().cloned();
        match (self.defect, line) {
            (Defect::NoCookie, _) => {}
            (Defect::InsertsTheCookie, Some(line)) => {
                outcome.apply(headers);
                headers.insert(SET_COOKIE, line);
            }
            (Defect::OnlyVary, Some(_)) => {
                let theirs = headers.get(CACHE_CONTROL).cloned();
                outcome.apply(headers);
                headers.remove(CACHE_CONTROL);
                headers.extend(theirs.map(|line| (CACHE_CONTROL, line)));
            }
            (Defect::PrivateUnderExpress, Some(_)) if config.has_quirks() => {
                outcome.apply(headers);
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
            }
            (Defect::OnlySetCookie, line) => headers.extend(line.map(|line| (SET_COOKIE, line))),
            (Defect::ReplacesOurName, Some(_)) => {
                let name = format!("{}=", config.name());
                let lines: Vec<_> = headers.get_all(SET_COOKIE).iter().cloned().collect();
                headers.remove(SET_COOKIE);
                let theirs =
                    lines.into_iter().filter(|line| !line.as_bytes().starts_with(name.as_bytes()));
                headers.extend(theirs.map(|line| (SET_COOKIE, line)));
                outcome.apply(headers);
            }
            (Defect::SecondTakesTheFirstsPlace, Some(_)) => {
                let ours = |line: &&HeaderValue| !line.as_bytes().starts_with(b"id=");
                let lines: Vec<_> =
                    headers.get_all(SET_COOKIE).iter().filter(ours).cloned().collect();
                if config.name() == "second" {
                    headers.remove(SET_COOKIE);
                    headers.extend(lines.into_iter().map(|line| (SET_COOKIE, line)));
                }
                outcome.apply(headers);
            }
            _ => outcome.apply(headers),
        }
    }

    fn refuse(&self, config: &Config, error: &Error) -> Answer {
        let conflict_is_500 = self.is(Defect::ConflictIs500);
        let mut answer = empty(match error.status() {
            StatusCode::CONFLICT if conflict_is_500 => StatusCode::INTERNAL_SERVER_ERROR,
            status => status,
        });
        if !self.is(Defect::NoVaryOnFailure) {
            config.mark_failure(answer.headers_mut());
        }
        answer
    }
}

/// The id in a request's first cookie of our name.
fn id_of(config: &Config, head: &Parts) -> Option<SessionId> {
    let name = format!("{}=", config.name());
    let mut lines = head.headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let value = lines.find_map(|line| {
        line.split(';').find_map(|pair| pair.trim().strip_prefix(&*name).map(str::to_owned))
    })?;
    let value = percent_decode_str(&value).decode_utf8_lossy().into_owned();
    SessionId::from_text(value.strip_prefix("s:")?.rsplit_once('.')?.0).ok()
}

fn step(headers: &HeaderMap) -> &str {
    headers.get(App::STEP).and_then(|step| step.to_str().ok()).unwrap_or_default()
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default().boxed_unsync());
    *answer.status_mut() = status;
    answer
}

/// A runtime whose tasks end when it is dropped.
struct OwnRuntime(Option<Runtime>);

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(Runtime::shutdown_background);
    }
}
