//! An adapter that blocks: a thread for each connection, and no runtime.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_session::{RequestFacts, cookie_lines};
use http_session_conformance::adapter::{App, Body, Mounting, Reply, Routes, Started};
use http_session_store::{AbandonOnDrop, Error, Main, Session, Sessions};

/// Starts an application.
pub(crate) async fn start(app: App) -> Started {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let app = app.clone();
            // A connection that ends too soon, or a panic, ends this thread alone.
            thread::spawn(move || drop(serve(&app, stream)));
        }
    });
    Ok(address)
}

/// Waits for a future in this thread.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let (mut future, mut context) = (pin!(future), Context::from_waker(&waker));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

/// One request, and its response.
fn serve(app: &App, mut stream: TcpStream) -> io::Result<()> {
    let mut request = read(&stream)?;
    let step = request.headers().get(App::STEP).and_then(|step| step.to_str().ok());
    let step = step.unwrap_or_default().to_owned();
    let connection = app.connection(&step);
    request.extensions_mut().insert(connection);
    let response = answer(app, &step, &request);
    write(&mut stream, request.method(), response)
}

fn answer(app: &App, step: &str, request: &Request<()>) -> Response<Body> {
    let sessions = app.sessions();
    match app.mounting() {
        Mounting::Late | Mounting::Missing => return refuse(&sessions, &Error::NoLayer),
        Mounting::Twice => return refuse(&sessions, &Error::LayeredTwice),
        _ => {}
    }
    let mut facts = RequestFacts::of(request);
    facts.template = app.cookie_options().map(|options| options(&request.uri().to_string()));
    let begin = sessions.config().begin(&facts, cookie_lines(request.headers()), sessions.now());
    let opened = match block_on(sessions.open::<Main>(begin)) {
        Ok(session) => AbandonOnDrop(session),
        Err(error) => return refuse(&sessions, &error),
    };
    let mut response = handle(app, step, request, opened.0.as_ref());
    if let Ok(session) = opened.session() {
        match block_on(sessions.close(session)) {
            Ok(outcome) => outcome.apply(response.headers_mut()),
            Err(error) => return refuse(&sessions, &error),
        }
    }
    response
}

fn handle(
    app: &App,
    step: &str,
    request: &Request<()>,
    session: Option<&Session>,
) -> Response<Body> {
    let known = request.uri().path() == "/handler";
    match app.routes() {
        Routes::One if !known => return empty(StatusCode::NOT_FOUND),
        Routes::One if request.method() != Method::GET => {
            return empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        _ => {}
    }
    if let Some(Err(error)) = session.map(|session| block_on(session.load())) {
        return refuse(&app.sessions(), &error);
    }
    let Reply { status, headers, body, .. } = block_on(app.handle(step, session));
    let mut response = Response::new(body);
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    response
}

fn refuse(sessions: &Sessions, error: &Error) -> Response<Body> {
    let mut response = empty(error.status());
    sessions.config().mark_failure(response.headers_mut());
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Whole(Default::default()));
    *response.status_mut() = status;
    response
}

fn read(stream: &TcpStream) -> io::Result<Request<()>> {
    let mut lines = BufReader::new(stream).split(b'\n');
    let mut line = || -> io::Result<Vec<u8>> {
        Ok(lines.next().transpose()?.unwrap_or_default().trim_ascii().into())
    };
    let first = String::from_utf8(line()?).map_err(io::Error::other)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut request = Request::builder().method(method).uri(target);
    loop {
        let line = line()?;
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { break };
        let name = HeaderName::from_bytes(&line[..colon]).map_err(io::Error::other)?;
        let value = line[colon + 1..].trim_ascii();
        request = request.header(name, HeaderValue::from_bytes(value).map_err(io::Error::other)?);
    }
    request.body(()).map_err(io::Error::other)
}

fn write(stream: &mut TcpStream, method: &Method, response: Response<Body>) -> io::Result<()> {
    let (head, body) = response.into_parts();
    let mut text = format!("HTTP/1.1 {}\r\nConnection: close\r\n", head.status).into_bytes();
    for (name, value) in &head.headers {
        text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    let bare = method == Method::HEAD || matches!(head.status.as_u16(), 204 | 304);
    match body {
        _ if bare => stream.write_all(&[&text[..], b"\r\n"].concat()),
        Body::Whole(body) => {
            text.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
            stream.write_all(&[&text[..], &body].concat())
        }
        Body::Chunks(mut chunks) => {
            stream.write_all(&[&text[..], b"Transfer-Encoding: chunked\r\n\r\n"].concat())?;
            while let Some(chunk) = block_on(chunks.next()) {
                let length = format!("{:x}\r\n", chunk.len());
                stream.write_all(&[length.as_bytes(), &chunk, b"\r\n"].concat())?;
            }
            stream.write_all(b"0\r\n\r\n")
        }
    }
}
