//! Binding an address to listen on, and errors that say what to do when that fails.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use tokio::net::{TcpListener, TcpSocket};

/// Maximum number of connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Not an address with a port.
    #[error(
        "`{0}` is not an address to listen on: write ADDRESS:PORT, for example 127.0.0.1:2479, or 127.0.0.1:0 for a \
         free port"
    )]
    Unreadable(String),
    /// A name that cannot be resolved.
    #[error("`{addr}` cannot be resolved ({reason}): use an address such as 127.0.0.1:0")]
    Unresolved {
        /// As written.
        addr: String,
        /// The error of the resolver.
        reason: io::Error,
    },
    /// Another program listens on the address.
    #[error(
        "{addr} is taken by another program: stop it, name another port, or use {flag} 127.0.0.1:0 for a free port"
    )]
    InUse {
        /// The address.
        addr: SocketAddr,
        /// The flag that names it.
        flag: &'static str,
    },
    /// The system does not allow this user to listen on the port.
    #[error(
        "no permission to listen on {addr}: ports below 1024 need administrator rights: use a higher one"
    )]
    Denied {
        /// The address.
        addr: SocketAddr,
    },
    /// The address belongs to another machine.
    #[error("{addr} is not an address of this machine: use 127.0.0.1, or 0.0.0.0 for all networks of it")]
    NotLocal {
        /// The address.
        addr: SocketAddr,
    },
    /// Any other error of the system.
    #[error("cannot listen on {addr}: {reason}")]
    Other {
        /// The address.
        addr: SocketAddr,
        /// The error of the system.
        reason: io::Error,
    },
}

impl BindError {
    /// Returns the same error for an address that another flag names.
    #[must_use]
    pub fn of_flag(self, flag: &'static str) -> Self {
        match self {
            Self::InUse { addr, .. } => Self::InUse { addr, flag },
            other => other,
        }
    }
}

/// Listens on an address as a user writes it: `127.0.0.1:2479`, `localhost:0`, or `:2479` for a port of loopback.
pub(super) fn listen(text: &str) -> Result<TcpListener, BindError> {
    let mut last = BindError::Unreadable(text.to_owned());
    for addr in resolve(text)? {
        match listen_on(addr) {
            Ok(listener) => return Ok(listener),
            Err(reason) => last = explain(addr, reason),
        }
    }
    Err(last)
}

fn resolve(text: &str) -> Result<Vec<SocketAddr>, BindError> {
    let unreadable = || BindError::Unreadable(text.to_owned());
    let trimmed = text.trim();
    let (host, port) = trimmed.rsplit_once(':').ok_or_else(unreadable)?;
    let port: u16 = port.parse().map_err(|_| unreadable())?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '@' | '[' | ']');
    if bare.contains(odd) || (bare.contains(':') && bare.len() == host.len()) {
        return Err(unreadable());
    }
    let host = if bare.is_empty() { "127.0.0.1" } else { bare };
    match (host, port).to_socket_addrs() {
        Ok(found) => Ok(found.collect()),
        Err(reason) => Err(BindError::Unresolved { addr: text.to_owned(), reason }),
    }
}

fn listen_on(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // On systems other than Unix this option would let two programs share a port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

fn explain(addr: SocketAddr, reason: io::Error) -> BindError {
    match reason.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { addr, flag: "--listen" },
        io::ErrorKind::PermissionDenied => BindError::Denied { addr },
        io::ErrorKind::AddrNotAvailable => BindError::NotLocal { addr },
        _ => BindError::Other { addr, reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_as_people_write_them() {
        for text in ["127.0.0.1:0", ":0", "localhost:0", " 127.0.0.1:0 "] {
            let listener = listen(text).unwrap();
            assert!(listener.local_addr().unwrap().ip().is_loopback(), "{text}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_and_what_to_do() {
        for text in
            ["", "2479", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "::1:80", "http://x:1", "a b:1"]
        {
            let error = listen(text).unwrap_err();
            assert!(matches!(error, BindError::Unreadable(_)), "{text}: {error}");
            assert!(error.to_string().contains("write ADDRESS:PORT"), "{error}");
        }
        let first = listen("127.0.0.1:0").unwrap();
        let taken = first.local_addr().unwrap();
        assert_eq!(
            listen(&taken.to_string()).unwrap_err().to_string(),
            format!(
                "{taken} is taken by another program: stop it, name another port, or use --listen 127.0.0.1:0 for a \
                 free port"
            )
        );
        // 192.0.2.0/24 is reserved for documentation: no machine has such an address.
        assert_eq!(
            listen("192.0.2.1:0").unwrap_err().to_string(),
            "192.0.2.1:0 is not an address of this machine: use 127.0.0.1, or 0.0.0.0 for all networks of it"
        );
        let denied = explain(taken, io::ErrorKind::PermissionDenied.into()).to_string();
        assert!(denied.starts_with("no permission to listen on"), "{denied}");
    }
}
