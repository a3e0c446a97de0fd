//! What stands beside a descriptor: the skeleton that a template copies, and the Markdown that explains an entity.
//!
//! Documentation is where Backstage's TechDocs look: the folder of `backstage.io/techdocs-ref: dir:…`, else the
//! descriptor's own. Of it, Markdown at its top and in `docs/`. Everything is read through [`super::files`], so nothing
//! outside the catalog's folder is, and what is hidden (`.env`, `.git`) is never named or read.

use serde_json::Value;

use super::files::{is_visible, resolve};
use super::index::Index;
use crate::limits;

/// What kind of attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The files that a template copies.
    Skeleton,
    /// Markdown.
    Docs,
}

/// Whether an entity has such, as far as its descriptor says; nothing is read to answer.
pub fn is_said(entity: &Value, kind: Kind) -> bool {
    match kind {
        Kind::Skeleton => !skeletons(entity).is_empty(),
        Kind::Docs => techdocs(entity).is_some(),
    }
}

/// The files of `reference`, by the names that [`read`] takes, in order. Reads folders, so it may wait for a disk.
pub fn names(index: &Index, reference: &str, kind: Kind) -> Vec<String> {
    let Some((entity, (files, file))) = index.get(reference).zip(index.source(reference)) else {
        return Vec::new();
    };
    let mut found: Vec<String> = folders(entity, file, kind)
        .iter()
        .flat_map(|folder| {
            let below = files.below(folder, limits::ATTACHED_FILES_MAX);
            below.into_iter().filter_map(|path| inside(&path, folder).map(str::to_owned))
        })
        .filter(|name| kind == Kind::Skeleton || is_document(name))
        .collect();
    found.sort_unstable();
    found.dedup();
    found.truncate(limits::ATTACHED_FILES_MAX);
    found
}

/// The text of the file `name` of `reference`. May wait for a disk.
pub fn read(index: &Index, reference: &str, kind: Kind, name: &str) -> Option<String> {
    let (entity, (files, file)) = index.get(reference).zip(index.source(reference))?;
    // Before anything is opened: `..`, an absolute path or a hidden file is no name of ours (attack A-paths).
    if !is_plain(name) || kind == Kind::Docs && !is_document(name) {
        return None;
    }
    let text = |folder: &String| {
        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        files.read(&path, limits::ATTACHED_BYTES_MAX).ok()
    };
    folders(entity, file, kind).iter().find_map(text)
}

fn folders(entity: &Value, file: &str, kind: Kind) -> Vec<String> {
    let targets = match kind {
        Kind::Skeleton => skeletons(entity),
        Kind::Docs => vec![techdocs(entity).unwrap_or(".")],
    };
    let folders = targets.into_iter().filter_map(|target| resolve(file, target).ok());
    folders.filter(|folder| is_visible(folder)).collect()
}

fn techdocs(entity: &Value) -> Option<&str> {
    entity["metadata"]["annotations"]["backstage.io/techdocs-ref"].as_str()?.strip_prefix("dir:")
}

/// The relative URLs of a template's `fetch:` steps. Remote ones are somebody else's to read.
fn skeletons(entity: &Value) -> Vec<&str> {
    let steps = entity["spec"]["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let fetches = |step: &&Value| step["action"].as_str().is_some_and(|action| action.starts_with("fetch:"));
    let urls = steps.iter().filter(fetches).filter_map(|step| step["input"]["url"].as_str());
    urls.filter(|url| !url.contains("${{") && !url.contains(':')).collect()
}

fn is_document(name: &str) -> bool {
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
    name.to_ascii_lowercase().ends_with(".md")
        && (folder.is_empty() || folder == "docs" || folder.starts_with("docs/"))
}

/// Whether a name stays inside the folder it is joined to, and names nothing hidden.
fn is_plain(name: &str) -> bool {
    !name.contains(['\\', '\0']) && is_visible(name) && name.split('/').all(|part| !part.is_empty())
}

fn inside<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    if folder.is_empty() { Some(path) } else { path.strip_prefix(folder)?.strip_prefix('/') }
}

#[cfg(test)]
mod tests {
    use super::super::Catalog;
    use super::*;

    #[test]
    fn the_skeleton_of_a_template_is_named_and_read() {
        let index = Catalog::sample().index();
        let template = "template:default/quay-service";
        assert_eq!(
            names(&index, template, Kind::Skeleton),
            ["Cargo.toml", "README.md", "catalog-info.yaml", "src/main.rs"]
        );
        assert!(is_said(index.get(template).unwrap(), Kind::Skeleton));
        for name in names(&index, template, Kind::Skeleton) {
            assert!(read(&index, template, Kind::Skeleton, &name).is_some(), "{name}");
        }
        assert!(names(&index, "component:default/arrivals-service", Kind::Skeleton).is_empty());
        assert!(names(&index, "component:default/none", Kind::Docs).is_empty());
    }

    #[test]
    fn documentation_is_markdown_of_the_named_folder_or_beside_the_descriptor() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let entity = |name: &str, more: &str| {
            format!(
                "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata:\n  name: {name}\n{more}spec: {{owner: user:a}}\n"
            )
        };
        write("a/catalog-info.yaml", &entity("a", ""));
        let said = "  annotations: {backstage.io/techdocs-ref: 'dir:./manual'}\n";
        write("b/catalog-info.yaml", &entity("b", said));
        let out = "  annotations: {backstage.io/techdocs-ref: 'dir:../../..'}\n";
        write("c/catalog-info.yaml", &entity("c", out));
        for path in [
            "a/README.md",
            "a/docs/x/deep.md",
            "a/src/no.md",
            "a/.hidden.md",
            "a/docs/.git/x.md",
            "a/docs/key.pem",
        ] {
            write(path, path);
        }
        write("b/manual/docs/index.md", "# B");
        write("b/README.md", "not of the manual");
        let index = Catalog::open(&[folder.path().to_owned()], false).0.index();
        let docs = |name: &str| names(&index, &format!("system:default/{name}"), Kind::Docs);
        assert_eq!(docs("a"), ["README.md", "docs/x/deep.md"]);
        assert_eq!(docs("b"), ["docs/index.md"]);
        assert_eq!(docs("c"), Vec::<String>::new());
        assert_eq!(read(&index, "system:default/b", Kind::Docs, "docs/index.md").unwrap(), "# B");
    }

    #[test]
    fn attack_a_descriptor_publishes_nothing_that_is_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let hidden = ["./.git", ".git/refs", "x/../.git", "./node_modules/a", "docs/.cache"];
        for (n, target) in hidden.iter().enumerate() {
            write(
                &format!("t{n}.yaml"),
                &format!(
                    "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: {{name: t{n}}}\nspec:\n  \
                     type: a\n  owner: user:a\n  steps: [{{id: a, action: 'fetch:template', input: {{url: '{target}'}}}}]\n"
                ),
            );
            write(
                &format!("s{n}.yaml"),
                &format!(
                    "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata:\n  name: s{n}\n  annotations: \
                     {{backstage.io/techdocs-ref: 'dir:{target}'}}\nspec: {{owner: user:a}}\n"
                ),
            );
        }
        for path in [".git/README.md", ".git/refs/a.md", "node_modules/a/a.md", "docs/.cache/a.md", "x/a.md"]
        {
            write(path, "secret");
        }
        let index = Catalog::open(&[folder.path().to_owned()], false).0.index();
        for (n, target) in hidden.iter().enumerate() {
            for (kind, reference) in [
                (Kind::Skeleton, format!("template:default/t{n}")),
                (Kind::Docs, format!("system:default/s{n}")),
            ] {
                assert!(is_said(index.get(&reference).unwrap(), kind), "{target}");
                assert_eq!(names(&index, &reference, kind), Vec::<String>::new(), "{target}");
                for name in ["README.md", "a.md"] {
                    assert_eq!(read(&index, &reference, kind, name), None, "{target} {name}");
                }
            }
        }
    }

    #[test]
    fn attack_a_name_that_leads_elsewhere_reads_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("a/docs")).unwrap();
        std::fs::write(folder.path().join("secret.md"), "s").unwrap();
        std::fs::write(folder.path().join("a/.env"), "s").unwrap();
        std::fs::write(folder.path().join("a/docs/.hidden.md"), "s").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("a/docs/link.md")).unwrap();
        let text =
            "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {name: a}\nspec: {owner: user:a}\n";
        std::fs::write(folder.path().join("a/catalog-info.yaml"), text).unwrap();
        let index = Catalog::open(&[folder.path().to_owned()], false).0.index();
        for name in [
            "../secret.md",
            "docs/../../secret.md",
            "/etc/hostname",
            "/etc/hostname.md",
            ".env",
            "docs/.hidden.md",
            "docs/link.md",
            "docs//x.md",
            "",
            ".",
            "docs\\..\\..\\secret.md",
            "catalog-info.yaml",
            "docs/a\0.md",
        ] {
            assert_eq!(read(&index, "system:default/a", Kind::Docs, name), None, "{name:?}");
        }
    }
}
