//! What a stranger may do how often, and whose word counts for where a request came from.

use std::net::{IpAddr, Ipv6Addr};

use super::{ConfigError, Raw};

/// The proxies in front, as networks in CIDR form. Empty: nobody's word counts, and the peer is the visitor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    networks: Vec<(u128, u32)>,
    /// Which header they write.
    pub header: ProxyHeader,
}

/// The one header that the proxies write. The other one may come from anybody, so it is never read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl Proxies {
    /// From the configuration.
    ///
    /// # Errors
    /// [`ConfigError`] names the item that is no network.
    pub fn from_raw(raw: &Raw) -> Result<Self, ConfigError> {
        let networks = raw
            .list("proxies")
            .iter()
            .map(|item| {
                network(item).ok_or_else(|| {
                    ConfigError(format!(
                        "proxies: \"{item}\" ({}) is not a network; write an address or CIDR, such as 10.0.0.0/8",
                        raw.origin("proxies")
                    ))
                })
            })
            .collect::<Result<_, _>>()?;
        let header = match raw.text("proxy_header").to_ascii_lowercase().as_str() {
            "x-forwarded-for" => ProxyHeader::XForwardedFor,
            "forwarded" => ProxyHeader::Forwarded,
            other => {
                return Err(ConfigError(format!(
                    "proxy_header = \"{other}\": one of x-forwarded-for, forwarded"
                )));
            }
        };
        Ok(Self { networks, header })
    }

    /// Whether `address` is one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        let bits = bits(address);
        self.networks.iter().any(|(network, length)| masked(bits, *length) == *network)
    }
}

/// An IPv4 address and the same one inside IPv6 are one place.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn masked(bits: u128, length: u32) -> u128 {
    if length == 0 { 0 } else { bits & (u128::MAX << (128 - length)) }
}

fn network(text: &str) -> Option<(u128, u32)> {
    let (address, length) =
        text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().ok()?;
    let (whole, above) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
    let length = match length {
        Some(text) => text.parse::<u32>().ok().filter(|length| *length <= whole)?,
        None => whole,
    };
    Some((masked(bits(address), length + above), length + above))
}

/// The part of an address that one subscriber has: all of IPv4, the first 64 bits of IPv6 (RFC 6177), so that nobody
/// has 2^64 budgets.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(masked(v6.to_bits(), 64))),
        v4 => v4,
    }
}

/// Requests a minute from one address, and from one client that proved who it is; all of a minute's may come at once.
/// Zero is no limit. Each node counts for itself.
#[derive(Clone, Debug)]
pub struct Rates {
    /// `/token`, `/revoke`, `/par`, `/device_authorization`, each counted alone.
    pub token: u32,
    /// `/introspect`.
    pub introspect: u32,
    /// `/register`.
    pub register: u32,
    /// `/authorize`.
    pub authorize: u32,
    /// `/login`, `/device` and links that sign in, counted together.
    pub sign_in: u32,
}

impl Rates {
    /// From the configuration.
    ///
    /// # Errors
    /// [`ConfigError`] for what is no number.
    pub fn from_raw(raw: &Raw) -> Result<Self, ConfigError> {
        let rate = |path| raw.parse(path, "requests a minute as a whole number, 0 for no limit");
        Ok(Self {
            token: rate("rates.token")?,
            introspect: rate("rates.introspect")?,
            register: rate("rates.register")?,
            authorize: rate("rates.authorize")?,
            sign_in: rate("rates.sign_in")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(networks: &[&str]) -> Proxies {
        Proxies { networks: networks.iter().map(|n| network(n).unwrap()).collect(), ..Proxies::default() }
    }

    #[test]
    fn a_network_holds_its_own_addresses_however_they_are_written() {
        let ours = proxies(&["10.0.0.0/8", "192.0.2.7", "fd00::/16"]);
        for inside in ["10.0.0.1", "10.255.255.255", "::ffff:10.1.2.3", "192.0.2.7", "fd00:1::1"] {
            assert!(ours.contain(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.8", "::1", "fd01::1", "::a00:1"] {
            assert!(!ours.contain(outside.parse().unwrap()), "{outside}");
        }
        assert!(proxies(&["0.0.0.0/0"]).contain("203.0.113.9".parse().unwrap()));
        assert!(!proxies(&["0.0.0.0/0"]).contain("2001:db8::1".parse().unwrap()));
        assert!(!Proxies::default().contain("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "proxy.example", "10.0.0.0/-1", "10.0.0.0/"] {
            assert!(network(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn one_subscriber_has_one_budget() {
        let of = |text: &str| subscriber(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2::9"));
        assert_ne!(of("2001:db8:1:2::9"), of("2001:db8:1:3::9"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.2"), of("192.0.2.1"));
    }
}
