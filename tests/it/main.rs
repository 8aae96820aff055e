//! Everything that is seen from outside: the built program on real sockets, and the library where that is its door.

#![expect(clippy::unwrap_used, reason = "in a test a broken expectation is to end the test")]

mod addresses;
mod admin;
mod alerts;
mod architecture;
mod aws_settings;
mod cli;
mod config;
mod demo;
mod docs;
mod doctor;
mod egress;
mod emulator;
mod environment;
mod forwarding;
mod grpc;
mod health;
mod inbound;
mod keepalive;
mod limits;
mod logs;
mod loops;
mod messages;
mod names;
mod otel;
mod otel_settings;
mod outages;
mod reuse;
mod routing;
mod secrets;
mod sessions;
mod settings;
mod shutdown;
mod smuggling;
mod status;
mod streaming;
mod support;
mod tls;
mod token_command;
mod tokens;
mod translation;
mod upgrade;
mod upstreams;
mod websocket;
