//! What goes onto the response beside what the handler put there.

use crate::adapter::bench::{Bench, express, recommended};
use crate::adapter::case::Case;
use crate::adapter::{Ability, Reply};
use crate::suite::{Outcome, ensure};

pub(in crate::adapter) const CHECKS: &[Case] = &[
    Case::new(
        "headers/own-cookies",
        "B-134, RFC 6265 section 3",
        "keeps the handler's Set-Cookie lines as they are and in their order, each a line, ours last",
        |b| Box::pin(own_cookies(b)),
    ),
    Case::new(
        "headers/same-name",
        "B-134, B-135",
        "keeps a cookie of our name that the handler sets, and adds ours once behind it",
        |b| Box::pin(same_name(b)),
    ),
    Case::new(
        "headers/bytes",
        "B-134",
        "keeps bytes of the handler's header lines that are not UTF-8",
        |b| Box::pin(bytes(b)),
    )
    .needs(Ability::Bytes),
    Case::new(
        "headers/vary",
        "RFC 9110 section 12.5.5, Outcome::apply",
        "says Vary: Cookie where the response depends on the session, beside what the handler says",
        |b| Box::pin(vary(b)),
    ),
    Case::new(
        "headers/no-vary",
        "RFC 9110 section 12.5.5, Outcome::apply",
        "does not look at a session that the handler leaves alone: the response says no Vary",
        |b| Box::pin(no_vary(b)),
    ),
    Case::new(
        "headers/cache",
        "RFC 9111 section 5.2.2.7, Outcome::apply",
        "keeps a response with our cookie out of shared caches, whatever the handler says",
        |b| Box::pin(cache(b)),
    ),
    Case::new(
        "headers/express",
        "Config::express",
        "says nothing to caches under express-session's preset",
        |b| Box::pin(quiet(b)),
    ),
];

const OWN: [&str; 4] =
    ["a=1; Path=/; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=\"x, y\"", "c=; Max-Age=0", "a=2"];

async fn own_cookies(b: &Bench<'_>) -> Outcome {
    let reply = || OWN.iter().fold(Reply::text("ok"), |reply, line| reply.with("set-cookie", line));
    for (case, config) in [("recommended", recommended()), ("express", express())] {
        let site = b.site(config).await?;
        let answer = site.get("/").answering(reply()).send().await?;
        answer.cookies(&format!("{case}, a new session"), &OWN, site.name())?;
        let (cookie, _) = site.visitor().await?;
        let answer = site.get("/").cookie(cookie).does(async move |_| Ok(reply())).send().await?;
        let lines = answer.lines("set-cookie");
        let case = format!("{case}, a session that is not changed");
        ensure(lines == OWN, &case, &format!("the lines {OWN:?}"), format!("{lines:?}"))?;
    }
    Ok(())
}

async fn same_name(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let line = format!("{}=the-handlers; Path=/x", site.name());
    let reply = Reply::text("ok").with("set-cookie", &line);
    let answer = site.get("/").answering(reply).send().await?;
    answer.cookies("a handler that sets a cookie of our name", &[&line], site.name())
}

async fn bytes(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let reply = Reply::text("ok").with("x-name", "caf\u{E9}").with("set-cookie", "a=\u{FF}");
    let answer = site.get("/").answering(reply).send().await?;
    let lines = answer.lines("x-name");
    ensure(lines == ["caf\u{E9}"], "a header in Latin-1", "its bytes", format!("{lines:?}"))?;
    answer.cookies("a cookie of odd bytes", &["a=\u{FF}"], site.name())
}

async fn vary(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, _) = site.visitor().await?;
    let answer = site.get("/").cookie(&cookie).reading().send().await?;
    let items = answer.items("vary");
    ensure(items == ["cookie"], "a handler that reads", "Vary: Cookie", format!("{items:?}"))?;
    let reply = Reply::text("ok").with("vary", "Accept").with("vary", "Origin");
    let answer = site.get("/").answering(reply).send().await?;
    let items = answer.items("vary");
    let sound = items == ["accept", "origin", "cookie"];
    let case = "a handler with Vary lines of its own";
    ensure(sound, case, "Vary: Accept, Origin, Cookie", format!("{items:?}"))
}

async fn no_vary(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, _) = site.visitor().await?;
    for (case, visit) in [("no cookie", site.get("/")), ("a session", site.get("/").cookie(cookie))]
    {
        let answer = visit.send().await?;
        let found = (answer.items("vary"), answer.items("cache-control"));
        let sound = found.0.is_empty() && found.1.is_empty();
        let case = format!("{case}, and a handler that does not ask for it");
        ensure(sound, &case, "neither Vary nor Cache-Control", format!("{found:?}"))?;
    }
    Ok(())
}

async fn cache(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let answer = site.get("/").counting().send().await?;
    let items = answer.items("cache-control");
    ensure(items == ["private"], "a new session", "Cache-Control: private", format!("{items:?}"))?;
    let reply = Reply::text("ok").with("cache-control", "public, max-age=60");
    let answer = site.get("/").answering(reply).send().await?;
    let items = answer.items("cache-control");
    let (case, expected) = ("public, max-age=60", "Cache-Control: max-age=60, private");
    ensure(items == ["max-age=60", "private"], case, expected, format!("{items:?}"))
}

async fn quiet(b: &Bench<'_>) -> Outcome {
    let site = b.site(express()).await?;
    let reply = Reply::text("ok").with("cache-control", "public");
    let answer = site.get("/").answering(reply).send().await?;
    let found = (answer.items("vary"), answer.items("cache-control"));
    let sound = found.0.is_empty() && found.1 == ["public"];
    ensure(sound, "a new session", "what the handler said alone", format!("{found:?}"))
}
