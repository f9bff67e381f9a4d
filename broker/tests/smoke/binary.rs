//! The server binary, as its users start it.

use std::process::{Child, Command, Output, Stdio};

use highwater_broker::config::BrokerConfig;
use highwater_broker::env::tokio::TokioEnv;
use highwater_broker::wire::APIS;
use kafka_protocol::messages::ApiVersionsRequest;

use crate::client::Client;
use crate::{eventually, free_ports};

fn broker(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highwater-broker"));
    command.args(arguments);
    command
}

fn output(arguments: &[&str]) -> Output {
    broker(arguments).output().expect("the binary starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn help_tells_every_key() {
    let output = output(&["--help"]);
    let help = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    for key in BrokerConfig::keys() {
        assert!(help.contains(&format!("{}={}", key.name, key.default)), "{help}");
    }
}

#[test]
fn bad_keys_and_values_are_bad_usage() {
    let common = ["--id", "1", "--voter", "1@127.0.0.1:9092:9093", "--data", "nowhere", "--set"];
    let refused = |setting| {
        let output = output(&[&common[..], &[setting]].concat());
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        stderr(&output)
    };
    let message = refused("log.retention.ms=5");
    assert!(message.contains("unknown broker key `log.retention.ms`"), "{message}");
    let message = refused("request.timeout.ms=soon");
    assert!(message.contains("request.timeout.ms") && message.contains("milliseconds above 0"), "{message}");
}

/// A process that does not outlive the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended, or is to end: either is fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_cluster_of_one_serves_keeps_its_folder_and_stops_when_asked() {
    let [port, quorum_port] = free_ports();
    let root = tempfile::tempdir().expect("a folder");
    let data = root.path().join("data");
    let (port_text, voter) = (port.to_string(), format!("1@127.0.0.1:{port}:{quorum_port}"));
    let data = data.to_str().expect("the path is UTF-8");
    let arguments = ["--id", "1", "--port", &port_text, "--voter", &voter, "--data", data];
    let process = broker(&arguments).stderr(Stdio::null()).spawn().expect("the binary starts");
    let mut process = Process(process);

    let client = Client { env: TokioEnv::new(root.path().to_owned(), 0), brokers: [(1, port)].into() };
    let spoken = eventually("answer", async || client.ask(port, &ApiVersionsRequest::default()).await).await;
    let spoken = spoken.api_keys.iter().map(|api| (api.api_key, api.min_version, api.max_version));
    assert!(spoken.eq(APIS.iter().copied()), "what it says is what there is");

    let second = output(&arguments);
    assert_eq!(second.status.code(), Some(74), "{second:?}");
    assert!(stderr(&second).contains("give this node a folder of its own"), "{second:?}");

    let interrupt = Command::new("kill").args(["-INT", &process.0.id().to_string()]).status();
    assert!(interrupt.expect("there is kill").success());
    let status = eventually("stop", async || match process.0.try_wait() {
        Ok(status) => status.ok_or("it is still running".to_owned()),
        Err(error) => Err(error.to_string()),
    });
    assert_eq!(status.await.code(), Some(0));
}
