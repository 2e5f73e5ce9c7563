//! The same port over HTTP/2.

use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper::{Method, Request, Response, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::*;

/// The first bytes of an HTTP/2 client, and its empty settings.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A client with one connection, and the task that drives it.
async fn client(server: &Running) -> (http2::SendRequest<Full<Bytes>>, JoinHandle<hyper::Result<()>>) {
    let io = TokioIo::new(server.connect());
    let (sender, connection) = http2::Builder::new(TokioExecutor::new()).handshake(io).await.unwrap();
    (sender, tokio::spawn(connection))
}

fn request(method: Method, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let uri = format!("http://mock.test{path}");
    Request::builder().method(method).uri(uri).body(Full::new(body.into())).unwrap()
}

/// Returns the body, or as much of it as arrived, and whether it arrived completely.
async fn text(answer: Response<Incoming>) -> (String, bool) {
    let mut body = answer.into_body();
    let mut all = String::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return (all, false) };
        all.push_str(&String::from_utf8_lossy(&frame.into_data().unwrap_or_default()));
    }
    (all, true)
}

async fn get(sender: &mut http2::SendRequest<Full<Bytes>>, path: &str) -> Option<(u16, String, bool)> {
    let answer = sender.send_request(request(Method::GET, path, "")).await.ok()?;
    let status = answer.status().as_u16();
    let (text, whole) = text(answer).await;
    Some((status, text, whole))
}

#[tokio::test(start_paused = true)]
async fn many_requests_over_one_connection() {
    let server = start(Limits::default());
    let (mut sender, _connection) = client(&server).await;
    let slow = sender.send_request(request(Method::POST, "/sleep", "a"));
    let fast = sender.send_request(request(Method::PUT, "/a%2Fb?c=%2B1", "x".repeat(100_000)));
    let fast = text(fast.await.unwrap()).await.0;
    assert!(fast.starts_with("PUT /a%2Fb?c=%2B1 \"xxx") && fast.len() > 100_000);
    assert_eq!(text(slow.await.unwrap()).await, ("POST /sleep \"a\"".to_owned(), true));
    assert_eq!(get(&mut sender, "/").await, Some((200, "GET / \"\"".to_owned(), true)));
    // HTTP/1.1 is still served.
    assert_eq!(status(&server.raw(format!("GET / HTTP/1.1\r\n{END}\r\n")).await), "200");
}

#[tokio::test]
async fn the_host_is_a_header_as_ever() {
    let server = Server::bind(":0").unwrap();
    let addr = server.local_addr();
    let hosts = |request: HttpRequest| async move {
        let host = request.header("host").unwrap_or_default().to_owned();
        HttpResponse { status: 200, headers: Vec::new(), body: host.into() }.into()
    };
    tokio::spawn(server.serve(hosts, Limits::default(), std::future::pending()));
    let io = TokioIo::new(TcpStream::connect(addr).await.unwrap());
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    assert_eq!(get(&mut sender, "/").await.unwrap().1, "mock.test");
}

#[tokio::test]
async fn the_limits_are_the_same() {
    let server = start(Limits { body: 10, header_bytes: 4_000, header_count: 20, ..Limits::default() });
    let (mut sender, _connection) = client(&server).await;
    let answer = sender.send_request(request(Method::POST, "/", "x".repeat(11))).await.unwrap();
    assert_eq!(answer.status(), 413);
    let refused = text(answer).await.0;
    assert_eq!(refused, r#"{"message":"the body is larger than the limit of 10 bytes"}"#);
    let mut many = request(Method::GET, "/", "");
    for number in 0..21 {
        let name = hyper::header::HeaderName::try_from(format!("x-{number}")).unwrap();
        many.headers_mut().insert(name, "1".parse().unwrap());
    }
    assert_eq!(sender.send_request(many).await.unwrap().status(), 431);
    let mut long = request(Method::GET, "/", "");
    long.headers_mut().insert("x-long", "x".repeat(5_000).parse().unwrap());
    assert_eq!(sender.send_request(long).await.unwrap().status(), 431);
    assert_eq!(server.requests.load(Ordering::Relaxed), 0);
    assert_eq!(get(&mut sender, "/").await.unwrap().0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_body_is_refused() {
    let server = start(Limits::default());
    let begun = tokio::time::Instant::now();
    let mut head = request(Method::POST, "/", "").map(|_| ());
    head.headers_mut().insert("content-length", "9".parse().unwrap());
    let io = TokioIo::new(server.connect());
    let (mut slow, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let (_parts, body) = mpsc::channel(1);
    let body = crate::http::body::Body::parts(body, Some(9));
    let answer = slow.send_request(head.map(|()| body)).await.unwrap();
    assert_eq!((answer.status().as_u16(), begun.elapsed().as_secs()), (408, 30));
}

#[tokio::test(start_paused = true)]
async fn connections_without_requests_are_closed() {
    let server = start(Limits { ..Limits::default() });
    let begun = tokio::time::Instant::now();
    let (_sender, connection) = client(&server).await;
    let (mut used, after) = client(&server).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(get(&mut used, "/").await.unwrap().0, 200);
    connection.await.unwrap().unwrap();
    assert_eq!(begun.elapsed().as_secs(), 30);
    after.await.unwrap().unwrap();
    assert_eq!(begun.elapsed().as_secs(), 40);
    // A client that sends nothing more can't be asked to leave: it is cut off a little later.
    assert!(server.raw(HELLO).await.len() >= 9, "its settings");
    assert_eq!(begun.elapsed().as_secs(), 75);
}

#[tokio::test(start_paused = true)]
async fn clients_that_answer_no_pings_are_dropped() {
    let server = start(Limits { ping: Duration::from_secs(5), ..Limits::default() });
    let begun = tokio::time::Instant::now();
    server.raw(HELLO).await;
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn long_answers_keep_their_connection() {
    let server = start(Limits { never: Duration::from_secs(100), ..Limits::default() });
    let (mut sender, connection) = client(&server).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(get(&mut sender, "/silence").await, None);
    assert_eq!(begun.elapsed().as_secs(), 100);
    // Only the stream has ended.
    assert_eq!(get(&mut sender, "/").await.unwrap().0, 200);
    drop(sender);
    connection.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_on_purpose_hits_the_stream() {
    let server = start(Limits::default());
    let (mut sender, _connection) = client(&server).await;
    assert_eq!(get(&mut sender, "/reset").await, None);
    for length in [1, 10, 200_001] {
        let (status, text, whole) = get(&mut sender, &format!("/half?{length}")).await.unwrap();
        assert_eq!((status, text.len(), whole), (200, length / 2, false));
    }
    assert_eq!(get(&mut sender, "/half?0").await, Some((200, String::new(), true)));
    assert_eq!(get(&mut sender, "/").await.unwrap().0, 200);
    // Except this one, which closes the connection.
    assert_eq!(get(&mut sender, "/close").await, None);
    assert_eq!(get(&mut sender, "/").await, None);
}

#[tokio::test]
async fn bodies_made_while_sent_and_answers_to_head() {
    let server = start(Limits::default());
    let (mut sender, _connection) = client(&server).await;
    for (path, wanted, whole) in [
        ("/stream", "abcde", true),
        ("/stream?5", "abcde", true),
        ("/stream?4", "abcd", true),
        ("/stream?6", "abcde", false),
    ] {
        let (status, text, came) = get(&mut sender, path).await.unwrap();
        assert_eq!((status, came), (200, whole), "{path}");
        assert!(if whole { text == wanted } else { wanted.starts_with(&text) }, "{path}: {text}");
    }
    for (path, length) in
        [("/x", Some("10")), ("/stream?5", Some("5")), ("/stream", None), ("/half?4", Some("4"))]
    {
        let answer = sender.send_request(request(Method::HEAD, path, "")).await.unwrap();
        let announced =
            answer.headers().get("content-length").map(|length| length.to_str().unwrap().to_owned());
        assert_eq!(announced.as_deref(), length, "{path}");
        assert_eq!(text(answer).await, (String::new(), true), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_running_exchanges_only() {
    let server = start(Limits::default());
    let (_idle, idle) = client(&server).await;
    let (mut sender, running) = client(&server).await;
    let slow = sender.send_request(request(Method::GET, "/sleep", ""));
    let silent = sender.send_request(request(Method::GET, "/silence", ""));
    while server.requests.load(Ordering::Relaxed) < 2 {
        tokio::task::yield_now().await;
    }
    let begun = tokio::time::Instant::now();
    server.stop.send(()).unwrap();
    assert!(silent.await.is_err());
    assert_eq!(begun.elapsed().as_secs(), 0);
    assert_eq!(text(slow.await.unwrap()).await, ("GET /sleep \"\"".to_owned(), true));
    idle.await.unwrap().unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(server.ended.await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_end_does_not_wait_for_ever() {
    let server = start(Limits::default());
    let (mut sender, _connection) = client(&server).await;
    let stuck = sender.send_request(request(Method::GET, "/never", ""));
    while server.requests.load(Ordering::Relaxed) < 1 {
        tokio::task::yield_now().await;
    }
    server.stop.send(()).unwrap();
    assert_eq!(server.ended.await.unwrap(), 1);
    assert!(stuck.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_of_an_answer_is_let_go() {
    for path in ["/flood", "/half?90000000"] {
        let write_timeout = Duration::from_secs(7);
        let server = start(Limits { write_timeout, ..Limits::default() });
        let begun = tokio::time::Instant::now();
        // The client reads and answers as HTTP/2 requires, but opens no window for the response.
        let (mut sender, connection) = client(&server).await;
        let answer = sender.send_request(request(Method::GET, path, "")).await.unwrap();
        assert_eq!(answer.status(), 200);
        let _ = connection.await.unwrap();
        assert!((7..=14).contains(&begun.elapsed().as_secs()), "{path} {:?}", begun.elapsed());
        drop(answer);
        while path == "/flood" && server.floods.load(Ordering::Relaxed) < 1 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_is_not_blamed_for_an_answer_that_is_slow() {
    let write_timeout = Duration::from_millis(300);
    let server = start(Limits { write_timeout, ..Limits::default() });
    let (mut sender, _connection) = client(&server).await;
    assert_eq!(get(&mut sender, "/sleep").await, Some((200, "GET /sleep \"\"".to_owned(), true)));
    assert_eq!(get(&mut sender, "/stream?5").await, Some((200, "abcde".to_owned(), true)));
}
