use super::*;
use crate::model::target::Scheme;
use proptest::prelude::*;

fn policy(allow: &[&str], deny: &[&str]) -> Policy {
    let ranges = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    Policy { allow_hosts: Vec::new(), allow_addresses: ranges(allow), deny_addresses: ranges(deny) }
}

fn allows(policy: &Policy, address: &str) -> bool {
    policy.check_address(address.parse().unwrap()).is_ok()
}

/// Every IPv6 form in which an IPv4 address can hide alone.
fn forms(address: Ipv4Addr) -> Vec<IpAddr> {
    let [a, b, c, d] = address.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let forms = [
        [0, 0, 0, 0, 0, 0xffff, high, low],
        [0, 0, 0, 0, 0xffff, 0, high, low],
        [0x64, 0xff9b, 0, 0, 0, 0, high, low],
        [0x64, 0xff9b, 1, 0, 0, 0, high, low],
        [0x2002, high, low, 0, 0, 0, 0, 1],
        [0x2001, 0, 0x4136, 0xe378, 0x8000, 0x63bf, !high, !low],
        [0x2001, 0xdb8, 0, 0, 0, 0x5efe, high, low],
        [0x2001, 0xdb8, 0, 0, 0x200, 0x5efe, high, low],
    ];
    let mut forms: Vec<IpAddr> = forms.map(|segments| Ipv6Addr::from(segments).into()).to_vec();
    // Below 1.0.0.0 the compatible form overlaps with `::` and `::1`, and nothing speaks it.
    if high != 0 {
        forms.push(Ipv6Addr::from([0, 0, 0, 0, 0, 0, high, low]).into());
    }
    forms
}

/// The address behind a local-use NAT64 prefix of each length, in front of and behind it what `other` has there (RFC 6052,
/// section 2.2).
fn local_nat64_forms(address: Ipv4Addr, other: u128) -> [IpAddr; 4] {
    [[6, 7, 9, 10], [7, 9, 10, 11], [9, 10, 11, 12], [12, 13, 14, 15]].map(|places| {
        let mut octets = other.to_be_bytes();
        octets[..6].copy_from_slice(&[0, 0x64, 0xff, 0x9b, 0, 1]);
        for (place, octet) in places.into_iter().zip(address.octets()) {
            octets[place] = octet;
        }
        Ipv6Addr::from(octets).into()
    })
}

#[test]
fn a_local_nat64_prefix_is_read_with_every_length() {
    let closed = policy(&[], &["10.0.0.0/8"]);
    for (address, carried) in [
        ("64:ff9b:1:a9fe:a9:fea9:fe00:0", "169.254.169.254 behind 48 bits"),
        ("64:ff9b:1:a9fe:a9:fe00:c633:6401", "169.254.169.254 behind 48 bits, and a suffix"),
        ("64:ff9b:1:12a9:fe:a9fe:c633:6401", "169.254.169.254 behind 56 bits, and a suffix"),
        ("64:ff9b:1:0:a9:fea9:fe00:0", "169.254.169.254 behind 64 bits"),
        ("64:ff9b:1:0:7f:0:100:0", "127.0.0.1 behind 64 bits"),
        ("64:ff9b:1:0:a:101:100:0", "10.1.1.1 behind 64 bits"),
        ("64:ff9b:1::a9fe:a9fe", "169.254.169.254 behind 96 bits"),
        ("64:ff9b:1:abcd:7:0:a9fe:a9fe", "169.254.169.254 behind 96 bits of a network"),
        ("64:ff9b:1::a01:101", "10.1.1.1 behind 96 bits"),
        ("64:ff9b:1::", "0.0.0.0"),
        ("64:ff9b:1::1", "0.0.0.1 behind 96 bits"),
    ] {
        assert!(!allows(&closed, address), "{address}: {carried}");
    }
    let public = Ipv4Addr::new(198, 51, 100, 1);
    for form in local_nat64_forms(public, 0) {
        assert_eq!(closed.check_address(form), Ok(()), "{form}");
    }
}

#[test]
fn each_default_range_is_refused_to_its_edges_and_no_further() {
    let ranges = [
        ("0.0.0.0", "0.255.255.255", None, Some("1.0.0.0")),
        ("127.0.0.0", "127.255.255.255", Some("126.255.255.255"), Some("128.0.0.0")),
        ("169.254.0.0", "169.254.255.255", Some("169.253.255.255"), Some("169.255.0.0")),
        ("224.0.0.0", "239.255.255.255", Some("223.255.255.255"), Some("240.0.0.0")),
        ("255.255.255.255", "255.255.255.255", Some("255.255.255.254"), None),
        ("::", "::1", None, Some("::2")),
        ("fe80::", "febf:ffff::1", Some("fe7f:ffff::1"), Some("fec0::")),
        ("fd00:ec2::", "fd00:ec2:ffff::1", Some("fd00:ec1:ffff::1"), Some("fd00:ec3::")),
        ("ff00::", "ffff:ffff::1", Some("feff:ffff::1"), None),
    ];
    let policy = Policy::default();
    for (first, last, before, after) in ranges {
        assert!(!allows(&policy, first) && !allows(&policy, last), "{first} to {last}");
        for neighbour in before.into_iter().chain(after) {
            assert!(allows(&policy, neighbour), "{neighbour}");
        }
    }
}

#[test]
fn private_addresses_are_open_until_the_operator_closes_them() {
    for address in ["10.0.0.1", "172.16.0.1", "192.168.0.1", "100.100.100.200", "fd00::1", "fd20:ce::254"] {
        assert!(allows(&Policy::default(), address), "{address}");
    }
    let closed = policy(&[], &["10.0.0.0/8", "fd00::/8"]);
    assert!(!allows(&closed, "10.255.255.255") && allows(&closed, "11.0.0.0"));
    assert!(!allows(&closed, "::ffff:10.0.0.1") && !allows(&closed, "64:ff9b::a00:1"));
    assert!(!allows(&closed, "fd20:ce::254"));
}

#[test]
fn the_credential_endpoints_of_aws_are_refused_in_every_form() {
    for endpoint in ["169.254.169.254", "169.254.170.2", "169.254.170.23"] {
        let endpoint = endpoint.parse().unwrap();
        for form in forms(endpoint).into_iter().chain(local_nat64_forms(endpoint, 0)) {
            assert_eq!(Policy::default().check_address(form), Err(Denied::Address), "{form}");
        }
    }
    assert!(!allows(&Policy::default(), "fd00:ec2::254") && !allows(&Policy::default(), "fd00:ec2::23"));
}

#[test]
fn a_link_local_address_stays_refused_whatever_it_carries() {
    assert!(!allows(&Policy::default(), "fe80::5efe:8.8.8.8"));
    assert!(!allows(&policy(&["8.8.8.8/32"], &[]), "fe80::5efe:8.8.8.8"));
}

#[test]
fn an_allowed_range_opens_an_address_in_all_its_forms() {
    let open = policy(&["127.0.0.0/8"], &[]);
    for form in forms(Ipv4Addr::LOCALHOST).into_iter().chain(local_nat64_forms(Ipv4Addr::LOCALHOST, 0)) {
        assert_eq!(open.check_address(form), Ok(()), "{form}");
    }
    assert!(!allows(&open, "::1") && !allows(&open, "169.254.169.254"));
    assert!(allows(&policy(&["::1/128"], &[]), "::1"));
}

#[test]
fn a_denied_range_wins_over_an_allowed_one() {
    let both = policy(&["127.0.0.0/8", "::1/128"], &["127.0.0.1/32"]);
    assert!(allows(&both, "127.0.0.2") && allows(&both, "::1"));
    for form in forms(Ipv4Addr::LOCALHOST) {
        assert_eq!(both.check_address(form), Err(Denied::Address), "{form}");
    }
    // The form itself can be denied too, whatever it carries.
    let no_nat64 = policy(&["0.0.0.0/0"], &["64:ff9b::/96"]);
    assert!(!allows(&no_nat64, "64:ff9b::808:808") && allows(&no_nat64, "8.8.8.8"));
}

fn covers(pattern: &str, scheme: Scheme, name: &str) -> bool {
    let allow_hosts = vec![pattern.parse().unwrap()];
    let policy = Policy { allow_hosts, ..policy(&["0.0.0.0/0", "::/0"], &[]) };
    match policy.check_host(&Target::new(scheme, name.parse().unwrap())) {
        Ok(()) => true,
        Err(Denied::Host) => false,
        Err(Denied::Address) => panic!("{name} was judged by its address"),
    }
}

#[test]
fn a_rule_covers_its_host_on_its_port_only() {
    let https = |pattern, name| covers(pattern, Scheme::Https, name);
    assert!(https("api.example.com", "API.example.com.") && https("Api.Example.com.", "api.example.com:443"));
    assert!(!https("api.example.com", "api.example.com:8443") && !https("api.example.com", "example.com"));
    assert!(!covers("api.example.com:443", Scheme::Http, "api.example.com"));
    assert!(covers("api.example.com:443", Scheme::Http, "api.example.com:443"));
    assert!(https("api.example.com:8443", "api.example.com:8443"));
    assert!(!https("api.example.com:8443", "api.example.com"));
    assert!(https("api.example.com:*", "api.example.com:1") && https("api.example.com:*", "api.example.com"));
    assert!(https("0x7f.1", "127.0.0.1") && https("[::1]:*", "[0:0::1]:99"));
}

#[test]
fn a_wildcard_covers_every_depth_below_but_never_the_apex_or_an_address() {
    let https = |pattern, name| covers(pattern, Scheme::Https, name);
    assert!(https("*.example.com", "a.example.com") && https("*.EXAMPLE.com", "a.b.c.Example.com."));
    for name in
        ["example.com", "evilexample.com", "example.com.evil.org", "a.example.com:8443", "a.example.co"]
    {
        assert!(!https("*.example.com", name), "{name}");
    }
    assert!(
        https("*.example.com:8443", "a.example.com:8443") && https("*.example.com:*", "a.example.com:8443")
    );
    assert!(!https("*.com", "127.0.0.1"));
}

#[test]
fn a_rule_of_any_other_form_is_refused() {
    let rules = [
        "",
        "*:8443",
        "*.",
        ".example.com",
        "*.*.example.com",
        "a.*.example.com",
        "*example.com",
        "example.*",
        "example.com:",
        "example.com:0",
        "example.com:*:*",
        "example.com:80:*",
        "example.com:**",
        "*.127.0.0.1",
        "*.[::1]",
        "https://example.com",
        "example.com/",
        "user@example.com",
        "exa mple.com",
        "[::1",
        "::1",
    ];
    for rule in rules {
        assert!(rule.parse::<HostPattern>().is_err(), "{rule:?}");
    }
}

proptest! {
    #[test]
    fn every_form_of_an_ipv4_address_is_judged_as_that_address(
        address: u32, allow: u32, allow_bits in 0u8..=32, deny: u32, deny_bits in 0u8..=32,
    ) {
        // Ranges around the address itself half the time, or they would hardly ever hold it.
        let near = |other: u32, bits: u8| if other.is_multiple_of(2) { (address, bits) } else { (other, bits) };
        let range = |(base, bits): (u32, u8)| IpNet::new(Ipv4Addr::from(base).into(), bits).unwrap();
        let policy = Policy {
            allow_hosts: Vec::new(),
            allow_addresses: vec![range(near(allow, allow_bits))],
            deny_addresses: vec![range(near(deny, deny_bits))],
        };
        let address = Ipv4Addr::from(address);
        let verdict = policy.check_address(address.into());
        for form in forms(address) {
            prop_assert_eq!(policy.check_address(form), verdict, "{} in {}", address, form);
        }
    }
}

proptest! {
    #[test]
    fn nothing_around_it_opens_a_refused_address_behind_local_nat64(
        address in 0x0100_0000u32.., deny_bits in 0u8..=32, other: u128,
    ) {
        let address = Ipv4Addr::from(address);
        let denied = IpNet::new(address.into(), deny_bits).unwrap();
        let policy = Policy { deny_addresses: vec![denied], ..Policy::default() };
        for form in local_nat64_forms(address, other) {
            prop_assert_eq!(policy.check_address(form), Err(Denied::Address), "{} in {}", address, form);
        }
    }
}

#[test]
fn an_asterisk_allows_every_name_at_every_port() {
    let policy = Policy { allow_hosts: vec!["*".parse().unwrap()], ..Policy::default() };
    assert!(policy.allows_any_host());
    assert_eq!(policy.allow_hosts[0].to_string(), "*");
    for host in ["api.example.com", "api.example.com:8443", "192.0.2.1:81"] {
        assert_eq!(policy.check_host(&Target::new(Scheme::Https, host.parse().unwrap())), Ok(()));
    }
    let metadata = Target::new(Scheme::Http, "169.254.169.254".parse().unwrap());
    assert_eq!(policy.check_host(&metadata), Err(Denied::Address));
    let listed = Policy { allow_hosts: vec!["*.example.com".parse().unwrap()], ..Policy::default() };
    assert!(!listed.allows_any_host());
}
