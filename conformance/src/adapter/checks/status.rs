//! Every kind of response has its session.

use http::{Method, StatusCode};

use crate::adapter::bench::{Bench, Setting, express, recommended};
use crate::adapter::case::Case;
use crate::adapter::{Ability, Reply, Routes};
use crate::suite::{Outcome, ensure};

pub(in crate::adapter) const CHECKS: &[Case] = &[
    Case::new(
        "status/errors",
        "B-114",
        "saves the session of a handler that answers with an error status, and sends its cookie",
        |b| Box::pin(errors(b)),
    ),
    Case::new(
        "status/redirect",
        "B-171",
        "saves the session of a redirect, and sends its cookie with it",
        |b| Box::pin(redirect(b)),
    ),
    Case::new(
        "status/fails",
        "B-114, Reply::fails",
        "saves the session of a handler that fails as the framework's do, and sends its cookie",
        |b| Box::pin(fails(b)),
    ),
    Case::new(
        "status/unmatched",
        "B-114, Routes::One",
        "gives what no route matches its session: the framework's 404 has the cookie",
        |b| Box::pin(unmatched(b)),
    )
    .needs(Ability::Routes),
    Case::new(
        "status/method",
        "B-114, Routes::One",
        "gives a method that the route does not know its session: the 405 or 404 has the cookie",
        |b| Box::pin(method(b)),
    )
    .needs(Ability::Routes),
    Case::new(
        "status/head",
        "B-114, RFC 9110 section 9.3.2",
        "sends the cookie in the answer to HEAD, which has no body",
        |b| Box::pin(head(b)),
    ),
    Case::new(
        "status/empty",
        "B-114, RFC 9110 section 6.4.1",
        "sends the cookie with a 204, with a 304 and with an empty body",
        |b| Box::pin(empty(b)),
    ),
];

async fn statuses(b: &Bench<'_>, statuses: &[u16], body: &str) -> Outcome {
    let site = b.site(recommended()).await?;
    for (index, status) in statuses.iter().enumerate() {
        let case = format!("a handler that answers {status}");
        let code = StatusCode::from_u16(*status).expect("a status");
        let reply = Reply::new(code, body.to_owned()).with("location", "/next");
        let answer = site.get("/").answering(reply).send().await?;
        answer.is(&case, *status, body)?;
        let lines = answer.lines("location");
        ensure(lines == ["/next"], &case, "its Location", format!("{lines:?}"))?;
        answer.cookie(&case, site.name())?;
        site.has_records(&case, index + 1)?;
    }
    Ok(())
}

async fn errors(b: &Bench<'_>) -> Outcome {
    statuses(b, &[400, 401, 404, 418, 500, 503], "it went wrong").await
}

async fn redirect(b: &Bench<'_>) -> Outcome {
    statuses(b, &[301, 302, 303, 307], "").await
}

async fn fails(b: &Bench<'_>) -> Outcome {
    for (status, changes) in [(404, true), (422, true), (500, true), (404, false)] {
        let site = b.site(recommended().rolling(true)).await?;
        let (cookie, id) = site.visitor().await?;
        let case = format!("a handler that fails with {status}");
        let code = StatusCode::from_u16(status).expect("a status");
        let visit = site.get("/").cookie(cookie).does(async move |found| {
            if changes {
                found.main()?.insert("n", 2)?;
            }
            let mut reply = Reply::new(code, "");
            reply.fails = true;
            Ok(reply)
        });
        let answer = visit.send().await?;
        answer.has_status(&case, status)?;
        answer.cookie(&case, site.name())?;
        site.holds(&case, &id, "n", if changes { 2 } else { 1 })?;
    }
    Ok(())
}

async fn unmatched(b: &Bench<'_>) -> Outcome {
    let setting = Setting { routes: Routes::One, ..Setting::from(express()) };
    let site = b.site(setting).await?;
    site.get("/handler").counting().send().await?.is("the route", 200, "1")?;
    let answer = site.get("/nowhere").send().await?;
    answer.has_status("a path without a route", 404)?;
    answer.cookie("a path without a route", site.name())?;
    site.has_records("a path without a route", 2)
}

async fn method(b: &Bench<'_>) -> Outcome {
    let setting = Setting { routes: Routes::One, ..Setting::from(express()) };
    let site = b.site(setting).await?;
    let answer = site.request(Method::POST, "/handler").send().await?;
    let status = answer.status.as_u16();
    let (case, right) = ("POST where there is GET", status == 405 || status == 404);
    ensure(right, case, "the status 405 or 404", status.to_string())?;
    answer.cookie(case, site.name())?;
    site.has_records(case, 1)
}

async fn head(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let answer = site.request(Method::HEAD, "/").counting().send().await?;
    answer.is("HEAD", 200, "")?;
    answer.cookie("HEAD", site.name())?;
    site.has_records("HEAD", 1)
}

async fn empty(b: &Bench<'_>) -> Outcome {
    statuses(b, &[204, 304, 200], "").await
}
