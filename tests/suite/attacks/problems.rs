//! Attacks on what is said of broken descriptors: what is hidden, or would be if it were sound, shows by what is wrong with it (H07).

use std::fs;

use serde_json::json;

use super::access::{everyone, publish, rest};
use crate::support::World;
use crate::support::mcp::granted;
use crate::support::modern::ask;

const HEAD: &str = "apiVersion: backstage.io/v1alpha1\n";

#[tokio::test]
async fn attack_h07_what_is_wrong_with_what_is_hidden_is_told_to_nobody_it_is_hidden_from() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    // Sound but for its owner, and broken; of a kind that is shown, and of one that is hidden.
    let spec = "spec: {type: a, lifecycle: b, owner: nobody}\n";
    let api = "spec: {type: a, lifecycle: b, owner: nobody, definition: x}\n";
    write("shown.yaml", &format!("{HEAD}kind: Component\nmetadata: {{name: shown}}\n{spec}"));
    write(
        "broken.yaml",
        &format!("{HEAD}kind: API\nmetadata: {{name: zanzibar-broken}}\nspec: {{type: a}}\n"),
    );
    write("unread.yaml", &format!("{HEAD}kind: [zanzibar-unread\n"));
    let paths = folder.path().display().to_string();
    let world = World::with(None, &[("catalog.paths", &paths)]).await;
    let token = granted(&world.app, "ada", "catalog:read").await;
    let told = async || {
        let mut all = String::new();
        for arguments in [
            json!({}),
            json!({"entityRef": "api:default/zanzibar-broken"}),
            json!({"entityRef": "api:default/zanzibar"}),
        ] {
            let call = json!({"name": "catalog:get-entity-problems", "arguments": arguments});
            let text = ask(&world.router, &token, "tools/call", call).await.text;
            let query =
                arguments["entityRef"].as_str().map(|of| format!("?entityRef={of}")).unwrap_or_default();
            let rest = rest(&world, &token, &format!("/entity-problems{query}"), None).await;
            assert_eq!(text.contains("message"), rest.contains("message"), "{text}\n{rest}");
            all += &format!("{text}\n{rest}\n");
        }
        all
    };
    let open = told().await;
    assert!(open.contains("zanzibar-broken") && open.contains("nobody"), "{open}");
    let hides = json!({"permission": "catalog.entity.read", "effect": "deny",
        "when": {"rule": "IS_ENTITY_KIND", "params": {"kinds": ["API"]}}});
    publish(&world, everyone(json!([{"permission": "catalog.entity.read"}, hides]))).await;
    let silent = |told: &str| {
        let secret = ["broken.yaml", "unread.yaml"].into_iter().find(|word| told.contains(word));
        assert_eq!(secret, None, "{told}");
        assert!(
            told.contains("component:default/shown"),
            "what is wrong with what they see they hear: {told}"
        );
    };
    // Nothing that is in the catalog is hidden: what is broken would be.
    assert_eq!(world.app.catalog.index().len(), 1);
    silent(&told().await);
    write("hidden.yaml", &format!("{HEAD}kind: API\nmetadata: {{name: zanzibar}}\n{api}"));
    world.app.catalog.refresh();
    assert_eq!(world.app.catalog.index().len(), 2);
    let hidden = told().await;
    silent(&hidden);
    assert!(!hidden.contains("hidden.yaml"), "{hidden}");
}
