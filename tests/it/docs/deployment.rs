//! deploy/: the settings that its examples make are settings, and what pages show of it is what is there.

use super::{AugmentedCommand, flags_of, read};
use attache::config::Config;
use attache::config::args::Args;
use attache::config::variable_names::variable_of;
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn every_policy_that_is_shown_is_the_one_to_deploy() {
    let readme = read("README.md");
    let (_, policy) = readme.split_once("```json\n").unwrap();
    let policy = policy.split_inclusive("\n}\n").next().unwrap();
    assert_eq!(policy, read("deploy/iam/get-token.json"));
}

#[test]
fn attache_starts_with_the_settings_of_every_example() {
    let flags = flags_of(&Args::augment_args_of("attache"));
    let known: BTreeSet<String> = flags.iter().map(|flag| variable_of(&flag[2..])).collect();
    for (path, settings) in [
        ("kubernetes/sidecar.yaml", of_kubernetes("deploy/kubernetes/sidecar.yaml")),
        ("kubernetes/shared.yaml", of_kubernetes("deploy/kubernetes/shared.yaml")),
        ("ecs/task-definition.json", of_ecs("deploy/ecs/task-definition.json")),
    ] {
        assert!(settings.len() >= 3, "{path}: {settings:?}");
        for name in settings.keys().filter(|name| !name.starts_with("AWS_")) {
            assert!(known.contains(name), "{path}: {name} is no setting");
        }
        let config = Config::resolve(&Args::default(), &settings.iter().collect());
        let config = config.unwrap_or_else(|problems| panic!("{path}: {problems}"));
        assert_eq!(config.notices, [], "{path}");
    }
}

/// What stands under the first `env:`, which is attache's.
fn of_kubernetes(path: &str) -> BTreeMap<String, String> {
    let manifest = read(path);
    let (_, environment) = manifest.split_once(" env:\n").unwrap();
    let environment = environment.split(" ports:\n").next().unwrap();
    let names = environment.split("- name: ").skip(1);
    let settings = names.map(|entry| {
        let (name, value) = entry.split_once("\n              value: ").unwrap();
        (name.to_owned(), value.lines().next().unwrap().trim_matches('"').to_owned())
    });
    settings.collect()
}

fn of_ecs(path: &str) -> BTreeMap<String, String> {
    let task: serde_json::Value = serde_json::from_str(&read(path)).unwrap();
    let environment = task["containerDefinitions"][0]["environment"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    environment.iter().map(|entry| (text(&entry["name"]), text(&entry["value"]))).collect()
}
