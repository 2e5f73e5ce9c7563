//! A connection that never blocks, over TCP or TLS.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::ClientConnection;

use crate::http::TlsPlan;

/// A connection. Every operation does what it can at once; `WouldBlock` means: again when the system says so.
#[derive(Debug)]
pub(crate) struct NonblockingConn {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    is_connected: bool,
}

impl NonblockingConn {
    /// Begins to connect.
    pub(crate) fn open(address: SocketAddr, tls: Option<&TlsPlan>) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        let tls = match tls {
            None => None,
            Some(plan) => {
                let session = ClientConnection::new(Arc::clone(&plan.config), plan.name.clone());
                let mut session = session.map_err(io::Error::other)?;
                // A request is in one piece, and has to be taken in one piece.
                session.set_buffer_limit(None);
                Some(Box::new(session))
            }
        };
        Ok(Self { stream, tls, is_connected: false })
    }

    /// What the system watches.
    pub(crate) fn source(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Whether the connection has come about, as far as TCP goes.
    pub(crate) fn connected(&mut self) -> io::Result<bool> {
        if self.is_connected {
            return Ok(true);
        }
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                // Without it, the last part of a large request may wait for an acknowledgement. Where it can't be set,
                // requests are slower but right.
                let _ = self.stream.set_nodelay(true);
                self.is_connected = true;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes bytes to send: how many it took. [`NonblockingConn::flush`] has to bring them out.
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

    /// Brings out what was taken; whether all is out.
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

    /// Reads what is there; 0 means that the other side has ended. Fewer bytes than there is room for mean that there
    /// are no more for now, over TCP; over TLS only `WouldBlock` does.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(session) = &mut self.tls else { return self.stream.read(into) };
            match session.reader().read(into) {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Ended without saying so; the end of the connection decides.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(error) => return Err(error),
            }
            if session.read_tls(&mut self.stream)? == 0 {
                return Ok(0);
            }
            if let Err(error) = session.process_new_packets() {
                // Says to the other side why, if it can.
                let _ = session.write_tls(&mut self.stream);
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
            self.flush()?;
        }
    }

    /// The protocol that TLS agreed on, empty if on none; nothing without TLS, or before it is settled.
    pub(crate) fn negotiated(&self) -> Option<&[u8]> {
        let session = self.tls.as_ref().filter(|session| !session.is_handshaking())?;
        Some(session.alpn_protocol().unwrap_or_default())
    }

    /// Whether TLS is spoken.
    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }
}
