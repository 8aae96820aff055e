//! `attache doctor` against everything that can be wrong and can be arranged here: the true cause is named first, with the
//! cure.
#![expect(clippy::unwrap_used, reason = "in a test a broken expectation is to end the test")]

mod support;

#[path = "doctor/aws.rs"]
mod aws;
#[path = "doctor/examination.rs"]
mod examination;
#[path = "doctor/machine.rs"]
mod machine;
#[path = "doctor/network.rs"]
mod network;
#[path = "doctor/upstream.rs"]
mod upstream;
