//! The whole data as one type, and messages that are shown once.

mod common;

use http_session_store::core::{Conflict, DataError};
use http_session_store::{Error, Flash, Session};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::common::{World, quiet, safe};

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct Visitor {
    n: u64,
    name: Option<String>,
    theme: String,
}

// a struct is read from the keys of its fields, and written to them; other keys are neither looked
// at nor touched
#[tokio::test]
async fn a_struct() {
    let world = World::on_tls(safe());
    let session = world.loaded().await;
    let mut visitor: Visitor = session.read().expect("a visitor");
    assert_eq!(visitor, Visitor { n: 1, ..Visitor::default() });
    session.insert("other", true).expect("it is open");
    (visitor.name, visitor.theme) = (Some("ada".into()), "dark".into());
    session.write(&visitor).expect("it is open");
    assert_eq!(session.read::<Visitor>().ok(), Some(visitor));
    world.close(&session).await.map(drop).expect("the store works");
    let data = json!({"n": 1, "name": "ada", "other": true, "theme": "dark"});
    assert_eq!(world.data("sid1"), Some(data));
}

// B-101: what is read and written back is no modification
#[tokio::test]
async fn a_struct_that_is_not_changed() {
    let world = World::on_tls(safe());
    let visitor = Visitor { n: 1, ..Visitor::default() };
    let session = world.loaded().await;
    session.write(&visitor).expect("it is open");
    world.close(&session).await.map(drop).expect("the store works");
    assert_eq!(world.store.calls(), ["save sid1"]);
    let cookie = world.logged_in().await;
    let session = world.again(&cookie).await;
    session.write(&json!({"n": 1})).expect("it is open");
    world.close(&session).await.map(drop).expect("the store works");
    assert_eq!(world.store.calls(), ["touch sid2"]);
}

// a struct that was written is no obstacle to a parallel request that writes another field
#[tokio::test]
async fn structs_of_parallel_requests() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    let (one, other) = (world.again(&cookie).await, world.again(&cookie).await);
    let change = |session: &Session, change: fn(&mut Visitor)| {
        let mut visitor: Visitor = session.read().expect("a visitor");
        change(&mut visitor);
        session.write(&visitor).expect("it is open");
    };
    change(&one, |visitor| visitor.n = 7);
    change(&other, |visitor| visitor.theme = "dark".into());
    for session in [one, other] {
        world.close(&session).await.map(drop).expect("it merges");
    }
    assert_eq!(world.data("sid1"), Some(json!({"n": 7, "name": null, "theme": "dark"})));
}

// a struct that is written back does not make a value of what was updated: parallel updates still
// count
#[tokio::test]
async fn a_struct_after_an_update() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    let (one, other) = (world.again(&cookie).await, world.again(&cookie).await);
    for session in [&one, &other] {
        session.update("n", |n: Option<u64>| n.unwrap_or_default() + 1).expect("a number");
        let visitor: Visitor = session.read().expect("a visitor");
        session.write(&visitor).expect("it is open");
    }
    for session in [one, other] {
        world.close(&session).await.map(drop).expect("it merges");
    }
    assert_eq!(world.data("sid1").expect("a record")["n"], 3);
}

// what is no such struct, and what is no struct at all, is an error that changes nothing
#[tokio::test]
async fn no_struct() {
    let world = World::on_tls(safe());
    let session = world.loaded().await;
    session.insert("theme", 5).expect("it is open");
    let error = session.read::<Visitor>().expect_err("the theme is a text");
    assert!(matches!(error, Error::Data(DataError::WrongType)), "{error:?}");
    for value in [json!(1), json!([1]), json!(null)] {
        let error = session.write(&value).expect_err("it has no fields");
        assert!(matches!(error, Error::Data(DataError::NotJson)), "{error:?}");
    }
    let error = session.write(&json!({"cookie": 1})).expect_err("the name is taken");
    assert!(matches!(error, Error::Data(DataError::ReservedKey)), "{error:?}");
    assert_eq!(session.keys().ok(), Some(vec!["n".into(), "theme".into()]));
}

fn flash(kind: &str, text: &str) -> Flash {
    Flash { kind: kind.into(), text: text.into() }
}

fn leave(session: &Session, kind: &str, text: &str) {
    session.flash(kind, text).expect("it is open");
}

fn shown(session: &Session) -> Vec<Flash> {
    session.flashes().expect("messages")
}

// a message is shown once, on the next page that asks; its format is connect-flash's
#[tokio::test]
async fn shown_once() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    let session = world.again(&cookie).await;
    assert_eq!(shown(&session), []);
    leave(&session, "info", "saved");
    leave(&session, "error", "not sent");
    leave(&session, "info", "really");
    world.close(&session).await.map(drop).expect("the store works");
    let messages = json!({"error": ["not sent"], "info": ["saved", "really"]});
    assert_eq!(world.data("sid1"), Some(json!({"flash": messages, "n": 1})));
    // A page that does not ask leaves them.
    world.close(&world.again(&cookie).await).await.map(drop).expect("the store works");
    let session = world.again(&cookie).await;
    let all = [flash("error", "not sent"), flash("info", "saved"), flash("info", "really")];
    assert_eq!((shown(&session), shown(&session)), (all.into(), vec![]));
    world.close(&session).await.map(drop).expect("the store works");
    assert_eq!(shown(&world.again(&cookie).await), []);
}

// a page that asks, and finds none, changes nothing
#[tokio::test]
async fn no_messages() {
    let world = World::on_tls(safe());
    let session = world.loaded().await;
    assert_eq!(shown(&session), []);
    world.close(&session).await.map(drop).expect("the store works");
    assert_eq!(world.store.calls(), ["touch sid1"]);
    let session = world.fresh().await;
    assert_eq!(shown(&session), []);
    world.close(&session).await.map(drop).expect("the store works");
    assert_eq!(world.store.calls(), [""; 0]);
}

// what connect-flash has left is read, and what it would find empty is left out
#[tokio::test]
async fn what_node_left() {
    let world = World::new(quiet().conflict(Conflict::Merge));
    let cookie = world.logged_in().await;
    let left = r#"{"cookie":{"path":"/"},"flash":{"info":["saved"],"error":[]},"n":1}"#;
    world.store.put("sid1", left);
    let session = world.again(&cookie).await;
    assert_eq!(shown(&session), [flash("info", "saved")]);
    leave(&session, "info", "next");
    world.close(&session).await.map(drop).expect("the store works");
    assert_eq!(world.data("sid1"), Some(json!({"flash": {"info": ["next"]}, "n": 1})));
    world.store.put("sid1", r#"{"cookie":{"path":"/"},"flash":"mine","n":1}"#);
    let session = world.again(&cookie).await;
    assert!(matches!(session.flash("info", "x"), Err(Error::Data(DataError::WrongType))));
    assert!(matches!(session.flashes(), Err(Error::Data(DataError::WrongType))));
    assert_eq!(session.get::<String>("flash").expect("a text").as_deref(), Some("mine"));
}

// messages of parallel requests are all kept
#[tokio::test]
async fn messages_of_parallel_requests() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    let (one, other) = (world.again(&cookie).await, world.again(&cookie).await);
    leave(&one, "info", "one");
    leave(&other, "info", "other");
    leave(&other, "info", "other again");
    for session in [one, other] {
        world.close(&session).await.map(drop).expect("it merges");
    }
    let all = ["one", "other", "other again"].map(|text| flash("info", text));
    assert_eq!(shown(&world.again(&cookie).await), all);
}

// a message that is left while another request shows what was there is kept for the next page,
// whichever of the two ends first
#[tokio::test]
async fn left_while_others_are_shown() {
    for shows_first in [false, true] {
        let world = World::on_tls(safe());
        let cookie = world.logged_in().await;
        let session = world.again(&cookie).await;
        leave(&session, "info", "old");
        world.close(&session).await.map(drop).expect("the store works");
        let (shows, leaves) = (world.again(&cookie).await, world.again(&cookie).await);
        assert_eq!(shown(&shows), [flash("info", "old")]);
        leave(&leaves, "info", "new");
        leave(&leaves, "error", "new");
        let order = if shows_first { [shows, leaves] } else { [leaves, shows] };
        for session in order {
            world.close(&session).await.map(drop).expect("it merges");
        }
        let new = [flash("error", "new"), flash("info", "new")];
        assert_eq!(shown(&world.again(&cookie).await), new, "{shows_first}");
    }
}

// a message with the same words as one that is being shown is a message of its own
#[tokio::test]
async fn the_same_words_again() {
    for shows_first in [false, true] {
        let world = World::on_tls(safe());
        let cookie = world.logged_in().await;
        let session = world.again(&cookie).await;
        leave(&session, "info", "saved");
        world.close(&session).await.map(drop).expect("the store works");
        let (shows, leaves) = (world.again(&cookie).await, world.again(&cookie).await);
        assert_eq!(shown(&shows), [flash("info", "saved")]);
        leave(&leaves, "info", "saved");
        let order = if shows_first { [shows, leaves] } else { [leaves, shows] };
        for session in order {
            world.close(&session).await.map(drop).expect("it merges");
        }
        let next = shown(&world.again(&cookie).await);
        assert_eq!(next, [flash("info", "saved")], "shows first: {shows_first}");
    }
}

// what JavaScript calls null is no value, unless it is asked for
#[tokio::test]
async fn null_is_none() {
    let world = World::on_tls(safe());
    let session = world.fresh().await;
    session.insert("name", None::<String>).expect("JSON");
    assert_eq!(session.get::<String>("name").expect("nothing"), None);
    assert_eq!(session.get::<Value>("name").expect("null"), Some(Value::Null));
    let name = session.update("name", |name: Option<String>| name.unwrap_or_else(|| "ada".into()));
    assert_eq!(name.expect("text"), "ada");
}

// a struct is written as a whole or not at all
#[tokio::test]
async fn a_struct_with_a_reserved_field() {
    let world = World::on_tls(safe());
    let session = world.fresh().await;
    let error = session.write(&json!({ "a": 1, "id": 2, "z": 3 })).expect_err("id is reserved");
    assert!(matches!(error, Error::Data(DataError::ReservedKey)), "{error:?}");
    assert_eq!(session.keys().expect("it is open"), [""; 0]);
}

// the closure of an update that uses the session gets an error, and nobody waits for ever
#[tokio::test]
async fn nested() {
    let world = World::on_tls(safe());
    let session = world.fresh().await;
    let same = session.clone();
    let inner = session.update("n", move |_: Option<String>| match same.get::<u64>("m") {
        Err(Error::Nested) => "nested".into(),
        other => format!("{other:?}"),
    });
    assert_eq!(inner.expect("text"), "nested");
    let same = session.clone();
    let inner = session.cookie_mut(|_, _| same.insert("m", 1).map_err(|error| error.to_string()));
    assert!(inner.expect("it is open").expect_err("nested").contains("before it"));
    session.insert("m", 1).expect("it is free again");
}
