//! Requests to a service that is not served.

use std::convert::Infallible;
use std::fmt;

use http::header::{COOKIE, HeaderValue, SET_COOKIE};
use http::response::Parts;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use tower::{Service, ServiceExt};

/// What came back, its body read.
pub(crate) struct Answer {
    pub(crate) body: String,
    pub(crate) cookies: Vec<String>,
    pub(crate) head: Parts,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    /// Name and value of the session cookie.
    pub(crate) fn cookie(&self) -> HeaderValue {
        let line = self.cookies.last().expect("a cookie is set");
        HeaderValue::from_str(line.split(';').next().expect("a pair")).expect("ASCII")
    }
}

pub(crate) fn request(method: Method, uri: &str, cookie: Option<&HeaderValue>) -> Request<String> {
    let mut request = Request::new(String::new());
    *request.method_mut() = method;
    *request.uri_mut() = uri.parse().expect("a URI");
    request.headers_mut().extend(cookie.map(|cookie| (COOKIE, cookie.clone())));
    request
}

pub(crate) async fn send<S, B>(service: &S, request: Request<String>) -> Answer
where
    S: Service<Request<String>, Response = Response<B>, Error = Infallible> + Clone,
    B: BodyExt<Error: fmt::Debug>,
{
    let Ok(response) = service.clone().oneshot(request).await;
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("the body comes whole").to_bytes();
    let lines = head.headers.get_all(SET_COOKIE).iter();
    Answer {
        body: String::from_utf8(body.to_vec()).expect("a text"),
        cookies: lines.map(|line| line.to_str().expect("ASCII").into()).collect(),
        head,
    }
}

pub(crate) async fn get_from<S, B>(service: &S, uri: &str, cookie: Option<&HeaderValue>) -> Answer
where
    S: Service<Request<String>, Response = Response<B>, Error = Infallible> + Clone,
    B: BodyExt<Error: fmt::Debug>,
{
    send(service, request(Method::GET, uri, cookie)).await
}
