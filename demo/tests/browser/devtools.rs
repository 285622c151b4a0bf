//! Chromium, driven over the DevTools protocol: as JSON texts over two pipes, each with a NUL at its
//! end (`--remote-debugging-pipe`). That needs neither a port nor a WebSocket, and a browser whose
//! pipe ends goes away by itself.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// How many browsers this process has started: each has a profile of its own.
static STARTED: AtomicU64 = AtomicU64::new(0);

const PATIENCE: Duration = Duration::from_secs(10);

/// A browser with one page. It ends when this is dropped.
pub(crate) struct Browser {
    child: Child,
    commands: Option<ChildStdin>,
    /// What the page or the browser complained about: errors, exceptions, violations of the policy.
    complaints: Vec<String>,
    count: u64,
    messages: Receiver<Value>,
    /// The page's, once there is one.
    page: Option<String>,
    profile: PathBuf,
}

/// The browser to take: `$CHROMIUM`, or else the first that is there under a usual name.
pub(crate) fn find() -> Option<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &&str| env::split_paths(&path).any(|folder| folder.join(name).is_file());
    let usual = ["chromium", "chromium-browser", "google-chrome"];
    let chosen = env::var_os("CHROMIUM").filter(|program| !program.is_empty());
    chosen.or_else(|| usual.into_iter().find(is_there).map(Into::into))
}

impl Browser {
    pub(crate) fn start(program: OsString) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let number = STARTED.fetch_add(1, Ordering::SeqCst);
        let profile = folder.join(format!("browser-{}-{number}", std::process::id()));
        // The browser reads from descriptor 3 and writes to 4. It is the shell that puts ours there.
        let mut child = Command::new("/bin/sh")
            .args(["-c", "exec \"$@\" 3<&0 4>&1 0</dev/null 1>&2", "sh"])
            .arg(program)
            .args(["--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-quic", "--no-first-run", "--disable-background-networking"])
            .args(["--disable-component-update", "--disable-sync", "--hide-scrollbars"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the shell starts");
        let (sender, messages) = channel();
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        thread::spawn(move || {
            for message in answers.split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).expect("JSON");
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let (commands, complaints) = (child.stdin.take(), Vec::new());
        let mut browser =
            Self { child, commands, complaints, count: 0, messages, page: None, profile };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", attach);
        browser.page = attached["sessionId"].as_str().map(Into::into);
        for domain in ["Log", "Network", "Page", "Runtime"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Sends a command and waits for its answer.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        self.count += 1;
        let mut command = json!({ "id": self.count, "method": method, "params": params });
        if let Some(page) = &self.page {
            command["sessionId"] = page.as_str().into();
        }
        let pipe = self.commands.as_mut().expect("it is open until the end");
        pipe.write_all(format!("{command}\0").as_bytes()).expect("the browser reads");
        loop {
            let message = self.messages.recv_timeout(PATIENCE);
            let message = message.unwrap_or_else(|error| panic!("{method}: no answer: {error}"));
            if message["id"] == self.count {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.listen(&message);
        }
    }

    fn listen(&mut self, event: &Value) {
        let params = &event["params"];
        let complaint = match event["method"].as_str() {
            Some("Log.entryAdded") if params["entry"]["level"] == "error" => &params["entry"],
            Some("Runtime.consoleAPICalled") if params["type"] == "error" => params,
            Some("Runtime.exceptionThrown") => params,
            _ => return,
        };
        self.complaints.push(complaint.to_string());
    }

    /// What there was to complain about since this was asked last.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        // What was said before this answer has been heard when it is there.
        self.eval("0");
        std::mem::take(&mut self.complaints)
    }

    /// The value of a JavaScript expression.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true });
        let result = self.call("Runtime.evaluate", params);
        let exception = &result["exceptionDetails"];
        assert!(exception.is_null(), "{expression}: {exception}");
        result["result"]["value"].clone()
    }

    /// Waits until a JavaScript expression is true, in a page that is all there: before that, what is
    /// in it may still move.
    #[track_caller]
    pub(crate) fn until(&mut self, expression: &str) {
        let begin = Instant::now();
        // While another page comes in there is none, and nothing in it.
        let guarded = format!(
            "document.readyState === 'complete'
                && (() => {{ try {{ return {expression} }} catch {{}} }})() === true"
        );
        while self.eval(&guarded) != true {
            if begin.elapsed() > PATIENCE {
                let page = self.eval("document.body.innerText");
                panic!("not within {PATIENCE:?}: {expression}\n{}", page.as_str().unwrap_or("-"));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until an element's text contains `text`.
    #[track_caller]
    pub(crate) fn until_shows(&mut self, selector: &str, text: &str) {
        let (selector, text) = (json!(selector), json!(text));
        self.until(&format!("document.querySelector({selector}).innerText.includes({text})"));
    }

    /// An element's text, as it is seen.
    pub(crate) fn text(&mut self, selector: &str) -> String {
        let text = self.eval(&format!("document.querySelector({}).innerText", json!(selector)));
        text.as_str().expect("a text").into()
    }

    /// Goes to an address, and waits until its page is there with its script.
    #[track_caller]
    pub(crate) fn open(&mut self, url: &str) {
        self.call("Page.navigate", json!({ "url": url }));
        self.ready();
    }

    #[track_caller]
    pub(crate) fn reload(&mut self) {
        // What was there before must not pass for what is to come.
        self.eval("window.isOld = true");
        self.call("Page.reload", json!({}));
        self.ready();
    }

    #[track_caller]
    fn ready(&mut self) {
        let script = "document.documentElement.classList.contains('has-script')";
        self.until(&format!("!window.isOld && location.protocol === 'http:' && {script}"));
    }

    /// Clicks into the middle of an element.
    #[track_caller]
    pub(crate) fn click(&mut self, selector: &str) {
        let middle = format!(
            "(() => {{
                const element = document.querySelector({});
                element.scrollIntoView({{ block: 'center', behavior: 'instant' }});
                const {{ x, y, width, height }} = element.getBoundingClientRect();
                return [x + width / 2, y + height / 2];
            }})()",
            json!(selector)
        );
        let middle = self.eval(&middle);
        for kind in ["mousePressed", "mouseReleased"] {
            self.call(
                "Input.dispatchMouseEvent",
                json!({
                    "type": kind, "x": middle[0], "y": middle[1], "button": "left", "clickCount": 1,
                }),
            );
        }
    }

    /// Presses a key: `Tab`, `Enter` or the space bar.
    pub(crate) fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            "Tab" => (9, ""),
            " " => (32, " "),
            _ => panic!("no such key: {key}"),
        };
        let name = if key == " " { "Space" } else { key };
        for kind in [if text.is_empty() { "rawKeyDown" } else { "keyDown" }, "keyUp"] {
            let mut params = json!({
                "type": kind, "key": key, "code": name, "windowsVirtualKeyCode": code,
            });
            if kind == "keyDown" {
                params["text"] = text.into();
            }
            self.call("Input.dispatchKeyEvent", params);
        }
    }

    /// Goes on with the Tab key until an element has the focus, and shows it.
    #[track_caller]
    pub(crate) fn tab_to(&mut self, id: &str) {
        for _ in 0..60 {
            if self.eval("document.activeElement.id") == id {
                let outline = self.eval("getComputedStyle(document.activeElement).outlineStyle");
                assert_eq!(outline, "solid", "the focus on #{id} is to be seen");
                return;
            }
            self.press("Tab");
        }
        panic!("the Tab key does not reach #{id}");
    }

    pub(crate) fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// The cookies that the browser would send to `url`.
    pub(crate) fn cookies(&mut self, url: &str) -> Vec<Value> {
        let cookies = self.call("Network.getCookies", json!({ "urls": [url] }));
        cookies["cookies"].as_array().expect("a list").clone()
    }

    /// Puts a cookie into the browser's jar.
    pub(crate) fn set_cookie(&mut self, url: &str, name: &str, value: &str) {
        let cookie = json!({ "url": url, "name": name, "value": value, "httpOnly": true });
        assert_eq!(self.call("Network.setCookie", cookie)["success"], true);
    }

    pub(crate) fn viewport(&mut self, width: u32, height: u32, mobile: bool) {
        self.call(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile }),
        );
    }

    pub(crate) fn color_scheme(&mut self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    pub(crate) fn scripts(&mut self, on: bool) {
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": !on }));
    }

    pub(crate) fn screenshot(&mut self, file: &Path) {
        let params = json!({ "format": "png", "optimizeForSpeed": false });
        let image = self.call("Page.captureScreenshot", params);
        let image = STANDARD.decode(image["data"].as_str().expect("base64")).expect("base64");
        std::fs::write(file, image).expect("the file can be written");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The end of its pipe ends the browser, and the processes that it started.
        drop(self.commands.take());
        let begin = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begin.elapsed() > PATIENCE {
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}
