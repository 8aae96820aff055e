//! The relying parties that the emulator plays.

use serde::{Deserialize, Serialize};

/// A relying party. Its name is a segment of its paths, the key of its faults, and the name that it is counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Party {
    /// Anthropic's API.
    Anthropic,
    /// OpenAI's API.
    Openai,
    /// OpenRouter.
    Openrouter,
    /// Microsoft Entra ID.
    Entra,
    /// Google Cloud.
    Google,
    /// HashiCorp Vault.
    Vault,
    /// Databricks.
    Databricks,
    /// Dodo Payments.
    Dodo,
    /// Tailscale.
    Tailscale,
    /// Confluent Cloud.
    Confluent,
    /// Chainguard.
    Chainguard,
    /// octo-sts, for GitHub.
    OctoSts,
    /// KERNEL.
    Kernel,
    /// Buildkite.
    Buildkite,
}

impl Party {
    /// Every party.
    pub const ALL: [Self; 14] = [
        Self::Anthropic,
        Self::Openai,
        Self::Openrouter,
        Self::Entra,
        Self::Google,
        Self::Vault,
        Self::Databricks,
        Self::Dodo,
        Self::Tailscale,
        Self::Confluent,
        Self::Chainguard,
        Self::OctoSts,
        Self::Kernel,
        Self::Buildkite,
    ];

    /// The party with this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|party| party.name() == name)
    }

    /// The party's name in paths, faults and counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::Openai => "openai",
            Self::Openrouter => "openrouter",
            Self::Entra => "entra",
            Self::Google => "google",
            Self::Vault => "vault",
            Self::Databricks => "databricks",
            Self::Dodo => "dodo",
            Self::Tailscale => "tailscale",
            Self::Confluent => "confluent",
            Self::Chainguard => "chainguard",
            Self::OctoSts => "octo-sts",
            Self::Kernel => "kernel",
            Self::Buildkite => "buildkite",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_path_is_the_name_in_the_faults() {
        for party in Party::ALL {
            assert_eq!(serde_json::to_value(party).unwrap(), party.name());
            assert_eq!(Party::find(party.name()), Some(party));
        }
        assert_eq!(Party::find("Anthropic"), None);
    }
}
