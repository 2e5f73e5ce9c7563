//! Every fault of an attempt, as seen by a receiver without an HTTP library.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::contract::signature::{Preset, Scheme, Signer};
use crate::delivery::scripted::{self, OK};
use crate::delivery::{AttemptResult, Client, ClientOptions, Policy};
use crate::faults::CallbackFault;

const BODY: &str = r#"{"event":"session.end","n":7,"text":"Kopi susu, é"}"#;
const SECRET: &str = "right";

/// The bytes received over one connection.
#[derive(Debug)]
struct Heard {
    text: String,
    was_reset: bool,
    /// Number of bytes received before the receiver sent `100 Continue`.
    before_continue: Option<usize>,
    /// Number of reads that returned bytes.
    reads: usize,
}

impl Heard {
    fn head(&self) -> &str {
        self.text.split_once("\r\n\r\n").map_or(&*self.text, |(head, _)| head)
    }

    fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    /// Returns the values of a header in exactly this spelling, in order.
    fn values(&self, name: &str) -> Vec<&str> {
        let lines = self.head().lines();
        lines
            .filter_map(|line| {
                line.strip_prefix(name)?.strip_prefix(": ").or(line.strip_prefix(name)?.strip_prefix(":"))
            })
            .collect()
    }

    fn signature(&self) -> &str {
        self.values("X-AIRudder-Sign").first().copied().unwrap_or_default()
    }
}

/// Whether a request is complete.
fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    match length {
        Some(length) => body.len() >= length.parse::<usize>().unwrap(),
        None => body.ends_with("0\r\n\r\n"),
    }
}

/// Reads until the other side ends, and responds once.
async fn hear(mut stream: TcpStream) -> Heard {
    let (mut bytes, mut answered) = (Vec::new(), false);
    let (mut before_continue, mut was_reset, mut reads) = (None, false, 0);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if before_continue.is_none() && text.contains("Expect: 100-continue") && text.contains("\r\n\r\n") {
            before_continue = Some(bytes.len());
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
        }
        if !answered && is_whole(&text) {
            answered = true;
            // The system reports a reset once: here, or at the next read.
            was_reset |= stream.write_all(OK.as_bytes()).await.is_err();
        }
        match stream.read_buf(&mut bytes).await {
            Ok(0) => break,
            Ok(_) => reads += 1,
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
                was_reset = true;
                break;
            }
        }
    }
    if !answered && !was_reset {
        let _ = stream.write_all(OK.as_bytes()).await;
    }
    Heard { text: String::from_utf8_lossy(&bytes).into_owned(), was_reset, before_continue, reads }
}

fn signer(scheme: Preset) -> Signer {
    Signer::new(Scheme::preset(scheme), SECRET)
}

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

fn callback(url: &str, fault: CallbackFault, scheme: Preset) -> QueuedCallback {
    let policy = Policy { timeout: Duration::from_secs(20), ..Policy::airudder() };
    let plain = scripted::attempt(url, &[("Content-Type", "application/json")], BODY, policy);
    QueuedCallback {
        signer: Some(signer(scheme)),
        message_id: "msg_2".to_owned(),
        faults: vec![Arc::new(fault)],
        ..(*plain.callback).clone()
    }
}

/// Sends a callback with a fault. Returns the result and what was received over each connection.
async fn sent(fault: CallbackFault, scheme: Preset) -> (AttemptResult, Vec<Heard>, AsSent) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let sent = as_sent(Arc::new(callback(&url, fault, scheme)), 1, now());
    let client = Client::new(ClientOptions::default()).unwrap();
    let mut connections = JoinSet::new();
    let result = {
        let send = client.send(&sent.attempt);
        let mut send = std::pin::pin!(send);
        loop {
            tokio::select! {
                result = &mut send => break result,
                accepted = listener.accept() => drop(connections.spawn(hear(accepted.unwrap().0))),
            }
        }
    };
    drop(client);
    // Connections that were reset before they were accepted are still waiting.
    while let Ok(Ok((stream, _))) = tokio::time::timeout(Duration::from_millis(20), listener.accept()).await {
        connections.spawn(hear(stream));
    }
    (result, connections.join_all().await, sent)
}

/// The faults of an attempt: those that a receiver sees in its bytes.
fn of_attempts() -> impl Iterator<Item = FaultName> {
    let groups = [Group::Signature, Group::Body, Group::Connection];
    FaultName::ALL.iter().copied().filter(move |name| groups.contains(&name.group()))
}

/// Shortens faults that take real time.
fn quick(name: FaultName) -> CallbackFault {
    let usual = CallbackFault::named(name);
    CallbackFault { over: Duration::from_millis(40), count: usual.count.min(7), ..usual }
}

#[tokio::test]
async fn every_fault_goes_over_the_wire() {
    for name in of_attempts() {
        check(name).await;
    }
}

async fn check(name: FaultName) {
    use FaultName as Name;
    let scheme = match name {
        Name::SignatureStale | Name::SignatureFuture => Preset::CallE,
        Name::SignatureReusedNonce => Preset::StandardWebhooks,
        _ => Preset::Airudder,
    };
    let fault = quick(name);
    let (result, heard, sent) = sent(fault.clone(), scheme).await;
    let status = result.result.as_ref().ok().map(|answer| answer.status);
    assert_eq!(sent.missed, [], "{name}");
    assert_eq!(sent.attempt.faults, [name], "every hit is marked");
    // Apart from empty connections there is one.
    let all = heard.len();
    let Some(one) = heard.iter().max_by_key(|heard| heard.text.len()) else {
        panic!("{name}: no connection")
    };
    let right = |body: &str| {
        signer(scheme).signature(&Signing {
            body: body.as_bytes(),
            path: "/hook",
            now: now(),
            nonce: "msg_2",
        })
    };
    let (usual, lower) = (right(BODY), "0123456789abcdef");
    let is_hex = |text: &str| text.len() == 64 && text.chars().all(|c| lower.contains(c));
    // The received body is the signed one, unless the fault is about that.
    let is_signed = name.group() == Group::Signature || one.signature() == right(one.body());
    match name {
        Name::SignatureWrong => {
            let differing = usual.chars().zip(one.signature().chars()).filter(|(a, b)| a != b).count();
            assert!(is_hex(one.signature()) && differing == 1);
        }
        Name::SignatureMissing => assert_eq!(one.values("X-AIRudder-Sign"), [""; 0]),
        Name::SignatureEmpty => assert_eq!(one.values("X-AIRudder-Sign"), [""]),
        Name::SignatureOtherSecret => assert!(is_hex(one.signature()) && one.signature() != usual),
        Name::SignatureRotated => {
            let new = Signer::new(Scheme::preset(scheme), "new-secret");
            let signing = Signing { body: BODY.as_bytes(), path: "/hook", now: now(), nonce: "msg_2" };
            assert_eq!(one.signature(), new.signature(&signing));
        }
        Name::SignatureOtherBody => assert_eq!(one.signature(), right("{}")),
        Name::SignatureReserialised => {
            assert_eq!(one.signature(), usual);
            assert!(one.body().starts_with("{\n  \"event\""), "{}", one.body());
        }
        Name::SignatureUpperCase => assert_eq!(one.signature(), usual.to_uppercase()),
        Name::SignatureTruncated => assert_eq!(one.signature(), &usual[..32]),
        Name::SignatureDoubled => {
            let values = one.values("X-AIRudder-Sign");
            assert!(values.len() == 2 && values[0] == usual && is_hex(values[1]) && values[1] != usual);
        }
        Name::SignatureDoubledWrongFirst => {
            let values = one.values("X-AIRudder-Sign");
            assert!(values.len() == 2 && values[1] == usual && is_hex(values[0]) && values[0] != usual);
        }
        Name::SignatureHeaderCase => {
            assert_eq!((one.values("x-airudder-sign"), one.signature()), (vec![usual.as_str()], ""));
        }
        Name::SignatureStale => assert_eq!(one.values("CALL-E-Timestamp"), ["1699996400"]),
        Name::SignatureFuture => assert_eq!(one.values("CALL-E-Timestamp"), ["1700003600"]),
        // The id itself is changed from the outset; see the engine.
        Name::SignatureReusedNonce => assert_eq!(one.values("webhook-id"), ["msg_2"]),
        Name::SignatureOtherScheme => {
            let other = signer(Preset::Sha256BodySecret);
            let signing = Signing { body: BODY.as_bytes(), path: "/hook", now: now(), nonce: "" };
            assert_eq!(one.signature(), other.signature(&signing));
        }
        Name::BodyTruncated => assert_eq!(one.body(), &BODY[..BODY.len() / 2]),
        Name::BodyLengthMore => {
            let length = (BODY.len() + 10).to_string();
            assert_eq!((one.body(), one.values("Content-Length")), (BODY, vec![length.as_str()]));
        }
        Name::BodyLengthLess => {
            let length = (BODY.len() - 10).to_string();
            assert_eq!((one.body(), one.values("Content-Length")), (BODY, vec![length.as_str()]));
        }
        Name::BodyChunked => {
            assert_eq!(one.values("Transfer-Encoding"), ["chunked"]);
            assert_eq!(one.values("Content-Length"), [""; 0]);
            assert!(
                one.body().starts_with("1\r\n{\r\n1\r\n\"\r\n1\r\ne\r\n")
                    && one.body().ends_with("0\r\n\r\n")
            );
        }
        Name::BodyTrickle => {
            assert_eq!(one.body(), BODY);
            assert!(one.reads > 5, "{} reads", one.reads);
        }
        Name::BodyBom => assert_eq!(one.body(), format!("\u{feff}{BODY}")),
        Name::BodyUnknownFields => assert!(one.body().contains(r#""x_unknown":{"#)),
        Name::BodyMissingField => assert_eq!(one.body(), BODY.replace(r#""event":"session.end","#, "")),
        Name::BodyWrongType => assert!(one.body().starts_with(r#"{"event":{"unexpected""#)),
        Name::BodyNull => assert!(one.body().starts_with(r#"{"event":null,"#)),
        Name::BodyUnknownEvent => assert!(one.body().starts_with(r#"{"event":"mock.unknown_event","#)),
        Name::BodyEmpty => assert_eq!((one.body(), one.values("Content-Length")), ("", vec!["0"])),
        Name::BodyHuge => assert!(one.body().len() > 1_048_576),
        Name::BodyEscaped => assert!(one.body().contains(r#""\u004bopi susu, \u00e9""#), "{}", one.body()),
        Name::BodyEmoji => assert!(one.body().contains("é 👩‍👩‍👧 🎉 مرحبا שלום")),
        Name::BodyDuplicateKeys => assert!(one.body().starts_with(r#"{"event":null,"event":"session.end","#)),
        Name::BodyNumbersAsStrings => assert!(one.body().contains(r#""n":"7""#)),
        Name::BodySpaced => assert!(one.body().starts_with("{\n  \"event\": \"session.end\",\n")),
        Name::BodyKeyOrder => assert!(one.body().starts_with(r#"{"text":"Kopi"#)),
        Name::ConnectionResetBefore => assert!(one.text.is_empty() && one.was_reset),
        Name::ConnectionResetDuring => {
            assert!(one.was_reset);
            assert_eq!((one.body(), status), (&BODY[..BODY.len() / 2], None));
        }
        Name::ConnectionResetAfter => {
            assert!(one.was_reset);
            assert_eq!((one.body(), status), (BODY, None));
        }
        Name::ConnectionClosedKeptAlive => {
            assert_eq!((one.values("Connection"), one.was_reset), (vec![], false));
        }
        Name::ConnectionHttp10 => assert!(one.text.starts_with("POST /hook HTTP/1.0\r\n")),
        Name::ConnectionExpectContinue => {
            assert_eq!(one.before_continue, Some(one.text.len() - BODY.len()), "the body came after it");
        }
        Name::ConnectionNoKeepAlive => assert_eq!(one.values("Connection"), ["close"]),
        Name::ConnectionMany => {
            assert_eq!(all, 8);
            assert_eq!(heard.iter().filter(|heard| heard.text.is_empty()).count(), 7);
        }
        Name::ConnectionTlsBroken => {
            assert!(one.text.starts_with("\u{16}\u{3}\u{1}") && one.was_reset, "{one:?}");
        }
        other => panic!("{other} has no test of what goes over the wire"),
    }
    let breaks = matches!(
        name,
        Name::ConnectionResetBefore
            | Name::ConnectionResetDuring
            | Name::ConnectionResetAfter
            | Name::ConnectionTlsBroken
            | Name::BodyTruncated
            | Name::BodyLengthMore
            | Name::BodyChunked
    );
    assert!(is_signed || breaks, "{name}: {one:?}");
    let is_torn = sent.attempt.wire.first().is_some_and(|fault| Plan::of(&[Arc::clone(fault)]).is_abrupt());
    assert_eq!(status, (!is_torn).then_some(200), "{name}: {:?}", result.result);
    if is_torn {
        let failure = result.result.unwrap_err();
        let message = format!("the attempt was aborted on purpose ({name})");
        assert_eq!(failure.message, message);
    }
    assert!(name == Name::ConnectionMany || all == 1, "{name}: {all} connections");
    // A repetition gives the same result: nothing is drawn.
    let again = as_sent(Arc::new(callback("http://127.0.0.1/hook", fault, scheme)), 1, now());
    assert_eq!(
        (again.attempt.headers, again.attempt.body),
        (sent.attempt.headers, sent.attempt.body),
        "{name}"
    );
}

#[tokio::test]
async fn an_answer_is_thrown_away() {
    let (result, heard, sent) = sent(CallbackFault::named(FaultName::AnswerLost), Preset::Airudder).await;
    assert_eq!((heard.len(), heard[0].body()), (1, BODY));
    assert_eq!(sent.attempt.faults, [FaultName::AnswerLost]);
    let failure = result.result.unwrap_err();
    assert_eq!(failure.message, "the response 200 was discarded on purpose (answer-lost)");
}

#[test]
fn rotated_secrets_stand_together_where_the_scheme_takes_several() {
    let fault = CallbackFault::named(FaultName::SignatureRotated);
    let sent = as_sent(Arc::new(callback("http://127.0.0.1/", fault, Preset::StandardWebhooks)), 1, now());
    let (_, value) = &sent.attempt.headers.last().unwrap();
    let signing = Signing { body: BODY.as_bytes(), path: "/", now: now(), nonce: "msg_2" };
    let of = |secret: &str| Signer::new(Scheme::preset(Preset::StandardWebhooks), secret).signature(&signing);
    assert_eq!(*value, format!("{} {}", of("new-secret"), of(SECRET)));
}

#[test]
fn later_attempts_are_right() {
    let headers = |number| {
        let fault = CallbackFault { attempts: 2, ..CallbackFault::named(FaultName::SignatureWrong) };
        as_sent(Arc::new(callback("http://127.0.0.1/", fault, Preset::Airudder)), number, now()).attempt
    };
    assert_eq!(headers(1).headers, headers(2).headers);
    assert_ne!(headers(2).headers, headers(3).headers);
    assert!(headers(3).faults.is_empty());
}

#[test]
fn what_makes_no_difference_is_told() {
    let missed = |name, scheme| {
        as_sent(Arc::new(callback("http://127.0.0.1/", CallbackFault::named(name), scheme)), 1, now())
    };
    let sent = missed(FaultName::SignatureStale, Preset::Airudder);
    assert_eq!(sent.missed, [(FaultName::SignatureStale, "its signature has no timestamp")]);
    assert!(sent.attempt.faults.is_empty());
    let sent = missed(FaultName::SignatureReusedNonce, Preset::Airudder);
    assert_eq!(sent.missed, [(FaultName::SignatureReusedNonce, "its signature has no message id")]);
}
