//! What counts for a table: its own keys, those of `[defaults]`, and else the flags' defaults.

use super::document::{Entry, TokenKeys, UpstreamKeys};
use crate::config::file_keys::{CREDENTIALS, ROUTES, Section};
use crate::config::parse;
use crate::config::problems::Fault;
use crate::config::upstream::{ForwardedFor, UpstreamProtocol};
use crate::model::token_request::SigningAlgorithm;
use std::path::PathBuf;
use std::time::Duration;

/// How the upstreams of a route are reached.
pub(super) struct UpstreamSettings {
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) idle_timeout: Duration,
    pub(super) protocol: UpstreamProtocol,
    pub(super) ca_cert: Option<PathBuf>,
    /// The files of the certificate and its key.
    pub(super) client: Option<(PathBuf, PathBuf)>,
    pub(super) forwarded_for: ForwardedFor,
}

/// What is asked of STS, besides the audiences.
pub(super) struct TokenSettings {
    pub(super) algorithm: SigningAlgorithm,
    pub(super) duration: Duration,
    pub(super) refresh_skew: Duration,
    pub(super) tags: Vec<(String, String)>,
}

/// The settings of a route with these keys.
pub(super) fn upstream(own: &UpstreamKeys, defaults: &UpstreamKeys) -> UpstreamSettings {
    let duration = |own, shared, key| settle(own, shared, &ROUTES, key, parse::positive_duration);
    // A certificate and its key come from the same table.
    let client = [own, defaults].into_iter().find_map(|keys| {
        let (cert, key) = (keys.client_cert.as_ref()?, keys.client_key.as_ref()?);
        Some((cert.value.clone(), key.value.clone()))
    });
    UpstreamSettings {
        timeout: duration(&own.timeout, &defaults.timeout, "upstream-timeout"),
        connect_timeout: duration(
            &own.connect_timeout,
            &defaults.connect_timeout,
            "upstream-connect-timeout",
        ),
        idle_timeout: duration(&own.idle_timeout, &defaults.idle_timeout, "upstream-idle-timeout"),
        protocol: settle(
            &own.protocol,
            &defaults.protocol,
            &ROUTES,
            "upstream-protocol",
            parse::upstream_protocol,
        ),
        ca_cert: own.ca_cert.as_ref().or(defaults.ca_cert.as_ref()).map(|file| file.value.clone()),
        client,
        forwarded_for: settle(
            &own.forwarded_for,
            &defaults.forwarded_for,
            &ROUTES,
            "forwarded-for",
            parse::forwarded_for,
        ),
    }
}

/// The settings of a token with these keys.
pub(super) fn token(own: &TokenKeys, defaults: &TokenKeys) -> TokenSettings {
    let life = lifetime(own, defaults);
    let tags = own.tags.as_ref().or(defaults.tags.as_ref());
    TokenSettings {
        algorithm: settle(
            &own.algorithm,
            &defaults.algorithm,
            &CREDENTIALS,
            "algorithm",
            parse::signing_algorithm,
        ),
        duration: life.duration,
        refresh_skew: life.refresh_skew,
        tags: tags.map(|tags| tags.value.iter().map(|tag| tag.value.clone()).collect()).unwrap_or_default(),
    }
}

/// How long a token lives, and how long before its end it is renewed.
pub(super) struct Lifetime {
    pub(super) duration: Duration,
    pub(super) refresh_skew: Duration,
}

/// The lifetime of a token with these keys.
pub(super) fn lifetime(own: &TokenKeys, defaults: &TokenKeys) -> Lifetime {
    let settle = |own, shared, key| settle(own, shared, &CREDENTIALS, key, parse::positive_duration);
    Lifetime {
        duration: settle(&own.duration, &defaults.duration, "duration"),
        refresh_skew: settle(&own.refresh_skew, &defaults.refresh_skew, "refresh-skew"),
    }
}

fn settle<T: Clone>(
    own: &Entry<T>,
    shared: &Entry<T>,
    section: &Section,
    key: &str,
    parse: fn(&str) -> Result<T, Fault>,
) -> T {
    if let Some(found) = own.as_ref().or(shared.as_ref()) {
        return found.value.clone();
    }
    let default = section.key(key).and_then(|key| key.default).expect("the key has a default");
    parse(default).expect("the default of a key is valid")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::args::Args;
    use crate::config::file_keys::{Form, SECTIONS};
    use clap::{Args as _, Command};

    #[test]
    fn each_default_of_the_file_is_the_default_of_its_flag() {
        let command = Args::augment_args(Command::new("attache"));
        for key in SECTIONS.iter().flat_map(Section::keys) {
            let Some(flag) = key.flag else { continue };
            let arg = command.get_arguments().find(|arg| arg.get_long() == Some(flag)).expect(flag);
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let default = help.split_once("[default: ").map(|(_, rest)| rest.trim_end_matches(']'));
            // Two defaults of flags are choices that a file states.
            if !["listen-addr", "host-header"].contains(&flag) {
                assert_eq!(key.default, default, "{}", key.name);
            }
        }
    }

    #[test]
    fn without_any_key_the_defaults_are_valid() {
        let settings = upstream(&UpstreamKeys::default(), &UpstreamKeys::default());
        assert_eq!(settings.timeout, Duration::from_secs(30));
        let token = token(&TokenKeys::default(), &TokenKeys::default());
        assert_eq!((token.duration.as_secs(), token.refresh_skew.as_secs()), (3600, 300));
    }

    #[test]
    fn the_words_of_a_choice_are_those_that_its_parser_takes() {
        for key in SECTIONS.iter().flat_map(Section::keys) {
            let Form::Choice(words) = key.form else { continue };
            let takes: fn(&str) -> bool = match key.flag.unwrap() {
                "upstream-protocol" => |text| parse::upstream_protocol(text).is_ok(),
                "forwarded-for" => |text| parse::forwarded_for(text).is_ok(),
                "upstream-scheme" => |text| parse::scheme(text).is_ok(),
                "token-signing-algorithm" => |text| parse::signing_algorithm(text).is_ok(),
                other => panic!("{other} has no parser here"),
            };
            assert!(words.iter().all(|word| takes(word)), "{}", key.name);
        }
    }
}
