//! All profiles that a process knows: the built-in ones and those of the user's files.

use std::path::{Path, PathBuf};

use super::codes::{CodeTable, Explanation};
use super::profile::Profile;

const SYSTEM: &str = include_str!("juhe/system.toml");
const BUILT_IN: [&str; 2] = [include_str!("juhe/ctcc-call-duration.toml"), include_str!("juhe/cucc-tenure.toml")];

/// Why profiles can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error("cannot read the profile {}: {error}", path.display())]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("profile {}: {problem}", path.display())]
    Wrong { path: PathBuf, problem: String },
    #[error("the profile {} has the id '{id}', which another profile has already", path.display())]
    Twice { path: PathBuf, id: String },
    #[error("there is no API '{id}'{}; known: {known}", nearest.as_ref().map(|n| format!(" (did you mean '{n}'?)")).unwrap_or_default())]
    Unknown { id: String, nearest: Option<String>, known: String },
}

/// The profiles by id, and the vendor's system codes.
#[derive(Clone, Debug)]
pub struct Catalogue {
    profiles: Vec<Profile>,
    system: CodeTable,
}

impl Catalogue {
    /// The profiles that are built in.
    pub fn built_in() -> Self {
        let system: CodeTable =
            toml::from_str(SYSTEM).unwrap_or_else(|e| panic!("the embedded system.toml is not as it should be: {e}"));
        let profiles = BUILT_IN
            .iter()
            .map(|text| {
                parse(text, &system).unwrap_or_else(|e| panic!("an embedded profile is not as it should be: {e}"))
            })
            .collect();
        Catalogue { profiles, system }
    }

    /// The built-in profiles and those of the user's files.
    pub fn with_files<P: AsRef<Path>>(files: &[P]) -> Result<Self, CatalogueError> {
        let mut catalogue = Catalogue::built_in();
        for path in files {
            let path = path.as_ref().to_owned();
            let text = std::fs::read_to_string(&path)
                .map_err(|error| CatalogueError::Unreadable { path: path.clone(), error })?;
            let profile = parse(&text, &catalogue.system)
                .map_err(|problem| CatalogueError::Wrong { path: path.clone(), problem })?;
            if catalogue.profiles.iter().any(|known| known.id == profile.id) {
                return Err(CatalogueError::Twice { path, id: profile.id.to_string() });
            }
            catalogue.profiles.push(profile);
        }
        Ok(catalogue)
    }

    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// The profile of an id.
    pub fn get(&self, id: &str) -> Result<&Profile, CatalogueError> {
        self.profiles.iter().find(|profile| profile.id.as_str() == id).ok_or_else(|| {
            let ids = || self.profiles.iter().map(|profile| profile.id.as_str());
            CatalogueError::Unknown {
                id: id.to_owned(),
                nearest: ids().find(|known| strsim::jaro_winkler(known, id) > 0.8).map(str::to_owned),
                known: ids().collect::<Vec<_>>().join(", "),
            }
        })
    }

    /// A system code, or a code of the profiles that document it.
    pub fn explain(&self, seen: i64) -> Option<(Explanation<'_>, Vec<&Profile>)> {
        if let Some(explanation) = self.system.explain(seen) {
            return Some((explanation, self.profiles.iter().collect()));
        }
        let documenting: Vec<_> = self.profiles.iter().filter(|p| p.codes.get(seen).is_some()).collect();
        let explanation = documenting.first()?.codes.explain(seen)?;
        Some((explanation, documenting))
    }
}

fn parse(text: &str, system: &CodeTable) -> Result<Profile, String> {
    let mut profile: Profile = toml::from_str(text).map_err(|e| e.to_string())?;
    profile.codes = std::mem::take(&mut profile.codes).over(system);
    profile.check()?;
    Ok(profile)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::verdict::CodeClass;

    #[test]
    fn the_columns_are_those_of_the_contract() {
        let catalogue = Catalogue::built_in();
        assert_eq!(
            catalogue.get("ctcc-call-duration").expect("built in").columns().join(" "),
            "ctcc_status ctcc_calling_code ctcc_calling_minutes ctcc_called_code ctcc_called_minutes ctcc_error_code \
             ctcc_reason ctcc_order_id ctcc_queried_at ctcc_data_month"
        );
        assert_eq!(
            catalogue.get("cucc-tenure").expect("built in").columns().join(" "),
            "cucc_status cucc_tenure_code cucc_tenure_months cucc_error_code cucc_reason cucc_order_id cucc_queried_at"
        );
    }

    #[test]
    fn every_documented_code_has_its_class() {
        let catalogue = Catalogue::built_in();
        let ctcc = &catalogue.get("ctcc-call-duration").expect("built in").codes;
        let class = |code: i64| ctcc.get(code).map(|c| c.class(true));
        assert_eq!(class(10014), Some(CodeClass::Doubt));
        assert_eq!(ctcc.get(10014).map(|c| c.class(false)), Some(CodeClass::Retry));
        assert_eq!(class(232403), Some(CodeClass::NoRecord));
        assert_eq!(class(234803), None, "the other API's code is unknown here");
        assert_eq!(ctcc.from_old(112), Some(10012));
        assert_eq!(ctcc.iter().count(), 14 + 1 + 4);
    }

    #[test]
    fn an_unknown_api_is_answered_with_the_nearest() {
        let error = Catalogue::built_in().get("cucc-tenur").expect_err("unknown").to_string();
        assert!(error.contains("did you mean 'cucc-tenure'"), "{error}");
        assert!(error.contains("ctcc-call-duration"), "{error}");
    }
}
