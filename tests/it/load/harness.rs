//! Runs `load`, reads its report, and checks what has to hold of every report.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::serving::{Wire, eventually, request};
use crate::support::{program, stderr, stdout};

pub(super) const SECRET: &str = "s3cret of the load tests";

/// A run may take this long at most; reached only when something hangs.
const LONGEST: Duration = Duration::from_secs(40);

/// A run that is over.
pub(super) struct Loaded {
    pub output: Output,
    pub report: Value,
    /// Keeps the files until the test is over.
    pub folder: tempfile::TempDir,
}

impl Loaded {
    /// A count of the report.
    pub(super) fn count(&self, name: &str) -> u64 {
        number(&self.report["counts"][name])
    }

    /// How many failures of a class there were.
    pub(super) fn errors(&self, class: &str) -> u64 {
        self.report["errors"][class]["count"].as_u64().unwrap_or(0)
    }

    /// What the first failure of a class said.
    #[track_caller]
    pub(super) fn first(&self, class: &str) -> &str {
        let first = self.report["errors"][class]["first"].as_str();
        first.unwrap_or_else(|| panic!("no {class}: {}", self.report["errors"]))
    }

    #[track_caller]
    pub(super) fn assert_code(&self, code: i32) -> &Self {
        crate::support::assert_code(&self.output, code);
        self
    }

    /// Asserts that everything that was planned was sent and answered as wanted.
    #[track_caller]
    pub(super) fn assert_all_well(&self, count: u64) -> &Self {
        self.assert_code(0);
        for name in ["planned", "sent", "ok"] {
            assert_eq!(
                self.count(name),
                count,
                "{name}: {}\n{}",
                self.report["counts"],
                self.report["errors"]
            );
        }
        self
    }
}

pub(super) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))
}

/// The smallest story there is.
pub(super) fn transfer() -> PathBuf {
    Path::new("scenarios").join("load-transfer.toml")
}

/// A story file of its own, which lasts as long as the folder.
pub(super) fn story(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("story.toml");
    fs::write(&path, text).unwrap();
    (folder, path)
}

/// The command line of a load, with a report in the folder.
pub(super) fn command(folder: &Path, file: &Path, url: &str, args: &[&str]) -> Command {
    let mut command = program();
    command.arg("load").arg(file).args(["--callback-url", url, "--secret", SECRET]);
    // The receivers of these tests are there, or meant not to be; and they count their connections.
    command.args(["--wait-for-receiver", "0"]);
    command.arg("--report").arg(folder.join("report.json"));
    // How busy the machine is that runs the tests is no matter of theirs.
    if !args.contains(&"--void-above") {
        command.args(["--void-above", "100%"]);
    }
    command.args(args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Loads a receiver with a story and reads the report. The sums match.
#[track_caller]
pub(super) fn load_story(file: &Path, url: &str, args: &[&str]) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let child = command(folder.path(), file, url, args).spawn().expect("the program starts");
    finished(child, folder)
}

/// Loads a receiver with the smallest story.
#[track_caller]
pub(super) fn load(url: &str, args: &[&str]) -> Loaded {
    load_story(&transfer(), url, args)
}

/// Reads the report of a run when it is over. The sums match.
#[track_caller]
pub(super) fn finished(child: Child, folder: tempfile::TempDir) -> Loaded {
    let output = ended(child);
    let text = fs::read_to_string(folder.path().join("report.json")).unwrap_or_else(|error| {
        panic!("no report: {error}\nstdout:\n{}\nstderr:\n{}", stdout(&output), stderr(&output))
    });
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_sums(&report);
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
    Loaded { output, report, folder }
}

/// Waits for the end of a process, but not for ever.
#[track_caller]
pub(super) fn ended(child: Child) -> Output {
    let id = child.id().to_string();
    let (sender, ended) = mpsc::channel();
    let waiting = thread::spawn(move || sender.send(child.wait_with_output()));
    let output = match ended.recv_timeout(LONGEST) {
        Ok(output) => output.unwrap(),
        Err(_) => {
            let _ = Command::new("kill").args(["-KILL", &id]).status();
            let output = ended.recv().unwrap().unwrap();
            panic!("it hung; stdout:\n{}\nstderr:\n{}", stdout(&output), stderr(&output));
        }
    };
    waiting.join().unwrap().unwrap();
    output
}

/// How a load stands, by the control surface of the mock beside it, once it is like this.
pub(super) fn seen(mock: SocketAddr, is_it: impl Fn(&Value) -> bool) -> Value {
    eventually("the load is seen", || {
        // It may not listen yet.
        TcpStream::connect(mock).ok()?;
        let mut wire = Wire::to(mock);
        wire.send(&request("GET", "/_mock/load", &[], b""));
        Some(wire.reply().json()["run"].clone()).filter(&is_it)
    })
}

/// Interrupts a process as Ctrl-C does.
pub(super) fn interrupt(child: &Child) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
}

/// Every event is in exactly one count, and all views of the run agree.
#[track_caller]
pub(super) fn assert_sums(report: &Value) {
    let counts = &report["counts"];
    let of = |name: &str| number(&counts[name]);
    assert_eq!(of("planned"), of("sent") + of("dropped") + of("withheld"), "{counts}");
    let ended = of("ok") + of("wrong_status") + of("failed") + of("timed_out") + of("unfinished");
    assert_eq!(of("sent"), ended, "{counts}");
    assert!(of("held_back") <= of("late") + of("dropped"), "{counts}");
    assert!(report.get("void").is_none(), "{}", report["void"]);
    assert!(of("late") <= of("sent"), "{counts}");
    let series = report["series"].as_array().unwrap();
    let sum = |name: &str| series.iter().map(|interval| number(&interval[name])).sum::<u64>();
    let bad = of("wrong_status") + of("failed") + of("timed_out") + of("dropped") + of("unfinished");
    assert_eq!(
        [sum("planned"), sum("sent"), sum("ok"), sum("bad")],
        [of("planned") - of("withheld"), of("sent"), of("ok"), bad],
        "the series and {counts}"
    );
    let statuses: u64 = report["statuses"].as_object().unwrap().values().map(number).sum();
    assert_eq!(statuses, of("ok") + of("wrong_status"), "{}", report["statuses"]);
    let errors = report["errors"].as_object().unwrap().values();
    let errors: u64 = errors.map(|failures| number(&failures["count"])).sum();
    assert_eq!(errors, of("failed") + of("timed_out") + of("unfinished"), "{}", report["errors"]);
    let latency = &report["latency"];
    let answered = of("ok") + of("wrong_status") + of("timed_out");
    assert_eq!(
        [
            number(&latency["planned"]["count"]),
            number(&latency["sent"]["count"]),
            number(&latency["lag"]["count"])
        ],
        [answered, answered, of("sent")],
        "the distributions and {counts}"
    );
    let series: u64 = series.iter().map(|interval| number(&interval["latency"]["count"])).sum();
    assert_eq!(series, answered, "the distributions of the series and {counts}");
    let last = report["series"].as_array().unwrap().last().map_or(0, |last| number(&last["in_flight"]));
    assert_eq!(last, 0, "nothing is in flight at the end");
}

/// Tries all cases at the same time: most of a run is waiting for its instants.
pub(super) fn each<T: Send>(cases: impl IntoIterator<Item = T>, try_one: impl Fn(T) + Sync) {
    thread::scope(|scope| {
        let try_one = &try_one;
        for case in cases {
            scope.spawn(move || try_one(case));
        }
    });
}
