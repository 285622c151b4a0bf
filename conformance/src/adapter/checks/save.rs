//! Writes that fail at the end of a request.

use http_session::{Conflict, Unset};

use crate::adapter::Reply;
use crate::adapter::bench::{Bench, express, recommended};
use crate::adapter::case::Case;
use crate::adapter::shelf::{Gate, Op};
use crate::suite::{Outcome, ensure};

pub(in crate::adapter) const CHECKS: &[Case] = &[
    Case::new(
        "save/fails",
        "B-207, B-208, D-write-failure, Sessions::close",
        "answers a failed save with a 500 in place of the handler's response: no cookie, none of its lines",
        |b| Box::pin(fails(b)),
    ),
    Case::new(
        "save/vary",
        "RFC 9110 section 12.5.5, http_session::vary",
        "says Vary: Cookie with the 500 of a failed load or save under the safe preset",
        |b| Box::pin(vary(b)),
    ),
    Case::new(
        "save/delete-fails",
        "B-207, B-208, D-write-failure",
        "answers a failed delete with a 500, and leaves the record",
        |b| Box::pin(delete_fails(b)),
    ),
    Case::new("save/touch-fails", "B-210", "sends the response as it is if a touch fails", |b| {
        Box::pin(touch_fails(b))
    }),
    Case::new(
        "save/refused",
        "Error::status, Conflict::Refuse",
        "answers with a 409 if a parallel request was faster and the save is refused",
        |b| Box::pin(refused(b)),
    ),
    Case::new(
        "save/hangs",
        "Sessions::close",
        "goes on with other requests while the store lets one wait at its end",
        |b| Box::pin(hangs(b)),
    ),
];

fn reply() -> Reply {
    Reply::text("welcome").with("set-cookie", "a=1").with("x-handler", "1")
}

async fn fails(b: &Bench<'_>) -> Outcome {
    for config in [recommended(), express()] {
        let site = b.site(config).await?;
        let (cookie, id) = site.visitor().await?;
        site.shelf.fail(Op::Save);
        for (case, cookie) in [("a new session", None), ("an old session", Some(cookie))] {
            let case = format!("{case}, whose save fails");
            let mut visit = site.get("/").answering(reply());
            if let Some(cookie) = cookie {
                visit = visit.cookie(cookie);
            }
            let answer = visit.send().await?;
            answer.has_status(&case, 500)?;
            answer.no_cookie(&case)?;
            let lines = answer.lines("x-handler");
            ensure(lines.is_empty(), &case, "no line of the handler", format!("{lines:?}"))?;
            let shows = answer.body.starts_with(b"welcome");
            ensure(!shows, &case, "another body", "the body of the handler")?;
            site.has_records(&case, 1)?;
            site.holds(&case, &id, "n", 1)?;
        }
    }
    Ok(())
}

async fn vary(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, _) = site.visitor().await?;
    for op in [Op::Save, Op::Load] {
        site.shelf.fail(op);
        let answer = site.get("/").cookie(&cookie).counting().send().await?;
        let items = answer.items("vary");
        let case = format!("{op:?} fails");
        ensure(items == ["cookie"], &case, "Vary: Cookie", format!("{items:?}"))?;
    }
    Ok(())
}

async fn delete_fails(b: &Bench<'_>) -> Outcome {
    let site = b.site(express().unset(Unset::Destroy)).await?;
    let (cookie, id) = site.visitor().await?;
    site.shelf.fail(Op::Delete);
    let visit = site.get("/").cookie(cookie).does(async |found| {
        found.main()?.unset()?;
        Ok(reply())
    });
    let answer = visit.send().await?;
    answer.has_status("a delete that fails", 500)?;
    answer.no_cookie("a delete that fails")?;
    site.holds("a delete that fails", &id, "n", 1)
}

async fn touch_fails(b: &Bench<'_>) -> Outcome {
    let site = b.site(express().rolling(true)).await?;
    let (cookie, _) = site.visitor().await?;
    site.shelf.fail(Op::Touch);
    let answer = site.get("/").cookie(cookie).does(async |_| Ok(reply())).send().await?;
    let case = "a touch that fails";
    answer.is(case, 200, "welcome")?;
    answer.cookies(case, &["a=1"], site.name())?;
    let calls = site.shelf.calls();
    ensure(calls == [Op::Load, Op::Touch], case, "a load and a touch", format!("{calls:?}"))
}

async fn refused(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended().conflict(Conflict::Refuse)).await?;
    let (cookie, id) = site.visitor().await?;
    let gate = Gate::new();
    let slow = {
        let gate = gate.clone();
        site.get("/").cookie(&cookie).does(async move |found| {
            found.main()?.insert("n", 10)?;
            gate.wait().await;
            Ok(reply())
        })
    };
    let flight = slow.begin();
    gate.reached("the handler").await?;
    site.get("/").cookie(&cookie).counting().send().await?.is("the faster one", 200, "2")?;
    gate.open();
    let answer = flight.answer().await?;
    answer.has_status("the slower one", 409)?;
    answer.no_cookie("the slower one")?;
    site.holds("after both", &id, "n", 2)
}

async fn hangs(b: &Bench<'_>) -> Outcome {
    let site = b.site(recommended()).await?;
    let (cookie, _) = site.visitor().await?;
    let gate = site.shelf.hold(Op::Save);
    let flight = site.get("/").cookie(cookie).counting().begin();
    gate.reached("the save").await?;
    let case = "while another request's save hangs";
    site.get("/").counting().send().await?.is(case, 200, "1")?;
    flight.has_nothing("the save hangs")?;
    gate.open();
    flight.answer().await?.is("the save is done", 200, "2")
}
