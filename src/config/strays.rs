//! Variables that look like settings of attache and are none.

use super::args::Args;
use super::environment::Environment;
use super::nearest::nearest;
use super::variable_names::{PREFIX, bare, needs_prefix, variables_of};
use clap::{Args as _, Command};

/// The variables of this environment that look like settings and are none.
pub(super) fn strays(environment: &Environment) -> Vec<Stray<'_>> {
    let known = Known::new();
    environment.names().filter_map(|name| known.classify(name)).collect()
}

/// A variable that looks like a setting and is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stray<'a> {
    pub(super) name: &'a str,
    pub(super) kind: StrayKind,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum StrayKind {
    /// It has the prefix and is similar to this setting's variable.
    MisspeltWithPrefix(String),
    /// It has the prefix and is similar to no setting's variable.
    Unknown,
    /// It has no prefix and is similar to this setting's variable.
    Misspelt(String),
    /// It is this setting's variable without the prefix, which is required.
    LacksPrefix(String),
}

/// The variables of all settings.
struct Known {
    variables: Vec<String>,
    need_prefix: Vec<String>,
}

impl Known {
    fn new() -> Self {
        let command = Args::augment_args(Command::new("attache"));
        let flags: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
        let need_prefix = flags.iter().filter(|flag| needs_prefix(flag));
        Self {
            variables: flags.iter().flat_map(|flag| variables_of(flag)).collect(),
            need_prefix: need_prefix.map(|flag| bare(flag)).collect(),
        }
    }

    fn classify<'a>(&self, name: &'a str) -> Option<Stray<'a>> {
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
        nearest(name, self.variables.iter().map(String::as_str), most).map(str::to_owned)
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
        Known::new().classify(name).map(|stray| stray.kind)
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
