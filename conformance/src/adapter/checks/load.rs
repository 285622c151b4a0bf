//! Loads that fail.

use http_session::{ConfigBuilder, Unset};

use crate::adapter::bench::{Bench, express, recommended};
use crate::adapter::case::Case;
use crate::adapter::shelf::Op;
use crate::suite::{Outcome, ensure};

pub(in crate::adapter) const CHECKS: &[Case] = &[
    Case::new(
        "load/fails",
        "B-067, D-load-failure, Sessions::open",
        "answers a failed load with a 500: the handler does not run, no cookie is sent, nothing is written",
        |b| Box::pin(fails(b)),
    ),
    Case::new(
        "load/unreadable",
        "B-069, D-load-failure, Error::Record",
        "answers a record that can't be read with a 500, and leaves it",
        |b| Box::pin(unreadable(b)),
    ),
    Case::new(
        "load/no-id",
        "B-082, Error::Id",
        "answers with a 500 if no id can be made for a new session",
        |b| Box::pin(no_id(b)),
    ),
    Case::new(
        "load/hangs",
        "Sessions::open",
        "goes on with other requests while the store lets one wait",
        |b| Box::pin(hangs(b)),
    ),
];

async fn fails(b: &Bench<'_>) -> Outcome {
    refused(b, [recommended(), express().unset(Unset::Destroy)], "a load that fails").await
}

/// A load that fails is a failed request, under each of these options.
pub(super) async fn refused(b: &Bench<'_>, configs: [ConfigBuilder; 2], case: &str) -> Outcome {
    for config in configs {
        let site = b.site(config).await?;
        let (cookie, id) = site.visitor().await?;
        site.shelf.fail(Op::Load);
        let flight = site.get("/").cookie(&cookie).counting().begin();
        let step = flight.step.clone();
        let answer = flight.answer().await?;
        ensure(!site.app.handled(&step), case, "no call of the handler", "one")?;
        answer.has_status(case, 500)?;
        answer.no_cookie(case)?;
        let calls = site.shelf.calls();
        ensure(calls == [Op::Load], case, "the load alone", format!("{calls:?}"))?;
        site.holds(case, &id, "n", 1)?;
        site.shelf.fail(None);
        let answer = site.get("/").cookie(cookie).counting().send().await?;
        answer.is("the store works again", 200, "2")?;
    }
    Ok(())
}

async fn unreadable(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, id) = site.visitor().await?;
    site.shelf.spoil();
    let flight = site.get("/").cookie(cookie).counting().begin();
    let step = flight.step.clone();
    let answer = flight.answer().await?;
    let case = "a record that can't be read";
    ensure(!site.app.handled(&step), case, "no call of the handler", "one")?;
    answer.has_status(case, 500)?;
    answer.no_cookie(case)?;
    let calls = site.shelf.calls();
    ensure(calls == [Op::Load], case, "the load alone", format!("{calls:?}"))?;
    site.holds(case, &id, "n", 1)
}

async fn no_id(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    site.env.fail();
    let flight = site.get("/").counting().begin();
    let step = flight.step.clone();
    let answer = flight.answer().await?;
    ensure(!site.app.handled(&step), "no id", "no call of the handler", "one")?;
    answer.has_status("no id", 500)?;
    answer.no_cookie("no id")
}

async fn hangs(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, _) = site.visitor().await?;
    let (other, _) = site.visitor().await?;
    let gate = site.shelf.hold(Op::Load);
    let flight = site.get("/").cookie(&cookie).counting().begin();
    gate.reached("the load").await?;
    let case = "while another request's load hangs";
    site.get("/").reading().send().await?.is(case, 200, "none")?;
    site.get("/").cookie(other).counting().send().await?.is(case, 200, "2")?;
    flight.has_nothing("the load hangs")?;
    gate.open();
    flight.answer().await?.is("the load has come", 200, "2")
}
