//! On which paths there is a session.

use std::collections::BTreeMap;
use std::sync::Arc;

use http_session::CookieOptions;

use crate::adapter::bench::{Bench, Setting, recommended};
use crate::adapter::case::Case;
use crate::adapter::{Ability, Mounting, Reply};
use crate::suite::{Outcome, ensure};

pub(in crate::adapter) const CHECKS: &[Case] = &[
    Case::new(
        "paths/outside",
        "B-037, RequestFacts::path",
        "gives the handler no session outside of the cookie's path, and asks the store nothing there",
        |b| Box::pin(outside(b)),
    ),
    Case::new(
        "paths/query",
        "B-038, RequestFacts::path",
        "compares the path alone with the cookie's path, without the query",
        |b| Box::pin(query(b)),
    ),
    Case::new(
        "paths/encoded",
        "B-038, RequestFacts::path",
        "compares the path as it was sent, percent-encoded",
        |b| Box::pin(encoded(b)),
    ),
    Case::new(
        "paths/nested",
        "B-037, RequestFacts::path",
        "compares the request's own path, whatever prefix a router takes off it",
        |b| Box::pin(nested(b)),
    ),
    Case::new(
        "paths/options",
        "B-017, B-031, RequestFacts::template",
        "takes cookie options by request, where there are such",
        |b| Box::pin(options(b)),
    )
    .needs(Ability::CookieOptions),
];

/// Is there a session at these targets?
async fn sessions(b: &Bench<'_>, setting: Setting, targets: &[(&str, bool)]) -> Outcome {
    let site = b.site(setting).await?;
    for (target, there) in targets {
        let visit = site.get(target).does(async |found| {
            Ok(Reply::text(if found.main.is_some() { "a session" } else { "none" }))
        });
        let answer = visit.send().await?;
        answer.is(target, 200, if *there { "a session" } else { "none" })?;
    }
    Ok(())
}

fn at(path: &str) -> Setting {
    recommended().name("id").cookie(CookieOptions::new().path(path)).into()
}

async fn outside(b: &Bench<'_>) -> Outcome {
    let targets = [
        ("/app", true),
        ("/app/", true),
        ("/app/more", true),
        ("/", false),
        ("/apple", false),
        ("/other/app", false),
        ("/?/app", false),
    ];
    sessions(b, at("/app"), &targets).await?;
    let site = b.site(at("/app")).await?;
    let (cookie, _) = site.visitor_at("/app").await?;
    let answer = site.get("/").cookie(cookie).send().await?;
    answer.no_cookie("a path outside")?;
    let calls = site.shelf.calls();
    ensure(calls.is_empty(), "a path outside", "no call", format!("{calls:?}"))
}

async fn query(b: &Bench<'_>) -> Outcome {
    sessions(b, at("/app"), &[("/app?x=1", true), ("/app?", true)]).await
}

async fn encoded(b: &Bench<'_>) -> Outcome {
    let targets = [("/a%20b/c", true), ("/a%20b", true), ("/%61%20b", false)];
    sessions(b, at("/a%20b"), &targets).await
}

async fn nested(b: &Bench<'_>) -> Outcome {
    let nested = |path| Setting { mounting: Mounting::Nested, ..at(path) };
    let targets = [("/nested/app", true), ("/nested/app/more", true), ("/nested/other", false)];
    sessions(b, nested("/nested/app"), &targets).await?;
    sessions(b, nested("/app"), &[("/nested/app", false)]).await?;
    sessions(b, nested("/nested"), &[("/nested/app", true)]).await
}

async fn options(b: &Bench<'_>) -> Outcome {
    let mut setting = Setting::from(recommended().name("id"));
    let config = recommended().name("id").build().expect("the suite's options");
    let template = |path: &str| config.template(CookieOptions::new().path(path)).expect("a path");
    let templates = BTreeMap::from([("/one/x?y", template("/one")), ("/two", template("/two"))]);
    let other = template("/other");
    setting.cookie_options =
        Some(Arc::new(move |url: &str| templates.get(url).unwrap_or(&other).clone()));
    let site = b.site(setting).await?;
    for (target, path) in [("/one/x?y", "/one"), ("/two", "/two"), ("/other/x", "/other")] {
        let answer = site.get(target).counting().send().await?;
        let lines = answer.lines("set-cookie");
        let attribute = format!("; Path={path};");
        let sound = lines.len() == 1 && format!("{};", lines[0]).contains(&attribute);
        ensure(sound, target, &format!("a cookie with Path={path}"), format!("{lines:?}"))?;
    }
    let answer = site.get("/elsewhere").does(async |found| {
        Ok(Reply::text(if found.main.is_some() { "a session" } else { "none" }))
    });
    answer.send().await?.is("outside of the path that the options give", 200, "none")
}
