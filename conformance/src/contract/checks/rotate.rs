//! Rotating under each precondition.

use http_session::store::{Expect, Written};

use super::version::{expect, loads};
use crate::contract::case::Case;
use crate::contract::client::{answer, saved};
use crate::contract::subject::Subject;
use crate::sample::numbered;
use crate::suite::{Outcome, ensure};

pub(in crate::contract) const CHECKS: &[Case] = &[
    Case::new(
        "rotate/moves",
        "store::Rotate",
        "ends the old id and begins the new one with the record that was given",
        |s| Box::pin(moves(s)),
    ),
    Case::new(
        "rotate/anything",
        "store::Rotate, store::Expect::Anything",
        "begins the new id without a precondition even if the old one is absent",
        |s| Box::pin(anything(s)),
    ),
    Case::new(
        "rotate/absent",
        "store::Rotate, store::Expect::Absent",
        "answers Exists under Expect::Absent if the old id has a record, and else begins the new one",
        |s| Box::pin(absent(s)),
    ),
    Case::new(
        "rotate/present",
        "store::Rotate, store::Expect::Present",
        "answers Gone under Expect::Present if the old id is absent, and writes nothing",
        |s| Box::pin(present(s)),
    ),
    Case::new(
        "rotate/version",
        "store::Rotate, store::Expect::Version",
        "rotates under the current version, and answers Changed to another one, Gone if there is no record",
        |s| Box::pin(version(s)),
    )
    .of_versions(),
    Case::new(
        "rotate/onto-another",
        "store::Rotate, store::Written::Exists",
        "answers Exists if the new id has a record, and changes neither",
        |s| Box::pin(onto_another(s)),
    ),
    Case::new(
        "rotate/onto-itself",
        "store::Rotate, store::Written::Exists",
        "answers Exists if the new id is the old one and has a record, and leaves it",
        |s| Box::pin(onto_itself(s)),
    ),
    Case::new(
        "rotate/precondition-first",
        "store::Rotate",
        "looks at the precondition before it looks at the new id",
        |s| Box::pin(precondition_first(s)),
    ),
];

async fn moves(s: &Subject<'_>) -> Outcome {
    let (a, b) = (s.id("a"), s.id("b"));
    for (n, (end, next)) in [(None, Some(s.late())), (Some(s.late()), None)].into_iter().enumerate()
    {
        s.put(&a, 1, end).await?;
        let written = s.rotate(&a, &b, numbered(2, next), Expect::Present).await?;
        let version = saved("Expect::Present, a living record", written)?;
        s.nothing(&a, "the old id after a rotation").await?;
        s.there(&b, 2, "the new id after a rotation").await?;
        s.another().await.there(&b, 2, "the new id, from another handle").await?;
        if s.kind.versions {
            loads(s, &b, version.as_ref(), "a rotation").await?;
            let written = s.save(&b, numbered(3, None), expect(version, "a rotation")?).await?;
            saved("a save under the version of a rotation", written)?;
        }
        s.delete(&b).await?;
        s.nothing(&a, &format!("the old id after a delete of the new one, round {n}")).await?;
    }
    Ok(())
}

async fn anything(s: &Subject<'_>) -> Outcome {
    for state in ["never saved", "deleted", "alive"] {
        let (a, b) = (s.id(&format!("{state} a")), s.id(&format!("{state} b")));
        if state != "never saved" {
            s.put(&a, 1, Some(s.late())).await?;
        }
        if state == "deleted" {
            s.delete(&a).await?;
        }
        let written = s.rotate(&a, &b, numbered(2, Some(s.late())), Expect::Anything).await?;
        saved(&format!("Expect::Anything, a record that is {state}"), written)?;
        s.nothing(&a, "the old id after a rotation").await?;
        s.there(&b, 2, "the new id after a rotation").await?;
    }
    Ok(())
}

async fn absent(s: &Subject<'_>) -> Outcome {
    let (a, b) = (s.id("a"), s.id("b"));
    s.put(&a, 1, Some(s.late())).await?;
    let written = s.rotate(&a, &b, numbered(2, None), Expect::Absent).await?;
    answer("Expect::Absent, a living record", "Exists", &written)?;
    s.there(&a, 1, "the old id after the refused rotation").await?;
    s.nothing(&b, "the new id after the refused rotation").await?;
    s.delete(&a).await?;
    let written = s.rotate(&a, &b, numbered(2, None), Expect::Absent).await?;
    saved("Expect::Absent, a deleted record", written)?;
    s.nothing(&a, "the old id after a rotation").await?;
    s.there(&b, 2, "the new id after a rotation").await.map(drop)
}

async fn present(s: &Subject<'_>) -> Outcome {
    let (a, b) = (s.id("a"), s.id("b"));
    for state in ["never saved", "deleted"] {
        if state == "deleted" {
            s.put(&a, 1, Some(s.late())).await?;
            s.delete(&a).await?;
        }
        let written = s.rotate(&a, &b, numbered(2, Some(s.late())), Expect::Present).await?;
        answer(&format!("Expect::Present, a record that is {state}"), "Gone", &written)?;
        s.nothing(&a, "the old id after the refused rotation").await?;
        s.nothing(&b, "the new id after the refused rotation").await?;
    }
    Ok(())
}

async fn version(s: &Subject<'_>) -> Outcome {
    let (a, b) = (s.id("a"), s.id("b"));
    let old = expect(s.put(&a, 1, Some(s.late())).await?, "a save")?;
    let current = expect(s.put(&a, 2, Some(s.late())).await?, "a save")?;
    let written = s.rotate(&a, &b, numbered(3, None), old.clone()).await?;
    answer("an older version", "Changed", &written)?;
    let loaded = s.there(&a, 2, "the old id after the refused rotation").await?;
    let same = written == Written::Changed(loaded);
    ensure(same, "the record in Changed", "what a load gives", "something else")?;
    s.nothing(&b, "the new id after the refused rotation").await?;
    let written = s.rotate(&a, &b, numbered(3, None), current.clone()).await?;
    saved("the current version", written)?;
    s.nothing(&a, "the old id after a rotation").await?;
    s.there(&b, 3, "the new id after a rotation").await?;
    for (version, of) in [(old, "an older version"), (current, "the last version")] {
        let written = s.rotate(&a, &s.id("c"), numbered(4, None), version).await?;
        answer(&format!("{of}, a record that was rotated away"), "Gone", &written)?;
        s.nothing(&s.id("c"), "the new id after the refused rotation").await?;
    }
    Ok(())
}

async fn onto_another(s: &Subject<'_>) -> Outcome {
    let (a, b, none) = (s.id("a"), s.id("b"), s.id("none"));
    let version = s.put(&a, 1, Some(s.late())).await?;
    let other = s.put(&b, 2, None).await?;
    let mut expects = vec![Expect::Anything, Expect::Present];
    expects.extend(version.map(Expect::Version));
    for expected in expects {
        let case = format!("a living new id, {}", name(&expected));
        let written = s.rotate(&a, &b, numbered(3, None), expected).await?;
        answer(&case, "Exists", &written)?;
        s.there(&a, 1, &format!("{case}: the old id after it")).await?;
        s.there(&b, 2, &format!("{case}: the new id after it")).await?;
    }
    for expected in [Expect::Anything, Expect::Absent] {
        let case = format!("a living new id and no old one, {}", name(&expected));
        let written = s.rotate(&none, &b, numbered(3, None), expected).await?;
        answer(&case, "Exists", &written)?;
        s.there(&b, 2, &format!("{case}: the new id after it")).await?;
    }
    // The version was not changed either.
    if let Some(other) = other {
        let written = s.save(&b, numbered(4, None), Expect::Version(other)).await?;
        saved("a save of the new id, under its version", written)?;
    }
    Ok(())
}

async fn onto_itself(s: &Subject<'_>) -> Outcome {
    let a = s.id("a");
    let version = s.put(&a, 1, Some(s.late())).await?;
    let mut expects = vec![Expect::Anything, Expect::Absent, Expect::Present];
    expects.extend(version.map(Expect::Version));
    for expected in expects {
        let case = format!("onto its own id, {}", name(&expected));
        let written = s.rotate(&a, &a, numbered(3, None), expected).await?;
        answer(&case, "Exists", &written)?;
        s.there(&a, 1, &format!("{case}: the record after it")).await?;
    }
    Ok(())
}

async fn precondition_first(s: &Subject<'_>) -> Outcome {
    let (a, b, none) = (s.id("a"), s.id("b"), s.id("none"));
    let old = s.put(&a, 1, Some(s.late())).await?;
    s.put(&a, 2, Some(s.late())).await?;
    s.put(&b, 3, Some(s.late())).await?;
    let written = s.rotate(&none, &b, numbered(4, None), Expect::Present).await?;
    answer("Expect::Present, no old id, a living new id", "Gone", &written)?;
    if let Some(old) = old {
        let expected = Expect::Version(old);
        let written = s.rotate(&none, &b, numbered(4, None), expected.clone()).await?;
        answer("a version, no old id, a living new id", "Gone", &written)?;
        let written = s.rotate(&a, &b, numbered(4, None), expected).await?;
        answer("an older version, a living new id", "Changed", &written)?;
    }
    s.there(&a, 2, "the old id after the refused rotations").await?;
    s.there(&b, 3, "the new id after the refused rotations").await.map(drop)
}

pub(super) const fn name(expect: &Expect) -> &'static str {
    match expect {
        Expect::Absent => "Expect::Absent",
        Expect::Anything => "Expect::Anything",
        Expect::Present => "Expect::Present",
        Expect::Version(_) => "the version of the record",
    }
}
