//! What a request may ask of the proxies on its way: to show what reaches them, and to go no further than a number of them.

use super::error::ProxyError;
use http::header::MAX_FORWARDS;
use http::{Method, Request};

/// Whether the request is answered here, because it has come as far as it may (RFC 9110, section 7.6.2). Takes this hop from
/// the number of those that it may still make.
///
/// # Errors
/// When the caller wants its own request back, token and all (section 9.3.8), or `Max-Forwards` is no number. A number that is
/// larger than can be held counts as the largest that can, as the section allows.
pub fn ends_here<B>(request: &mut Request<B>) -> Result<bool, ProxyError> {
    // Methods know case, but not every server knows that.
    if request.method().as_str().eq_ignore_ascii_case("TRACE") {
        return Err(ProxyError::Trace);
    }
    if *request.method() != Method::OPTIONS {
        return Ok(false);
    }
    let mut values = request.headers().get_all(MAX_FORWARDS).iter();
    let hops = match (values.next(), values.next()) {
        (None, _) => return Ok(false),
        (Some(hops), None) => hops.to_str().ok().and_then(number).ok_or(ProxyError::Malformed)?,
        (Some(_), Some(_)) => return Err(ProxyError::Malformed),
    };
    if let Some(hops) = hops.checked_sub(1) {
        request.headers_mut().insert(MAX_FORWARDS, hops.into());
    }
    Ok(hops == 0)
}

fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a request of this method ends here, and what goes on of its `Max-Forwards`.
    fn end(method: Method, hops: &[&'static str]) -> Option<(bool, String)> {
        let mut request = Request::new(());
        *request.method_mut() = method;
        for hops in hops {
            request.headers_mut().append(MAX_FORWARDS, hops.parse().unwrap());
        }
        let ends = ends_here(&mut request).ok()?;
        let left = request.headers().get(MAX_FORWARDS).map_or("", |left| left.to_str().unwrap());
        Some((ends, left.to_owned()))
    }

    #[test]
    fn options_go_no_further_than_they_may() {
        for (hops, ends, left) in
            [("0", true, "0"), ("00", true, "00"), ("1", false, "0"), ("10", false, "9")]
        {
            assert_eq!(end(Method::OPTIONS, &[hops]), Some((ends, left.to_owned())), "{hops}");
        }
        for hops in ["18446744073709551616", "99999999999999999999999999"] {
            assert_eq!(end(Method::OPTIONS, &[hops]), Some((false, "18446744073709551614".to_owned())));
        }
        assert_eq!(end(Method::OPTIONS, &[]), Some((false, String::new())));
        for wrong in ["", "-1", "+1", "1.5", "x", "1, 2", "9999999999999999999x"] {
            assert_eq!(end(Method::OPTIONS, &[wrong]), None, "{wrong}");
        }
        assert_eq!(end(Method::OPTIONS, &["1", "1"]), None);
    }

    #[test]
    fn trace_is_refused_and_other_methods_do_not_count() {
        assert_eq!(end(Method::TRACE, &[]), None);
        assert_eq!(end("Trace".parse().unwrap(), &["5"]), None);
        assert_eq!(end(Method::GET, &["0"]), Some((false, "0".to_owned())));
    }
}
