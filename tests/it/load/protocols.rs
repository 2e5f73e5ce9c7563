//! HTTP/2 and TLS, against servers made of the libraries alone.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use super::harness::{SECRET, each, load, load_story, number, story};
use super::receiver::Receiver;
use crate::support::independent_hmac;

const RUN: [&str; 6] = ["--rate", "300/s", "--duration", "500ms", "--timeout", "5s"];

/// What a server counted.
#[derive(Default)]
struct Counted {
    right: AtomicU64,
    wrong: AtomicU64,
    http2: AtomicU64,
    connections: AtomicU64,
}

async fn take(
    counted: Arc<Counted>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.version() == Version::HTTP_2 {
        counted.http2.fetch_add(1, Ordering::SeqCst);
    }
    let signature = request.headers().get("x-airudder-sign").map(|value| value.as_bytes().to_vec());
    let length = request.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    let is_json = request.headers().get("content-type").is_some_and(|value| value == "application/json");
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let is_right = signature == Some(independent_hmac(SECRET, &body).into_bytes())
        && length.is_none_or(|length: usize| length == body.len())
        && is_json
        && path == "/hook";
    let counter = if is_right { &counted.right } else { &counted.wrong };
    counter.fetch_add(1, Ordering::SeqCst);
    Ok(Response::new(Full::new(Bytes::from_static(b"{}"))))
}

/// A server on a free port, with TLS if there is an acceptor; HTTP/2 if it was agreed on, or without TLS always.
fn server(tls: Option<TlsAcceptor>) -> (SocketAddr, Arc<Counted>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let counted = Arc::new(Counted::default());
    let counts = Arc::clone(&counted);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let _ = stream.set_nodelay(true);
                counts.connections.fetch_add(1, Ordering::SeqCst);
                let (counts, tls) = (Arc::clone(&counts), tls.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| take(Arc::clone(&counts), request));
                    let Some(tls) = tls else {
                        let served = http2::Builder::new(TokioExecutor::new());
                        let _ = served.serve_connection(TokioIo::new(stream), service).await;
                        return;
                    };
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    let stream = TokioIo::new(stream);
                    if is_http2 {
                        let served = http2::Builder::new(TokioExecutor::new());
                        let _ = served.serve_connection(stream, service).await;
                    } else {
                        let _ = http1::Builder::new().serve_connection(stream, service).await;
                    }
                });
            }
        });
    });
    (address, counted)
}

/// An authority of the test's own, with its certificate in a file.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { issuer: Issuer::new(params, key), folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn acceptor(&self, name: &str, protocols: &[&str]) -> TlsAcceptor {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der().clone()], key)
                .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

#[test]
fn http2_without_tls() {
    let (address, counted) = server(None);
    let run = load(&format!("http://{address}/hook"), &[&RUN[..], &["--http2", "--workers", "2"]].concat());
    run.assert_all_well(150);
    let counts = [&counted.right, &counted.wrong, &counted.http2].map(|count| count.load(Ordering::SeqCst));
    assert_eq!(counts, [150, 0, 150]);
    assert_eq!(run.report["plan"]["protocol"], "http/2");
    assert_eq!(counted.connections.load(Ordering::SeqCst), 2, "one for each worker");
    assert_eq!(number(&run.report["sender"]["connections"]), 2);
}

#[test]
fn http2_as_fast_as_answers_come() {
    let (address, counted) = server(None);
    let args = ["--http2", "--rate", "max", "--count", "1000"];
    load(&format!("http://{address}/hook"), &args).assert_all_well(1000);
    assert_eq!(counted.right.load(Ordering::SeqCst), 1000);
}

#[test]
fn stories_pause_over_http2_and_in_a_closed_loop() {
    let (_folder, file) = story(
        "[[steps]]\nsend = \"session.transfer\"\n[[steps]]\npause = \"20ms..30ms\"\n[[steps]]\nsend = \"session.end\"\n",
    );
    each(
        [
            &["--http2", "--rate", "200/s", "--count", "60"][..],
            &["--http2", "--rate", "max", "--count", "60", "--in-flight", "10"],
            &["--rate", "max", "--count", "60", "--in-flight", "10"],
        ],
        |args| {
            let receiver = Receiver::new();
            let is_http2 = args.contains(&"--http2");
            let (address, counted) = if is_http2 { server(None) } else { (receiver.address, Arc::default()) };
            let run = load_story(&file, &format!("http://{address}/hook"), args);
            run.assert_all_well(60);
            assert_eq!(run.report["plan"]["mode"], "compiled");
            let came = if is_http2 { counted.right.load(Ordering::SeqCst) } else { receiver.count() };
            assert_eq!(came, 60);
            // Ten stories at a time, each at least as long as its pause.
            let least = if args.contains(&"max") { 0.06 } else { 0.02 };
            assert!(run.report["elapsed_s"].as_f64().unwrap() >= least, "{}", run.report["elapsed_s"]);
        },
    );
}

#[test]
fn tls_with_both_protocols() {
    let authority = Authority::new();
    let ca = authority.file();
    each([(&[][..], 0), (&["--http2"], 150)], |(more, http2)| {
        let (address, counted) = server(Some(authority.acceptor("127.0.0.1", &["h2", "http/1.1"])));
        let args = [&RUN[..], &["--ca", ca.to_str().unwrap(), "--in-flight", "16"], more].concat();
        load(&format!("https://{address}/hook"), &args).assert_all_well(150);
        let counts =
            [&counted.right, &counted.wrong, &counted.http2].map(|count| count.load(Ordering::SeqCst));
        assert_eq!(counts, [150, 0, http2]);
        assert!(counted.connections.load(Ordering::SeqCst) <= 16);
    });
}

#[test]
fn certificates_that_are_not_trusted() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (trusted, name, advice) in
        [(&other, "127.0.0.1", "--ca"), (&authority, "hook.example", "hook.example")]
    {
        for more in [&[][..], &["--http2"]] {
            let (address, counted) = server(Some(authority.acceptor(name, &["h2", "http/1.1"])));
            let ca = trusted.file();
            let args = ["--rate", "100/s", "--duration", "100ms", "--ca", ca.to_str().unwrap()];
            let run = load(&format!("https://{address}/hook"), &[&args[..], more].concat());
            assert_eq!((run.count("ok"), run.errors("tls")), (0, 10), "{}", run.report["errors"]);
            assert!(run.first("tls").contains(advice), "{}", run.first("tls"));
            assert_eq!(counted.right.load(Ordering::SeqCst) + counted.wrong.load(Ordering::SeqCst), 0);
        }
    }
}

#[test]
fn a_receiver_of_the_other_kind_is_recognised() {
    // Plain where TLS is asked for.
    let plain = Receiver::saying("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let args = ["--rate", "100/s", "--duration", "100ms", "--timeout", "2s"];
    for more in [&[][..], &["--http2"]] {
        let (address, _) = super::receiver::raw(|mut stream, _| {
            let mut piece = [0; 4096];
            let _ = std::io::Read::read(&mut stream, &mut piece);
            let _ = std::io::Write::write_all(
                &mut stream,
                b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
            );
        });
        let run = load(&format!("https://{address}/hook"), &[&args[..], more].concat());
        assert_eq!(run.errors("tls"), 10, "{}", run.report["errors"]);
        assert!(run.first("tls").contains("http://"), "{}", run.first("tls"));
    }
    // HTTP/1.1 where HTTP/2 is spoken without asking.
    let run = load(&plain.url(), &[&args[..], &["--http2"]].concat());
    // What comes first, the answer or the end of the connection, is chance; the advice is the same.
    let errors = &run.report["errors"];
    assert_eq!(run.errors("bad_answer") + run.errors("reset"), 10, "{errors}");
    assert_eq!(
        errors.to_string().matches("or leave out `--http2`").count(),
        errors.as_object().unwrap().len()
    );
    // TLS without HTTP/2.
    let authority = Authority::new();
    let ca = authority.file();
    for protocols in [&["http/1.1"][..], &[]] {
        let (address, _) = server(Some(authority.acceptor("127.0.0.1", protocols)));
        let args = [&args[..], &["--http2", "--ca", ca.to_str().unwrap()]].concat();
        let run = load(&format!("https://{address}/hook"), &args);
        assert_eq!((run.count("planned"), run.count("ok")), (10, 0), "{}", run.report["errors"]);
        assert!(run.report["errors"].to_string().contains("HTTP/2"), "{}", run.report["errors"]);
    }
    // HTTP/2 where HTTP/1.1 is asked for.
    let (address, _) = server(None);
    let run = load(&format!("http://{address}/hook"), &args);
    assert_eq!((run.count("planned"), run.count("ok")), (10, 0), "{}", run.report["errors"]);
}
