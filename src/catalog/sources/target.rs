//! Which URLs are read, where they really lead, and what is found beside them.

use url::Url;

/// The URL as it is kept and shown: https, no fragment, nothing secret in it.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn parse(text: &str) -> Result<Url, String> {
    let shown = super::super::excerpt(text);
    let Ok(mut url) = Url::parse(text.trim()) else {
        return Err(format!("{shown} is an invalid URL"));
    };
    if url.scheme() != "https" || url.host_str().is_none() {
        return Err(format!("{shown} is not an https URL; nothing else is fetched"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "a URL with a user or a password in it is not kept; put the token into catalog.tokens".to_owned()
        );
    }
    // What is in a URL is in lists, in annotations and in logs.
    if let Some((name, _)) = url.query_pairs().find(|(name, _)| is_secret(name)) {
        return Err(format!(
            "a URL with {} in it is not kept; put the token into catalog.tokens",
            super::super::excerpt(&name)
        ));
    }
    url.set_fragment(None);
    Ok(url)
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["token", "secret", "password", "signature"].iter().any(|word| name.contains(word)) || name == "sig"
}

/// The URL that `target` means where it is written in the file at `from`.
///
/// # Errors
/// As [`parse`].
pub fn join(from: &str, target: &str) -> Result<String, String> {
    let base = parse(from)?;
    let shown = super::super::excerpt(target);
    let joined = base.join(target).map_err(|_| format!("{shown} is an invalid URL"))?;
    parse(joined.as_str()).map(String::from)
}

/// The same, on the host of `from` only: what a placeholder brings in becomes text that every reader sees, so a
/// descriptor says it of its own host or not at all.
///
/// # Errors
/// As [`parse`], and where it is another host's.
pub fn beside(from: &str, target: &str) -> Result<String, String> {
    let joined = join(from, target)?;
    let origin = |url: &str| Url::parse(url).map(|url| url.origin().ascii_serialization()).ok();
    if origin(&joined) != origin(from) {
        return Err("it is on another host than the descriptor; only files beside it are fetched".to_owned());
    }
    Ok(joined)
}

/// Where the bytes of a file are, whose page people link to: GitHub's and GitLab's, as Backstage's readers do it.
pub fn raw(url: &Url) -> Url {
    let mut raw = url.clone();
    let parts: Vec<&str> = url.path().trim_start_matches('/').split('/').collect();
    match (url.host_str(), parts.as_slice()) {
        (Some("github.com"), [owner, name, "blob" | "raw" | "edit", rest @ ..]) if !rest.is_empty() => {
            let path = format!("/{owner}/{name}/{}", rest.join("/"));
            // Both are plain: the host is a constant and the path is a part of one that was parsed.
            if raw.set_host(Some("raw.githubusercontent.com")).is_ok() {
                raw.set_path(&path);
            }
        }
        _ if url.path().contains("/-/blob/") => {
            raw.set_path(&url.path().replacen("/-/blob/", "/-/raw/", 1));
        }
        // Gitea and Forgejo.
        (_, [owner, name, "src", kind @ ("branch" | "tag" | "commit"), rest @ ..]) if !rest.is_empty() => {
            raw.set_path(&format!("/{owner}/{name}/raw/{kind}/{}", rest.join("/")));
        }
        _ => {}
    }
    raw
}

/// Whether a file is of the same repository as another on its host; of a host whose repositories cannot be told apart by
/// their URLs, whether it is in the same folder or below.
pub fn is_of_one_repository(one: &Url, other: &Url) -> bool {
    let (one, other) = (raw(one), raw(other));
    let (path, parts): (_, Vec<&str>) = (one.path(), one.path().split('/').collect());
    let ground = match (one.host_str(), parts.as_slice()) {
        _ if path.contains("/-/") => path.find("/-/").map_or(path, |end| &path[..end + 3]).to_owned(),
        (Some("raw.githubusercontent.com"), [_, owner, name, _, ..]) | (_, [_, owner, name, "raw", ..]) => {
            format!("/{owner}/{name}/")
        }
        _ => path.rfind('/').map_or(path, |end| &path[..=end]).to_owned(),
    };
    // Plain steps upwards are gone with parsing; others' servers may go those that are written in percents.
    let asked = other.path().to_ascii_lowercase();
    one.host_str() == other.host_str()
        && other.path().starts_with(&ground)
        && !asked.contains("..")
        && !asked.contains("%2e")
}

/// The page of a file of a repository, as its host shows it.
pub fn page(repository: &str, revision: &str, path: &str) -> String {
    let bare = repository.trim_end_matches('/').trim_end_matches(".git");
    let host =
        Url::parse(repository).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    if host == "github.com" {
        format!("{bare}/blob/{revision}/{path}")
    } else if host.contains("gitlab") {
        format!("{bare}/-/blob/{revision}/{path}")
    } else {
        format!("{bare}?path=/{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_a_target_that_is_not_a_plain_https_url_is_refused() {
        for bad in [
            "http://a.example/c.yaml",
            "file:///etc/passwd",
            "file:../x",
            "../../etc/passwd",
            "ext::sh -c id",
            "-oProxyCommand=id",
            "--upload-pack=id",
            "ssh://git@a.example/x",
            "git@github.com:a/b.git",
            "https://user:pass@a.example/c.yaml",
            "https://token@a.example/c.yaml",
            "https://a.example/c.yaml?private_token=x",
            "https://a.example/c.yaml?Token=x",
            "data:text/plain,x",
            "",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            parse(" https://a.example/c.yaml?ref=main#L3 ").unwrap().as_str(),
            "https://a.example/c.yaml?ref=main"
        );
    }

    #[test]
    fn attack_another_repository_of_a_shared_host_is_told_from_ones_own() {
        let is_one = |one: &str, other: &str| {
            let url = |path: &str| Url::parse(&format!("https://{path}")).unwrap();
            is_of_one_repository(&url(one), &url(other))
        };
        for (one, other) in [
            ("github.com/a/b/blob/main/x/c.yaml", "github.com/a/b/raw/main/d.yaml"),
            ("gitlab.com/a/b/c/-/blob/main/x/c.yaml", "gitlab.com/a/b/c/-/raw/main/d.yaml"),
            ("git.example/a/b/src/branch/main/x/c.yaml", "git.example/a/b/raw/branch/main/d.yaml"),
            ("a.example/x/c.yaml", "a.example/x/y/d.yaml"),
            ("a.example/c.yaml", "a.example/d.yaml"),
        ] {
            assert!(is_one(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("github.com/a/b/blob/main/c.yaml", "github.com/a/bb/blob/main/d.yaml"),
            ("github.com/a/b/blob/main/c.yaml", "github.com/z/b/raw/main/d.yaml"),
            ("gitlab.com/a/b/-/blob/main/c.yaml", "gitlab.com/a/b/c/-/raw/main/d.yaml"),
            ("gitlab.com/a/b/-/blob/main/c.yaml", "gitlab.com/a/z/-/raw/main/d.yaml"),
            ("git.example/a/b/src/branch/main/c.yaml", "git.example/a/z/raw/branch/main/d.yaml"),
            ("git.example/a/b/src/branch/main/c.yaml", "git.example/a/b/..%2fz/raw/branch/main/d.yaml"),
            ("git.example/a/b/src/branch/main/c.yaml", "git.example/a/b/%2e%2e%2fz/raw/d.yaml"),
            ("a.example/x/y/c.yaml", "a.example/x/d.yaml"),
        ] {
            assert!(!is_one(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_target_is_resolved_against_the_url_it_is_written_in() {
        let from = "https://github.com/acme/shop/blob/main/catalog/all.yaml";
        assert_eq!(join(from, "./a.yaml").unwrap(), "https://github.com/acme/shop/blob/main/catalog/a.yaml");
        assert_eq!(join(from, "../../../../../../x").unwrap(), "https://github.com/x");
        assert_eq!(join(from, "https://b.example/c").unwrap(), "https://b.example/c");
        assert!(join(from, "http://b.example/c").is_err());
        assert!(join(from, "file:///etc/passwd").is_err());
        assert!(beside(from, "./a.md").is_ok());
        for other in [
            "https://b.example/c",
            "//b.example/c",
            "https://github.com:8443/c",
            "https://github.com.evil.example/c",
        ] {
            assert!(beside(from, other).is_err(), "{other}");
        }
    }

    #[test]
    fn pages_of_files_lead_to_their_bytes() {
        for (page, bytes) in [
            (
                "https://github.com/a/b/blob/main/c/d.yaml",
                "https://raw.githubusercontent.com/a/b/main/c/d.yaml",
            ),
            ("https://github.com/a/b", "https://github.com/a/b"),
            ("https://gitlab.com/a/g/b/-/blob/main/d.yaml", "https://gitlab.com/a/g/b/-/raw/main/d.yaml"),
            (
                "https://codeberg.org/a/b/src/branch/main/d.yaml",
                "https://codeberg.org/a/b/raw/branch/main/d.yaml",
            ),
            ("https://a.example/blob/x", "https://a.example/blob/x"),
        ] {
            assert_eq!(raw(&Url::parse(page).unwrap()).as_str(), bytes);
        }
        assert_eq!(
            super::page("https://github.com/a/b.git", "main", "c.yaml"),
            "https://github.com/a/b/blob/main/c.yaml"
        );
    }
}
