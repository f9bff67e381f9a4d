//! Chromium with its driver: started on a free port, ended when it is dropped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::wd::{Capabilities, Locator};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How long a condition may take to come true. It is met within milliseconds, or never.
const PATIENCE: Duration = Duration::from_secs(20);

/// One test at a time: two browsers on two processors would take each other's time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // A test that failed leaves nothing behind.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A browser with one page open.
pub(crate) struct Browser {
    runtime: Runtime,
    client: Option<Client>,
    /// After the client, which needs it, is gone.
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
        let driver = Driver::start();
        let address = format!("http://127.0.0.1:{}", driver.port);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut browser = Self { runtime, client: None, _driver: driver, _folder: folder };
        let capabilities = json!({
            "goog:chromeOptions": { "args": [
                "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--force-device-scale-factor=1",
                "--window-size=1400,900", "--hide-scrollbars",
            ] },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("it is one") };
        let capabilities: Capabilities = capabilities;
        let connect = async {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder.capabilities(capabilities).connect(&address).await
        };
        browser.client = Some(browser.runtime.block_on(connect).unwrap_or_else(|error| {
            panic!(
                "Chromium does not start: install Debian's packages chromium and chromium-driver ({error})"
            )
        }));
        let url = format!("file://{}{link}", file.display());
        browser.runtime.block_on(browser.client().goto(&url)).expect("the page opens");
        browser
    }

    /// Opens the page anew.
    pub(crate) fn open_again(&self) {
        self.runtime.block_on(self.client().refresh()).expect("the page opens again");
    }

    fn client(&self) -> &Client {
        self.client.as_ref().expect("it is there until the browser is dropped")
    }

    /// What a script returns.
    pub(crate) fn evaluate(&self, script: &str) -> Value {
        self.runtime
            .block_on(self.client().execute(script, Vec::new()))
            .unwrap_or_else(|error| panic!("`{script}` fails: {error}"))
    }

    /// What a script hands to its last argument, a function, some time later.
    pub(crate) fn evaluate_later(&self, script: &str) -> Value {
        self.runtime
            .block_on(self.client().execute_async(script, Vec::new()))
            .unwrap_or_else(|error| panic!("`{script}` fails: {error}"))
    }

    /// Waits until a script returns true.
    pub(crate) fn wait(&self, condition: &str) {
        let script = format!("return Boolean({condition})");
        let met = self.runtime.block_on(async {
            tokio::time::timeout(PATIENCE, async {
                while self
                    .client()
                    .execute(&script, Vec::new())
                    .await
                    .is_ok_and(|met| met != Value::Bool(true))
                {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            })
            .await
        });
        let seen =
            || self.evaluate("return JSON.stringify(window.highwater?.inSight?.() ?? window.highwater)");
        assert!(met.is_ok(), "`{condition}` does not come true; in sight: {}", seen());
        assert_eq!(self.evaluate(&script), Value::Bool(true), "`{condition}` fails");
    }

    /// Waits until the page has drawn all it has.
    pub(crate) fn wait_until_ready(&self) {
        self.wait("window.highwater?.ready && window.highwater.plotted");
    }

    /// The element of a selector.
    fn element(&self, selector: &str) -> Element {
        self.runtime
            .block_on(self.client().find(Locator::Css(selector)))
            .unwrap_or_else(|error| panic!("there is no `{selector}`: {error}"))
    }

    /// Clicks on the first element of a selector.
    pub(crate) fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.runtime
            .block_on(element.click())
            .unwrap_or_else(|error| panic!("`{selector}` cannot be clicked: {error}"));
    }

    /// Types into an element, which need not be a field.
    pub(crate) fn type_into(&self, selector: &str, keys: &str) {
        let element = self.element(selector);
        self.runtime
            .block_on(element.send_keys(keys))
            .unwrap_or_else(|error| panic!("nothing can be typed into `{selector}`: {error}"));
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
        self.runtime.block_on(self.client().get_alert_text()).is_ok()
    }

    /// Gives the window another size.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        self.runtime
            .block_on(self.client().set_window_size(width, height))
            .expect("the window has another size");
    }

    /// A picture of the window, as PNG.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        self.runtime.block_on(self.client().screenshot()).expect("a picture is taken")
    }

    /// The page made nothing go wrong, and asked nobody for anything.
    pub(crate) fn assert_clean(&self) {
        assert_eq!(self.evaluate("return highwater.errors"), json!([]), "errors of the page");
        let asked =
            self.evaluate("return performance.getEntriesByType('resource').map((entry) => entry.name)");
        assert_eq!(asked, json!([]), "requests of the page");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            // Ends Chromium; whatever fails here, the driver is ended next.
            let _ = self.runtime.block_on(client.close());
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
