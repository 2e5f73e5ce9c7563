use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::join;

use super::*;
use crate::delivery::scripted::*;
use crate::delivery::{ErrorClass, Policy};

/// Makes one attempt against a receiver that reads the request, writes this response and closes.
async fn against(reply: &str) -> (AttemptResult, u16) {
    let receiver = Receiver::bind().await;
    let client = client();
    let attempt = plain(&receiver.url());
    let (result, _) = join!(client.send(&attempt), async { drop(receiver.answer(reply).await) });
    receiver.assert_idle().await;
    (result, receiver.port())
}

async fn message_against(reply: &str) -> String {
    let (result, port) = against(reply).await;
    message_of(result, port)
}

#[tokio::test]
async fn the_request_is_exactly_these_bytes() {
    let receiver = Receiver::bind().await;
    let client = client();
    let headers = [
        ("Content-Type", "application/json"),
        ("User-Agent", "Airudder"),
        ("X-AIRudder-Sign", "c2lnbmF0dXJl"),
        ("x-lower", "1"),
        ("X-Twice", "a"),
        ("accept", "*/*"),
        ("x-TWICE", "b"),
        ("X-Empty", ""),
        ("X-Text", "caf\u{e9}"),
    ];
    let url = format!("http://127.0.0.1:{}/Hook/%20?b=2&a=1", receiver.port());
    let attempt = attempt(&url, &headers, "{\"text\":\"caf\u{e9}\"}\n", Policy::airudder());
    let (result, request) = join!(client.send(&attempt), async {
        let mut stream = receiver.accept().await;
        let request = read_request(&mut stream).await.unwrap();
        stream.write_all(OK.as_bytes()).await.unwrap();
        request
    });
    assert_eq!(answer(result).status, 200);
    assert!(request.contains("\r\nX-AIRudder-Sign: c2lnbmF0dXJl\r\n"));
    insta::assert_snapshot!(
        request.replace(&receiver.port().to_string(), "PORT").replace("\r\n", "\\r\\n\n")
    );
}

#[tokio::test]
async fn content_length_and_host_in_special_cases() {
    let receiver = Receiver::bind().await;
    let client = client();
    let mut requests = Vec::new();
    for (method, headers) in
        [("POST", &[][..]), ("GET", &[]), ("DELETE", &[]), ("PUT", &[("hOST", "other.example")])]
    {
        let mut attempt = attempt(&receiver.url(), headers, "", Policy::airudder());
        let mut callback = (*attempt.callback).clone();
        callback.method = method.into();
        attempt.callback = callback.into();
        let close = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let (result, request) = join!(client.send(&attempt), async {
            let mut stream = receiver.accept().await;
            let request = read_request(&mut stream).await.unwrap();
            stream.write_all(close.as_bytes()).await.unwrap();
            request
        });
        assert_eq!(answer(result).status, 200);
        requests.push(request.replace(&receiver.port().to_string(), "PORT").replace("\r\n", "|"));
    }
    assert_eq!(
        requests,
        [
            "POST /hook HTTP/1.1|Host: 127.0.0.1:PORT|Content-Length: 0||",
            "GET /hook HTTP/1.1|Host: 127.0.0.1:PORT||",
            "DELETE /hook HTTP/1.1|Host: 127.0.0.1:PORT|Content-Length: 0||",
            "PUT /hook HTTP/1.1|hOST: other.example|Content-Length: 0||",
        ]
    );
}

#[tokio::test]
async fn every_whole_answer_is_an_answer() {
    for (reply, status, body) in [
        (OK, 200, "{}"),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ("HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops", 500, "oops"),
        ("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", 302, ""),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end"),
        ("HTTP/1.0 200 OK\r\nServer: old\r\n\r\nuntil the end", 200, "until the end"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: t\r\n\r\n",
            200,
            "abc0123456789",
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n",
            201,
            "",
        ),
        ("HTTP/1.1 599 \r\nContent-Length: 0\r\n\r\n", 599, ""),
    ] {
        let answer = answer(against(reply).await.0);
        assert_eq!(
            (answer.status, &*answer.body, answer.truncated),
            (status, body.as_bytes(), false),
            "{reply}"
        );
    }
}

#[tokio::test]
async fn headers_of_an_answer_come_in_lower_case() {
    let reply = "HTTP/1.1 200 OK\r\nX-Trace-ID: Abc\r\nContent-Length: 0\r\n\r\n";
    let answer = answer(against(reply).await.0);
    let headers: Vec<_> =
        answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(headers, [("x-trace-id", "Abc"), ("content-length", "0")]);
}

#[tokio::test]
async fn broken_answers_have_messages_of_their_own() {
    let mut messages = Vec::new();
    for reply in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n",
        "this is no HTTP at all\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 99999 Much\r\n\r\n",
        "\u{15}\u{3}\u{3}\0\u{2}\u{2}(",
    ] {
        messages.push(format!("{reply:?}\n    {}", message_against(reply).await));
    }
    insta::assert_snapshot!(messages.join("\n"));
}

#[tokio::test]
async fn an_endless_head_is_no_answer() {
    let head = format!("HTTP/1.1 200 OK\r\n{}", "X-Filler: filler\r\n".repeat(200));
    assert_eq!(failure(against(&head).await.0).class, ErrorClass::BadAnswer);
}

#[tokio::test]
async fn a_receiver_that_closes_at_once_is_reported() {
    let receiver = Receiver::bind().await;
    let client = client();
    let attempt = plain(&receiver.url());
    let (result, ()) = join!(client.send(&attempt), async { drop(receiver.accept().await) });
    assert_eq!(failure(result).class, ErrorClass::Reset);
    receiver.assert_idle().await;
}

#[tokio::test]
async fn a_receiver_that_speaks_first_is_reported() {
    let receiver = Receiver::bind().await;
    let client = client();
    let attempt = plain(&receiver.url());
    let (result, _stream) = join!(client.send(&attempt), async {
        let mut stream = receiver.accept().await;
        stream.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
        stream
    });
    assert_eq!(failure(result).class, ErrorClass::BadAnswer);
}

#[tokio::test]
async fn silence_ends_with_the_timeout() {
    let receiver = Receiver::bind().await;
    let client = client();
    let attempt = hasty(&receiver.url(), "{}");
    for reply in ["", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"] {
        let (result, mut stream) = join!(client.send(&attempt), receiver.answer(reply));
        assert!(result.elapsed >= Duration::from_millis(100));
        let message = message_of(result, receiver.port());
        assert_eq!(
            message,
            "timeout: no complete response from 127.0.0.1:PORT within 100ms: respond first and process \
            afterwards, or raise the timeout"
        );
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap_or(0), 0, "the connection is given up");
    }
    assert_eq!(client.pool.len(), 0);
}

#[tokio::test]
async fn a_receiver_that_never_reads_does_not_hold_the_connection() {
    let receiver = Receiver::bind().await;
    let client = client();
    let attempt = hasty(&receiver.url(), vec![b' '; 32 << 20]);
    let (result, mut stream) = join!(client.send(&attempt), receiver.accept());
    assert_eq!(failure(result).class, ErrorClass::Timeout);
    let mut read = 0;
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        read += count;
    }
    assert!(read < 32 << 20, "the request was cut off");
}

#[tokio::test]
async fn a_huge_answer_is_cut() {
    let receiver = Receiver::bind().await;
    let client = client();
    let policy = Policy { answer_cap: 100_000, ..Policy::airudder() };
    let attempt = attempt(&receiver.url(), &[], "{}", policy);
    let (result, ()) = join!(client.send(&attempt), async {
        let mut stream = receiver.answer("HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 5000]).await.is_ok() {}
    });
    let answer = answer(result);
    assert_eq!((answer.status, answer.body.len(), answer.truncated), (200, 100_000, true));
    assert_eq!(client.pool.len(), 0);
}

#[tokio::test]
async fn an_answer_as_long_as_the_cap_is_whole() {
    let receiver = Receiver::bind().await;
    let client = client();
    for (cap, truncated) in [(3, false), (2, true), (0, true)] {
        let attempt = attempt(&receiver.url(), &[], "{}", Policy { answer_cap: cap, ..Policy::airudder() });
        let reply = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
        let (result, _) = join!(client.send(&attempt), receiver.answer(reply));
        let answer = answer(result);
        assert_eq!((&*answer.body, answer.truncated), (&b"abc"[..cap], truncated));
    }
}

#[tokio::test]
async fn an_early_answer_is_read_though_the_request_cannot_be_written() {
    for _ in 0..10 {
        let receiver = Receiver::bind().await;
        let client = client();
        let attempt = attempt(&receiver.url(), &[], vec![b' '; 8 << 20], Policy::airudder());
        let reply = "HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbig!";
        let (result, ()) = join!(client.send(&attempt), async {
            let mut stream = receiver.accept().await;
            let mut some = [0; 1000];
            stream.read_exact(&mut some).await.unwrap();
            stream.write_all(reply.as_bytes()).await.unwrap();
        });
        let answer = answer(result);
        assert_eq!((answer.status, &*answer.body), (413, &b"big!"[..]));
        receiver.assert_idle().await;
    }
}

#[tokio::test]
async fn connections_are_kept_alive() {
    let receiver = Receiver::bind().await;
    let client = client();
    let attempt = plain(&receiver.url());
    let (result, mut stream) = join!(client.send(&attempt), receiver.answer(OK));
    assert_eq!(answer(result).status, 200);
    for _ in 0..3 {
        let (result, ()) = join!(client.send(&attempt), async {
            read_request(&mut stream).await.unwrap();
            stream.write_all(OK.as_bytes()).await.unwrap();
        });
        assert_eq!(answer(result).status, 200);
    }
    receiver.assert_idle().await;
    assert_eq!(client.pool.len(), 1);
}

#[tokio::test]
async fn a_receiver_that_wants_to_close_gets_a_new_connection() {
    let receiver = Receiver::bind().await;
    let client = client();
    let attempt = plain(&receiver.url());
    for reply in [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        OK,
    ] {
        let (result, _stream) = join!(client.send(&attempt), receiver.answer(reply));
        answer(result);
    }
}

#[tokio::test]
async fn a_connection_closed_between_requests_is_replaced() {
    let receiver = Receiver::bind().await;
    let client = client();
    let attempt = plain(&receiver.url());
    for _ in 0..20 {
        let (result, stream) = join!(client.send(&attempt), receiver.answer(OK));
        assert_eq!(answer(result).status, 200);
        drop(stream);
    }
    receiver.assert_idle().await;
}

#[tokio::test]
async fn a_request_the_receiver_may_have_seen_is_not_sent_again() {
    let receiver = Receiver::bind().await;
    let client = client();
    let attempt = plain(&receiver.url());
    let (result, mut stream) = join!(client.send(&attempt), receiver.answer(OK));
    assert_eq!(answer(result).status, 200);
    let (result, ()) = join!(client.send(&attempt), async {
        read_request(&mut stream).await.unwrap();
        drop(stream);
    });
    assert_eq!(failure(result).class, ErrorClass::Reset);
    receiver.assert_idle().await;
}

#[tokio::test]
async fn idle_connections_are_limited() {
    let receiver = Receiver::bind().await;
    let client = Client::new(ClientOptions { idle_per_target: 2, ..ClientOptions::default() }).unwrap();
    let attempt = plain(&receiver.url());
    let send = || client.send(&attempt);
    let (a, b, c, _streams) = join!(send(), send(), send(), async {
        let mut streams = [receiver.accept().await, receiver.accept().await, receiver.accept().await];
        for stream in &mut streams {
            read_request(stream).await.unwrap();
            stream.write_all(OK.as_bytes()).await.unwrap();
        }
        streams
    });
    for result in [a, b, c] {
        assert_eq!(answer(result).status, 200);
    }
    assert_eq!(client.pool.len(), 2);
}

#[tokio::test]
async fn a_dropped_attempt_closes_its_connection() {
    let receiver = Receiver::bind().await;
    let client = client();
    let attempt = plain(&receiver.url());
    let mut stream = tokio::select! {
        _ = client.send(&attempt) => panic!("nothing was answered"),
        stream = async {
            let mut stream = receiver.accept().await;
            read_request(&mut stream).await.unwrap();
            stream
        } => stream,
    };
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn names_are_resolved() {
    let receiver = Receiver::bind().await;
    let client = client();
    let attempt = plain(&format!("http://LOCALHOST:{}", receiver.port()));
    let (result, _stream) = join!(client.send(&attempt), receiver.answer(OK));
    assert_eq!(answer(result).status, 200);
}

#[tokio::test]
async fn nobody_listening_is_reported() {
    let receiver = Receiver::bind().await;
    let (url, port) = (receiver.url(), receiver.port());
    drop(receiver);
    insta::assert_snapshot!(message_of(client().send(&plain(&url)).await, port));
}

#[tokio::test]
async fn guarded_targets_are_not_touched() {
    let client = client();
    for (url, message) in [
        (
            "http://192.0.2.1/hook",
            "not_allowed: 192.0.2.1 is not on loopback: callbacks leave this machine only with --allow-target \
             192.0.2.1",
        ),
        (
            "http://[::ffff:192.0.2.1]/hook",
            "not_allowed: ::ffff:192.0.2.1 is not on loopback: callbacks leave this machine only with --allow-target \
             ::ffff:192.0.2.1",
        ),
    ] {
        let failure = failure(client.send(&plain(url)).await);
        assert_eq!(format!("{}: {}", failure.class, failure.message), message);
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_not_sent() {
    let receiver = Receiver::bind().await;
    let client = client();
    let mut messages = Vec::new();
    for (name, value) in [
        ("X-Line", "a\r\nX-Evil: b"),
        ("X-Zero", "\0"),
        ("X Space", "a"),
        ("", "a"),
        ("X-Line\n", "a"),
        ("Content-Length", "7"),
        ("transfer-encoding", "chunked"),
    ] {
        let attempt = attempt(&receiver.url(), &[(name, value)], "{}", Policy::airudder());
        messages.push(message_of(client.send(&attempt).await, receiver.port()));
    }
    let many: Vec<_> = (0..40_000).map(|_| ("X-Many", "1")).collect();
    let attempt = attempt(&receiver.url(), &many, "{}", Policy::airudder());
    messages.push(message_of(client.send(&attempt).await, receiver.port()));
    receiver.assert_idle().await;
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn the_future_can_move_between_threads() {
    fn assert_send(_: impl Send) {}
    let client = client();
    let attempt = plain("http://127.0.0.1/");
    assert_send(client.send(&attempt));
}
