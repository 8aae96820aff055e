//! The names of the variables that set a flag.
//!
//! The settings that aws-outbound-jwt-proxy has too keep their names without a prefix, because manifests set them. All others
//! are read with the prefix only: names such as `IDLE_TIMEOUT` belong to other programs of a shared environment.

/// The prefix of attache's own variables.
pub const PREFIX: &str = "ATTACHE_";

/// The long flags whose variables are read without the prefix too.
const WITHOUT_PREFIX: [&str; 16] = [
    "listen-addr",
    "upstream-host",
    "upstream-scheme",
    "host-header",
    "upstream-timeout",
    "token-audience",
    "token-signing-algorithm",
    "token-duration",
    "token-refresh-skew",
    "log-level",
    "log-format",
    "tls-cert",
    "tls-key",
    "metrics-enabled",
    "metrics-listen-addr",
    "metrics-path",
];

/// The variable of a flag as documents and messages name it: `TOKEN_DURATION`, `ATTACHE_IDLE_TIMEOUT`.
pub fn variable_of(flag: &str) -> String {
    if needs_prefix(flag) { prefixed(flag) } else { bare(flag) }
}

/// The variables of a flag. The first one that is set is used.
pub(super) fn variables_of(flag: &str) -> impl Iterator<Item = String> {
    let bare = (!needs_prefix(flag)).then(|| bare(flag));
    [prefixed(flag)].into_iter().chain(bare)
}

/// Whether the variable of a flag is read with the prefix only.
pub(super) fn needs_prefix(flag: &str) -> bool {
    !WITHOUT_PREFIX.contains(&flag)
}

/// The variable of a flag without the prefix.
pub(super) fn bare(flag: &str) -> String {
    flag.to_ascii_uppercase().replace('-', "_")
}

fn prefixed(flag: &str) -> String {
    format!("{PREFIX}{}", bare(flag))
}
