//! What was found in other session libraries and no other test here would see: AUDIT.md has the whole table.

#[path = "../../store/tests/common/mod.rs"]
mod common;

use std::convert::Infallible;

use http::header::COOKIE;
use http::{Request, Response};
use http_session_store::Main;
use http_session_store::core::{Connection, Origin};
use http_session_tower::{SessionLayer, session_of};
use tower::{Layer, ServiceExt, service_fn};

use self::common::{World, safe};

// CK-9, attack 20: an id counts in the Cookie header alone, wherever else it is planted
#[tokio::test]
async fn an_id_anywhere_but_in_a_cookie_is_none() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    let pair = cookie.to_str().expect("ASCII");
    let (_, value) = pair.split_once('=').expect("a pair");
    let mut found = Vec::new();
    for request in [
        Request::get("/").header(COOKIE, pair),
        Request::get(format!("/?{pair}")),
        Request::get(format!("/?sid={value}&id={value}&jsessionid={value}")),
        Request::get(format!("/;{pair}")),
        Request::get(format!("/;jsessionid={value}")),
        Request::get(format!("/{value}")),
        Request::get("/").header("authorization", format!("Bearer {value}")),
        Request::get("/").header("x-session-id", value),
        Request::get("/").header("__Host-id", value),
        Request::get("/").header("set-cookie", pair),
        Request::get("/").header("cookie2", pair),
        Request::post("/").header("content-type", "application/x-www-form-urlencoded"),
    ] {
        let mut request = request.body(pair.to_owned()).expect("a request");
        request.extensions_mut().insert(Connection::Encrypted);
        let layer = SessionLayer::from(world.sessions.clone());
        let service = layer.layer(service_fn(async |request: Request<String>| {
            let session = session_of::<Main>(request.extensions()).await.expect("a layer");
            let origin = session.expect("the path").origin().expect("it is open");
            Ok::<_, Infallible>(Response::new(Some(origin)))
        }));
        let origin = service.oneshot(request).await.expect("the store works").into_body();
        found.push(origin);
    }
    assert_eq!(found[0], Some(Origin::Loaded));
    assert_eq!(found[1..], [Some(Origin::Absent); 11]);
    assert_eq!(world.store.calls(), ["load sid1", "touch sid1"]);
}
