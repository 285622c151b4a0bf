//! Handlers that panic.

use std::panic::resume_unwind;

use http_session_store::Error;
use tokio::sync::oneshot;

use crate::adapter::bench::{Bench, recommended};
use crate::adapter::case::Case;
use crate::adapter::shelf::{settle, soon, until};
use crate::adapter::site::Site;
use crate::adapter::visit::{Visit, sound};
use crate::suite::{Outcome, ensure};

pub(in crate::adapter) const CHECKS: &[Case] = &[
    Case::new(
        "panic/nothing-saved",
        "Sessions::abandon",
        "saves nothing and sends no cookie if the handler panics: a 5xx, or a connection that is closed",
        |b| Box::pin(nothing_saved(b)),
    ),
    Case::new(
        "panic/next",
        "Sessions::abandon",
        "serves the next request after a handler panicked",
        |b| Box::pin(next(b)),
    ),
    Case::new(
        "panic/handle",
        "Sessions::abandon, Error::Ended",
        "closes the handle of a handler that panicked",
        |b| Box::pin(handle(b)),
    ),
];

/// The handler changes the session, and panics.
fn panicking(visit: Visit<'_>) -> Visit<'_> {
    visit.does(async |found| {
        found.main()?.insert("n", 7)?;
        // Without a message on the terminal.
        resume_unwind(Box::new("the check wants this panic"))
    })
}

async fn panics(site: &Site, case: &str, visit: Visit<'_>) -> Outcome {
    if let Ok(answer) = panicking(visit).begin().ends().await? {
        let status = answer.status.as_u16();
        ensure(status >= 500, case, "a 5xx or no response", status.to_string())?;
        answer.no_cookie(case)?;
    }
    settle().await;
    sound(site)
}

async fn nothing_saved(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, id) = site.visitor().await?;
    panics(&site, "a panic in an old session", site.get("/").cookie(cookie)).await?;
    site.holds("after the panic", &id, "n", 1)?;
    let site = b.site(recommended()).await?;
    panics(&site, "a panic in a new session", site.get("/")).await?;
    site.has_records("after the panic", 0)
}

async fn next(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, _) = site.visitor().await?;
    for visit in 2..5 {
        panics(&site, "a panic", site.get("/").cookie(&cookie)).await?;
        let answer = site.get("/").cookie(&cookie).counting().send().await?;
        answer.is("the request after a panic", 200, &visit.to_string())?;
    }
    Ok(())
}

async fn handle(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (sender, receiver) = oneshot::channel();
    let visit = site.get("/").does(async |found| {
        let session = found.main()?;
        session.insert("n", 7)?;
        drop(sender.send(session.clone()));
        resume_unwind(Box::new("the check wants this panic"))
    });
    drop(visit.begin().ends().await?);
    let session = soon("the handle", receiver).await?.expect("the handler was called");
    until("the handle is closed", || matches!(session.insert("n", 8), Err(Error::Ended))).await?;
    site.has_records("after the panic", 0)
}
