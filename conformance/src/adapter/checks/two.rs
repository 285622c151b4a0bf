//! Two sessions in one application.

use crate::adapter::bench::Bench;
use crate::adapter::case::Case;
use crate::adapter::{Ability, Mounting, Reply};
use crate::suite::{Flaw, Outcome, ensure};

pub(in crate::adapter) const CHECKS: &[Case] = &[
    Case::new(
        "two/apart",
        "B-032, Second",
        "gives the handler each of two sessions by its marker, with its own data and id",
        |b| Box::pin(apart(b)),
    )
    .needs(Ability::TwoSessions),
    Case::new(
        "two/cookies",
        "B-032, B-134",
        "sends the cookies of two sessions in a line each",
        |b| Box::pin(cookies(b)),
    )
    .needs(Ability::TwoSessions),
    Case::new(
        "two/next",
        "B-032",
        "finds both sessions again, saves each, and sends no more than what has changed",
        |b| Box::pin(next(b)),
    )
    .needs(Ability::TwoSessions),
];

async fn apart(b: &Bench<'_>) -> Outcome {
    let site = b.site(Mounting::Two).await?;
    let visit = site.get("/").does(async |found| {
        found.main()?.insert("n", 1)?;
        found.second()?.insert("m", 1)?;
        let keys = (found.main()?.keys()?, found.second()?.keys()?);
        let apart = found.main()?.id()? != found.second()?.id()?;
        Ok(Reply::text(format!("{keys:?} {apart}")))
    });
    visit.send().await?.is("both sessions", 200, "([\"n\"], [\"m\"]) true")?;
    site.has_records("both sessions", 2)
}

/// The pairs of both cookies.
async fn both(site: &crate::adapter::site::Site) -> Result<(String, String), Flaw> {
    let visit = site.get("/").does(async |found| {
        found.main()?.insert("n", 1)?;
        found.second()?.insert("n", 10)?;
        Ok(Reply::text("ok").with("set-cookie", "a=1"))
    });
    let answer = visit.send().await?;
    answer.is("both sessions are new", 200, "ok")?;
    let lines = answer.lines("set-cookie");
    let case = "both sessions are new";
    let sound = lines.len() == 3 && lines[0] == "a=1";
    ensure(sound, case, "the handler's Set-Cookie line and two of ours", format!("{lines:?}"))?;
    Ok((answer.cookie(case, site.name())?, answer.cookie(case, "second")?))
}

async fn cookies(b: &Bench<'_>) -> Outcome {
    let site = b.site(Mounting::Two).await?;
    both(&site).await.map(drop)
}

async fn next(b: &Bench<'_>) -> Outcome {
    let site = b.site(Mounting::Two).await?;
    let (main, second) = both(&site).await?;
    let visit = site.get("/").cookie(format!("{main}; {second}")).does(async |found| {
        let add = |n: Option<u64>| n.unwrap_or_default() + 1;
        let (n, m) = (found.main()?.update("n", add)?, found.second()?.update("n", add)?);
        Ok(Reply::text(format!("{n} {m}")))
    });
    visit.send().await?.is("both sessions again", 200, "2 11")?;
    let visit = site.get("/").cookie(&second).cookie(&main).does(async |found| {
        let (n, m) = (found.main()?.get::<u64>("n")?, found.second()?.get::<u64>("n")?);
        found.second()?.renew().await?;
        Ok(Reply::text(format!("{n:?} {m:?}")))
    });
    let answer = visit.send().await?;
    answer.is("both sessions a third time", 200, "Some(2) Some(11)")?;
    answer.cookie("the second has a new id", "second")?;
    let lines = answer.lines("set-cookie");
    ensure(lines.len() == 1, "the second has a new id", "its cookie alone", format!("{lines:?}"))
}
