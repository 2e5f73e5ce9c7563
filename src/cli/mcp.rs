//! `mcp`: offers a running mock as tools to an agent, by the Model Context Protocol over standard input and output: one
//! JSON-RPC message per line (revision 2025-06-18).

use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::process::Command;
use tokio::task::JoinSet;

use super::remote::{Remote, RemoteError, Where};
use super::{CommandError, Exit, lines};
use crate::console;

/// The supported revisions, newest first. They do not differ in the parts used here.
const REVISIONS: [&str; 3] = ["2025-06-18", "2025-03-26", "2024-11-05"];

const INSTRUCTIONS: &str = "\
A mock of AI Rudder that you control and observe. Make something happen (emit, start_chat, user, or requests of the code you \
are working on), wait for the expected result (with wait_for, never by sleeping), and read the journal if it does not arrive. \
Facts about the vendor are documented, example, client or assumed: reference says which, field by field. audit tests a receiver.";

/// Each tool with its request to the control surface, and additional advice for an agent.
const TOOLS: [(&str, &str, &str); 18] = [
    ("wait_for", "wait", "If it does not arrive, the closest match is shown with its differences."),
    ("settle", "settle", "Afterwards nothing is in progress, and the journal is complete."),
    ("journal", "journal", "Requests of the integration are `in`, callbacks are `out`."),
    ("emit", "emit", "`reference` describes the events."),
    ("start_chat", "chat", "Pass its `conversation` to `user`."),
    (
        "user",
        "user",
        "You are the person at the other end of a WhatsApp chat; `chat_history` shows what happened.",
    ),
    ("chats", "chats", ""),
    ("chat_history", "chat-history", ""),
    ("scenarios", "scenarios", ""),
    ("start_story", "start-story", "Pass its number to `wait_for`, which says how it ended."),
    ("clock", "move", "Retries, plans and schedules that become due take place."),
    ("add_fault", "add-fault", "Pass its `fault` to `remove_fault`."),
    ("faults", "faults", ""),
    ("remove_fault", "remove-fault", ""),
    ("explain_signature", "signature", "The number of an entry is its `seq` in the journal."),
    (
        "reference",
        "entry",
        "Such as `session.transfer` or `task.create`; for an unknown one, similar ids are listed.",
    ),
    ("catalog", "catalog", "`reference` describes one of them."),
    (
        SETTINGS,
        "settings",
        "And `base_url`, which the integration sends its requests to. Unless `written` names others, the APPKey is \
         `AIRudderMockKey0000001`, the APPSecret `AIRudderMockSecret0001`, and the secret of callbacks and of the \
         sign key `airudder-mock-secret`.",
    ),
];

/// The tool whose result also has the address of the mock.
const SETTINGS: &str = "settings";

/// The tool that is implemented by a separate command.
const AUDIT: &str = "audit";

/// The arguments of `mcp`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An agent that supports the Model Context Protocol starts this command itself, beside `airudder-mock serve`:
    { \"mcpServers\": {
        \"airudder-mock\": { \"command\": \"airudder-mock\", \"args\": [\"mcp\"] } } }")]
pub(super) struct Args {
    #[command(flatten)]
    mock: Where,
}

pub(super) fn run(args: &Args) -> Result<Exit, CommandError> {
    let server = Arc::new(Server { remote: args.mock.remote()? });
    super::runtime()?.block_on(async {
        let mut lines = lines::standard_input()?;
        let mut answering = JoinSet::new();
        let interrupted = super::interrupted();
        tokio::pin!(interrupted);
        loop {
            let line = tokio::select! {
                line = lines.recv() => line,
                () = &mut interrupted => return Ok(Exit::Interrupted),
            };
            let Some(line) = line else { break };
            if line.trim().is_empty() {
                continue;
            }
            let server = Arc::clone(&server);
            // A client that waits for a callback may make other requests meanwhile.
            answering.spawn(async move { server.take(&line).await });
        }
        // A client that closes its end may still read the responses to its requests.
        answering.join_all().await;
        Ok(Exit::Ok)
    })
}

/// An error of JSON-RPC, as distinct from the failure of a tool.
struct RpcError {
    code: i64,
    message: String,
}

struct Server {
    remote: Remote,
}

impl Server {
    /// Handles a line, and writes the response if there is one.
    async fn take(&self, line: &str) {
        let answer = match serde_json::from_str::<Value>(line) {
            Err(error) => Some(failed(&Value::Null, &RpcError { code: -32700, message: error.to_string() })),
            // The revision 2025-03-26 has batches.
            Ok(Value::Array(batch)) if !batch.is_empty() => {
                let mut answers = Vec::new();
                for message in &batch {
                    answers.extend(self.respond(message).await);
                }
                (!answers.is_empty()).then(|| answers.into())
            }
            Ok(message) => self.respond(&message).await,
        };
        let Some(answer) = answer else { return };
        let mut out = std::io::stdout().lock();
        // The reader has gone; the end of the input follows.
        let _ = writeln!(out, "{answer}").and_then(|()| out.flush());
    }

    /// Returns the response to a message. Notifications have none, nor have responses, for which this server never asks.
    async fn respond(&self, message: &Value) -> Option<Value> {
        let id = message.get("id");
        let Some(method) = message["method"].as_str() else {
            let is_response = message.get("result").or(message.get("error")).is_some();
            let message = "a request is an object with `id` and `method`".to_owned();
            let refused = || failed(id.unwrap_or(&Value::Null), &RpcError { code: -32600, message });
            return (!is_response).then(refused);
        };
        match (id?, self.answer(method, &message["params"]).await) {
            (id, Ok(result)) => Some(json!({ "jsonrpc": "2.0", "id": id, "result": result })),
            (id, Err(error)) => Some(failed(id, &error)),
        }
    }

    async fn answer(&self, method: &str, params: &Value) -> Result<Value, RpcError> {
        match method {
            "initialize" => Ok(initialized(params)),
            "ping" => Ok(json!({})),
            "tools/list" => Ok(json!({ "tools": tools() })),
            "tools/call" => self.call(params).await,
            _ => Err(RpcError { code: -32601, message: format!("there is no method `{method}`") }),
        }
    }

    async fn call(&self, params: &Value) -> Result<Value, RpcError> {
        let name = params["name"].as_str().unwrap_or_default();
        let arguments = params["arguments"].as_object().cloned().unwrap_or_default();
        if name == AUDIT {
            return Ok(shown(audited(&arguments).await));
        }
        let tool = TOOLS.iter().find(|(tool, ..)| *tool == name);
        let Some((_, request, _)) = tool else {
            return Err(RpcError { code: -32602, message: format!("there is no tool `{name}`") });
        };
        let answer = self.remote.ask(request, arguments.into()).await;
        let answer = answer.map(|mut answer| {
            if name == SETTINGS {
                answer["base_url"] = self.remote.url().into();
            }
            format!("{answer:#}")
        });
        Ok(shown(answer.map_err(|error| match error {
            RemoteError::NoField { field, .. } => format!("`{name}` needs `{field}`"),
            error => naming_tools(&error.to_string()),
        })))
    }
}

fn failed(id: &Value, error: &RpcError) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": error.code, "message": error.message } })
}

/// Returns the server's introduction. The revision is the client's, if it is supported.
fn initialized(params: &Value) -> Value {
    let wanted = params["protocolVersion"].as_str().unwrap_or_default();
    let revision = REVISIONS.iter().find(|revision| **revision == wanted).unwrap_or(&REVISIONS[0]);
    json!({
        "protocolVersion": revision,
        "capabilities": { "tools": {} },
        "serverInfo": { "name": "airudder-mock", "version": env!("CARGO_PKG_VERSION") },
        "instructions": INSTRUCTIONS,
    })
}

/// Returns the result of a tool, or its error.
fn shown(result: Result<String, String>) -> Value {
    let is_error = result.is_err();
    let text = result.unwrap_or_else(|error| error);
    json!({ "content": [{ "type": "text", "text": text }], "isError": is_error })
}

/// Returns a message of the mock with the names of tools in place of the requests that they make.
fn naming_tools(message: &str) -> String {
    let mut requests: Vec<(String, &str)> = console::described()
        .filter_map(|one| {
            let (tool, ..) = TOOLS.iter().find(|(_, request, _)| *request == one.name)?;
            Some((format!("{} {}{}", one.method, console::PREFIX, one.path), *tool))
        })
        .collect();
    // A path may be the beginning of another one.
    requests.sort_by_key(|(request, _)| std::cmp::Reverse(request.len()));
    requests.iter().fold(message.to_owned(), |text, (request, tool)| {
        text.replace(request.as_str(), &format!("the tool `{tool}`"))
    })
}

fn tools() -> Vec<Value> {
    let of_requests = TOOLS.iter().filter_map(|(tool, request, more)| {
        let described = console::described().find(|described| described.name == *request)?;
        let description = format!("It {}. {more}", described.what).trim_end().to_owned();
        let mut schema = console::asked(request)?;
        if let Value::Object(schema) = &mut schema {
            // Some clients read it without looking whether it is there.
            schema.entry("properties").or_insert_with(|| json!({}));
        }
        Some(json!({ "name": tool, "description": description, "inputSchema": schema }))
    });
    let audit = json!({
        "name": AUDIT,
        "description": "Tests a receiver of callbacks with about fifty crafted ones, and reports what is wrong, why it matters \
                        and how to fix it.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "callback_url": { "type": "string", "description": "The receiver: `http://127.0.0.1:3000/hook`." },
                "secret": { "type": "string", "description": "The secret that the receiver verifies signatures with. Default: `airudder-mock-secret`." },
                "only": { "type": "string", "description": "Only these checks: names, or prefixes such as `signature-*`." },
            },
            "required": ["callback_url"],
        },
    });
    of_requests.chain([audit]).collect()
}

/// Runs `audit` in a separate process, which ends with this one. The result is its report, with or without findings.
async fn audited(arguments: &Map<String, Value>) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.arg("audit").stdin(Stdio::null()).kill_on_drop(true);
    for (argument, flag) in [("callback_url", "--callback-url"), ("secret", "--secret"), ("only", "--only")] {
        if let Some(value) = arguments.get(argument).and_then(Value::as_str) {
            command.arg(format!("{flag}={value}"));
        }
    }
    let output = command.output().await.map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.stdout.is_empty() { Err(text(&output.stderr)) } else { Ok(text(&output.stdout)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::signature::DEFAULT_SECRET;
    use crate::simulator::{DEFAULT_APP_KEY, DEFAULT_APP_SECRET};

    #[test]
    fn every_tool_makes_a_request_that_is_there_and_says_what_it_takes() {
        let tools = tools();
        assert_eq!(tools.len(), TOOLS.len() + 1);
        assert!(tools.len() <= 20, "an agent reads all of them at each start");
        for tool in &tools {
            assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
            assert!(tool["inputSchema"]["properties"].is_object(), "{tool}");
        }
        let text = format!("{:#}", json!(tools));
        assert!(text.len() < 40_000, "{} bytes", text.len());
    }

    #[test]
    fn messages_name_tools_in_place_of_requests() {
        assert_eq!(naming_tools("no; GET /_mock/catalog lists all"), "no; the tool `catalog` lists all");
        let text = "POST /_mock/stories starts one, GET /_mock/metrics counts";
        assert_eq!(naming_tools(text), "the tool `start_story` starts one, GET /_mock/metrics counts");
    }

    #[test]
    fn the_credentials_that_it_tells_are_those_of_a_mock_without_settings() {
        let (_, _, told) = TOOLS.iter().find(|(tool, ..)| *tool == SETTINGS).unwrap();
        for value in [DEFAULT_APP_KEY, DEFAULT_APP_SECRET, DEFAULT_SECRET] {
            assert!(told.contains(&format!("`{value}`")), "{value}");
        }
    }

    #[test]
    fn the_revision_is_the_clients_if_it_is_spoken() {
        let revision =
            |wanted: &str| initialized(&json!({ "protocolVersion": wanted }))["protocolVersion"].clone();
        assert_eq!(revision("2024-11-05"), "2024-11-05");
        assert_eq!(revision("2099-01-01"), REVISIONS[0]);
    }
}
