//! Failures.

use std::error::Error;
use std::fmt::Display;

use http_session::SessionId;
use http_session::store::{Delete, Expect, Load, Rotate, Save, Touch};
use http_session_store::StoreError;

use crate::contract::case::Case;
use crate::contract::handle::Handle;
use crate::contract::subject::Subject;
use crate::sample::{cookie, with_data};
use crate::suite::{Flaw, Outcome, chain, ensure};

pub(in crate::contract) const CHECKS: &[Case] = &[
    Case::new(
        "failure/outage",
        "Store, B-067",
        "answers each operation with an error when it fails, never as if nothing were there",
        |s| Box::pin(outage(s)),
    )
    .of_outage(),
    Case::new("failure/silent", "Store::Error", "shows neither ids nor data in its errors", |s| {
        Box::pin(silent(s))
    }),
];

/// What each operation fails with.
async fn failures(
    s: &Subject<'_>,
    store: &dyn Handle,
    id: &SessionId,
    members: &str,
) -> [(&'static str, Option<StoreError>); 5] {
    let record = with_data(members, Some(s.late()));
    let (now, end, to) = (s.now(), Some(s.late()), s.id("secret-to"));
    let load = Load::new(id.clone(), now, None);
    let save = Save::new(id.clone(), record.clone(), Expect::Anything, now);
    let rotate = Rotate::new(id.clone(), to, record, Expect::Anything, now);
    let touch = Touch::new(id.clone(), cookie(end), end, None, now);
    let delete = Delete::new(id.clone(), now);
    [
        ("a load", store.load(&load).await.err()),
        ("a save", store.save(&save).await.err()),
        ("a rotation", store.rotate(&rotate).await.err()),
        ("a touch", store.touch(&touch).await.err()),
        ("a delete", store.delete(&delete).await.err()),
    ]
}

async fn outage(s: &Subject<'_>) -> Outcome {
    let Some(store) = s.failing().await else { return Ok(()) };
    for (operation, error) in failures(s, &*store, &s.id("secret"), r#","a":"secret""#).await {
        let case = format!("{operation} of a store that fails");
        ensure(error.is_some(), &case, "an error", "no error")?;
    }
    Ok(())
}

/// Errors are provoked with what some stores can't keep.
async fn silent(s: &Subject<'_>) -> Outcome {
    let data = r#","user":"secret""#;
    let cases = [
        (s.id("secret\0"), data),
        (s.id("secret"), r#","user":"secret\u0000""#),
        (s.id("secret"), r#","user\u0000":"secret""#),
        (s.id(&format!("secret{}", "x".repeat(900))), data),
    ];
    for (id, members) in &cases {
        for (operation, error) in failures(s, &*s.store, id, members).await {
            is_silent(operation, error)?;
        }
    }
    if let Some(store) = s.failing().await {
        for (operation, error) in failures(s, &*store, &s.id("secret"), data).await {
            is_silent(operation, error)?;
        }
    }
    Ok(())
}

fn is_silent(operation: &str, error: Option<StoreError>) -> Outcome {
    let Some(error) = error else { return Ok(()) };
    let error: &dyn Error = &error;
    let (case, says) = (format!("the error of {operation}"), |text: &dyn Display| {
        text.to_string().contains("secret")
    });
    let shown = chain(error);
    ensure(!says(&shown), &case, "a message without ids and data", &shown)?;
    let mut next = Some(error);
    while let Some(error) = next {
        let debug = format!("{error:?}");
        if says(&debug) {
            return Err(Flaw::new(case, "a Debug without ids and data", debug));
        }
        next = error.source();
    }
    Ok(())
}
