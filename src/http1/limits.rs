//! How large a message's header may be.

/// The maximum size of a header or of trailers, in both directions and in every version of HTTP.
pub const MAX_HEADER_BYTES: usize = 128 * 1024;
/// The maximum number of fields in a header or in trailers.
pub const MAX_FIELDS: usize = 500;
/// The maximum size of a header as HTTP/2 counts it: with 32 bytes more for each field (RFC 9113, section 6.5.2).
pub const MAX_HEADER_LIST_SIZE: u32 = (MAX_HEADER_BYTES + 32 * MAX_FIELDS) as u32;

/// The maximum size of a request target, in which a byte that must be percent-encoded counts as three. It is the limit of `Uri`.
pub const MAX_TARGET_BYTES: usize = 65_534;
