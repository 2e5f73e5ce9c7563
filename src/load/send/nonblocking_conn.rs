//! A connection that never blocks, over TCP or TLS.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::ClientConnection;

use crate::http::TlsPlan;

/// A connection. Every operation does what is possible at once; `WouldBlock` means: try again when the system signals.
#[derive(Debug)]
pub(crate) struct NonblockingConn {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    is_connected: bool,
    /// Why it could not be established: the system tells it only once.
    refused: Option<io::Error>,
}

impl NonblockingConn {
    /// Starts connecting.
    pub(crate) fn open(address: SocketAddr, tls: Option<&TlsPlan>) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        let tls = match tls {
            None => None,
            Some(plan) => {
                let session = ClientConnection::new(Arc::clone(&plan.config), plan.name.clone());
                let mut session = session.map_err(io::Error::other)?;
                // A request is written in one piece, and has to be accepted in one piece.
                session.set_buffer_limit(None);
                Some(Box::new(session))
            }
        };
        Ok(Self { stream, tls, is_connected: false, refused: None })
    }

    /// Returns the stream that the system watches.
    pub(crate) fn source(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Whether the TCP connection has been established. If it could not be, every call returns the error.
    pub(crate) fn connected(&mut self) -> io::Result<bool> {
        if self.is_connected {
            return Ok(true);
        }
        if let Some(error) = &self.refused {
            return Err(copy_of(error));
        }
        let found = self.has_connected();
        self.refused = found.as_ref().err().map(copy_of);
        found
    }

    fn has_connected(&mut self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                // Without it, the last part of a large request may wait for an acknowledgement. Where it can't be set,
                // requests are slower but still correct.
                let _ = self.stream.set_nodelay(true);
                self.is_connected = true;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Accepts bytes to send and returns how many it accepted. [`NonblockingConn::flush`] has to send them.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.stream.write(bytes),
            Some(session) => {
                let taken = session.writer().write(bytes)?;
                self.flush()?;
                Ok(taken)
            }
        }
    }

    /// Sends the accepted bytes; returns whether all have been sent.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        let Some(session) = &mut self.tls else { return Ok(true) };
        while session.wants_write() {
            match session.write_tls(&mut self.stream) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Whether a read of `count` bytes into room for more has taken all that is available for now. Over TLS only `WouldBlock`
    /// says so, and on Windows the system reports further bytes only after it.
    pub(crate) fn is_drained(&self, count: usize, room: usize) -> bool {
        cfg!(unix) && self.tls.is_none() && count < room
    }

    /// Reads the available bytes; 0 means that the other side has ended.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(session) = &mut self.tls else { return self.stream.read(into) };
            match session.reader().read(into) {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The other side ended without a TLS close message; the end of the connection decides.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(error) => return Err(error),
            }
            if session.read_tls(&mut self.stream)? == 0 {
                return Ok(0);
            }
            if let Err(error) = session.process_new_packets() {
                // Sends a TLS alert to the other side, if possible.
                let _ = session.write_tls(&mut self.stream);
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
            self.flush()?;
        }
    }

    /// The protocol that was negotiated over TLS, empty if none was; `None` without TLS, or before the end of the
    /// handshake.
    pub(crate) fn negotiated(&self) -> Option<&[u8]> {
        let session = self.tls.as_ref().filter(|session| !session.is_handshaking())?;
        Some(session.alpn_protocol().unwrap_or_default())
    }

    /// Whether the connection uses TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }
}

/// Copies an error of the system.
fn copy_of(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_refused_connection_stays_refused() {
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut conn = NonblockingConn::open(nobody, None).unwrap();
        let first = loop {
            match conn.connected() {
                Ok(is_connected) => assert!(!is_connected),
                Err(error) => break error,
            }
            std::thread::yield_now();
        };
        assert_eq!(first.kind(), io::ErrorKind::ConnectionRefused);
        for _ in 0..2 {
            assert_eq!(conn.connected().unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        }
    }
}
