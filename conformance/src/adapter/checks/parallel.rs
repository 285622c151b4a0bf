//! Requests at the same time.

use futures_util::future::join_all;

use crate::adapter::Reply;
use crate::adapter::bench::{Bench, recommended};
use crate::adapter::case::Case;
use crate::adapter::visit::slow;
use crate::suite::Outcome;

pub(in crate::adapter) const CHECKS: &[Case] = &[
    Case::new(
        "parallel/merge",
        "Conflict::Merge",
        "keeps what two requests of one session change at the same time",
        |b| Box::pin(merge(b)),
    ),
    Case::new(
        "parallel/ended",
        "B-130, Error::Gone",
        "does not bring back a session that was ended while a slow request used it: a 409",
        |b| Box::pin(ended(b)),
    ),
    Case::new(
        "parallel/increments",
        "Conflict::Merge, Session::update",
        "loses none of 32 increments of one session by 8 requests at a time",
        |b| Box::pin(increments(b)),
    ),
];

async fn merge(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, id) = site.visitor().await?;
    let (flight, gate) = slow(&site, &cookie, "slow").await?;
    site.get("/").cookie(&cookie).counting().send().await?.is("the faster one", 200, "2")?;
    gate.open();
    flight.answer().await?.is("the slower one", 200, "n slow")?;
    site.holds("after both", &id, "n", 2)?;
    site.holds("after both", &id, "slow", 1)
}

async fn ended(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, _) = site.visitor().await?;
    let (flight, gate) = slow(&site, &cookie, "slow").await?;
    let visit = site.get("/").cookie(&cookie).does(async |found| {
        found.main()?.destroy().await?;
        Ok(Reply::text("bye"))
    });
    visit.send().await?.is("a log-out", 200, "bye")?;
    gate.open();
    let answer = flight.answer().await?;
    answer.has_status("a slow request that writes after the log-out", 409)?;
    answer.no_cookie("a slow request that writes after the log-out")?;
    site.has_records("after the log-out", 0)
}

async fn increments(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, id) = site.visitor().await?;
    for _ in 0..4 {
        // Each closes its connection when it has its answer, and not when those before it have theirs.
        for answer in
            join_all((0..8).map(|_| site.get("/").cookie(&cookie).counting().send())).await
        {
            answer?.has_status("one of 8 requests", 200)?;
        }
    }
    site.holds("after 32 more", &id, "n", 33)
}
