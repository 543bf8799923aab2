//! The Lambda itself, invoking a toy that counts its invocations in a file.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::{Answer, Function, Invocation, Launch, Moment};
use crate::folders;
use crate::secrets::random_hex;

const TOY: &str = r#"
import http.client, json, os, sys, time
host, _, prefix = os.environ["AWS_LAMBDA_RUNTIME_API"].removeprefix("http://").partition("/")
api = http.client.HTTPConnection(host)
while True:
    api.request("GET", f"/{prefix}/2018-06-01/runtime/invocation/next")
    reply = api.getresponse()
    event = json.loads(reply.read())
    id = reply.getheader("Lambda-Runtime-Aws-Request-Id")
    assert int(reply.getheader("Lambda-Runtime-Deadline-Ms")) > time.time() * 1000
    if event.get("exit"):
        sys.exit(1)
    if event.get("sleep"):
        time.sleep(60)
    with open(os.environ["COUNT"], "a") as file:
        file.write(id + "\n")
    word = "error" if event.get("fail") else "response"
    api.request("POST", f"/{prefix}/2018-06-01/runtime/invocation/{id}/{word}", json.dumps({"id": id}))
    api.getresponse().read()
"#;

struct Toy {
    folder: PathBuf,
    function: Function,
}

impl Toy {
    fn start(processes: usize) -> Self {
        let folder = folders::own("tests")
            .expect("a folder")
            .join(format!("toy-{}", random_hex(4)));
        fs::create_dir(&folder).expect("a folder");
        let python = Command::new("python3")
            .args(["-c", "import sys; print(sys.executable)"])
            .output()
            .expect("python3");
        let binary = folder.join("toy");
        fs::write(
            &binary,
            format!("#!{}{TOY}", String::from_utf8_lossy(&python.stdout).trim()),
        )
        .expect("a file");
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o700)).expect("a mode");
        let function = Function::new(Launch {
            name: "toy".to_owned(),
            binary,
            env: vec![(
                "COUNT".to_owned(),
                folder.join("count").to_string_lossy().into_owned(),
            )],
            processes,
            concurrency: 1,
            log_folder: folder.clone(),
        });
        Self {
            folder,
            function: function.expect("a function"),
        }
    }

    fn executions(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join("count")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn invoke(&self, invocation: Invocation) -> Answer {
        self.function.invoke(invocation).expect("an invocation")
    }
}

impl Drop for Toy {
    fn drop(&mut self) {
        self.function.kill();
        let _left = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn killed_between_effect_and_reply_it_runs_again_under_the_same_id() {
    let toy = Toy::start(1);
    let invocation = Invocation::new(&json!({})).with_request_id("one");
    let killed = toy.invoke(invocation.clone().killed(Moment::AtReply));
    assert_eq!(killed, Answer::Killed(Some(br#"{"id": "one"}"#.to_vec())));
    assert_eq!(toy.invoke(invocation).json(), json!({ "id": "one" }));
    assert_eq!(toy.executions(), ["one", "one"]);
}

#[test]
fn every_way_that_an_invocation_ends_is_told_apart() {
    let toy = Toy::start(1);
    assert_eq!(
        toy.invoke(Invocation::new(&json!({ "exit": true }))),
        Answer::Died
    );
    assert!(matches!(
        toy.invoke(Invocation::new(&json!({ "fail": true }))),
        Answer::Error(_)
    ));
    let slow = Invocation::new(&json!({ "sleep": true }));
    assert_eq!(
        toy.invoke(slow.clone().with_timeout(Duration::from_millis(300))),
        Answer::TimedOut
    );
    assert_eq!(
        toy.invoke(slow.killed(Moment::After(Duration::from_millis(100)))),
        Answer::Killed(None)
    );
    assert!(matches!(
        toy.invoke(Invocation::new(&json!({}))),
        Answer::Response(_)
    ));
}

#[test]
fn several_processes_share_the_invocations() {
    let toy = Toy::start(4);
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| toy.invoke(Invocation::new(&json!({}))).json());
        }
    });
    assert_eq!(toy.executions().len(), 64);
}
