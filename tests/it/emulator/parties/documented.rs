//! What `docs/emulator.md` says of each party is what the emulator has.

use crate::emulator::world::World;
use serde_json::Value;
use std::fs;

#[tokio::test]
async fn each_token_endpoint_has_its_row_with_what_is_trusted() {
    let document = fs::read_to_string("docs/emulator.md").unwrap();
    let rows: Vec<&str> = document.lines().filter(|line| line.starts_with("| ")).collect();
    let world = World::start().await;
    let (_, parties) = world.json("GET", "/_emulator/parties", "").await;
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut seen = 0;
    for party in parties.as_array().unwrap() {
        let name = party["party"].as_str().unwrap();
        for endpoint in party["token_endpoints"].as_array().unwrap() {
            let path = endpoint["path"].as_str().unwrap();
            let path = path.strip_prefix(&format!("/parties/{name}")).unwrap();
            let shown = format!("| {name} | `{path}` |");
            let row =
                rows.iter().find(|row| row.starts_with(&shown)).unwrap_or_else(|| panic!("no row {shown}"));
            let mut told = texts(&endpoint["audiences"]);
            for (field, rule) in endpoint["fields"].as_object().unwrap() {
                let values = texts(&rule["values"]).into_iter().filter(|value| !value.starts_with("urn:"));
                told.extend(values.map(|value| format!("{field}={value}")));
            }
            for fact in told {
                assert!(row.contains(&format!("`{fact}`")), "{shown} says {fact}");
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "{seen} facts were compared");
}
