//! `attache healthcheck` and `attache wait`, as an orchestrator runs them: exit status, and one line of reason.

use crate::support::program::{Program, WAIT_LIMIT, command};
use crate::support::upstream::Upstream;
use crate::support::{Sts, World};
use attache::emulator::faults::Outage;
use std::net::TcpListener;
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Runs a command that finds the proxy by these variables and flags.
async fn run(variables: &[(&str, &str)], words: &[&str]) -> Output {
    let mut command = command("http://127.0.0.1:1");
    command.envs(variables.iter().copied()).args(words).stderr(Stdio::piped());
    timeout(WAIT_LIMIT, command.output()).await.unwrap().unwrap()
}

/// The status, and the line that was said.
async fn outcome(proxy: &Program, words: &[&str]) -> (i32, String) {
    let output = run(&[("METRICS_LISTEN_ADDR", &proxy.admin.to_string())], words).await;
    ended(&output)
}

fn ended(output: &Output) -> (i32, String) {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(output.stdout.is_empty() && said.lines().count() <= 1, "{output:?}");
    (output.status.code().unwrap(), said)
}

/// A proxy that gets no token.
async fn world_without_token() -> World {
    let sts = Sts::start().await;
    sts.handle.update_faults(|faults| faults.outage = Some(Outage::try_from(503).unwrap()));
    World::pinned_with(sts, Upstream::echo().await, &[]).await
}

fn silent() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[tokio::test]
async fn a_living_proxy_is_healthy_and_with_ready_only_when_it_has_its_token() {
    let world = world_without_token().await;
    assert_eq!(outcome(&world.proxy, &["healthcheck"]).await, (0, String::new()));
    let (status, said) = outcome(&world.proxy, &["healthcheck", "--ready"]).await;
    assert_eq!((status, said.as_str()), (1, "error: not ready, waiting for: token\n"));
    world.sts.handle.update_faults(|faults| faults.outage = None);
    assert_eq!(outcome(&world.proxy, &["wait", "--timeout", "20s"]).await, (0, String::new()));
    assert_eq!(outcome(&world.proxy, &["healthcheck", "--ready"]).await, (0, String::new()));
}

#[tokio::test]
async fn wait_gives_up_with_what_it_waited_for() {
    let world = world_without_token().await;
    let (status, said) = outcome(&world.proxy, &["wait", "--timeout", "1s"]).await;
    assert_eq!(status, 1);
    assert_eq!(said, "error: gave up after --timeout 1s: not ready, waiting for: token\n");
}

#[tokio::test]
async fn where_nobody_listens_nobody_is_healthy() {
    let silent = silent();
    for words in [&["healthcheck"][..], &["wait", "--timeout", "200ms"]] {
        let output = run(&[], &[words, &["--metrics-listen-addr", &silent]].concat()).await;
        let (status, said) = ended(&output);
        assert_eq!(status, 1, "{words:?}");
        assert!(said.contains(&format!("cannot connect to {silent}: Connection refused")), "{said}");
    }
}

#[tokio::test]
async fn wait_is_there_before_the_proxy() {
    let (sts, silent) = (Sts::start().await, silent());
    let place = [("METRICS_LISTEN_ADDR", silent.as_str())];
    let waiting = run(&place, &["wait", "--timeout", "20s"]);
    let serving = async {
        let flags = ["--upstream-host", "api.example.com", "--listen-addr", "127.0.0.1:0"];
        let mut proxy = command(&sts.url);
        proxy.envs(place).args(flags).spawn().unwrap()
    };
    let (output, _proxy) = tokio::join!(waiting, serving);
    assert_eq!(ended(&output), (0, String::new()));
}

#[tokio::test]
async fn a_listener_that_never_answers_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let begun = Instant::now();
    let output = run(&[("METRICS_LISTEN_ADDR", &address)], &["healthcheck", "--timeout", "300ms"]).await;
    let expected = format!("error: no answer from {address} within --timeout 300ms\n");
    assert_eq!(ended(&output), (1, expected));
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn something_else_on_the_port_is_not_taken_for_a_proxy() {
    let upstream = Upstream::scripted(|_| async {
        let mut reply = crate::support::upstream::text("no such page");
        *reply.status_mut() = http::StatusCode::NOT_FOUND;
        reply
    })
    .await;
    let address = upstream.address.to_string();
    let (status, said) = ended(&run(&[], &["healthcheck", "--metrics-listen-addr", &address]).await);
    assert_eq!(status, 1);
    assert!(said.contains("answers 404 Not Found, so it is no proxy's listener for health"), "{said}");
}

#[tokio::test]
async fn wildcards_are_asked_through_loopback_and_sockets_through_their_file() {
    let world = World::start().await;
    let port = world.proxy.admin.port();
    for address in [format!(":{port}"), format!("0.0.0.0:{port}"), format!("localhost:{port}")] {
        let output = run(&[("METRICS_LISTEN_ADDR", &address)], &["healthcheck"]).await;
        assert_eq!(ended(&output), (0, String::new()), "{address}");
    }
    let socket = std::env::temp_dir().join(format!("attache-health-{}.sock", std::process::id()));
    let address = format!("unix:{}", socket.display());
    let flags = ["--upstream-host", &world.upstream.authority(), "--upstream-scheme", "http"];
    let place = [("METRICS_LISTEN_ADDR", address.as_str())];
    let mut proxy = command(&world.sts.url);
    let _proxy = proxy.envs(place).args(flags).args(["--listen-addr", "127.0.0.1:0"]).spawn().unwrap();
    assert_eq!(ended(&run(&place, &["wait", "--timeout", "20s"]).await), (0, String::new()));
    std::fs::remove_file(socket).unwrap();
}

#[tokio::test]
async fn what_makes_no_sense_is_bad_usage() {
    for command in ["healthcheck", "wait"] {
        for (words, expected) in [
            (["--metrics-listen-addr", "9090"], "must be host:port"),
            (["--timeout", "0s"], "must be above 0s"),
            (["--timeout", "1d"], "must use the units"),
        ] {
            let output = run(&[], &[&[command][..], &words].concat()).await;
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.code() == Some(2) && said.contains(expected), "{said}");
        }
    }
}

#[tokio::test]
async fn settings_that_name_no_address_are_no_proxy_that_is_healthy() {
    let nowhere = "error: no proxy runs in this container, and its settings name no address to ask\n";
    for words in
        [["--metrics-listen-addr", "127.0.0.1:0"], ["--metrics-listen-addr=:1", "--metrics-enabled=false"]]
    {
        let output = run(&[], &[&["healthcheck"][..], &words].concat()).await;
        assert_eq!(ended(&output), (1, nowhere.to_owned()));
    }
}

/// Runs a line of the shell in namespaces of its own, where no other proxy runs, with `$0` for the program; `None` where this
/// system gives none.
async fn alone(namespaces: &str, line: &str) -> Option<Output> {
    let sandbox = |words: &[&str]| {
        let mut command = tokio::process::Command::new("unshare");
        command.args(namespaces.split(' ')).args(words).env_clear().env("PATH", "/usr/bin:/bin");
        command.envs([("AWS_REGION", "eu-west-1"), ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")]);
        command.envs([("UPSTREAM_HOST", "api.example.com"), ("LISTEN_ADDR", "127.0.0.1:0")]);
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    };
    if !sandbox(&["true"]).status().await.is_ok_and(|status| status.success()) {
        return None;
    }
    let line = sandbox(&["sh", "-c", line, env!("CARGO_BIN_EXE_attache")]).output();
    Some(timeout(WAIT_LIMIT, line).await.unwrap().unwrap())
}

#[tokio::test]
async fn a_proxy_is_found_without_its_address_and_without_metrics() {
    for (flags, variables) in [
        ("--metrics-listen-addr 127.0.0.1:0", ""),
        ("--metrics-listen-addr 127.0.0.1:19099", ""),
        ("--metrics-enabled=false", ""),
        ("", "METRICS_ENABLED=false"),
    ] {
        let line = format!(
            r#"{variables} "$0" {flags} >/dev/null & proxy=$!
            until {variables} "$0" healthcheck 2>/dev/null; do kill -0 $proxy || exit 9; done
            {variables} "$0" healthcheck --ready; echo "ready $?"
            kill $proxy; wait $proxy
            METRICS_ENABLED=false "$0" healthcheck; echo "gone $?""#
        );
        let Some(output) = alone("-rn", &line).await else { return };
        let (said, errors) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        // There are no credentials, so there is no token.
        assert_eq!(said, "ready 1\ngone 1\n", "{flags} {variables}: {errors}");
        assert!(errors.contains("error: not ready, waiting for: token\n"), "{errors}");
        assert!(errors.contains("error: no proxy runs in this container"), "{errors}");
    }
}

#[tokio::test]
async fn the_main_process_of_a_container_is_asked_whatever_the_variables_say() {
    let line = r#"export METRICS_LISTEN_ADDR=127.0.0.1:19098
        { until "$0" healthcheck 2>/dev/null; do :; done; echo healthy; kill 1; } &
        exec "$0" --metrics-listen-addr 127.0.0.1:19099 2>&1 >/dev/null"#;
    let Some(output) = alone("-rnpf --mount-proc", line).await else { return };
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "healthy\n");
}

#[tokio::test]
async fn a_setting_of_the_proxy_that_is_wrong_does_not_make_it_unhealthy() {
    let world = World::start().await;
    let address = world.proxy.admin.to_string();
    let variables = [("METRICS_LISTEN_ADDR", address.as_str()), ("TOKEN_DURATION", "never")];
    assert_eq!(ended(&run(&variables, &["healthcheck"]).await), (0, String::new()));
}
