//! Where an API's key comes from: the environment or a file, never a flag.

use std::path::Path;

use secrecy::SecretString;

use super::config::ApiConfig;
use super::error::SettingsError;

/// The variable that holds the key of every API that has no source of its own.
const VARIABLE: &str = "PAYONCE_KEY";

/// The key of an API and, where a file of it can be read by others, a warning.
pub(super) fn key(api: &str, config: &ApiConfig) -> Result<(SecretString, Option<String>), SettingsError> {
    match (&config.key_env, &config.key_file) {
        (Some(_), Some(_)) => Err(SettingsError::Key {
            api: api.to_owned(),
            problem: "has both key_env and key_file; keep one of them".to_owned(),
        }),
        (None, Some(file)) => from_file(api, file),
        (Some(variable), None) => from_environment(api, variable).map(|key| (key, None)),
        (None, None) => from_environment(api, VARIABLE).map(|key| (key, None)),
    }
}

fn from_environment(api: &str, variable: &str) -> Result<SecretString, SettingsError> {
    match std::env::var(variable) {
        Ok(key) if !key.trim().is_empty() => Ok(SecretString::from(key.trim())),
        _ => Err(SettingsError::Key {
            api: api.to_owned(),
            problem: format!(
                "has no key: set the environment variable {variable}, or [apis.{api}] key_env or key_file in the config"
            ),
        }),
    }
}

fn from_file(api: &str, file: &Path) -> Result<(SecretString, Option<String>), SettingsError> {
    let wrong = |problem: String| SettingsError::Key { api: api.to_owned(), problem };
    let text = std::fs::read_to_string(file).map_err(|e| {
        wrong(format!(
            "has a key_file that cannot be read: {}: {e}; mend the path under [apis.{api}] or the file's permissions",
            file.display()
        ))
    })?;
    let key = text.trim();
    if key.is_empty() || key.contains(char::is_whitespace) {
        return Err(wrong(format!(
            "has a key_file that does not hold one key alone: {}; write the key into it and nothing else",
            file.display()
        )));
    }
    let warning = readable_by_others(file).then(|| {
        format!("the key file {} can be read by others; mend it with: chmod 600 {}", file.display(), file.display())
    });
    Ok((SecretString::from(key), warning))
}

#[cfg(unix)]
fn readable_by_others(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|meta| meta.permissions().mode() & 0o007 != 0)
}
