//! Long responses, written while they are sent.

use std::io::{self, Write};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::sync::mpsc;

use crate::contract::envelope;
use crate::net::{HttpStream, JSON};
use crate::simulator::Long;

/// How much of a long response is handed on at a time, in bytes.
const PART: usize = 64 << 10;

/// How many parts of a long response wait for a slow client.
const PARTS: usize = 4;

/// Writes a long response while it is sent, on a thread that may wait for the client.
pub(super) fn stream(head: String, long: Long) -> HttpStream {
    let (sender, parts) = mpsc::channel(PARTS);
    tokio::task::spawn_blocking(move || {
        let mut out = Parts { sender, part: BytesMut::with_capacity(PART) };
        // The only error is that the client has gone; then nobody wants the rest.
        let _ = out
            .write_all(head.as_bytes())
            .and_then(|()| long.write(&mut out))
            .and_then(|()| out.write_all(envelope::TAIL.as_bytes()))
            .and_then(|()| out.flush());
    });
    HttpStream { status: 200, headers: vec![JSON], length: None, parts }
}

/// Hands on what is written in parts of even size.
struct Parts {
    sender: mpsc::Sender<Bytes>,
    part: BytesMut,
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.part.put_slice(bytes);
        if self.part.len() >= PART {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.part.is_empty() {
            return Ok(());
        }
        let part = self.part.split().freeze();
        self.part.reserve(PART);
        self.sender.blocking_send(part).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
