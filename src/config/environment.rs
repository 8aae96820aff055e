//! The variables that attache was started with, and which of them are settings.
//!
//! The settings that aws-outbound-jwt-proxy has too keep their names without a prefix, because manifests set them. All others
//! are read with the prefix alone: names such as `IDLE_TIMEOUT` belong to other programs of a shared environment.

use super::args::Args;
use clap::{Args as _, Command};
use std::collections::BTreeMap;
use std::ffi::OsString;

/// What the name of every variable of attache's own begins with.
pub const PREFIX: &str = "ATTACHE_";

/// The settings that are read without the prefix too, by their long flags.
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

/// Environment variables by name.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// The value of the variable with this name.
    pub(super) fn get(&self, name: &str) -> Option<OsString> {
        self.0.get(name).cloned()
    }

    /// Whether a variable of this flag is set.
    pub fn sets(&self, flag: &str) -> bool {
        variables_of(flag).any(|name| self.0.contains_key(&name))
    }

    /// The names of AWS's variables that are set to nothing, or to blanks.
    pub fn empty_aws_variables(&self) -> impl Iterator<Item = &str> {
        let is_blank = |value: &OsString| value.to_string_lossy().trim().is_empty();
        let empty = self.0.iter().filter(move |(name, value)| name.starts_with("AWS_") && is_blank(value));
        empty.map(|(name, _)| name.as_str())
    }

    /// The variables that look like settings and are none.
    pub(super) fn strays(&self) -> Vec<Stray<'_>> {
        let known = Known::new();
        self.0.keys().filter_map(|name| known.judge(name)).collect()
    }
}

impl<N: Into<String>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// The variable of a flag that documents and messages name: `TOKEN_DURATION`, `ATTACHE_IDLE_TIMEOUT`.
pub fn variable_of(flag: &str) -> String {
    if WITHOUT_PREFIX.contains(&flag) { bare(flag) } else { prefixed(flag) }
}

/// The variables that set a flag. The first that is set counts.
pub(super) fn variables_of(flag: &str) -> impl Iterator<Item = String> {
    let bare = WITHOUT_PREFIX.contains(&flag).then(|| bare(flag));
    [prefixed(flag)].into_iter().chain(bare)
}

fn bare(flag: &str) -> String {
    flag.to_ascii_uppercase().replace('-', "_")
}

fn prefixed(flag: &str) -> String {
    format!("{PREFIX}{}", bare(flag))
}

/// A variable that looks like a setting and is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stray<'a> {
    pub(super) name: &'a str,
    pub(super) kind: StrayKind,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum StrayKind {
    /// It has the prefix, and is nearly this setting's variable.
    MisspeltWithPrefix(String),
    /// It has the prefix, and is near to no setting.
    Unknown,
    /// It has no prefix, and is nearly this setting's variable.
    Misspelt(String),
    /// It is the name of this setting's variable without the prefix that it needs.
    LacksPrefix(String),
}

/// Every variable that is a setting.
struct Known {
    variables: Vec<String>,
    need_prefix: Vec<String>,
}

impl Known {
    fn new() -> Self {
        let command = Args::augment_args(Command::new("attache"));
        let flags: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
        let need_prefix = flags.iter().filter(|flag| !WITHOUT_PREFIX.contains(flag));
        Self {
            variables: flags.iter().flat_map(|flag| variables_of(flag)).collect(),
            need_prefix: need_prefix.map(|flag| bare(flag)).collect(),
        }
    }

    fn judge<'a>(&self, name: &'a str) -> Option<Stray<'a>> {
        if self.variables.iter().any(|known| known == name) || is_of_kubernetes(name) {
            return None;
        }
        let kind = if name.starts_with(PREFIX) {
            self.nearest(name, 2).map_or(StrayKind::Unknown, StrayKind::MisspeltWithPrefix)
        } else if self.need_prefix.iter().any(|known| known == name) {
            StrayKind::LacksPrefix(format!("{PREFIX}{name}"))
        } else {
            StrayKind::Misspelt(self.nearest(name, 1)?)
        };
        Some(Stray { name, kind })
    }

    fn nearest(&self, name: &str, most: usize) -> Option<String> {
        // A difference in length is a distance already, and costs nothing to find.
        let near = self.variables.iter().filter(|known| known.len().abs_diff(name.len()) <= most);
        let distances = near.map(|known| (strsim::osa_distance(name, known), known));
        let (distance, known) = distances.min()?;
        (distance <= most).then(|| known.clone())
    }
}

/// Whether Kubernetes gives pods a variable of this name for a Service called `attache` or `attache-...`: `ATTACHE_PORT`,
/// `ATTACHE_SERVICE_HOST`, `ATTACHE_METRICS_PORT_9090_TCP_ADDR`.
fn is_of_kubernetes(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return false;
    };
    let ends = rest.match_indices('_').map(|(at, _)| &rest[at + 1..]);
    [rest].into_iter().chain(ends).any(|end| {
        matches!(end, "PORT" | "SERVICE_HOST" | "SERVICE_PORT")
            || end.starts_with("SERVICE_PORT_")
            || end.strip_prefix("PORT_").is_some_and(|port| {
                let mut parts = port.split('_');
                let number = parts.next().is_some_and(|part| part.parse::<u16>().is_ok());
                number && matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(name: &str) -> Option<StrayKind> {
        Known::new().judge(name).map(|stray| stray.kind)
    }

    #[test]
    fn no_setting_takes_a_name_that_kubernetes_gives_to_services() {
        let known = Known::new();
        assert!(known.variables.len() > 40, "{:?}", known.variables);
        for name in &known.variables {
            assert!(!is_of_kubernetes(name), "{name} is what a Service sets");
        }
    }

    #[test]
    fn what_kubernetes_sets_for_services_named_attache_is_ignored() {
        for name in [
            "ATTACHE_PORT",
            "ATTACHE_PORT_8080_TCP",
            "ATTACHE_PORT_8080_TCP_ADDR",
            "ATTACHE_PORT_53_UDP_PROTO",
            "ATTACHE_SERVICE_HOST",
            "ATTACHE_SERVICE_PORT",
            "ATTACHE_SERVICE_PORT_HTTP",
            "ATTACHE_METRICS_PORT",
            "ATTACHE_METRICS_PORT_9090_TCP_PORT",
            "ATTACHE_METRICS_SERVICE_HOST",
            "ATTACHE_METRICS_SERVICE_PORT_METRICS",
        ] {
            assert_eq!(judged(name), None, "{name}");
        }
        for name in ["ATTACHE_PORTS", "ATTACHE_PORT_HTTP", "ATTACHE_PORT_8080", "ATTACHE_SERVICE_NAME"] {
            assert_eq!(judged(name), Some(StrayKind::Unknown), "{name}");
        }
    }

    #[test]
    fn a_slip_of_the_keyboard_is_traced_to_the_setting_that_was_meant() {
        let meant = |name: &str| match judged(name) {
            Some(StrayKind::MisspeltWithPrefix(meant)) => format!("! {meant}"),
            Some(StrayKind::Misspelt(meant)) => format!("? {meant}"),
            Some(StrayKind::LacksPrefix(meant)) => format!("prefix {meant}"),
            Some(StrayKind::Unknown) => "unknown".to_owned(),
            None => "fine".to_owned(),
        };
        assert_eq!(meant("ATTACHE_IDLE_TIMOUT"), "! ATTACHE_IDLE_TIMEOUT");
        assert_eq!(meant("ATTACHE_ALLOW_HOSTS"), "! ATTACHE_ALLOW_HOST");
        assert_eq!(meant("ATTACHE_UPSTREM_HOTS"), "! ATTACHE_UPSTREAM_HOST");
        assert_eq!(meant("ATTACHE_IMAGE"), "unknown");
        assert_eq!(meant("UPSTREM_HOST"), "? UPSTREAM_HOST");
        assert_eq!(meant("TOKEN_AUDIENCES"), "? TOKEN_AUDIENCE");
        assert_eq!(meant("ATACHE_IDLE_TIMEOUT"), "? ATTACHE_IDLE_TIMEOUT");
        assert_eq!(meant("IDLE_TIMEOUT"), "prefix ATTACHE_IDLE_TIMEOUT");
        for fine in ["PATH", "AWS_REGION", "TOKEN", "LOG_FILE", "LISTEN_ADDR", "ATTACHE_LISTEN_ADDR"] {
            assert_eq!(meant(fine), "fine", "{fine}");
        }
    }
}
