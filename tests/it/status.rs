//! `/status` and the page over it, as an operator sees them.

use crate::support::client::{Answer, get, send};
use crate::support::program::{Program, WAIT_LIMIT};
use crate::support::upstream::{Upstream, text};
use crate::support::{Sts, World};
use attache::config::args::Args;
use attache::emulator::api_error::ErrorCode;
use attache::emulator::faults::Faults;
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

async fn status(proxy: &Program) -> Value {
    serde_json::from_slice(&send(proxy.admin, get("/status", &[])).await.body).unwrap()
}

/// The first status for which `wanted` holds, waited for.
async fn status_when(proxy: &Program, wanted: impl Fn(&Value) -> bool) -> Value {
    let search = async {
        loop {
            let status = status(proxy).await;
            if wanted(&status) {
                return status;
            }
            sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    timeout(WAIT_LIMIT, search).await.expect("the status never became so")
}

fn only_set(status: &Value) -> &Value {
    let sets = status["tokens"]["sets"].as_array().unwrap();
    assert_eq!(sets.len(), 1, "{sets:?}");
    &sets[0]
}

fn is(state: &'static str) -> impl Fn(&Value) -> bool {
    move |status| status["tokens"]["sets"][0]["state"] == state
}

#[tokio::test]
async fn it_says_what_runs_where_and_since_when() {
    let world = World::start().await;
    let status = status_when(&world.proxy, |status| status["ready"] == true).await;
    assert_eq!(status["waiting_for"], json!([]));
    assert_eq!(status["build"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["listeners"]["callers"], world.proxy.proxy.to_string());
    assert_eq!(status["listeners"]["metrics"], world.proxy.admin.to_string());
    assert_eq!(status["listeners"]["tls"], false);
    let upstream = format!("http://{}", world.upstream.authority());
    assert_eq!(status["routing"], json!({ "mode": "pinned", "upstream": upstream }));
    assert!(status["started"].as_str().unwrap() <= status["now"].as_str().unwrap());
    assert!(status["uptime_seconds"].as_u64().unwrap() < WAIT_LIMIT.as_secs());
    assert_eq!(status["recent"], json!([]));
}

#[tokio::test]
async fn every_setting_is_there_with_its_effective_value() {
    let flags =
        ["--shutdown-delay", "90s", "--token-tag", "team=payments", "--allow-host", "*.example.com:*"];
    let world = World::pinned(Upstream::echo().await, &flags).await;
    let status = status(&world.proxy).await;
    let settings = status["settings"].as_object().unwrap();
    let command = <Args as clap::Args>::augment_args(clap::Command::new("attache"));
    let known: BTreeSet<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
    assert_eq!(settings.keys().map(String::as_str).collect::<BTreeSet<_>>(), known);
    assert_eq!(settings["shutdown-delay"], "1m30s");
    assert_eq!(settings["token-tag"], json!(["team=payments"]));
    assert_eq!(settings["allow-host"], json!(["*.example.com:*"]));
    assert_eq!(settings["idle-timeout"], "3m");
    assert_eq!(settings["max-connections"], Value::Null);
}

#[tokio::test]
async fn every_field_has_its_row_in_the_documentation() {
    let world = World::start().await;
    let status = status_when(&world.proxy, is("fresh")).await;
    let text = std::fs::read_to_string("docs/operations.md").unwrap();
    let named: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next()).collect();
    let documented: BTreeSet<&str> =
        named.iter().flat_map(|names| names.split(", ")).map(|name| name.trim_matches('`')).collect();
    for object in [&status, only_set(&status)] {
        for field in object.as_object().unwrap().keys() {
            assert!(documented.contains(field.as_str()), "{field} has no row");
        }
    }
    for state in status["tokens"]["states"].as_object().unwrap().keys() {
        assert!(documented.contains(state.as_str()), "{state} has no row");
    }
}

#[tokio::test]
async fn in_header_mode_it_sums_up_the_policy_and_lists_upstreams_and_their_sets() {
    let world = World::by_header(Upstream::echo().await, &["--allow-host", "localhost:*"]).await;
    let before = status(&world.proxy).await;
    let policy =
        json!({ "any_host": false, "allowed_hosts": 1, "allowed_addresses": 1, "denied_addresses": 0 });
    let routing =
        json!({ "mode": "header", "header": "X-Upstream-Host", "scheme": "http", "policy": policy });
    assert_eq!(before["routing"], routing);
    assert_eq!((&before["tokens"]["held"], &before["ready"]), (&json!(0), &json!(true)));
    let authority = world.upstream.authority();
    for _ in 0..3 {
        send(world.proxy.proxy, get("/", &[("x-upstream-host", &authority)])).await;
    }
    // A connection comes back a moment after its response was read.
    let after = status_when(&world.proxy, |status| status["upstreams"]["known"] == 1).await;
    let target = &after["upstreams"]["targets"][0];
    assert_eq!(*target, json!({ "target": format!("http://{authority}"), "unused_http1": 1, "http2": 0 }));
    let set = only_set(&after);
    assert_eq!((&set["audiences"], &set["uses"]), (&json!(["http://localhost"]), &json!(3)));
    assert_eq!((&set["state"], &set["permanent"]), (&json!("fresh"), &json!(false)));
}

#[tokio::test]
async fn requests_in_flight_are_counted_while_they_are() {
    let (release, released) = oneshot::channel::<()>();
    let released = std::sync::Arc::new(tokio::sync::Mutex::new(Some(released)));
    let upstream = Upstream::scripted(move |_| {
        let released = released.clone();
        async move {
            if let Some(released) = released.lock().await.take() {
                let _ = released.await;
            }
            text("late")
        }
    })
    .await;
    let world = World::pinned(upstream, &[]).await;
    let proxy = world.proxy.proxy;
    let asking = async { send(proxy, get("/", &[])).await };
    let looking = async {
        let busy = |status: &Value| status["traffic"] == json!({ "requests_in_flight": 1, "connections": 1 });
        status_when(&world.proxy, busy).await;
        release.send(()).unwrap();
    };
    let (answer, ()) = tokio::join!(asking, looking);
    assert_eq!(answer.status, StatusCode::OK);
    status_when(&world.proxy, |status| status["traffic"]["requests_in_flight"] == 0).await;
}

#[tokio::test]
async fn a_set_is_followed_through_its_states_with_the_reason_of_each() {
    let sts = Sts::start().await;
    sts.handle.update_faults(|faults| faults.token_life_seconds = Some(10));
    let world = World::pinned_with(sts, Upstream::echo().await, &[]).await;
    let fresh = status_when(&world.proxy, is("fresh")).await;
    let set = only_set(&fresh);
    assert!(set["refresh_at"].as_str().unwrap() < set["expires"].as_str().unwrap(), "{set}");
    assert_eq!((&set["error"], &set["next_try"], &set["failures"]), (&Value::Null, &Value::Null, &json!(0)));

    world.sts.handle.update_faults(|faults| faults.error = Some(ErrorCode::AccessDenied));
    let between_tries = |status: &Value| !status["tokens"]["sets"][0]["next_try"].is_null();
    let stale = status_when(&world.proxy, |status| is("stale")(status) && between_tries(status)).await;
    let set = only_set(&stale);
    assert_eq!(stale["ready"], true);
    assert_eq!(set["error"]["code"], "sts_access_denied");
    assert_eq!(set["error"]["see"], "docs/troubleshooting.md#sts_access_denied");
    assert!(set["error"]["hint"].as_str().unwrap().contains("sts:GetWebIdentityToken"), "{set}");
    assert!(set["next_try"].as_str().unwrap() > stale["now"].as_str().unwrap(), "{set}");
    assert!(set["failures"].as_u64().unwrap() >= 1, "{set}");

    let failed = status_when(&world.proxy, is("failed")).await;
    assert_eq!((&failed["ready"], &failed["waiting_for"]), (&json!(false), &json!(["token"])));
    assert_eq!(
        failed["tokens"]["states"],
        json!({ "failed": 1, "stale": 0, "fetching": 0, "renewing": 0, "fresh": 0 })
    );
    let remark = failed["recent"].as_array().unwrap().last().unwrap();
    assert_eq!((&remark["level"], &remark["fields"]["code"]), (&json!("WARN"), &json!("sts_access_denied")));

    // The next fetch of a set without a token is waited for.
    world.sts.handle.set_faults(Faults { hang: true, ..Faults::default() });
    status_when(&world.proxy, is("fetching")).await;
    world.sts.handle.set_faults(Faults::default());
    status_when(&world.proxy, is("fresh")).await;
}

#[tokio::test]
async fn a_renewal_that_takes_its_time_is_told_from_a_fresh_token() {
    let sts = Sts::start().await;
    sts.handle.update_faults(|faults| faults.token_life_seconds = Some(10));
    let world = World::pinned_with(sts, Upstream::echo().await, &[]).await;
    status_when(&world.proxy, is("fresh")).await;
    world.sts.handle.update_faults(|faults| faults.hang = true);
    assert_eq!(status_when(&world.proxy, is("renewing")).await["ready"], true);
}

#[tokio::test]
async fn a_diagnostic_is_one_entry_however_many_requests_meet_it() {
    // A port that has no listener any more.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let sts = Sts::start().await;
    let proxy = Program::serve(&sts.url, &["--upstream-scheme", "http", "--upstream-host", &silent]).await;
    for _ in 0..5 {
        assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::BAD_GATEWAY);
    }
    let status = status(&proxy).await;
    let [remark] = &status["recent"].as_array().unwrap()[..] else { panic!("{}", status["recent"]) };
    assert_eq!(remark["message"], "upstream error");
    assert_eq!(remark["fields"]["code"], "upstream_connect");
    assert_eq!(remark["fields"]["target"], format!("http://{silent}"));
}

#[tokio::test]
async fn a_crowd_of_sets_is_counted_and_a_hundred_of_them_listed() {
    let sts = Sts::start().await;
    sts.handle.update_faults(|faults| faults.deny_audiences = vec!["http://127.0.0.9".to_owned()]);
    let flags = ["--upstream-scheme", "http", "--allow-address", "127.0.0.0/8"];
    let proxy = Program::serve(&sts.url, &flags).await;
    for host in 1..=120 {
        send(proxy.proxy, get("/", &[("x-upstream-host", &format!("127.0.0.{host}:1"))])).await;
    }
    let status = status(&proxy).await;
    assert_eq!(status["tokens"]["held"], 120);
    assert_eq!(status["tokens"]["states"]["fresh"], 119);
    let sets = status["tokens"]["sets"].as_array().unwrap();
    assert_eq!(sets.len(), 100);
    assert_eq!(sets[0]["audiences"], json!(["http://127.0.0.9"]), "what needs attention comes first");
    assert_eq!(status["recent"].as_array().unwrap().len(), 50);
}

#[tokio::test]
async fn no_token_key_or_inbound_credential_is_in_it() {
    let world = World::start().await;
    let request = get("/v1?key=secret-query", &[("authorization", "Bearer callers-secret")]);
    send(world.proxy.proxy, request).await;
    let seen = world.upstream.only_request();
    let status = send(world.proxy.admin, get("/status", &[])).await;
    let signature = seen.token().rsplit('.').next().unwrap();
    for secret in [seen.token(), signature, "callers-secret", "secret-query", "AKIATEST"] {
        assert!(!status.text().contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn the_page_may_run_and_ask_only_what_is_its_own() {
    let world = World::start().await;
    let page = send(world.proxy.admin, get("/", &[])).await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (StatusCode::OK, Some("text/html; charset=utf-8"))
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(policy.contains("connect-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let status = send(world.proxy.admin, get("/status", &[])).await;
    assert_eq!(status.header("content-type"), Some("application/json"));
    let uncached = |answer: &Answer| answer.header("cache-control") == Some("no-store");
    assert!(uncached(&page) && uncached(&status));
}
