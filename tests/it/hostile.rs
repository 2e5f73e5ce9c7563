//! A table of requests nobody should send, against the real program: each gets the answer it deserves, the connection
//! serves the next request, and the program lives.

mod access;
mod bodies;
mod case;
mod fields;
mod protocol;
mod server;

use case::{Case, Wanted, World};
use server::Server;

/// Small limits, so that it takes little to exceed them.
const SETTINGS: &str = r#"
[limits]
body_mb = 1
header_kb = 8
client_timeout = "4s"

[[accounts]]
app_key = "AIRudderMockKey0000001"
app_secret = "AIRudderMockSecret0001"
encryption_key = "airudderredduria"
"#;

#[test]
fn every_hostile_request_gets_the_answer_it_deserves() {
    let server = Server::start(SETTINGS);
    let world = World::new(&server);
    let mut table: Vec<Case> = Vec::new();
    table.extend(fields::cases(&world));
    table.extend(bodies::cases(&world));
    table.extend(access::cases(&world));
    table.extend(protocol::cases(&world));
    assert!(table.len() >= 200, "{} cases", table.len());
    let mut wrong: Vec<String> = table.iter().filter_map(|case| check(&server, &world, case).err()).collect();
    wrong.extend(stalled_clients(&server, &world));

    // After all of that a good request is served, and the list of everything taken so far can be asked for.
    let all = server.ask(&world.get("/service/cloud/list?Number=1000")).expect("an answer");
    assert_eq!(all.status, 200);
    assert!(all.json()["data"]["total"].as_u64().unwrap() > 0);
    let (code, said) = server.end();
    // What it leaves is listed, a line each whatever the names are, and on a slow machine some turns are long.
    let is_expected =
        |line: &&str| ["left: ", "stopped; ", "slow: "].iter().any(|begin| line.starts_with(begin));
    let other: Vec<&str> = said.lines().filter(|line| !is_expected(line)).collect();
    assert_eq!((code, other), (Some(4), Vec::new()), "what the program said to standard error");
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

/// Makes one request of the table.
fn check(server: &Server, world: &World, case: &Case) -> Result<(), String> {
    let mut line = server.connect();
    line.send(&case.bytes);
    if case.ends {
        line.end();
    }
    let answer = line.answer();
    let wrong = |why: String| Err(format!("{}: {why}", case.name));
    match (&case.wanted, &answer) {
        (Wanted::Closed, None) => {}
        (Wanted::Closed, Some(answer)) => {
            return wrong(format!("answered {}, expected the end", answer.status));
        }
        (_, None) => return wrong("no answer".to_owned()),
        (Wanted::Bare(status), Some(answer)) if answer.status == *status => {}
        (Wanted::Bare(status), Some(answer)) => {
            return wrong(format!("{}, expected {status}", answer.status));
        }
        (Wanted::Taken, Some(answer)) if answer.status == 200 => {}
        (Wanted::Taken, Some(answer)) => {
            return wrong(format!("{} {}, expected 200", answer.status, answer.text()));
        }
        (Wanted::RowRefused(word), Some(answer)) => {
            let reason = answer.json()["data"]["detail_error_list"][0]["reason"].to_string();
            if answer.status != 200 || !reason.contains(word) {
                return wrong(format!(
                    "{} {}, expected a row refused for {word}",
                    answer.status,
                    answer.text()
                ));
            }
        }
        (Wanted::Refused(envelope, status, word), Some(answer)) => {
            if let Err(why) = envelope.check(answer, *status, word) {
                return wrong(format!("{why}: {} {}", answer.status, answer.text()));
            }
        }
    }
    // Where the answer does not end the connection, it serves the next request.
    let goes_on = answer.is_some_and(|answer| answer.goes_on()) && !case.ends && !case.garbles;
    if !goes_on {
        line = server.connect();
    }
    line.send(&world.get("/service/cloud/robot"));
    match line.answer() {
        Some(answer) if answer.status == 200 => Ok(()),
        Some(answer) => wrong(format!("then a good request got {} {}", answer.status, answer.text())),
        None => wrong("then a good request got no answer".to_owned()),
    }
}

/// Clients that stop in the middle, all at the same time: the wait is real.
fn stalled_clients(server: &Server, world: &World) -> Vec<String> {
    let stalled = world.raw_post("/service/cloud/task", "Content-Length: 100\r\n", b"{\"TaskName\":");
    let mut lines = [
        ("a body that stops", stalled, Some(408)),
        ("headers that stop", b"GET / HTTP/1.1\r\nHost: x\r\nAccep".to_vec(), None),
        ("a request line that stops", b"GET /serv".to_vec(), None),
        ("the beginning of HTTP/2 that stops", b"PRI * HTTP/2.0\r\n\r\nS".to_vec(), None),
        ("nothing at all", Vec::new(), None),
    ]
    .map(|(name, bytes, status)| {
        let mut line = server.connect();
        line.send(&bytes);
        (name, line, status)
    });
    let answers = lines
        .iter_mut()
        .map(|(name, line, wanted)| (name, line.answer().map(|answer| answer.status), wanted));
    answers
        .filter(|(_, status, wanted)| status != *wanted)
        .map(|(name, status, wanted)| format!("{name}: {status:?}, expected {wanted:?}"))
        .collect()
}

/// Who names no account takes nothing of what an account may do.
#[test]
fn requests_that_name_no_account_count_for_no_account() {
    let server = Server::start(
        "[[accounts]]\napp_key = \"AIRudderMockKey0000001\"\napp_secret = \"AIRudderMockSecret0001\"\nrate_limit = \"4/h\"\n",
    );
    // Fetches a token, makes a task and a plan.
    let world = World::new(&server);
    let status = |request: &[u8]| server.ask(request).expect("an answer").status;
    for _ in 0..5 {
        assert_eq!(status(&world.post_text("/service/cloud/auth", "{}")), 400);
        assert_eq!(status(&world.post_text("/service/cloud/emptycheck", "{}")), 400);
    }
    assert_eq!(status(&world.get("/service/cloud/robot")), 200);
    assert_eq!(status(&world.get("/service/cloud/robot")), 429);
    assert_eq!(status(&world.post_text("/service/cloud/auth", "{}")), 400);
}
