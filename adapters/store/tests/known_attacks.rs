//! What was found in other session libraries and no other test here would see: AUDIT.md has the whole table.

mod common;

use http_session_store::core::Origin;
use http_session_store::{AbandonOnDrop, Session};

use self::common::{World, safe};

fn id(session: &Session) -> String {
    session.id().expect("a session").as_str().into()
}

// Attack 6: a destroy is done when it says so: what the handler does then, or fails to do, brings nothing back
#[tokio::test]
async fn a_destroy_does_not_wait_for_the_end_of_the_request() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    let session = AbandonOnDrop(Some(world.again(&cookie).await));
    session.session().expect("a session").destroy().await.expect("the store works");
    assert_eq!((world.store.calls(), world.ids()), (vec!["delete sid1".into()], vec![]));
    // The handler panics: nobody closes the session.
    drop(session);
    assert_eq!(world.again(&cookie).await.origin().ok(), Some(Origin::Missing));
}

// Attack 19: also who is logged in already, and gains a right, gets a new id, and the old one ends
#[tokio::test]
async fn a_login_of_the_same_user_changes_the_id() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    let session = world.again(&cookie).await;
    for (times, expected) in ["sid2", "sid3", "sid4"].into_iter().enumerate() {
        session.log_in("user", "ada").await.expect("the store works");
        assert_eq!(
            (id(&session), world.ids()),
            (expected.into(), vec![expected.into()]),
            "{times}"
        );
    }
    assert_eq!(world.again(&cookie).await.origin().ok(), Some(Origin::Missing));
}
