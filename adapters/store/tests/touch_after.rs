//! Touches that are left out because they would move the record's end by little.

mod common;

use std::time::Duration;

use http_session_store::core::{Config, ConfigBuilder, Reason, Timeouts};

use self::common::{World, quiet, safe};

const IDLE: u64 = 3_600_000;
const AFTER: u64 = 60_000;

fn timeouts(idle: u64) -> Timeouts {
    Timeouts { idle: Some(Duration::from_millis(idle)), ..Timeouts::DEFAULT }
}

fn each() -> [ConfigBuilder; 2] {
    [safe(), quiet()]
        .map(|config| config.timeouts(timeouts(IDLE)).touch_after(Duration::from_millis(AFTER)))
}

// B-108: it is touched when that moves its end by more than this, to the millisecond, and lives on from there
#[tokio::test]
async fn at_the_boundary() {
    for config in each() {
        for (millis, touched) in [(0, false), (1, false), (60_000, false), (60_001, true)] {
            let world = World::on_tls(config.clone());
            let cookie = world.logged_in().await;
            world.env.advance(millis);
            let session = world.open(Some(&cookie)).await.expect("the store works");
            let outcome = world.close(&session).await.expect("the store works");
            let calls = world.store.calls();
            let reason = outcome.decision().store_reason;
            if touched {
                assert_eq!(calls, ["load sid1", "touch sid1"], "{millis}");
            } else {
                assert_eq!((calls, reason), (vec!["load sid1".into()], Reason::Refreshed));
            }
            // It ends at most that much too soon.
            let end = IDLE as i64 - if touched { 1 } else { 1 + millis };
            world.env.advance(end);
            let session = world.again(&cookie).await;
            assert_eq!(session.get::<u64>("n").ok(), Some(Some(1)), "{millis}");
        }
    }
}

// of many requests one touches in each such time, and the session lives for as long as it is used
#[tokio::test]
async fn a_day_of_requests() {
    for config in each() {
        let world = World::on_tls(config);
        let cookie = world.logged_in().await;
        let (mut touches, each) = (0, 7_000);
        for _ in 0..24 * 3_600_000 / each {
            world.env.advance(each);
            let session = world.open(Some(&cookie)).await.expect("the store works");
            assert_eq!(session.get::<u64>("n").ok(), Some(Some(1)));
            let _ = world.close(&session).await.expect("the store works");
            touches += world.store.calls().iter().filter(|call| call.starts_with("touch")).count();
        }
        // The ninth request is the first that comes more than a minute later.
        assert_eq!(touches, 24 * 3_600_000 / (9 * 7_000));
    }
}

// a change is saved, with the whole lifetime, however little that moves the end
#[tokio::test]
async fn a_change() {
    for config in each() {
        let world = World::on_tls(config);
        let cookie = world.logged_in().await;
        world.env.advance(1);
        let session = world.open(Some(&cookie)).await.expect("the store works");
        session.insert("n", 2).expect("it is open");
        let _ = world.close(&session).await.expect("the store works");
        assert_eq!(world.store.calls(), ["load sid1", "save sid1"]);
        world.env.advance(IDLE as i64 - 1);
        assert_eq!(world.again(&cookie).await.get::<u64>("n").ok(), Some(Some(2)));
    }
}

// near the absolute timeout, which no touch moves, there is nothing to touch
#[tokio::test]
async fn near_the_absolute_timeout() {
    let all = Timeouts { absolute: Some(Duration::from_millis(IDLE + 500)), ..timeouts(IDLE) };
    let world = World::on_tls(safe().timeouts(all).touch_after(Duration::from_millis(100)));
    let cookie = world.logged_in().await;
    for (advance, call) in [(1_000, true), (1_000, false)] {
        world.env.advance(advance);
        let session = world.open(Some(&cookie)).await.expect("the store works");
        let _ = world.close(&session).await.expect("the store works");
        assert_eq!(world.store.calls().contains(&"touch sid1".into()), call);
    }
}

// it takes a longer idle timeout, and no option that is about each request
#[test]
fn what_it_needs() {
    let minute = Duration::from_secs(60);
    let never = Timeouts::NONE;
    for (config, sound) in [
        (safe(), true),
        (safe().timeouts(timeouts(60_001)), true),
        (safe().timeouts(timeouts(60_000)), false),
        (safe().timeouts(never), false),
        (safe().rolling(true), false),
        (safe().resave(true), false),
        (quiet(), false),
        (quiet().timeouts(timeouts(IDLE)), true),
        (Config::express("keyboard cat").timeouts(timeouts(IDLE)), false),
    ] {
        let built = config.touch_after(minute).build();
        assert_eq!(built.is_ok(), sound, "{built:?}");
        assert!(sound || format!("{built:?}").contains("touch_after needs"));
        let without = built.is_err();
        assert!(!without || safe().touch_after(None).build().is_ok());
    }
}
