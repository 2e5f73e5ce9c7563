use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::AsyncWriteExt;
use tokio::join;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::delivery::scripted::*;
use crate::delivery::{Attempt, Client, ClientOptions};
use crate::http::TlsOptions;
use rustls::crypto::ring;
use std::sync::Arc;

/// The test's own certificate authority, with its certificate in a file.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        Self::named("authority of a test")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
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

    /// Creates a TLS server whose certificate is for these names.
    fn acceptor(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> TlsAcceptor {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        acceptor(&certificate, &key)
    }
}

/// Creates a TLS server with this certificate.
fn acceptor(certificate: &rcgen::Certificate, key: &KeyPair) -> TlsAcceptor {
    acceptor_asking(certificate, key, None)
}

/// Creates a TLS server that asks for a client certificate of an authority.
fn acceptor_asking(certificate: &rcgen::Certificate, key: &KeyPair, asks: Option<&Authority>) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = match asks {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(authority.file()).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

fn client_with(ca: Option<&Path>, insecure: bool) -> Client {
    let tls = TlsOptions { ca: ca.map(Path::to_owned), insecure, ..TlsOptions::default() };
    Client::new(ClientOptions { tls, ..ClientOptions::default() }).unwrap()
}

fn https(receiver: &Receiver) -> Attempt {
    plain(&receiver.url().replace("http://", "https://"))
}

/// Accepts a connection and responds to one request, if the client completes the handshake.
async fn serve(receiver: &Receiver, acceptor: &TlsAcceptor) -> Option<TlsStream<TcpStream>> {
    let mut stream = acceptor.accept(receiver.accept().await).await.ok()?;
    read_request(&mut stream).await.ok()?;
    stream.write_all(OK.as_bytes()).await.ok()?;
    stream.flush().await.ok()?;
    Some(stream)
}

#[tokio::test]
async fn a_known_authority_is_trusted_and_the_connection_kept() {
    let (authority, receiver) = (Authority::new(), Receiver::bind().await);
    let acceptor = authority.acceptor(&["127.0.0.1"], |_| {});
    let client = client_with(Some(&authority.file()), false);
    let attempt = https(&receiver);
    let (result, stream) = join!(client.send(&attempt), serve(&receiver, &acceptor));
    assert_eq!(answer(result).status, 200);
    let mut stream = stream.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let (result, request) = join!(client.send(&attempt), async {
        let request = read_request(&mut stream).await.unwrap();
        stream.write_all(OK.as_bytes()).await.unwrap();
        request
    });
    assert_eq!(answer(result).status, 200);
    assert!(request.starts_with("POST /hook HTTP/1.1\r\nHost: 127.0.0.1:"), "{request}");
    drop(stream);
    let (result, _) = join!(client.send(&attempt), serve(&receiver, &acceptor));
    assert_eq!(answer(result).status, 200);
}

/// The result of `openssl req -x509`: a self-signed certificate, marked as an authority's.
#[tokio::test]
async fn a_certificate_that_signs_itself_is_trusted_if_it_is_named() {
    let receiver = Receiver::bind().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.pem");
    let attempt = https(&receiver);
    let mut outcomes = Vec::new();
    for (name, is_named) in [("127.0.0.1", true), ("192.0.2.1", true), ("127.0.0.1", false)] {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let other = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        std::fs::write(&file, if is_named { certificate.pem() } else { other.pem() }).unwrap();
        let acceptor = acceptor(&certificate, &key);
        let client = client_with(Some(&file), false);
        let (result, _) = join!(client.send(&attempt), serve(&receiver, &acceptor));
        outcomes.push(result.result.map(|answer| answer.status).map_err(|failure| failure.class));
    }
    let refused = Err(crate::delivery::ErrorClass::Tls);
    assert_eq!(outcomes, [Ok(200), refused, refused]);
}

#[tokio::test]
async fn a_name_is_checked_too() {
    let (authority, receiver) = (Authority::new(), Receiver::bind().await);
    let acceptor = authority.acceptor(&["localhost"], |_| {});
    let client = client_with(Some(&authority.file()), false);
    let attempt = plain(&format!("https://localhost:{}/", receiver.port()));
    let (result, _) = join!(client.send(&attempt), serve(&receiver, &acceptor));
    assert_eq!(answer(result).status, 200);
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted() {
    let (authority, receiver) = (Authority::new(), Receiver::bind().await);
    let acceptor = authority.acceptor(&["127.0.0.1"], |_| {});
    let attempt = https(&receiver);
    let mut messages = Vec::new();
    for other in [Authority::named("another authority"), Authority::new()] {
        let client = client_with(Some(&other.file()), false);
        let (result, _) = join!(client.send(&attempt), serve(&receiver, &acceptor));
        messages.push(message_of(result, receiver.port()));
    }
    insta::assert_snapshot!(messages.join("\n"));
}

#[tokio::test]
async fn insecure_takes_any_certificate() {
    let (authority, receiver) = (Authority::new(), Receiver::bind().await);
    let acceptor =
        authority.acceptor(&["other.example"], |params| params.not_after = date_time_ymd(2001, 1, 1));
    let client = client_with(None, true);
    let attempt = https(&receiver);
    let (result, _) = join!(client.send(&attempt), serve(&receiver, &acceptor));
    assert_eq!(answer(result).status, 200);
}

#[tokio::test]
async fn wrong_certificates_have_messages_of_their_own() {
    let (authority, receiver) = (Authority::new(), Receiver::bind().await);
    let client = client_with(Some(&authority.file()), false);
    let attempt = https(&receiver);
    let mut messages = Vec::new();
    for acceptor in [
        authority.acceptor(&["127.0.0.1"], |params| params.not_after = date_time_ymd(2001, 2, 3)),
        authority.acceptor(&["127.0.0.1"], |params| params.not_before = date_time_ymd(2345, 6, 7)),
        authority.acceptor(&["hook.example", "192.0.2.1"], |_| {}),
        authority.acceptor(&[], |_| {}),
    ] {
        let (result, _) = join!(client.send(&attempt), serve(&receiver, &acceptor));
        messages.push(message_of(result, receiver.port()));
    }
    insta::assert_snapshot!(messages.join("\n"));
}

#[tokio::test]
async fn a_receiver_without_tls_is_named() {
    let receiver = Receiver::bind().await;
    let client = client_with(None, true);
    let attempt = https(&receiver);
    let mut messages = Vec::new();
    for reply in [&b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..], b""] {
        let (result, ()) = join!(client.send(&attempt), async {
            let mut stream = receiver.accept().await;
            let mut some = [0; 100];
            tokio::io::AsyncReadExt::read_exact(&mut stream, &mut some).await.unwrap();
            stream.write_all(reply).await.unwrap();
            stream.shutdown().await.unwrap();
            // Reads until the client closes, so that unread bytes do not reset the connection.
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        });
        messages.push(message_of(result, receiver.port()));
    }
    insta::assert_snapshot!(messages.join("\n"));
}

#[tokio::test]
async fn a_certificate_that_signs_itself_has_a_message_of_its_own() {
    let receiver = Receiver::bind().await;
    let attempt = https(&receiver);
    let other = Authority::new();
    let mut messages = Vec::new();
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let acceptor = acceptor(&params.self_signed(&key).unwrap(), &key);
        let client = client_with(Some(&other.file()), false);
        let (result, _) = join!(client.send(&attempt), serve(&receiver, &acceptor));
        messages.push(message_of(result, receiver.port()));
    }
    insta::assert_snapshot!(messages.join("\n"));
}

/// The host of the URL is named in the handshake; an address is not.
#[tokio::test]
async fn the_host_is_named_to_the_receiver() {
    let (authority, receiver) = (Authority::new(), Receiver::bind().await);
    let acceptor = authority.acceptor(&["localhost", "127.0.0.1"], |_| {});
    let client = client_with(Some(&authority.file()), false);
    let mut named = Vec::new();
    for host in ["LocalHost", "127.0.0.1"] {
        let attempt = plain(&format!("https://{host}:{}/", receiver.port()));
        let (result, stream) = join!(client.send(&attempt), serve(&receiver, &acceptor));
        assert_eq!(answer(result).status, 200);
        named.push(stream.unwrap().get_ref().1.server_name().map(str::to_owned));
    }
    assert_eq!(named, [Some("localhost".to_owned()), None]);
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_receiver_that_asks() {
    let (authority, other, receiver) =
        (Authority::new(), Authority::named("another"), Receiver::bind().await);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    let acceptor = acceptor_asking(&certificate, &key, Some(&authority));
    let (own, own_key) =
        (authority.folder.path().join("client.pem"), authority.folder.path().join("client-key.pem"));
    let attempt = https(&receiver);
    let mut outcomes = Vec::new();
    for (issuer, in_one) in
        [(Some(&authority), false), (Some(&authority), true), (Some(&other), true), (None, true)]
    {
        let mut tls = TlsOptions { ca: Some(authority.file()), ..TlsOptions::default() };
        if let Some(issuer) = issuer {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec!["the mock".to_owned()]).unwrap();
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            let pem = params.signed_by(&key, &issuer.issuer).unwrap().pem();
            std::fs::write(&own, if in_one { key.serialize_pem() + &pem } else { pem }).unwrap();
            std::fs::write(&own_key, key.serialize_pem()).unwrap();
            tls.client_cert = Some(own.clone());
            tls.client_key = (!in_one).then(|| own_key.clone());
        }
        let client = Client::new(ClientOptions { tls, ..ClientOptions::default() }).unwrap();
        let (result, _) = join!(client.send(&attempt), serve(&receiver, &acceptor));
        outcomes.push(match &result.result {
            Ok(answer) => answer.status.to_string(),
            Err(_) => message_of(result, receiver.port()),
        });
    }
    insta::assert_snapshot!(outcomes.join("\n"));
}

/// Named itself, a certificate needs no authority that is known.
#[tokio::test]
async fn the_receivers_own_certificate_is_trusted_if_it_is_named() {
    let (authority, receiver) = (Authority::new(), Receiver::bind().await);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    let own = authority.folder.path().join("own.pem");
    std::fs::write(&own, certificate.pem()).unwrap();
    let tls = TlsOptions { ca: Some(own), ..TlsOptions::default() };
    let client = Client::new(ClientOptions { tls, ..ClientOptions::default() }).unwrap();
    let attempt = https(&receiver);
    let acceptor = acceptor(&certificate, &key);
    let (result, _) = join!(client.send(&attempt), serve(&receiver, &acceptor));
    assert_eq!(result.result.unwrap().status, 200);
}

#[test]
fn wrong_files_of_a_client_certificate_are_errors_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap().pem();
    std::fs::write(at("cert.pem"), &certificate).unwrap();
    std::fs::write(at("key.pem"), key.serialize_pem()).unwrap();
    std::fs::write(at("other.pem"), other.serialize_pem()).unwrap();
    std::fs::write(at("none.pem"), "").unwrap();
    let broken = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    std::fs::write(at("broken.pem"), broken).unwrap();
    let error = |cert: Option<&str>, key: Option<&str>| {
        let tls = TlsOptions { client_cert: cert.map(at), client_key: key.map(at), ..TlsOptions::default() };
        let error = Client::new(ClientOptions { tls, ..ClientOptions::default() }).unwrap_err().to_string();
        error.replace(&format!("{}/", folder.path().display()), "")
    };
    insta::assert_snapshot!(
        [
            error(None, Some("key.pem")),
            error(Some("missing.pem"), Some("key.pem")),
            error(Some("none.pem"), Some("key.pem")),
            error(Some("cert.pem"), None),
            error(Some("cert.pem"), Some("missing.pem")),
            error(Some("cert.pem"), Some("none.pem")),
            error(Some("cert.pem"), Some("broken.pem")),
            error(Some("cert.pem"), Some("other.pem")),
        ]
        .join("\n")
    );
}

#[test]
fn a_wrong_file_of_authorities_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let error = |text: Option<&str>| {
        match text {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => drop(std::fs::remove_file(&path)),
        }
        let options = TlsOptions { ca: Some(path.clone()), ..TlsOptions::default() };
        let error =
            Client::new(ClientOptions { tls: options, ..ClientOptions::default() }).unwrap_err().to_string();
        error.replace(&path.display().to_string(), "ca.pem")
    };
    let key = KeyPair::generate().unwrap().serialize_pem();
    let begin = "-----BEGIN CERTIFICATE-----\n";
    let end = "\n-----END CERTIFICATE-----\n";
    insta::assert_snapshot!(
        [
            error(None),
            error(Some("")),
            error(Some(&key)),
            error(Some(&format!("{begin}AAAA"))),
            error(Some(&format!("{begin}AAAA{end}"))),
            error(Some(&format!("{begin}?!{end}"))),
        ]
        .join("\n")
    );
}
