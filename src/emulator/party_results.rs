//! What the relying parties have given out: tokens for their APIs, until they expire or are revoked.

use super::party::Party;
use super::unix_seconds::UnixSeconds;
use std::collections::{BTreeMap, VecDeque};

/// The maximum number of remembered tokens. The oldest is forgotten first, and then counts as one that was not issued.
const CAPACITY: usize = 10_000;

/// A token that a party has issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Issued {
    pub(super) party: Party,
    /// The number of the hop that gave it out, from 1 on.
    pub(super) hop: u8,
    pub(super) expiry: UnixSeconds,
    /// The scopes that were asked for, separated by spaces.
    pub(super) scope: String,
    /// The subject of the JWT that it was exchanged for.
    pub(super) subject: String,
}

/// The issued tokens.
#[derive(Default)]
pub(super) struct PartyResults {
    known: BTreeMap<String, Issued>,
    order: VecDeque<String>,
}

impl PartyResults {
    /// Remembers a token.
    pub(super) fn issue(&mut self, token: String, issued: Issued) {
        if self.order.len() == CAPACITY
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.known.insert(token.clone(), issued);
        self.order.push_back(token);
    }

    /// Looks up a token that a party has issued and that has not expired.
    pub(super) fn find(&self, token: &str, party: Party, now: UnixSeconds) -> Option<&Issued> {
        self.known.get(token).filter(|issued| issued.party == party && now < issued.expiry)
    }

    /// Revokes one token.
    pub(super) fn revoke(&mut self, token: &str) {
        self.known.remove(token);
        self.order.retain(|known| known != token);
    }

    /// Revokes every token of a party.
    pub(super) fn revoke_all(&mut self, party: Party) {
        self.known.retain(|_, issued| issued.party != party);
        self.order.retain(|token| self.known.contains_key(token));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn a_token_is_good_at_its_party_until_it_expires_or_is_revoked() {
        let now = UnixSeconds::of(UNIX_EPOCH);
        let issued = Issued {
            party: Party::Openai,
            hop: 1,
            expiry: now.plus(10),
            scope: String::new(),
            subject: String::new(),
        };
        let mut results = PartyResults::default();
        for n in 0..=CAPACITY {
            results.issue(n.to_string(), issued.clone());
        }
        assert_eq!((results.known.len(), results.order.len()), (CAPACITY, CAPACITY));
        assert_eq!(results.find("0", Party::Openai, now), None);
        assert_eq!(results.find("1", Party::Openai, now.plus(9)), Some(&issued));
        assert_eq!(results.find("1", Party::Openai, now.plus(10)), None);
        assert_eq!(results.find("1", Party::Entra, now), None);
        results.revoke("1");
        assert_eq!(results.find("1", Party::Openai, now), None);
        results.revoke_all(Party::Entra);
        assert_eq!(results.find("2", Party::Openai, now), Some(&issued));
        results.revoke_all(Party::Openai);
        assert!(results.known.is_empty() && results.order.is_empty());
    }
}
