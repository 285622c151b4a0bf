//! What records may hold.

use http_session::store::{Expect, Save, Written};
use serde_json::Value;

use crate::contract::case::Case;
use crate::contract::client::saved;
use crate::contract::subject::Subject;
use crate::sample::{members, with_data, word};
use crate::suite::{Flaw, Outcome, ensure};

pub(in crate::contract) const CHECKS: &[Case] = &[
    Case::new(
        "content/json",
        "B-084, F-01, F-06",
        "gives back any JSON data: numbers, characters, odd keys, deep nesting",
        |s| Box::pin(json(s)),
    ),
    Case::new(
        "content/size",
        "ConfigBuilder::max_record_bytes",
        "gives back data of any size, up to 1 MiB",
        |s| Box::pin(size(s)),
    ),
    Case::new(
        "content/nul",
        "P-10",
        "gives back a text with NUL, or refuses it with an error and writes nothing",
        |s| Box::pin(nul(s)),
    ),
];

/// Members of a record.
const MEMBERS: [&str; 14] = [
    "",
    r#","a":null,"b":true,"c":false,"d":[],"e":{},"f":"""#,
    r#","numbers":[0,-1,9007199254740993,18446744073709551615,-9223372036854775808]"#,
    r#","numbers":[0.1,1.5,1e300,-1e-300,5e-324,123456789.12345679]"#,
    r#","text":"é e\u0301 ß \ud83e\udd80 \u2028 \u200f \ufeff \ufffd""#,
    r#","text":"\\ \" ' / \b\f\n\r\t \u0001 \u001f \u007f $1 %s ? :a {} \\u0000""#,
    r#","":1," ":2,"a":3,"A":4,"a ":5,"é":6,"e\u0301":7,"\"":8,"\\":9,"a.b":10,"$a":11"#,
    r#","1":"one","10":"ten","2":"two","z":1,"y":2,"x":3"#,
    r#","__v":1,"_id":2,"id":3,"version":4,"expires":5,"data":6,"session":7,"n":"8""#,
    r#","inner":{"cookie":{"expires":"2001-01-01T00:00:00.000Z"},"__proto__":1}"#,
    r#","list":[[[]],[{}],[[1,[2,[3]]]],null,"",[null]]"#,
    r#","date":"2001-01-01T00:00:00.000Z","number":"1","true":"true","null":"null""#,
    r#","cookie2":{"path":"/"},"Cookie":1"#,
    r#","last":"}""#,
];

async fn json(s: &Subject<'_>) -> Outcome {
    let deep = format!(r#","deep":{}1{}"#, "[{\"a\":".repeat(30), "}]".repeat(30));
    for (n, members) in MEMBERS.into_iter().chain([deep.as_str()]).enumerate() {
        gives_back(s, &n.to_string(), members).await?;
    }
    Ok(())
}

async fn size(s: &Subject<'_>) -> Outcome {
    for (size, text) in [(1, "x"), (1_000, "x"), (70_000, "é"), (1 << 20, "x"), (1 << 18, "🦀")]
    {
        let text: String = text.repeat(size / text.len().min(size));
        gives_back(s, "size", &format!(r#","text":"{text}""#)).await?;
    }
    let numbers = (0..20_000).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    gives_back(s, "size", &format!(r#","list":[{numbers}]"#)).await?;
    // A short one after the long ones.
    gives_back(s, "size", "").await
}

async fn gives_back(s: &Subject<'_>, id: &str, data: &str) -> Outcome {
    let (id, record) = (s.id(id), with_data(data, Some(s.late())));
    let sent = record.to_json();
    let shown = |text: &str| -> String {
        let start: String = text.chars().take(300).collect();
        format!("{start:?} ({} bytes)", text.len())
    };
    let case = format!("a record with the data {}", shown(data));
    let written = s.save(&id, record, Expect::Anything).await.map_err(|flaw| flaw.of(&case))?;
    saved(&case, written)?;
    let Some(stored) = s.load(&id).await.map_err(|flaw| flaw.of(&case))? else {
        return Err(Flaw::new(case, "the record", "no record"));
    };
    let found = String::from_utf8_lossy(&stored.record);
    if found == sent {
        return Ok(());
    }
    let value: Value = serde_json::from_str(&sent).expect("a record is JSON");
    let equal = Value::Object(members(&stored)?) == value;
    ensure(equal, &case, &format!("a value equal to {}", shown(&sent)), shown(&found))?;
    let expected = format!("the bytes {}", shown(&sent));
    ensure(s.kind.rewrites_json, &case, &expected, shown(&found))
}

async fn nul(s: &Subject<'_>) -> Outcome {
    let id = s.id("a");
    for text in [r#","text":"a\u0000b""#, r#","a\u0000b":1"#] {
        s.put(&id, 1, Some(s.late())).await?;
        let record = with_data(text, Some(s.late()));
        let sent = record.to_json();
        let save = Save::new(id.clone(), record, Expect::Anything, s.now());
        match s.store.save(&save).await {
            Ok(Written::Saved(_)) => {
                let stored = s.load(&id).await?;
                let found = stored.as_ref().map(members).transpose()?;
                let value = serde_json::from_str(&sent).expect("a record is JSON");
                let shown = format!("{found:?}");
                ensure(found == Some(value), "a record with NUL that was saved", &sent, shown)?;
            }
            Ok(other) => {
                let word = word(&other);
                return Err(Flaw::new("a save with NUL", "Saved or an error", word));
            }
            Err(_) => {
                s.there(&id, 1, "after the refused save").await?;
            }
        }
    }
    Ok(())
}
