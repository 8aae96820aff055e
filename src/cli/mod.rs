//! The command line: parses it, and runs a command.

use self::config::args::ConfigCommand;
use self::config::settings::Settings;
use crate::config::args::Args;
use crate::config::environment;
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use demo::args::DemoArgs;
use doctor::args::DoctorArgs;
use emulator_args::EmulatorArgs;
use exit::Exit;
use health::args::{HealthcheckArgs, WaitArgs};
use token::args::MintArgs;

/// The arguments of `attache emulator`.
pub mod emulator_args;
/// `attache emulator`.
mod emulator;
/// `attache demo`.
pub mod demo;
/// Sends attache's own requests.
mod fetch;
/// Verifies a token as a third party does.
mod verifier;
/// Formats the claims of a token.
mod claims;
/// Signals to the process.
mod signals;
/// The number of threads that the process can start.
mod threads;
/// `attache healthcheck` and `attache wait`.
pub mod health;
/// `attache completion`.
mod completion;
/// `attache version`.
mod version;
/// Treats empty AWS variables as unset.
mod clean_start;
/// Runs the proxy, which needs no command.
mod serve;
/// `attache config` and `attache check`.
pub mod config;
/// `attache doctor`.
pub mod doctor;
/// `attache token`.
pub mod token;
/// Reports a panic in one line.
mod panics;
/// The result of a command, as an exit code.
pub mod exit;
/// The only part that prints.
mod report;
/// Formats durations.
mod format;

/// Runs the command of this process's arguments, and prints its result.
pub fn run() -> Exit {
    clean_start::without_empty_variables();
    let cli = match command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(answer) => return report::usage(answer),
    };
    panics::told_in_a_line(false);
    match cli.command {
        None => serve(&cli.settings),
        Some(Command::Check(settings)) => config::check(&settings),
        Some(Command::Config { command }) => config::run(&command),
        Some(Command::Doctor(args)) => doctor::run(&args),
        Some(Command::Token(args)) => token::run(&args),
        Some(Command::Demo(args)) => demo::run(&args),
        Some(Command::Emulator(args)) => emulator::run(*args),
        Some(Command::Healthcheck(args)) => health::check(&args),
        Some(Command::Wait(args)) => health::wait(&args),
        Some(Command::Version) => report::data(version::line().as_bytes()),
        Some(Command::Completion { shell }) => report::data(&completion::script(command(), shell)),
    }
}

fn serve(settings: &Args) -> Exit {
    match config::settings::read(settings, &environment::of_process()) {
        Ok(Settings { config, .. }) => serve::run(config),
        Err(exit) => exit,
    }
}

/// Builds the whole command line, for parsing, help and completion.
fn command() -> clap::Command {
    let command = Args::with_variables(Cli::command());
    ["check", "doctor", "token", "healthcheck", "wait"]
        .into_iter()
        .fold(command, |command, name| command.mut_subcommand(name, Args::with_variables))
}

#[derive(Parser)]
#[command(
    version,
    disable_version_flag = true,
    about,
    after_help = EXAMPLES,
    max_term_width = 100,
    next_line_help = true,
    args_override_self = true,
    args_conflicts_with_subcommands = true,
    override_usage = "attache [OPTIONS]\n       attache <COMMAND>"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print version
    #[arg(short, short_alias = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
    #[command(flatten)]
    settings: Args,
}

#[derive(Subcommand)]
enum Command {
    /// See whether flags, variables and the file that they name can be used
    #[command(next_line_help = true, args_override_self = true)]
    Check(Box<Args>),
    /// Look at a configuration file, without a network
    Config {
        /// What to do with it.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Find out why there is no token, or why an upstream refuses it
    #[command(next_line_help = true, args_override_self = true)]
    Doctor(Box<DoctorArgs>),
    /// Mint one token and print it, or what it says
    #[command(next_line_help = true, args_override_self = true)]
    Token(Box<MintArgs>),
    /// See an AWS identity token arrive at an API, without an AWS account
    Demo(DemoArgs),
    /// Run a local STS that mints, serves its keys, and fails on demand
    Emulator(Box<EmulatorArgs>),
    /// See whether a proxy is alive, or ready, by the exit status
    Healthcheck(HealthcheckArgs),
    /// Wait until a proxy is ready
    Wait(WaitArgs),
    /// Print version and platform
    Version,
    /// Print a completion script for a shell
    Completion {
        /// The shell that is to complete
        shell: Shell,
    },
}

const EXAMPLES: &str = "\
Without a command, attache serves. A flag wins over its variable. Each variable is read with the
prefix ATTACHE_, and only those shown without it are read without it too. An address without host, :8080,
means every interface; a duration is written 30s, 5m, 1h30m or 500ms. --allow-host, --allow-address,
--deny-address, --token-audience and --token-tag may be repeated; their variables are comma lists.

Examples:
  A sidecar in front of one API:
    attache --upstream-host api.example.com --token-audience https://api.example.com

  A shared proxy whose callers name their API in X-Upstream-Host:
    attache --allow-host '*.example.com' --allow-host api.example.org:8443

  On a laptop, minting at the emulator instead of AWS:
    attache --sts-endpoint-url http://127.0.0.1:4577 --upstream-host api.example.com";
