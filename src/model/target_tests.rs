use super::*;
use crate::model::audience_set::AudienceSet;
use http::uri::Authority;
use proptest::prelude::*;
use std::collections::HashSet;

fn parsed(text: &str) -> Result<HostPort, HostError> {
    text.parse()
}

fn v4(text: &str) -> Result<HostPort, HostError> {
    Ok(HostPort { host: Host::Address(IpAddr::V4(text.parse().unwrap())), port: None, absolute: false })
}

/// What may stand in a name of an upstream; the brackets and colons come from IPv6 addresses and ports.
fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._:[]-".contains(&byte)
}

#[test]
fn a_final_dot_makes_a_name_whole_and_changes_nothing_else() {
    for (text, absolute) in [
        ("api.example.com.:8443", true),
        ("api.example.com:8443", false),
        ("LOCALHOST.", false),
        ("a.localhost.", false),
        ("127.0.0.1.", false),
        ("[::1]", false),
    ] {
        assert_eq!(parsed(text).unwrap().absolute, absolute, "{text}");
    }
    let (whole, other) = (parsed("api.example.com.").unwrap(), parsed("api.example.com").unwrap());
    let (whole, other) = (Target::new(Scheme::Https, whole), Target::new(Scheme::Https, other));
    assert_eq!(whole.authority(), other.authority());
    assert_eq!(AudienceSet::of(&whole), AudienceSet::of(&other));
    assert_ne!(whole, other, "they may lead to different places, so they share no connection");
}

#[test]
fn every_spelling_of_an_ipv4_address_is_that_address() {
    let spellings = [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("127.65530", "127.0.255.250"),
        ("10.1.65535", "10.1.255.255"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0X7F000001", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0177.0x0.00.1", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0000000000000000127.1", "87.0.0.1"),
        ("0", "0.0.0.0"),
        ("0x", "0.0.0.0"),
        ("4294967295", "255.255.255.255"),
        ("0xffffffff", "255.255.255.255"),
        ("037777777777", "255.255.255.255"),
        ("255.16777215", "255.255.255.255"),
    ];
    for (spelling, address) in spellings {
        assert_eq!(parsed(spelling), v4(address), "{spelling}");
    }
}

#[test]
fn a_name_that_ends_in_a_number_and_is_no_address_is_malformed() {
    let names = [
        "4294967296",
        "0x100000000",
        "040000000000",
        "256.1",
        "1.256.1",
        "1.2.3.256",
        "127.16777216",
        "1.2.65536",
        "1.2.3.4.5",
        "1.2.3.4.0",
        "08",
        "1.09",
        "0x7g.1",
        "example.1",
        "a.b.0x1f",
        "99999999999999999999999999999999",
        "0xffffffffffffffffffffffff",
    ];
    for name in names {
        assert_eq!(parsed(name), Err(HostError::Malformed), "{name}");
    }
}

#[test]
fn a_port_has_one_to_five_digits_and_lies_from_1_to_65535() {
    for (text, port) in [("a:1", 1), ("a:00080", 80), ("a:65535", 65535), ("[::1]:443", 443)] {
        assert_eq!(parsed(text).unwrap().port, Some(port), "{text}");
    }
    for text in
        ["a:", "a:0", "a:65536", "a:000080", "a:+80", "a:-1", "a: 80", "a:80 ", "a:8_0", "a:1:2", "[::1]:"]
    {
        assert_eq!(parsed(text), Err(HostError::Port), "{text}");
    }
}

#[test]
fn a_name_is_lower_case_without_its_final_dot() {
    for text in ["API.Example.COM", "api.example.com.", "Api.Example.Com."] {
        assert_eq!(parsed(text).unwrap().host, Host::Name("api.example.com".into()), "{text}");
    }
    assert_eq!(parsed("a..").unwrap_err(), HostError::Malformed);
    assert_eq!(parsed("").unwrap_err(), HostError::Empty);
    assert_eq!(parsed(":80").unwrap_err(), HostError::Empty);
}

#[test]
fn labels_and_names_have_the_lengths_of_dns() {
    let label = "a".repeat(63);
    assert!(parsed(&label).is_ok());
    assert_eq!(parsed(&format!("{label}a")), Err(HostError::Malformed));
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert!(parsed(&longest).is_ok());
    assert_eq!(parsed(&format!("{longest}a")), Err(HostError::Malformed));
}

#[test]
fn an_ipv6_address_stands_in_brackets_and_has_no_zone() {
    for text in ["[::1]", "[::ffff:127.0.0.1]", "[2001:DB8::1]:8443", "[64:ff9b::a9fe:a9fe]"] {
        assert!(matches!(parsed(text).unwrap().host, Host::Address(IpAddr::V6(_))), "{text}");
    }
    for text in [
        "[]",
        "[::1",
        "[::1]]",
        "[::1]x",
        "[[::1]]",
        "[127.0.0.1]",
        "[fe80::1%eth0]",
        "[v1.a]",
        "[ ::1]",
        "::1",
    ] {
        assert!(parsed(text).is_err(), "{text}");
    }
}

#[test]
fn the_port_is_shown_only_where_it_is_not_the_schemes_own() {
    let shown = |scheme, text: &str| Target::new(scheme, text.parse().unwrap()).to_string();
    assert_eq!(shown(Scheme::Https, "a.example:443"), "https://a.example");
    assert_eq!(shown(Scheme::Http, "a.example:443"), "http://a.example:443");
    assert_eq!(shown(Scheme::Http, "[::1]:80"), "http://[::1]");
    assert_eq!(shown(Scheme::Https, "0x7f.1:8443"), "https://127.0.0.1:8443");
}

/// One number as decimal, octal or hexadecimal digits.
fn number_spelled(style: u8, value: u64) -> String {
    match style % 5 {
        0 => format!("{value}"),
        1 => format!("0{value:o}"),
        2 => format!("0x{value:x}"),
        3 => format!("0X{value:X}"),
        _ => format!("0x000{value:x}"),
    }
}

proptest! {
    #[test]
    fn addresses_mean_what_the_standard_library_reads(address: u32, parts in 1usize..=4, styles: [u8; 4]) {
        let canonical = Ipv4Addr::from(address);
        let octets = canonical.octets();
        let front = octets.iter().take(parts - 1).map(|octet| u64::from(*octet));
        let last = u64::from(address) & (u64::MAX >> (32 + 8 * (parts - 1)));
        let spelled: Vec<String> =
            front.chain([last]).zip(styles).map(|(value, style)| number_spelled(style, value)).collect();
        prop_assert_eq!(parsed(&spelled.join(".")), v4(&canonical.to_string()));
    }

    #[test]
    fn ipv6_addresses_mean_what_the_standard_library_reads(address: u128, port in 1u16..) {
        let address = Ipv6Addr::from(address);
        let name = parsed(&format!("[{address}]:{port}")).unwrap();
        prop_assert_eq!(name, HostPort { host: Host::Address(address.into()), port: Some(port), absolute: false });
    }

    #[test]
    fn what_is_accepted_is_plain_and_means_the_same_when_read_again(
        text in prop_oneof!["\\PC{0,20}", "[0-9a-fxX.:\\[\\]_-]{0,24}", "[a-zA-Z0-9._-]{1,30}(:[0-9]{1,6})?"],
        https: bool,
    ) {
        let Ok(name) = parsed(&text) else { return Ok(()) };
        prop_assert!(text.bytes().all(is_of_a_name), "{:?}", text);
        let scheme = if https { Scheme::Https } else { Scheme::Http };
        let target = Target::new(scheme, name);
        let authority = target.authority().to_str().unwrap();
        prop_assert!(authority.bytes().all(is_of_a_name), "{:?}", authority);
        prop_assert!(authority.parse::<Authority>().is_ok_and(|read| read == authority));
        // A final dot is for the look-up alone.
        let again = HostPort { absolute: target.is_absolute(), ..parsed(authority).unwrap() };
        let again = Target::new(scheme, again);
        prop_assert_eq!(&again, &target);
        prop_assert!(HashSet::from([target.clone()]).contains(&again), "equal targets have equal hashes");
        prop_assert!(target.to_string().bytes().all(|b| is_of_a_name(b) || b == b'/'));
    }

    #[test]
    fn no_byte_but_those_of_names_is_accepted_anywhere(
        text in "[a-z0-9.]{1,10}(:[0-9]{1,4})?", odd: char, at: prop::sample::Index,
    ) {
        prop_assume!(!odd.is_ascii() || !is_of_a_name(odd as u8));
        let mut broken = text.clone();
        broken.insert(at.index(text.len() + 1), odd);
        prop_assert!(parsed(&broken).is_err(), "{:?}", broken);
    }
}
