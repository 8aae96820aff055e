//! The ARN of a role, from which the ids and ARNs of its sessions derive.

use super::options::OptionsError;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// An ARN of the form `arn:<partition>:iam::<account>:role/<path/name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleArn {
    partition: String,
    account: String,
    path_and_name: String,
}

impl RoleArn {
    /// The role with this path and name, in an account of the commercial partition. A leading slash is dropped.
    ///
    /// # Errors
    /// When the account is not twelve digits, or the role is not a path and a name.
    pub fn of(account: &str, role: &str) -> Result<Self, OptionsError> {
        if !is_account(account) {
            return Err(OptionsError::Account(account.to_owned()));
        }
        let path_and_name = role.strip_prefix('/').unwrap_or(role);
        if !is_path_and_name(path_and_name) {
            return Err(OptionsError::Role(role.to_owned()));
        }
        Ok(Self {
            partition: "aws".to_owned(),
            account: account.to_owned(),
            path_and_name: path_and_name.to_owned(),
        })
    }

    /// Parses an ARN; `None` when it is not the ARN of a role.
    pub fn parse(arn: &str) -> Option<Self> {
        let rest = arn.strip_prefix("arn:")?;
        let (partition, rest) = rest.split_once(':')?;
        let (account, path_and_name) = rest.strip_prefix("iam::")?.split_once(":role/")?;
        let valid = !partition.is_empty()
            && partition.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && is_account(account)
            && is_path_and_name(path_and_name);
        valid.then(|| Self {
            partition: partition.to_owned(),
            account: account.to_owned(),
            path_and_name: path_and_name.to_owned(),
        })
    }

    /// The account number, twelve digits.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The ARN of a session of this role, which has no path.
    pub fn session(&self, name: &str) -> String {
        let role = self.path_and_name.rsplit('/').next().unwrap_or_default();
        format!("arn:{}:sts::{}:assumed-role/{role}/{name}", self.partition, self.account)
    }

    /// The unique id of the role, which depends on the ARN alone.
    pub fn id(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.to_string().hash(&mut hasher);
        let mut random = fastrand::Rng::with_seed(hasher.finish());
        let tail: String = (0..17).map(|_| random.alphanumeric().to_ascii_uppercase()).collect();
        format!("AROA{tail}")
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:{}:iam::{}:role/{}", self.partition, self.account, self.path_and_name)
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a text is a path and a name: the name has at most 64 characters, the path at most 512 (IAM API reference,
/// `CreateRole`).
fn is_path_and_name(text: &str) -> bool {
    let (path, name) = text.rsplit_once('/').unwrap_or(("", text));
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    (1..=64).contains(&name.len())
        && name.chars().all(is_name)
        && path.len() <= 510
        && path.chars().all(|c| c.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_the_name_of_its_role_without_the_path() {
        let role = RoleArn::of("123456789012", "/team/api/reader").unwrap();
        assert_eq!(role.to_string(), "arn:aws:iam::123456789012:role/team/api/reader");
        assert_eq!(role.session("s-1"), "arn:aws:sts::123456789012:assumed-role/reader/s-1");
        assert_eq!(RoleArn::parse(&role.to_string()), Some(role));
    }

    #[test]
    fn what_is_no_role_is_not_taken_for_one() {
        for arn in [
            "",
            "arn:aws:iam::123456789012:user/somebody",
            "arn:aws:iam::12345678901:role/x",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/path/",
            "arn::iam::123456789012:role/x",
            "arn:aws:iam::123456789012:role/a b",
        ] {
            assert_eq!(RoleArn::parse(arn), None, "{arn}");
        }
    }
}
