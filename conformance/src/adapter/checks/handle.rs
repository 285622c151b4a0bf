//! The handle on the session, in the handler and elsewhere.

use http_session_store::Error;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::adapter::Reply;
use crate::adapter::bench::{Bench, recommended};
use crate::adapter::case::Case;
use crate::adapter::shelf::soon;
use crate::suite::{Outcome, ensure};

pub(in crate::adapter) const CHECKS: &[Case] = &[
    Case::new(
        "handle/methods",
        "B-175, B-178, B-182, Session",
        "lets the handler save, reload, renew and regenerate in the middle of its request",
        |b| Box::pin(methods(b)),
    ),
    Case::new(
        "handle/task",
        "Session",
        "lets a task that the handler waits for use the session",
        |b| Box::pin(task(b)),
    ),
    Case::new(
        "handle/ended",
        "B-173, Error::Ended",
        "closes the handle with the response: what a task writes later is an error, and not saved",
        |b| Box::pin(ended(b)),
    ),
    Case::new(
        "handle/many",
        "Session::update",
        "loses none of 100 changes that tasks make to one session at the same time",
        |b| Box::pin(many(b)),
    ),
];

async fn methods(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, old) = site.visitor().await?;
    let visit = site.get("/").cookie(cookie).does(async |found| {
        let session = found.main()?;
        session.insert("n", 2)?;
        session.save().await?;
        session.insert("n", 3)?;
        session.reload().await?;
        let reloaded = session.get::<u64>("n")?;
        session.renew().await?;
        session.insert("user", "ada")?;
        Ok(Reply::text(format!("{reloaded:?}")))
    });
    let answer = visit.send().await?;
    answer.is("save, reload, renew", 200, "Some(2)")?;
    let cookie = answer.cookie("a new id", site.name())?;
    site.has_records("one id, the new one", 1)?;
    let gone = !site.shelf.records().contains_key(&old);
    ensure(gone, "after a renewal", "no record of the old id", "one")?;
    let visit = site.get("/").cookie(cookie).does(async |found| {
        let session = found.main()?;
        let user = session.get::<String>("user")?;
        session.regenerate().await?;
        Ok(Reply::text(format!("{user:?} {:?}", session.keys()?)))
    });
    visit.send().await?.is("regenerate", 200, "Some(\"ada\") []")
}

async fn task(b: &Bench<'_>) -> Outcome {
    let (site, runtime) = (b.site(recommended()).await?, Handle::current());
    let visit = site.get("/").does(async move |found| {
        let session = found.main()?.clone();
        let task = runtime.spawn(async move { session.insert("n", 5) });
        task.await.expect("no panic")?;
        Ok(Reply::text("ok"))
    });
    visit.send().await?.is("a task that is waited for", 200, "ok")?;
    site.holds("a task that is waited for", "sid1", "n", 5)
}

async fn ended(b: &Bench<'_>) -> Outcome {
    let (site, runtime) = (b.site(recommended()).await?, Handle::current());
    let (release, released) = oneshot::channel::<()>();
    let (sender, receiver) = oneshot::channel();
    let visit = site.get("/").does(async move |found| {
        let session = found.main()?.clone();
        session.insert("n", 1)?;
        runtime.spawn(async move {
            drop(released.await);
            let (late, saved) = (session.insert("n", 2), session.save().await);
            drop(sender.send((late, saved)));
        });
        Ok(Reply::text("ok"))
    });
    visit.send().await?.is("a task that is not waited for", 200, "ok")?;
    let _ = release.send(());
    let (late, saved) = soon("the task", receiver).await?.expect("it tells");
    let sound = matches!((&late, &saved), (Err(Error::Ended), Err(Error::Ended)));
    ensure(sound, "after the response", "Error::Ended twice", format!("{late:?}, {saved:?}"))?;
    site.holds("after the response", "sid1", "n", 1)
}

async fn many(b: &Bench<'_>) -> Outcome {
    let (site, runtime) = (b.site(recommended()).await?, Handle::current());
    let visit = site.get("/").does(async move |found| {
        let session = found.main()?.clone();
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let session = session.clone();
                runtime.spawn(async move {
                    session.update("n", |n: Option<u64>| n.unwrap_or_default() + 1)
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic")?;
        }
        Ok(Reply::text("ok"))
    });
    visit.send().await?.is("100 tasks", 200, "ok")?;
    site.holds("100 tasks", "sid1", "n", 100)
}
