//! Files of certificates, keys and authorities that are no files to read to their end.

use crate::support::Sts;
use crate::support::certificates::Certificates;
use crate::support::program::{Program, WAIT_LIMIT, command};
use std::fs::File;
use std::path::Path;
use std::process::Command;
use tokio::time::timeout;

/// A FIFO at this path that has no writer.
pub(crate) fn make_fifo(path: &str) {
    let _ = std::fs::remove_file(path);
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Paths that are no file to read, and what is said of each.
fn odd_files(certificates: &Certificates) -> [(String, &'static str); 4] {
    let (fifo, huge) = (certificates.path("fifo"), certificates.path("huge"));
    make_fifo(&fifo);
    File::create(&huge).unwrap().set_len((4 << 20) + 1).unwrap();
    let directory = Path::new(&fifo).parent().unwrap().to_str().unwrap().to_owned();
    [
        (fifo, "it is a FIFO or a pipe, and not a regular file"),
        ("/dev/zero".to_owned(), "it is a device, and not a regular file"),
        (directory, "it is a directory, and not a regular file"),
        (huge, "it is longer than 4 MiB"),
    ]
}

#[tokio::test]
async fn what_is_no_file_of_moderate_size_stops_the_start_at_once() {
    let certificates = Certificates::new("odd-files");
    let sts = Sts::start().await;
    let (cert, key) = (certificates.path("cert.pem"), certificates.path("key.pem"));
    let good = [
        ("--tls-cert", &cert),
        ("--tls-key", &key),
        ("--tls-client-ca", &cert),
        ("--upstream-ca-cert", &cert),
        ("--upstream-client-cert", &cert),
        ("--upstream-client-key", &key),
    ];
    for (path, problem) in odd_files(&certificates) {
        for (odd, _) in good {
            let mut command = command(&sts.url);
            command.args(["--listen-addr", "127.0.0.1:0", "--metrics-enabled=false"]);
            for (flag, file) in good {
                command.args([flag, if flag == odd { path.as_str() } else { file.as_str() }]);
            }
            let output = timeout(WAIT_LIMIT, command.output()).await.expect("the start ends").unwrap();
            let message = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{message}");
            for said in [odd, path.as_str(), problem] {
                assert!(message.contains(said), "{said}: {message}");
            }
        }
    }
}

#[tokio::test]
async fn authorities_in_variables_that_are_no_file_hold_up_nothing() {
    let certificates = Certificates::new("odd-authorities");
    let sts = Sts::start().await;
    for (path, problem) in odd_files(&certificates) {
        for (variable, code) in
            [("SSL_CERT_FILE", "system_roots_unreadable"), ("AWS_CA_BUNDLE", "ca_bundle_unusable")]
        {
            let mut command = command(&sts.url);
            command.env(variable, &path);
            let flags = ["--token-audience", "https://api.example.com", "--upstream-host", "localhost:1"];
            let mut proxy =
                timeout(WAIT_LIMIT, Program::start(command, &flags)).await.expect("the start ends");
            let line = proxy.logged(|line| line["code"] == code).await;
            let error = line["error"].as_str().unwrap();
            assert!(error.contains(problem) && error.contains(&path), "{error}");
        }
    }
}

/// Runs a line of commands, with `$CERT` and `$KEY`, in a directory of the test's.
fn make(certificates: &Certificates, line: &str) {
    let (cert, key) = (certificates.path("cert.pem"), certificates.path("key.pem"));
    let directory = Path::new(&cert).parent().unwrap();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-ec", line]).env("CERT", &cert).env("KEY", &key).current_dir(directory);
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What OpenSSL makes of a certificate and its key, and what attache says of it. `None` where it is used as it is.
const NEARLY_RIGHT: [(&str, &str, &str, Option<&str>); 21] = [
    (
        "--tls-cert",
        "c.der",
        "openssl x509 -in $CERT -outform der -out c.der",
        Some("it is binary (DER or PKCS#12)"),
    ),
    (
        "--tls-key",
        "k.der",
        "openssl pkey -in $KEY -outform der -out k.der",
        Some("it is binary (DER or PKCS#12)"),
    ),
    (
        "--tls-cert",
        "c.p12",
        "openssl pkcs12 -export -in $CERT -inkey $KEY -passout pass:x -out c.p12",
        Some("it is binary (DER or PKCS#12)"),
    ),
    ("--tls-cert", "u.pem", "iconv -t UTF-16 $CERT > u.pem", Some("it is UTF-16 text")),
    ("--tls-cert", "e.pem", ": > e.pem", Some("it is empty")),
    ("--tls-cert", "i.pem", "sed 's/^/  /' $CERT > i.pem", Some("its BEGIN lines have blanks before them")),
    (
        "--tls-cert",
        "r.pem",
        "openssl req -new -key $KEY -subj /CN=a -out r.pem",
        Some("a request for a certificate"),
    ),
    (
        "--tls-cert",
        "s.pem",
        "cp $KEY s.pem",
        Some("it holds a private key: are certificate and key swapped?"),
    ),
    (
        "--tls-key",
        "t.pem",
        "cp $CERT t.pem",
        Some("it holds a certificate: are certificate and key swapped?"),
    ),
    ("--tls-key", "p.pem", "openssl pkey -in $KEY -pubout -out p.pem", Some("it holds a public key")),
    ("--tls-cert", "7.pem", "openssl crl2pkcs7 -nocrl -certfile $CERT -out 7.pem", Some("it holds PKCS#7")),
    ("--tls-cert", "o.pem", "openssl x509 -in $CERT -trustout -out o.pem", Some("a TRUSTED CERTIFICATE")),
    (
        "--tls-key",
        "x.pem",
        "openssl pkcs8 -topk8 -in $KEY -passout pass:x -out x.pem",
        Some("the key in it has a passphrase, which `openssl pkey -in FILE -out NEW` takes away"),
    ),
    (
        "--tls-key",
        "y.pem",
        "openssl genrsa -traditional -aes128 -passout pass:x -out y.pem 2048",
        Some("the key in it has a passphrase, which `openssl pkey -in FILE -out NEW` takes away"),
    ),
    (
        "--tls-key",
        "d.pem",
        "openssl genpkey -algorithm ed448 -out d.pem",
        Some("its key is of a kind that cannot be used"),
    ),
    (
        "--tls-key",
        "w.pem",
        "openssl genrsa -out w.pem 1024",
        Some("its key is of a kind that cannot be used"),
    ),
    (
        "--tls-key",
        "n.pem",
        "openssl ecparam -name prime256v1 -genkey -noout -out n.pem",
        Some("the key is not the one that the certificate was made for"),
    ),
    (
        "--tls-cert",
        "l.pem",
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=a -out l.pem && cat $CERT >> l.pem",
        Some("the key is that of certificate 2 of the file, which has to stand first"),
    ),
    ("--tls-cert", "b.pem", "printf '\\357\\273\\277' > b.pem && cat $CERT >> b.pem", None),
    ("--tls-key", "m.pem", "printf '\\357\\273\\277' > m.pem && cat $KEY >> m.pem", None),
    ("--tls-cert", "v.pem", "sed 's/$/\\r/' $CERT > v.pem", None),
];

#[tokio::test]
#[ignore = "needs OpenSSL; the gate runs it"]
async fn files_that_are_nearly_right_are_named_by_what_they_are() {
    let certificates = Certificates::new("nearly-right");
    let sts = Sts::start().await;
    for (odd, file, line, problem) in NEARLY_RIGHT {
        make(&certificates, line);
        let mut flags = vec!["--upstream-host".to_owned(), "localhost:9".to_owned()];
        for (flag, good) in [("--tls-cert", "cert.pem"), ("--tls-key", "key.pem")] {
            flags.extend([flag.to_owned(), certificates.path(if flag == odd { file } else { good })]);
        }
        let Some(problem) = problem else {
            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            Program::serve(&sts.url, &flags).await;
            continue;
        };
        let mut command = command(&sts.url);
        command.args(["--listen-addr", "127.0.0.1:0", "--metrics-enabled=false"]).args(&flags);
        let output = timeout(WAIT_LIMIT, command.output()).await.expect("the start ends").unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}: {message}");
        assert!(message.contains(odd) && message.contains(problem), "{line}: {message}");
        assert!(!message.contains("PRIVATE KEY-----"), "{message}");
    }
}

#[tokio::test]
async fn a_certificate_that_expires_under_a_running_proxy_is_a_warning_before_and_after() {
    let certificates = Certificates::new("expiring");
    let (hour_ago, soon) = (time::Duration::hours(-1), time::Duration::seconds(4));
    certificates.issue_for(hour_ago, soon, "ending.pem", "ending-key.pem");
    let (cert, key) = (certificates.path("ending.pem"), certificates.path("ending-key.pem"));
    let sts = Sts::start().await;
    let callers = ["--upstream-host", "localhost:9", "--tls-cert", &cert, "--tls-key", &key];
    let upstreams =
        ["--upstream-host", "localhost:9", "--upstream-client-cert", &cert, "--upstream-client-key", &key];
    let mut proxies = [Program::serve(&sts.url, &callers).await, Program::serve(&sts.url, &upstreams).await];
    for (proxy, side) in proxies.iter_mut().zip(["callers", "upstreams"]) {
        for (code, end) in
            [("certificate_expiring", "expires soon"), ("certificate_expired", "is not valid now")]
        {
            let line = proxy.logged(|line| line["code"] == code).await;
            assert_eq!(line["msg"], format!("the certificate that {side} are shown {end}"));
            assert_eq!((&line["level"], &line["file"]), (&"WARN".into(), &cert.clone().into()), "{line}");
        }
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_now_is_a_warning_with_its_dates() {
    let certificates = Certificates::new("not-valid-now");
    let sts = Sts::start().await;
    for (days, cert, key) in [(-9..-1, "old.pem", "old-key.pem"), (1..9, "early.pem", "early-key.pem")] {
        certificates.issue_for_days(days, cert, key);
        let (cert, key) = (certificates.path(cert), certificates.path(key));
        let flags = ["--upstream-host", "localhost:9", "--tls-cert", &cert, "--tls-key", &key];
        let mut proxy = Program::serve(&sts.url, &flags).await;
        let line = proxy.logged(|line| line["code"] == "certificate_expired").await;
        assert_eq!((&line["level"], &line["file"]), (&"WARN".into(), &cert.into()), "{line}");
        let date = |name: &str| line[name].as_str().unwrap().len();
        assert_eq!((date("not_before"), date("not_after")), (27, 27), "{line}");
    }
}
