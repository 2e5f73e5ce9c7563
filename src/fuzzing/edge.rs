//! Arbitrary bytes on a connection to a whole mock.

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use super::mock;
use crate::http::{Limits, Server};

std::thread_local! {
    /// The runtime of this thread.
    pub(super) static RUNTIME: Runtime =
        Builder::new_current_thread().enable_all().build().expect("the system gives an event loop");
    /// The address of this thread's mock.
    static ADDRESS: OnceCell<SocketAddr> = const { OnceCell::new() };
}

/// How long to wait for the mock to respond.
const PATIENCE: Duration = Duration::from_secs(10);

async fn serve() -> SocketAddr {
    let mock = mock("", Timestamp::UNIX_EPOCH).expect("a mock");
    let server = Server::bind("127.0.0.1:0").expect("a free port");
    let address = server.local_addr();
    let limits = Limits { never: Duration::from_millis(1), ..Limits::default() };
    tokio::spawn(server.serve(move |request| mock.answer(request), limits, std::future::pending()));
    address
}

/// Sends bytes as a client does, closes the writing side, and reads until the end, which has to come. The mock then serves
/// the next connection.
pub(super) fn edge(input: &[u8]) {
    RUNTIME.with(|runtime| {
        let address = ADDRESS.with(|address| *address.get_or_init(|| runtime.block_on(serve())));
        let talk = async {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            // The mock may have closed already.
            let _ = stream.write_all(input).await;
            let _ = stream.shutdown().await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            answer
        };
        let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, talk).await });
        let answer = answer.expect("a connection that has said all ends");
        let known: [&[u8]; 3] = [b"HTTP/1.1 ", b"HTTP/1.0 ", b"\0"];
        assert!(answer.is_empty() || known.iter().any(|begin| answer.starts_with(begin)), "{answer:?}");
    });
}
