//! However a caller spells a loopback, link-local or metadata address, and wherever it names it, it is refused before a
//! token is asked for.
#![expect(clippy::print_stdout, reason = "the count is what a reader of the log looks for")]

use crate::support::Sts;
use crate::support::client::{self, Body, Http1, get};
use crate::support::program::Program;
use http::{Request, StatusCode};
use std::net::{Ipv4Addr, Ipv6Addr};

const HEADER: &str = "x-upstream-host";

/// Loopback, "this host", the credential endpoints of EC2, ECS and EKS, multicast and broadcast.
const REFUSED_IPV4: [Ipv4Addr; 8] = [
    Ipv4Addr::LOCALHOST,
    Ipv4Addr::new(127, 255, 255, 254),
    Ipv4Addr::UNSPECIFIED,
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(224, 0, 0, 1),
    Ipv4Addr::BROADCAST,
];

/// Those that carry no IPv4 address.
const REFUSED_IPV6: [&str; 7] =
    ["::1", "::", "fe80::1", "febf::1", "fd00:ec2::23", "fd00:ec2::254", "ff02::1"];

const NAMES: [&str; 6] =
    ["localhost", "localhost.", "LOCALHOST", "LocalHost.", "localhost:80", "localhost.:8080"];

#[tokio::test]
async fn no_spelling_of_a_refused_address_gets_through_or_costs_a_token() {
    let names = spellings();
    let sts = Sts::start().await;
    let by_header = Program::serve(&sts.url, &["--upstream-scheme", "http"]).await;
    let by_host = Program::serve(&sts.url, &["--upstream-scheme", "http", "--host-header", "Host"]).await;
    for name in &names {
        refused(&by_header, get("/latest/meta-data/", &[(HEADER, name)]), name).await;
        refused(&by_host, get("/latest/meta-data/", &[("host", name)]), name).await;
        let url = format!("http://{name}/latest/meta-data/");
        refused(&by_header, get(&url, &[]), &url).await;
    }
    println!("{} spellings, each in a header, in Host and in the request target", names.len());
    assert_eq!(sts.mints(), 0);
}

/// What other readers may take for such an address is no name at all here.
#[tokio::test]
async fn what_looks_like_such_an_address_is_no_name() {
    let sts = Sts::start().await;
    let proxy = Program::serve(&sts.url, &["--upstream-scheme", "http"]).await;
    let names = [
        // Zones.
        "[fe80::1%eth0]",
        "[fe80::1%25eth0]",
        "[::1%lo]",
        "[::1%25lo]",
        "169.254.169.254%eth0",
        // Digits and dots of other scripts, which Unicode's compatibility forms turn into ASCII.
        "１２７.０.０.１",
        "１６９.２５４.１６９.２５４",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "169．254．169．254",
        "127.0.0.¹",
        "١٢٧.٠.٠.١",
        "ｌｏｃａｌｈｏｓｔ",
        "loca\u{200b}lhost",
        "ⓛocalhost",
        "[::ﬀﬀ:127.0.0.1]",
        // Escapes.
        "127.0.0.%31",
        "%31%32%37.0.0.1",
        "%6cocalhost",
        "169%2e254%2e169%2e254",
        "localhost%00.example.com",
        // Two names, or a name and something else.
        "example.com@169.254.169.254",
        "169.254.169.254@example.com",
        "169.254.169.254#example.com",
        "example.com#169.254.169.254",
        "169.254.169.254/latest",
        "169.254.169.254\\example.com",
        "169.254.169.254:80@example.com",
        "169.254.169.254:80:80",
        "169.254.169.254,example.com",
        "169.254.169.254;example.com",
        "169.254.169.254 example.com",
        "http://169.254.169.254",
        "//169.254.169.254",
        // Addresses in a form that no standard has.
        "::1",
        "::ffff:169.254.169.254",
        "[127.0.0.1]",
        "[0x7f000001]",
        "[v1.169.254.169.254]",
        "127.0.0.1..",
        "127..0.0.1",
        ".127.0.0.1",
        "127.0.0.0.1",
        "0x7f.0.0.0.1",
        "4294967296",
        "127.0.0.256",
        "0b1111111.0.0.1",
        "+127.0.0.1",
        "-127.0.0.1",
        "0x7f000001:0x50",
        "127.0.0.1:",
        "127.0.0.1:+80",
        "127.0.0.1:80.",
    ];
    for name in names {
        let request =
            format!("GET / HTTP/1.1\r\nhost: proxy.local\r\nconnection: close\r\n{HEADER}: {name}\r\n\r\n");
        let answer = client::raw(proxy.proxy, request.as_bytes()).await;
        // "b" and "-" are letters of names, and nothing that is no address resolves here.
        assert!(answer.starts_with("HTTP/1.1 400"), "{name}: {answer}");
    }
    assert_eq!(sts.mints(), 0);
}

async fn refused(proxy: &Program, request: Request<Body>, name: &str) {
    let answer = Http1::connect(proxy.proxy).await.send(request).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::FORBIDDEN, "upstream not allowed\n"), "{name}");
    assert_eq!(answer.header("proxy-status"), Some("attache; error=destination_ip_prohibited"), "{name}");
}

fn spellings() -> Vec<String> {
    let mut hosts: Vec<String> = NAMES.map(str::to_owned).to_vec();
    for address in REFUSED_IPV4 {
        hosts.extend(with_ports(spelled_ipv4(address)));
        hosts.extend(with_ports(carrying(address).into_iter().flat_map(spelled_ipv6).collect()));
    }
    for address in REFUSED_IPV6 {
        hosts.extend(with_ports(spelled_ipv6(address.parse().unwrap())));
    }
    hosts.sort();
    hosts.dedup();
    hosts
}

fn with_ports(hosts: Vec<String>) -> impl Iterator<Item = String> {
    hosts.into_iter().flat_map(|host| ["", ":80", ":00443", ":8080"].map(|port| format!("{host}{port}")))
}

/// One to four parts, each decimal, octal or hexadecimal, with zeros in front, and a dot behind.
fn spelled_ipv4(address: Ipv4Addr) -> Vec<String> {
    let all = u32::from(address);
    let [a, b, c, d] = address.octets();
    let mut spelled = vec![
        format!("{a}.{b}.{c}.{d}"),
        format!("{a}.{b}.{}", all & 0xffff),
        format!("{a}.{}", all & 0x00ff_ffff),
        format!("{all}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("000{a:o}.0000{b:o}.{c}.{d}"),
        format!("0{all:o}"),
        format!("00000{all:o}"),
        format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
        format!("0X{a:X}.0X{b:02X}.0x{c:04x}.{d}"),
        format!("0x{a:x}.{b}.0{:o}", all & 0xffff),
        format!("0{a:o}.0x{:x}", all & 0x00ff_ffff),
        format!("0x{all:x}"),
        format!("0X{all:08X}"),
        format!("0x0000{all:08x}"),
    ];
    spelled.extend(spelled.clone().iter().map(|text| format!("{text}.")));
    spelled
}

/// Every IPv6 address that stands for an IPv4 one.
fn carrying(address: Ipv4Addr) -> Vec<Ipv6Addr> {
    let [a, b, c, d] = address.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let mut forms = vec![
        // Mapped, translated, NAT64 with either prefix, 6to4, Teredo, ISATAP.
        [0, 0, 0, 0, 0, 0xffff, high, low],
        [0, 0, 0, 0, 0xffff, 0, high, low],
        [0x64, 0xff9b, 0, 0, 0, 0, high, low],
        [0x64, 0xff9b, 1, 0, 0, 0, high, low],
        [0x2002, high, low, 0, 0, 0, 0, 1],
        [0x2001, 0, 0x4136, 0xe378, 0x8000, 0x63bf, !high, !low],
        [0x2001, 0xdb8, 0, 0, 0, 0x5efe, high, low],
        [0x2001, 0xdb8, 0, 0, 0x200, 0x5efe, high, low],
    ];
    if high != 0 {
        // Compatible: below 1.0.0.0 that is `::` and its neighbours.
        forms.push([0, 0, 0, 0, 0, 0, high, low]);
    }
    if a != 0 {
        // NAT64 with a local prefix of 48, 56 and 64 bits: what begins with zeros is not told from a longer prefix.
        let [a, b, c, d] = address.octets().map(u16::from);
        forms.push([0x64, 0xff9b, 1, high, c, d << 8, 0, 0]);
        forms.push([0x64, 0xff9b, 1, a, b, low, 0, 0]);
        forms.push([0x64, 0xff9b, 1, 0, a, b << 8 | c, d << 8, 0]);
    }
    forms.into_iter().map(Ipv6Addr::from).collect()
}

/// As short as it gets, in full, in capitals, and with the last 32 bits as an IPv4 address.
fn spelled_ipv6(address: Ipv6Addr) -> Vec<String> {
    let s = address.segments();
    let full = s.map(|segment| format!("{segment:04x}")).join(":");
    let front = s[..6].iter().map(|segment| format!("{segment:x}")).collect::<Vec<_>>().join(":");
    let tail = Ipv4Addr::from(u32::from(s[6]) << 16 | u32::from(s[7]));
    vec![
        format!("[{address}]"),
        format!("[{full}]"),
        format!("[{}]", full.to_uppercase()),
        format!("[{front}:{tail}]"),
    ]
}
