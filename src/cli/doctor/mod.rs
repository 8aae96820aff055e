//! `attache doctor`: checks everything that a token, and a request with it, depends on.

use self::args::{DoctorArgs, Format};
use self::aws::AwsChecks;
use self::deadline::Deadline;
use self::diagnosis::Diagnosis;
use self::finding::{Check, Finding};
use self::subject::Subject;
use self::upstream::Reached;
use crate::app::source;
use crate::cli::config::settings::{self, Settings, Unusable};
use crate::cli::exit::Exit;
use crate::cli::report;
use crate::clock::Clock;
use crate::config::route::{CredentialRule, RouteConfig, Routing};
use crate::config::{Config, environment};
use crate::credential::CredentialSource;
use crate::credential::sts::{Sts, credentials_source::AwsCredentialsSource};
use crate::diagnostics::DiagnosticCode;
use crate::telemetry::metrics::Metrics;
use futures_util::future::join_all;
use std::sync::Arc;
use tokio::runtime::Builder;

/// The arguments of the command.
pub mod args;
/// The configuration under examination.
mod subject;
/// The checks, and the findings that they make.
mod finding;
/// All findings, as text and as JSON.
mod diagnosis;
/// The time limit of the examination.
mod deadline;
/// Checks the addresses to listen on.
mod listening;
/// Checks the files of certificates and keys.
mod certificates;
/// Checks region, credentials, STS and clock.
mod aws;
/// What keeps calls from STS.
mod way;
/// Checks a minted token.
mod tokens;
/// Finds out which condition of an IAM policy denies a token.
mod iam;
/// The minimum IAM policy.
mod policy;
/// Checks whether third parties can verify the token.
mod issuer;
/// Whether a party exchanges the token.
mod exchange;
/// Checks the connection to the upstream, and its responses.
mod upstream;
/// Interprets a refusal of the upstream.
mod challenge;
/// Checks the proxy variables.
mod proxies;

/// Runs the checks, and prints the findings. Fails if a check failed.
pub(super) fn run(args: &DoctorArgs) -> Exit {
    let diagnosis = match settings::load(&args.settings, &environment::of_process()) {
        Ok(Settings { config, .. }) => {
            let runtime = match Builder::new_multi_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return report::failure(&error, None),
            };
            let diagnosis = Diagnosis(runtime.block_on(examine(&config, args)));
            // A name look-up that hangs must not delay the exit.
            runtime.shutdown_background();
            diagnosis
        }
        Err(problems) => Diagnosis(unusable(&problems)),
    };
    let text = match args.format {
        Format::Text => diagnosis.text(),
        Format::Json => diagnosis.json(),
    };
    match report::data(text.as_bytes()) {
        Exit::Done if diagnosis.has_failed() => Exit::Failed,
        exit @ (Exit::Done | Exit::Failed | Exit::BadUsage) => exit,
    }
}

/// Runs all checks, those of routes for each route. Those that do not depend on each other run at the same time.
async fn examine(config: &Config, args: &DoctorArgs) -> Vec<Finding> {
    let (deadline, clock) = (Deadline::begin(), Clock::system());
    let tokens = &config.tokens;
    let sts = Arc::new(Sts::new(
        AwsCredentialsSource::DefaultChain(tokens.aws.clone()),
        tokens.sts_endpoint_url.clone(),
        tokens.fetch_timeout,
        clock,
    ));
    let source = source::exchanging(sts.clone(), config, clock, &Metrics::disabled());
    let views: Vec<Config> = config.routes.iter().map(|route| with_one_route(config, route)).collect();
    let subjects: Vec<Subject<'_>> =
        views.iter().map(|config| Subject::new(config, args, &sts, clock)).collect();
    let template = config.route().credential.template();
    let (addresses, aws, reached) = tokio::join!(
        listening::check(config),
        aws::check(&sts, &template, deadline),
        join_all(subjects.iter().map(upstream::reach))
    );
    let routes = subjects
        .iter()
        .zip(reached)
        .map(|(subject, reached)| route(subject, reached, (&aws, &*source), deadline));
    let of_routes = join_all(routes).await;

    let mut findings = addresses;
    findings.extend(certificates::inbound(&config.listeners, clock));
    findings.push(proxies::check(config, aws.url.as_deref()));
    findings.extend(aws.findings);
    findings.extend(of_routes.into_iter().flatten());
    findings.sort_by_key(|finding| finding.check);
    findings
}

fn with_one_route(config: &Config, route: &RouteConfig) -> Config {
    Config { routes: vec![route.clone()], ..config.clone() }
}

/// The findings about a route.
async fn route(
    subject: &Subject<'_>,
    (reached_finding, reached): (Finding, Option<Reached<'_>>),
    (aws, source): (&AwsChecks, &dyn CredentialSource),
    deadline: Deadline,
) -> Vec<Finding> {
    let (token, minted) = tokens::check(subject, aws, deadline).await;
    let asked = async {
        let (exchange, sent) = exchange::check(subject, source, minted.as_ref(), deadline).await;
        (exchange, upstream::answer(reached, sent.as_ref(), deadline).await)
    };
    let (issuer, (exchange, answer)) =
        tokio::join!(issuer::check(minted.as_ref(), subject.audiences(), deadline), asked);
    let trust = certificates::upstream(subject.config, subject.clock);
    let findings = [configuration(subject), trust, token, issuer, reached_finding, answer];
    let findings = findings.into_iter().chain(exchange);
    let name = subject.config.route().label();
    findings.map(|finding| finding.about(name)).collect()
}

/// The finding about the configuration, with the variables that are not used.
fn configuration(subject: &Subject<'_>) -> Finding {
    let decided = decided(subject);
    let notices: Vec<String> = subject.config.notices.iter().map(ToString::to_string).collect();
    if !notices.is_empty() {
        let seen = format!("{decided}\n{}", notices.join("\n"));
        let next = "rename or unset these variables: docs/configuration.md has the name of each setting";
        return Finding::warning(Check::Configuration, DiagnosticCode::SettingUnused, seen, next);
    }
    match &subject.config.route().routing {
        Routing::ByHeader { .. } if subject.config.route().policy.allow_hosts.is_empty() => {
            let seen = format!("{decided}\nany caller can have a token sent to any host");
            let next = "pin one upstream with --upstream-host, or name those that callers may reach with --allow-host";
            Finding::warning(Check::Configuration, DiagnosticCode::PolicyOpen, seen, next)
        }
        Routing::Pinned(_) | Routing::ByHeader { .. } => Finding::ok(Check::Configuration, decided),
    }
}

/// Summarizes the configuration.
fn decided(subject: &Subject<'_>) -> String {
    let routing = match &subject.config.route().routing {
        Routing::Pinned(target) => match &subject.config.route().upstream.connect_to {
            Some(connect_to) => format!("pinned to {target}, connected to at {connect_to}"),
            None => format!("pinned to {target}"),
        },
        Routing::ByHeader { header, .. } => format!("requests name their upstream in {header}"),
    };
    match (&subject.config.route().credential, subject.audiences()) {
        (CredentialRule::Fixed(spec), _) => format!("{routing}, audience {}", spec.audiences()),
        (CredentialRule::OfTarget(_), Some(audiences)) => {
            format!("{routing}, audience {audiences} from the upstream")
        }
        (CredentialRule::OfTarget(_), None) => format!("{routing}, audience from the upstream"),
    }
}

/// The findings for an invalid configuration, with which no other check can run.
fn unusable(problems: &Unusable) -> Vec<Finding> {
    let next = "mend these settings: docs/configuration.md has the rule of each";
    let finding = |check| {
        if check == Check::Configuration {
            return Finding::failed(check, DiagnosticCode::ConfigInvalid, problems.to_string(), next);
        }
        Finding::skipped(check, "needs settings that make sense")
    };
    Check::ALL.map(finding).into()
}
