//! What the operator types, through the same doors: flags, variables, and the report on standard error.

use attache::config::{Config, ListenAddr, Routing};

#[test]
fn without_any_flag_the_contract_s_defaults_hold() {
    let config = Config::from_args::<&str>([]).unwrap();
    assert_eq!(config.listen, ListenAddr::Every(8080));
    assert!(matches!(config.routing, Routing::ByHeader { header, .. } if header == "x-upstream-host"));
}
