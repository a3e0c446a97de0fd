use std::fs;

use super::*;

const GOOD: &str = "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: NAME}\nspec: {type: team, children: []}\n";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn read(folder: &tempfile::TempDir, path: &str) -> (Vec<String>, Vec<String>) {
    let loaded = load(&[folder.path().join(path)]);
    let mut names: Vec<_> = loaded.entities.iter().map(|e| e.reference.to_string()).collect();
    names.sort_unstable();
    let says = |p: &Problem| format!("{:?} {}:{} {}", p.severity, p.place.file, p.place.document, p.message);
    (names, loaded.problems.iter().map(says).collect())
}

fn good(name: &str) -> String {
    GOOD.replace("NAME", name)
}

#[test]
fn good_entities_of_a_file_load_beside_bad_ones() {
    let text = format!("{}---\nkind: Group\n---\na: [\n---\n{}", good("a"), good("b"));
    let folder = folder(&[("catalog-info.yaml", &text)]);
    let (names, problems) = read(&folder, "");
    assert_eq!(names, ["group:default/a", "group:default/b"]);
    assert!(
        problems[0].starts_with("Error catalog-info.yaml:2 <root> must have required property 'apiVersion'")
    );
    assert!(
        problems.iter().any(|p| p.starts_with("Error catalog-info.yaml:3 YAML parsing error: ")),
        "{problems:?}"
    );
}

#[test]
fn a_folder_is_walked_without_what_templates_copy_and_what_is_not_a_descriptor() {
    let template = "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: {name: t}\nspec:\n  type: service\n  steps:\n    - {id: a, action: 'fetch:template', input: {url: ./content}}\n    - {id: b, action: 'fetch:plain', input: {url: ./}}\n";
    let folder = folder(&[
        ("deep/down/catalog-info.yaml", &good("a")),
        ("t/template.yaml", template),
        ("t/content/catalog-info.yaml", &good("copied")),
        ("t/skeleton/x.yaml", &good("named")),
        ("${{values.x}}.yaml", &good("templated")),
        (".git/x.yaml", &good("hidden")),
        ("node_modules/x.yaml", &good("module")),
        ("k8s.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n"),
        ("notes.txt", "apiVersion: backstage.io/v1alpha1\n"),
    ]);
    let (names, problems) = read(&folder, "");
    assert_eq!(names, ["group:default/a", "template:default/t"]);
    assert_eq!(problems, ["Note k8s.yaml:1 not a descriptor: no apiVersion of backstage.io"]);
    let (names, problems) = read(&folder, "k8s.yaml");
    assert!(
        names.is_empty() && problems[0].contains("No processor recognized the entity deployment:default/x")
    );
}

#[test]
fn locations_are_followed_inside_the_root_and_urls_are_noted() {
    let location = "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: NAME}\nspec:\n  targets: TARGETS\n";
    let of = |name: &str, targets: &str| location.replace("NAME", name).replace("TARGETS", targets);
    let folder = folder(&[
        ("all.yaml", &of("all", "[./org/a.yaml, org/more.yaml, 'https://a.example/b.yaml']")),
        ("org/a.yaml", &good("a")),
        ("org/more.yaml", &of("more", "[../all.yaml, '*b.yaml', ../../out.yaml, none.yaml]")),
        ("org/b.yaml", &good("b")),
    ]);
    let (names, problems) = read(&folder, "all.yaml");
    assert_eq!(
        names,
        ["group:default/a", "group:default/b", "location:default/all", "location:default/more"]
    );
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert_eq!(problems[0], "Note all.yaml:1 not fetched here: https://a.example/b.yaml");
    assert!(problems[1].contains("leads out") && problems[2].contains("the target none.yaml cannot be read"));
    let loaded = load(&[folder.path().join("all.yaml")]);
    let b = loaded.entities.iter().find(|e| e.reference.name() == "b").unwrap();
    assert_eq!(
        b.value["metadata"]["annotations"]["backstage.io/managed-by-origin-location"],
        "file:all.yaml"
    );
    let absolute = b.files.absolute(&b.place.file).unwrap();
    assert_eq!(absolute, folder.path().canonicalize().unwrap().join("org/b.yaml"));
}

#[test]
fn an_optional_target_may_be_missing_and_a_missing_path_is_an_error() {
    let text = "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: l}\nspec: {type: file, target: none.yaml, presence: optional}\n";
    let folder = folder(&[("l.yaml", text)]);
    assert!(read(&folder, "l.yaml").1.is_empty());
    assert!(read(&folder, "gone.yaml").1[0].starts_with("Error gone.yaml:1 "));
    assert!(read(&folder, "gone/").1[0].starts_with("Error "));
}

#[test]
fn the_second_of_two_entities_of_one_name_is_refused() {
    let folder = folder(&[("a.yaml", &good("same")), ("b.yaml", &good("Same"))]);
    let (names, problems) = read(&folder, "");
    assert_eq!(names, ["group:default/same"]);
    assert!(
        problems[0].starts_with("Error b.yaml:1 Detected conflicting entityRef group:default/same"),
        "{problems:?}"
    );
}

#[test]
fn a_bad_reference_takes_its_entity_out_and_a_dangling_one_is_a_warning() {
    let component = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: NAME}\nspec: {type: a, lifecycle: b, owner: gone, dependsOn: [DEP]}\n";
    let text = format!(
        "{}---\n{}",
        component.replace("NAME", "x").replace("DEP", "nokind"),
        component.replace("NAME", "y").replace("DEP", "component:x")
    );
    let folder = folder(&[("catalog-info.yaml", &text)]);
    let (names, problems) = read(&folder, "");
    assert_eq!(names, ["component:default/y"]);
    assert!(
        problems.iter().any(|p| p.starts_with("Error ") && p.contains("missing or empty kind")),
        "{problems:?}"
    );
    assert!(
        problems
            .iter()
            .any(|p| p.contains("spec.owner refers to group:default/gone, which is not in the catalog"))
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn whatever_a_file_holds_it_is_read_or_refused(
        text in "[-a-z:{}\\[\\]&*!|>'\"#%@\\n ]{0,200}", bytes in proptest::collection::vec(0..=255_u8, 0..100),
    ) {
        let folder = folder(&[("a.yaml", &text)]);
        std::fs::write(folder.path().join("b.yaml"), bytes).unwrap();
        let loaded = load(&[folder.path().join("a.yaml"), folder.path().join("b.yaml")]);
        proptest::prop_assert!(loaded.entities.is_empty());
    }

    #[test]
    fn whatever_a_field_holds_the_entity_is_taken_or_refused(
        place in 0..8_usize, odd in proptest::sample::select(vec!["null", "1", "''", "[]", "{}", "[1]", "{a: 1}", "' '", "é", "a/b/c", "':'"]),
    ) {
        let fields = ["apiVersion: backstage.io/v1alpha1", "kind: Component", "metadata: {name: x}", "spec: {type: a, lifecycle: b, owner: c}"];
        let mut lines: Vec<String> = fields.iter().map(|line| (*line).to_owned()).collect();
        let odd_lines = [
            format!("apiVersion: {odd}"), format!("kind: {odd}"), format!("metadata: {odd}"), format!("spec: {odd}"),
            format!("metadata: {{name: {odd}}}"), format!("metadata: {{name: x, namespace: {odd}}}"),
            format!("metadata: {{name: x, tags: {odd}, links: {odd}, labels: {odd}, annotations: {odd}}}"),
            format!("spec: {{type: a, lifecycle: b, owner: {odd}, dependsOn: {odd}, providesApis: {odd}}}"),
        ];
        let replaced = [0, 1, 2, 3, 2, 2, 2, 3][place];
        lines[replaced] = odd_lines[place].clone();
        let folder = folder(&[("catalog-info.yaml", &lines.join("\n"))]);
        let loaded = load(&[folder.path().to_owned()]);
        proptest::prop_assert!(loaded.entities.len() == 1 || loaded.problems.iter().any(|p| p.severity == Severity::Error));
    }
}
