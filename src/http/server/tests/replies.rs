//! The effect of a reply on an HTTP/1.1 connection.

use tokio::io::AsyncWrite;

use super::*;

/// Sends a request on a connection of its own and reads until the end.
async fn outcome(server: &Running, path: &str) -> (String, Option<io::ErrorKind>) {
    outcome_over(server.connect(), path).await
}

async fn outcome_over(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    path: &str,
) -> (String, Option<io::ErrorKind>) {
    let request = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut all = Vec::new();
    let error = stream.read_to_end(&mut all).await.err().map(|error| error.kind());
    (String::from_utf8(all).unwrap(), error)
}

#[tokio::test]
async fn a_closed_connection_ends_and_a_reset_one_fails() {
    let (server, addr) = start_tcp(Limits::default());
    let over = async |path| outcome_over(TcpStream::connect(addr).await.unwrap(), path).await;
    assert_eq!(over("/close").await, (String::new(), None));
    assert_eq!(over("/reset").await, (String::new(), Some(io::ErrorKind::ConnectionReset)));
    assert_eq!(server.requests.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn half_an_answer_ends_in_its_middle() {
    let server = start(Limits::default());
    for length in [1, 10, 100_001, 3_000_000] {
        let (answer, error) = outcome(&server, &format!("/half?{length}")).await;
        assert_eq!((status(&answer), error), ("200", None));
        assert!(answer.contains(&format!("content-length: {length}\r\n")), "{length}");
        assert_eq!(body(&answer).len(), length / 2);
    }
    // A response without a body is complete, but the connection still ends.
    for request in ["GET /half?0", "HEAD /half?10"] {
        let answer = server.raw(format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!((status(&answer), body(&answer)), ("200", ""), "{request}");
    }
}

#[tokio::test(start_paused = true)]
async fn silence_ends_with_its_limit() {
    let server = start(Limits { never: Duration::from_secs(60), ..Limits::default() });
    let begun = tokio::time::Instant::now();
    assert_eq!(outcome(&server, "/silence").await, (String::new(), None));
    assert_eq!(begun.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn silence_ends_with_the_server() {
    let server = start(Limits::default());
    let mut stream = server.connect();
    stream.write_all(b"GET /silence HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    while server.requests.load(Ordering::Relaxed) < 1 {
        tokio::task::yield_now().await;
    }
    let begun = tokio::time::Instant::now();
    server.stop.send(()).unwrap();
    assert_eq!(server.ended.await.unwrap(), 0);
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(read_all(&mut stream).await, "");
}

#[tokio::test]
async fn silence_ends_with_the_client() {
    // There is one place, so that the second client is served only once the first one is gone.
    let server = start(Limits { connections: 1, ..Limits::default() });
    let mut stream = server.connect();
    // Bytes that follow the request are not read, and must not hide that the client hung up.
    stream.write_all(b"GET /silence HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n\r\n").await.unwrap();
    while server.requests.load(Ordering::Relaxed) < 1 {
        tokio::task::yield_now().await;
    }
    drop(stream);
    assert_eq!(status(&server.raw(format!("GET / HTTP/1.1\r\n{END}\r\n")).await), "200");
}

#[tokio::test]
async fn a_body_is_made_while_it_is_sent() {
    let server = start(Limits::default());
    for (path, header, text) in [
        ("/stream", "transfer-encoding: chunked\r\n", "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"),
        ("/stream?5", "content-length: 5\r\n", "abcde"),
        ("/stream?4", "content-length: 4\r\n", "abcd"),
        ("/stream?0", "content-length: 0\r\n", ""),
    ] {
        let answer = server.raw(format!("GET {path} HTTP/1.1\r\n{END}\r\n")).await;
        assert_eq!((status(&answer), body(&answer)), ("200", text), "{path}");
        assert!(answer.contains(header) && answer.contains("x-kind: made\r\n"), "{answer}");
    }
    // A stream that is too short is never taken for a complete one.
    let (answer, _) = outcome(&server, "/stream?6").await;
    assert!(body(&answer).len() < 6, "{answer}");
}

#[tokio::test]
async fn names_of_headers_keep_their_spelling() {
    let server = start(Limits::default());
    for name in ["Is-Encrypted", "X-lower-UPPER", "lower"] {
        let answer = server.raw(format!("GET /header?{name}=1 HTTP/1.1\r\n{END}\r\n")).await;
        assert!(answer.contains(&format!("\r\n{name}: 1\r\n")), "{answer}");
        assert!(answer.contains("\r\ncontent-length: 4\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn head_is_answered_without_a_body() {
    let server = start(Limits::default());
    for (path, length) in [("/x", "10"), ("/stream?5", "5"), ("/status?200", "2")] {
        let answer = server.raw(format!("HEAD {path} HTTP/1.1\r\n{END}\r\n")).await;
        assert_eq!((status(&answer), body(&answer)), ("200", ""), "{path}");
        assert!(answer.contains(&format!("content-length: {length}\r\n")), "{answer}");
    }
    let answer = server.raw(format!("HEAD /stream HTTP/1.1\r\n{END}\r\n")).await;
    assert_eq!((status(&answer), body(&answer)), ("200", ""));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_let_go() {
    // There is one place, so that the second client is served only once the first one is gone.
    let server = start(Limits {
        connections: 1,
        give_way: Duration::from_secs(3600),
        write_timeout: Duration::from_secs(7),
        ..Limits::default()
    });
    let begun = tokio::time::Instant::now();
    for path in ["/flood", "/half?90000000"] {
        let mut deaf = server.connect();
        deaf.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        let next = server.raw(format!("GET / HTTP/1.1\r\n{END}\r\n"));
        let next = tokio::time::timeout(Duration::from_secs(60), next).await.expect("its turn comes");
        assert_eq!(status(&next), "200", "{path}");
        // The client was connected until now.
        drop(deaf);
    }
    assert_eq!(begun.elapsed().as_secs(), 14);
    while server.floods.load(Ordering::Relaxed) < 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_little_at_a_time_is_served() {
    let server = start(Limits { write_timeout: Duration::from_secs(7), ..Limits::default() });
    let mut slow = server.connect();
    slow.write_all(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let (mut piece, mut read) = (vec![0; 1 << 20], 0);
    for _ in 0..10 {
        tokio::time::advance(Duration::from_secs(5)).await;
        while read < 1 << 20 {
            let length = slow.read(&mut piece).await.unwrap();
            assert!(length > 0);
            read += length;
        }
        read = 0;
    }
    assert_eq!(server.floods.load(Ordering::Relaxed), 0);
}
