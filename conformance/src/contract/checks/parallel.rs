//! Operations at the same time.

use http_session::store::{Expect, Touched, Written};
use std::time::Duration;

use super::version::expect;
use crate::contract::Kind;
use crate::contract::case::Case;
use crate::contract::client::Client;
use crate::contract::subject::Subject;
use crate::sample::{number, numbered, word};
use crate::suite::{Flaw, Outcome, ensure};

pub(in crate::contract) const CHECKS: &[Case] = &[
    Case::new(
        "parallel/increments",
        "Store, store::Expect::Version",
        "loses no increment of many writers that load, save under the version, and try again on Changed",
        |s| Box::pin(increments(s)),
    )
    .of_versions(),
    Case::new(
        "parallel/absent",
        "Store, store::Expect::Absent",
        "lets one of many saves under Expect::Absent win, and its record stays",
        |s| Box::pin(absent(s)),
    ),
    Case::new(
        "parallel/absent-expired",
        "B-068, store::Expect::Absent",
        "lets one of many saves under Expect::Absent win over an expired record, and its record stays",
        |s| Box::pin(absent_expired(s)),
    )
    .waiting(),
    Case::new(
        "parallel/rotations",
        "AtomicRotation",
        "lets one of many rotations of one record win, and one new id lives",
        |s| Box::pin(rotations(s)),
    )
    .of_atomic_rotation(),
    Case::new(
        "parallel/save-and-rotate",
        "AtomicRotation",
        "lets a save or a rotation under the same version win, never both",
        |s| Box::pin(save_and_rotate(s)),
    )
    .of_atomic_rotation(),
    Case::new(
        "parallel/save-and-delete",
        "Store, store::Expect::Present",
        "does not bring a record back with a save under a precondition that races with its delete",
        |s| Box::pin(save_and_delete(s)),
    ),
    Case::new(
        "parallel/touch-and-delete",
        "B-131, store::Touch",
        "does not bring a record back with a touch, or a load that renews, that races with its delete",
        |s| Box::pin(touch_and_delete(s)),
    ),
    Case::new(
        "parallel/touch-and-save",
        "B-202, store::Touch",
        "loses no save that races with a touch or a load that renews",
        |s| Box::pin(touch_and_save(s)),
    ),
];

/// How many race.
const RACERS: u64 = 8;
/// How often two race.
const ROUNDS: u64 = 40;

/// Carries out all of them at the same time, on tasks of their own.
async fn race<T: Send + 'static>(
    racers: impl IntoIterator<Item = impl Future<Output = Result<T, Flaw>> + Send + 'static>,
) -> Result<Vec<T>, Flaw> {
    let tasks: Vec<_> = racers.into_iter().map(tokio::spawn).collect();
    let mut results = Vec::new();
    for task in tasks {
        let result = task.await;
        results.push(result.map_err(|error| Flaw::new("a task", "no panic", error.to_string()))??);
    }
    Ok(results)
}

/// Two different ones at the same time; which one is started first changes.
async fn duel<A: Send + 'static, B: Send + 'static>(
    round: u64,
    one: impl Future<Output = Result<A, Flaw>> + Send + 'static,
    other: impl Future<Output = Result<B, Flaw>> + Send + 'static,
) -> Result<(A, B), Flaw> {
    let panicked =
        |error: tokio::task::JoinError| Flaw::new("a task", "no panic", error.to_string());
    let (one, other) = if round.is_multiple_of(2) {
        let one = tokio::spawn(one);
        (one, tokio::spawn(other))
    } else {
        let other = tokio::spawn(other);
        (tokio::spawn(one), other)
    };
    Ok((one.await.map_err(panicked)??, other.await.map_err(panicked)??))
}

/// Handles of their own for so many.
async fn clients(s: &Subject<'_>, count: u64) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(s.another().await);
    }
    clients
}

async fn increments(s: &Subject<'_>) -> Outcome {
    const TIMES: u64 = 25;
    let id = s.id("a");
    s.put(&id, 0, Some(s.late())).await?;
    let clients = clients(s, RACERS).await;
    race(clients.into_iter().map(|client| {
        let id = id.clone();
        async move {
            for _ in 0..TIMES {
                let gone = || Flaw::new("a load while others write", "the record", "no record");
                let mut stored = client.load(&id).await?.ok_or_else(gone)?;
                loop {
                    tokio::task::yield_now().await;
                    let next = numbered(number(&stored)? + 1, Some(client.late()));
                    let version = expect(stored.version, "a load or Changed")?;
                    match client.save(&id, next, version).await? {
                        Written::Changed(current) => stored = current,
                        Written::Saved(_) => break,
                        other => return Err(Flaw::new("a save", "Saved or Changed", word(&other))),
                    }
                }
            }
            Ok(())
        }
    }))
    .await?;
    let case = format!("{RACERS} writers that add 1 each {TIMES} times");
    s.there(&id, RACERS * TIMES, &case).await.map(drop)
}

async fn absent(s: &Subject<'_>) -> Outcome {
    let ids: Vec<_> = (0..ROUNDS / 2).map(|round| s.id(&round.to_string())).collect();
    absents(s, &ids).await
}

async fn absent_expired(s: &Subject<'_>) -> Outcome {
    let ids: Vec<_> = (0..ROUNDS / 2).map(|round| s.id(&round.to_string())).collect();
    let end = s.soon();
    for id in &ids {
        s.put(id, 100, Some(end)).await?;
    }
    s.pass(end).await;
    absents(s, &ids).await
}

/// Many want to be the first under each of these ids.
async fn absents(s: &Subject<'_>, ids: &[http_session::SessionId]) -> Outcome {
    let clients = clients(s, RACERS).await;
    for id in ids {
        let words = race((0..).zip(clients.clone()).map(|(n, client)| {
            let id = id.clone();
            async move {
                let record = numbered(n, Some(client.late()));
                client.save(&id, record, Expect::Absent).await.map(|written| word(&written))
            }
        }))
        .await?;
        let n = one_won(&words, "saves under Expect::Absent", &["Exists"])?;
        s.there(id, n, "the record of the save that won").await?;
    }
    Ok(())
}

/// Which one was it?
fn one_won(words: &[&str], what: &str, others: &[&str]) -> Result<u64, Flaw> {
    let case = format!("{RACERS} {what} at the same time");
    let expected = format!("one Saved, the others {}", others.join(" or "));
    let mut won = (0..).zip(words).filter(|(_, word)| **word == "Saved").map(|(n, _)| n);
    let one = (won.next(), won.next());
    let lost = words.iter().all(|word| *word == "Saved" || others.contains(word));
    match one {
        (Some(n), None) if lost => Ok(n),
        _ => Err(Flaw::new(case, expected, format!("{words:?}"))),
    }
}

async fn rotations(s: &Subject<'_>) -> Outcome {
    let clients = clients(s, RACERS).await;
    for round in 0..ROUNDS / 2 {
        let from = s.id(&round.to_string());
        let version = expect(s.put(&from, 100, Some(s.late())).await?, "a save")?;
        let expected = if round % 2 == 0 { version } else { Expect::Present };
        let to = |n: u64| s.id(&format!("{round} to {n}"));
        let words = race((0..).zip(clients.clone()).map(|(n, client)| {
            let (from, to, expected) = (from.clone(), to(n), expected.clone());
            async move {
                let record = numbered(n, Some(client.late()));
                let written = client.rotate(&from, &to, record, expected).await?;
                Ok(word(&written))
            }
        }))
        .await?;
        let won = one_won(&words, "rotations of one id", &["Gone"])?;
        s.nothing(&from, "the old id after the rotations").await?;
        for n in 0..RACERS {
            if n == won {
                s.there(&to(n), n, "the new id of the rotation that won").await?;
            } else {
                s.nothing(&to(n), "the new id of a rotation that lost").await?;
            }
        }
    }
    Ok(())
}

async fn save_and_rotate(s: &Subject<'_>) -> Outcome {
    let (saver, rotator) = (s.another().await, s.another().await);
    for round in 0..ROUNDS {
        let (from, to) = (s.id(&round.to_string()), s.id(&format!("{round} to")));
        let version = expect(s.put(&from, 1, Some(s.late())).await?, "a save")?;
        let save = {
            let (client, id, expected) = (saver.clone(), from.clone(), version.clone());
            async move {
                let record = numbered(2, Some(client.late()));
                client.save(&id, record, expected).await.map(|written| word(&written))
            }
        };
        let rotate = {
            let (client, from, to) = (rotator.clone(), from.clone(), to.clone());
            async move {
                let record = numbered(3, Some(client.late()));
                client.rotate(&from, &to, record, version).await.map(|written| word(&written))
            }
        };
        match duel(round, save, rotate).await? {
            ("Saved", "Changed") => {
                s.there(&from, 2, "the save won: the old id").await?;
                s.nothing(&to, "the save won: the new id").await?;
            }
            ("Gone", "Saved") => {
                s.nothing(&from, "the rotation won: the old id").await?;
                s.there(&to, 3, "the rotation won: the new id").await?;
            }
            (save, rotation) => {
                return Err(Flaw::new(
                    "a save and a rotation under one version at the same time",
                    "Saved and Changed, or Gone and Saved",
                    format!("{save} and {rotation}"),
                ));
            }
        }
    }
    Ok(())
}

async fn save_and_delete(s: &Subject<'_>) -> Outcome {
    let (saver, deleter) = (s.another().await, s.another().await);
    for round in 0..ROUNDS {
        let id = s.id(&round.to_string());
        let version = s.put(&id, 1, Some(s.late())).await?;
        let expected = match version {
            Some(version) if round % 4 < 2 => Expect::Version(version),
            _ => Expect::Present,
        };
        let save = {
            let (client, id) = (saver.clone(), id.clone());
            async move {
                let record = numbered(2, Some(client.late()));
                client.save(&id, record, expected).await.map(|written| word(&written))
            }
        };
        let delete = {
            let (client, id) = (deleter.clone(), id.clone());
            async move { client.delete(&id).await }
        };
        let (word, ()) = duel(round, save, delete).await?;
        let case = "a save that races with a delete";
        ensure(["Saved", "Gone"].contains(&word), case, "Saved or Gone", word)?;
        s.nothing(&id, "after both").await?;
    }
    Ok(())
}

/// A touch, or a load that renews: what lets a record live on in this round.
async fn renew(
    client: Client,
    id: http_session::SessionId,
    round: u64,
    kind: Kind,
) -> Result<(), Flaw> {
    if round % 4 < 2 {
        let touched = client.touch(&id, Some(client.late()), None).await?;
        let _: Touched = touched;
    } else {
        let much = Duration::from_secs(3_600) + kind.granularity;
        client.load_and_refresh(&id, Some(much)).await?;
    }
    Ok(())
}

async fn touch_and_delete(s: &Subject<'_>) -> Outcome {
    let (toucher, deleter) = (s.another().await, s.another().await);
    for round in 0..ROUNDS {
        let id = s.id(&round.to_string());
        s.put(&id, 1, Some(s.late())).await?;
        let delete = {
            let (client, id) = (deleter.clone(), id.clone());
            async move { client.delete(&id).await }
        };
        duel(round, renew(toucher.clone(), id.clone(), round, s.kind), delete).await?;
        s.nothing(&id, "after a touch, or a load that renews, that raced with a delete").await?;
    }
    Ok(())
}

async fn touch_and_save(s: &Subject<'_>) -> Outcome {
    let (toucher, saver) = (s.another().await, s.another().await);
    for round in 0..ROUNDS {
        let id = s.id(&round.to_string());
        s.put(&id, 1, Some(s.late())).await?;
        let save = {
            let (client, id) = (saver.clone(), id.clone());
            async move { client.put(&id, 2, Some(client.late())).await.map(drop) }
        };
        duel(round, renew(toucher.clone(), id.clone(), round, s.kind), save).await?;
        let case = "after a save that raced with a touch or a load that renews";
        s.there(&id, 2, case).await?;
    }
    Ok(())
}
