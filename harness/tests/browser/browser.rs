//! Chromium with its driver: started on a free port, ended when it is dropped. The driver is spoken to in WebDriver
//! (W3C), which is JSON over HTTP; the few commands that are needed stand here.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

/// The name of an element in WebDriver's answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How long a condition may take to come true, in milliseconds. It is met at once, or never.
const PATIENCE_MS: u32 = 20_000;
/// How long the driver may take for a command.
const COMMAND_WITHIN: Duration = Duration::from_secs(60);

/// One test at a time: two browsers on two processors would take each other's time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // A test that failed leaves nothing behind.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A browser with one page open.
pub(crate) struct Browser {
    agent: Agent,
    /// The address of the session with the driver; empty before there is one.
    session: String,
    _driver: Driver,
    _folder: TempDir,
}

impl Browser {
    /// Opens a page from the disk, in a window of 1400 by 900.
    pub(crate) fn open(name: &str, page: &str) -> Self {
        Self::open_at(name, page, "")
    }

    /// Opens a page at a link into it, like `#op=12`.
    pub(crate) fn open_at(name: &str, page: &str, link: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = match std::env::var_os("HIGHWATER_PAGES") {
            Some(kept) => PathBuf::from(kept).join(format!("{name}.html")),
            None => folder.path().join(format!("{name}.html")),
        };
        fs::write(&file, page).expect("the page is written");
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(COMMAND_WITHIN))
            .build()
            .into();
        let driver = Driver::start();
        let address = format!("http://127.0.0.1:{}/session", driver.port);
        let mut browser = Self { agent, session: String::new(), _driver: driver, _folder: folder };
        let capabilities = json!({
            "goog:chromeOptions": { "args": [
                "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                "--force-device-scale-factor=1", "--window-size=1400,900", "--hide-scrollbars",
            ] },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let session = browser.post(&address, &json!({ "capabilities": { "alwaysMatch": capabilities } }));
        let session = session.unwrap_or_else(|error| {
            panic!(
                "Chromium does not start: install Debian's packages chromium and chromium-driver ({error})"
            )
        });
        browser.session =
            format!("{address}/{}", session["sessionId"].as_str().expect("a session has an id"));
        browser.command("url", &json!({ "url": format!("file://{}{link}", file.display()) }));
        browser
    }

    /// Opens the page anew.
    pub(crate) fn open_again(&self) {
        self.command("refresh", &json!({}));
    }

    fn post(&self, address: &str, body: &Value) -> Result<Value, String> {
        answer(self.agent.post(address).send_json(body))
    }

    /// What a command of the session answers.
    fn command(&self, command: &str, body: &Value) -> Value {
        self.post(&format!("{}/{command}", self.session), body)
            .unwrap_or_else(|error| panic!("{command} {body} fails: {error}"))
    }

    /// What a script returns.
    pub(crate) fn evaluate(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// What a script hands to its last argument, a function, some time later.
    pub(crate) fn evaluate_later(&self, script: &str) -> Value {
        self.command("execute/async", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression is true.
    pub(crate) fn wait(&self, condition: &str) {
        let met = self.evaluate_later(&format!(
            "const told = arguments[0];
             const began = performance.now();
             const look = () => {{
                 let met = false;
                 try {{ met = Boolean({condition}); }} catch {{ /* not yet */ }}
                 if (met || performance.now() - began > {PATIENCE_MS}) told(met); else setTimeout(look, 5);
             }};
             look();"
        ));
        let seen =
            || self.evaluate("return JSON.stringify(window.highwater?.inSight?.() ?? window.highwater)");
        assert!(met == json!(true), "`{condition}` does not come true; in sight: {}", seen());
    }

    /// Waits until the page has drawn all it has.
    pub(crate) fn wait_until_ready(&self) {
        self.wait("window.highwater?.ready && window.highwater.plotted");
    }

    /// A command about the first element of a selector.
    fn on_element(&self, selector: &str, command: &str, body: &Value) {
        let found = self.command("element", &json!({ "using": "css selector", "value": selector }));
        let element =
            found[ELEMENT].as_str().unwrap_or_else(|| panic!("`{selector}` is no element: {found}"));
        self.command(&format!("element/{element}/{command}"), body);
    }

    /// Clicks on the first element of a selector.
    pub(crate) fn click(&self, selector: &str) {
        self.on_element(selector, "click", &json!({}));
    }

    /// Types into an element, which need not be a field.
    pub(crate) fn type_into(&self, selector: &str, keys: &str) {
        self.on_element(selector, "value", &json!({ "text": keys }));
    }

    /// The text of the first element of a selector, in sight or not.
    pub(crate) fn text(&self, selector: &str) -> String {
        let text = self.evaluate(&format!("return document.querySelector({})?.textContent", json!(selector)));
        text.as_str().unwrap_or_else(|| panic!("there is no `{selector}`")).to_owned()
    }

    /// What the page says is in sight.
    pub(crate) fn in_sight(&self) -> Value {
        self.evaluate("return highwater.inSight()")
    }

    /// Whether the page has opened a dialog.
    pub(crate) fn has_dialog(&self) -> bool {
        answer(self.agent.get(format!("{}/alert/text", self.session)).call()).is_ok()
    }

    /// Gives the window another size.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        self.command("window/rect", &json!({ "width": width, "height": height }));
    }

    /// A picture of the window, as PNG.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        let picture = answer(self.agent.get(format!("{}/screenshot", self.session)).call());
        let picture = picture.unwrap_or_else(|error| panic!("no picture is taken: {error}"));
        STANDARD.decode(picture.as_str().expect("a picture")).expect("it is base64")
    }

    /// The page made nothing go wrong, and asked nobody for anything.
    pub(crate) fn assert_clean(&self) {
        assert_eq!(self.evaluate("return highwater.errors"), json!([]), "errors of the page");
        let asked =
            self.evaluate("return performance.getEntriesByType('resource').map((entry) => entry.name)");
        assert_eq!(asked, json!([]), "requests of the page");
        let mut said = self.command("se/log", &json!({ "type": "browser" }));
        // Hints at what could be drawn faster, as where a test reads pixels back to measure, are no complaint.
        said.as_array_mut().expect("a list").retain(|line| line["source"] != "rendering");
        assert_eq!(said, json!([]), "what the console says");
    }
}

/// The value that an answer of the driver bears, or what went wrong.
fn answer(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value, String> {
    let mut answer = answer.map_err(|error| error.to_string())?;
    let mut told: Value = answer.body_mut().read_json().map_err(|error| error.to_string())?;
    match answer.status().is_success() {
        true => Ok(told["value"].take()),
        false => Err(format!("{}: {}", told["value"]["error"], told["value"]["message"])),
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            // Ends Chromium; whatever fails here, the driver is ended next.
            let _ = self.agent.delete(&self.session).call();
        }
    }
}

/// The process that drives Chromium; it ends when this is dropped.
struct Driver {
    process: Child,
    /// Where it serves, on loopback.
    port: u16,
}

impl Driver {
    /// Starts it, and reads from it which port it took.
    fn start() -> Self {
        let process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("no chromedriver: install Debian's package chromium-driver ({error})")
            });
        let mut driver = Self { process, port: 0 };
        let mut told = BufReader::new(driver.process.stdout.take().expect("it is piped"));
        let mut all = String::new();
        loop {
            let mut line = String::new();
            if told.read_line(&mut line).expect("chromedriver's output is text") == 0 {
                panic!("chromedriver ended before it served: {all}");
            }
            all += &line;
            if let Some((_, port)) = line.trim_end().trim_end_matches('.').rsplit_once("on port ")
                && line.contains("started successfully")
            {
                driver.port = port.parse().expect("chromedriver tells a port");
                // It goes on telling, and must not wait for a reader.
                std::thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
                return driver;
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
