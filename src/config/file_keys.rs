//! The keys of the configuration file. This table decides which keys are known, what the JSON schema says, and which flags must
//! not stand beside a file.

/// The form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Any text; its own rule is the reader's.
    Text,
    /// A duration in Go's syntax, above zero.
    Duration,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Boolean,
    /// Texts, one at least.
    List,
    /// A text, or a list of them.
    TextOrList,
    /// A table with keys of its own, those of an exchange.
    Exchange,
}

/// A key of a table.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// The form of its value.
    pub form: Form,
    /// The flag with the same meaning, without its dashes. It must not be given beside a file.
    pub flag: Option<&'static str>,
    /// The value that counts where neither the table nor `[defaults]` has the key.
    pub default: Option<&'static str>,
    /// What it means, in one sentence without a full stop.
    pub about: &'static str,
}

/// A kind of table.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// The table's name: `routes`.
    pub name: &'static str,
    /// Whether there is one table for each name, `[routes.NAME]`, in place of one table.
    pub named: bool,
    /// What one table is, in one sentence without a full stop.
    pub about: &'static str,
    keys: &'static [&'static [Key]],
}

impl Section {
    /// The keys in the order of the documents.
    pub fn keys(&self) -> impl Iterator<Item = &'static Key> + Clone {
        self.keys.iter().copied().flatten()
    }

    /// The key with this name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys().find(|key| key.name == name)
    }
}

/// Whether a file has a key with the meaning of a flag.
pub fn replaces(flag: &str) -> bool {
    SECTIONS.iter().flat_map(Section::keys).any(|key| key.flag == Some(flag))
}

/// All kinds of tables, in the order of the documents.
pub const SECTIONS: [Section; 4] = [DEFAULTS, CREDENTIALS, LISTENERS, ROUTES];

/// `[defaults]`.
pub const DEFAULTS: Section = Section {
    name: "defaults",
    named: false,
    about: "What counts in every table below that does not say otherwise",
    keys: &[&UPSTREAM, &DEFAULT_TOKEN],
};

/// `[credentials.NAME]`.
pub const CREDENTIALS: Section = Section {
    name: "credentials",
    named: true,
    about: "What routes put on requests: a token, or what it is exchanged for",
    keys: &[&TOKEN, &EXCHANGE],
};

/// `[listeners.NAME]`.
pub const LISTENERS: Section = Section {
    name: "listeners",
    named: true,
    about: "An address that callers connect to",
    keys: &[&LISTENER],
};

/// `[routes.NAME]`.
pub const ROUTES: Section = Section {
    name: "routes",
    named: true,
    about: "Which requests go to which upstream, and with which credential",
    keys: &[&MATCHING, &DESTINATION, &UPSTREAM],
};

const EXCHANGE: [Key; 1] = [Key {
    name: "exchange",
    form: Form::Exchange,
    flag: None,
    default: None,
    about: "A table: the preset of a party with its keys, or an exchange that is written out",
}];

const LISTENER: [Key; 4] = [
    text(
        "address",
        Some("listen-addr"),
        "Where callers connect: host:port, :port for every interface, or unix:PATH",
    ),
    text(
        "tls-cert",
        Some("tls-cert"),
        "PEM file with the certificate chain that is shown to callers; needs tls-key",
    ),
    text("tls-key", Some("tls-key"), "PEM file with the private key of tls-cert"),
    text(
        "tls-client-ca",
        Some("tls-client-ca"),
        "PEM file with the authorities of callers' own certificates; callers must then show one",
    ),
];

const MATCHING: [Key; 4] = [
    text("listener", None, "The listener whose requests the route takes; every listener where it is absent"),
    text(
        "host",
        None,
        "The host that the request names: a name, or *.domain for every name below it; any host where it is absent",
    ),
    text(
        "path-prefix",
        None,
        "How the request's path begins, in whole segments: /claude takes /claude and /claude/v1, not /claudette",
    ),
    Key {
        name: "strip-prefix",
        form: Form::Boolean,
        flag: None,
        default: Some("false"),
        about: "Whether path-prefix is taken off before the request is forwarded",
    },
];

const DESTINATION: [Key; 8] = [
    text(
        "upstream",
        Some("upstream-host"),
        "The URL of the one upstream, without a path: https://api.example.com",
    ),
    text(
        "upstream-connect-to",
        Some("upstream-connect-to"),
        "Connect to this host or host:port for upstream",
    ),
    text(
        "host-header",
        Some("host-header"),
        "The header that names the upstream of each request, in place of upstream",
    ),
    Key {
        name: "upstream-scheme",
        form: Form::Choice(&["https", "http"]),
        flag: Some("upstream-scheme"),
        default: Some("https"),
        about: "How upstreams that host-header names are spoken to",
    },
    list(
        "allow-hosts",
        Some("allow-host"),
        "The upstreams that host-header may name: host, host:port, host:*, *.domain or *",
    ),
    list(
        "allow-addresses",
        Some("allow-address"),
        "Ranges of addresses to open for host-header although they are refused by default",
    ),
    list(
        "deny-addresses",
        Some("deny-address"),
        "Ranges of addresses to refuse for host-header besides those refused by default",
    ),
    text(
        "credential",
        None,
        "The credential that requests get; a token whose audience is the upstream's URL where it is absent",
    ),
];

const UPSTREAM: [Key; 8] = [
    duration("upstream-timeout", "30s", "Longest wait from request sent to response header"),
    duration("upstream-connect-timeout", "10s", "Longest connect, TLS included"),
    duration("upstream-idle-timeout", "90s", "How long an unused connection is kept"),
    Key {
        name: "upstream-protocol",
        form: Form::Choice(&["auto", "http1", "http2"]),
        flag: Some("upstream-protocol"),
        default: Some("auto"),
        about: "The version of HTTP that upstreams are spoken to in",
    },
    text(
        "upstream-ca-cert",
        Some("upstream-ca-cert"),
        "PEM file with certificates to trust besides the system's",
    ),
    text(
        "upstream-client-cert",
        Some("upstream-client-cert"),
        "PEM file with the certificate chain that is shown to upstreams",
    ),
    text(
        "upstream-client-key",
        Some("upstream-client-key"),
        "PEM file with the private key of upstream-client-cert",
    ),
    Key {
        name: "forwarded-for",
        form: Form::Choice(&["append", "keep", "remove"]),
        flag: Some("forwarded-for"),
        default: Some("append"),
        about: "What happens to X-Forwarded-For",
    },
];

const DEFAULT_TOKEN: [Key; 4] = [
    Key { name: "token-signing-algorithm", ..ALGORITHM },
    Key { name: "token-duration", ..LIFETIME },
    Key { name: "token-refresh-skew", ..REFRESH_SKEW },
    Key { name: "token-tags", ..TAGS },
];

const TOKEN: [Key; 5] = [
    Key {
        name: "audience",
        form: Form::TextOrList,
        flag: Some("token-audience"),
        default: None,
        about: "The audience of the token, or up to 10 of them",
    },
    ALGORITHM,
    LIFETIME,
    REFRESH_SKEW,
    TAGS,
];

const ALGORITHM: Key = Key {
    name: "algorithm",
    form: Form::Choice(&["RS256", "ES384"]),
    flag: Some("token-signing-algorithm"),
    default: Some("RS256"),
    about: "How STS signs the token",
};

const LIFETIME: Key = Key {
    name: "duration",
    form: Form::Duration,
    flag: Some("token-duration"),
    default: Some("1h"),
    about: "The token's life to ask for, 60s to 1h",
};

const REFRESH_SKEW: Key = Key {
    name: "refresh-skew",
    form: Form::Duration,
    flag: Some("token-refresh-skew"),
    default: Some("5m"),
    about: "Renew the token this long before it expires; below the duration",
};

const TAGS: Key = list("tags", Some("token-tag"), "What becomes the token's request_tags, KEY=VALUE each");

const fn duration(name: &'static str, default: &'static str, about: &'static str) -> Key {
    Key { name, form: Form::Duration, flag: Some(name), default: Some(default), about }
}

const fn text(name: &'static str, flag: Option<&'static str>, about: &'static str) -> Key {
    Key { name, form: Form::Text, flag, default: None, about }
}

const fn list(name: &'static str, flag: Option<&'static str>, about: &'static str) -> Key {
    Key { name, form: Form::List, flag, default: None, about }
}
