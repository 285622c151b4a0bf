//! Clients that go away.

use http_session_store::{Error, Session};
use tokio::sync::oneshot;

use crate::adapter::bench::{Bench, recommended};
use crate::adapter::case::Case;
use crate::adapter::shelf::{Gate, Op, notice, settle, soon, until};
use crate::adapter::site::Site;
use crate::adapter::visit::Flight;
use crate::adapter::{Ability, Reply};
use crate::suite::{Flaw, Outcome, ensure};

pub(in crate::adapter) const CHECKS: &[Case] = &[
    Case::new(
        "disconnect/saving",
        "Sessions::close, to_the_end",
        "completes the save at the end of a request whose client goes away meanwhile",
        |b| Box::pin(saving(b)),
    ),
    Case::new(
        "disconnect/method",
        "Session, to_the_end",
        "completes the handler's own save if the client goes away meanwhile",
        |b| Box::pin(method(b)),
    ),
    Case::new(
        "disconnect/whole",
        "Sessions::abandon, Sessions::close",
        "saves all or nothing of a request whose client goes away, and closes its handle",
        |b| Box::pin(whole(b)),
    ),
    Case::new(
        "disconnect/handling",
        "Sessions::abandon, Error::Ended",
        "saves nothing of a request whose client goes away while the handler runs, and closes its handle",
        |b| Box::pin(handling(b)),
    )
    .needs(Ability::Disconnects),
    Case::new(
        "disconnect/loading",
        "Sessions::open",
        "does not call the handler if the client goes away while the session is loaded",
        |b| Box::pin(loading(b)),
    )
    .needs(Ability::Disconnects),
    Case::new(
        "disconnect/next",
        "Sessions::abandon",
        "serves the next request of a session whose client went away",
        |b| Box::pin(next(b)),
    ),
];

async fn saving(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, id) = site.visitor().await?;
    let gate = site.shelf.hold(Op::Save);
    let flight = site.get("/").cookie(cookie).counting().begin();
    gate.reached("the save").await?;
    flight.leave().await;
    notice().await;
    gate.open();
    gate.passed("the save that was begun").await?;
    site.holds("after the save", &id, "n", 2)
}

async fn method(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, id) = site.visitor().await?;
    let gate = site.shelf.hold(Op::Save);
    let visit = site.get("/").cookie(cookie).does(async |found| {
        let session = found.main()?;
        session.insert("n", 2)?;
        session.save().await?;
        session.insert("n", 3)?;
        Ok(Reply::text("ok"))
    });
    let flight = visit.begin();
    gate.reached("the save").await?;
    flight.leave().await;
    notice().await;
    gate.open();
    gate.passed("the save that was begun").await?;
    settle().await;
    let case = "after the handler's save";
    // Whether the handler goes on is another question.
    site.holds(case, &id, "n", 3).or_else(|_| site.holds(case, &id, "n", 2))
}

/// A request whose handler changes two keys and waits; and its handle.
async fn held<'a>(
    site: &'a Site,
    cookie: &str,
    gate: &Gate,
) -> Result<(Flight<'a>, Session), Flaw> {
    let (sender, receiver) = oneshot::channel();
    let inner = gate.clone();
    let visit = site.get("/").cookie(cookie).does(async move |found| {
        let session = found.main()?;
        session.insert("n", 2)?;
        drop(sender.send(session.clone()));
        inner.wait().await;
        session.insert("m", 2)?;
        Ok(Reply::text("ok"))
    });
    let flight = visit.begin();
    let session = soon("the handler", receiver).await?;
    let session = session.map_err(|_| Flaw::new("the handler", "a session", "none"))?;
    Ok((flight, session))
}

fn is_closed(session: &Session) -> bool {
    // Looks at it alone: what a request that goes on changes is not to be mixed with this.
    matches!(session.id(), Err(Error::Ended))
}

async fn whole(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, id) = site.visitor().await?;
    let gate = Gate::new();
    let (flight, session) = held(&site, &cookie, &gate).await?;
    flight.leave().await;
    notice().await;
    gate.open();
    until("the handle is closed", || is_closed(&session)).await?;
    settle().await;
    let case = "after the client went away";
    let nothing = site.holds(case, &id, "n", 1).is_ok();
    if nothing {
        let touched = site.shelf.records().remove(&id).is_some_and(|record| record["m"].is_null());
        return ensure(touched, case, "all or nothing", "m without n");
    }
    site.holds(case, &id, "n", 2)?;
    site.holds(case, &id, "m", 2)
}

async fn handling(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, id) = site.visitor().await?;
    let gate = Gate::new();
    let (flight, session) = held(&site, &cookie, &gate).await?;
    flight.leave().await;
    until("the handle is closed while the handler would wait", || is_closed(&session)).await?;
    gate.open();
    settle().await;
    site.holds("after the client went away", &id, "n", 1)
}

async fn loading(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, id) = site.visitor().await?;
    let gate = site.shelf.hold(Op::Load);
    let flight = site.get("/").cookie(&cookie).counting().begin();
    gate.reached("the load").await?;
    let step = flight.step.clone();
    flight.leave().await;
    notice().await;
    gate.open();
    settle().await;
    let case = "after the client went away";
    ensure(!site.app.handled(&step), case, "no call of the handler", "one")?;
    site.holds(case, &id, "n", 1)
}

async fn next(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, _) = site.visitor().await?;
    let gate = Gate::new();
    let (flight, session) = held(&site, &cookie, &gate).await?;
    flight.leave().await;
    gate.open();
    until("the handle is closed", || is_closed(&session)).await?;
    settle().await;
    let answer = site.get("/").cookie(&cookie).reading().send().await?;
    let sound = answer.status == 200 && (*answer.body == *b"1" || *answer.body == *b"2");
    ensure(sound, "the next request", "200 and n = 1 or 2", format!("{answer:?}"))
}
