//! The stable codes of everything that can go wrong. A code is a field of its log line, part of a finding of
//! `attache doctor`, and a heading of the page that explains it.

macro_rules! diagnostic_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident => $code:literal,)+) => {
        /// A stable code for one kind of problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum DiagnosticCode {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl DiagnosticCode {
            /// All codes, in the order of the page that explains them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code as text, for example `sts_unreachable`.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }

            /// The meaning of the code as one phrase, made of the variant's doc comment.
            pub fn meaning(self) -> String {
                let meaning = match self {
                    $(Self::$variant => concat!($($doc),+),)+
                };
                phrase(meaning)
            }

            /// The page and heading that explain the code.
            pub fn see(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!("docs/troubleshooting.md#", $code),)+
                }
            }
        }
    };
}

/// Makes a phrase of a sentence: without its full stop, code marks and initial capital.
fn phrase(sentence: &str) -> String {
    let sentence = sentence.trim().trim_end_matches('.').replace('`', "");
    let mut letters = sentence.chars();
    match (letters.next(), letters.clone().next()) {
        // An abbreviation has a capital second letter too, and keeps its capitals.
        (Some(first), Some(second)) if !second.is_ascii_uppercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => sentence,
    }
}

diagnostic_codes! {
    /// A setting makes no sense.
    ConfigInvalid => "config_invalid",
    /// A changed configuration file cannot be used.
    ConfigFileRejected => "config_file_rejected",
    /// A variable that looks like a setting is not used.
    SettingUnused => "setting_unused",
    /// An address to listen on is taken by another process.
    AddressInUse => "address_in_use",
    /// An address to listen on cannot be had.
    AddressUnusable => "address_unusable",
    /// A file of certificates or keys cannot be used.
    CertificateUnusable => "certificate_unusable",
    /// A certificate among trusted ones cannot be read.
    CertificateSkipped => "certificate_skipped",
    /// Certificate and private key do not belong together.
    CertificateMismatch => "certificate_mismatch",
    /// A certificate has expired, or is not valid yet.
    CertificateExpired => "certificate_expired",
    /// A caller shows no certificate, or one that is not accepted.
    CallerCertificateRefused => "caller_certificate_refused",
    /// A caller does not accept the certificate that it is shown.
    CertificateRefusedByCaller => "certificate_refused_by_caller",
    /// A certificate is about to expire.
    CertificateExpiring => "certificate_expiring",
    /// No certificate authority is trusted, so no https upstream can be verified.
    RootsMissing => "roots_missing",

    /// Another HTTP parser could read the request differently.
    RequestMalformed => "request_malformed",
    /// The request has more fields, or more bytes of them, than are read.
    RequestHeaderTooLarge => "request_header_too_large",
    /// The target of the request is longer than any that is read.
    RequestTargetTooLong => "request_target_too_long",
    /// The caller's body broke off.
    RequestBodyBroken => "request_body_broken",
    /// The caller hung up before its response was complete.
    ClientGone => "client_gone",
    /// The caller wanted a tunnel.
    ConnectMethod => "connect_method",
    /// The caller wanted its request back.
    TraceMethod => "trace_method",
    /// A page of another site has a browser send the request.
    CrossSiteRequest => "cross_site_request",
    /// No route is for the request.
    RouteMissing => "route_missing",
    /// The caller named no upstream.
    UpstreamMissing => "upstream_missing",
    /// The caller named its upstream in a way that is refused.
    UpstreamInvalid => "upstream_invalid",
    /// No `--allow-host` covers the upstream that the caller named.
    HostNotAllowed => "host_not_allowed",
    /// Every address of the upstream that the caller named is refused.
    AddressNotAllowed => "address_not_allowed",

    /// The account has outbound web identity federation turned off.
    FederationDisabled => "federation_disabled",
    /// A policy denies the token.
    StsAccessDenied => "sts_access_denied",
    /// The AWS session ends too soon for the token.
    SessionTooShort => "session_too_short",
    /// The AWS credentials have expired.
    CredentialsExpired => "credentials_expired",
    /// No AWS credentials were found.
    CredentialsMissing => "credentials_missing",
    /// AWS refuses to give the workload its credentials.
    CredentialsRefused => "credentials_refused",
    /// A part of the AWS credentials cannot be signed with, as it holds a line break, a blank or quotes.
    CredentialsInvalid => "credentials_invalid",
    /// AWS does not know the access key.
    AccessKeyUnknown => "access_key_unknown",
    /// AWS does not accept the signature: a wrong secret key, or a wrong clock.
    SignatureRejected => "signature_rejected",
    /// No AWS region is configured.
    RegionMissing => "region_missing",
    /// What is configured as AWS region is none.
    RegionInvalid => "region_invalid",
    /// The endpoint that AWS's settings name for STS is no URL.
    StsEndpointInvalid => "sts_endpoint_invalid",
    /// The file of `AWS_CA_BUNDLE` cannot be used.
    CaBundleUnusable => "ca_bundle_unusable",
    /// STS finds what was asked for outside its limits.
    StsValidation => "sts_validation",
    /// The token would be larger than STS allows.
    TokenTooLarge => "token_too_large",
    /// STS asks for fewer calls.
    StsThrottled => "sts_throttled",
    /// STS refuses for another reason.
    StsRefused => "sts_refused",
    /// STS answers that it is unwell.
    StsUnwell => "sts_unwell",
    /// What answers in the place of STS is not STS.
    NotSts => "not_sts",
    /// STS cannot be reached.
    StsUnreachable => "sts_unreachable",
    /// STS does not answer in time.
    StsTimeout => "sts_timeout",
    /// More audience sets are in use than may be held.
    TokenCacheFull => "token_cache_full",
    /// Callers name more new upstreams than STS is asked for tokens.
    TooManyAudiences => "too_many_audiences",
    /// A token has expired when it comes, or is about to.
    TokenUnusable => "token_unusable",
    /// STS minted something else than was asked for.
    TokenDiffers => "token_differs",
    /// This machine's clock differs from AWS's.
    ClockSkew => "clock_skew",
    /// This machine's clock was set, or the machine suspended.
    ClockJumped => "clock_jumped",
    /// A fetch has not come to an end within its bounds.
    RefresherStuck => "refresher_stuck",
    /// Calls to STS, or requests to upstreams, come back to this very proxy.
    ProxyLoop => "proxy_loop",
    /// Calls to the endpoints that hand out credentials are sent through an HTTP proxy.
    MetadataProxied => "metadata_proxied",
    /// Calls go to the global STS endpoint, which mints no tokens.
    StsGlobalEndpoint => "sts_global_endpoint",
    /// A party refuses to exchange the token.
    ExchangeRefused => "exchange_refused",
    /// A party does not know a trust yet that may have been created a moment ago.
    ExchangeNotPropagated => "exchange_not_propagated",
    /// A party answers that its token endpoint is unwell, or asks for fewer calls.
    ExchangeUnwell => "exchange_unwell",
    /// A token endpoint cannot be reached.
    ExchangeUnreachable => "exchange_unreachable",
    /// A token endpoint answers with something that is no token.
    ExchangeAnswerUnusable => "exchange_answer_unusable",
    /// The documents of the token's issuer cannot be had from this machine.
    IssuerUnreachable => "issuer_unreachable",
    /// The token does not verify with what its issuer publishes.
    TokenUnverifiable => "token_unverifiable",

    /// The upstream's name does not resolve.
    UpstreamDns => "upstream_dns",
    /// No address of the upstream accepts a connection.
    UpstreamConnect => "upstream_connect",
    /// No file descriptor is left for a connection to the upstream.
    OutOfFiles => "out_of_files",
    /// No connection to the upstream in time.
    UpstreamConnectTimeout => "upstream_connect_timeout",
    /// The TLS handshake with the upstream fails.
    UpstreamTls => "upstream_tls",
    /// The upstream does not speak HTTP/2, which it must.
    UpstreamProtocol => "upstream_protocol",
    /// The upstream does not answer in time.
    UpstreamTimeout => "upstream_timeout",
    /// The upstream hung up, or speaks no HTTP.
    UpstreamBroken => "upstream_broken",
    /// The upstream's response has more fields, or more bytes of them, than are read.
    UpstreamHeaderTooLarge => "upstream_header_too_large",
    /// An invalid answer over HTTP/2 ended a connection that other requests were on.
    UpstreamAnswerInvalid => "upstream_answer_invalid",
    /// The upstream refuses the token.
    UpstreamRejectsToken => "upstream_rejects_token",
    /// The upstream answers that it is unwell.
    UpstreamUnwell => "upstream_unwell",

    /// The HTTP proxy on the way to upstreams cannot be reached.
    ParentProxyUnreachable => "egress_unreachable",
    /// The HTTP proxy on the way to upstreams wants a user and a password, or others.
    ParentProxyCredentials => "egress_credentials",
    /// The HTTP proxy on the way to upstreams opens no tunnel to this one.
    ParentProxyRefused => "egress_refused",
    /// The HTTP proxy on the way to upstreams cannot reach this one.
    ParentProxyNoWay => "egress_no_way",
    /// The HTTP proxy on the way to upstreams hung up, or speaks no HTTP.
    ParentProxyBroken => "egress_broken",
    /// No connection in time through the HTTP proxy on the way to upstreams.
    ParentProxyTimeout => "egress_timeout",
    /// An HTTP proxy looks the names of upstreams up, so their addresses are not judged.
    ParentProxyUnjudged => "egress_unjudged",

    /// Any caller can have a token sent to any host.
    PolicyOpen => "policy_open",
    /// Changed TLS files cannot be used.
    TlsFilesUnusable => "tls_files_unusable",
    /// Changed TLS files for upstreams cannot be used.
    UpstreamTlsFilesUnusable => "upstream_tls_files_unusable",
    /// A trusted certificate of the system cannot be read.
    SystemRootsUnreadable => "system_roots_unreadable",
    /// The limit of open files cannot be raised.
    FileLimit => "file_limit",
    /// More callers are connected than may be.
    TooManyConnections => "too_many_connections",
    /// Connections cannot be accepted.
    AcceptFailed => "accept_failed",
    /// The file of a Unix socket cannot be removed.
    SocketFileLeft => "socket_file_left",
    /// The service manager cannot be told how the process does.
    ServiceManagerDeaf => "service_manager_deaf",
    /// Metrics or spans cannot be delivered to their collector.
    CollectorUnreachable => "collector_unreachable",
    /// A fault of attache, or of a library in it, was caught.
    Panicked => "panicked",
    /// Metrics or health cannot be served.
    AdminFailed => "admin_failed",
    /// Requests were cut off at the end of the process.
    ShutdownCutOff => "shutdown_cut_off",
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_diagnostic_has_a_name_of_its_own_that_is_an_anchor() {
        let codes: HashSet<_> = DiagnosticCode::ALL.iter().map(|diagnostic| diagnostic.code()).collect();
        assert_eq!(codes.len(), DiagnosticCode::ALL.len());
        for diagnostic in DiagnosticCode::ALL {
            let code = diagnostic.code();
            assert!(code.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{code}");
            assert_eq!(diagnostic.see(), format!("docs/troubleshooting.md#{code}"));
        }
    }

    #[test]
    fn what_a_diagnostic_means_is_a_phrase() {
        let federation = DiagnosticCode::FederationDisabled.meaning();
        assert_eq!(federation, "the account has outbound web identity federation turned off");
        assert_eq!(DiagnosticCode::StsUnreachable.meaning(), "STS cannot be reached");
        for diagnostic in DiagnosticCode::ALL {
            assert!(
                !diagnostic.meaning().ends_with('.') && !diagnostic.meaning().contains('`'),
                "{diagnostic:?}"
            );
        }
    }
}
