//! Touching.

use http_session::store::Touched;

use super::version::expect;
use crate::contract::case::Case;
use crate::contract::client::saved;
use crate::contract::subject::Subject;
use crate::sample::{numbered, shown};
use crate::suite::{Outcome, ensure};

pub(in crate::contract) const CHECKS: &[Case] = &[
    Case::new(
        "touch/absent",
        "B-131, B-202, store::Touch",
        "answers Gone to a touch of what is absent, and inserts nothing",
        |s| Box::pin(absent(s)),
    ),
    Case::new(
        "touch/data",
        "B-202, store::Touch",
        "answers Alive to a touch of a record, and leaves its data",
        |s| Box::pin(data(s)),
    ),
    Case::new(
        "touch/version",
        "store::Touch, store::Version",
        "leaves the version when a record is touched",
        |s| Box::pin(version(s)),
    )
    .of_versions(),
    Case::new(
        "touch/other-version",
        "store::Touch::version",
        "answers Alive to a touch under another version, and leaves data and version",
        |s| Box::pin(other_version(s)),
    )
    .of_versions(),
];

async fn absent(s: &Subject<'_>) -> Outcome {
    let id = s.id("a");
    let version = s.put(&s.id("other"), 7, None).await?;
    for state in ["never saved", "deleted"] {
        if state == "deleted" {
            s.put(&id, 1, Some(s.late())).await?;
            s.delete(&id).await?;
        }
        for version in [None, version.clone()] {
            for end in [Some(s.late()), None] {
                let touched = s.touch(&id, end, version.clone()).await?;
                let case = format!("a touch of a record that is {state}");
                ensure(touched == Touched::Gone, &case, "Gone", "Alive")?;
                s.nothing(&id, &format!("after {case}")).await?;
            }
        }
    }
    Ok(())
}

async fn data(s: &Subject<'_>) -> Outcome {
    let id = s.id("a");
    let version = s.put(&id, 1, Some(s.late())).await?;
    for version in [None, version] {
        for end in [Some(s.at(7_200_000)), None, Some(s.late())] {
            let touched = s.touch(&id, end, version.clone()).await?;
            ensure(touched == Touched::Alive, "a touch of a record", "Alive", "Gone")?;
            s.there(&id, 1, "after a touch").await?;
            s.another().await.there(&id, 1, "after a touch, from another handle").await?;
        }
    }
    Ok(())
}

async fn version(s: &Subject<'_>) -> Outcome {
    let id = s.id("a");
    let version = s.put(&id, 1, Some(s.late())).await?;
    for end in [Some(s.at(7_200_000)), None, Some(s.late())] {
        let _ = s.touch(&id, end, version.clone()).await?;
        let loaded = s.there(&id, 1, "after a touch").await?.version;
        let expected = shown(version.as_ref());
        ensure(loaded == version, "a load after a touch", &expected, shown(loaded.as_ref()))?;
    }
    let written = s.save(&id, numbered(2, None), expect(version, "a save")?).await?;
    saved("a save after touches, under the version before them", written).map(drop)
}

async fn other_version(s: &Subject<'_>) -> Outcome {
    let id = s.id("a");
    let old = s.put(&id, 1, Some(s.late())).await?;
    let current = s.put(&id, 2, Some(s.late())).await?;
    let touched = s.touch(&id, Some(s.at(7_200_000)), old).await?;
    ensure(touched == Touched::Alive, "a touch under an older version", "Alive", "Gone")?;
    let loaded = s.there(&id, 2, "after a touch under an older version").await?.version;
    let expected = shown(current.as_ref());
    ensure(loaded == current, "a load after it", &expected, shown(loaded.as_ref()))
}
