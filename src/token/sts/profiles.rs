//! AWS's configuration and credentials files, as far as they explain why there are no credentials.

use super::credentials_source::{AwsVariables, FileVariable};
use crate::input_file;
use crate::token::error;
use crate::token::setup_error::SetupError;
use aws_config::profile::{self, Profile, ProfileSet};
use aws_types::os_shim_internal::{Env, Fs};
use std::iter;
use std::path::PathBuf;
use tokio::fs::File;

/// The longest way from a profile to its sources that is followed.
const MAX_SOURCES: usize = 10;

/// What both files say.
pub(super) struct Profiles(ProfileSet);

impl Profiles {
    /// Reads both, where the SDK reads them. One that is not there counts as empty.
    ///
    /// # Errors
    /// When one is too long or cannot be parsed, in words that show nothing of it.
    pub(super) async fn load(variables: &AwsVariables) -> Result<Self, SetupError> {
        check_ends(variables)?;
        let profiles = profile::load(&Fs::real(), &Env::real(), &Default::default(), None).await;
        let problem = |problem| SetupError::ProfileFiles(error::chain(&problem).replace('\n', " "));
        profiles.map(Self).map_err(problem)
    }

    /// Whether credentials come from a program that the profile names.
    pub(super) fn run_a_program(&self) -> bool {
        self.in_use().any(|profile| profile.get("credential_process").is_some())
    }

    /// The selected profile, and those that it takes credentials from.
    fn in_use(&self) -> impl Iterator<Item = &Profile> {
        let selected = self.0.get_profile(self.0.selected_profile());
        let source = |profile: &&Profile| self.0.get_profile(profile.get("source_profile")?);
        iter::successors(selected, source).take(MAX_SOURCES)
    }
}

/// What keeps the files from being read, where something does. The SDK takes one that it may not read for an empty one.
pub(super) async fn problem(variables: &AwsVariables) -> Option<SetupError> {
    for (variable, file) in files(variables) {
        if let Some(file) = file
            && let Some(problem) = unreadable(variable, file).await
        {
            return Some(problem);
        }
    }
    Profiles::load(variables).await.err()
}

/// Checks that the SDK may read both files to their ends. It reads them whole, into memory.
///
/// # Errors
/// When one is too long, or a device that gives bytes without end.
pub(super) fn check_ends(variables: &AwsVariables) -> Result<(), SetupError> {
    for (variable, file) in files(variables) {
        let Some(FileVariable::Path(path)) = file else { continue };
        input_file::check_end(path).map_err(|problem| SetupError::ProfileFile {
            variable,
            path: path.clone(),
            problem: problem.to_string(),
        })?;
    }
    Ok(())
}

fn files(variables: &AwsVariables) -> [(&'static str, Option<&FileVariable>); 2] {
    [
        ("AWS_CONFIG_FILE", variables.config_file.as_ref()),
        ("AWS_SHARED_CREDENTIALS_FILE", variables.shared_credentials_file.as_ref()),
    ]
}

/// A file that credentials are read from and that is no regular one, so that reading it may take for ever.
pub(super) async fn odd_file(variables: &AwsVariables) -> Option<(&'static str, PathBuf)> {
    for (variable, file) in [
        ("AWS_CONFIG_FILE", &variables.config_file),
        ("AWS_SHARED_CREDENTIALS_FILE", &variables.shared_credentials_file),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", &variables.web_identity_token_file),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &variables.container_token_file),
    ] {
        let Some(FileVariable::Path(path)) = file else { continue };
        if tokio::fs::metadata(path).await.is_ok_and(|file| !file.is_file()) {
            return Some((variable, path.clone()));
        }
    }
    None
}

async fn unreadable(variable: &'static str, file: &FileVariable) -> Option<SetupError> {
    let path = match file.path(variable) {
        Ok(path) => path,
        Err(content) => return Some(content),
    };
    // The SDK puts the home directory there.
    if path.starts_with("~") {
        return None;
    }
    let problem = match tokio::fs::metadata(path).await {
        // Opening a pipe may wait for ever.
        Ok(file) if !file.is_file() => return None,
        Ok(_) => File::open(path).await.err()?,
        Err(problem) => problem,
    };
    Some(SetupError::ProfileFile { variable, path: path.to_owned(), problem: problem.to_string() })
}
