//! What AWS's configuration and credentials files say, as far as attache judges it or explains missing credentials by it.

use super::aws_files;
use crate::credential::aws_setting::AwsSetting;
use crate::credential::error;
use crate::credential::setup_error::{SetupError, WaitsFor};
use crate::input_file;
use crate::model::aws_variables::{AwsVariables, FileVariable};
use crate::model::flaw::EndpointFlaw;
use crate::redact;
use aws_config::SdkConfig;
use aws_config::profile::{self, Profile, ProfileSet};
use aws_types::os_shim_internal::{Env, Fs};
use aws_types::service_config::ServiceConfigKey;
use std::iter;
use std::path::{Path, PathBuf};

/// The longest way from a profile to its sources that is followed.
const MAX_SOURCES: usize = 10;
const ENDPOINT_URL: &str = "endpoint_url";
const IDENTITY_TOKEN_FILE: &str = "web_identity_token_file";
const CREDENTIAL_PROCESS: &str = "credential_process";
const PREFERRED_TO_A_PROGRAM: [&str; 9] = [
    "role_arn",
    "credential_source",
    IDENTITY_TOKEN_FILE,
    "sso_session",
    "sso_start_url",
    "sso_region",
    "sso_account_id",
    "sso_role_name",
    "login_session",
];

/// What both files say.
struct Profiles(ProfileSet);

impl Profiles {
    /// Reads both, where the SDK reads them. One that is not there counts as empty.
    ///
    /// # Errors
    /// When one is too long, is not UTF-8 or cannot be parsed, in words that show nothing of it.
    async fn load(variables: &AwsVariables) -> Result<Self, SetupError> {
        aws_files::check_texts(variables)?;
        let profiles = profile::load(&Fs::real(), &Env::real(), &Default::default(), None).await;
        let problem = |problem| SetupError::ProfileFiles(error::chain(&problem).replace('\n', " "));
        profiles.map(Self).map_err(problem)
    }

    /// Says that `AWS_PROFILE` names none of these, where no keys of the environment come before it.
    fn missing(&self, variables: &AwsVariables) -> Option<SetupError> {
        let name = variables.profile.as_ref().filter(|name| self.0.get_profile(name).is_none())?;
        let what = "neither of AWS's files has it".to_owned();
        (!variables.has_access_key_id).then(|| SetupError::Profile { name: redact::shown(name), what })
    }

    fn run_a_program(&self) -> bool {
        self.in_use().any(|profile| profile.get(CREDENTIAL_PROCESS).is_some())
    }

    /// The selected profile, and those that it takes credentials from.
    fn in_use(&self) -> impl Iterator<Item = &Profile> {
        let selected = self.0.get_profile(self.0.selected_profile());
        let source = |profile: &&Profile| self.0.get_profile(profile.get("source_profile")?);
        iter::successors(selected, source).take(MAX_SOURCES)
    }

    /// The file of the web identity token that the selected profile, or a source of it, names.
    async fn identity_token_file(&self, variables: &AwsVariables) -> Option<(AwsSetting, PathBuf)> {
        let (profile, path) =
            self.in_use().find_map(|profile| Some((profile, profile.get(IDENTITY_TOKEN_FILE)?)))?;
        Some((place(IDENTITY_TOKEN_FILE, profile, variables).await, path.into()))
    }

    /// The place of an endpoint of STS that is none of a variable.
    async fn endpoint_setting(&self, url: &str, variables: &AwsVariables) -> Option<AwsSetting> {
        let profile = self.0.get_profile(self.0.selected_profile())?;
        match profile.get("services") {
            // An endpoint of the service alone counts before that of all services.
            Some(services) if profile.get(ENDPOINT_URL) != Some(url) => Some(AwsSetting::Key {
                key: ENDPOINT_URL,
                section: format!("services {services}"),
                file: aws_files::config(variables).ok()?.path,
            }),
            Some(_) | None => Some(place(ENDPOINT_URL, profile, variables).await),
        }
    }
}

/// The place of a key of a profile. The credentials file counts before the configuration file.
async fn place(key: &'static str, profile: &Profile, variables: &AwsVariables) -> AwsSetting {
    let name = profile.name();
    if let Ok(file) = aws_files::credentials(variables) {
        let named = [
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", &*file.path.to_string_lossy()),
        ];
        let profiles = profile::load(&Fs::real(), &Env::from_slice(&named), &Default::default(), None).await;
        let has_key = |profiles: ProfileSet| profiles.get_profile(name).is_some_and(|p| p.get(key).is_some());
        if profiles.is_ok_and(has_key) {
            return AwsSetting::Key { key, section: name.to_owned(), file: file.path };
        }
    }
    let section = if name == "default" { name.to_owned() } else { format!("profile {name}") };
    let file = aws_files::config(variables).map(|file| file.path).unwrap_or_default();
    AwsSetting::Key { key, section, file }
}

/// Checks the endpoint of STS that the files name, where it counts. Those of variables are checked before.
///
/// # Errors
/// When it cannot be called.
pub(super) async fn check_endpoint(config: &SdkConfig, variables: &AwsVariables) -> Result<(), SetupError> {
    let key =
        ServiceConfigKey::builder().service_id("STS").env("AWS_ENDPOINT_URL").profile(ENDPOINT_URL).build();
    let settings = config.service_config();
    let url = key.ok().and_then(|key| settings?.load_config(key));
    let Some((url, flaw)) = url.and_then(|url| EndpointFlaw::of(&url).map(|flaw| (url, flaw))) else {
        return Ok(());
    };
    let setting = match Profiles::load(variables).await {
        Ok(profiles) => profiles.endpoint_setting(&url, variables).await,
        Err(_) => None,
    };
    setting.map_or(Ok(()), |setting| Err(SetupError::Endpoint { setting, flaw }))
}

/// Checks the files that a profile's credentials are read from: the SDK reads each whole, into memory.
///
/// # Errors
/// When one does not come to an end, or is no text of UTF-8.
pub(super) async fn check(variables: &AwsVariables) -> Result<(), SetupError> {
    aws_files::check_texts(variables)?;
    match identity_token_file(variables).await {
        Some((setting, path)) => input_file::read_to_end(&path)
            .map(drop)
            .map_err(|problem| SetupError::IdentityTokenFile { setting, path, problem: problem.to_string() }),
        None => Ok(()),
    }
}

/// The command that prints the credentials of the selected profile. The SDK prefers each of the other keys to it, and runs the
/// command of a profile that another one takes its credentials from.
pub(super) async fn credential_process(variables: &AwsVariables) -> Option<String> {
    let profiles = Profiles::load(variables).await.ok()?.0;
    let profile = profiles.get_profile(profiles.selected_profile())?;
    let is_preferred = PREFERRED_TO_A_PROGRAM.iter().any(|key| profile.get(key).is_some());
    profile.get(CREDENTIAL_PROCESS).filter(|_| !is_preferred).map(str::to_owned)
}

/// What keeps the files from being read, or the profile of `AWS_PROFILE` from being found in them, where something does.
pub(super) async fn problem(variables: &AwsVariables) -> Option<SetupError> {
    if let Err(problem) = aws_files::check_access(variables).await {
        return Some(problem);
    }
    match Profiles::load(variables).await {
        Ok(profiles) => profiles.missing(variables),
        Err(problem) => Some(problem),
    }
}

/// What keeps the file of the profile's web identity token from being read, where something does.
pub(super) async fn identity_token_problem(variables: &AwsVariables) -> Option<SetupError> {
    let (setting, path) = identity_token_file(variables).await?;
    let problem = input_file::check(&path).err()?.to_string();
    Some(SetupError::IdentityTokenFile { setting, path, problem })
}

async fn identity_token_file(variables: &AwsVariables) -> Option<(AwsSetting, PathBuf)> {
    Profiles::load(variables).await.ok()?.identity_token_file(variables).await
}

/// A file that credentials are read from and that is no regular one, so that reading it may take for ever.
pub(super) async fn odd_file(variables: &AwsVariables) -> Option<(AwsSetting, PathBuf)> {
    for (variable, file) in [
        ("AWS_CONFIG_FILE", &variables.config_file),
        ("AWS_SHARED_CREDENTIALS_FILE", &variables.shared_credentials_file),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", &variables.web_identity_token_file),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &variables.container_token_file),
    ] {
        let Some(FileVariable::Path(path)) = file else { continue };
        if is_odd(path).await {
            return Some((AwsSetting::Variable(variable), path.clone()));
        }
    }
    None
}

/// What credentials that do not come probably wait for, by what the files say.
pub(super) async fn waits_for(variables: &AwsVariables) -> WaitsFor {
    let Ok(profiles) = Profiles::load(variables).await else { return WaitsFor::Provider };
    if profiles.run_a_program() {
        return WaitsFor::Program;
    }
    match profiles.identity_token_file(variables).await {
        Some((setting, path)) if is_odd(&path).await => WaitsFor::File { setting, path },
        Some(_) | None => WaitsFor::Provider,
    }
}

async fn is_odd(path: &Path) -> bool {
    tokio::fs::metadata(path).await.is_ok_and(|file| !file.is_file())
}
