//! TLS, and the proxy: programs with the vendor's host written into them, in the languages that this machine has.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::json;

use crate::serving::{APP_KEY, Serving, is_there};
use crate::support::{assert_code, program, stderr, stdout};

/// A program of `tests/clients/hardcoded`, how it is run, and what it says if all is well.
struct Client {
    /// What runs it, with the program's own file last.
    command: Vec<String>,
    says: &'static [&'static str],
    /// What it says besides where more is installed, as it is in CI.
    may_say: &'static [&'static str],
}

fn file(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "clients", "hardcoded", name].iter().collect();
    path.to_str().unwrap().to_owned()
}

/// The programs whose languages are here.
fn clients() -> Vec<Client> {
    let python = std::env::var("AIRUDDER_MOCK_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let client = |command: &[&str], name: &str, says: &'static [&'static str]| {
        let words = command.iter().map(|word| (*word).to_owned()).chain([file(name)]);
        Client { command: words.collect(), says, may_say: &[] }
    };
    let mut all = Vec::new();
    if is_there("curl") {
        all.push(client(&["sh"], "client.sh", &["curl", "detection", "plain", "refused"]));
    }
    if is_there(&python) {
        let client = client(&[&python, "-B"], "client.py", &["urllib"]);
        all.push(Client { may_say: &["requests", "httpx"], ..client });
    }
    if is_there("node") {
        all.push(client(&["node"], "client.mjs", &["fetch", "https"]));
    }
    if is_there("javac") {
        // Little is to be compiled, and it runs once.
        let quick = ["java", "-XX:TieredStopAtLevel=1", "-Xshare:auto"];
        all.push(client(&quick, "Client.java", &["HttpClient", "HttpsURLConnection"]));
    }
    if is_there("ruby") {
        all.push(client(&["ruby"], "client.rb", &["net/http"]));
    }
    let has_curl = Command::new("php").args(["-r", "exit(function_exists('curl_init') ? 0 : 1);"]).status();
    if has_curl.is_ok_and(|status| status.success()) {
        all.push(client(&["php"], "client.php", &["curl"]));
    } else {
        assert!(std::env::var_os("CI").is_none(), "PHP with curl is missing, and CI is set");
        eprintln!("SKIPPED client.php: PHP with curl is not installed");
    }
    let has_tls = Command::new("perl").args(["-MIO::Socket::SSL", "-e", "1"]).status();
    if has_tls.is_ok_and(|status| status.success()) {
        all.push(client(&["perl"], "client.pl", &["HTTP::Tiny"]));
    } else {
        assert!(std::env::var_os("CI").is_none(), "Perl with IO::Socket::SSL is missing, and CI is set");
        eprintln!("SKIPPED client.pl: Perl with IO::Socket::SSL is not installed");
    }
    all
}

impl Client {
    #[track_caller]
    fn check(&self, output: &Output) {
        assert_code(output, 0);
        let said = stdout(output);
        let mut wanted = self.says.to_vec();
        let is_ci = std::env::var_os("CI").is_some();
        wanted.extend(self.may_say.iter().filter(|name| is_ci || said.lines().any(|line| line == **name)));
        assert_eq!(said.lines().collect::<Vec<_>>(), wanted, "{:?}", self.command);
    }
}

/// A program in a folder of its own, of a user with nothing yet, and without what a machine says of proxies.
fn in_folder(mut command: Command, folder: &Path) -> Command {
    command.current_dir(folder).env("XDG_DATA_HOME", folder.join("a user's data"));
    for name in
        ["NO_PROXY", "no_proxy", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"]
    {
        command.env_remove(name);
    }
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR", "JAVA_TOOL_OPTIONS", "NODE_OPTIONS", "AIRUDDER_MOCK_CA_DIR"]
    {
        command.env_remove(name);
    }
    command
}

#[test]
fn exec_leads_unchanged_programs_to_the_mock() {
    let folder = tempfile::tempdir().unwrap();
    for client in clients() {
        let mut command = in_folder(program(), folder.path());
        let output = command.args(["exec", "--intercept", "--"]).args(&client.command).output().unwrap();
        client.check(&output);
    }
}

/// A program that means another host shows its user little of why it was refused: that is told at its end.
#[test]
fn exec_says_at_the_end_which_hosts_were_refused() {
    let folder = tempfile::tempdir().unwrap();
    let script = "curl -s https://hooks.other.example/x || true";
    let output =
        in_folder(program(), folder.path()).args(["exec", "--intercept", "--", "sh", "-c", script]).output();
    let output = output.unwrap();
    assert_code(&output, 0);
    let told = "airudder-mock: the proxy refused `hooks.other.example`, which it does not play (add \
        --proxy-host hooks.other.example)";
    assert!(stderr(&output).contains(told), "{}", stderr(&output));
}

/// The proxy of `serve` and the lines of `ca` are all they need.
#[test]
fn the_proxy_leads_unchanged_programs_to_the_mock() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("a user's data").join("airudder-mock").join("ca");
    let mut serving = Serving::with("", &["--proxy", "127.0.0.1:0", "--ca-dir", data.to_str().unwrap()]);
    let line = serving.line();
    let proxy = line.trim().strip_prefix("proxy http://").unwrap().to_owned();
    let port = proxy.rsplit(':').next().unwrap();
    let clients = clients();
    for client in &clients {
        let mut script = "eval \"$(airudder-mock ca)\"\n".to_owned();
        match client.command[0].as_str() {
            // Those that heed no variable of proxies are told as `ca` says.
            "node" => script.push_str("eval \"$(airudder-mock ca | sed -n 's/^#   \\(export NODE\\)/\\1/p')\"\n"),
            "java" => script.push_str(&format!(
                "export JAVA_TOOL_OPTIONS=\"$JAVA_TOOL_OPTIONS -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort={port}\"\n"
            )),
            "ruby" => script.push_str("export http_proxy=\"$https_proxy\"\n"),
            _ => {}
        }
        script.push_str("exec \"$@\"\n");
        let mut command = in_folder(Command::new("sh"), folder.path());
        command
            .args(["-c", &script, "sh"])
            .args(&client.command)
            .env("https_proxy", format!("http://{proxy}"));
        command.env(
            "PATH",
            program().get_envs().find_map(|(name, value)| value.filter(|_| name == "PATH")).unwrap(),
        );
        client.check(&command.output().unwrap());
    }
    let (_, record) = serving.end();
    let hosts: Vec<&str> = record.iter().filter_map(|line| line["host"].as_str()).collect();
    assert!(
        hosts.iter().filter(|host| **host == "api.airudder.com").count() >= 2 * clients.len(),
        "{hosts:?}"
    );
    if is_there("curl") {
        assert!(hosts.contains(&"detection.airudder.com"), "{hosts:?}");
        let notes: Vec<&str> = record.iter().filter_map(|line| line["text"].as_str()).collect();
        assert!(notes.iter().any(|note| note.contains("the proxy refused `elsewhere.example`")), "{notes:?}");
    }
}

/// Under `exec --tls` everything is as without, at another scheme.
#[test]
fn a_mock_under_tls_is_trusted_by_a_command() {
    if !is_there("curl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        r#"
set -eu
case $AIRUDDER_MOCK_URL in https://127.0.0.1:*) ;; *) exit 2;; esac
token=$(curl -sSf $AIRUDDER_MOCK_URL/service/cloud/auth -d APPKey={APP_KEY} -d APPSecret=$AIRUDDER_MOCK_APP_SECRET |
  sed 's/.*"token":"\([^"]*\)".*/\1/')
port=${{AIRUDDER_MOCK_URL##*:}}
# Its certificate is for all its names.
curl -sSf https://localhost:$port/_mock/ready >/dev/null
curl -sSf --resolve api.airudder.com:$port:127.0.0.1 https://api.airudder.com:$port/_mock/ready >/dev/null
# The commands find the authority.
airudder-mock ready
airudder-mock ctl state >/dev/null
# What it says of itself begins with https.
airudder-mock ctl add-namespace name=a | grep -o 'https://[^"]*/_ns/a'
curl -sS http://localhost:$port/_mock/ready
"#
    );
    let mut command = in_folder(program(), folder.path());
    let output = command.args(["exec", "--tls", "--", "sh", "-c", &script]).output().unwrap();
    assert_code(&output, 0);
    let said = stdout(&output);
    assert!(said.contains(" is ready at https://127.0.0.1:"), "{said}");
    assert!(said.contains("/_ns/a\n"), "{said}");
    assert!(said.contains("write https:// instead of http://"), "{said}");
}

#[test]
fn the_start_page_names_the_proxy_and_the_authority() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = in_folder(program(), folder.path());
    command.args(["serve", "--tls", "--listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0"]);
    command.args(["--proxy-host", "API.Other.example"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let page: Vec<String> = lines.by_ref().take_while(|line| !line.starts_with("stop")).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    let page = page.join("\n");
    assert!(page.starts_with("AI Rudder mock    https://127.0.0.1:"), "{page}");
    assert!(page.contains("\nproxy             https_proxy=http://127.0.0.1:"), "{page}");
    assert!(page.contains("   for api.airudder.com, detection.airudder.com, api.other.example\n"), "{page}");
    assert!(page.contains("/airudder-mock/ca/ca.pem"), "{page}");
    assert!(page.contains("curl -s --cacert "), "{page}");
}

/// A namespace is found by its header, as without a proxy.
#[test]
fn namespaces_are_reached_through_the_proxy() {
    if !is_there("curl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut serving =
        Serving::with("", &["--proxy", "127.0.0.1:0", "--ca-dir", folder.path().to_str().unwrap()]);
    let proxy = serving.line().trim().strip_prefix("proxy ").unwrap().to_owned();
    let (status, namespace) = serving.control("POST", "/_mock/namespaces", &json!({ "name": "a" }));
    assert!((200..300).contains(&status), "{namespace}");
    let ca = folder.path().join("ca.pem");
    let own = ["app_key", "app_secret"].map(|name| namespace[name].as_str().unwrap());
    let usual = ["AIRudderMockKey0000001", "AIRudderMockSecret0001"];
    let ask = |header: &str, [app_key, app_secret]: [&str; 2]| {
        let fields = format!("APPKey={app_key}&APPSecret={app_secret}");
        let mut command = in_folder(Command::new("curl"), folder.path());
        command.args([
            "-sS",
            "--proxy",
            &proxy,
            "--cacert",
            ca.to_str().unwrap(),
            "-H",
            header,
            "-d",
            &fields,
        ]);
        let output = command.arg("https://api.airudder.com/service/cloud/auth").output().unwrap();
        assert_code(&output, 0);
        stdout(&output)
    };
    assert!(ask("X-Mock-Namespace: a", own).contains("\"token\""));
    assert!(!ask("X-Mock-Namespace: a", usual).contains("\"token\""));
    assert!(ask("X-Other: a", usual).contains("\"token\""));
}

#[test]
fn the_authority_is_copied_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| in_folder(program(), folder.path()).args(args).output().unwrap();
    let output = run(&["ca", "--export", "copy.pem"]);
    assert_code(&output, 0);
    let copy = std::fs::read_to_string(folder.path().join("copy.pem")).unwrap();
    assert!(copy.starts_with("-----BEGIN CERTIFICATE-----\n") && !copy.contains("PRIVATE"), "{copy}");
    // Twice the same.
    let (one, two) = (stdout(&run(&["ca"])), stdout(&run(&["ca"])));
    assert_eq!(one, two);
    let kept = folder.path().join("a user's data/airudder-mock/ca");
    assert_eq!(std::fs::read_to_string(kept.join("ca.pem")).unwrap(), copy);
    let broken = kept.join("ca-key.pem");
    std::fs::write(&broken, "nonsense").unwrap();
    let output = run(&["serve", "--tls", "--listen", "127.0.0.1:0"]);
    assert_code(&output, 3);
    assert!(stderr(&output).contains("remove it, and the next use creates a new one"), "{}", stderr(&output));
    // Without a home, it is said what to do.
    let mut command = in_folder(program(), folder.path());
    let output = command.arg("ca").env_remove("HOME").env_remove("XDG_DATA_HOME").output().unwrap();
    assert!(stderr(&output).contains("give one with --ca-dir DIR"), "{}", stderr(&output));
}
