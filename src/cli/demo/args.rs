//! The arguments of `attache demo`.

use std::net::{Ipv4Addr, SocketAddr};

/// See an AWS identity token arrive at an API, without an AWS account
#[derive(Clone, Debug, clap::Args)]
#[command(next_line_help = true)]
pub struct DemoArgs {
    /// Where attache listens [default: 127.0.0.1:8080, and any free port with --once]
    #[arg(long, value_name = "ADDR")]
    listen_addr: Option<SocketAddr>,

    /// Send one request, show what became of it, and end
    #[arg(long)]
    pub once: bool,
}

impl DemoArgs {
    /// Where attache listens: as told; else where a person expects it, or where no other run can be in the way.
    pub fn listen_addr(&self) -> SocketAddr {
        let usual = if self.once { 0 } else { 8080 };
        self.listen_addr.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, usual).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        demo: DemoArgs,
    }

    fn listen_addr(words: &[&str]) -> String {
        Line::try_parse_from(words).unwrap().demo.listen_addr().to_string()
    }

    #[test]
    fn the_demo_stays_on_this_machine_unless_told_otherwise() {
        assert_eq!(listen_addr(&["demo"]), "127.0.0.1:8080");
        assert_eq!(listen_addr(&["demo", "--listen-addr=0.0.0.0:80"]), "0.0.0.0:80");
    }

    #[test]
    fn a_single_request_takes_any_port_unless_told_otherwise() {
        assert_eq!(listen_addr(&["demo", "--once"]), "127.0.0.1:0");
        assert_eq!(listen_addr(&["demo", "--once", "--listen-addr=[::1]:80"]), "[::1]:80");
    }
}
