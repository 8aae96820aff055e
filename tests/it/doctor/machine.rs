//! What is wrong on this machine: settings, addresses, files, environment.

use super::examination::{examine, examine_with, row};
use crate::support::Sts;
use crate::support::certificates::Certificates;
use crate::support::program::{Program, command};
use crate::support::upstream::{Upstream, text};

#[tokio::test]
async fn settings_that_make_no_sense_are_told_all_together_and_end_it() {
    let told = row("two wrong settings", "config_invalid", "mend these settings");
    let examination = examine("http://127.0.0.1:1", &["--token-duration", "2h", "--log-level", "loud"]).await;
    examination.assert_names(told, "failed");
    let seen = examination.check("configuration")["seen"].as_str().unwrap();
    assert!(seen.contains("--token-duration") && seen.contains("--log-level"), "{seen}");
    assert_eq!(examination.check("token")["verdict"], "skipped");

    let told = row("one address twice", "config_invalid", "mend these settings");
    let address = "127.0.0.1:18999";
    let same = ["--listen-addr", address, "--metrics-listen-addr", address];
    let examination = examine("http://127.0.0.1:1", &same).await;
    examination.assert_names(told, "failed");
    assert!(examination.check("configuration")["seen"].as_str().unwrap().contains("must differ"));
}

#[tokio::test]
async fn an_address_that_somebody_else_has_is_a_failure() {
    let sts = Sts::start().await;
    // They take connections and never answer, as attache's metrics would.
    let taken = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let [address, other] = taken.each_ref().map(|listener| listener.local_addr().unwrap().to_string());
    let audience = ["--token-audience", "a"];
    let told = row("the address is taken", "address_in_use", "another process listens there");
    let flags = [&audience[..], &["--listen-addr", &address, "--metrics-listen-addr", &other]].concat();
    examine(&sts.url, &flags).await.assert_names(told, "failed");
    let flags = [&audience[..], &["--metrics-listen-addr", &address]].concat();
    examine(&sts.url, &flags).await.assert_names(told, "failed");

    let told = row("the address may be attache's", "address_in_use", "if it is attache itself");
    let flags = [&audience[..], &["--listen-addr", &address, "--metrics-enabled=false"]].concat();
    examine(&sts.url, &flags).await.assert_names(told, "warning");

    let told = row("no such address", "address_unusable", "no interface of this machine has that address");
    let flags = [&audience[..], &["--listen-addr", "192.0.2.1:8080"]].concat();
    examine(&sts.url, &flags).await.assert_names(told, "failed");
}

#[tokio::test]
async fn an_attache_that_runs_is_known_by_what_it_says_and_not_by_words_in_a_page() {
    let sts = Sts::start().await;
    let running = Program::serve(&sts.url, &["--upstream-host", "localhost:9"]).await;
    let (callers, metrics) = (running.proxy.to_string(), running.admin.to_string());
    let flags = ["--token-audience", "a", "--listen-addr", &callers, "--metrics-listen-addr", &metrics];
    let examination = examine(&sts.url, &flags).await;
    for check in ["listen_address", "metrics_address"] {
        let seen = examination.check(check)["seen"].as_str().unwrap();
        assert!(seen.ends_with("is in use by an attache that runs"), "{seen}");
    }

    let told = row("another program beside attache", "address_in_use", "another process listens there");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = taken.local_addr().unwrap().to_string();
    let flags = ["--token-audience", "a", "--listen-addr", &other, "--metrics-listen-addr", &metrics];
    examine(&sts.url, &flags).await.assert_names(told, "failed");

    let told = row("a page with words of attache", "address_in_use", "another process listens there");
    let page =
        Upstream::scripted(|_| async { text("x{otel_scope_name=\"attache\"} 1 listeners callers") }).await;
    let address = page.authority();
    let flags = ["--token-audience", "a", "--metrics-listen-addr", &address];
    examine(&sts.url, &flags).await.assert_names(told, "failed");
}

#[tokio::test]
async fn files_of_certificates_are_judged_before_a_caller_meets_them() {
    let (sts, files) = (Sts::start().await, Certificates::new("doctor"));
    files.issue("other.pem", "other-key.pem");
    files.issue_for_days(-10..-1, "expired.pem", "expired-key.pem");
    files.issue_for_days(1..10, "early.pem", "early-key.pem");
    files.issue_for_days(-95..5, "ending.pem", "ending-key.pem");
    std::fs::write(files.path("empty.pem"), "nothing").unwrap();
    let cases = [
        (
            row("no such file", "certificate_unusable", "see that the file is there"),
            "missing.pem",
            "key.pem",
            "failed",
        ),
        (row("no certificate", "certificate_unusable", "is PEM"), "empty.pem", "key.pem", "failed"),
        (
            row("another's key", "certificate_mismatch", "the key that the certificate"),
            "cert.pem",
            "other-key.pem",
            "failed",
        ),
        (
            row("expired", "certificate_expired", "have it renewed"),
            "expired.pem",
            "expired-key.pem",
            "failed",
        ),
        (
            row("not valid yet", "certificate_expired", "this machine's clock"),
            "early.pem",
            "early-key.pem",
            "failed",
        ),
        (
            row("about to expire", "certificate_expiring", "have it renewed"),
            "ending.pem",
            "ending-key.pem",
            "warning",
        ),
    ];
    for (row, cert, key, verdict) in cases {
        let (cert, key) = (files.path(cert), files.path(key));
        for [of_cert, of_key] in
            [["--tls-cert", "--tls-key"], ["--upstream-client-cert", "--upstream-client-key"]]
        {
            let flags = ["--token-audience", "a", of_cert, &cert, of_key, &key];
            examine(&sts.url, &flags).await.assert_names(row, verdict);
        }
    }
    let [cert, key, empty] = ["cert.pem", "key.pem", "empty.pem"].map(|file| files.path(file));
    let inbound = ["--token-audience", "a", "--tls-cert", &cert, "--tls-key", &key];
    assert_eq!(examine(&sts.url, &inbound).await.check("certificate")["verdict"], "ok");
    let told = row("no authority", "certificate_unusable", "is PEM");
    let flags = [&inbound[..], &["--tls-client-ca", &empty]].concat();
    examine(&sts.url, &flags).await.assert_names(told, "failed");
    let flags = ["--token-audience", "a", "--upstream-ca-cert", &empty];
    examine(&sts.url, &flags).await.assert_names(told, "failed");
}

#[tokio::test]
async fn what_the_environment_lacks_is_named() {
    let flags = ["--token-audience", "a"];
    let mut without = command("http://127.0.0.1:1");
    without.env_remove("AWS_REGION");
    let told = row("no region", "region_missing", "set AWS_REGION");
    examine_with(without, &flags).await.assert_names(told, "failed");

    let mut without = command("http://127.0.0.1:1");
    without.env_remove("AWS_ACCESS_KEY_ID");
    let told = row("half of them", "credentials_missing", "set both");
    examine_with(without, &flags).await.assert_names(told, "failed");

    let mut without = command("http://127.0.0.1:1");
    without.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let told = row("no credentials", "credentials_missing", "give the workload an IAM role");
    examine_with(without, &flags).await.assert_names(told, "failed");
}

#[tokio::test]
async fn the_way_to_sts_is_judged_by_where_it_leads() {
    let flags = ["--token-audience", "a"];
    let told = row("nobody listens", "sts_unreachable", "nothing listens there");
    examine("http://127.0.0.1:1", &flags).await.assert_names(told, "failed");

    // The proxy variable keeps the call on this machine.
    let mut global = command("https://sts.amazonaws.com");
    global.env("HTTPS_PROXY", "http://127.0.0.1:1");
    let told = row("the global endpoint", "sts_global_endpoint", "set AWS_REGION to a region");
    examine_with(global, &flags).await.assert_names(told, "failed");
}

#[tokio::test]
async fn proxy_variables_are_the_cause_of_what_they_break() {
    let mut looped = command("https://127.0.0.1:1");
    looped.env("HTTPS_PROXY", "http://localhost:18998");
    let told = row("a loop", "proxy_loop", "NO_PROXY");
    let flags = ["--token-audience", "a", "--listen-addr", "127.0.0.1:18998"];
    examine_with(looped, &flags).await.assert_names(told, "failed");

    let mut spared = command("https://127.0.0.1:1");
    spared.env("HTTPS_PROXY", "http://localhost:18998").env("NO_PROXY", "127.0.0.1");
    let examination = examine_with(spared, &flags).await;
    assert_eq!(examination.check("proxy_variables")["verdict"], "ok", "{:#}", examination.report);

    let mut proxied = command("http://127.0.0.1:1");
    proxied
        .env_remove("AWS_ACCESS_KEY_ID")
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("NO_PROXY", "localhost");
    proxied.env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/role");
    let told =
        row("the credential endpoint is behind a proxy", "metadata_proxied", "NO_PROXY=169.254.169.254");
    examine_with(proxied, &["--token-audience", "a"]).await.assert_names(told, "failed");
}

#[tokio::test]
async fn what_doctor_does_not_know_is_bad_usage() {
    for arguments in
        [["doctor", "--no-such-flag"], ["doctor", "--format=xml"], ["doctor", "--probe-host=a b"]]
    {
        let output = command("http://127.0.0.1:1").args(arguments).output().await.unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}
