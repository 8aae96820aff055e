//! A configuration file: each route and listener of it is looked at, and named.

use super::examination::examine_with;
use crate::support::Sts;
use crate::support::program::command;
use crate::support::upstream::Upstream;
use serde_json::Value;
use std::fs;

const FILE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/doctor_routes.toml");

#[tokio::test]
async fn each_route_and_listener_of_a_file_has_its_findings() {
    let (sts, upstream) = (Sts::start().await, Upstream::echo().await);
    let (url, nothing) = (format!("http://{}", upstream.authority()), "http://127.0.0.1:9");
    let listeners =
        "[listeners.one]\naddress = \"127.0.0.1:0\"\n[listeners.two]\naddress = \"127.0.0.2:0\"\n";
    let routes = format!(
        "[routes.good]\nlistener = \"one\"\nupstream = \"{url}\"\n[routes.down]\nlistener = \"two\"\nupstream = \"{nothing}\"\n"
    );
    fs::write(FILE, format!("{listeners}{routes}")).unwrap();
    let examination = examine_with(command(&sts.url), &["--config-file", FILE]).await;
    let checks = examination.report["checks"].as_array().unwrap();
    let of = |check: &str, about: &str| -> &Value {
        let is_it = |found: &&Value| found["check"] == check && found["about"] == about;
        checks.iter().find(is_it).unwrap_or_else(|| panic!("{check} of {about}: {examination:?}"))
    };
    for name in ["one", "two"] {
        assert_eq!(of("listen_address", name)["verdict"], "ok");
    }
    assert_eq!(of("upstream_answer", "good")["verdict"], "ok");
    assert_eq!(
        (&of("upstream", "down")["code"], &of("token", "down")["verdict"]),
        (&"upstream_connect".into(), &"ok".into())
    );
    assert_eq!(examination.report["most_likely"]["code"], "upstream_connect");
    assert_eq!(checks.iter().filter(|found| found["check"] == "region").count(), 1);
}

#[tokio::test]
async fn a_file_with_mistakes_is_a_failed_check_with_all_of_them() {
    let sts = Sts::start().await;
    let file = "tests/it/config_files/twelve_mistakes.toml";
    let examination = examine_with(command(&sts.url), &["--config-file", file]).await;
    assert_eq!(examination.status, Some(1));
    let seen = examination.check("configuration")["seen"].as_str().unwrap();
    assert!(seen.contains("unknown-key") && seen.contains("--> "), "{seen}");
}
