//! Why settings make no job. Each error names the flag or key that mends it.

use crate::catalog::CatalogueError;

/// Why a job can't be resolved. Each names the flag or key that mends it.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error("no API is named: pass --api ID (known: {known})")]
    NoApi { known: String },
    #[error(
        "the APIs {one} and {other} cannot be in one run: both have the {what} '{value}'; ask them in two runs, or name one of them only"
    )]
    Alike { one: String, other: String, what: &'static str, value: String },
    #[error("the API {api} {problem}")]
    Key { api: String, problem: String },
    #[error("[apis.{api}] in the config: {problem}")]
    Api { api: String, problem: String },
    #[error("{0}")]
    Wrong(String),
}
