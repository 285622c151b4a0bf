//! A load that renews, or tells when the record ends.

use std::time::Duration;

use crate::contract::case::Case;
use crate::contract::client::{later, millis};
use crate::contract::subject::Subject;
use crate::sample::number;
use crate::suite::{Flaw, Outcome, ensure};

pub(in crate::contract) const CHECKS: &[Case] = &[
    Case::new(
        "refresh/done",
        "store::Load::refresh, store::Stored::refreshed",
        "lets a record live as much longer as a load asked if it says so, and else leaves its end",
        |s| Box::pin(done(s)),
    )
    .waiting(),
    Case::new(
        "refresh/sets",
        "store::Load::refresh",
        "sets the end that a load asked for if it says so, though the record had a later one, or none",
        |s| Box::pin(sets(s)),
    )
    .waiting(),
    Case::new(
        "refresh/data",
        "store::Load::refresh, store::Version",
        "leaves data and version when a load renews",
        |s| Box::pin(data(s)),
    ),
    Case::new(
        "refresh/absent",
        "B-131, store::Load",
        "brings nothing back with a load that renews: neither what was deleted nor what has expired",
        |s| Box::pin(absent(s)),
    )
    .waiting(),
    Case::new(
        "refresh/tells",
        "store::Load::tell_end, store::Stored::expires",
        "tells the end that a save and a touch have set, if it tells one, and leaves the record as it is",
        |s| Box::pin(tells(s)),
    ),
];

async fn done(s: &Subject<'_>) -> Outcome {
    let (a, end) = (s.id("a"), s.soon());
    // Long enough that the old end must be over while the new one is still to come.
    let much = Duration::from_millis(4_000) + 2 * s.kind.granularity;
    s.put(&a, 1, Some(end)).await?;
    s.reach(later(end, -1_000)).await;
    let asked = s.now();
    let Some(stored) = s.load_and_refresh(&a, Some(much)).await? else {
        return Err(Flaw::new("a load that renews, before the end", "the record", "no record"));
    };
    let found = number(&stored)?;
    ensure(found == 1, "a load that renews", "n = 1", format!("n = {found}"))?;
    s.pass(end).await;
    if stored.refreshed {
        let renewed = later(asked, millis(much));
        s.there(&a, 1, "after the old end, refreshed").await?;
        s.reach(later(renewed, -200)).await;
        if s.now() < renewed {
            s.there(&a, 1, "before the new end, refreshed").await?;
        }
        s.pass(renewed).await;
        s.nothing(&a, "after the new end, refreshed").await
    } else {
        s.nothing(&a, "after the end, not refreshed").await
    }
}

async fn sets(s: &Subject<'_>) -> Outcome {
    let much = Duration::from_millis(2_000) + 2 * s.kind.granularity;
    let cases = [("later", Some(s.late())), ("none", None)];
    let mut gone = Vec::new();
    for (name, end) in cases {
        let id = s.id(name);
        s.put(&id, 1, end).await?;
        let Some(stored) = s.load_and_refresh(&id, Some(much)).await? else {
            return Err(Flaw::new("a load that renews", "the record", "no record"));
        };
        gone.extend(stored.refreshed.then_some((id, name)));
    }
    s.pass(later(s.now(), millis(much))).await;
    for (id, name) in gone {
        s.nothing(&id, &format!("after the end that a load has set, before: {name}")).await?;
    }
    Ok(())
}

async fn data(s: &Subject<'_>) -> Outcome {
    let a = s.id("a");
    for end in [None, Some(s.late())] {
        let version = s.put(&a, 1, end).await?;
        for hours in [1, 2] {
            let refresh = Some(Duration::from_secs(hours * 3_600));
            let Some(stored) = s.load_and_refresh(&a, refresh).await? else {
                return Err(Flaw::new("a load that renews", "the record", "no record"));
            };
            let found = number(&stored)?;
            ensure(found == 1, "a load that renews", "n = 1", format!("n = {found}"))?;
            let same = stored.version == version;
            ensure(same, "a load that renews", "the version of the save", "another one")?;
            let stored = s.there(&a, 1, "a load after one that renews").await?;
            let same = stored.version == version;
            ensure(same, "a load after one that renews", "the version of the save", "another one")?;
        }
    }
    Ok(())
}

async fn tells(s: &Subject<'_>) -> Outcome {
    let (a, version) = (s.id("a"), s.put(&s.id("a"), 1, Some(s.late())).await?);
    for (end, moment) in [
        (s.late(), "after a save"),
        (later(s.late(), 3_600_000), "after a touch that lengthens its life"),
        (later(s.late(), -1_800_000), "after a touch that shortens its life"),
    ] {
        // The first one is what it has already.
        let _ = s.touch(&a, Some(end), version.clone()).await?;
        for time in ["once", "again"] {
            let case = format!("a load that tells, {moment}, {time}");
            let Some(stored) = s.load_and_tell(&a).await? else {
                return Err(Flaw::new(case, "the record", "no record"));
            };
            let found = number(&stored)?;
            ensure(found == 1 && stored.version == version, &case, "what was saved", "else")?;
            if let Some(told) = stored.expires {
                // The clocks of a server and of this process are not one.
                let near = later(end, -500)..=later(s.over(end), 500);
                let told = told.millis_since(end);
                ensure(
                    near.contains(&later(end, told)),
                    &case,
                    "its end",
                    format!("{told} ms after that"),
                )?;
            }
        }
    }
    let absent = s.load_and_tell(&s.id("absent")).await?;
    ensure(absent.is_none(), "a load that tells, of no record", "None", "a record")?;
    let b = s.id("b");
    s.put(&b, 1, None).await?;
    let told = s.load_and_tell(&b).await?.and_then(|stored| stored.expires);
    let hour = s.at(3_590_000);
    ensure(
        told.is_none_or(|told| told >= hour),
        "a load that tells, of a record that says nothing of its end",
        "no end, or one in an hour or later",
        "a sooner one",
    )
}

async fn absent(s: &Subject<'_>) -> Outcome {
    let refresh = Some(Duration::from_secs(3_600));
    let (never, deleted, expired, end) =
        (s.id("never"), s.id("deleted"), s.id("expired"), s.soon());
    s.put(&deleted, 1, Some(s.late())).await?;
    s.delete(&deleted).await?;
    s.put(&expired, 1, Some(end)).await?;
    s.pass(end).await;
    for (id, case) in [(never, "never saved"), (deleted, "deleted"), (expired, "expired")] {
        let found = s.load_and_refresh(&id, refresh).await?;
        let case = format!("a load that renews of a record that is {case}");
        ensure(found.is_none(), &case, "None", "a record")?;
        s.nothing(&id, &format!("after {case}")).await?;
    }
    Ok(())
}
