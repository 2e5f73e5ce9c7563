//! Many clients that keep the server waiting, and one that does not.

use super::*;
use crate::http::{Budget, LargeBodies};

const HEAD: &str = "POST /a HTTP/1.1\r\nHost: x\r\n";

/// A client that is served at once, however many others wait.
async fn bystander(server: &Running) {
    let begun = tokio::time::Instant::now();
    let answer = server.raw(format!("GET / HTTP/1.1\r\n{END}\r\n")).await;
    assert_eq!(status(&answer), "200");
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
}

async fn crowd(server: &Running, says: &str) -> Vec<DuplexStream> {
    let mut crowd = Vec::new();
    for _ in 0..30 {
        let mut one = server.connect();
        one.write_all(says.as_bytes()).await.unwrap();
        crowd.push(one);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    crowd
}

#[tokio::test(start_paused = true)]
async fn who_keeps_the_server_waiting_makes_place() {
    for says in [
        String::new(),
        HEAD.to_owned(),
        format!("{HEAD}Content-Length: 9\r\n\r\nhalf"),
        "GET /flood HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
    ] {
        let server = start(Limits { connections: 20, ..Limits::default() });
        let crowd = crowd(&server, &says).await;
        bystander(&server).await;
        drop(crowd);
    }
}

#[tokio::test(start_paused = true)]
async fn who_sends_a_body_hears_that_there_is_no_place() {
    let server = start(Limits { connections: 20, ..Limits::default() });
    let mut crowd = crowd(&server, &format!("{HEAD}Content-Length: 9\r\n\r\nhalf")).await;
    let answer = read_all(&mut crowd[0]).await;
    assert_eq!(status(&answer), "503");
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
}

/// A client that is being answered keeps its place.
#[tokio::test(start_paused = true)]
async fn nobody_who_waits_for_the_server_makes_place() {
    let server = start(Limits { connections: 1, ..Limits::default() });
    let mut first = server.connect();
    first.write_all(b"GET /sleep HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    while server.requests.load(Ordering::Relaxed) < 1 {
        tokio::task::yield_now().await;
    }
    let begun = tokio::time::Instant::now();
    assert_eq!(status(&server.raw(format!("GET / HTTP/1.1\r\n{END}\r\n")).await), "200");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    read_until(&mut first, "GET /sleep").await;
}

#[tokio::test(start_paused = true)]
async fn bodies_and_answers_share_one_budget() {
    let budget = Budget::new(10 << 20);
    let server = start(Limits { budget: budget.clone(), ..Limits::default() });
    let head = format!("{HEAD}Content-Length: 4000000\r\n\r\n");
    let mut unfinished = Vec::new();
    for _ in 0..3 {
        let mut one = server.connect();
        one.write_all(head.as_bytes()).await.unwrap();
        // As much of it as the server reads.
        let _ = tokio::time::timeout(Duration::from_secs(1), one.write_all(&[b'x'; 3_000_000])).await;
        unfinished.push(one);
    }
    let mut refused = 0;
    for mut one in unfinished {
        let mut first = [0; 12];
        let read = tokio::time::timeout(Duration::from_secs(5), one.read_exact(&mut first)).await;
        refused += usize::from(read.is_ok_and(|_| first.ends_with(b"503")));
    }
    assert_eq!(refused, 1, "there is room for two of three");
    bystander(&server).await;
    assert_eq!(budget.used(), 0, "what is gone takes no memory");
    let large = start(Limits { budget: Budget::new(1 << 20), ..Limits::default() });
    let answer = large.raw(format!("GET /half?4000000 HTTP/1.1\r\n{END}\r\n")).await;
    assert_eq!(status(&answer), "503");
}

#[tokio::test(start_paused = true)]
async fn a_body_has_to_come_in_time() {
    let server = start(Limits::default());
    let begun = tokio::time::Instant::now();
    let mut slow = server.connect();
    slow.write_all(format!("{HEAD}Content-Length: 1000\r\n\r\n").as_bytes()).await.unwrap();
    for _ in 0..32 {
        let _ = slow.write_all(b"x").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let answer = read_all(&mut slow).await;
    assert_eq!(status(&answer), "408", "{answer}");
    assert!(answer.contains("more slowly than 1024 bytes a second, or takes longer than 5m"), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(33));
}

#[tokio::test]
async fn requests_without_lists_have_small_bodies() {
    let large_bodies = Some(LargeBodies::of(|method, path| (method, path) == ("POST", "/large")));
    let server = start(Limits { body: 100, usual_body: 10, large_bodies, ..Limits::default() });
    for (path, length, wanted) in
        [("/a", 10, "200"), ("/a", 11, "413"), ("/large", 100, "200"), ("/large", 101, "413")]
    {
        let body = "x".repeat(length);
        let answer =
            server.raw(format!("POST {path} HTTP/1.1\r\n{END}Content-Length: {length}\r\n\r\n{body}")).await;
        assert_eq!(status(&answer), wanted, "{path} {length}");
    }
}

/// There is one place. A client that waits for a late response keeps it; a client that has gone does not.
#[tokio::test]
async fn a_late_answer_is_kept_for_nobody() {
    let (server, addr) = start_tcp(Limits { connections: 1, ..Limits::default() });
    let mut gone = TcpStream::connect(addr).await.unwrap();
    gone.write_all(b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    while server.requests.load(Ordering::Relaxed) < 1 {
        tokio::task::yield_now().await;
    }
    drop(gone);
    let mut next = TcpStream::connect(addr).await.unwrap();
    next.write_all(format!("GET / HTTP/1.1\r\n{END}\r\n").as_bytes()).await.unwrap();
    assert_eq!(status(&read_all(&mut next).await), "200");
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_comes() {
    let server = start(Limits::default());
    let answer = server.raw(format!("GET /later HTTP/1.1\r\n{END}\r\n")).await;
    assert_eq!((status(&answer), body(&answer)), ("200", "late"));
}
