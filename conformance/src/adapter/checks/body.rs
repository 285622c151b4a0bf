//! Streamed bodies.

use http_body_util::BodyExt;
use http_session_store::Error;
use hyper::body::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::adapter::bench::{Bench, recommended};
use crate::adapter::case::Case;
use crate::adapter::shelf::soon;
use crate::adapter::{Ability, Body, Chunks, Reply};
use crate::suite::{Flaw, Outcome, ensure};

pub(in crate::adapter) const CHECKS: &[Case] = &[
    Case::new(
        "body/whole",
        "Body::Chunks",
        "sends a streamed body whole",
        |b| Box::pin(whole(b)),
    )
    .needs(Ability::Streams),
    Case::new(
        "body/first",
        "B-163, B-171, Sessions::close",
        "saves the session and sends the head with the cookie before a streamed body has come to its end",
        |b| Box::pin(first(b)),
    )
    .needs(Ability::Streams),
    Case::new(
        "body/late",
        "B-172, B-173, Error::Ended",
        "takes no change of the session from a streamed body: an error, and not saved",
        |b| Box::pin(late(b)),
    )
    .needs(Ability::Streams),
];

fn streaming() -> (mpsc::Sender<Bytes>, Reply) {
    let (sender, receiver) = mpsc::channel(1);
    let mut reply = Reply::text("");
    reply.body = Body::Chunks(Chunks(receiver));
    (sender, reply)
}

async fn whole(b: &Bench<'_>) -> Outcome {
    let (site, runtime) = (b.site(recommended()).await?, Handle::current());
    let visit = site.get("/").does(async move |_| {
        let (sender, reply) = streaming();
        runtime.spawn(async move {
            for part in 0..50 {
                drop(sender.send(format!("part {part} ").repeat(100).into()).await);
            }
        });
        Ok(reply)
    });
    let expected: String = (0..50).map(|part| format!("part {part} ").repeat(100)).collect();
    let answer = visit.send().await?;
    answer.has_status("50 parts", 200)?;
    let sound = answer.body == expected.as_bytes();
    let found = format!("{} bytes", answer.body.len());
    ensure(sound, "50 parts", &format!("{} bytes", expected.len()), found)
}

async fn first(b: &Bench<'_>) -> Outcome {
    let (site, runtime) = (b.site(recommended()).await?, Handle::current());
    let (release, released) = oneshot::channel::<()>();
    let visit = site.get("/").does(async move |found| {
        found.main()?.insert("n", 1)?;
        let (sender, reply) = streaming();
        runtime.spawn(async move {
            drop(sender.send("one ".into()).await);
            drop(released.await);
            drop(sender.send("two".into()).await);
        });
        Ok(reply)
    });
    let (head, body, _wire) = visit.begin().head().await?;
    let case = "before the end of the body";
    head.cookie(case, site.name())?;
    site.holds(case, "sid1", "n", 1)?;
    let _ = release.send(());
    let body = soon("the body", body.collect()).await?;
    let body = body.map_err(|error| Flaw::new("the body", "its end", format!("{error:?}")))?;
    let body = body.to_bytes();
    ensure(*body == *b"one two", "the body", "one two", format!("{body:?}"))
}

async fn late(b: &Bench<'_>) -> Outcome {
    let (site, runtime) = (b.site(recommended()).await?, Handle::current());
    let (sender, receiver) = oneshot::channel();
    let visit = site.get("/").does(async move |found| {
        let session = found.main()?.clone();
        session.insert("n", 1)?;
        let (parts, reply) = streaming();
        runtime.spawn(async move {
            // There is room for one: when the third is taken in, the first has gone out.
            for part in ["one ", "two ", "three "] {
                drop(parts.send(part.into()).await);
            }
            drop(sender.send(session.insert("n", 2)));
            drop(parts.send("four".into()).await);
        });
        Ok(reply)
    });
    visit.send().await?.is("a body that writes", 200, "one two three four")?;
    let late = soon("the body's task", receiver).await?.expect("it tells");
    let sound = matches!(late, Err(Error::Ended));
    ensure(sound, "a body that writes", "Error::Ended", format!("{late:?}"))?;
    site.holds("a body that wrote", "sid1", "n", 1)
}
