//! The program of a profile's `credential_process`. The SDK keeps all that such a program prints, so attache runs it itself and
//! reads no more than credentials take.

use crate::credential::error::MAX_TEXT_BYTES;
use crate::credential::program_error::{MAX_PRINTED, ProgramError};
use crate::credential::setup_error::SetupError;
use crate::legible;
use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature;
use serde_json::{Map, Value};
use std::process::Stdio;
use std::time::SystemTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// Runs the program and reads the credentials that it prints.
///
/// # Errors
/// When it gives none.
pub(super) async fn credentials(command: &str) -> Result<Credentials, SetupError> {
    let printed = printed(command).await.map_err(SetupError::Program)?;
    read(&printed).map_err(|what| SetupError::Program(ProgramError::Invalid(what)))
}

/// What the program prints on standard output.
async fn printed(command: &str) -> Result<Vec<u8>, ProgramError> {
    let mut program = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (stdout, stderr) = (program.stdout.take(), program.stderr.take());
    let (stdout, stderr) = match tokio::try_join!(bounded(stdout), bounded(stderr)) {
        Ok(printed) => printed,
        Err(error) => {
            // What it has started ends by itself when it writes to the closed pipes.
            program.start_kill()?;
            program.wait().await?;
            return Err(error);
        }
    };
    let status = program.wait().await?;
    if status.success() {
        return Ok(stdout);
    }
    let said = legible::line(String::from_utf8_lossy(&stderr).trim(), MAX_TEXT_BYTES);
    Err(ProgramError::Failed { status: status.to_string(), said })
}

async fn bounded(stream: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, ProgramError> {
    let mut printed = Vec::new();
    if let Some(stream) = stream {
        stream.take(MAX_PRINTED as u64 + 1).read_to_end(&mut printed).await?;
    }
    if printed.len() > MAX_PRINTED { Err(ProgramError::TooLong) } else { Ok(printed) }
}

/// Reads what a program prints (AWS SDKs and tools reference, "Process credential provider"). The case of its keys has no
/// meaning to AWS's SDK for Rust.
fn read(printed: &[u8]) -> Result<Credentials, &'static str> {
    let object: Map<String, Value> = serde_json::from_slice(printed).map_err(|_| "it is no JSON object")?;
    let value =
        |name: &str| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let text = |name: &str| value(name).and_then(Value::as_str);
    match value("Version").map(Value::as_i64) {
        Some(Some(1)) => {}
        Some(_) => return Err("its Version is not 1"),
        None => return Err("its Version is missing"),
    }
    let expiration = text("Expiration").map(|text| OffsetDateTime::parse(text, &Rfc3339));
    let expiration = expiration.transpose().map_err(|_| "its Expiration is no time of RFC 3339")?;
    let mut credentials = Credentials::new(
        text("AccessKeyId").ok_or("its AccessKeyId is missing")?,
        text("SecretAccessKey").ok_or("its SecretAccessKey is missing")?,
        text("SessionToken").map(str::to_owned),
        expiration.map(SystemTime::from),
        "CredentialProcess",
    );
    let features = credentials.get_property_mut_or_default::<Vec<AwsCredentialFeature>>();
    features.push(AwsCredentialFeature::CredentialsProcess);
    Ok(credentials)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_prints_is_read_or_named() {
        let printed = br#"{"Version": 1, "accesskeyid": "AKIA", "SecretAccessKey": "s", "SessionToken": "t",
            "Expiration": "2030-01-01T00:00:00Z", "AccountId": "123456789012"}"#;
        let credentials = read(printed).unwrap();
        let parts =
            (credentials.access_key_id(), credentials.secret_access_key(), credentials.session_token());
        assert_eq!(parts, ("AKIA", "s", Some("t")));
        assert!(credentials.expiry().is_some());
        assert!(
            read(br#"{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b"}"#)
                .unwrap()
                .expiry()
                .is_none()
        );
        for (printed, what) in [
            ("planted", "it is no JSON object"),
            ("[]", "it is no JSON object"),
            ("{}", "its Version is missing"),
            (r#"{"Version": "1"}"#, "its Version is not 1"),
            (r#"{"Version": 1, "SecretAccessKey": "b"}"#, "its AccessKeyId is missing"),
            (r#"{"Version": 1, "AccessKeyId": "a"}"#, "its SecretAccessKey is missing"),
            (
                r#"{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "Expiration": "soon"}"#,
                "its Expiration is no time of RFC 3339",
            ),
        ] {
            assert_eq!(read(printed.as_bytes()).unwrap_err(), what, "{printed}");
        }
    }
}
