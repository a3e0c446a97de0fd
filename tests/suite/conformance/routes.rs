//! What the server says of itself is what it does: the table of routes against the router and the metadata.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use http::{Method, Request, StatusCode};
use postern::ops::serve::table;
use postern::web::route::{Kind, Route};

use crate::support::World;
use crate::support::mcp::granted_at;
use crate::support::world::json as body_of;

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];
const SERVER: &str = "/.well-known/oauth-authorization-server";

async fn ask(world: &World, method: &str, path: &str, token: Option<&str>) -> http::Response<Body> {
    let method: Method = method.parse().unwrap();
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost:8787");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    world.send(request.body(Body::empty()).unwrap()).await
}

/// A path that the row's pattern matches.
fn sample(row: &Route) -> String {
    let filled = row.path.split('/').map(|part| if part.starts_with('{') { "anything" } else { part });
    filled.collect::<Vec<_>>().join("/")
}

fn allowed(response: &http::Response<Body>) -> BTreeSet<String> {
    let value = response.headers().get("allow").map_or("", |value| value.to_str().unwrap());
    value.split(',').map(|method| method.trim().to_owned()).filter(|method| !method.is_empty()).collect()
}

fn answers(row: &Route, method: &str) -> bool {
    row.methods.contains(&method) || (method == "HEAD" && row.methods.contains(&"GET"))
}

/// The members of a document that are URLs of this server, with their paths.
fn named(document: &serde_json::Value, issuer: &str) -> BTreeMap<String, String> {
    let members = document.as_object().unwrap().iter();
    let urls = members.filter(|(name, _)| name.ends_with("_endpoint") || name.ends_with("_uri"));
    urls.map(|(name, url)| {
        (name.clone(), url.as_str().unwrap().strip_prefix(issuer).expect("at the issuer").to_owned())
    })
    .collect()
}

on_both_engines! {
    async fn every_route_answers_its_methods_and_refuses_every_other_with_allow(world) {
        for row in table() {
            let path = sample(row);
            let expected: BTreeSet<String> = METHODS.into_iter().filter(|method| answers(row, method)).map(str::to_owned).collect();
            for method in METHODS {
                let response = ask(&world, method, &path, None).await;
                let status = response.status();
                if answers(row, method) {
                    assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
                    assert!(!status.is_server_error(), "{method} {path}: {status}");
                    // What a path names by a parameter may well not be there.
                    let is_gone = status == StatusCode::NOT_FOUND;
                    assert!(is_gone == (row.kind == Kind::Nothing) || is_gone && row.path.contains('{'), "{method} {path}: {status}");
                } else {
                    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
                    assert_eq!(allowed(&response), expected, "{method} {path}");
                }
            }
        }
    }

    async fn what_is_not_in_the_table_is_not_there_by_any_method(world) {
        let known: BTreeSet<String> = table().map(sample).collect();
        let under_a_pattern = |path: &str| table().any(|row| {
            let (pattern, given): (Vec<_>, Vec<_>) = (row.path.split('/').collect(), path.split('/').collect());
            let rest = pattern.iter().position(|part| part.starts_with("{*"));
            let long_enough = rest.map_or(pattern.len() == given.len(), |at| given.len() > at);
            long_enough && pattern.iter().zip(&given).all(|(part, given)| part == given || (part.starts_with('{') && !given.is_empty()))
        });
        let mut strangers = vec!["/nothing".to_owned(), "/api".to_owned(), "/.well-known".to_owned(), "/static/".to_owned()];
        for path in &known {
            let base = path.trim_end_matches('/');
            strangers.extend([format!("{base}/"), format!("{base}/x/y"), format!("/{base}"), base.to_ascii_uppercase()]);
        }
        strangers.retain(|path| path.len() > 1 && !known.contains(path) && !under_a_pattern(path));
        assert!(strangers.len() > 60, "{}", strangers.len());
        for path in strangers {
            for method in METHODS {
                assert_eq!(ask(&world, method, &path, None).await.status(), StatusCode::NOT_FOUND, "{method} {path}");
            }
        }
    }

    async fn the_metadata_names_every_endpoint_that_is_offered_and_nothing_else(world) {
        let mut world = world;
        for set in [&[][..], &[("clients.self_registered", "off"), ("clients.described", "off")][..]] {
            world = world.restarted(set).await;
            let config = &world.app.config;
            for place in [SERVER, "/.well-known/openid-configuration"] {
                let document = body_of(world.get(place).await).await;
                let offered = table().filter(|row| (row.offered)(config));
                let expected: BTreeMap<String, String> =
                    offered.filter_map(|row| Some((row.member?.to_owned(), row.path.to_owned()))).collect();
                assert_eq!(named(&document, config.issuer()), expected, "{place} with {set:?}");
            }
        }
    }

    async fn every_endpoint_for_programs_has_a_name_or_a_well_known_place(world) {
        // A registration says itself where it is managed (RFC 7592 section 3).
        let operations = ["/healthz", "/readyz", "/openapi.json", "/register/{id}"];
        for row in table().filter(|row| row.is_endpoint()) {
            // Backstage's clients know them.
            let is_rest = row.path.starts_with("/api/catalog/");
            let known = is_rest || row.is_alias || row.path.starts_with("/.well-known/") || operations.contains(&row.path);
            assert!(row.member.is_some() != known, "{row:?}");
            let is_open = ask(&world, row.methods[0], &sample(row), None).await.headers().contains_key("access-control-allow-origin");
            assert_eq!(is_open, row.kind == Kind::Open, "{row:?}");
        }
        // CORS never stands on a page (OAuth 2.1 section 3.1).
        for row in table().filter(|row| row.kind == Kind::Page) {
            let response = ask(&world, "GET", &sample(row), None).await;
            assert!(!response.headers().contains_key("access-control-allow-origin"), "{row:?}");
        }
    }

    async fn the_openapi_document_holds_every_endpoint_by_every_method_and_nothing_else(world) {
        let mut world = world;
        for set in [&[][..], &[("clients.self_registered", "off")][..]] {
            world = world.restarted(set).await;
            let response = world.get("/openapi.json").await;
            assert_eq!(response.headers()["access-control-allow-origin"], "*");
            let document = body_of(response).await;
            assert_eq!((&document["openapi"], &document["servers"][0]["url"]), (&"3.1.0".into(), &"http://localhost:8787".into()));
            let offered = table().filter(|row| row.is_endpoint() && (row.offered)(&world.app.config));
            let expected: BTreeMap<String, BTreeSet<String>> = offered
                .map(|row| (row.path.to_owned(), row.methods.iter().map(|method| method.to_ascii_lowercase()).collect()))
                .collect();
            let paths = document["paths"].as_object().unwrap().iter();
            let found: BTreeMap<String, BTreeSet<String>> =
                paths.map(|(path, methods)| (path.clone(), methods.as_object().unwrap().keys().cloned().collect())).collect();
            assert_eq!(found, expected, "{set:?}");
        }
    }

    async fn each_protected_resource_that_is_named_answers_and_names_this_server(world) {
        let server = body_of(world.get(SERVER).await).await;
        let resources = server["protected_resources"].as_array().unwrap();
        assert!(!resources.is_empty());
        for resource in resources {
            let path = resource.as_str().unwrap().strip_prefix("http://localhost:8787").unwrap();
            let token = granted_at(&world.app, path, "catalog:read", resource.as_str().unwrap()).await;
            let document = body_of(world.get(&format!("/.well-known/oauth-protected-resource{path}")).await).await;
            assert_eq!((&document["resource"], &document["authorization_servers"][0]), (resource, &server["issuer"]));
            let listed = allowed(&ask(&world, "PATCH", path, Some(&token)).await);
            assert!(listed.contains("POST"), "{listed:?}");
            for method in METHODS {
                let status = ask(&world, method, path, Some(&token)).await.status();
                assert_eq!(status == StatusCode::METHOD_NOT_ALLOWED, !listed.contains(method), "{method} {path}: {status}");
                assert_ne!(status, StatusCode::NOT_FOUND, "{method} {path}");
                let stranger = ask(&world, method, path, None).await.status();
                assert!(stranger == StatusCode::UNAUTHORIZED || method == "OPTIONS", "{method} {path}: {stranger}");
            }
        }
    }
}
