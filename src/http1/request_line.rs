//! The first line of a request (RFC 9112, section 3).

/// The line of the method, the target and the version, without its line end.
pub(super) fn first_line(bytes: &[u8]) -> &[u8] {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}
