//! `attache doctor` against everything that can be wrong and can be arranged here: the true cause is named first, with the
//! cure.

mod aws;
mod examination;
mod faults;
mod machine;
mod network;
mod routes;
mod upstream;
