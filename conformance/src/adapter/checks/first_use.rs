//! Sessions that are loaded on first use.

use http_session::ConfigBuilder;

use crate::adapter::bench::{Bench, Setting, express, recommended};
use crate::adapter::case::Case;
use crate::adapter::checks::load;
use crate::adapter::shelf::Op;
use crate::adapter::{Ability, Routes};
use crate::suite::{Outcome, ensure};

pub(in crate::adapter) const CHECKS: &[Case] = &[
    Case::new(
        "first-use/loads",
        "ConfigBuilder::load_on_first_use, Session::load",
        "loads the session for a handler that asks for it, and saves what it changed",
        |b| Box::pin(loads(b)),
    ),
    Case::new(
        "first-use/fails",
        "B-067, Session::load",
        "answers with a 500 if the session that a handler asks for can't be loaded: the handler does not run",
        |b| Box::pin(fails(b)),
    ),
    Case::new(
        "first-use/unused",
        "ConfigBuilder::load_on_first_use, Outcome::unused",
        "asks the store nothing for a request that nobody asks the session of, and sends neither cookie nor Vary",
        |b| Box::pin(unused(b)),
    )
    .needs(Ability::Routes),
];

fn each() -> [ConfigBuilder; 2] {
    [recommended(), express()].map(|config| config.load_on_first_use(true))
}

async fn loads(b: &Bench<'_>) -> Outcome {
    for config in each() {
        let site = b.site(config).await?;
        let (cookie, id) = site.visitor().await?;
        let case = "a handler that asks for its session, which is loaded on first use";
        site.get("/").cookie(&cookie).counting().send().await?.is(case, 200, "2")?;
        let calls = site.shelf.calls();
        ensure(calls == [Op::Load, Op::Save], case, "a load and a save", format!("{calls:?}"))?;
        site.holds(case, &id, "n", 2)?;
    }
    Ok(())
}

async fn fails(b: &Bench<'_>) -> Outcome {
    load::refused(b, each(), "a load on first use that fails").await
}

async fn unused(b: &Bench<'_>) -> Outcome {
    for config in each() {
        let site = b.site(Setting { routes: Routes::One, ..Setting::from(config) }).await?;
        let (cookie, _) = site.visitor_at("/handler").await?;
        let answer = site.get("/nowhere").cookie(&cookie).send().await?;
        let case = "a path without a route, under load_on_first_use";
        answer.has_status(case, 404)?;
        answer.no_cookie(case)?;
        let calls = site.shelf.calls();
        ensure(calls.is_empty(), case, "nothing asked of the store", format!("{calls:?}"))?;
        let vary = answer.items("vary");
        let varies = vary.iter().any(|item| item.eq_ignore_ascii_case("cookie"));
        ensure(!varies, case, "no Vary: Cookie", format!("{vary:?}"))?;
    }
    Ok(())
}
