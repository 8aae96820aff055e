//! The validity of a certificate.

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The first second of the year 10000, which is after the last date that a certificate can have (RFC 5280, section 4.1.2.5).
const AFTER_MAX_DATE: Duration = Duration::from_secs(253_402_300_800);

/// The period in which a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The certificate's `notBefore`.
    pub begins: SystemTime,
    /// The certificate's `notAfter`.
    pub ends: SystemTime,
}

/// Where in its life a certificate is, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It is valid for some time.
    Valid,
    /// Less than a tenth of its life is left.
    Expiring,
    /// It is not valid yet, or has expired.
    Invalid,
}

impl Validity {
    /// The phase at this moment.
    pub fn phase(&self, moment: SystemTime) -> Phase {
        let life = self.ends.duration_since(self.begins).unwrap_or_default();
        match self.ends.duration_since(moment) {
            Ok(_) if moment < self.begins => Phase::Invalid,
            Ok(left) if left < life / 10 => Phase::Expiring,
            Ok(_) => Phase::Valid,
            Err(_) => Phase::Invalid,
        }
    }

    /// The periods of these certificates, without those that cannot be read.
    pub fn of_chain(chain: &[CertificateDer<'_>]) -> Vec<Self> {
        chain.iter().filter_map(Self::of).collect()
    }

    /// Reads the period from the certificate; returns `None` if it cannot be parsed, or is valid before 1970.
    ///
    /// webpki does not expose the period. So the certificate is verified at two times at which it cannot be valid, because
    /// verification checks the time first and its error has the bound.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let certificate = ParsedCertificate::try_from(certificate).ok()?;
        let bound = |moment: Duration| {
            let moment = UnixTime::since_unix_epoch(moment);
            let judgement = verify_server_cert_signed_by_trust_anchor(
                &certificate,
                &RootCertStore::empty(),
                &[],
                moment,
                &[],
            );
            bound_of(judgement.err()?)
        };
        Some(Self { begins: bound(Duration::ZERO)?, ends: bound(AFTER_MAX_DATE)? })
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other error is one that names no bound")]
fn bound_of(error: Error) -> Option<SystemTime> {
    let bound = match error {
        Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. }) => not_before,
        Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => not_after,
        _ => return None,
    };
    UNIX_EPOCH.checked_add(Duration::from_secs(bound.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_holds_from_one_bound_to_the_other() {
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2025, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 1, 1);
        let certificate = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let bounds = [1_735_689_600, 1_767_225_600].map(|second| UNIX_EPOCH + Duration::from_secs(second));
        let expected = Validity { begins: bounds[0], ends: bounds[1] };
        assert_eq!(Validity::of(certificate.der()), Some(expected));
    }

    #[test]
    fn the_last_tenth_of_a_life_is_its_end() {
        let at = |second| UNIX_EPOCH + Duration::from_secs(second);
        let validity = Validity { begins: at(1000), ends: at(2000) };
        let phases = [999, 1000, 1900, 1901, 2000, 2001].map(|second| validity.phase(at(second)));
        use Phase::{Expiring, Invalid, Valid};
        assert_eq!(phases, [Invalid, Valid, Valid, Expiring, Expiring, Invalid]);
    }

    #[test]
    fn what_is_no_certificate_holds_never() {
        assert_eq!(Validity::of(&CertificateDer::from(vec![0x30, 0])), None);
    }
}
