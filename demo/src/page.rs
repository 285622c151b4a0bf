//! Writes the page. `page.html` is its frame; what changes is filled in here.

use std::fmt::Display;

use http_session_store::core::{Conflict, CookieAction, Finding, Origin, SessionId, StoreAction};
use http_session_store::{Env, Error, Flash};
use serde::Deserialize;

use crate::Demo;
use crate::inspector::Entry;
use crate::options::{Options, Preset};
use crate::shop::Item;
use crate::spy::{Clause, End, Operation};

/// What the session holds: its keys are the fields.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Visitor {
    bread: u64,
    pub(crate) clicks: u64,
    honey: u64,
    name: Option<String>,
    tea: u64,
    visits: u64,
}

impl Visitor {
    pub(crate) const fn count(&self, item: Item) -> u64 {
        match item {
            Item::Bread => self.bread,
            Item::Honey => self.honey,
            Item::Tea => self.tea,
        }
    }
}

/// What a look at the shop is to show. It is written when the request's session has ended, because
/// the page tells of that, too.
#[derive(Clone)]
pub(crate) struct Page {
    pub(crate) flashes: Vec<Flash>,
    pub(crate) id: SessionId,
    pub(crate) meeting: Option<Met>,
    pub(crate) visitor: Visitor,
}

/// What came of two requests at once.
#[derive(Clone)]
pub(crate) enum Met {
    /// A slow request wrote the session back that another one had ended.
    Revived,
    /// What is left of two changes.
    Tabs { clicks: u64, items: Vec<Item> },
}

/// What is left of two changes.
fn survived(clicks: u64, items: &[Item], options: &Options) -> String {
    let items: Vec<_> = items.iter().map(|item| item.name().to_lowercase()).collect();
    let (kind, title, why) = match (items.as_slice(), clicks, options.conflict) {
        ([_, _], 2, _) => (
            "success",
            "Both items and both clicks arrived.".into(),
            "The second one to save was told that the session was changed meanwhile, added its own \
             changes to the new version, and saved that.",
        ),
        ([item], 1, Conflict::Refuse) => (
            "info",
            format!("One tab was refused, and told so: only {item} arrived."),
            "Nothing was lost in silence. The second one to save got the answer 409, and can try \
             again.",
        ),
        ([item], 1, _) => (
            "problem",
            format!("One item was lost: only {item} arrived, and 1 click of 2."),
            "Both requests had loaded the same data. The last one to save wrote its copy over the \
             other one's, and nobody was told.",
        ),
        (items, clicks, _) => {
            let items = if items.is_empty() { "nothing".into() } else { items.join(", ") };
            ("problem", format!("What arrived: {items}; {clicks} of 2 clicks."), "")
        }
    };
    format!("<p class=\"notice {kind}\"><strong>{}</strong> {why}</p>", escape(&title))
}

const REVIVED: &str = "<p class=\"notice problem\"><strong>The log-out came to nothing: you are \
    still logged in.</strong> The slow request wrote its old copy back after the session had been \
    ended.</p>";

/// An error of the session, for the person at the browser.
pub(crate) fn in_plain_words(error: &str) -> &'static str {
    let is = |other: Error| error == other.to_string();
    if is(Error::Conflict) {
        "Another tab has changed your session meanwhile. This request was refused, and changed nothing \
         (409). Please try again."
    } else if is(Error::Gone) {
        "Another tab has ended your session meanwhile. This request was refused, and changed nothing \
         (409): what was ended stays ended."
    } else {
        "Your session could not be loaded or saved, and nothing was changed. Please try again."
    }
}

/// What the library says, as a sentence. Names of options stay as they are written in code.
pub(crate) fn sentence(text: &impl Display) -> String {
    let text = text.to_string();
    let word = text.split(' ').next().unwrap_or_default();
    match text.split_at_checked(1) {
        Some((first, rest)) if word.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            format!("{}{rest}.", first.to_uppercase())
        }
        _ => format!("{text}."),
    }
}

/// The page. `over`: what [`over`] has to say.
pub(crate) fn render(demo: &Demo, page: &Page, over: &str) -> String {
    let (current, visitor) = (demo.current(), &page.visitor);
    let config = current.sessions.config();
    let options = serde_json::to_value(current.options).unwrap_or_default();
    fill(include_str!("page.html"), |name| match name {
        "ahead" => demo.clock.ahead().to_string(),
        "audit" => join(config.audit(), finding),
        "audit-count" => findings(config.audit().len()),
        "changed" => match current.options == Options::of(current.options.preset) {
            true => String::new(),
            false => "Some options differ from the preset's: choose it again to undo that.".into(),
        },
        "cart" => join(Item::ALL, |item| in_cart(item, visitor.count(item))),
        "clicks" => visitor.clicks.to_string(),
        "code" => escape(&current.options.code()),
        "cookie-name" => escape(config.name()),
        "end" => demo.store.end(&page.id).map(|end| ends(demo, end)).unwrap_or_default(),
        "ended" => over.into(),
        "flashes" => join(&page.flashes, flash),
        "log" => log(demo),
        "name" => escape(visitor.name.as_deref().unwrap_or_default()),
        "presets" => join(PRESETS, |preset| choose(preset, &current.options)),
        "race" => match &page.meeting {
            Some(Met::Tabs { clicks, items }) => survived(*clicks, items, &current.options),
            _ => String::new(),
        },
        "records" => records(demo.store.inner().len(demo.clock.now())),
        "revived" => match page.meeting {
            Some(Met::Revived) => REVIVED.into(),
            _ => String::new(),
        },
        "state" => if visitor.name.is_some() { "member" } else { "guest" }.into(),
        "time" => time(demo),
        "time-ahead" => match span(demo.clock.ahead()).as_str() {
            "" => "the real time".into(),
            span => format!("{span} ahead"),
        },
        "visits" => visitor.visits.to_string(),
        // `{{resave}}`, `{{unset=keep}}`: is the box checked, is the choice the one that is made?
        choice => match choice.split_once('=') {
            Some((option, value)) => if options[option] == value { "selected" } else { "" }.into(),
            None => match &options[choice] {
                serde_json::Value::String(value) => value.clone(),
                value => if *value == true { "checked" } else { "" }.into(),
            },
        },
    })
}

const PRESETS: [(Preset, &str); 2] =
    [(Preset::Recommended, "recommended"), (Preset::Express, "express")];

/// The button of a preset.
fn choose((preset, name): (Preset, &str), options: &Options) -> String {
    let chosen = preset == options.preset;
    format!(
        "<button name=\"preset\" value=\"{name}\" id=\"preset-{name}\" class=\"quiet\" \
         aria-pressed=\"{chosen}\">{name}</button>"
    )
}

/// Why the session is over that the browser still has a cookie of.
pub(crate) fn over(origin: Option<&String>, clause: Option<Clause>, options: &Options) -> String {
    let is = |other: Origin| origin.is_some_and(|origin| *origin == other.to_string());
    let why = match clause {
        _ if is(Origin::BadSignature) => {
            "another secret had signed its cookie. Was this demo started anew?".into()
        }
        _ if !is(Origin::Missing) && !is(Origin::Expired) => return String::new(),
        Some(Clause::Idle) if is(Origin::Missing) => {
            format!("nobody used it for {} (idle timeout).", options.idle)
        }
        Some(Clause::Cookie) if is(Origin::Missing) => {
            "its cookie had an end (max_age), and that has come.".into()
        }
        None if is(Origin::Missing) => "you logged out, or it was given another id.".into(),
        _ => format!(
            "it had reached its absolute timeout, {} after it began, used or not.",
            options.absolute
        ),
    };
    format!(
        "<p class=\"notice info\"><strong>Your session is over:</strong> {why} Your browser still \
         sends its cookie, which is worth nothing any more.</p>"
    )
}

/// When the session will be over.
fn ends(demo: &Demo, End { at, clause }: End) -> String {
    let left = span(at.millis_since(demo.clock.now()).saturating_add(59_999));
    match clause {
        Clause::Absolute => {
            format!("Your session ends in <strong>{left}</strong>, used or not (absolute timeout).")
        }
        Clause::Cookie => {
            format!("Unless you use it, your session ends in <strong>{left}</strong> (max_age).")
        }
        Clause::Idle => {
            format!(
                "Unless you use it, your session ends in <strong>{left}</strong> (idle timeout)."
            )
        }
    }
}

fn findings(count: usize) -> String {
    match count {
        0 => "Nothing to know about these options.".into(),
        1 => "1 thing to know about these options, and where it is written.".into(),
        _ => format!("{count} things to know about these options, and where they are written."),
    }
}

fn in_cart(item: Item, count: u64) -> String {
    let (key, name) = (item.key(), item.name());
    let (disabled, some) = if count == 0 { ("disabled", "none") } else { ("", "some") };
    format!(
        "<li class=\"{some}\"><span class=\"item\">{name}</span> \
         <span class=\"count\" id=\"count-{key}\">{count}</span> \
         <button name=\"item\" value=\"{key}\" id=\"add-{key}\" aria-label=\"Add {key}\">Add</button> \
         <button name=\"item\" value=\"{key}\" id=\"remove-{key}\" aria-label=\"Remove {key}\" \
         class=\"quiet\" formaction=\"/remove\" data-next=\"add-{key}\" {disabled}>Remove\
         </button></li>"
    )
}

fn flash(Flash { kind, text }: &Flash) -> String {
    format!("<p class=\"notice {}\">{}</p>", escape(kind), escape(text))
}

/// What is the matter, what to do about it, and who says so.
fn finding(finding: &Finding) -> String {
    let text = sentence(finding);
    let (what, advice) = text.split_once(": ").unwrap_or((&text, ""));
    // The rules that this library's tests cite.
    let own = match finding.clause() {
        clause if !clause.starts_with("B-") => "",
        clause if clause.contains(',') => "This project's rules ",
        _ => "This project's rule ",
    };
    let colon = if advice.is_empty() { "" } else { ": " };
    format!(
        "<li><strong>{}</strong>{colon}{} <span class=\"clause\">{own}{}</span></li>",
        escape(what),
        escape(advice),
        escape(finding.clause())
    )
}

fn records(count: usize) -> String {
    match count {
        0 => "The store is empty: no session is kept.".into(),
        1 => "The store keeps 1 session now.".into(),
        _ => format!("The store keeps {count} sessions now."),
    }
}

fn time(demo: &Demo) -> String {
    let seconds = demo.clock.now().as_millis().div_euclid(1000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Days, hours and minutes.
fn span(millis: i64) -> String {
    let minutes = millis / 60_000;
    let parts = [(minutes / 1440, "day"), (minutes / 60 % 24, "hour"), (minutes % 60, "minute")];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts
        .map(|(count, unit)| format!("{count} {unit}{}", if count == 1 { "" } else { "s" }))
        .collect();
    parts.join(", ")
}

/// The requests, the newest first. What the last click did is open: the look at the page, and what
/// was posted before.
fn log(demo: &Demo) -> String {
    let (log, mut open) = (demo.inspector.log(), true);
    let mut entries = log.entries().peekable();
    let mut html = String::new();
    while let Some(request) = entries.next() {
        html += &entry(request, open);
        open &= entries.peek().is_some_and(|next| next.method == "POST");
    }
    html
}

fn entry(entry: &Entry, open: bool) -> String {
    let Entry { method, number, path, status, told, .. } = entry;
    let kind = status.as_u16() / 100;
    let code = |text: &str| format!("<code>{}</code>", escape(text));
    let presented = match &entry.presented {
        Some(cookie) => format!("a session cookie: {}", code(cookie)),
        None => "no session cookie".into(),
    };
    let said = |name: &str| told.get(name).map(|text| escape(text)).unwrap_or_default();
    let decided = if told.contains_key("store") {
        let kind = match said("cookie") {
            cookie if cookie == CookieAction::Clear.to_string() => "delete",
            cookie if cookie == CookieAction::Send.to_string() => "send",
            _ => "keep",
        };
        format!(
            "<dt>Session</dt><dd>{}</dd>\
             <dt>Decided</dt>\
             <dd>Store: <strong class=\"act {store}\">{store}</strong> \
             <span class=\"why\">— {}</span></dd>\
             <dd>Cookie: <strong class=\"act {kind}\">{}</strong> \
             <span class=\"why\">— {}</span></dd>",
            said("origin"),
            said("store_reason"),
            said("cookie"),
            said("cookie_reason"),
            store = said("store"),
        )
    } else if told.contains_key("error") {
        format!("<dt>Failed</dt><dd class=\"failure\">{}</dd>", said("error"))
    } else {
        "<dt>Session</dt><dd>none</dd>".into()
    };
    let operations = match entry.operations.as_slice() {
        [] => "<dd>not asked</dd>".into(),
        operations => join(operations, |Operation { answer, id, name, step, terms }| {
            format!(
                "<dd class=\"operation\"><span class=\"step\">{step}</span> \
                 <strong>{name}</strong> {} {terms} <span class=\"answer {kind}\">→ {answer}</span></dd>",
                code(id),
                kind = if answer.starts_with("refused") { "refused" } else { "" },
            )
        }),
    };
    let headers = match entry.headers.as_slice() {
        [] => "<dd>no header about the session</dd>".into(),
        lines => join(lines, |line| format!("<dd class=\"line\">{}</dd>", code(line))),
    };
    format!(
        "<li><details id=\"request-{number}\" {open}>\
         <summary><span class=\"number\">{number}</span> <span class=\"label\">{}</span> \
         <code class=\"request\">{method} {path}</code> \
         <span class=\"status kind-{kind}\">{}</span> \
         <span class=\"verdict\">{}</span></summary>\
         <dl><dt>Browser sent</dt><dd>{presented}</dd>{decided}\
         <dt>Store asked</dt>{operations}\
         <dt>Browser got</dt><dd>{status}</dd>{headers}</dl></details></li>",
        label(path),
        status.as_u16(),
        verdict(entry),
        open = if open { "open" } else { "" },
        path = escape(path),
    )
}

/// What a request is for.
fn label(path: &str) -> &'static str {
    match path {
        "/" => "Show the page",
        "/busy" => "A slow change",
        "/busy-logout" => "Log out meanwhile",
        "/add" => "Add to the cart",
        "/remove" => "Remove from the cart",
        "/login" => "Log in",
        "/logout" => "Log out",
        "/renew" => "New session id",
        "/tabs" => "One of two tabs",
        "/unset" => "Unset the session",
        "/visit" => "Count a visit",
        _ => "",
    }
}

/// The decision in a few words.
fn verdict(entry: &Entry) -> String {
    let refused = || entry.operations.iter().any(|asked| asked.answer.starts_with("refused"));
    let is = |name, action: &dyn Display| {
        entry.told.get(name).is_some_and(|told| *told == action.to_string())
    };
    let store = if !entry.told.contains_key("store") {
        return if refused() { "refused" } else { "failed" }.into();
    } else if is("store", &StoreAction::Save) {
        if refused() { "merged and saved" } else { "saved" }
    } else if is("store", &StoreAction::Touch) {
        "touched"
    } else if is("store", &StoreAction::Delete)
        || entry.operations.iter().any(|asked| asked.name == "delete")
    {
        "deleted"
    } else {
        "nothing stored"
    };
    if is("cookie", &CookieAction::Clear) {
        format!("{store}, cookie cleared")
    } else if is("cookie", &CookieAction::Send) {
        format!("{store}, cookie sent")
    } else {
        store.into()
    }
}

/// Fills in what stands between double braces. What was filled in is not looked at again.
fn fill(template: &str, value: impl Fn(&str) -> String) -> String {
    let mut parts = template.split("{{");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("}}").unwrap_or((part, ""));
        text += &value(name);
        text += rest;
    }
    text
}

fn join<T>(items: impl IntoIterator<Item = T>, html: impl Fn(T) -> String) -> String {
    items.into_iter().map(html).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
