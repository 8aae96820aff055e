//! Lists of names in a field's value (RFC 9110, section 5.6.1).

use http::{HeaderMap, HeaderName, HeaderValue};

/// The members of all fields of this name. They are bytes, because a member that is no text must not hide the others.
pub fn members<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    headers.get_all(name).iter().flat_map(members_of)
}

/// Whether one of the members of the field `list` is `name`, in upper or lower case.
pub(super) fn lists(headers: &HeaderMap, list: &HeaderName, name: &str) -> bool {
    members(headers, list).any(|member| member.eq_ignore_ascii_case(name.as_bytes()))
}

fn members_of(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|&b| b == b',').map(<[u8]>::trim_ascii)
}
