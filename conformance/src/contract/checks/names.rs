//! Names and ids that a store must keep apart.

use http_session::SessionId;
use http_session::store::{Expect, Load, Save, Touched, Written};

use crate::contract::case::Case;
use crate::contract::client::saved;
use crate::contract::subject::Subject;
use crate::sample::{number, numbered};
use crate::suite::{Flaw, Outcome, ensure};

pub(in crate::contract) const CHECKS: &[Case] = &[
    Case::new(
        "names/apart",
        "store, Contract::new",
        "keeps the records of stores by different names apart",
        |s| Box::pin(apart(s)),
    ),
    Case::new(
        "names/ids",
        "F-07, store",
        "keeps the records of any two ids apart, of 1 to 1,024 bytes of any UTF-8 text",
        |s| Box::pin(ids(s)),
    ),
    Case::new(
        "names/nul",
        "Store::load",
        "answers None to the load of an id with a NUL character that it can't save, and else keeps it",
        |s| Box::pin(nul(s)),
    ),
];

/// What store names and ids end with: one is the beginning of another, patterns of Redis and of SQL,
/// quotes, letters that some collations take to be the same, what means something in paths and URLs.
const ODD: [&str; 38] = [
    "", "a", "A", "a:", "a:b", ":", "a*", "*", "?", "[ab]", "[^a]", "\\", "\\*", "%", "_", "a%",
    "a_", "'", "\"", "`", "'; --", " ", "a ", "é", "e\u{301}", "É", "ß", "ss", "ı", "İ", "i", "🦀",
    "../a", "a/b", "{a}", "a}b", "$1", "a#b",
];

async fn apart(s: &Subject<'_>) -> Outcome {
    let id = s.id("same");
    let mut clients = Vec::new();
    for (n, name) in (0..).zip(ODD) {
        let client = s.named(name).await;
        client.nothing(&id, &format!("an id of other names, in the store {name:?}")).await?;
        client.put(&id, n, Some(s.late())).await?;
        clients.push((n, name, client));
    }
    for (n, name, client) in &clients {
        client.there(&id, *n, &format!("an id of all names, in the store {name:?}")).await?;
        s.named(name).await.there(&id, *n, &format!("{name:?}, opened again")).await?;
    }
    for (deleted, name, client) in &clients {
        client.delete(&id).await?;
        let case = format!("after a delete in the store {name:?}");
        for (n, name, client) in &clients {
            let case = format!("{name:?} {case}");
            if n <= deleted {
                client.nothing(&id, &case).await?;
            } else {
                client.there(&id, *n, &case).await?;
            }
        }
    }
    Ok(())
}

async fn ids(s: &Subject<'_>) -> Outcome {
    let mut ids: Vec<_> = ODD
        .iter()
        .chain(&["\n", "\t", "a\r\nb", "\u{7f}", "\u{feff}"])
        .map(|text| s.id(text))
        .collect();
    // Any store cuts at another length, and one that compares in lower case takes these to be the same.
    for length in [31, 32, 33, 128, 255, 256, SessionId::MAX_BYTES] {
        for last in ["x", "y", "X"] {
            let text = s.id("").as_str().to_owned();
            let text = format!("{text}{}{last}", "0".repeat(length - text.len() - 1));
            ids.push(SessionId::from_text(&text).expect("1 to 1,024 bytes"));
        }
    }
    // One byte: nothing of them is this check's own, but the name of the store.
    ids.extend(
        ["a", "A", "*", "%", "'", "/", ".", " "]
            .map(|text| SessionId::from_text(text).expect("one byte")),
    );
    let case = |id: &SessionId| format!("the id {:?} of {} bytes", id.as_str(), id.as_str().len());
    for (n, id) in (0..).zip(&ids) {
        s.nothing(id, &case(id)).await?;
        let written = s.save(id, numbered(n, Some(s.late())), Expect::Absent).await;
        saved(&case(id), written.map_err(|flaw| flaw.of(&case(id)))?)?;
    }
    for (n, id) in (0..).zip(&ids) {
        s.there(id, n, &case(id)).await?;
        let touched = s.touch(id, Some(s.late()), None).await?;
        ensure(touched == Touched::Alive, &case(id), "Alive", "Gone")?;
    }
    for (n, id) in (0..).zip(&ids) {
        s.there(id, n, &case(id)).await?;
        s.delete(id).await.map_err(|flaw| flaw.of(&case(id)))?;
        s.nothing(id, &case(id)).await?;
    }
    Ok(())
}

async fn nul(s: &Subject<'_>) -> Outcome {
    let (id, cut) = (s.id("a\0b"), s.id("a"));
    s.put(&cut, 1, Some(s.late())).await?;
    s.nothing(&id, "an id with NUL that was never saved").await?;
    let save = Save::new(id.clone(), numbered(2, Some(s.late())), Expect::Absent, s.now());
    let kept = match s.store.save(&save).await {
        Ok(Written::Saved(_)) => true,
        Ok(other) => {
            let word = crate::sample::word(&other);
            return Err(Flaw::new("a save of an id with NUL", "Saved or an error", word));
        }
        Err(_) => false,
    };
    let load = Load::new(id.clone(), s.now(), None);
    let loaded = s.store.load(&load).await;
    let loaded = loaded.map_err(|error| Flaw::error("a load of an id with NUL", &error))?;
    let found = loaded.as_ref().map(number).transpose()?;
    let expected = kept.then_some(2);
    ensure(
        found == expected,
        "an id with NUL",
        &format!("n = {expected:?}"),
        format!("{found:?}"),
    )?;
    s.there(&cut, 1, "the id that ends where the other one has NUL").await.map(drop)
}
