//! A visit and the next one.

use http::Method;
use hyper::body::Bytes;

use crate::adapter::Reply;
use crate::adapter::bench::{Bench, recommended};
use crate::adapter::case::Case;
use crate::adapter::visit::slow;
use crate::adapter::wire::Wire;
use crate::suite::{Outcome, ensure};

pub(in crate::adapter) const CHECKS: &[Case] = &[
    Case::new(
        "visit/handler",
        "App::handle",
        "calls the handler once for each request, and answers with its status, header lines and body",
        |b| Box::pin(handler(b)),
    ),
    Case::new(
        "visit/session",
        "B-063, Sessions::open",
        "gives the handler a session, a new one if the request presents none",
        |b| Box::pin(session(b)),
    ),
    Case::new(
        "visit/saved",
        "B-114, Sessions::close",
        "saves a session that the handler changed",
        |b| Box::pin(saved(b)),
    ),
    Case::new(
        "visit/cookie",
        "B-106, Outcome::apply",
        "sends the cookie of a new session, in a Set-Cookie line",
        |b| Box::pin(cookie(b)),
    ),
    Case::new(
        "visit/next",
        "B-071, cookie_lines",
        "gives the next request that presents the cookie the session with its data",
        |b| Box::pin(next(b)),
    ),
    Case::new(
        "visit/nobody",
        "B-114",
        "leaves no record of a visitor who sets nothing, and sends no cookie",
        |b| Box::pin(nobody(b)),
    ),
    Case::new(
        "visit/logout",
        "B-109, B-154, Outcome::apply",
        "deletes the record of a session that the handler destroyed, and clears its cookie",
        |b| Box::pin(logout(b)),
    ),
    Case::new(
        "visit/connection",
        "Sessions::open",
        "keeps the sessions of requests apart that come over one connection",
        |b| Box::pin(connection(b)),
    ),
    Case::new(
        "visit/at-once",
        "Sessions::open",
        "runs the handlers of two visitors at the same time, each with a session of its own",
        |b| Box::pin(at_once(b)),
    ),
];

async fn handler(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
        let reply = Reply::new(http::StatusCode::ACCEPTED, Bytes::from_static(b"a b\0c"))
            .with("x-one", "1")
            .with("x-two", "2")
            .with("x-one", "3");
        let case = format!("{method} /some/path?with=a&query");
        let visit = site.request(method, "/some/path?with=a&query").does(async |_| Ok(reply));
        let answer = visit.send().await?;
        answer.is(&case, 202, "a b\0c")?;
        let lines = (answer.lines("x-one"), answer.lines("x-two"));
        let sound = lines.0 == ["1", "3"] && lines.1 == ["2"];
        ensure(sound, &case, "x-one: 1, x-two: 2, x-one: 3", format!("{lines:?}"))?;
    }
    Ok(())
}

async fn session(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let visit = site.get("/").does(async |found| {
        Ok(Reply::text(match &found.main {
            None => "no session",
            Some(session) if session.is_new()? => "a new session",
            Some(_) => "an old session",
        }))
    });
    visit.send().await?.is("the first visit", 200, "a new session")
}

async fn saved(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    site.get("/").counting().send().await?.is("the first visit", 200, "1")?;
    site.holds("after a visit that sets n", "sid1", "n", 1)
}

async fn cookie(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let answer = site.get("/").counting().send().await?;
    answer.cookie("a visit that sets n", site.name()).map(drop)
}

async fn next(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, id) = site.visitor().await?;
    let answer = site.get("/").cookie(&cookie).counting().send().await?;
    answer.is("the second visit", 200, "2")?;
    site.holds("after the second visit", &id, "n", 2)?;
    site.has_records("after the second visit", 1)
}

async fn nobody(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let answer = site.get("/").reading().send().await?;
    answer.is("a visit that sets nothing", 200, "none")?;
    answer.no_cookie("a visit that sets nothing")?;
    let calls = site.shelf.calls();
    ensure(calls.is_empty(), "a visit that sets nothing", "no call", format!("{calls:?}"))
}

async fn logout(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, _) = site.visitor().await?;
    let visit = site.get("/").cookie(&cookie).does(async |found| {
        found.main()?.destroy().await?;
        Ok(Reply::text("bye"))
    });
    let answer = visit.send().await?;
    answer.is("a log-out", 200, "bye")?;
    site.has_records("after a log-out", 0)?;
    let pair = answer.cookie("a log-out", site.name())?;
    ensure(pair == format!("{}=", site.name()), "a log-out", "an empty cookie", pair)
}

async fn connection(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let mut wire = Wire::new(site.address);
    let cookie = site.get("/").counting().send_over(&mut wire).await?;
    let cookie = cookie.cookie("a visit", site.name())?;
    for (presents, body) in [(true, "2"), (false, "1"), (true, "3"), (false, "1")] {
        let mut visit = site.get("/").counting();
        if presents {
            visit = visit.cookie(&cookie);
        }
        let case = if presents { "one with a cookie" } else { "a visitor without a cookie" };
        let answer = visit.send_over(&mut wire).await?;
        answer.is(&format!("{case}, over the same connection"), 200, body)?;
    }
    Ok(())
}

async fn at_once(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (first, first_gate) = slow(&site, "", "a").await?;
    let (second, second_gate) = slow(&site, "", "b").await?;
    second_gate.open();
    let second = second.answer().await?;
    second.is("the second visitor", 200, "b")?;
    first_gate.open();
    let first = first.answer().await?;
    first.is("the first visitor", 200, "a")?;
    let pairs =
        (first.cookie("the first", site.name())?, second.cookie("the second", site.name())?);
    ensure(pairs.0 != pairs.1, "two visitors", "two cookies", "the same twice")?;
    site.has_records("two visitors", 2)
}
