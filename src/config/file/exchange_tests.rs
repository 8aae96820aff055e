//! Tests of the reading of exchanges.
use super::*;

const ROUTE: &str = "[listeners.a]\naddress = \"127.0.0.1:0\"\n[routes.a]\nupstream = \"https://a.example\"\ncredential = \"c\"\n";

fn report(exchange: &str) -> String {
    let text = format!("[credentials.c.exchange]\n{exchange}\n{ROUTE}");
    match ConfigFile::parse("attache.toml", text.as_bytes(), None) {
        Ok(file) => file.report.to_string(),
        Err(report) => report.to_string(),
    }
}

#[test]
fn an_exchange_brings_its_audience_unless_its_party_leaves_that_open() {
    let kernel = "preset = \"kernel\"\nfederation-rule-id = \"wifr_1\"";
    assert_eq!(report(kernel), "");
    let open = report("preset = \"buildkite\"\nclient-id = \"c\"");
    assert!(open.contains("[credentials.c] has no audience"), "{open}");
}

#[test]
fn each_problem_of_an_exchange_has_its_place() {
    let told = report(
        "preset = \"anthropic\"\nfederation-rule-id = \"wifr_1\"\norganisation-id = \"o\"\nworkspace-id = 1\n\
         token-endpoint = \"http://a.example/token\"",
    );
    for part in [
        "attache.toml:3:22",
        "must be an id that begins with fdrl_",
        "attache.toml:4:1",
        "help: organization-id is one",
        "[credentials.c.exchange] has no organization-id",
        "attache.toml:5:16",
        "workspace-id of [credentials.c.exchange] is a number",
        "attache.toml:6:18",
        "must be https, because the JWT is sent to it",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    assert!(!told.contains("has no audience"), "that is not known yet\n{told}");
}

#[test]
fn problems_below_a_key_are_found_there() {
    let told = report(
        "grant = \"jwt-bearer\"\ntoken-endpoint = \"https://a.example/t\"\nheaders = { \"bad name\" = \"x\" }\n\
         parameters = { grant_type = \"x\" }\n[credentials.c.exchange.then]\ntoken-endpoint = \"ftp://a\"",
    );
    for part in [
        "attache.toml:4:",
        "must be the name of a header",
        "attache.toml:5:",
        "must be another name: attache sets this field itself",
        "attache.toml:7:18",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
}

#[test]
fn what_is_no_table_is_no_exchange() {
    let text =
        format!("[credentials.c]\naudience = \"https://a.example\"\nexchange = \"anthropic\"\n{ROUTE}");
    let told = ConfigFile::parse("attache.toml", text.as_bytes(), None).err().unwrap().to_string();
    assert!(told.contains("[credentials.c.exchange] is a text, and no table"), "{told}");
}

#[test]
fn the_keys_of_the_token_count_more_than_those_of_the_preset() {
    let text = format!(
        "[credentials.c]\naudience = \"https://mine.example\"\nduration = \"20m\"\n[credentials.c.exchange]\n\
         preset = \"kernel\"\nfederation-rule-id = \"wifr_1\"\n{ROUTE}"
    );
    let file = ConfigFile::parse("attache.toml", text.as_bytes(), None).ok().unwrap();
    let routes = file.routes(&ParentProxies::default());
    let spec = routes[0].known_credential().unwrap();
    assert_eq!(spec.token().lifetime.as_secs(), 1200);
    assert_eq!(spec.refresh_skew().as_secs(), 300);
    assert_eq!(spec.audiences().to_string(), "https://mine.example");
    assert_eq!(&*spec.exchange().unwrap().credential, "c");
}
