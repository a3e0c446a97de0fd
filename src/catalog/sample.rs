//! The sample catalog that the binary carries, so that Postern shows something from any folder: Halyard
//! Ferries, a company that does not exist, from `examples/catalog`.

/// Every file of `examples/catalog`, in order of path; a test compares the two.
pub const FILES: &[(&str, &str)] = &[
    ("ai.yaml", include_str!("../../examples/catalog/ai.yaml")),
    ("all.yaml", include_str!("../../examples/catalog/all.yaml")),
    ("apis/apis.yaml", include_str!("../../examples/catalog/apis/apis.yaml")),
    ("apis/arrivals.openapi.yaml", include_str!("../../examples/catalog/apis/arrivals.openapi.yaml")),
    ("apis/bookings.openapi.yaml", include_str!("../../examples/catalog/apis/bookings.openapi.yaml")),
    (
        "apis/crossing-events.asyncapi.yaml",
        include_str!("../../examples/catalog/apis/crossing-events.asyncapi.yaml"),
    ),
    (
        "apis/crossing-status.openapi.yaml",
        include_str!("../../examples/catalog/apis/crossing-status.openapi.yaml"),
    ),
    ("apis/fares.openapi.yaml", include_str!("../../examples/catalog/apis/fares.openapi.yaml")),
    ("apis/lanes.proto", include_str!("../../examples/catalog/apis/lanes.proto")),
    ("apis/manifest.openapi.yaml", include_str!("../../examples/catalog/apis/manifest.openapi.yaml")),
    ("apis/payments.openapi.yaml", include_str!("../../examples/catalog/apis/payments.openapi.yaml")),
    ("apis/timetable.graphql", include_str!("../../examples/catalog/apis/timetable.graphql")),
    ("components.yaml", include_str!("../../examples/catalog/components.yaml")),
    ("domains.yaml", include_str!("../../examples/catalog/domains.yaml")),
    ("org/groups.yaml", include_str!("../../examples/catalog/org/groups.yaml")),
    ("org/users.yaml", include_str!("../../examples/catalog/org/users.yaml")),
    ("resources.yaml", include_str!("../../examples/catalog/resources.yaml")),
    ("systems.yaml", include_str!("../../examples/catalog/systems.yaml")),
    ("templates/all.yaml", include_str!("../../examples/catalog/templates/all.yaml")),
    (
        "templates/harbour-page/skeleton/index.html",
        include_str!("../../examples/catalog/templates/harbour-page/skeleton/index.html"),
    ),
    (
        "templates/harbour-page/template.yaml",
        include_str!("../../examples/catalog/templates/harbour-page/template.yaml"),
    ),
    (
        "templates/quay-service/skeleton/Cargo.toml",
        include_str!("../../examples/catalog/templates/quay-service/skeleton/Cargo.toml"),
    ),
    (
        "templates/quay-service/skeleton/README.md",
        include_str!("../../examples/catalog/templates/quay-service/skeleton/README.md"),
    ),
    (
        "templates/quay-service/skeleton/catalog-info.yaml",
        include_str!("../../examples/catalog/templates/quay-service/skeleton/catalog-info.yaml"),
    ),
    (
        "templates/quay-service/skeleton/src/main.rs",
        include_str!("../../examples/catalog/templates/quay-service/skeleton/src/main.rs"),
    ),
    (
        "templates/quay-service/template.yaml",
        include_str!("../../examples/catalog/templates/quay-service/template.yaml"),
    ),
    (
        "templates/runbook/skeleton/docs/${{ values.name }}.md",
        include_str!("../../examples/catalog/templates/runbook/skeleton/docs/${{ values.name }}.md"),
    ),
    (
        "templates/runbook/template.yaml",
        include_str!("../../examples/catalog/templates/runbook/template.yaml"),
    ),
];

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::super::load::{Severity, load, read};
    use super::FILES;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/catalog")
    }

    fn names(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            match entry.file_type().unwrap().is_dir() {
                true => names(&entry.path(), &format!("{name}/"), found),
                false => found.push(name),
            }
        }
    }

    #[test]
    fn the_binary_carries_every_file_of_the_folder_and_no_other() {
        let mut found = Vec::new();
        names(&folder(), "", &mut found);
        found.sort_unstable();
        assert_eq!(FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>(), found);
    }

    #[test]
    fn the_sample_is_sound_has_every_kind_and_is_the_same_from_the_folder() {
        let carried = read(&crate::catalog::load::From { paths: &[], demo: true, sources: &[] }, None).0;
        assert_eq!(carried.problems, []);
        let mut kinds: Vec<_> = carried.entities.iter().map(|e| e.value["kind"].as_str().unwrap()).collect();
        assert!(kinds.len() >= 60, "{}", kinds.len());
        assert_eq!(kinds.iter().filter(|kind| **kind == "Template").count(), 3);
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), super::super::schema::KINDS.len(), "{kinds:?}");
        let read = load(&[folder()]);
        assert!(
            read.problems.iter().all(|problem| problem.severity == Severity::Note),
            "{:?}",
            read.problems
        );
        let references = |loaded: &super::super::Loaded| {
            let mut references: Vec<_> = loaded.entities.iter().map(|e| e.reference.clone()).collect();
            references.sort_unstable();
            references
        };
        assert_eq!(references(&carried), references(&read));
    }
}
