//! Backstage's REST API for reads of the catalog, behind the tokens of the MCP endpoint.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::support::World;
use crate::support::mcp::{granted, granted_at};
use crate::support::world::json as body_of;

async fn ask(world: &World, token: Option<&str>, path: &str, body: Option<Value>) -> http::Response<Body> {
    let mut request = match body {
        Some(_) => Request::post(format!("/api/catalog{path}")).header("content-type", "application/json"),
        None => Request::get(format!("/api/catalog{path}")),
    };
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    world.send(request.header("host", "localhost:8787").body(body).unwrap()).await
}

async fn got(world: &World, token: &str, path: &str) -> Value {
    let response = ask(world, Some(token), path, None).await;
    assert_eq!(response.status(), 200, "{path}");
    body_of(response).await
}

async fn posted(world: &World, token: &str, path: &str, body: Value) -> Value {
    let response = ask(world, Some(token), path, Some(body)).await;
    assert_eq!(response.status(), 200, "{path}");
    body_of(response).await
}

const NAMED: &str = "/entities/by-name/Component/default/arrivals-service";

on_both_engines! {
    async fn entities_are_read_in_the_shapes_of_backstage(world) {
        let token = &granted(&world.app, "ada", "catalog:read").await;
        let entity = got(&world, token, NAMED).await;
        let keys: Vec<_> = entity.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["metadata", "apiVersion", "kind", "spec", "relations"]);
        let ancestry = got(&world, token, &format!("{NAMED}/ancestry")).await;
        assert_eq!(ancestry["rootEntityRef"], "component:default/arrivals-service");
        assert_eq!(ancestry["items"][0]["entity"], entity);
        assert_eq!(ancestry["items"][0]["parentEntityRefs"], json!(["location:default/halyard"]));
        let refs = json!({"entityRefs": ["component:default/arrivals-service", "api:default/gone"], "fields": ["kind"]});
        assert_eq!(posted(&world, token, "/entities/by-refs", refs).await, json!({"items": [{"kind": "Component"}, null]}));
        let facets = json!([{"value": "Component", "count": 1}]);
        for answer in [
            got(&world, token, "/entity-facets?facet=kind&filter=kind=component,metadata.name=arrivals-service").await,
            posted(&world, token, "/entity-facets", json!({"facets": ["kind"], "query": {"kind": "component", "metadata.name": "arrivals-service"}})).await,
        ] {
            assert_eq!(answer, json!({"facets": {"kind": facets}}));
        }
        let users = got(&world, token, "/entities?filter=kind=user&fields=metadata.name&order=desc:metadata.name").await;
        let names: Vec<_> = users.as_array().unwrap().iter().map(|it| it["metadata"]["name"].as_str().unwrap()).collect();
        assert!(names.len() > 5 && names.is_sorted_by(|a, b| a >= b), "{names:?}");
    }

    async fn pages_follow_one_another_to_the_end(world) {
        let token = &granted(&world.app, "ada", "catalog:read").await;
        let first = got(&world, token, "/entities/by-query?filter=kind=component&limit=3&orderField=metadata.name,desc&fields=metadata.name").await;
        let (total, mut seen, mut page) = (first["totalItems"].as_u64().unwrap(), Vec::new(), first);
        loop {
            seen.extend(page["items"].as_array().unwrap().iter().map(|it| it["metadata"]["name"].as_str().unwrap().to_owned()));
            let Some(cursor) = page["pageInfo"]["nextCursor"].as_str() else { break };
            page = got(&world, token, &format!("/entities/by-query?limit=3&cursor={cursor}")).await;
        }
        assert_eq!(seen.len() as u64, total);
        assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
        let all = posted(&world, token, "/entities/by-query", json!({
            "query": {"kind": "Component"}, "limit": 500, "totalItems": "exclude", "orderBy": [{"field": "metadata.name", "order": "desc"}],
            "fields": ["metadata.name"],
        })).await;
        assert_eq!((all["items"].as_array().unwrap().len(), all["totalItems"].clone()), (seen.len(), json!(0)));
        let found = got(&world, token, "/entities/by-query?fullTextFilterTerm=arrivals").await;
        assert!(found["totalItems"].as_u64().unwrap() >= 1);
        let usual = got(&world, token, "/entities/by-query").await;
        assert_eq!(usual["items"].as_array().unwrap().len(), 20);
        let response = ask(&world, Some(token), "/entities?limit=2&fields=kind", None).await;
        let link = response.headers()["link"].to_str().unwrap().to_owned();
        let next = link.strip_prefix('<').and_then(|it| it.strip_suffix(">; rel=\"next\"")).unwrap();
        assert!(next.contains("limit=2") && got(&world, token, next).await.as_array().unwrap().len() == 2, "{next}");
    }

    async fn attack_no_token_another_s_token_and_one_for_less_open_nothing(world) {
        let paths = ["/entities", "/entities/by-query", NAMED, "/entity-facets?facet=kind"];
        let elsewhere = granted_at(&world.app, "bea", "catalog:read", "http://localhost:8787/mcp/catalog").await;
        let less = granted(&world.app, "cleo", "openid").await;
        for path in paths {
            let response = ask(&world, None, path, None).await;
            assert_eq!(response.status(), 401, "{path}");
            let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
            assert!(challenge.starts_with("Bearer resource_metadata=\"http://localhost:8787/.well-known/oauth-protected-resource/mcp\""), "{challenge}");
            let body = body_of(response).await;
            assert_eq!((body["error"]["name"].clone(), body["response"]["statusCode"].clone()), (json!("AuthenticationError"), json!(401)));
            assert_eq!(body["request"], json!({"method": "GET", "url": path}));
            for bad in [elsewhere.as_str(), "nonsense"] {
                let response = ask(&world, Some(bad), path, None).await;
                assert_eq!(response.status(), 401, "{path}");
                assert!(response.headers()["www-authenticate"].to_str().unwrap().contains("invalid_token"));
            }
            let response = ask(&world, Some(&less), path, None).await;
            assert_eq!(response.status(), 403, "{path}");
            let challenge = response.headers()["www-authenticate"].to_str().unwrap();
            assert!(challenge.contains("insufficient_scope") && challenge.contains("catalog:read"), "{challenge}");
        }
    }

    async fn what_cannot_be_used_is_refused_with_a_reason(world) {
        let token = &granted(&world.app, "ada", "catalog:read").await;
        for (path, body, status, why) in [
            ("/entities/by-name/Component/default/nope", None, 404, "No entity named 'nope' found, with kind 'Component' in namespace 'default'"),
            ("/entities/by-query?filter==b", None, 400, "Invalid filter, '=b' is not a valid statement"),
            ("/entities/by-query?limit=x", None, 400, "Invalid limit"),
            ("/entities/by-query?limit=0", None, 400, "Invalid limit"),
            ("/entities/by-query?cursor=x", None, 400, ""),
            ("/entities/by-query?orderField=a,up", None, 400, "must be asc or desc"),
            ("/entities?order=name", None, 400, "expected <asc or desc>:<field name>"),
            ("/entity-facets", None, 400, "Missing facet parameter"),
            ("/entities/by-refs", Some(json!({})), 400, "entityRefs must be a list of strings"),
            ("/entities/by-refs", Some(json!({"entityRefs": [1]})), 400, "entityRefs must be a list of strings"),
            ("/entities/by-refs", Some(json!({"entityRefs": ["a"]})), 400, "missing or empty kind"),
            ("/entities/by-query", Some(json!([])), 400, "must be a JSON object"),
            ("/entities/by-query", Some(json!({"query": {"$like": "x"}})), 400, ""),
        ] {
            let response = ask(&world, Some(token), path, body.clone()).await;
            assert_eq!(response.status(), status, "{path} {body:?}");
            let answer = body_of(response).await;
            let message = answer["error"]["message"].as_str().unwrap();
            assert!(message.contains(why) && !message.is_empty(), "{path}: {message}");
        }
    }
}
