//! What is known of relying parties: how each exchanges a JWT, as data. A preset and its keys expand to an exchange.

/// From a preset and the values of its keys to an exchange.
mod expand;
/// Parties that serve models and payments.
mod apis;
/// Parties that serve clouds and their tools.
mod platforms;

use crate::model::exchange::{Encoding, ErrorForm, ExpiryForm};
use crate::model::token_request::SigningAlgorithm;
use std::collections::BTreeMap;

/// All presets, in the order of the documents.
pub fn all() -> impl Iterator<Item = &'static Preset> {
    apis::PRESETS.iter().chain(&platforms::PRESETS)
}

/// The preset of this name.
pub fn find(name: &str) -> Option<&'static Preset> {
    all().find(|preset| preset.name == name)
}

/// The values of a preset's keys.
pub type Values<'v> = BTreeMap<&'v str, &'v str>;

/// What is known of a party.
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// Its keys, which are the party's own names in kebab case.
    pub keys: &'static [Key],
    /// What the JWT should be, unless the credential says otherwise.
    pub token: PresetToken,
    hop: HopData,
    /// The second request, which is made where this key is set.
    then: Option<(&'static str, HopData)>,
    placement: PlacementData,
}

/// A key of a preset.
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What its value becomes.
    pub place: KeyPlace,
    /// What its value begins with, where the party's ids do.
    pub begins: Option<&'static str>,
    /// The value where none is given.
    pub default: Presence,
}

impl Key {
    /// A key for an id that begins so, which becomes a field.
    const fn required(name: &'static str, field: &'static str, begins: &'static str) -> Self {
        Self { name, place: KeyPlace::Field(field), begins: Some(begins), default: Presence::Required }
    }

    const fn optional(name: &'static str, field: &'static str, begins: &'static str) -> Self {
        Self { name, place: KeyPlace::Field(field), begins: Some(begins), default: Presence::Optional }
    }

    /// A key for any text, which becomes a field.
    const fn any(name: &'static str, field: &'static str, default: Presence) -> Self {
        Self { name, place: KeyPlace::Field(field), begins: None, default }
    }

    const fn template(name: &'static str, default: Presence) -> Self {
        Self { name, place: KeyPlace::Template, begins: None, default }
    }
}

/// What the value of a key becomes.
#[derive(Clone, Copy)]
pub enum KeyPlace {
    /// A field of the request.
    Field(&'static str),
    /// A part of a URL, an audience or a second request, which name it in braces.
    Template,
    /// A header of the request.
    Header(&'static str),
}

/// Whether a key has to be set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It has to.
    Required,
    /// It need not, and nothing is sent then.
    Optional,
    /// It need not, and this is its value then.
    Default(&'static str),
}

/// What the JWT for a party should be.
pub struct PresetToken {
    /// Its audience, keys in braces. `None` where each customer of the party chooses it.
    pub audience: Option<&'static str>,
    /// Its signature.
    pub algorithm: SigningAlgorithm,
    /// Its life in seconds.
    pub seconds: u64,
}

struct HopData {
    endpoint: &'static str,
    encoding: Encoding,
    /// The field of the assertion; `None` for `Authorization`.
    assertion: Option<&'static str>,
    /// Fixed fields, keys in braces.
    fields: &'static [(&'static str, FieldData)],
    headers: &'static [(&'static str, &'static str)],
    token: &'static str,
    expiry: &'static [(&'static str, ExpiryForm)],
    default_seconds: Option<u64>,
    ends_with_assertion: bool,
    errors: ErrorForm,
}

enum FieldData {
    Text(&'static str),
    /// A list with one element.
    List(&'static str),
}

struct PlacementData {
    header: &'static str,
    prefix: &'static str,
    append: &'static [(&'static str, &'static str)],
    removed: &'static [&'static str],
}

/// The grant of RFC 8693.
pub(in crate::config) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The grant of RFC 7523, section 2.1.
pub(in crate::config) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The type of an assertion that names a client (RFC 7523, section 2.2).
pub(in crate::config) const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The type of a JWT (RFC 8693, section 3).
pub(in crate::config) const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// The type of an access token (RFC 8693, section 3).
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

const BEARER: PlacementData =
    PlacementData { header: "authorization", prefix: "Bearer ", append: &[], removed: &[] };

/// Most parties answer as OAuth says.
const OAUTH: HopData = HopData {
    endpoint: "",
    encoding: Encoding::Form,
    assertion: Some("subject_token"),
    fields: &[],
    headers: &[],
    token: "/access_token",
    expiry: &[("/expires_in", ExpiryForm::Seconds)],
    default_seconds: None,
    ends_with_assertion: false,
    errors: ErrorForm::OAuth,
};

#[cfg(test)]
mod tests;
