use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use axum::{Router, middleware, routing};
use http_session_axum::{Session, session_layer_from};
use http_session_conformance::adapter::{self, Ability, App, Contract, Mounting, Routes, Started};

/// Starts what the suite wants: an application with the layer and one handler.
async fn start(app: App) -> Started {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let routes = match app.routes() {
        Routes::One => Router::new().route("/handler", routing::get(handler)),
        _ => Router::new().fallback(handler),
    };
    let layer = session_layer_from(app.sessions());
    let router = match app.mounting() {
        Mounting::Missing => routes,
        Mounting::Late => Router::new().layer(layer).merge(routes),
        Mounting::Nested => Router::new().nest("/nested", routes.layer(layer)),
        Mounting::Twice => routes.layer(layer.clone()).layer(layer),
        _ => routes.layer(layer),
    };
    // What a TLS acceptor would do.
    let connect = middleware::map_request_with_state(
        app.clone(),
        async |State(app): State<App>, mut request: Request<Body>| {
            let connection = app.connection(step(request.headers()));
            request.extensions_mut().insert(connection);
            request
        },
    );
    let router = router.layer(connect).with_state(app);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// Hands the suite the request's step and session, and answers as it says. Without a layer the extractor
/// is an error, and this is not called.
async fn handler(State(app): State<App>, head: HeaderMap, session: Option<Session>) -> Response {
    let reply = app.handle(step(&head), session.as_deref()).await;
    let mut response = Response::new(match reply.body {
        adapter::Body::Whole(body) => Body::from(body),
        adapter::Body::Chunks(chunks) => Body::from_stream(chunks),
    });
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

fn step(head: &HeaderMap) -> &str {
    head.get(App::STEP).and_then(|step| step.to_str().ok()).unwrap_or_default()
}

fn my_adapter_keeps_the_contract() {
    let contract = Contract::new(start)
        .without(Ability::CookieOptions, "left out to keep this page short")
        .without(Ability::TwoSessions, "left out to keep this page short");
    contract.run().assert();
}
