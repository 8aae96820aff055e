//! What takes a machine's whole attention for a while: seconds of load, thousands of hosts. The gate runs it by itself.

#![expect(clippy::unwrap_used, reason = "in a test a broken expectation is to end the test")]

mod cardinality;
mod load;
#[path = "../it/support/mod.rs"]
mod support;
