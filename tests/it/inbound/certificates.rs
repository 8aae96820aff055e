//! Callers that must present a certificate.

use crate::support::certificates::Certificates;
use crate::support::client::{Http1, get};
use crate::support::program::command;
use crate::support::upstream::Upstream;
use crate::support::{Sts, World};
use std::fs::{read_to_string, write};
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// Whether a request is answered when the caller presents this pair, or none.
pub(super) async fn is_let_in(
    proxy: SocketAddr,
    server: &Certificates,
    caller: Option<&Certificates>,
) -> bool {
    let connector = match caller {
        Some(caller) => server.connector_presenting(caller),
        None => server.connector(&[]),
    };
    let stream = TcpStream::connect(proxy).await.unwrap();
    // TLS 1.3 tells a caller of its certificate's fate only after the handshake.
    let Ok(stream) = connector.connect("localhost".try_into().unwrap(), stream).await else {
        return false;
    };
    match Http1::over(stream).await.begin(get("/", &[])).await {
        Ok(answer) => answer.status().is_success(),
        Err(_) => false,
    }
}

#[tokio::test]
async fn only_those_whom_the_authority_vouches_for_are_let_in() {
    let server = Certificates::new("client-ca-server");
    let (known, unknown) = (Certificates::new("client-ca-known"), Certificates::new("client-ca-unknown"));
    let (cert, key, ca) = (server.path("cert.pem"), server.path("key.pem"), known.path("ca.pem"));
    let flags = ["--tls-cert", &cert, "--tls-key", &key, "--tls-client-ca", &ca];
    let world = World::pinned(Upstream::echo().await, &flags).await;
    assert!(is_let_in(world.proxy.proxy, &server, Some(&known)).await);
    assert!(!is_let_in(world.proxy.proxy, &server, Some(&unknown)).await);
    assert!(!is_let_in(world.proxy.proxy, &server, None).await);
    assert_eq!(world.upstream.seen().len(), 1);
}

#[tokio::test]
async fn a_certificate_that_is_itself_named_is_let_in_and_no_other_of_its_authority() {
    let server = Certificates::new("client-pinned-server");
    let (issued, own, old) = (
        Certificates::new("client-pinned-issued"),
        Certificates::new("client-pinned-own"),
        Certificates::new("client-pinned-old"),
    );
    own.sign_itself("cert.pem", "key.pem");
    old.issue_for_days(-9..-1, "cert.pem", "key.pem");
    let named = server.path("named.pem");
    let bundle: String =
        [&issued, &own, &old].iter().map(|caller| read_to_string(caller.path("cert.pem")).unwrap()).collect();
    write(&named, bundle).unwrap();
    let (cert, key) = (server.path("cert.pem"), server.path("key.pem"));
    let flags = ["--tls-cert", &cert, "--tls-key", &key, "--tls-client-ca", &named];
    let world = World::pinned(Upstream::echo().await, &flags).await;
    for (caller, is_known) in [(&issued, true), (&own, true), (&old, false)] {
        assert_eq!(is_let_in(world.proxy.proxy, &server, Some(caller)).await, is_known);
    }
    issued.issue("cert.pem", "key.pem");
    own.sign_itself("cert.pem", "key.pem");
    for another in [&issued, &own] {
        assert!(!is_let_in(world.proxy.proxy, &server, Some(another)).await);
    }
}

/// Each kind has one line a minute, however often it happens.
#[tokio::test]
async fn a_certificate_that_either_side_refuses_is_logged() {
    let server = Certificates::new("client-ca-logged");
    let unknown = Certificates::new("client-ca-logged-unknown");
    let ca = server.path("ca.pem");
    let flags = ["--tls-cert", &server.path("cert.pem"), "--tls-key", &server.path("key.pem")];
    let flags = [&flags[..], &["--tls-client-ca", &ca, "--log-level", "info"]].concat();
    let mut world = World::pinned(Upstream::echo().await, &flags).await;
    for _ in 0..3 {
        assert!(!is_let_in(world.proxy.proxy, &server, Some(&unknown)).await);
        assert!(!is_let_in(world.proxy.proxy, &server, None).await);
        // This caller trusts another authority than that of the server.
        assert!(!is_let_in(world.proxy.proxy, &unknown, Some(&server)).await);
    }
    for code in ["caller_certificate_refused", "certificate_refused_by_caller"] {
        let line = world.proxy.logged(|line| line["code"] == code).await;
        assert_eq!((&line["level"], &line["caller"]), (&"WARN".into(), &"127.0.0.1".into()), "{line}");
        assert_eq!(world.proxy.log().iter().filter(|line| line["code"] == code).count(), 1);
    }
}

#[tokio::test]
async fn a_file_without_authorities_stops_the_start() {
    let server = Certificates::new("client-ca-broken");
    let sts = Sts::start().await;
    for file in ["missing.pem", "key.pem"] {
        let mut command = command(&sts.url);
        command.args(["--listen-addr", "127.0.0.1:0", "--metrics-enabled=false"]);
        command.args(["--tls-cert", &server.path("cert.pem"), "--tls-key", &server.path("key.pem")]);
        let output = command.args(["--tls-client-ca", &server.path(file)]).output().await.unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains("--tls-client-ca (ATTACHE_TLS_CLIENT_CA): "), "{message}");
    }
}
