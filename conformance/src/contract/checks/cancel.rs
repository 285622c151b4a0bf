//! Operations that are given up half-way.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use http_session::store::Expect;

use crate::contract::case::Case;
use crate::contract::client::{answer, saved};
use crate::contract::subject::Subject;
use crate::sample::{number, numbered};
use crate::suite::{Flaw, Outcome, ensure};

pub(in crate::contract) const CHECKS: &[Case] = &[
    Case::new(
        "cancel/save",
        "Store",
        "leaves the old record or the new one when a save is given up, and then works on",
        |s| Box::pin(save(s)),
    ),
    Case::new(
        "cancel/rotate",
        "AtomicRotation, store::Rotate",
        "leaves one id alive when a rotation is given up, never both and never neither, and then works on",
        |s| Box::pin(rotate(s)),
    ),
    Case::new(
        "cancel/others",
        "Store",
        "leaves the record as it is when a load or a touch is given up, gone or not after a delete",
        |s| Box::pin(others(s)),
    ),
];

/// How many points a future is given up at: each time when it has waited once more.
const POINTS: u32 = 8;
/// How often each.
const ROUNDS: u32 = 2;
/// How long a server may go on with what was given up.
const SETTLED: Duration = Duration::from_millis(25);

/// Gives the future up when it has to wait for the `point`th time. Did it end before?
async fn given_up<T>(point: u32, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut waited) = (pin!(future), 0);
    let result = poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => {
            waited += 1;
            if waited == point { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await;
    if result.is_none() {
        tokio::time::sleep(SETTLED).await;
    }
    result
}

/// The points at which to give up, and ids for each.
fn rounds() -> impl Iterator<Item = (u32, String)> {
    (1..=POINTS).flat_map(|point| (0..ROUNDS).map(move |round| (point, format!("{point} {round}"))))
}

async fn save(s: &Subject<'_>) -> Outcome {
    for (point, name) in rounds() {
        let id = s.id(&name);
        s.put(&id, 1, Some(s.late())).await?;
        let save = s.save(&id, numbered(2, Some(s.late())), Expect::Present);
        let done = given_up(point, save).await.transpose()?;
        let found = s.load(&id).await?.as_ref().map(number).transpose()?;
        let sound = found == Some(2) || done.is_none() && found == Some(1);
        let case = format!("a save that was given up when it waited for the {point}. time");
        ensure(sound, &case, "n = 1 or 2", format!("n = {found:?}"))?;
        s.put(&id, 3, Some(s.late())).await?;
        s.there(&id, 3, "a save after the one that was given up").await?;
        if done.is_some() {
            break;
        }
    }
    Ok(())
}

async fn rotate(s: &Subject<'_>) -> Outcome {
    for (point, name) in rounds() {
        let (from, to, next) =
            (s.id(&name), s.id(&format!("{name} to")), s.id(&format!("{name} next")));
        s.put(&from, 1, Some(s.late())).await?;
        let rotate = s.rotate(&from, &to, numbered(2, Some(s.late())), Expect::Present);
        let done = given_up(point, rotate).await.transpose()?;
        let (old, new) = (s.load(&from).await?, s.load(&to).await?);
        let found = (old.as_ref().map(number).transpose()?, new.as_ref().map(number).transpose()?);
        let sound = match found {
            (None, Some(2)) => true,
            (Some(1), None) => done.is_none(),
            (Some(1), Some(2)) => done.is_none() && !s.kind.atomic_rotation,
            _ => false,
        };
        let case = format!("a rotation that was given up when it waited for the {point}. time");
        let answered = format!("n = {:?} and n = {:?}", found.0, found.1);
        ensure(sound, &case, "the old record or the new one", answered)?;
        let written = s.rotate(&from, &next, numbered(3, None), Expect::Present).await?;
        if found.0.is_some() {
            saved("a second rotation, the first was not done", written)?;
            s.there(&next, 3, "the new id of the second rotation").await?;
        } else {
            answer("a second rotation, the first was done", "Gone", &written)?;
        }
        if done.is_some() {
            break;
        }
    }
    Ok(())
}

async fn others(s: &Subject<'_>) -> Outcome {
    for (point, name) in rounds() {
        let id = s.id(&name);
        s.put(&id, 1, Some(s.late())).await?;
        let refresh = Some(Duration::from_secs(7_200));
        let mut done = given_up(point, s.load_and_refresh(&id, refresh)).await.is_some();
        s.there(&id, 1, "after a load that was given up").await?;
        let touch = s.touch(&id, Some(s.at(7_200_000)), None);
        done &= given_up(point, touch).await.is_some();
        s.there(&id, 1, "after a touch that was given up").await?;
        let deleted = given_up(point, s.delete(&id)).await.transpose()?;
        let found = s.load(&id).await?.as_ref().map(number).transpose()?;
        if found.is_some() && (deleted.is_some() || found != Some(1)) {
            let answered = format!("n = {found:?}");
            return Err(Flaw::new("a delete that was given up", "n = None or Some(1)", answered));
        }
        s.delete(&id).await?;
        s.nothing(&id, "a delete after the one that was given up").await?;
        if done && deleted.is_some() {
            break;
        }
    }
    Ok(())
}
