//! Which hosts callbacks may go to.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Allows loopback, and what the user allowed.
///
/// The guard checks the addresses that a host's name resolved to, not the name: a name that points at an unintended machine
/// is stopped. A host allowed by its name may have any address. Of every other host only those addresses are used that are
/// on loopback or allowed themselves, and the connection goes to exactly the address that was checked. `0.0.0.0` and `::`,
/// which many systems treat as the machine itself, do not count as loopback.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    everything: bool,
    names: BTreeSet<String>,
    networks: Vec<Network>,
}

/// All addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u8,
}

/// Why a text does not name hosts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// The text is empty.
    #[error("an allowed host is empty: write a host name, an address, or a network such as 10.0.0.0/8")]
    Empty,
    /// The text is a whole URL.
    #[error("`{text}` is a URL: write only the host, {host}")]
    Url {
        /// As written.
        text: String,
        /// The host in it.
        host: String,
    },
    /// The host has a port.
    #[error("`{text}` names a port: write only the host, {host}")]
    Port {
        /// As written.
        text: String,
        /// The host in it.
        host: String,
    },
    /// The text has a colon, but is not an IPv6 address.
    #[error("`{0}` is neither a host name nor an address")]
    NoAddress(String),
    /// The text is a pattern such as `*.example`.
    #[error("`{0}` is a pattern, which is not supported: list every host, or write `*` for all hosts")]
    Pattern(String),
    /// The text has characters that are not allowed in a host.
    #[error("`{0}` is neither a host name nor an address nor a network such as 10.0.0.0/8")]
    NoHost(String),
    /// The text has a slash, but no address before it.
    #[error("`{0}` is not a network: write for example 10.0.0.0/8")]
    NoNetwork(String),
    /// The text is an address, a slash and something other than a number of bits.
    #[error("`{text}` is not a network: the number after the slash must be 0 to {most}")]
    PrefixLength {
        /// As written.
        text: String,
        /// Number of bits of such an address.
        most: u8,
    },
}

/// A host that may not be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAllowed {
    host: String,
    /// The first of its addresses, if it was resolved.
    address: Option<IpAddr>,
}

impl std::error::Error for NotAllowed {}

impl Guard {
    /// Allows loopback and these hosts: host names, addresses, networks such as `10.0.0.0/8`, or `*` for everything.
    ///
    /// # Errors
    ///
    /// If a text is none of these.
    pub fn allowing(hosts: &[String]) -> Result<Self, GuardError> {
        let mut guard = Self::default();
        for host in hosts {
            guard.allow(host)?;
        }
        Ok(guard)
    }

    /// Allows the names of a server: this machine's, the given ones, and the address it listens on. A server that listens
    /// on all addresses of the machine may be reached by any of them.
    ///
    /// # Errors
    ///
    /// If a text is not a host.
    pub fn of_server(hosts: &[String], listens_on: Option<IpAddr>) -> Result<Self, GuardError> {
        let mut guard = Self::allowing(hosts)?;
        match listens_on {
            Some(address) if address.is_unspecified() => {
                let every = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
                guard.networks.extend(every.map(|address| Network { address, bits: 0 }));
            }
            Some(address) => guard.networks.push(Network::single(address)),
            None => {}
        }
        Ok(guard)
    }

    fn allow(&mut self, text: &str) -> Result<(), GuardError> {
        let written = || text.to_owned();
        if text == "*" {
            self.everything = true;
            return Ok(());
        }
        if text.is_empty() {
            return Err(GuardError::Empty);
        }
        if let Some((_, rest)) = text.split_once("://") {
            let host = rest.split(['/', '?', ':']).next().unwrap_or_default().to_owned();
            return Err(GuardError::Url { text: written(), host });
        }
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            self.networks.push(Network::single(address));
            return Ok(());
        }
        if let Some((address, bits)) = text.split_once('/') {
            self.networks.push(network(text, address, bits)?);
            return Ok(());
        }
        if let Some((host, port)) = text.split_once(':') {
            return Err(match port.parse::<u16>() {
                Ok(_) => GuardError::Port { text: written(), host: host.to_owned() },
                Err(_) => GuardError::NoAddress(written()),
            });
        }
        if text.contains('*') {
            return Err(GuardError::Pattern(written()));
        }
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !text.bytes().all(letter) {
            return Err(GuardError::NoHost(written()));
        }
        self.names.insert(canonical_name(text));
        Ok(())
    }

    /// Checks whether a host may be resolved. A host that is not allowed is refused by its name, so that nothing of a
    /// callback leaves the machine, not even a query to the name server. `localhost` is this machine. If networks are
    /// allowed, the addresses of other names have to be resolved first.
    ///
    /// # Errors
    ///
    /// If none of its addresses could be allowed.
    pub fn consider(&self, host: &str) -> Result<(), NotAllowed> {
        let refused = |address| Err(NotAllowed { host: host.to_owned(), address });
        match host.parse::<IpAddr>() {
            _ if self.covers(host) => Ok(()),
            Ok(address) => refused(Some(address)),
            Err(_) if !self.networks.is_empty() => Ok(()),
            Err(_) => refused(None),
        }
    }

    /// Whether a host is allowed by its name or address as written, whatever it resolves to. `localhost` is this machine.
    pub fn covers(&self, host: &str) -> bool {
        if self.everything {
            return true;
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            return self.admits(address);
        }
        let name = canonical_name(host);
        name == "localhost" || name.ends_with(".localhost") || self.names.contains(&name)
    }

    /// Returns those of a host's addresses that may be connected to, in their order.
    ///
    /// # Errors
    ///
    /// If there are addresses, and none of them is allowed.
    pub(crate) fn admit(&self, host: &str, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, NotAllowed> {
        if self.everything || self.names.contains(&canonical_name(host)) {
            return Ok(addresses.to_vec());
        }
        let admitted: Vec<_> =
            addresses.iter().copied().filter(|address| self.admits(address.ip())).collect();
        match (admitted.is_empty(), addresses.first()) {
            (true, Some(first)) => Err(NotAllowed { host: host.to_owned(), address: Some(first.ip()) }),
            _ => Ok(admitted),
        }
    }

    fn admits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_loopback() || self.networks.iter().any(|network| network.contains(address))
    }
}

impl NotAllowed {
    /// Returns the host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the message; `way` is what allows the host.
    pub fn unless(&self, way: &str) -> String {
        let Self { host, address } = self;
        let only = format!("callbacks leave this machine only with {way}");
        let Some(address) = address else { return format!("{host} is not an allowed host: {only}") };
        let what = match host.parse::<IpAddr>() {
            Ok(_) => format!("{host} is not on loopback"),
            Err(_) => format!("{host} is {address}, which is not on loopback"),
        };
        if address.to_canonical().is_unspecified() {
            let loopback = if address.is_ipv4() { "127.0.0.1" } else { "[::1]" };
            return format!(
                "{what}: to reach a receiver on this machine, write {loopback}; to allow it, add {way}"
            );
        }
        format!("{what}: {only}")
    }
}

impl fmt::Display for NotAllowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.unless(&format!("--allow-target {}", self.host)))
    }
}

/// Normalizes a name: letter case and a final dot do not matter.
fn canonical_name(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn network(text: &str, address: &str, bits: &str) -> Result<Network, GuardError> {
    let address: IpAddr = address.parse().map_err(|_| GuardError::NoNetwork(text.to_owned()))?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    match bits.parse::<u8>() {
        Ok(bits) if bits <= most => Ok(Network::new(address, bits)),
        _ => Err(GuardError::PrefixLength { text: text.to_owned(), most }),
    }
}

impl Network {
    /// A network of one address.
    fn single(address: IpAddr) -> Self {
        Self::new(address, if address.is_ipv4() { 32 } else { 128 })
    }

    /// Converts IPv4-mapped IPv6 addresses to IPv4, as is done with the addresses that are checked.
    fn new(address: IpAddr, bits: u8) -> Self {
        match address.to_canonical() {
            canonical if canonical.is_ipv4() && address.is_ipv6() && bits >= 96 => {
                Self { address: canonical, bits: bits - 96 }
            }
            _ => Self { address, bits },
        }
    }

    fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let difference = network.to_bits() ^ address.to_bits();
                difference.checked_shr(32 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => self.contains_v6(network, address),
            _ => false,
        }
    }

    fn contains_v6(self, network: Ipv6Addr, address: Ipv6Addr) -> bool {
        let difference = network.to_bits() ^ address.to_bits();
        difference.checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(hosts: &[&str]) -> Guard {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        Guard::allowing(&hosts).unwrap()
    }

    fn sockets(addresses: &[&str]) -> Vec<SocketAddr> {
        addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 80)).collect()
    }

    fn admits(guard: &Guard, address: &str) -> bool {
        guard.admit("some.example", &sockets(&[address])).is_ok()
    }

    #[test]
    fn only_loopback_by_default() {
        let guard = Guard::default();
        for inside in ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"] {
            assert!(admits(&guard, inside), "{inside}");
        }
        for outside in [
            "0.0.0.0",
            "::",
            "::ffff:0.0.0.0",
            "10.0.0.1",
            "169.254.169.254",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
        ] {
            assert!(!admits(&guard, outside), "{outside}");
        }
    }

    #[test]
    fn a_name_nobody_allowed_is_not_asked_for() {
        let usual = Guard::default();
        for here in ["localhost", "LOCALHOST.", "app.localhost", "127.0.0.1", "::1"] {
            assert_eq!(usual.consider(here), Ok(()), "{here}");
        }
        for elsewhere in ["hook.example", "localhost.example", "10.0.0.1", "0.0.0.0"] {
            assert!(usual.consider(elsewhere).is_err(), "{elsewhere}");
        }
        let refused = usual.consider("hook.example").unwrap_err().to_string();
        assert!(refused.ends_with("only with --allow-target hook.example"), "{refused}");
        // Only its addresses show whether it is in an allowed network.
        assert_eq!(guard(&["10.0.0.0/8"]).consider("hook.example"), Ok(()));
        assert_eq!(guard(&["hook.example"]).consider("Hook.Example."), Ok(()));
        assert_eq!(guard(&["*"]).consider("any.example"), Ok(()));
    }

    #[test]
    fn a_server_has_the_names_of_where_it_listens() {
        let of = |listens_on: &str| Guard::of_server(&["mock".to_owned()], listens_on.parse().ok()).unwrap();
        for (listens_on, host, own) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "10.0.0.1", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("0.0.0.0", "10.0.0.2", true),
            ("::", "10.0.0.2", true),
            ("::", "2001:db8::1", true),
            ("0.0.0.0", "evil.example", false),
            ("0.0.0.0", "mock", true),
        ] {
            assert_eq!(of(listens_on).covers(host), own, "{listens_on}: {host}");
        }
    }

    #[test]
    fn a_name_may_have_any_address() {
        let guard = guard(&["Hook.Example"]);
        let addresses = sockets(&["93.184.216.34", "0.0.0.0"]);
        for host in ["hook.example", "HOOK.example", "hook.example."] {
            assert_eq!(guard.admit(host, &addresses).unwrap(), addresses);
        }
        assert!(guard.admit("sub.hook.example", &addresses).is_err());
        assert!(guard.admit("hook.example.com", &addresses).is_err());
    }

    #[test]
    fn addresses_and_networks_are_compared_bit_by_bit() {
        for (rule, inside, outside) in [
            ("10.0.0.0/8", "10.255.1.2", "11.0.0.0"),
            ("10.9.8.7/8", "10.1.1.1", "11.0.0.0"),
            ("192.168.1.0/25", "192.168.1.127", "192.168.1.128"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.7", "::ffff:192.0.2.7", "2001:db8::7"),
            ("0.0.0.0/0", "8.8.8.8", "2001:db8::1"),
            ("::/0", "2001:db8::1", "8.8.8.8"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("[2001:db8::1]", "2001:db8::1", "2001:db8::2"),
            ("::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"),
            ("0.0.0.0", "0.0.0.0", "::"),
        ] {
            let guard = guard(&[rule]);
            assert!(admits(&guard, inside), "{rule} {inside}");
            assert!(!admits(&guard, outside), "{rule} {outside}");
            assert!(admits(&guard, "127.0.0.1"));
        }
        assert!(admits(&guard(&["*"]), "0.0.0.0"));
    }

    #[test]
    fn of_a_name_not_allowed_only_the_allowed_addresses_are_used() {
        let addresses = sockets(&["10.0.0.1", "127.0.0.1", "::1"]);
        assert_eq!(Guard::default().admit("mixed.example", &addresses).unwrap(), addresses[1..]);
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let guard = Guard::default();
        let refused = |host, address| guard.admit(host, &sockets(&[address])).unwrap_err().to_string();
        insta::assert_snapshot!(
            [
                refused("hook.example", "93.184.216.34"),
                refused("10.0.0.1", "10.0.0.1"),
                refused("0.0.0.0", "0.0.0.0"),
                refused("::", "::"),
                refused("any.example", "0.0.0.0"),
            ]
            .join("\n")
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let wrong = |text: &str| Guard::allowing(&[text.to_owned()]).unwrap_err().to_string();
        insta::assert_snapshot!(
            [
                "",
                "http://hook.example/x",
                "hook.example:3000",
                "*.example",
                "10.0.0.0/33",
                "fd00::/129",
                "10.0.0.0/x",
                "hook/8",
                "1::2::3",
                "hook example",
            ]
            .map(wrong)
            .join("\n")
        );
    }
}
