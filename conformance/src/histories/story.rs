//! A history as a scenario, to be replayed: one request, and what the others do meanwhile.

use serde_json::{Value, json};

use super::{Call, End, History, Id, Reply, Script, Step};
use crate::scenario::{Options, Scenario};

/// The history as one of its requests saw it, in the format of FORMAT.md. What the others wrote stands among
/// that request's own operations, as `other.set` and `other.destroy`; what they did before it came, in a
/// request before. The session is `sid1`, as in any scenario; ids that others made are `other1`, `other2`, ….
///
/// A save that was made again has but one operation to stand behind: what came between its tries comes before
/// the next operation.
pub fn story(history: &History, request: usize, options: Options) -> Scenario {
    let mut before = Vec::new();
    let mut handler = Vec::new();
    let mut own = own(history, request).into_iter();
    let mut loaded = false;
    for step in &history.steps {
        if step.request != request {
            (if loaded { &mut handler } else { &mut before })
                .extend(effects(history, request, step));
        } else if loaded {
            handler.extend(own.next().into_iter().flatten());
        } else {
            loaded = true;
        }
    }
    handler.extend(own.flatten());
    let visit = json!({ "op": "set", "key": "visited", "value": 1 });
    let mut requests = vec![json!({ "encrypted": true, "handler": [visit] })];
    if !before.is_empty() {
        requests.push(json!({ "cookie": "none", "encrypted": true, "handler": before }));
    }
    requests.push(json!({ "encrypted": true, "handler": handler }));
    let name = format!("request {request} of {:?}", history.ends);
    let start = history.steps[0].now.as_millis();
    let scenario =
        json!({ "name": name, "start": start, "options": options, "requests": requests });
    serde_json::from_value(scenario).expect("as FORMAT.md has it")
}

/// What the request's handler does, up to each operation of the store but the load.
fn own(history: &History, request: usize) -> Vec<Vec<Value>> {
    let set = |name: &str| json!({ "op": "set", "key": format!("{name}{request}"), "value": 1 });
    let update = json!({ "op": "update", "key": super::COUNT, "add": 1 });
    let save = json!({ "op": "save" });
    let mut own = vec![vec![set("saved"), save.clone()]];
    if history.script == Script::Five {
        own.push(vec![update.clone(), save]);
    }
    own.push(vec![json!({ "op": "reload" })]);
    match history.ends[request] {
        End::Destroy => own.push(vec![json!({ "op": "destroy" })]),
        End::Insert => own.push(vec![set("ended")]),
        End::Read => {}
        End::Regenerate => own.extend([vec![json!({ "op": "regenerate" })], vec![set("fresh")]]),
        End::Renew => own.push(vec![json!({ "op": "renew" })]),
        End::Update => own.push(vec![update]),
    }
    own
}

/// What another request's operation did to the store.
fn effects(history: &History, request: usize, step: &Step) -> Vec<Value> {
    let destroy = |id| json!({ "op": "other.destroy", "id": text(history, request, id) });
    let set = |id: Id| {
        let seen = step.seen.iter().find(|(seen, _)| *seen == id);
        let seen = seen.and_then(|(_, record)| record.as_ref())?;
        let mut record = json!({ "cookie": {
            "originalMaxAge": null, "expires": null, "secure": true, "httpOnly": true, "path": "/",
            "sameSite": "lax",
        } });
        seen.data.iter().for_each(|(key, value)| record[key] = (*value).into());
        if let Some(created) = seen.created {
            record["http-session:created"] = created.as_millis().into();
        }
        Some(json!({ "op": "other.set", "id": text(history, request, id), "record": record }))
    };
    match (step.call, &step.reply) {
        (Call::Delete(id), Some(Reply::Deleted)) => vec![destroy(id)],
        (Call::Rotate { from, to }, Some(Reply::Saved)) => {
            [destroy(from)].into_iter().chain(set(to)).collect()
        }
        (Call::Save(id), Some(Reply::Saved)) => set(id).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The id in the scenario, where the request counts its own ids alone.
fn text(history: &History, request: usize, id: Id) -> String {
    let maker = history.makers[id];
    let own = |maker: &&Option<usize>| maker.is_none_or(|maker| maker == request);
    if own(&&maker) {
        format!("sid{}", history.makers[..=id].iter().filter(own).count())
    } else {
        format!("other{id}")
    }
}
