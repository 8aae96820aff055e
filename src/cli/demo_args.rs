//! What can be asked of `attache demo`.

use std::net::SocketAddr;

/// See an AWS identity token arrive at an API, without an AWS account.
#[derive(Clone, Debug, clap::Args)]
#[command(next_line_help = true)]
pub struct DemoArgs {
    /// Where the proxy of the demo listens; port 0 lets the system choose
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen_addr: SocketAddr,

    /// Send one request, show what became of it, and end
    #[arg(long)]
    pub once: bool,
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

    #[test]
    fn the_demo_stays_on_this_machine_unless_told_otherwise() {
        let line = Line::try_parse_from(["demo"]).unwrap();
        assert!(line.demo.listen_addr.ip().is_loopback() && !line.demo.once);
        let line = Line::try_parse_from(["demo", "--once", "--listen-addr=0.0.0.0:0"]).unwrap();
        assert!(line.demo.listen_addr.ip().is_unspecified() && line.demo.once);
    }
}
