//! The end of a record.

use std::time::Duration;

use http_session::Timestamp;
use http_session::store::{Expect, Touched};

use super::version::expect;
use crate::contract::Clock;
use crate::contract::case::Case;
use crate::contract::client::{answer, later, millis, saved};
use crate::contract::subject::Subject;
use crate::sample::{number, numbered};
use crate::suite::{Flaw, Outcome, ensure};

pub(in crate::contract) const CHECKS: &[Case] = &[
    Case::new(
        "expiry/load",
        "B-064, B-068, store::Load",
        "answers None to the load of a record that has expired",
        |s| Box::pin(load(s)),
    )
    .waiting(),
    Case::new(
        "expiry/end",
        "B-200, F-08, Contract::granularity",
        "keeps a record until its end, and no longer than the granularity allows",
        |s| Box::pin(end(s)),
    )
    .waiting(),
    Case::new(
        "expiry/none",
        "B-201, Record::expires",
        "keeps a record that says nothing of its end for an hour, and one that ends at the last moment of all",
        |s| Box::pin(none(s)),
    ),
    Case::new(
        "expiry/save",
        "B-068, store",
        "takes an expired record to be absent when another one is saved",
        |s| Box::pin(save(s)),
    )
    .waiting(),
    Case::new(
        "expiry/touch",
        "B-131, B-202, store::Touch",
        "answers Gone to a touch of an expired record, and does not bring it back",
        |s| Box::pin(touch(s)),
    )
    .waiting(),
    Case::new(
        "expiry/rotate",
        "B-068, store::Rotate",
        "takes an expired record to be absent in a rotation, be it of the old id or the new one",
        |s| Box::pin(rotate(s)),
    )
    .waiting(),
    Case::new(
        "expiry/delete",
        "B-203, store::Delete",
        "answers success to the delete of an expired record",
        |s| Box::pin(delete(s)),
    )
    .waiting(),
    Case::new(
        "expiry/saved-anew",
        "store::Save, Record::expires",
        "takes the end of the record that was saved last: a later one, an earlier one, or none",
        |s| Box::pin(saved_anew(s)),
    )
    .waiting(),
    Case::new(
        "expiry/rotated",
        "store::Rotate, Record::expires",
        "takes the end of the record that a rotation writes",
        |s| Box::pin(rotated(s)),
    )
    .waiting(),
    Case::new(
        "expiry/touched",
        "B-202, store::Touch::expires",
        "takes the end that a touch gives: a later one, an earlier one, or none",
        |s| Box::pin(touched(s)),
    )
    .waiting(),
    Case::new(
        "expiry/past",
        "B-200, store::Save",
        "keeps no record that is saved or rotated with an end that is past, nor the one before it",
        |s| Box::pin(past(s)),
    )
    .waiting(),
    Case::new(
        "expiry/refused",
        "store::Expect",
        "leaves the end of a record when it refuses a write",
        |s| Box::pin(refused(s)),
    )
    .waiting(),
];

async fn load(s: &Subject<'_>) -> Outcome {
    let (a, other, end) = (s.id("a"), s.another().await, s.soon());
    s.put(&a, 1, Some(end)).await?;
    s.there(&a, 1, "before the end").await?;
    // A store that is late by its rounding fails the next check, not this one.
    s.reach(match s.kind.clock {
        Clock::Operation => later(s.over(end), 60_000),
        Clock::Server => s.over(end),
    })
    .await;
    other.nothing(&a, "after the end, from another handle").await?;
    s.nothing(&a, "after the end").await
}

async fn end(s: &Subject<'_>) -> Outcome {
    match s.kind.clock {
        Clock::Operation => end_by_operations(s).await,
        Clock::Server => end_by_server(s).await,
    }
}

/// What an end in whole seconds is late: a store that rounds rounds these differently.
const FRACTIONS: [i64; 5] = [0, 1, 499, 500, 999];

async fn end_by_operations(s: &Subject<'_>) -> Outcome {
    let granularity = s.kind.granularity;
    for fraction in FRACTIONS {
        for before in [1, 999, 1_000] {
            let id = s.id(&format!("{fraction} {before}"));
            let whole = s.at(10_000).as_millis() / 1_000 * 1_000;
            let end = Timestamp::from_millis(whole + fraction).expect("within the range");
            s.put(&id, 1, Some(end)).await?;
            s.reach(later(end, -before)).await;
            let case = format!("{before} ms before an end at .{fraction:03} of a second");
            s.there(&id, 1, &case).await?;
            s.pass(end).await;
            let case = format!("{granularity:?} after an end at .{fraction:03} of a second");
            s.nothing(&id, &case).await?;
        }
    }
    Ok(())
}

/// Asks again and again: what counts is an answer that was complete before the end, or was asked for when
/// the record must be gone.
async fn end_by_server(s: &Subject<'_>) -> Outcome {
    let whole = (s.soon().as_millis() / 1_000 + 1) * 1_000;
    let mut records = Vec::new();
    for fraction in FRACTIONS {
        let end = Timestamp::from_millis(whole + fraction).expect("within the range");
        let id = s.id(&fraction.to_string());
        s.put(&id, 1, Some(end)).await?;
        records.push((id, end));
    }
    let mut over = false;
    while !over {
        over = true;
        for (id, end) in &records {
            let asked = s.now();
            let found = s.load(id).await?;
            let answered = s.now();
            if found.is_none() {
                let early = end.millis_since(answered);
                let case = format!("{early} ms before the end");
                ensure(early <= 0, &case, "the record with n = 1", "no record")?;
            } else {
                let case = format!("{} ms after the end", asked.millis_since(*end));
                ensure(asked < s.over(*end), &case, "no record", "a record")?;
            }
            over &= asked >= s.over(*end);
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    Ok(())
}

async fn none(s: &Subject<'_>) -> Outcome {
    let (a, b) = (s.id("a"), s.id("b"));
    s.put(&a, 1, None).await?;
    s.put(&b, 2, Some(Timestamp::MAX)).await.map_err(|flaw| flaw.of("the last moment of all"))?;
    if s.kind.clock == Clock::Operation {
        s.reach(s.late()).await;
    }
    s.there(&a, 1, "a record without an end").await?;
    s.there(&b, 2, "a record that ends at the last moment of all").await?;
    // It would stay on the server for ever.
    s.delete(&b).await
}

async fn save(s: &Subject<'_>) -> Outcome {
    let (end, mut cases) = (s.soon(), Vec::new());
    let version = s.put(&s.id("version"), 1, Some(end)).await?;
    cases.push((s.id("anything"), Expect::Anything, "Saved"));
    cases.push((s.id("absent"), Expect::Absent, "Saved"));
    cases.push((s.id("present"), Expect::Present, "Gone"));
    for (id, ..) in &cases {
        s.put(id, 1, Some(end)).await?;
    }
    if s.kind.versions {
        cases.push((s.id("version"), expect(version, "a save")?, "Gone"));
    }
    s.pass(end).await;
    for (id, expected, reply) in cases {
        let case = format!("{}, an expired record", super::rotate::name(&expected));
        let written = s.save(&id, numbered(2, Some(s.late())), expected).await?;
        answer(&case, reply, &written)?;
        if reply == "Saved" {
            s.there(&id, 2, &format!("{case}: after it")).await?;
        } else {
            s.nothing(&id, &format!("{case}: after it")).await?;
        }
    }
    Ok(())
}

async fn touch(s: &Subject<'_>) -> Outcome {
    let end = s.soon();
    let ids = ["a", "b"].map(|text| s.id(text));
    let mut versions = Vec::new();
    for id in &ids {
        versions.push(s.put(id, 1, Some(end)).await?);
    }
    s.pass(end).await;
    versions[0] = None;
    for (id, version) in ids.iter().zip(versions) {
        for end in [Some(s.late()), None] {
            let touched = s.touch(id, end, version.clone()).await?;
            ensure(touched == Touched::Gone, "a touch of an expired record", "Gone", "Alive")?;
            s.nothing(id, "after a touch of an expired record").await?;
        }
    }
    Ok(())
}

async fn rotate(s: &Subject<'_>) -> Outcome {
    let (end, mut cases) = (s.soon(), Vec::new());
    cases.push((s.id("anything"), Expect::Anything, "Saved"));
    cases.push((s.id("absent"), Expect::Absent, "Saved"));
    cases.push((s.id("present"), Expect::Present, "Gone"));
    let version = s.put(&s.id("version"), 1, Some(end)).await?;
    for (id, ..) in &cases {
        s.put(id, 1, Some(end)).await?;
    }
    if s.kind.versions {
        cases.push((s.id("version"), expect(version, "a save")?, "Gone"));
    }
    let (onto, alive) = (s.id("onto"), s.id("alive"));
    s.put(&onto, 1, Some(end)).await?;
    s.put(&alive, 2, Some(s.late())).await?;
    s.pass(end).await;
    for (number, (from, expected, reply)) in cases.into_iter().enumerate() {
        let to = s.id(&format!("to {number}"));
        let case = format!("{}, an expired old id", super::rotate::name(&expected));
        let written = s.rotate(&from, &to, numbered(3, Some(s.late())), expected).await?;
        answer(&case, reply, &written)?;
        s.nothing(&from, &format!("{case}: the old id after it")).await?;
        if reply == "Saved" {
            s.there(&to, 3, &format!("{case}: the new id after it")).await?;
        } else {
            s.nothing(&to, &format!("{case}: the new id after it")).await?;
        }
    }
    let written = s.rotate(&alive, &onto, numbered(4, Some(s.late())), Expect::Present).await?;
    saved("Expect::Present, an expired new id", written)?;
    s.nothing(&alive, "the old id after it").await?;
    s.there(&onto, 4, "the new id after it").await.map(drop)
}

async fn delete(s: &Subject<'_>) -> Outcome {
    let (a, end) = (s.id("a"), s.soon());
    s.put(&a, 1, Some(end)).await?;
    s.pass(end).await;
    s.delete(&a).await?;
    s.nothing(&a, "after the delete").await?;
    s.put(&a, 2, Some(s.late())).await?;
    s.there(&a, 2, "made again after the delete").await.map(drop)
}

async fn past(s: &Subject<'_>) -> Outcome {
    // The end is so far back that no granularity keeps it, and a store with a clock has seen it pass.
    let moments = [later(s.now(), -millis(s.kind.granularity) - 1_000), Timestamp::MIN];
    let mut gone = Vec::new();
    for (number, end) in moments.into_iter().enumerate() {
        for (name, before) in [("absent", false), ("alive", true)] {
            let case = format!("an end that is past ({number}), onto a record that is {name}");
            let (id, to) = (s.id(&case), s.id(&format!("{case} to")));
            if before {
                s.put(&id, 1, Some(s.late())).await?;
            }
            s.put(&id, 2, Some(end)).await.map_err(|flaw| flaw.of(&case))?;
            gone.push((id.clone(), format!("a save with {case}")));
            let id = s.id(&format!("{case} from"));
            if before {
                s.put(&id, 1, Some(s.late())).await?;
            }
            let written = s.rotate(&id, &to, numbered(2, Some(end)), Expect::Anything).await;
            saved(&case, written.map_err(|flaw| flaw.of(&case))?)?;
            gone.push((id, format!("the old id of a rotation with {case}")));
            gone.push((to, format!("the new id of a rotation with {case}")));
        }
        let id = s.id(&format!("touched {number}"));
        s.put(&id, 1, Some(s.late())).await?;
        let _ = s.touch(&id, Some(end), None).await?;
        gone.push((id, format!("a touch with an end that is past ({number})")));
    }
    s.pass(s.now()).await;
    for (id, case) in gone {
        s.nothing(&id, &case).await?;
    }
    Ok(())
}

async fn saved_anew(s: &Subject<'_>) -> Outcome {
    let end = s.soon();
    let [later, earlier, none] = ["later", "earlier", "none"].map(|text| s.id(text));
    for (id, first, second) in [
        (&later, Some(end), Some(s.late())),
        (&earlier, Some(s.late()), Some(end)),
        (&none, Some(end), None),
    ] {
        s.put(id, 1, first).await?;
        s.put(id, 2, second).await?;
    }
    s.pass(end).await;
    s.nothing(&earlier, "a record that was saved again with an earlier end").await?;
    s.there(&later, 2, "a record that was saved again with a later end").await?;
    s.there(&none, 2, "a record that was saved again without an end").await.map(drop)
}

async fn rotated(s: &Subject<'_>) -> Outcome {
    let end = s.soon();
    let [later, earlier, none] = ["later", "earlier", "none"].map(|text| s.id(text));
    for (id, first, second) in [
        (&later, Some(end), Some(s.late())),
        (&earlier, Some(s.late()), Some(end)),
        (&none, Some(end), None),
    ] {
        let from = s.id(&format!("from {}", id.as_str()));
        s.put(&from, 1, first).await?;
        let written = s.rotate(&from, id, numbered(2, second), Expect::Present).await?;
        saved("a rotation of a living record", written)?;
    }
    s.there(&earlier, 2, "a rotated record before its end").await?;
    s.pass(end).await;
    s.nothing(&earlier, "a record that was rotated with an earlier end").await?;
    s.there(&later, 2, "a record that was rotated with a later end").await?;
    s.there(&none, 2, "a record that was rotated without an end").await.map(drop)
}

async fn touched(s: &Subject<'_>) -> Outcome {
    let end = s.soon();
    let ids = ["later", "earlier", "none", "first"].map(|text| s.id(text));
    let [later, earlier, none, first] = &ids;
    for (id, before, after) in [
        (later, Some(end), Some(s.late())),
        (earlier, Some(s.late()), Some(end)),
        (none, Some(end), None),
        (first, None, Some(end)),
    ] {
        let version = s.put(id, 1, before).await?;
        let touched = s.touch(id, after, version).await?;
        ensure(touched == Touched::Alive, "a touch of a living record", "Alive", "Gone")?;
    }
    s.pass(end).await;
    s.there(later, 1, "a record that was touched with a later end").await?;
    s.nothing(earlier, "a record that was touched with an earlier end").await?;
    s.there(none, 1, "a record that was touched without an end").await?;
    s.nothing(first, "a record without an end that was touched with one").await
}

async fn refused(s: &Subject<'_>) -> Outcome {
    let end = s.soon();
    let [short, long, onto] = ["short", "long", "onto"].map(|text| s.id(text));
    let old = s.put(&short, 0, None).await?;
    s.put(&long, 1, Some(s.late())).await?;
    for id in [&short, &onto] {
        s.put(id, 1, Some(end)).await?;
    }
    for (id, end) in [(&short, Some(s.late())), (&short, None), (&long, Some(end))] {
        let written = s.save(id, numbered(2, end), Expect::Absent).await?;
        answer("Expect::Absent, a living record", "Exists", &written)?;
        let written = s.rotate(id, &onto, numbered(2, end), Expect::Present).await?;
        answer("a rotation onto a living record", "Exists", &written)?;
    }
    if let Some(old) = old {
        let written = s.save(&short, numbered(2, None), Expect::Version(old)).await?;
        answer("an older version", "Changed", &written)?;
    }
    s.pass(end).await;
    s.nothing(&short, "a record with an end, after refused writes with a later one").await?;
    s.nothing(&onto, "the new id with an end, after refused rotations onto it").await?;
    match s.load(&long).await?.as_ref().map(number).transpose()? {
        Some(1) => Ok(()),
        other => {
            let case = "a record, after refused writes with an earlier end";
            Err(Flaw::new(case, "n = Some(1)", format!("{other:?}")))
        }
    }
}
