//! What connections go through: TLS, and the proxy.

use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::http::authority::Authority;
use crate::http::entrance::Proxy;
use crate::http::{Tls, TlsOptions};
use crate::net::Target;

const HOST: &str = "api.vendor.example";

/// A server with an entrance, and the TLS settings of a client that trusts its authority.
struct Secure {
    running: Running,
    tls: Tls,
    _folder: tempfile::TempDir,
}

fn secure(limits: Limits, entrance: impl FnOnce(crate::http::ServerTls) -> Entrance) -> Secure {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::open(folder.path()).unwrap();
    let tls = authority.issue(&["localhost".to_owned(), HOST.to_owned()]).unwrap();
    let (connections, accepted) = mpsc::unbounded_channel();
    let running = start_on(Memory(accepted), connections, (limits, entrance(tls)));
    let options = TlsOptions { ca: Some(authority.file()), ..TlsOptions::default() };
    let tls = Tls::new(&options, b"http/1.1").unwrap();
    Secure { running, tls, _folder: folder }
}

fn proxy(limits: Limits) -> Secure {
    let hosts = Arc::new([HOST.to_owned()].into_iter().collect());
    secure(limits, |tls| Entrance::Proxy(Proxy { tls, hosts, refused: Arc::new(|_| ()) }))
}

impl Secure {
    /// Starts TLS with a host over a connection.
    async fn over(&self, stream: DuplexStream, host: &str) -> TlsStream<DuplexStream> {
        let target: Target = format!("https://{host}/").parse().unwrap();
        let plan = self.tls.plan(&target).unwrap().unwrap();
        TlsConnector::from(plan.config).connect(plan.name, stream).await.unwrap()
    }

    /// Asks the proxy for a tunnel. Returns the connection and the proxy's response.
    async fn tunnel(&self, target: &str) -> (DuplexStream, String) {
        let mut stream = self.running.connect();
        let asked = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: a\r\n\r\n");
        stream.write_all(asked.as_bytes()).await.unwrap();
        let answer = read_until(&mut stream, "\r\n\r\n").await;
        (stream, answer)
    }
}

async fn ask(stream: &mut (impl AsyncRead + AsyncWriteExt + Unpin), path: &str, host: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    read_all(stream).await
}

#[tokio::test]
async fn tls_at_the_address() {
    let server = secure(Limits::default(), Entrance::Tls);
    let mut stream = server.over(server.running.connect(), "localhost").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let answer = ask(&mut stream, "/a", "localhost").await;
    assert_eq!((status(&answer), body(&answer)), ("200", "GET /a \"\""));
}

#[tokio::test]
async fn plain_http_at_an_address_with_tls_is_told_so() {
    let server = secure(Limits::default(), Entrance::Tls);
    let answer = ask(&mut server.running.connect(), "/a", "localhost").await;
    assert_eq!(status(&answer), "400", "{answer}");
    assert!(body(&answer).contains("write https:// instead of http://"), "{answer}");
    assert_eq!(server.running.requests.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_never_ends_is_given_up() {
    let server = secure(Limits::default(), Entrance::Tls);
    for begin in [&b""[..], &[22, 3, 1]] {
        let mut stream = server.running.connect();
        stream.write_all(begin).await.unwrap();
        assert_eq!(read_all(&mut stream).await, "");
    }
    let proxy = proxy(Limits::default());
    let mut stream = proxy.running.connect();
    stream.write_all(b"CONNECT api.vendor").await.unwrap();
    assert_eq!(read_all(&mut stream).await, "");
}

#[tokio::test]
async fn a_proxy_plays_its_hosts() {
    let server = proxy(Limits::default());
    // The way most clients connect.
    let (stream, answer) = server.tunnel(&format!("{HOST}:443")).await;
    assert_eq!(answer, "HTTP/1.1 200 Connection established\r\n\r\n");
    let answer = ask(&mut server.over(stream, HOST).await, "/tunnel", HOST).await;
    assert_eq!((status(&answer), body(&answer)), ("200", "GET /tunnel \"\""));
    // Plain HTTP through a tunnel, with a whole URL, and sent to the mock by other means.
    let (mut stream, _) = server.tunnel(&format!("{HOST}:80")).await;
    assert_eq!(body(&ask(&mut stream, "/plain", HOST).await), "GET /plain \"\"");
    for url in [format!("http://{HOST}/whole"), format!("https://{HOST}/whole"), "/whole".to_owned()] {
        let answer = ask(&mut server.running.connect(), &url, &HOST.to_uppercase()).await;
        assert_eq!(body(&answer), "GET /whole \"\"", "{url}: {answer}");
    }
    // TLS without a tunnel.
    let mut stream = server.over(server.running.connect(), HOST).await;
    assert_eq!(body(&ask(&mut stream, "/direct", HOST).await), "GET /direct \"\"");
}

#[tokio::test]
async fn a_proxy_lets_nothing_else_out() {
    let server = proxy(Limits::default());
    let (mut stream, answer) = server.tunnel("elsewhere.example:443").await;
    let answer = answer + &read_all(&mut stream).await;
    // The first line must be sufficient: many programs show nothing else.
    let first = answer.lines().next().unwrap();
    assert!(
        first.starts_with("HTTP/1.1 403 this proxy of airudder-mock plays api.vendor.example"),
        "{first}"
    );
    assert!(first.contains("add --proxy-host elsewhere.example"), "{first}");
    assert!(body(&answer).contains("or set NO_PROXY=elsewhere.example"), "{answer}");
    let answer = ask(&mut server.running.connect(), "http://elsewhere.example/", "elsewhere.example").await;
    assert_eq!(status(&answer), "403", "{answer}");
    // Inside a tunnel, too.
    let (stream, _) = server.tunnel(&format!("{HOST}:443")).await;
    let answer = ask(&mut server.over(stream, HOST).await, "/", "elsewhere.example").await;
    assert_eq!(status(&answer), "403", "{answer}");
    // Requests for the mock itself are to bypass the proxy.
    for itself in
        ["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: 127.0.0.1:8081\r\nConnection: close\r\n\r\n"]
    {
        let answer = server.running.raw(itself).await;
        assert!(body(&answer).contains("NO_PROXY=localhost,127.0.0.1,::1"), "{answer}");
    }
    assert_eq!(server.running.requests.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn what_is_asked_of_a_proxy_is_survived() {
    let server = proxy(Limits::default());
    for asked in [
        "CONNECT\r\n\r\n".to_owned(),
        "CONNECT  HTTP/1.1\r\n\r\n".to_owned(),
        "COPY / HTTP/1.1\r\n\r\n".to_owned(),
        format!("CONNECT {HOST}:443 HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(9_000)),
        format!("CONNECT {HOST}:443 HTTP/1.1\r\n\r\n"),
    ] {
        let mut stream = server.running.connect();
        stream.write_all(asked.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = read_all(&mut stream).await;
        assert!(["", "200", "403"].contains(&status(&answer)), "{asked}: {answer}");
    }
    let answer = server.running.raw("CONNECT a\u{e9}b.example:443 HTTP/1.1\r\n\r\n").await;
    assert!(answer.is_empty() || answer.contains("--proxy-host ab.example"), "{answer:?}");
}

#[tokio::test]
async fn the_end_reaches_connections_under_tls() {
    let server = secure(Limits::default(), Entrance::Tls);
    let mut idle = server.over(server.running.connect(), "localhost").await;
    idle.write_all(b"GET /idle HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    read_until(&mut idle, "GET /idle").await;
    let silent = server.running.connect();
    server.running.stop.send(()).unwrap();
    assert_eq!(read_all(&mut idle).await, "");
    assert_eq!(server.running.ended.await.unwrap(), 0);
    drop(silent);
}
