//! The words of the domain: values that `config` makes from settings and every other part uses.

/// Scheme, host and port of an upstream.
pub mod target;
/// Names that are not written in ASCII.
pub mod ascii_name;
/// Which requests a route is for.
pub mod route_match;
/// Finds the route of a request.
pub mod route_index;
/// The header that names an upstream.
pub mod routing_header;
/// Which upstreams a caller may name, and which addresses may be dialled for them.
pub mod policy;
/// The HTTP proxy on the way to upstreams.
pub mod parent_proxy;
/// The upstreams that are reached without it.
pub mod no_proxy;
/// The peer of a connection.
pub mod caller;
/// The audiences of one token.
pub mod audience_set;
/// What is asked of STS.
pub mod token_request;
/// What decides which credential a request carries.
pub mod credential_spec;
/// How a JWT becomes a credential of another party.
pub mod exchange;
/// Where it is sent for that.
pub mod token_endpoint;
/// What AWS's variables say.
pub mod aws_variables;
/// What is wrong with a text from a dirty environment.
pub mod flaw;
