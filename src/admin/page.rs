//! The page over `/status`: one document, which a browser may not enrich with anything from elsewhere.

use aws_lc_rs::digest::{SHA256, digest};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

const DOCUMENT: &str = include_str!("status.html");

/// The document, and what a browser is told about it.
pub(super) struct Page {
    policy: String,
}

impl Page {
    /// The page. Its policy lets a browser run the document's own script and style, and ask this listener for the status,
    /// and nothing else (Content Security Policy Level 3).
    pub(super) fn new() -> Self {
        let (style, script) = (hash(inside("<style>", "</style>")), hash(inside("<script>", "</script>")));
        let policy = format!(
            "default-src 'none'; style-src '{style}'; script-src '{script}'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        Self { policy }
    }

    pub(super) fn response(&self) -> Response {
        let headers = [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CONTENT_SECURITY_POLICY, &self.policy),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (CACHE_CONTROL, "no-store"),
        ];
        (headers, DOCUMENT).into_response()
    }
}

/// What stands between the document's only two tags of this kind.
fn inside(begin: &str, end: &str) -> &'static str {
    let after = DOCUMENT.split_once(begin).map_or("", |(_, after)| after);
    after.split_once(end).map_or("", |(inside, _)| inside)
}

fn hash(source: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, source.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_one_style_and_one_script_and_asks_for_nothing_else() {
        for tag in ["<style>", "</style>", "<script>", "</script>"] {
            assert_eq!(DOCUMENT.matches(tag).count(), 1, "{tag}");
        }
        assert!(inside("<style>", "</style>").len() > 500 && inside("<script>", "</script>").len() > 500);
        // Text of others becomes text, never markup; and inline handlers and styles would be blocked.
        for word in [
            "http://",
            "https://",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "eval(",
            " style=",
            " onclick=",
        ] {
            assert!(!DOCUMENT.contains(word), "{word}");
        }
    }
}
