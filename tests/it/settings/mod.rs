//! What the operator gets right, and what it then means.

mod lists;
mod odd_values;
mod origins;
pub(crate) mod table;
mod together;

use attache::config::Config;
use attache::config::args::Args;
use attache::config::environment::Environment;
use attache::config::problems::Problems;
use clap::Parser;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    settings: Args,
}

fn resolve(arguments: &[&str], environment: &[(String, &str)]) -> Result<Config, Problems> {
    let line = Line::try_parse_from(["attache"].iter().chain(arguments)).unwrap();
    let environment: Environment = environment.iter().map(|(name, value)| (name, value)).collect();
    Config::resolve(&line.settings, &environment)
}

fn shown(config: Result<Config, Problems>) -> String {
    format!("{:?}", config.unwrap())
}

fn shown_notices(config: Config) -> String {
    config.notices.iter().map(ToString::to_string).collect()
}
