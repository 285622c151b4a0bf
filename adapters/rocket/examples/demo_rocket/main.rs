//! The demo on Rocket: `cargo demo-rocket`, then http://127.0.0.1:3000/. `PORT` is another port.
//!
//! What it does with a session is in `demo/src/shop.rs`, for all frameworks alike. [`in_force`] lets the
//! options be changed, and looks on.

mod in_force;

use std::io::Cursor;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use http_session_demo::{Demo, Failure, Ready, Reply};
use http_session_rocket::{Error, Session};
use rocket::config::LogLevel;
use rocket::fairing::AdHoc;
use rocket::http::Status;
use rocket::response::{Responder, Result as Responded};
use rocket::{Build, Request, Response, Rocket, State, catch, catchers, get, post, routes};

use self::in_force::{InForce, watched};

#[rocket::main]
async fn main() -> ExitCode {
    http_session_demo::run(serve).await
}

fn app(demo: Arc<Demo>, port: u16) -> Rocket<Build> {
    let config = rocket::Config { log_level: LogLevel::Critical, port, ..Default::default() };
    rocket::custom(config)
        // `session_fairing(config, store)`, where options don't change while the server runs.
        .attach(InForce(Arc::clone(&demo)))
        .manage(demo)
        .mount("/", watched(routes![look, act, file, set]))
        .register("/", catchers![missing])
}

#[get("/")]
fn look(demo: &State<Arc<Demo>>, session: Session) -> Result<Answer, Error> {
    Ok(Answer(demo.look(&session)?))
}

#[post("/<action>", data = "<form>")]
async fn act(
    demo: &State<Arc<Demo>>,
    action: &str,
    session: Session,
    form: String,
) -> Result<Answer, Error> {
    Ok(Answer(demo.act(action, &form, &session).await?))
}

#[get("/files/<name>")]
fn file(demo: &State<Arc<Demo>>, name: &str) -> Answer {
    Answer(demo.file(name))
}

#[post("/set/<what>", data = "<form>")]
fn set(demo: &State<Arc<Demo>>, what: &str, form: String) -> Answer {
    Answer(demo.set(what, &form))
}

#[catch(404)]
fn missing(request: &Request<'_>) -> Option<Answer> {
    request.rocket().state::<Arc<Demo>>().map(|demo| Answer(demo.missing()))
}

pub(crate) struct Answer(pub(crate) Reply);

impl<'r> Responder<'r, 'static> for Answer {
    fn respond_to(self, _: &'r Request<'_>) -> Responded<'static> {
        let (head, body) = self.0.into_parts();
        let mut response = Response::build();
        response.status(Status::new(head.status.as_u16()));
        for (name, value) in &head.headers {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            response.raw_header(name.as_str().to_owned(), value);
        }
        response.sized_body(body.len(), Cursor::new(body)).ok()
    }
}

pub(crate) async fn serve(demo: Arc<Demo>, port: u16, ready: Ready) -> Result<(), Failure> {
    let told = Mutex::new(Some(ready));
    let liftoff = AdHoc::on_liftoff("ready", |rocket| {
        Box::pin(async move {
            let address = SocketAddr::new(rocket.config().address, rocket.config().port);
            if let Some(ready) = told.lock().ok().and_then(|mut ready| ready.take()) {
                ready(address);
            }
        })
    });
    app(demo, port).attach(liftoff).launch().await?;
    Ok(())
}
