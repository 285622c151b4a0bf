//! A person's stories with the demo on each framework, in a real browser: what the page shows, and what
//! the browser's cookie jar holds.
//!
//! It needs Chromium (`$CHROMIUM`, or one of the usual names on the PATH); without it it says that it
//! was skipped, and under `CI` it fails. `SCREENSHOT=1` writes the demo's screenshot anew.

mod common;
#[path = "browser/devtools.rs"]
mod devtools;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use http_session_store::OsEnv;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use self::common::{Framework, start};
use self::devtools::Browser;

/// A browser, and the demo's server.
struct World {
    browser: Browser,
    framework: Framework,
    _server: Runtime,
    url: String,
}

impl World {
    /// With the page open. `None`: there is no browser, and the test was skipped.
    fn new(framework: Framework, test: &str) -> Option<Self> {
        let Some(program) = devtools::find() else {
            let why = "there is no Chromium: apt-get install chromium, or set CHROMIUM";
            assert!(std::env::var_os("CI").is_none(), "under CI the browser must run: {why}");
            // Not `eprintln!`, which the test harness swallows when a test passes.
            let text = format!("SKIPPED {framework:?} {test}: {why}\n");
            std::io::stderr().write_all(text.as_bytes()).expect("stderr is open");
            return None;
        };
        let server = Runtime::new().expect("a runtime");
        let url = format!("http://{}/", server.block_on(start(framework, OsEnv)));
        let browser = Browser::start(program);
        let mut world = Self { browser, framework, _server: server, url };
        world.browser.viewport(1280, 900, false);
        world.browser.open(&world.url);
        Some(world)
    }

    /// A cookie in the browser's jar.
    fn cookie(&mut self, name: &str) -> Option<Value> {
        let mut cookies = self.browser.cookies(&self.url);
        let known = |cookie: &Value| cookie["name"] == "id" || cookie["name"] == "connect.sid";
        assert!(cookies.iter().all(known), "those of the two presets, and no other");
        cookies.retain(|cookie| cookie["name"] == name);
        assert!(cookies.len() <= 1, "one cookie of the name at most");
        cookies.pop()
    }

    /// The value of the recommended preset's cookie.
    fn value(&mut self) -> String {
        let cookie = self.cookie("id").expect("there is a cookie");
        cookie["value"].as_str().expect("a text").into()
    }

    /// The session id in it.
    fn id(&mut self) -> String {
        let value = self.value();
        let (id, _) = value.strip_prefix("s%3A").and_then(|id| id.split_once('.')).expect("signed");
        assert_eq!(id.len(), 32);
        id.into()
    }

    /// Neither a whole id nor a signature is anywhere in the page.
    fn nothing_secret_shows(&mut self) {
        let page = self.browser.eval("document.documentElement.outerHTML");
        let page = page.as_str().expect("a text");
        let mut begins = false;
        for cookie in self.browser.cookies(&self.url) {
            let value = cookie["value"].as_str().expect("a text");
            let (id, signature) = value.split_once('.').expect("signed");
            let id = id.strip_prefix("s%3A").expect("signed");
            begins |= page.contains(&id[..6]);
            assert!(!page.contains(&id[..12]) && !page.contains(&signature[..12]));
        }
        assert!(begins, "the beginning of one shows");
        assert_eq!(self.browser.eval("document.cookie"), "", "no script can read one");
    }

    /// Nothing is wider than a window of `width`, or reaches out of its box, whatever is open.
    #[track_caller]
    fn fits(&mut self, width: u32, mobile: bool) {
        self.browser.viewport(width, 900, mobile);
        self.browser
            .eval("document.querySelectorAll('details').forEach((details) => details.open = true)");
        // A phone's browser widens its window to what does not fit.
        let widths = self.browser.eval("[innerWidth, document.documentElement.scrollWidth]");
        assert_eq!(widths, json!([width, width]), "no horizontal scrolling");
        let wide = "[...document.querySelectorAll('.card, .card *')]
            .filter((box) => box.clientWidth > 1 && box.scrollWidth > box.clientWidth)
            .map((box) => box.outerHTML).join()";
        assert_eq!(self.browser.eval(wide), "", "nothing reaches out of its box");
    }

    #[track_caller]
    fn log_in(&mut self, name: &str) {
        self.browser.click("#login-name");
        self.browser.type_text(name);
        self.browser.press("Enter");
        self.browser.until_shows("#name", name);
    }

    #[track_caller]
    fn log_out(&mut self) {
        self.browser.click("#logout");
        self.browser.until_shows("#you", "You are a guest");
    }

    #[track_caller]
    fn add_tea(&mut self) {
        self.browser.click("#add-tea");
        self.browser.until_shows("#flashes", "Tea is in your cart.");
    }

    /// Puts other options in force.
    #[track_caller]
    fn set(&mut self, options: &[(&str, &str)]) {
        for (option, value) in options {
            self.browser.eval(&format!("document.getElementById('{option}').value = '{value}'"));
        }
        self.browser.click("#apply");
        for (option, value) in options {
            // What the server wrote, and not what was chosen above.
            self.browser.until(&format!(
                "document.querySelector('#{option} option[value={value}][selected]') !== null"
            ));
        }
    }

    #[track_caller]
    fn use_preset(&mut self, preset: &str) {
        self.browser.click(&format!("#preset-{preset}"));
        self.browser.until(&format!(
            "document.querySelector('#preset-{preset}').ariaPressed === 'true'
                && document.querySelector('#changed').innerText === ''"
        ));
    }

    /// Puts the clock forward, and waits until the page says so.
    #[track_caller]
    fn forward(&mut self, step: &str) {
        let ahead = self.browser.text("#time-ahead");
        self.browser.click(&format!("#{step}"));
        let change = format!("document.querySelector('#time-ahead').innerText !== '{ahead}'");
        self.browser.until(&change);
    }

    /// What the findings of the audit begin with.
    fn findings(&mut self) -> Vec<String> {
        let texts = "[...document.querySelectorAll('#audit strong')].map((what) => what.innerText)";
        serde_json::from_value(self.browser.eval(texts)).expect("texts")
    }

    /// What the requests before the newest one, two by two, asked the store: each operation's place
    /// in the order of all, its name, and the answer.
    fn operations_of_both(&mut self) -> Vec<(u64, String, String)> {
        let operations = "[...document.querySelectorAll(
                '#log > li:nth-child(2) .operation, #log > li:nth-child(3) .operation'
            )].map((operation) => [
                Number(operation.querySelector('.step').textContent),
                operation.querySelector('strong').textContent,
                operation.querySelector('.answer').textContent.slice(2),
            ]).sort(([left], [right]) => left - right)";
        serde_json::from_value(self.browser.eval(operations)).expect("operations")
    }

    /// Two requests asked the store for this, in this order. `answers` are their beginnings.
    #[track_caller]
    fn asked(&mut self, expected: &[(&str, &str)]) {
        let operations = self.operations_of_both();
        let fits =
            |((_, name, answer), (asked, begin)): (&(u64, String, String), &(&str, &str))| {
                name == asked && answer.starts_with(begin)
            };
        let all = operations.len() == expected.len() && operations.iter().zip(expected).all(fits);
        assert!(all, "{operations:?} is not {expected:?}");
    }

    /// Sends a form as another tab would, and does not wait for the answer.
    fn send(&mut self, path: &str, fields: Value) {
        self.browser.eval(&format!(
            "void fetch('{path}', {{
                method: 'POST', body: new URLSearchParams({fields}), redirect: 'manual',
            }}).then(() => {{ window.answers = (window.answers ?? 0) + 1 }})"
        ));
    }

    fn screenshot(&mut self, file: &Path) {
        let is_first = self.framework == Framework::Axum;
        if is_first && std::env::var_os("SCREENSHOT").is_some_and(|value| value == "1") {
            self.browser.screenshot(file);
        }
    }
}

const NEWEST: &str = "#log > li:nth-child(1)";
const SECOND: &str = "#log > li:nth-child(2)";

/// What two tabs at once ask the store when both changes count.
const MERGED: [(&str, &str); 5] = [
    ("load", "found"),
    ("load", "found"),
    ("save", "written"),
    ("save", "refused: changed meanwhile"),
    ("save", "written"),
];

fn a_persons_story(mut world: World) {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));

    // Somebody who only looks leaves nothing behind.
    assert_eq!(world.browser.cookies(&world.url), [(); 0].map(|()| Value::Null));
    assert!(world.browser.text("#you").contains("You are a guest."));
    assert!(world.browser.text("#records").contains("The store is empty"));
    let seen = world.browser.text(NEWEST);
    for text in [
        "GET /",
        "no session cookie",
        "the request has no session cookie",
        "nothing — the session is new and empty and save_uninitialized is off",
        "not asked",
        "Cache-Control: no-store",
        "Vary: Cookie",
    ] {
        assert!(seen.contains(text), "{text:?} in {seen}");
    }
    assert!(!seen.contains("Set-Cookie"), "{seen}");
    // Two tabs have no session in common yet: in plain words.
    world.browser.click("#both");
    world
        .browser
        .until_shows("#tabs-problem", "You have no session yet that two tabs could share.");
    world.browser.click("#log-out-meanwhile");
    world.browser.until_shows("#busy-problem", "Please log in first");
    assert_eq!(world.browser.text("#tabs-problem"), "");
    assert_eq!(world.browser.complaints().len(), 4, "four answers were 400");

    // A guest's cart is a session.
    world.browser.reload();
    world.add_tea();
    assert!(world.browser.text(SECOND).contains("only if there is none → written"));
    let guest = world.value();

    // Logging in, with the keyboard alone. The cart stays, the id does not.
    world.browser.tab_to("login-name");
    world.browser.type_text("Ada");
    world.browser.press("Enter");
    world.browser.until_shows("#name", "Ada");
    assert_eq!(world.browser.text("#flashes"), "Welcome, Ada. Your session has a new id.");
    assert_eq!(world.browser.text("#problem"), "");
    assert_eq!(world.browser.text("#count-tea"), "1");
    let cookie = world.cookie("id").expect("there is a cookie");
    assert_eq!((&cookie["httpOnly"], &cookie["session"]), (&true.into(), &true.into()));
    assert_eq!((&cookie["sameSite"], &cookie["path"]), (&"Lax".into(), &"/".into()));
    let member = world.value();
    assert_ne!(member, guest);
    assert!(world.browser.text("#records").contains("1 session"));
    world.nothing_secret_shows();
    // The request itself, and the page that was loaded after it.
    let (login, look) = (world.browser.text(SECOND), world.browser.text(NEWEST));
    let (from, to) = (&guest["s%3A".len()..][..6], &world.id()[..6]);
    for text in [
        "POST /login",
        "303",
        "sent — the session has a new id",
        &format!("rotate {from}… to {to}… only if it is still version "),
        "Set-Cookie: id=s:",
        "Cache-Control: private",
        "Vary: Cookie",
    ] {
        assert!(login.contains(text), "{text:?} in {login}");
    }
    for text in ["a session cookie: id=s:", "the session was loaded", "found, version "] {
        assert!(look.contains(text), "{text:?} in {look}");
    }

    // The focus goes on to the next button; Enter and the space bar press it.
    world.browser.until("document.activeElement.id === 'visit'");
    world.browser.press("Enter");
    world.browser.until_shows("#visits", "1");
    assert_eq!(world.browser.text("#flashes"), "", "a message shows once");
    world.browser.press(" ");
    world.browser.until_shows("#visits", "2");

    // Who has the id of before has nothing.
    let url = world.url.clone();
    world.browser.set_cookie(&url, "id", &guest);
    world.browser.reload();
    assert!(world.browser.text("#you").contains("You are a guest."));
    assert_eq!(world.browser.text("#count-tea"), "0");
    assert!(world.browser.text("#ended").contains("it was given another id"));
    world.browser.set_cookie(&url, "id", &member);
    world.browser.reload();
    assert_eq!(world.browser.text("#name"), "Ada");
    assert_eq!(world.browser.text("#ended"), "");

    // A message shows once, and is gone when the page is loaded again. The cart is not.
    world.add_tea();
    assert_eq!(world.browser.text("#count-tea"), "2");
    world.browser.reload();
    assert_eq!(world.browser.text("#flashes"), "");
    assert_eq!(world.browser.text("#count-tea"), "2");
    world.browser.click("#add-bread");
    world.browser.until_shows("#flashes", "Bread is in your cart.");
    world.browser.tab_to("remove-bread");
    world.browser.press("Enter");
    world.browser.until_shows("#flashes", "Bread is out of your cart.");
    assert_eq!(world.browser.text("#count-bread"), "0");
    world.browser.until("document.activeElement.id === 'add-bread'");

    // Two tabs at once: both have loaded before either saves, and both changes count.
    world.browser.click("#both");
    world.browser.until_shows("#race", "Both items and both clicks arrived.");
    let counts = ["tea", "bread", "honey"].map(|item| format!("#count-{item}"));
    assert_eq!(counts.map(|count| world.browser.text(&count)), ["3", "0", "1"]);
    assert_eq!(world.browser.text("#clicks"), "2");
    world.asked(&MERGED);
    world.nothing_secret_shows();
    assert_eq!(world.browser.complaints(), [""; 0]);
    world.browser.eval("scrollTo(0, 0)");
    world.screenshot(&own.join("screenshot.png"));

    // The first one really waits for the second, however long that takes to come.
    world.send("/tabs", json!({ "item": "tea" }));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(world.browser.eval("window.answers ?? 0"), 0);
    world.send("/tabs", json!({ "item": "honey" }));
    world.browser.until("window.answers === 2");
    world.browser.click("#look");
    world.browser.until_shows("#clicks", "4");
    world.asked(&MERGED);

    // A new id, the same data.
    let old = world.id();
    world.browser.click("#renew");
    world.browser.until_shows("#flashes", "Your session has a new id.");
    assert_ne!(world.id(), old);
    assert_eq!(world.browser.text("#visits"), "2");
    world.nothing_secret_shows();

    // A session that was unset stays in the store, because the option `unset` says so.
    world.browser.click("#unset-now");
    world.browser.until_shows(SECOND, "POST /unset");
    assert!(world.browser.text(SECOND).contains("the session was destroyed or unset"));
    assert_eq!(world.browser.text("#name"), "Ada");

    // Logging out deletes the record, and the browser forgets the cookie.
    world.log_out();
    assert!(world.browser.text("#records").contains("The store is empty"));
    assert_eq!(world.browser.text("#visits"), "0");
    let seen = world.browser.text(SECOND);
    for text in [
        "deleted, cookie cleared",
        "cleared — the session was ended: the browser is to forget its cookie",
        "Set-Cookie: id=; ",
    ] {
        assert!(seen.contains(text), "{text:?} in {seen}");
    }
    assert_eq!(world.browser.cookies(&world.url), [(); 0].map(|()| Value::Null));
    assert!(world.browser.text(NEWEST).contains("the request has no session cookie"));
    assert_eq!(world.browser.text("#ended"), "");
    world.browser.until("document.activeElement.id === 'login-name'");

    // Logged out in one tab, while another one is busy: what was ended stays ended.
    world.log_in("Ada");
    world.browser.click("#log-out-meanwhile");
    world.browser.until_shows("#busy-problem", "Another tab has ended your session meanwhile.");
    assert!(world.browser.text("#you").contains("You are a guest."));
    assert!(world.browser.text("#records").contains("The store is empty"));
    world.asked(&[
        ("load", "found"),
        ("load", "found"),
        ("delete", "deleted"),
        ("save", "refused: there is none any more"),
    ]);
    assert_eq!(world.browser.cookies(&world.url), [(); 0].map(|()| Value::Null));
    assert_eq!(world.browser.complaints().len(), 1, "one answer was 409");
}

fn presets_and_options(mut world: World) {
    // The recommended preset: all that is to be said of it comes from plain HTTP on localhost.
    let safe = ["The cookie travels over plain HTTP", "Other hosts of the site can set the cookie"];
    assert_eq!(world.findings(), safe);
    let seen = world.browser.text("#audit");
    assert!(seen.contains("OWASP ASVS 5.0 3.3.1"), "{seen}");
    world.browser.click("#in-code summary");
    assert!(world.browser.text("#code").starts_with("Config::recommended(secret)\n"));
    world.log_in("Ada");

    // Two tabs at once, one refused: it is told so, and nothing is lost in silence.
    world.set(&[("conflict", "refuse")]);
    assert!(world.browser.text("#code").contains(".conflict(Conflict::Refuse)\n    .build()?"));
    assert!(world.browser.text("#changed").contains("Some options differ from the preset's"));
    world.browser.click("#both");
    world.browser.until_shows("#race", "One tab was refused");
    world.browser.until_shows("#tabs-problem", "Another tab has changed your session meanwhile.");
    assert_eq!(world.browser.text("#clicks"), "1");
    let [refused, _] = &MERGED[2..4] else { unreachable!("two") };
    world.asked(&[MERGED[0], MERGED[1], *refused, MERGED[3]]);
    let statuses = "[...document.querySelectorAll('#log .status')].slice(1, 3)
        .map((status) => status.textContent).sort().join()";
    assert_eq!(world.browser.eval(statuses), "303,409");
    assert_eq!(world.browser.complaints().len(), 1, "one answer was 409");

    // What the library refuses is said in plain words, beside the form, and nothing changes.
    world.browser.eval("document.getElementById('absolute').value = 'ten_minutes'");
    world.browser.click("#apply");
    world
        .browser
        .until_shows("#options-problem", "The idle timeout is longer than the absolute one");
    assert_eq!(world.browser.complaints().len(), 1, "the answer was 400");
    world.use_preset("recommended");
    assert_eq!(world.browser.text("#options-problem"), "");
    assert_eq!(world.findings(), safe);
    assert_eq!(world.browser.eval("document.getElementById('absolute').value"), "month");

    // express, with all that it sets. Its cookie has another name: whoever comes by gets it, and the
    // other preset's stays in the jar.
    world.use_preset("express");
    let options = "[...document.querySelectorAll('#options-form :is(select, input)')]
        .map((field) => `${field.name}=${field.type === 'checkbox' ? field.checked : field.value}`)
        .join(' ')";
    assert_eq!(
        world.browser.eval(options),
        "preset=express conflict=overwrite idle=none absolute=none max_age=none unset=keep \
         resave=true rolling=false save_uninitialized=true"
    );
    assert_eq!(world.browser.text("#code"), "Config::express(secret)\n    .build()?");
    let findings = world.findings();
    for finding in [
        "Parallel requests of one session overwrite each other",
        "Resave is on",
        "save_uninitialized is on",
        "Sessions that are used never end",
        "express-session's quirks are on",
    ] {
        assert!(findings.iter().any(|found| found == finding), "{finding:?} in {findings:?}");
    }
    assert_eq!(findings.len(), 10, "{findings:?}");
    assert!(world.browser.text("#you").contains("You are a guest."));
    let seen = world.browser.text(NEWEST);
    assert!(seen.contains("the session is new and save_uninitialized is on"), "{seen}");
    assert!(seen.contains("Cache-Control: no-store") && !seen.contains("Vary"), "{seen}");
    let cookie = world.cookie("connect.sid").expect("there is a cookie");
    assert_eq!((&cookie["httpOnly"], &cookie["sameSite"]), (&true.into(), &Value::Null));
    assert!(world.cookie("id").is_some());
    world.browser.click("#look");
    world.browser.until_shows(NEWEST, "resave is on: an unchanged session is written back");

    // Two tabs at once: one change is lost, and the page says so.
    world.log_in("Ada");
    world.browser.click("#both");
    world.browser.until_shows("#race", "One item was lost");
    assert!(world.browser.text("#race").contains("1 click of 2"));
    assert_eq!(world.browser.text("#clicks"), "1");
    let counts = [world.browser.text("#count-tea"), world.browser.text("#count-honey")];
    assert!(counts == ["1", "0"] || counts == ["0", "1"], "{counts:?}");
    world.asked(&[MERGED[0], MERGED[1], ("save", "written"), ("save", "written")]);
    assert!(world.browser.text(SECOND).contains("whatever is there"));
    world.nothing_secret_shows();

    // Logged out in one tab, while another one is busy: the slow one brings the session back.
    world.browser.click("#log-out-meanwhile");
    world.browser.until_shows("#revived", "The log-out came to nothing: you are still logged in.");
    assert_eq!(world.browser.text("#name"), "Ada");
    world.asked(&[
        ("load", "found"),
        ("load", "found"),
        ("delete", "deleted"),
        ("save", "written"),
    ]);

    // Logging out: the browser keeps the cookie, though it is worth nothing.
    let before = world.cookie("connect.sid");
    world.set(&[("conflict", "merge")]);
    world.browser.click("#save_uninitialized");
    world.browser.click("#apply");
    world.browser.until_shows("#code", ".save_uninitialized(false)");
    world.log_out();
    assert_eq!(world.cookie("connect.sid"), before);
    assert!(world.browser.text("#ended").contains("Your session is over: you logged out"));
    assert!(world.browser.text(NEWEST).contains("the store has no such session"));
    assert!(!world.browser.text(SECOND).contains("Set-Cookie"));

    // Back: the session that was left there is still the one of that cookie.
    world.use_preset("recommended");
    world.browser.until_shows("#name", "Ada");
    assert_eq!(world.browser.complaints(), [""; 0]);
}

fn sessions_end(mut world: World) {
    // A day unused. (A name is text, whatever it looks like.)
    world.log_in("<b>Grace</b>");
    assert!(world.browser.text("#end").contains("ends in 1 day (idle timeout)"));
    world.forward("hour");
    assert_eq!(world.browser.text("#name"), "<b>Grace</b>");
    world.forward("day");
    world.browser.until_shows("#you", "You are a guest");
    assert_eq!(world.browser.text("#time-ahead"), "1 day, 1 hour ahead");
    assert!(world.browser.text("#records").contains("The store is empty"));
    assert_eq!(world.browser.text("#end"), "");
    let seen = world.browser.text("#ended");
    assert!(seen.contains("over: nobody used it for 24 hours (idle timeout)."), "{seen}");
    let seen = world.browser.text(NEWEST);
    assert!(seen.contains("the store has no such session: it ended, or it expired"), "{seen}");
    assert!(seen.contains("not found"), "{seen}");
    world.nothing_secret_shows();

    // In use, it does not end ...
    world.set(&[("idle", "five_minutes"), ("absolute", "ten_minutes")]);
    world.add_tea();
    for _ in 0..6 {
        world.forward("minute");
    }
    assert_eq!(world.browser.text("#count-tea"), "1");
    assert!(
        world.browser.text("#end").contains("ends in 4 minutes, used or not (absolute timeout)")
    );
    // ... but ten minutes after it began; and with a log-in it begins anew.
    world.log_in("Ada");
    for _ in 0..9 {
        world.forward("minute");
    }
    assert_eq!(world.browser.text("#name"), "Ada");
    assert_eq!(world.browser.text("#count-tea"), "1");
    // A change does not put that off.
    world.browser.click("#visit");
    world.browser.until_shows("#visits", "1");
    world.forward("minute");
    world.browser.until_shows("#you", "You are a guest");
    let seen = world.browser.text("#ended");
    assert!(
        seen.contains("it had reached its absolute timeout, 10 minutes after it began"),
        "{seen}"
    );
    assert_eq!(world.browser.text("#count-tea"), "0");

    // Shorter timeouts are in force at once, whatever the store was told before.
    world.use_preset("recommended");
    world.log_in("Ada");
    world.forward("hour");
    world.set(&[("idle", "five_minutes"), ("absolute", "ten_minutes")]);
    world.browser.until_shows("#you", "You are a guest");
    assert!(world.browser.text(NEWEST).contains("the session had reached its absolute timeout"));
    assert!(world.browser.text("#ended").contains("it had reached its absolute timeout"));

    world.log_in("Ada");
    world.log_out();

    // Without timeouts a session ends with its cookie.
    world.set(&[("idle", "none"), ("absolute", "none"), ("max_age", "minute")]);
    assert!(world.findings().iter().any(|finding| finding == "Sessions that are used never end"));
    world.log_in("Ada");
    assert_eq!(world.cookie("id").expect("there is a cookie")["session"], false);
    world.forward("minute");
    world.browser.until_shows("#you", "You are a guest");
    assert!(world.browser.text("#ended").contains("its cookie had an end"));
    world.browser.click("#back");
    world.browser.until_shows("#time-ahead", "the real time");
    assert_eq!(world.browser.complaints(), [""; 0]);
}

fn any_screen_and_no_script(mut world: World) {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));

    // On a phone, with all that can be opened open; and in the dark. With all that can be said.
    world.browser.click("#preset-express");
    world.log_in("A name of forty characters without a gap".replace(' ', "m").as_str());
    world.browser.click("#both");
    world.browser.until_shows("#race", "One item was lost");
    world.fits(360, true);
    world.browser.eval("scrollTo(0, 0)");
    world.screenshot(&scratch.join("phone.png"));
    let light = world.browser.eval("getComputedStyle(document.body).backgroundColor");
    world.browser.color_scheme("dark");
    assert_ne!(world.browser.eval("getComputedStyle(document.body).backgroundColor"), light);
    world.fits(800, false);
    world.fits(1280, false);
    world.browser.eval("scrollTo(0, 0)");
    world.screenshot(&scratch.join("dark.png"));

    // Without JavaScript the forms do the same, page by page.
    world.browser.scripts(false);
    world.browser.call("Page.reload", json!({}));
    world.browser.until("!document.documentElement.classList.contains('has-script')");
    world.use_preset("recommended");
    world.browser.click("#visit");
    world.browser.until_shows("#visits", "1");
    world.browser.click("#add-honey");
    world.browser.until_shows("#flashes", "Honey is in your cart.");
    world.set(&[("conflict", "refuse")]);
    world.log_in("Edsger");
    world.forward("day");
    world.browser.until_shows("#ended", "idle timeout");
    assert_eq!(world.browser.complaints(), [""; 0]);
}

/// Plays each story on a framework.
macro_rules! stories {
    ($($module:ident: $framework:ident),* => $stories:tt) => {
        $(mod $module { $crate::stories! { $framework $stories } })*
    };
    ($framework:ident { $($story:ident),* }) => {
        $(#[test]
        fn $story() {
            let world = super::World::new(super::Framework::$framework, stringify!($story));
            world.into_iter().for_each(super::$story);
        })*
    };
}
pub(crate) use stories;

stories! {
    axum: Axum, rocket: Rocket, warp: Warp
    => { a_persons_story, presets_and_options, sessions_end, any_screen_and_no_script }
}
