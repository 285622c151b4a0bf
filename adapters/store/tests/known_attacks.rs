//! What was found in other session libraries and no other test here would see: AUDIT.md has the whole table.

mod common;

use http_session_store::core::Origin;
use http_session_store::{AbandonOnDrop, Env, Error, OsEnv, Session};
use serde_json::json;

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

// Attack 10: what is done to a session that is not loaded yet is done, or is an error; never nothing
#[tokio::test]
async fn nothing_is_left_undone_in_silence() {
    let world = World::on_tls(safe().load_on_first_use(true));
    let cookie = world.logged_in().await;
    let session = world.open(Some(&cookie)).await.expect("the store is not asked");
    let not_loaded = |done| matches!(done, Err(Error::NotLoaded));
    assert!(not_loaded(session.clear()));
    assert!(not_loaded(session.insert("n", 2)));
    assert!(not_loaded(session.remove("n").map(drop)));
    assert!(not_loaded(session.unset()));
    assert!(not_loaded(session.destroy().await));
    assert!(not_loaded(session.renew().await));
    assert!(not_loaded(session.regenerate().await));
    assert!(not_loaded(session.log_in("user", "ada").await));
    assert_eq!(world.data("sid1"), Some(json!({"n": 1})));
    // What an extractor does first.
    session.load().await.expect("the store works");
    session.destroy().await.expect("the store works");
    assert_eq!(world.ids(), [""; 0]);
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

// Attack 24: each bit of an id is drawn: none comes from a clock, a counter or the process. Of 10,000 ids a bit is
// set in 5,000; 500 are ten standard deviations.
#[test]
fn each_bit_of_an_id_is_drawn() {
    const IDS: usize = 10_000;
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut set = [0_usize; 192];
    for _ in 0..IDS {
        let id = OsEnv.genid().expect("a random source");
        for (place, digit) in id.as_str().chars().enumerate() {
            let digit = digits.find(digit).expect("base64url");
            (0..6).for_each(|bit| set[place * 6 + bit] += digit >> (5 - bit) & 1);
        }
    }
    for (bit, set) in set.into_iter().enumerate() {
        assert!(set.abs_diff(IDS / 2) < 500, "bit {bit} is set in {set} of {IDS} ids");
    }
}
