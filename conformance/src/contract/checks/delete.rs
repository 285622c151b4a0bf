//! Deleting.

use crate::contract::case::Case;
use crate::contract::subject::Subject;
use crate::suite::Outcome;

pub(in crate::contract) const CHECKS: &[Case] = &[
    Case::new("delete/gone", "B-203, store::Delete", "removes the record", |s| Box::pin(gone(s))),
    Case::new(
        "delete/absent",
        "B-203, store::Delete",
        "answers success to a delete of what is absent",
        |s| Box::pin(absent(s)),
    ),
    Case::new("delete/others", "store::Delete", "removes no record of another id", |s| {
        Box::pin(others(s))
    }),
];

async fn gone(s: &Subject<'_>) -> Outcome {
    let other = s.another().await;
    for n in 0..4 {
        let id = s.id(&n.to_string());
        s.put(&id, n, [None, Some(s.late())][usize::from(n % 2 == 0)]).await?;
        s.delete(&id).await?;
        s.nothing(&id, "after a delete").await?;
        other.nothing(&id, "after a delete, from another handle").await?;
        s.put(&id, n + 100, Some(s.late())).await?;
        s.there(&id, n + 100, "made again after a delete").await?;
        other.delete(&id).await?;
        s.nothing(&id, "after a second delete, from another handle").await?;
    }
    Ok(())
}

async fn absent(s: &Subject<'_>) -> Outcome {
    let id = s.id("a");
    s.delete(&id).await.map_err(|flaw| flaw.of("an id that was never saved"))?;
    s.put(&id, 1, Some(s.late())).await?;
    s.delete(&id).await?;
    s.delete(&id).await.map_err(|flaw| flaw.of("an id that was deleted"))?;
    s.nothing(&id, "after two deletes").await
}

async fn others(s: &Subject<'_>) -> Outcome {
    let texts = ["a", "ab", "a:b", "a*", "a?", "[ab]", "a%", "a_", "b"];
    for deleted in texts {
        for (n, text) in (0..).zip(texts) {
            s.put(&s.id(text), n, Some(s.late())).await?;
        }
        s.delete(&s.id(deleted)).await?;
        for (n, text) in (0..).zip(texts) {
            let case = format!("{text:?}, after a delete of {deleted:?}");
            if text == deleted {
                s.nothing(&s.id(text), &case).await?;
            } else {
                s.there(&s.id(text), n, &case).await?;
            }
        }
    }
    Ok(())
}
