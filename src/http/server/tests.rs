mod crowds;
mod entrance;
mod http2;
mod replies;

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::*;
use crate::http::transport::Transport;
use crate::net::{HttpResponse, HttpStream};

/// Number of bytes that an in-memory connection buffers.
const PIPE: usize = 64 << 10;

/// In-memory connections: paused time can advance only when nothing is in progress on them, which the runtime cannot know
/// of sockets.
struct Memory(mpsc::UnboundedReceiver<DuplexStream>);

impl Listener for Memory {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<DuplexStream> {
        match self.0.recv().await {
            Some(stream) => Ok(stream),
            None => std::future::pending().await,
        }
    }
}

impl Transport for DuplexStream {
    fn reset_on_close(&self) {}

    fn is_gone(&self) -> bool {
        false
    }
}

/// A running server whose responses say what it received, with special paths for special behaviour.
struct Running {
    connections: mpsc::UnboundedSender<DuplexStream>,
    requests: Arc<AtomicUsize>,
    /// Number of endless bodies that have ended.
    floods: Arc<AtomicUsize>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<usize>,
}

/// Starts a server in memory.
fn start(limits: Limits) -> Running {
    let (connections, accepted) = mpsc::unbounded_channel();
    start_on(Memory(accepted), connections, (limits, Entrance::Plain))
}

/// Starts a server at an address.
fn start_tcp(limits: Limits) -> (Running, SocketAddr) {
    let server = Server::bind("127.0.0.1:0").unwrap();
    let addr = server.local_addr();
    (start_on(server.listener, mpsc::unbounded_channel().0, (limits, Entrance::Plain)), addr)
}

fn start_on<L: Listener + Send + 'static>(
    listener: L,
    connections: mpsc::UnboundedSender<DuplexStream>,
    (limits, entrance): (Limits, Entrance),
) -> Running {
    let requests = Arc::new(AtomicUsize::new(0));
    let seen = requests.clone();
    let floods = Arc::new(AtomicUsize::new(0));
    let ends = floods.clone();
    let handler = move |request: HttpRequest| {
        seen.fetch_add(1, Ordering::Relaxed);
        let flooded = ends.clone();
        async move {
            let answer =
                |status, body: String| HttpResponse { status, headers: Vec::new(), body: body.into() };
            match request.path.as_str() {
                "/close" => return Reply::Close,
                "/reset" => return Reply::Reset,
                "/silence" => return Reply::Never,
                "/half" => {
                    return Reply::Half(answer(200, "x".repeat(request.query.unwrap().parse().unwrap())));
                }
                "/stream" => return stream(request.query.unwrap_or_default().parse().ok()).into(),
                "/flood" => return flood(flooded).into(),
                "/later" => return later(),
                "/sleep" => tokio::time::sleep(Duration::from_secs(1)).await,
                "/never" => std::future::pending().await,
                "/status" => return answer(request.query.unwrap().parse().unwrap(), "{}".to_owned()).into(),
                "/header" => {
                    let (name, value) = request.query.as_deref().unwrap().split_once('=').unwrap();
                    let headers = vec![(name.to_owned().into(), value.replace("%0A", "\n").into())];
                    return HttpResponse { headers, ..answer(200, "body".to_owned()) }.into();
                }
                _ => {}
            }
            let (method, path) = (&request.method, request.path_and_query());
            answer(200, format!("{method} {path} {:?}", String::from_utf8_lossy(&request.body))).into()
        }
    };
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(serve(listener, entrance, handler, limits, async {
        let _ = stopped.await;
    }));
    Running { connections, requests, floods, stop, ended }
}

/// A reply that arrives after a minute.
fn later() -> Reply {
    let (reply, later) = oneshot::channel();
    tokio::spawn(async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let _ = reply.send(HttpResponse { status: 200, headers: Vec::new(), body: "late".into() }.into());
    });
    Reply::Later(later)
}

/// An endless body, produced on a thread that waits for the client.
fn flood(ended: Arc<AtomicUsize>) -> HttpStream {
    let (sender, parts) = mpsc::channel(1);
    tokio::spawn(async move {
        while sender.send(Bytes::from_static(&[b'x'; 64 << 10])).await.is_ok() {}
        ended.fetch_add(1, Ordering::Relaxed);
    });
    HttpStream { status: 200, headers: Vec::new(), length: None, parts, memory: 0 }
}

/// A body of three parts, five bytes in total, that claims the given length.
fn stream(length: Option<u64>) -> HttpStream {
    let (sender, parts) = mpsc::channel(1);
    tokio::spawn(async move {
        for part in ["ab", "", "cde"] {
            if sender.send(Bytes::from(part)).await.is_err() {
                return;
            }
        }
    });
    HttpStream { status: 200, headers: vec![("x-kind".into(), "made".into())], length, parts, memory: 0 }
}

impl Running {
    fn connect(&self) -> DuplexStream {
        let (ours, theirs) = duplex(PIPE);
        // The server may have ended already.
        let _ = self.connections.send(theirs);
        ours
    }

    /// Sends bytes and reads until the server closes. The writing side stays open meanwhile.
    async fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        // The server may have closed already.
        let _ = stream.write_all(bytes.as_ref()).await;
        read_all(&mut stream).await
    }
}

async fn read_all(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    String::from_utf8_lossy(&all).into_owned()
}

/// Reads until `text` has arrived.
async fn read_until(stream: &mut (impl AsyncRead + Unpin), text: &str) -> String {
    let mut all = String::new();
    while !all.contains(text) {
        let mut piece = [0; 1024];
        let length = stream.read(&mut piece).await.unwrap();
        assert!(length > 0, "the connection ended after {all:?}");
        all.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    all
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

const END: &str = "Host: x\r\nConnection: close\r\n";

#[tokio::test]
async fn a_request_arrives_as_it_was_sent() {
    let server = start(Limits::default());
    let answer =
        server.raw(format!("POST /a%2Fb?c=%2B1 HTTP/1.1\r\n{END}Content-Length: 3\r\n\r\nabc")).await;
    assert_eq!((status(&answer), body(&answer)), ("200", "POST /a%2Fb?c=%2B1 \"abc\""));
    let answer = server
        .raw(format!(
            "POST / HTTP/1.1\r\n{END}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"
        ))
        .await;
    assert_eq!(body(&answer), "POST / \"abc\"");
    let answer = server.raw(format!("GET http://elsewhere HTTP/1.1\r\n{END}\r\n")).await;
    assert_eq!(body(&answer), "GET / \"\"");
    let answer = server.raw("POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\na").await;
    assert_eq!(body(&answer), "POST / \"a\"");
}

#[tokio::test]
async fn requests_in_a_row_and_ahead_of_answers() {
    let server = start(Limits::default());
    let answers = server
        .raw(format!(
            "GET /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nlostPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi\
             HEAD /3 HTTP/1.1\r\nHost: x\r\n\r\nGET /4 HTTP/1.1\r\n{END}\r\n"
        ))
        .await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 4, "{answers}");
    for (text, there) in [
        ("GET /1 \"\"", true),
        ("POST /2 \"hi\"", true),
        ("HEAD /3", false),
        ("content-length: 10", true),
        ("GET /4 \"\"", true),
    ] {
        assert_eq!(answers.contains(text), there, "{text} in {answers}");
    }
}

#[tokio::test]
async fn a_client_that_waits_for_100_gets_it() {
    let server = start(Limits { body: 10, ..Limits::default() });
    let mut stream = server.connect();
    let head = format!("POST / HTTP/1.1\r\n{END}Expect: 100-continue\r\nContent-Length: ");
    stream.write_all(format!("{head}3\r\n\r\n").as_bytes()).await.unwrap();
    read_until(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n").await;
    stream.write_all(b"abc").await.unwrap();
    assert_eq!(body(&read_all(&mut stream).await), "POST / \"abc\"");
    // A body that is too large is refused before it is sent.
    assert_eq!(status(&server.raw(format!("{head}11\r\n\r\n")).await), "413");
}

#[tokio::test]
async fn a_large_body_is_refused_in_words() {
    let server = start(Limits { body: 100_000, ..Limits::default() });
    let large = "x".repeat(3_000_000);
    let announced = format!("POST / HTTP/1.1\r\n{END}Content-Length: {}\r\n\r\n{large}", large.len());
    let chunked = format!(
        "PUT / HTTP/1.1\r\n{END}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
        large.len()
    );
    let ignored = announced.replace("POST", "GET");
    for request in [announced, chunked, ignored] {
        let answer = server.raw(request).await;
        assert_eq!(status(&answer), "413", "{answer}");
        assert_eq!(body(&answer), r#"{"message":"the body is larger than the limit of 100000 bytes"}"#);
    }
    assert_eq!(server.requests.load(Ordering::Relaxed), 0);
    let fits = format!("POST / HTTP/1.1\r\n{END}Content-Length: 100000\r\n\r\n{}", "x".repeat(100_000));
    assert_eq!(status(&server.raw(fits).await), "200");
}

#[tokio::test]
async fn broken_http_is_refused_and_hurts_nobody() {
    let server = start(Limits::default());
    let many = "X-Many: 1\r\n".repeat(101);
    let long = format!("X-Long: {}\r\n", "x".repeat(70_000));
    for (request, wanted) in [
        ("hello\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), "400"),
        ("G\0T / HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("GET /\u{1} HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), "400"),
        (format!("POST / HTTP/1.1\r\n{END}Content-Length: -1\r\n\r\n"), "400"),
        (format!("POST / HTTP/1.1\r\n{END}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), "400"),
        (format!("POST / HTTP/1.1\r\n{END}Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "400"),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\n{long}\r\n"), "431"),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0".to_owned(), "400"),
    ] {
        let answer = server.raw(&request).await;
        assert_eq!(status(&answer), wanted, "{:?} got {answer:?}", &request[..request.len().min(60)]);
    }
    assert_eq!(server.requests.load(Ordering::Relaxed), 0);
    assert_eq!(status(&server.raw(format!("GET / HTTP/1.1\r\n{END}\r\n")).await), "200");
}

#[tokio::test(start_paused = true)]
async fn slow_clients_are_dropped() {
    let server = start(Limits::default());
    let begun = tokio::time::Instant::now();
    assert_eq!(server.raw("GET / HTTP/1.1\r\nHo").await, "", "half a head, which is given time to end well");
    assert_eq!(server.raw("").await, "", "nothing at all");
    assert_eq!(server.raw("P").await, "", "a byte that may begin either version");
    assert_eq!(server.raw("PRI * HTTP/2.0\r\n\r\nSM").await, "", "half a preface");
    let answer = server.raw(format!("POST / HTTP/1.1\r\n{END}Content-Length: 9\r\n\r\nhalf")).await;
    assert_eq!(status(&answer), "408");
    assert_eq!(body(&answer), r#"{"message":"no request body data received for 30s"}"#);
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_secs(155) && waited < Duration::from_secs(156), "{waited:?}");
    assert_eq!(server.requests.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn clients_that_go_away_halfway() {
    let server = start(Limits::default());
    for request in
        ["GET", "GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"]
    {
        let mut stream = server.connect();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = read_all(&mut stream).await;
        assert!(["", "400"].contains(&status(&answer)), "{request:?}: {answer}");
    }
    assert_eq!(server.requests.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_said_all_gets_its_answer() {
    let server = start(Limits::default());
    for path in ["/now", "/sleep"] {
        let mut stream = server.connect();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(body(&read_all(&mut stream).await), format!("GET {path} \"\""));
    }
    let server = start(Limits { half_close: false, ..Limits::default() });
    let mut stream = server.connect();
    stream.write_all(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(read_all(&mut stream).await, "", "it counts as gone");
}

#[tokio::test]
async fn answers_that_cannot_be_sent_are_errors() {
    let server = start(Limits::default());
    for (path, wanted, text) in [
        ("/status?204", "204", ""),
        ("/status?302", "302", "{}"),
        ("/status?999", "999", "{}"),
        ("/status?100", "500", r#"{"message":"100 is not a status of an answer"}"#),
        ("/status?42", "500", r#"{"message":"42 is not a status of an answer"}"#),
        ("/header?x-a=b", "200", "body"),
        ("/header?content-length=99", "200", "body"),
        ("/header?transfer-encoding=chunked", "200", "body"),
        ("/header?x-a=b%0Ac", "500", r#"{"message":"the header `x-a` cannot be sent"}"#),
        ("/header?a(b=c", "500", r#"{"message":"the header `a(b` cannot be sent"}"#),
    ] {
        let answer = server.raw(format!("GET {path} HTTP/1.1\r\n{END}\r\n")).await;
        assert_eq!((status(&answer), body(&answer)), (wanted, text), "{path}");
        if wanted == "500" {
            assert!(answer.contains("\r\ncontent-type: application/json\r\n"), "{answer}");
        }
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let patient = Limits { connections: 1, give_way: Duration::from_secs(3600), ..Limits::default() };
    let server = start(patient);
    let mut first = server.connect();
    first.write_all(b"GET /first HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    read_until(&mut first, "GET /first").await;
    let mut second = server.connect();
    second.write_all(format!("GET /second HTTP/1.1\r\n{END}\r\n").as_bytes()).await.unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.requests.load(Ordering::Relaxed), 1);
    drop(first);
    assert_eq!(status(&read_all(&mut second).await), "200");
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_running_exchanges_only() {
    let server = start(Limits::default());
    let mut idle = server.connect();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    read_until(&mut idle, "GET /").await;
    let fresh = server.connect();
    let mut running = server.connect();
    running.write_all(b"POST /sleep HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    while server.requests.load(Ordering::Relaxed) < 2 {
        tokio::task::yield_now().await;
    }
    server.stop.send(()).unwrap();
    let answer = read_all(&mut running).await;
    assert_eq!((status(&answer), body(&answer)), ("200", "POST /sleep \"\""));
    assert_eq!(read_all(&mut idle).await, "");
    drop(fresh);
    assert_eq!(server.ended.await.unwrap(), 0);
}

#[tokio::test]
async fn after_the_end_nobody_listens() {
    let (server, addr) = start_tcp(Limits::default());
    let mut idle = TcpStream::connect(addr).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    read_until(&mut idle, "GET /").await;
    server.stop.send(()).unwrap();
    assert_eq!(read_all(&mut idle).await, "");
    assert_eq!(server.ended.await.unwrap(), 0);
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_end_does_not_wait_for_ever() {
    let server = start(Limits::default());
    let mut stuck = server.connect();
    stuck.write_all(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    while server.requests.load(Ordering::Relaxed) < 1 {
        tokio::task::yield_now().await;
    }
    server.stop.send(()).unwrap();
    assert_eq!(server.ended.await.unwrap(), 1);
    assert_eq!(read_all(&mut stuck).await, "");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_survived(
        head in prop_oneof![
            Just(Vec::new()),
            Just(b"GET / HTTP/1.1\r\n".to_vec()),
            Just(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec()),
            Just(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
            Just(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec()),
        ],
        tail in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = start(Limits::default());
            let mut stream = server.connect();
            let _ = stream.write_all(&[head, tail].concat()).await;
            let _ = stream.shutdown().await;
            read_all(&mut stream).await;
            assert_eq!(status(&server.raw(format!("GET / HTTP/1.1\r\n{END}\r\n")).await), "200");
        });
    }
}
