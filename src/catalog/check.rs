//! `postern catalog check PATH`: what a folder of descriptors holds, and what is wrong with it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::load::{Problem, Severity, load};

/// What was found at a path.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The path, as it was given.
    pub path: String,
    /// How many files were read as descriptors.
    pub files: usize,
    /// How many sound entities they hold.
    pub entities: usize,
    /// How many of each kind.
    pub kinds: BTreeMap<String, usize>,
    /// Documents that would not be in the catalog.
    pub errors: Vec<Problem>,
    /// What is probably not meant, such as an owner that does not exist.
    pub warnings: Vec<Problem>,
    /// What was passed over on purpose.
    pub notes: Vec<Problem>,
}

/// Reads the descriptors at `path`, a file or a folder, as the server would.
pub fn check(path: &Path) -> Report {
    let loaded = load(&[path.to_owned()]);
    let mut kinds = BTreeMap::new();
    for entity in &loaded.entities {
        let kind = entity.value["kind"].as_str().unwrap_or_default();
        *kinds.entry(kind.to_owned()).or_default() += 1;
    }
    let mut problems = loaded.problems;
    let mut of = |severity| problems.extract_if(.., |problem| problem.severity == severity).collect();
    Report {
        path: path.display().to_string(),
        files: loaded.files,
        entities: loaded.entities.len(),
        kinds,
        errors: of(Severity::Error),
        warnings: of(Severity::Warning),
        notes: of(Severity::Note),
    }
}

impl Report {
    /// Whether every document would be in the catalog, and there is at least one.
    pub fn is_sound(&self) -> bool {
        self.errors.is_empty() && self.entities > 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (word, problems) in [("error", &self.errors), ("warning", &self.warnings), ("note", &self.notes)]
        {
            for problem in problems {
                write!(f, "{word}: {}:{}: ", problem.place.file, problem.place.line)?;
                if let Some(entity) = &problem.entity {
                    write!(f, "{entity}: ")?;
                }
                writeln!(f, "{}", problem.message)?;
            }
        }
        let kinds: Vec<_> = self.kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let kinds = if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") };
        writeln!(
            f,
            "{}: {} in {}: {kinds}",
            self.path,
            count(self.entities, "entity", "entities"),
            count(self.files, "file", "files")
        )?;
        let (errors, warnings) = (self.errors.len(), self.warnings.len());
        write!(f, "{}, {}", count(errors, "error", "errors"), count(warnings, "warning", "warnings"))
    }
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_file_line_entity_and_fault() {
        let folder = tempfile::tempdir().unwrap();
        let text = "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {name: s}\nspec: {owner: gone}\n---\nkind: System\n";
        std::fs::write(folder.path().join("catalog-info.yaml"), text).unwrap();
        let report = check(folder.path());
        assert!(!report.is_sound());
        let text = report.to_string();
        let says = |line: &str| assert!(text.contains(line), "{text}");
        says(
            "error: catalog-info.yaml:5: <root> must have required property 'apiVersion' - missingProperty: apiVersion\n",
        );
        says(
            "warning: catalog-info.yaml:1: system:default/s: spec.owner refers to group:default/gone, which is not in the catalog\n",
        );
        says("1 entity in 1 file: 1 System\n2 errors, 1 warning");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["errors"][0]["file"], "catalog-info.yaml");
        assert_eq!(json["errors"][0]["document"], 2);
        assert_eq!(json["warnings"][0]["entity"], "system:default/s");
        assert_eq!(json["kinds"]["System"], 1);
    }

    #[test]
    fn an_empty_folder_is_not_sound() {
        let folder = tempfile::tempdir().unwrap();
        let report = check(folder.path());
        assert!(!report.is_sound() && report.errors.is_empty());
        assert!(report.to_string().contains("0 entities in 0 files: none"));
    }
}
