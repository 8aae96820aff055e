//! Names of upstreams and the DNS that they are looked up in, each in a network of its own.

mod dns;
mod inside;

use std::process::Stdio;
use tokio::process::Command;

/// Runs a test of `inside` in a network namespace where DNS is asked at 127.0.0.1, and nowhere where this system gives none.
async fn in_a_network(test: &str, resolv_conf: &str) {
    let scene = r#"ip link set lo up && printf "$2" >"$1" && mount --bind "$1" /etc/resolv.conf && exec "$0" --exact --ignored "$3""#;
    let program = std::env::current_exe().unwrap();
    let file = std::env::temp_dir().join(format!("attache-{test}-{}", std::process::id()));
    for flags in ["-mn", "-rmn"] {
        let tried = Command::new("unshare").args([flags, "ip", "link", "set", "lo", "up"]).output().await;
        if !tried.is_ok_and(|output| output.status.success()) {
            continue;
        }
        let mut command = Command::new("unshare");
        command.args([flags, "sh", "-c", scene]).arg(&program).arg(&file);
        command.args([resolv_conf, &format!("names::inside::{test}")]);
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
        std::fs::remove_file(&file).unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
}

#[tokio::test]
async fn one_look_up_serves_many_connections_and_stands_in_for_one_that_fails() {
    in_a_network("look_ups_are_remembered", "nameserver 127.0.0.1\n").await;
}

#[tokio::test]
async fn a_silent_dns_holds_up_nothing_but_look_ups() {
    in_a_network("dns_is_silent", "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n").await;
}

#[tokio::test]
async fn a_name_with_a_final_dot_is_looked_up_as_it_is() {
    in_a_network("search_domains", "nameserver 127.0.0.1\nsearch corp.test\noptions ndots:5\n").await;
}

#[tokio::test]
async fn a_dns_that_does_not_answer_in_time_is_named() {
    in_a_network("dns_is_late", "nameserver 127.0.0.1\noptions timeout:1 attempts:9\n").await;
}
