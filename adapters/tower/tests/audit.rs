//! Defects that an audit of the adapters found: each with its scenario, which failed before.
#[path = "../../store/tests/common/mod.rs"]
mod common;
use self::common::{Op, World, safe};
use http::header::{COOKIE, HeaderValue, LOCATION};
use http::{Request, Response};
use http_session_store::Main;
use http_session_store::core::Connection;
use http_session_tower::{SessionLayer, session_of};
use std::convert::Infallible;
use tower::{Layer, ServiceExt, service_fn};

enum Admin {}

fn request(cookie: Option<&HeaderValue>) -> Request<String> {
    let mut r = Request::new(String::new());
    r.extensions_mut().insert(Connection::Encrypted);
    if let Some(c) = cookie {
        r.headers_mut().insert(COOKIE, c.clone());
    }
    r
}

// a failed load and a refused save depend on the Cookie header too; on_error may answer with what caches keep
#[tokio::test]
async fn b01_error_responses_say_vary() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    for op in [Op::Load, Op::Save] {
        let layer = SessionLayer::from(world.sessions.clone()).on_error(|_| {
            let mut r = Response::new(String::from("moved"));
            *r.status_mut() = http::StatusCode::MOVED_PERMANENTLY; // cacheable by default
            r.headers_mut().insert(LOCATION, HeaderValue::from_static("/login"));
            r
        });
        let service = layer.layer(service_fn(async |request: Request<String>| {
            session_of::<Main>(request.extensions())
                .await
                .unwrap()
                .unwrap()
                .insert("n", 9)
                .unwrap();
            Ok::<_, Infallible>(Response::new(String::new()))
        }));
        world.store.fail(op);
        let response = service.oneshot(request(Some(&cookie))).await.unwrap();
        assert_eq!(response.status(), 301);
        assert_eq!(
            response.headers().get("vary"),
            Some(&HeaderValue::from_static("Cookie")),
            "{op:?}"
        );
    }
}

// set_max_age of one request and the end of a slow reader, through the real Session API
#[tokio::test]
async fn b03_a_reader_undoes_set_max_age() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    let reader = world.again(&cookie).await;
    let writer = world.again(&cookie).await;
    writer.set_max_age(std::time::Duration::from_secs(60)).unwrap();
    let _ = world.sessions.close(&writer).await.unwrap();
    let _ = world.sessions.close(&reader).await.unwrap();
    let again = world.again(&cookie).await;
    assert_eq!(
        again.cookie().unwrap().original_max_age(),
        http_session_store::core::Expires::At(60_000)
    );
}

// log_in with what can't be inserted: the id and the absolute timeout are new, nobody is logged in
#[tokio::test]
async fn b04_log_in_that_fails_by_its_data_changes_nothing() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    let s = world.again(&cookie).await;
    let (id, n) = (s.id().unwrap(), world.ids().len());
    assert!(s.log_in("cookie", "ada").await.is_err());
    assert_eq!((s.id().unwrap() == id, world.ids().len()), (true, n));
}

#[tokio::test]
async fn b07_unset_during_regenerate_stays() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    let s = world.again(&cookie).await;
    let gate = world.store.hold(Op::Delete);
    let other = s.clone();
    let task = tokio::spawn(async move { other.regenerate().await });
    gate.reached().await;
    s.unset().unwrap();
    gate.open();
    let _ = task.await.unwrap();
    assert!(s.get::<u64>("n").is_err(), "the session is back");
}

// CK-4, SG-7: a signed id says nothing of the cookie that it is for
#[tokio::test]
async fn b05_the_value_of_one_cookie_is_no_session_of_another_layer() {
    let world = World::on_tls(safe()); // main: __Host-id
    let main = SessionLayer::from(world.sessions.clone());
    let config = safe().name("__Host-admin").build().unwrap();
    let admin = SessionLayer::from(http_session_store::Sessions::new(config, world.store.clone()))
        .marker::<Admin>()
        .env(world.env.clone());
    let service = service_fn(async |request: Request<String>| {
        let admin = session_of::<Admin>(request.extensions()).await.unwrap().unwrap();
        Ok::<_, Infallible>(Response::new(format!(
            "{} {:?}",
            admin.origin().unwrap(),
            admin.keys().unwrap()
        )))
    });
    let mine = world.logged_in().await; // an ordinary user's session
    let swapped = mine.to_str().unwrap().replace("__Host-id=", "__Host-admin=");
    let service = main.layer(admin.layer(service));
    let response = service.oneshot(request(Some(&swapped.parse().unwrap()))).await.unwrap();
    assert!(
        !response.body().contains("was loaded"),
        "{}: an ordinary session is an admin session",
        response.body()
    );
}
