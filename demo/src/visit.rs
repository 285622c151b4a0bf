//! A request from its beginning to its end, looked at from outside.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::{fmt, mem};

use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use http_session_store::Sessions;

use crate::inspector::{Entry, presented, shown};
use crate::options::Options;
use crate::page::{self, Page};
use crate::reply::{Reply, told};
use crate::spy::{Clause, Operation};
use crate::{Demo, lock};

tokio::task_local! {
    /// The request that is under way.
    static WATCH: Arc<Watch>;
}

/// A request that is under way.
pub struct Visit {
    demo: Arc<Demo>,
    foreign: bool,
    method: String,
    path: String,
    /// The session cookie that the browser sent.
    presented: Option<String>,
    sessions: Sessions,
    watch: Arc<Watch>,
}

struct Watch {
    /// Those that are in force for it.
    options: Options,
    seen: Mutex<Seen>,
}

#[derive(Default)]
pub(crate) struct Seen {
    /// What ended the session that the request presented, if it was time.
    pub(crate) ended: Option<Clause>,
    pub(crate) operations: Vec<Operation>,
    /// What is to be shown. The page tells of its own request, too: so it is written at the end.
    pub(crate) page: Option<Page>,
    /// What the library said, by the names that it has in its log.
    pub(crate) told: BTreeMap<&'static str, String>,
}

/// What the response is to have besides.
#[derive(Debug)]
pub struct Ending {
    /// In place of the response's own.
    pub body: Option<String>,
    /// Each in place of one of its name.
    pub headers: Vec<(&'static str, &'static str)>,
}

impl Visit {
    /// As the request comes in. `header` is the first one of a name.
    pub fn begin<'h>(
        demo: Arc<Demo>,
        method: &str,
        path: &str,
        header: impl Fn(&'static str) -> Option<&'h str>,
    ) -> Self {
        let current = demo.current();
        // SameSite=Lax keeps the session out of other sites' posts, but a login needs no session, and
        // another port of this host is the same site. Browsers say where a request comes from.
        let foreign = method == "POST"
            && header("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
        Self {
            foreign,
            method: method.into(),
            path: path.into(),
            presented: header("cookie")
                .and_then(|cookies| presented(cookies, current.sessions.config().name())),
            sessions: current.sessions.clone(),
            watch: Arc::new(Watch { options: current.options, seen: Mutex::default() }),
            demo,
        }
    }

    /// What it is to be answered with, if it is not to be let in.
    pub fn refusal(&self) -> Option<Reply> {
        let refused = || told(StatusCode::FORBIDDEN, "This form belongs to another site.");
        self.foreign.then(refused)
    }

    /// Those that are in force for it; `None` where there are none. Files and settings need none: they
    /// cost no look into the store.
    pub fn sessions(&self) -> Option<Sessions> {
        let without = ["/files/", "/set/"].iter().any(|folder| self.path.starts_with(folder));
        (!without && !self.foreign).then(|| self.sessions.clone())
    }

    /// Does a part of its work, and notes what that asks the store.
    pub async fn watch<T>(&self, work: impl Future<Output = T>) -> T {
        WATCH.scope(Arc::clone(&self.watch), work).await
    }

    /// As the response's head is known.
    pub fn end<'h>(
        &self,
        status: u16,
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    ) -> Ending {
        let mut ending = Ending {
            body: None,
            // What every web application should have, with sessions or without.
            headers: vec![
                (
                    "content-security-policy",
                    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                     img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
                ),
                ("x-content-type-options", "nosniff"),
            ],
        };
        if self.sessions().is_some() {
            let Seen { ended, operations, page, told } = mem::take(&mut *lock(&self.watch.seen));
            let problem =
                told.get("error").filter(|_| status >= 400).map(|e| page::in_plain_words(e));
            let over = page::over(told.get("origin"), ended, &self.watch.options);
            self.demo.inspector.push(Entry {
                headers: shown(headers),
                method: self.method.clone(),
                number: 0,
                operations,
                path: self.path.clone(),
                presented: self.presented.clone(),
                status: StatusCode::from_u16(status).unwrap_or_default(),
                told,
            });
            if problem.is_some() {
                ending.headers.push(("content-type", "text/plain; charset=utf-8"));
            }
            let page = || page.map(|page| page::render(&self.demo, &page, &over));
            ending.body = problem.map(Into::into).or_else(page);
        }
        ending
    }
}

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visit").finish_non_exhaustive()
    }
}

/// Notes something of the request that is under way. Outside of a request there is nobody to tell.
pub(crate) fn see(then: impl FnOnce(&mut Seen)) {
    let _ = WATCH.try_with(|watch| then(&mut lock(&watch.seen)));
}

/// The options of the request that is under way.
pub(crate) fn options() -> Option<Options> {
    WATCH.try_with(|watch| watch.options).ok()
}

impl Demo {
    /// All of the above, for a framework that is built on tower: what `app` does with a request is
    /// looked at.
    pub async fn around<R, B, F>(
        self: Arc<Self>,
        request: Request<R>,
        app: impl FnOnce(Arc<Self>, Request<R>, Option<Sessions>) -> F,
    ) -> Response<B>
    where
        B: From<String>,
        F: Future<Output = Result<Response<B>, Infallible>>,
    {
        let visit = Visit::begin(self, request.method().as_str(), request.uri().path(), |name| {
            request.headers().get(name).and_then(|value| value.to_str().ok())
        });
        let mut response = match visit.refusal() {
            Some(reply) => reply.map(B::from),
            None => {
                match visit.watch(app(Arc::clone(&visit.demo), request, visit.sessions())).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            }
        };
        let lines = response.headers().iter();
        let lines = lines.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let ending = visit.end(response.status().as_u16(), lines);
        for (name, value) in ending.headers {
            let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
            response.headers_mut().insert(name, value);
        }
        if let Some(body) = ending.body {
            response.headers_mut().remove(CONTENT_LENGTH);
            *response.body_mut() = B::from(body);
        }
        response
    }
}
