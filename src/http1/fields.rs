//! Lists of names in a header's value (RFC 9110, section 5.6.1).

use http::{HeaderMap, HeaderName, HeaderValue};

/// The members of all fields of this name, as bytes: one strange member must not hide the others.
pub fn members<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    headers.get_all(name).iter().flat_map(members_of)
}

/// Whether one of these members is the name, in any case.
pub(super) fn lists(headers: &HeaderMap, list: &HeaderName, name: &str) -> bool {
    members(headers, list).any(|member| member.eq_ignore_ascii_case(name.as_bytes()))
}

fn members_of(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|&b| b == b',').map(<[u8]>::trim_ascii)
}
