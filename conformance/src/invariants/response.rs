//! What goes to the client: P-10, P-11, P-12.

use serde_json::Value;

use super::reading::Line;
use super::story::{Scene, Start, Story};
use super::{Invariant, Verdict};
use crate::client::sign;
use crate::scenario::{Operation, Preset};
use crate::trace::StoreCall;

pub(super) const ALL: &[Invariant] = &[
    Invariant {
        name: "P-10a",
        says: "each line is grammatical, and short enough for browsers",
        preset: None,
        check: |_, scene| {
            each_line(scene, |line| line.flaw().map(|flaw| format!("{flaw}: {}", text(scene))))
        },
    },
    Invariant {
        name: "P-10b",
        says: "a response has one line of ours at most",
        preset: None,
        check: |_, scene| match scene.lines.len() {
            0 => Verdict::Idle,
            lines => Verdict::must(lines == 1, || text(scene)),
        },
    },
    Invariant {
        name: "P-10c",
        says: "a line keeps the rules of its name's prefix, and of SameSite=None and Partitioned, or browsers drop it",
        preset: Some(Preset::Recommended),
        check: |story, scene| {
            if !has_own_attributes(story, scene) {
                return Verdict::Idle;
            }
            each_line(scene, |line| {
                let name = line.name.to_ascii_lowercase();
                let host = name.starts_with("__host-");
                let secure = host
                    || name.starts_with("__secure-")
                    || name.starts_with("__http-")
                    || line.get("SameSite") == Some("None")
                    || line.has("Partitioned");
                let http = name.starts_with("__http-") || name.starts_with("__host-http-");
                let sound = (!secure || line.has("Secure"))
                    && (!host || line.get("Path") == Some("/") && !line.has("Domain"))
                    && (!http || line.has("HttpOnly"));
                (!sound).then(|| text(scene))
            })
        },
    },
    Invariant {
        name: "P-10d",
        says: "a line that makes the browser forget the cookie has the Domain, Path, Secure and Partitioned of \
               the line that set it",
        preset: Some(Preset::Recommended),
        check: |story, scene| {
            let mut clears = scene.lines.iter().filter(|line| line.clears());
            let (Some(line), Start::Found(id)) = (clears.next(), scene.start) else {
                return Verdict::Idle;
            };
            let earlier = story.scenes[..scene.index].iter().flat_map(|scene| &scene.lines);
            let Some(set) = earlier.rev().find(|line| line.id().as_deref() == Some(id)) else {
                return Verdict::Idle;
            };
            // The client was not told of what was changed since.
            if !has_own_attributes(story, scene) {
                return Verdict::Idle;
            }
            let same = ["Domain", "Path"].iter().all(|name| line.get(name) == set.get(name))
                && ["Secure", "Partitioned"].iter().all(|name| line.has(name) == set.has(name));
            Verdict::must(same, || text(scene))
        },
    },
    Invariant {
        name: "P-10e",
        says: "a line gives the client the id that the session has now, signed with the first secret",
        preset: None,
        check: |story, scene| {
            let Some(line) = scene.gives() else {
                return Verdict::Idle;
            };
            let secret = story.options().secret.as_slice().first().map_or("", String::as_str);
            let Some(id) = line.id() else { return Verdict::Broken(text(scene)) };
            let ours = scene.session.as_ref() == Some(&id);
            Verdict::must(ours && line.value == sign(&id, secret), || text(scene))
        },
    },
    Invariant {
        name: "P-10f",
        says: "a cookie with Secure is sent on secure connections alone",
        preset: None,
        check: |_, scene| {
            if scene.lines.iter().all(|line| !line.has("Secure")) {
                return Verdict::Idle;
            }
            Verdict::must(scene.secure, || text(scene))
        },
    },
    Invariant {
        name: "P-10g",
        says: "a client gets the id of the session that was stored for it, if it has not sent it",
        preset: Some(Preset::Recommended),
        check: |_, scene| {
            let Some(id) = scene.session.as_deref().filter(|id| scene.start != Start::Found(id))
            else {
                return Verdict::Idle;
            };
            let stored = scene.events.iter().any(|event| event.leaves() == Some(id));
            if !stored || !scene.succeeded() || !scene.secure || !scene.after.contains_key(id) {
                return Verdict::Idle;
            }
            Verdict::must(scene.sends(id), || text(scene))
        },
    },
    Invariant {
        name: "P-10h",
        says: "a client whose session was ended is told to forget the cookie",
        preset: Some(Preset::Recommended),
        check: |_, scene| {
            let Start::Found(id) = scene.start else { return Verdict::Idle };
            let ended = scene.events.iter().any(|event| {
                event.done && event.call.call == StoreCall::Destroy && event.call.id == id
            });
            if !ended || scene.session.is_some() || !scene.succeeded() || !scene.secure {
                return Verdict::Idle;
            }
            Verdict::must(scene.lines.iter().any(Line::clears), || text(scene))
        },
    },
    Invariant {
        name: "P-10i",
        says: "the cookie of a new session has the attributes of the options",
        preset: None,
        check: |story, scene| {
            let Some(line) = scene.gives() else {
                return Verdict::Idle;
            };
            // Whoever else writes has guessed the id.
            let known = scene.made.iter().any(|made| scene.before.contains_key(&**made));
            if scene.start != Start::New
                || known
                || scene.request.handler().iter().any(changes_attributes)
            {
                return Verdict::Idle;
            }
            let found = ["Domain", "HttpOnly", "Priority", "SameSite", "Secure"]
                .map(|name| line.has(name).then(|| line.get(name).unwrap_or_default().to_owned()));
            let expected = attributes(story, scene);
            Verdict::must(found == expected, || format!("{} for {expected:?}", text(scene)))
        },
    },
    Invariant {
        name: "P-11a",
        says: "a response that depends on the session, or sets its cookie, says Vary: Cookie",
        preset: Some(Preset::Recommended),
        check: |_, scene| {
            let asks = |operation: &Operation| {
                !matches!(
                    operation,
                    Operation::Advance { .. }
                        | Operation::Header { .. }
                        | Operation::OtherDestroy { .. }
                        | Operation::OtherSet { .. }
                )
            };
            let ran = !matches!(scene.start, Start::Skipped);
            let consulted = ran && scene.operations().any(|(operation, _)| asks(operation));
            if !consulted && scene.lines.is_empty() {
                return Verdict::Idle;
            }
            let vary = items(scene.answer.vary.as_deref());
            let says = vary.iter().any(|item| item == "*" || item == "cookie");
            Verdict::must(says, || format!("Vary {vary:?}"))
        },
    },
    Invariant {
        name: "P-11b",
        says: "a response that sets our cookie keeps out of shared caches",
        preset: Some(Preset::Recommended),
        check: |_, scene| {
            if scene.lines.is_empty() {
                return Verdict::Idle;
            }
            let cache = items(scene.answer.cache_control.as_deref());
            let says = |word: &str| cache.iter().any(|item| item == word);
            let unstored = says("no-store") && !says("must-understand");
            let kept = unstored || says("private") && !says("public");
            Verdict::must(kept, || format!("Cache-Control {cache:?}"))
        },
    },
    Invariant {
        name: "P-11c",
        says: "what the application tells caches stays, but for public; and its lines stay, in their order",
        preset: Some(Preset::Recommended),
        check: |_, scene| {
            let set = |name: &str| -> Vec<&str> {
                let headers = scene.operations().filter_map(|(operation, _)| match operation {
                    Operation::Header { name, value } => Some((name, value)),
                    _ => None,
                });
                headers
                    .filter(|(key, _)| key.eq_ignore_ascii_case(name))
                    .map(|(_, value)| &**value)
                    .collect()
            };
            let (vary, cache) = (set("vary").join(", "), set("cache-control").join(", "));
            let cookies = set("set-cookie");
            if vary.is_empty() && cache.is_empty() && cookies.is_empty() || !scene.succeeded() {
                return Verdict::Idle;
            }
            let within = |asked: &str, said: Option<&str>| {
                let said = items(said);
                items(Some(asked)).iter().all(|item| item == "public" || said.contains(item))
            };
            let lines = &scene.answer.set_cookie;
            let kept = within(&vary, scene.answer.vary.as_deref())
                && within(&cache, scene.answer.cache_control.as_deref())
                && lines.iter().zip(&cookies).filter(|(line, cookie)| line == *cookie).count()
                    == cookies.len();
            Verdict::must(kept, || format!("{:?}", scene.answer))
        },
    },
    Invariant {
        name: "P-12a",
        says: "no error shows an id, a secret or the session's data",
        preset: None,
        check: |story, scene| {
            let errors = scene.answer.ops.iter().filter_map(|value| value.get("error")?.as_str());
            let errors: Vec<_> =
                scene.answer.errors.iter().map(String::as_str).chain(errors).collect();
            if errors.is_empty() {
                return Verdict::Idle;
            }
            Verdict::none(leak(story, errors.into_iter()))
        },
    },
];

/// What must not show: secrets, ids and data, but for what is a word of any message, or as short as one.
pub(super) fn leak<'a>(
    story: &Story<'_>,
    mut texts: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let scenario = story.scenario;
    let mut hidden: Vec<&str> =
        scenario.options.secret.as_slice().iter().map(String::as_str).collect();
    for (id, record) in &scenario.preload {
        hidden.push(id);
        hidden.extend(
            record
                .as_object()
                .into_iter()
                .flat_map(|record| record.values())
                .filter_map(Value::as_str),
        );
    }
    for scene in &story.scenes {
        hidden.extend(scene.made.iter().map(String::as_str));
        hidden.extend(scene.verified());
        hidden.extend(scene.request.handler().iter().filter_map(|operation| match operation {
            Operation::Set { value: Value::String(text), .. } => Some(text.as_str()),
            _ => None,
        }));
    }
    let is_word = |text: &str| text.len() < 4 || text.bytes().all(|byte| byte.is_ascii_lowercase());
    hidden.retain(|text| !is_word(text));
    texts.find(|text| hidden.iter().any(|hidden| text.contains(hidden))).map(str::to_owned)
}

/// Are the attributes of the session's cookie those of the options? An application that changes them, and
/// whoever else writes the record (B-072), has its own.
fn has_own_attributes(story: &Story<'_>, scene: &Scene<'_>) -> bool {
    let mut handlers =
        story.scenes[..=scene.index].iter().flat_map(|scene| scene.request.handler());
    !handlers.any(changes_attributes) && story.scenario.preload.is_empty()
}

/// Can a session's cookie have other attributes than those of the options after it?
fn changes_attributes(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::CookieSet { .. } | Operation::CookieReset {} | Operation::OtherSet { .. }
    )
}

/// Domain, HttpOnly, Priority, SameSite and Secure as the options have them (B-140 … B-150).
fn attributes(story: &Story<'_>, scene: &Scene<'_>) -> [Option<String>; 5] {
    let options = story.options();
    let cookie = options.cookie_for(scene.request.url());
    let value = |key: &str| cookie.and_then(|cookie| cookie.get(key));
    let words = |key: &str| value(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let capital = |text: &str| {
        let (first, rest) = text.split_at_checked(1).unwrap_or_default();
        first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
    };
    let flag = |on: bool| on.then(String::new);
    let secure = match value("secure") {
        _ if options.localhost == Some(true) => false,
        None => !story.quirks,
        Some(auto) if auto == "auto" => scene.secure,
        Some(other) => *other == true,
    };
    let same_site = match value("sameSite") {
        None if story.quirks => None,
        None => Some("Lax".into()),
        Some(auto) if auto == "auto" => Some(if scene.secure { "None" } else { "Lax" }.into()),
        Some(other) if *other == true => Some("Strict".into()),
        Some(_) => words("sameSite").map(capital),
    };
    [
        words("domain").map(String::from),
        flag(value("httpOnly").is_none_or(|value| *value == true)),
        words("priority").map(capital),
        same_site,
        flag(secure),
    ]
}

fn each_line(scene: &Scene<'_>, flaw: impl Fn(&Line<'_>) -> Option<String>) -> Verdict {
    if scene.lines.is_empty() {
        Verdict::Idle
    } else {
        Verdict::none(scene.lines.iter().find_map(flaw))
    }
}

fn text(scene: &Scene<'_>) -> String {
    format!("{:?}", scene.answer.set_cookie)
}

/// The items of a list, in lower case.
fn items(list: Option<&str>) -> Vec<String> {
    let items = list.unwrap_or_default().split(',').map(|item| item.trim().to_ascii_lowercase());
    items.filter(|item| !item.is_empty()).collect()
}
