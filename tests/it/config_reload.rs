//! A configuration file that is changed under a running proxy: taken into use whole or not at all, and no request fails for it.

use crate::support::client::{get, send};
use crate::support::program::{Program, command};
use crate::support::upstream::Upstream;
use crate::support::{Sts, claims, metric, spawn};
use attache::tasks::Owned;
use http::{Request, StatusCode};
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A proxy with a file of two routes.
struct Follower {
    sts: Sts,
    upstream: Upstream,
    proxy: Program,
    file: PathBuf,
}

impl Follower {
    async fn start(test: &str) -> Self {
        let (sts, upstream) = (Sts::start().await, Upstream::echo().await);
        let folder = folder(test);
        let file = folder.join("attache.toml");
        fs::write(&file, two_routes(&upstream, "second")).unwrap();
        let proxy = Program::start(command(&sts.url), &["--config-file", file.to_str().unwrap()]).await;
        Self { sts, upstream, proxy, file }
    }

    fn write(&self, content: &str) {
        fs::write(&self.file, content).unwrap();
    }

    /// The file has this content, and a signal says so.
    fn signal(&self, content: &str) {
        self.write(content);
        self.proxy.signal("HUP");
    }

    async fn status(&self) -> Value {
        let answer = send(self.proxy.admin, get("/status", &[])).await;
        serde_json::from_str::<Value>(answer.text()).unwrap()["configuration"].clone()
    }

    async fn in_use(&mut self, generation: u64) -> Value {
        self.proxy.logged(|line| line["generation"] == generation && line["level"] == "INFO").await
    }

    /// The audience of the token that a request to this path has. Its query tells it from others at the same time.
    async fn audience(&self, path: &str) -> Value {
        let path = format!("{path}?asked");
        assert_eq!(send(self.proxy.proxy, get(&path, &[])).await.status, StatusCode::OK, "{path}");
        let seen = self.upstream.seen();
        let own = seen.iter().rev().find(|request| request.uri.query() == Some("asked")).unwrap();
        claims(own.token())["aud"].clone()
    }

    fn mints_for(&self, audience: &str) -> usize {
        let calls = self.sts.handle.calls();
        calls.iter().filter(|call| call.audiences == [audience]).count()
    }
}

/// A route for everything with the audience `first`, and one below `/second` with another.
fn two_routes(upstream: &Upstream, second: &str) -> String {
    let url = format!("http://{}", upstream.authority());
    format!(
        r#"
        [credentials.first]
        audience = "first"
        [credentials.second]
        audience = "{second}"
        [listeners.only]
        address = "127.0.0.1:0"
        [routes.first]
        upstream = "{url}"
        credential = "first"
        [routes.second]
        path-prefix = "/second"
        upstream = "{url}"
        credential = "second"
        "#
    )
}

/// Sends requests one after the other until it is dropped, and counts those that are answered and those that fail.
struct Load {
    answered: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
    _task: Owned,
}

impl Load {
    fn on(address: SocketAddr) -> Self {
        let (answered, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let counts = (answered.clone(), failed.clone());
        let task = spawn(async move {
            for path in ["/", "/second"].into_iter().cycle() {
                let count = match send(address, get(path, &[])).await.status {
                    StatusCode::OK => &counts.0,
                    _ => &counts.1,
                };
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { answered, failed, _task: task }
    }
}

#[tokio::test]
async fn a_mistake_changes_nothing_and_a_mended_file_is_taken_under_load() {
    let mut follower = Follower::start("config_reload_load").await;
    assert_eq!(
        (follower.audience("/").await, follower.audience("/second").await),
        ("first".into(), "second".into())
    );
    let load = Load::on(follower.proxy.proxy);
    let mistakes = fs::read_to_string("tests/it/config_files/twelve_mistakes.toml").unwrap();
    follower.signal(&mistakes);
    let line = follower.proxy.logged(|line| line["code"] == "config_file_rejected").await;
    assert_eq!(line["problems"], 12, "{line}");
    let rejected = follower.status().await;
    assert_eq!((&rejected["generation"], &rejected["last_rejected"]["problems"]), (&1.into(), &12.into()));
    assert!(
        rejected["last_rejected"]["first"].as_str().unwrap().starts_with("4:1: unknown-key: "),
        "{rejected}"
    );
    assert_eq!(metric(&follower.proxy, "config_last_reload_successful{").await, 0.0);
    assert_eq!(follower.audience("/second").await, "second");

    follower.signal(&two_routes(&follower.upstream, "other"));
    let line = follower.in_use(2).await;
    assert_eq!(
        (&line["routes"], &line["listeners"], &line["credentials"]),
        (&2.into(), &1.into(), &2.into())
    );
    assert_eq!(
        (follower.audience("/").await, follower.audience("/second").await),
        ("first".into(), "other".into())
    );
    let status = follower.status().await;
    assert_eq!((&status["generation"], &status["last_rejected"]), (&2.into(), &Value::Null));
    assert_ne!(status["sha256"], rejected["sha256"]);
    assert_eq!(metric(&follower.proxy, "config_last_reload_successful{").await, 1.0);
    assert!(metric(&follower.proxy, "config_last_reload_success_timestamp_seconds{").await > 1e9);
    let (answered, failed) = (load.answered.load(Ordering::Relaxed), load.failed.load(Ordering::Relaxed));
    assert!(failed == 0 && answered > 0, "{failed} of {answered} failed");
    let mints = ["first", "second", "other"].map(|audience| follower.mints_for(audience));
    assert_eq!(mints, [1, 1, 1], "a credential that is still named keeps its token");
}

#[tokio::test]
async fn a_rejected_content_is_logged_once_and_the_content_before_is_told_to_be_back() {
    let mut follower = Follower::start("config_reload_back").await;
    let good = two_routes(&follower.upstream, "second");
    follower.signal("[listeners]");
    follower.proxy.logged(|line| line["code"] == "config_file_rejected").await;
    follower.signal(&good);
    follower.proxy.logged(|line| line["msg"] == "the configuration file has again the content in use").await;
    assert_eq!(follower.status().await["last_rejected"], Value::Null);
    follower.proxy.signal("HUP");
    follower.proxy.logged(|line| line["msg"] == "the configuration file has not changed").await;
    fs::remove_file(&follower.file).unwrap();
    follower.proxy.signal("HUP");
    let gone =
        |line: &Value| line["error"].as_str().is_some_and(|error| error.starts_with("it cannot be read"));
    follower.proxy.logged(gone).await;
    assert_eq!(send(follower.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_the_machine_refuses_is_a_rejection_too() {
    let mut follower = Follower::start("config_reload_refused").await;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let more = format!("[listeners.more]\naddress = \"{}\"\n", taken.local_addr().unwrap());
    follower.signal(&format!("{}{more}", two_routes(&follower.upstream, "other")));
    let line = follower.proxy.logged(|line| line["code"] == "config_file_rejected").await;
    assert!(line["error"].as_str().unwrap().contains("more"), "{line}");
    assert_eq!(follower.audience("/second").await, "second");
    drop(taken);
    follower.proxy.signal("HUP");
    follower.in_use(2).await;
    assert_eq!(follower.audience("/second").await, "other");
}

#[tokio::test]
async fn a_file_is_followed_without_a_signal_where_it_is_rewritten_in_place() {
    let mut follower = Follower::start("config_reload_in_place").await;
    follower.write(&two_routes(&follower.upstream, "other"));
    follower.in_use(2).await;
    assert_eq!(follower.audience("/second").await, "other");
}

#[tokio::test]
async fn the_links_of_a_config_map_are_followed_without_a_signal() {
    let (sts, upstream) = (Sts::start().await, Upstream::echo().await);
    let volume = folder("config_reload_map");
    let version = |name: &str, second: &str| {
        let folder = volume.join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("attache.toml"), two_routes(&upstream, second)).unwrap();
    };
    version("..2026_1", "second");
    version("..2026_2", "other");
    symlink("..2026_1", volume.join("..data")).unwrap();
    symlink("..data/attache.toml", volume.join("attache.toml")).unwrap();
    let file = volume.join("attache.toml");
    let proxy = Program::start(command(&sts.url), &["--config-file", file.to_str().unwrap()]).await;
    let mut follower = Follower { sts, upstream, proxy, file };
    assert_eq!(follower.audience("/second").await, "second");
    symlink("..2026_2", volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    follower.in_use(2).await;
    assert_eq!(follower.audience("/second").await, "other");
}

#[tokio::test]
async fn a_request_that_no_route_takes_is_answered_with_404_before_any_token() {
    let mut follower = Follower::start("config_reload_none").await;
    let url = format!("http://{}", follower.upstream.authority());
    follower.signal(&format!(
        "[listeners.only]\naddress = \"127.0.0.1:0\"\n[routes.a]\nhost = \"a.internal\"\nupstream = \"{url}\"\n"
    ));
    follower.in_use(2).await;
    let mints = follower.sts.mints();
    let request: Request<_> = get("/", &[("host", "b.internal")]);
    let answer = send(follower.proxy.proxy, request).await;
    assert_eq!((answer.status, answer.text().trim_end()), (StatusCode::NOT_FOUND, "no route"));
    assert_eq!(follower.sts.mints(), mints);
}

/// An empty folder of this test.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}
