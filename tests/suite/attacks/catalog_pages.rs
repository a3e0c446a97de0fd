//! The pages of the catalog show what strangers wrote in descriptors, to people who are signed in here.

use std::fmt::Write as _;

use http::StatusCode;

use crate::support::World;
use crate::support::browser::{Browser, Seen};
use crate::support::people::PASSWORD;

const MARKUP: &str =
    "</title></h1>\"'><script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)>";
const TURNED: &str = "pay\u{202e}lapyap\u{200b}\u{2066}x";

fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

/// A catalog in which every text that a person can write is hostile.
fn hostile() -> String {
    let nasty = quoted(&format!("{MARKUP} {TURNED}"));
    let mut links = String::new();
    for url in [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "http://plain.example/",
        "https://bank.example@evil.example/",
        "https://good.example/a\"onmouseover=\"alert(1)",
    ] {
        let _ = writeln!(links, "    - {{url: {}, title: {nasty}, icon: {nasty}}}", quoted(url));
    }
    let of = |kind: &str, name: &str, spec: &str| {
        format!(
            "---\napiVersion: backstage.io/v1alpha1\nkind: {kind}\nmetadata:\n  name: {name}\n  title: {nasty}\n  description: {nasty}\n  \
             annotations: {{a.example/x: {nasty}}}\n  links:\n{links}spec:\n{spec}"
        )
    };
    let definition = quoted(&format!(
        "openapi: 3.0.0\npaths:\n  {0}:\n    get: {{summary: {0}, operationId: {0}}}\n",
        quoted(MARKUP)
    ));
    [
        of("Component", "shop", &format!("  type: {nasty}\n  lifecycle: {nasty}\n  owner: team\n  providesApis: [nasty]\n  dependsOn: ['resource:default/gone']\n")),
        of("API", "nasty", &format!("  type: openapi\n  lifecycle: {nasty}\n  owner: team\n  definition: {definition}\n")),
        of("Group", "team", &format!("  type: {nasty}\n  children: []\n  profile: {{displayName: {nasty}, email: {nasty}}}\n")),
    ]
    .concat()
}

/// A server over a hostile catalog, and a browser in which Dana is signed in.
async fn world_of(catalog: &str) -> (World, Browser, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("catalog-info.yaml"), catalog).unwrap();
    let path = folder.path().display().to_string();
    let world = World::with(None, &[("catalog.paths", &path)]).await;
    world.user("dana@acme.dev", PASSWORD).await;
    let mut browser = Browser::default();
    let login = browser.open(&world, "/login").await;
    browser.sign_in(&world, &login, "dana@acme.dev", PASSWORD).await;
    (world, browser, folder)
}

/// Whatever was written, a page holds only what its template has.
fn judge(page: &Seen) {
    assert_eq!(page.status, StatusCode::OK, "{}", page.at);
    let html = &page.text;
    for bad in ["<script", "<img", "onload=alert(1)>", "<svg onload", "onerror=alert(1)>", "</title></h1>"] {
        assert!(!html.contains(bad), "{} has {bad}", page.at);
    }
    // What a choice stands for is sent back as it was written; nobody sees it.
    let seen: String = html
        .split(" value=\"")
        .enumerate()
        .map(|(at, part)| if at == 0 { part } else { part.split_once('"').unwrap().1 })
        .collect();
    assert!(!seen.contains(['\u{202e}', '\u{200b}', '\u{2066}']), "{} turns or hides text", page.at);
    for href in html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(
            href.starts_with('/') && !href.starts_with("//") || href.starts_with("https://good.example/a%22"),
            "{}: {href}",
            page.at
        );
    }
    // Each attribute value that a template quotes ends where the template ends it.
    for tag in html.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
        assert!(!tag.contains(" onmouseover=\"") && !tag.contains(" onerror="), "{}: {tag}", page.at);
    }
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'")
            && !policy.contains("script-src")
            && !policy.contains("unsafe"),
        "{policy}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_d03_nothing_in_a_descriptor_becomes_markup_a_link_elsewhere_or_turned_text() {
    let (world, mut browser, _folder) = world_of(&hostile()).await;
    for path in [
        "/catalog",
        "/catalog?q=pay",
        "/catalog/component/default/shop",
        "/catalog/api/default/nasty",
        "/catalog/group/default/team",
    ] {
        let page = browser.open(&world, path).await;
        judge(&page);
    }
    let page = browser.open(&world, "/catalog/component/default/shop").await;
    assert!(
        page.text.contains("https://good.example/a%22onmouseover=%22alert(1)"),
        "the one good link is there"
    );
    assert_eq!(page.text.matches("not an https address").count(), 5, "{}", page.text);
    assert!(page.text.contains("It refers to resource:gone"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_d03_nothing_that_a_visitor_types_becomes_markup_either() {
    let (world, mut browser, _folder) = world_of(&hostile()).await;
    let nasty: String =
        url::form_urlencoded::byte_serialize(format!("{MARKUP}{TURNED}").as_bytes()).collect();
    for name in ["q", "kind", "type", "owner", "lifecycle", "tag", "cursor"] {
        let page = browser.open(&world, &format!("/catalog?{name}={nasty}")).await;
        assert!(!page.text.contains("<script") && !page.text.contains("<img"), "{name}");
        assert!(page.status.as_u16() < 500, "{name}");
    }
    for path in [
        "/catalog/%3Cscript%3E/default/x",
        "/catalog/a/b/%22onload=%22",
        "/catalog/a:b/c/d",
        "/catalog/a/b/..%2f..%2fetc",
    ] {
        let page = browser.open(&world, path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!page.text.contains("<script>"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_a_definition_as_text_is_nothing_that_a_browser_runs() {
    let (world, mut browser, _folder) = world_of(&hostile()).await;
    let page = browser.open(&world, "/catalog/api/default/nasty/definition").await;
    assert_eq!(page.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
    assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    assert!(page.text.contains("openapi: 3.0.0"));
    let none = browser.open(&world, "/catalog/component/default/shop/definition").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_b10_a_sign_in_goes_on_to_a_page_of_ours_and_nowhere_else() {
    let (world, _, _folder) = world_of(&hostile()).await;
    for (asked, ends) in [
        ("next=/catalog/component/default/shop", "/catalog/component/default/shop"),
        ("next=/catalog", "/catalog"),
        ("next=//evil.example/x", "/account"),
        ("next=javascript:alert(1)/x", "/account"),
        ("next=/catalog/component/default/..", "/account"),
        ("next=/catalog//evil.example", "/account"),
        ("next=/catalog&next=/catalog", "/account"),
        ("next=https://evil.example/", "/account"),
    ] {
        let mut browser = Browser::default();
        let login = browser.open(&world, &format!("/login?{asked}")).await;
        let end = browser.sign_in(&world, &login, "dana@acme.dev", PASSWORD).await;
        assert_eq!(end.at, ends, "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_nobody_who_is_not_signed_in_learns_what_there_is() {
    let (world, _, _folder) = world_of(&hostile()).await;
    for path in [
        "/catalog",
        "/catalog?q=shop",
        "/catalog/component/default/shop",
        "/catalog/component/default/none",
        "/catalog/api/default/nasty/definition",
    ] {
        let page = Browser::default().open(&world, path).await;
        assert!(page.at.starts_with("/login") && page.wants_sign_in(), "{path}: {}", page.at);
        assert!(!page.text.contains("openapi") && !page.text.contains("alert"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_a_page_stays_small_whatever_a_descriptor_holds() {
    let mut text = String::new();
    for n in 0..600 {
        let _ = write!(
            text,
            "---\napiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {{name: c{n}, title: {}, description: {}}}\nspec: {{type: t{n}, lifecycle: l{n}, owner: team}}\n",
            quoted(&"W".repeat(500)),
            quoted(&"d".repeat(5_000))
        );
    }
    text += "---\napiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: team}\nspec: {type: team, children: []}\n";
    let (world, mut browser, _folder) = world_of(&text).await;
    for path in ["/catalog", "/catalog?q=ddd", "/catalog/group/default/team", "/catalog/component/default/c7"]
    {
        let page = browser.open(&world, path).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text.len() < 60_000, "{path} has {} bytes", page.text.len());
    }
}
