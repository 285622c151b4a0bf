//! The private servers do what tests ask of them.

use http_session_conformance::servers::Private;

#[test]
fn a_private_redis() {
    let Some(mut server) = Private::redis("a_private_redis", &[]) else { return };
    server.kill();
    server.start();
}

#[test]
fn a_private_postgres() {
    let Some(mut server) = Private::postgres("a_private_postgres", &[], Some(8_192)) else {
        return;
    };
    server.kill();
    server.start();
}
