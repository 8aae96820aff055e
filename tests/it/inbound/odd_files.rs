//! Files of certificates, keys and authorities that are no files to read to their end.

use crate::support::Sts;
use crate::support::certificates::Certificates;
use crate::support::program::{PATIENCE, Program, command};
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
            let output = timeout(PATIENCE, command.output()).await.expect("the start ends").unwrap();
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
            let mut proxy = timeout(PATIENCE, Program::start(command, &flags)).await.expect("the start ends");
            let line = proxy.logged(|line| line["code"] == code).await;
            let error = line["error"].as_str().unwrap();
            assert!(error.contains(problem) && error.contains(&path), "{error}");
        }
    }
}
