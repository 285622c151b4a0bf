//! Saving under a precondition.

use http_session::store::Expect;

use crate::contract::case::Case;
use crate::contract::client::{answer, saved};
use crate::contract::subject::Subject;
use crate::sample::numbered;
use crate::suite::Outcome;

pub(in crate::contract) const CHECKS: &[Case] = &[
    Case::new(
        "expect/absent",
        "store::Expect::Absent",
        "writes under Expect::Absent if there is no record, and else answers Exists and leaves it",
        |s| Box::pin(absent(s)),
    ),
    Case::new(
        "expect/present",
        "store::Expect::Present",
        "writes under Expect::Present if there is a record, and else answers Gone and writes none",
        |s| Box::pin(present(s)),
    ),
];

async fn absent(s: &Subject<'_>) -> Outcome {
    let id = s.id("a");
    let record = |n| numbered(n, Some(s.late()));
    let written = s.save(&id, record(1), Expect::Absent).await?;
    saved("Expect::Absent, no record", written)?;
    s.there(&id, 1, "after that save").await?;
    let written = s.save(&id, record(2), Expect::Absent).await?;
    answer("Expect::Absent, a living record", "Exists", &written)?;
    s.there(&id, 1, "after the refused save").await?;
    s.delete(&id).await?;
    let written = s.save(&id, record(3), Expect::Absent).await?;
    saved("Expect::Absent, a deleted record", written)?;
    s.there(&id, 3, "after that save").await.map(drop)
}

async fn present(s: &Subject<'_>) -> Outcome {
    let id = s.id("a");
    let record = |n| numbered(n, Some(s.late()));
    let written = s.save(&id, record(1), Expect::Present).await?;
    answer("Expect::Present, no record", "Gone", &written)?;
    s.nothing(&id, "after the refused save").await?;
    s.put(&id, 2, None).await?;
    let written = s.save(&id, record(3), Expect::Present).await?;
    saved("Expect::Present, a living record", written)?;
    s.there(&id, 3, "after that save").await?;
    s.delete(&id).await?;
    let written = s.save(&id, record(4), Expect::Present).await?;
    answer("Expect::Present, a deleted record", "Gone", &written)?;
    s.nothing(&id, "after the refused save").await
}
