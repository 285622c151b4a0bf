//! Nothing goes out before the store has answered.

use http_session::Unset;

use crate::adapter::Reply;
use crate::adapter::bench::{Bench, express, recommended};
use crate::adapter::case::Case;
use crate::adapter::shelf::{Gate, Op, settle};
use crate::adapter::visit::Visit;
use crate::suite::Outcome;

pub(in crate::adapter) const CHECKS: &[Case] = &[
    Case::new(
        "order/save",
        "B-163, B-166, B-171, Sessions::close",
        "sends nothing of the response before the store has answered the save",
        |b| Box::pin(save(b)),
    ),
    Case::new(
        "order/touch",
        "B-133, Sessions::close",
        "sends nothing of the response before the store has answered the touch",
        |b| Box::pin(touch(b)),
    ),
    Case::new(
        "order/delete",
        "B-163, Sessions::close",
        "sends nothing of the response before the store has answered the delete",
        |b| Box::pin(delete(b)),
    ),
];

async fn save(b: &Bench<'_>) -> Outcome {
    for config in [recommended(), express()] {
        let site = b.site(config).await?;
        held(site.shelf.hold(Op::Save), site.get("/").counting(), "1").await?;
        let (cookie, id) = site.visitor().await?;
        held(site.shelf.hold(Op::Save), site.get("/").cookie(cookie).counting(), "2").await?;
        site.holds("after the save", &id, "n", 2)?;
    }
    Ok(())
}

async fn touch(b: &Bench<'_>) -> Outcome {
    let site = b.site(express()).await?;
    let (cookie, _) = site.visitor().await?;
    held(site.shelf.hold(Op::Touch), site.get("/").cookie(cookie).reading(), "1").await
}

async fn delete(b: &Bench<'_>) -> Outcome {
    let site = b.site(express().unset(Unset::Destroy)).await?;
    let (cookie, _) = site.visitor().await?;
    let visit = site.get("/").cookie(cookie).does(async |found| {
        found.main()?.unset()?;
        Ok(Reply::text("ok"))
    });
    held(site.shelf.hold(Op::Delete), visit, "ok").await?;
    site.has_records("after the delete", 0)
}

async fn held(gate: Gate, visit: Visit<'_>, body: &str) -> Outcome {
    let flight = visit.begin();
    gate.reached("the call of the store").await?;
    settle().await;
    flight.has_nothing("the store has not answered yet")?;
    gate.open();
    flight.answer().await?.is("the store has answered", 200, body)
}
