//! Which keys there are: any id and any prefix, and those of nobody else.

mod common;

use std::collections::HashSet;

use http_session_conformance::servers;
use http_session_store::core::SessionId;
use http_session_store::core::store::{Expect, Touched, Written};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use redis::Cmd;
use tokio::runtime::Runtime;

use self::common::{delete, id, load, now, number, put, raw, record, rotate, run, save};
use self::common::{shared, touch, unique};

/// Any text that can be an id.
fn text() -> impl Strategy<Value = String> {
    let odd = r#"[ \*\?\[\]\^\-\\\n\r\t\x00"'{}:é𝄞-]{1,40}"#;
    let any = proptest::collection::vec(any::<char>(), 1..200);
    let any = any.prop_map(String::from_iter);
    let long = (0..1_024_usize).prop_map(|length| format!("\r\n{}", "é*".repeat(length / 3)));
    prop_oneof![odd.prop_map(String::from), any, long]
}

// R-01: the key is prefix and id, whatever they are; and each id is itself
#[test]
fn odd_ids_and_prefixes() {
    let Some(url) = servers::redis("odd_ids_and_prefixes") else { return };
    let runtime = Runtime::new().expect("a runtime");
    let Some(store) = runtime.block_on(shared("odd")) else { return };
    let raw = runtime.block_on(raw(&url));
    let config = Config { cases: 100, failure_persistence: None, ..Config::default() };
    let run = TestRunner::new(config).run(&(text(), text(), text()), |(prefix, one, other)| {
        let prefix = unique("odd") + &prefix;
        let fits = |text: &str| SessionId::from_text(text).ok();
        let (Some(one), Some(other)) = (fits(&one), fits(&other)) else { return Ok(()) };
        prop_assume!(one != other);
        let store = store.clone().prefix(&prefix);
        runtime.block_on(async {
            let version = Expect::Version(put(&store, &one, record(1, None)).await);
            assert_eq!((number(&store, &one).await, number(&store, &other).await), (Some(1), None));
            let get = Cmd::get(prefix.clone() + one.as_str());
            let value: String = get.query_async(&mut raw.clone()).await.expect("it is there");
            assert_eq!(value, record(1, None).to_json());
            assert_eq!(store.ids().await.expect("it works"), HashSet::from([one.clone()]));
            let written = save(&store, &one, record(2, None), version).await;
            assert!(matches!(written, Ok(Written::Saved(_))), "{written:?}");
            let written = rotate(&store, &one, &other, record(3, None), Expect::Present).await;
            assert!(matches!(written, Ok(Written::Saved(_))), "{written:?}");
            assert_eq!((number(&store, &one).await, number(&store, &other).await), (None, Some(3)));
            let touched = touch(&store, &other, None, now()).await.expect("it works");
            assert_eq!(touched, Touched::Alive);
            delete(&store, &other).await.expect("it works");
            assert_eq!(load(&store, &other).await.expect("it works"), None);
        });
        Ok(())
    });
    run.expect("they are all alike");
}

// ST-6, R-07: ids and clear are about what begins with the prefix, to the letter; more than one page of it
#[tokio::test]
async fn all_keys() {
    let Some(url) = servers::redis("all_keys") else { return };
    let Some(store) = shared("all_keys").await else { return };
    let raw = raw(&url).await;
    let unique = unique("all_keys");
    for prefix in ["*", "?", "[a-z]", "[^b]", "\\", "a"] {
        let glob = store.clone().prefix(&format!("{unique}{prefix}:"));
        let others = [format!("{unique}b:x"), format!("{unique}:x"), format!("{unique}a")];
        for other in &others {
            run::<()>(&raw, &["SET", other, "x"]).await;
        }
        for number in 0..20 {
            put(&glob, &id(&format!("{number}")), record(1, None)).await;
        }
        assert_eq!(glob.ids().await.expect("it works").len(), 20);
        glob.clear().await.expect("it works");
        assert_eq!(glob.ids().await.expect("it works").len(), 0);
        for other in &others {
            assert_eq!(run::<u64>(&raw, &["DEL", other]).await, 1, "{other}");
        }
    }

    let ids: HashSet<_> = (0..2_500).map(|number| id(&format!("{number}"))).collect();
    for id in &ids {
        put(&store, id, record(1, now().plus_millis(60_000))).await;
    }
    assert_eq!(store.ids().await.expect("it works"), ids);
    store.clear().await.expect("it works");
    assert!(store.ids().await.expect("it works").is_empty());
}

// an empty prefix is none
#[tokio::test]
async fn no_prefix() {
    let Some(url) = servers::redis("no_prefix") else { return };
    let Some(store) = shared("no_prefix").await else { return };
    let (store, id) = (store.prefix(""), id(&unique("bare")));
    put(&store, &id, record(1, None)).await;
    assert_eq!(run::<u64>(&raw(&url).await, &["EXISTS", id.as_str()]).await, 1);
    delete(&store, &id).await.expect("it works");
}
