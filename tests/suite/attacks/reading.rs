//! Attacks on what only reads: answers that are too large.

use std::fs;

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::support::World;
use crate::support::mcp::granted;

async fn rest(world: &World, token: &str, path: &str, body: Option<Value>) -> u16 {
    let request = Request::builder().method(if body.is_some() { "POST" } else { "GET" });
    let request = request
        .uri(format!("/api/catalog{path}"))
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"));
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    world.send(request.body(body).unwrap()).await.status().as_u16()
}

/// J: one name asked for a thousand times, or a catalog of giants, is memory that one small request takes.
#[tokio::test]
async fn attack_j_an_answer_has_an_end_however_often_an_entity_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("big.txt"), "x".repeat(1_000_000)).unwrap();
    for n in 0..5 {
        let texts: String = (0..16).map(|n| format!("  t{n}: {{$text: big.txt}}\n")).collect();
        let entity = format!(
            "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {{name: big-{n}}}\nspec:\n  type: a\n  \
             lifecycle: b\n  owner: c\n{texts}"
        );
        fs::write(folder.path().join(format!("{n}.yaml")), entity).unwrap();
    }
    let paths = folder.path().display().to_string();
    let world = World::with(None, &[("catalog.paths", &paths)]).await;
    let token = granted(&world.app, "ada", "catalog:read").await;
    let named = |count: usize| json!(vec!["component:default/big-1"; count]);
    let refs = |count| json!({"entityRefs": named(count)});
    assert_eq!(rest(&world, &token, "/entities/by-refs", Some(refs(3))).await, 200);
    assert_eq!(rest(&world, &token, "/entities/by-refs", Some(refs(5))).await, 400);
    let less = json!({"entityRefs": named(1_000), "fields": ["kind"]});
    assert_eq!(rest(&world, &token, "/entities/by-refs", Some(less)).await, 200, "asking for less helps");
    for (path, status) in [
        ("/entities", 400),
        ("/entities?limit=3", 200),
        ("/entities?fields=kind", 200),
        ("/entities/by-query", 400),
        ("/entities/by-query?limit=3", 200),
    ] {
        assert_eq!(rest(&world, &token, path, None).await, status, "{path}");
    }
}
