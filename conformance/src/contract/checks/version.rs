//! Versions.

use http_session::SessionId;
use http_session::store::{Expect, Version, Written};

use crate::contract::case::Case;
use crate::contract::client::{answer, saved};
use crate::contract::subject::Subject;
use crate::sample::{number, numbered, shown, with_data};
use crate::suite::{Flaw, Outcome, ensure};

pub(in crate::contract) const CHECKS: &[Case] = &[
    Case::new(
        "version/same",
        "store::Written::Saved, store::Stored",
        "gives the same version in the reply to a write and in each load after it",
        |s| Box::pin(same(s)),
    )
    .of_versions(),
    Case::new(
        "version/another",
        "store::Version",
        "makes another version with each write of another record",
        |s| Box::pin(another(s)),
    )
    .of_versions(),
    Case::new(
        "version/expected",
        "store::Expect::Version",
        "writes under the current version, and answers Changed to another one, Gone if there is no record",
        |s| Box::pin(expected(s)),
    )
    .of_versions(),
    Case::new(
        "version/changed",
        "store::Written::Changed",
        "shows in Changed the record that stands there, with the version that the next save can expect",
        |s| Box::pin(changed(s)),
    )
    .of_versions(),
    Case::new(
        "version/whole",
        "store::Version",
        "makes another version for a record that differs in its last byte alone, however long it is",
        |s| Box::pin(whole(s)),
    )
    .of_versions(),
    Case::new(
        "version/deleted",
        "store::Version",
        "makes another version for a record that was deleted and made again",
        |s| Box::pin(deleted(s)),
    )
    .of_versions(),
];

async fn same(s: &Subject<'_>) -> Outcome {
    let a = s.id("a");
    let put = s.put(&a, 1, Some(s.late())).await?;
    loads(s, &a, put.as_ref(), "a save").await?;
    let next = s.save(&a, numbered(2, None), Expect::Present).await?;
    let next = saved("Expect::Present, a living record", next)?;
    loads(s, &a, next.as_ref(), "a second save").await
}

/// Does each load give this version?
pub(super) async fn loads(
    s: &Subject<'_>,
    id: &SessionId,
    version: Option<&Version>,
    of: &str,
) -> Outcome {
    expect(version.cloned(), of)?;
    for client in [(**s).clone(), s.another().await, (**s).clone()] {
        let loaded = client.load(id).await?.and_then(|stored| stored.version);
        let case = format!("a load after {of}");
        ensure(loaded.as_ref() == version, &case, &shown(version), shown(loaded.as_ref()))?;
    }
    Ok(())
}

async fn another(s: &Subject<'_>) -> Outcome {
    let id = s.id("a");
    let mut seen = Vec::new();
    for n in 0..5 {
        let version = s.put(&id, n, Some(s.late())).await?;
        let case = format!("save {n} of another record");
        expect(version.clone(), &case)?;
        let known = seen.contains(&version);
        ensure(!known, &case, "a version that was not there before", shown(version.as_ref()))?;
        seen.push(version);
    }
    Ok(())
}

async fn expected(s: &Subject<'_>) -> Outcome {
    let id = s.id("a");
    let record = |n| numbered(n, Some(s.late()));
    let old = expect(s.put(&id, 1, None).await?, "a save")?;
    let written = s.save(&id, record(2), old.clone()).await?;
    let current = expect(saved("the current version", written)?, "a save")?;
    s.there(&id, 2, "after that save").await?;
    let written = s.save(&id, record(3), old.clone()).await?;
    answer("an older version", "Changed", &written)?;
    s.there(&id, 2, "after the refused save").await?;
    let loaded = s.there(&id, 2, "a load").await?.version;
    let written = s.another().await.save(&id, record(4), expect(loaded, "a load")?).await?;
    saved("the version of a load, from another handle", written)?;
    s.there(&id, 4, "after that save").await?;
    s.delete(&id).await?;
    for (version, of) in [(old, "an older version"), (current, "the last version but one")] {
        let written = s.save(&id, record(5), version).await?;
        answer(&format!("{of}, a deleted record"), "Gone", &written)?;
        s.nothing(&id, "after the refused save").await?;
    }
    Ok(())
}

async fn changed(s: &Subject<'_>) -> Outcome {
    let id = s.id("a");
    let record = |n| numbered(n, Some(s.late()));
    let old = expect(s.put(&id, 1, None).await?, "a save")?;
    s.put(&id, 2, Some(s.late())).await?;
    let Written::Changed(stored) = s.save(&id, record(3), old).await? else {
        return Err(Flaw::new("an older version", "Changed", "another reply"));
    };
    let case = "the record in Changed";
    let found = number(&stored).map_err(|flaw| flaw.of(case))?;
    ensure(found == 2, case, "the record with n = 2", format!("the one with n = {found}"))?;
    ensure(!stored.refreshed, case, "not refreshed", "refreshed")?;
    let loaded = s.there(&id, 2, "a load").await?;
    ensure(loaded.record == stored.record, case, "the record of a load", "another text")?;
    let (expected, version) = (shown(loaded.version.as_ref()), shown(stored.version.as_ref()));
    ensure(loaded.version == stored.version, case, &expected, version)?;
    let written = s.save(&id, record(4), expect(stored.version, case)?).await?;
    saved("the version in Changed", written)?;
    s.there(&id, 4, "after that save").await.map(drop)
}

async fn whole(s: &Subject<'_>) -> Outcome {
    for size in [100, 5_000, 50_000] {
        let id = s.id(&size.to_string());
        let (text, end) = ("x".repeat(size), Some(s.late()));
        let record = |n: u8| with_data(&format!(r#","a":"{text}","n":{n}"#), end);
        let old = saved("a save", s.save(&id, record(1), Expect::Anything).await?)?;
        saved("a save", s.save(&id, record(2), Expect::Anything).await?)?;
        let written = s.save(&id, record(3), expect(old, "a save")?).await?;
        let case = format!("the version of a record that differs after {size} bytes");
        answer(&case, "Changed", &written)?;
        s.there(&id, 2, &format!("after the refused save, {size} bytes")).await?;
    }
    Ok(())
}

async fn deleted(s: &Subject<'_>) -> Outcome {
    for writes in 1..=3 {
        let id = s.id(&writes.to_string());
        let mut seen = Vec::new();
        for n in 0..writes {
            seen.push(expect(s.put(&id, n, Some(s.late())).await?, "a save")?);
        }
        s.delete(&id).await?;
        for n in 0..writes {
            s.put(&id, 100 + n, Some(s.late())).await?;
            for old in &seen {
                let written = s.save(&id, numbered(200, None), old.clone()).await?;
                let case = "a version from before the delete, after another record was saved";
                answer(case, "Changed", &written)?;
            }
        }
    }
    Ok(())
}

/// The precondition that the version makes.
pub(super) fn expect(version: Option<Version>, case: &str) -> Result<Expect, Flaw> {
    let none = || Flaw::new(case, "a version (or say `without_versions`)", "none");
    version.map(Expect::Version).ok_or_else(none)
}
