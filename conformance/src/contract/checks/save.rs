//! Saving.

use http_session::store::Expect;

use crate::contract::case::Case;
use crate::contract::client::saved;
use crate::contract::subject::Subject;
use crate::sample::{members, numbered};
use crate::suite::{Outcome, ensure};

pub(in crate::contract) const CHECKS: &[Case] = &[
    Case::new(
        "save/first",
        "B-084, B-199, store::Save",
        "gives back the record that was saved, from each handle on the store",
        |s| Box::pin(first(s)),
    ),
    Case::new(
        "save/again",
        "B-203, store::Expect::Anything",
        "lets the last save without a precondition win",
        |s| Box::pin(again(s)),
    ),
];

async fn first(s: &Subject<'_>) -> Outcome {
    let id = s.id("a");
    let record = numbered(1, Some(s.late()));
    let text = record.to_json();
    saved("a first save", s.save(&id, record, Expect::Anything).await?)?;
    for (client, case) in [(s.another().await, "from another handle"), ((**s).clone(), "a load")] {
        let stored = client.there(&id, 1, case).await?;
        let found = String::from_utf8_lossy(&stored.record);
        if s.kind.rewrites_json {
            let sent = serde_json::from_str(&text);
            let equal = sent.is_ok_and(|sent| members(&stored).is_ok_and(|found| found == sent));
            ensure(equal, case, &format!("a value equal to {text}"), found)?;
        } else {
            ensure(found == text, case, &text, found)?;
        }
        ensure(!stored.refreshed, case, "not refreshed: nothing asked for it", "refreshed")?;
    }
    Ok(())
}

async fn again(s: &Subject<'_>) -> Outcome {
    let (a, b, other) = (s.id("a"), s.id("b"), s.another().await);
    s.put(&b, 100, Some(s.late())).await?;
    for n in 1..=3 {
        let end = [None, Some(s.late())][usize::from(n % 2 == 1)];
        s.put(&a, n, end).await?;
        s.there(&a, n, "after a save").await?;
        other.there(&a, n, "after a save, from another handle").await?;
    }
    s.there(&b, 100, "another id than the one that was saved").await.map(drop)
}
