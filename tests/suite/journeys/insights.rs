//! Scorecards: written as YAML, told by actions, resources and pages alike, and to nobody who may not read the catalog.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::support::World;
use crate::support::browser::Browser;
use crate::support::mcp::{Answer, granted_at, rpc};
use crate::support::people::PASSWORD;

const SERVER: &str = "/mcp/insights";

async fn ask(world: &World, token: &str, method: &str, params: &str) -> Answer {
    let request = Request::post(SERVER)
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("authorization", format!("Bearer {token}"));
    Answer::of(world.send(request.body(Body::from(rpc(method, params))).unwrap()).await).await
}

async fn call(world: &World, token: &str, tool: &str, arguments: Value) -> Value {
    let params = format!(r#""name":"{tool}","arguments":{arguments}"#);
    let result = ask(world, token, "tools/call", &params).await.result();
    assert_ne!(result["isError"], true, "{result}");
    result["structuredContent"].clone()
}

async fn token(world: &World, name: &str, scope: &str) -> String {
    granted_at(&world.app, name, scope, &world.app.config.public_url.at(SERVER)).await
}

on_both_engines! {
    async fn the_fourth_server_lists_scorecards_tells_results_and_explains_a_check(world) {
        let token = &token(&world, "ada", "insights:read").await;
        let listed = ask(&world, token, "tools/list", "").await.result();
        let names: Vec<_> = listed["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(names, ["insights_explain-check", "insights_get-scorecard-results", "insights_list-scorecards"]);
        let cards = call(&world, token, "insights_list-scorecards", json!({})).await;
        let ready = cards["scorecards"].as_array().unwrap().iter().find(|card| card["scorecard"] == "production-ready").unwrap().clone();
        assert_eq!(ready["levels"], json!(["bronze", "silver", "gold"]));
        let one = call(&world, token, "insights_get-scorecard-results", json!({"entityRef": "fares-service"})).await;
        let result = &one["results"][0];
        assert_eq!((&result["entityRef"], &result["level"]), (&json!("component:default/fares-service"), &json!("silver")));
        assert_eq!(result["failed"][0]["check"], "docs");
        assert!(result["failed"][0]["mend"].as_str().unwrap().contains("README.md"));
        let team = call(&world, token, "insights_get-scorecard-results", json!({"owner": "group:default/passage", "onlyFailing": true, "limit": 1})).await;
        assert_eq!(team["results"].as_array().unwrap().len(), 1);
        assert!(team["summaries"][0]["byOwner"].as_array().unwrap().iter().all(|it| it["owner"] == "group:default/passage"), "{team}");
        let next = call(&world, token, "insights_get-scorecard-results", json!({"owner": "group:default/passage", "onlyFailing": true, "limit": 1, "cursor": team["nextPageCursor"]})).await;
        assert_ne!(next["results"], team["results"]);
        let asked = json!({"scorecard": "production-ready", "check": "docs", "entityRef": "fares-service"});
        let why = call(&world, token, "insights_explain-check", asked).await;
        assert_eq!((&why["outcome"], &why["why"]), (&json!("failed"), &json!("it has no annotation backstage.io/techdocs-ref")));
        for (tool, arguments, says) in [
            ("insights_explain-check", json!({"scorecard": "none", "check": "a", "entityRef": "fares-service"}), "production-ready"),
            ("insights_explain-check", json!({"scorecard": "production-ready", "check": "a", "entityRef": "fares-service"}), "owner, system"),
            ("insights_get-scorecard-results", json!({"entityRef": "no-such-thing"}), "No entity found"),
        ] {
            let failed = ask(&world, token, "tools/call", &format!(r#""name":"{tool}","arguments":{arguments}"#)).await.failure();
            assert!(failed.contains(says), "{failed}");
        }
    }

    async fn scorecards_are_resources_too(world) {
        let token = &token(&world, "ada", "insights:read").await;
        let listed = ask(&world, token, "resources/list", "").await.result();
        let uris: Vec<_> = listed["resources"].as_array().unwrap().iter().map(|it| it["uri"].as_str().unwrap().to_owned()).collect();
        assert_eq!(uris, ["insights://scorecards", "insights://scorecards/api-quality", "insights://scorecards/production-ready"]);
        for (uri, part) in [
            ("insights://scorecards", "api-quality"),
            ("insights://scorecards/production-ready", "byOwner"),
            ("insights://entities/component/default/fares-service", "techdocs-ref"),
        ] {
            let read = ask(&world, token, "resources/read", &format!(r#""uri":"{uri}""#)).await.result();
            assert!(read["contents"][0]["text"].as_str().unwrap().contains(part), "{uri}: {read}");
        }
        for uri in ["insights://scorecards/none", "insights://entities/component/default/none", "insights://x"] {
            let answer = ask(&world, token, "resources/read", &format!(r#""uri":"{uri}""#)).await;
            assert_eq!(answer.json()["error"]["code"], -32002, "{uri}: {}", answer.text);
        }
    }

    async fn attack_who_lacks_the_scope_is_told_of_nothing_and_which_scope_it_takes(world) {
        let poor = &token(&world, "bob", "openid").await;
        let call = r#""name":"insights_list-scorecards","arguments":{}"#;
        let read = r#""uri":"insights://scorecards""#;
        for (method, params) in [("tools/call", call), ("resources/read", read)] {
            let answer = ask(&world, poor, method, params).await;
            assert_eq!(answer.status, 403, "{method}: {}", answer.text);
            assert!(answer.header("www-authenticate").contains("insights:read"), "{}", answer.header("www-authenticate"));
        }
        assert_eq!(ask(&world, poor, "resources/list", "").await.result()["resources"], json!([]));
        assert_eq!(ask(&world, poor, "resources/templates/list", "").await.result()["resourceTemplates"], json!([]));
    }

    async fn a_person_sees_what_fails_and_how_to_mend_it(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let mut browser = Browser::default();
        let login = browser.open(&world, "/catalog/scorecards/production-ready").await;
        let page = browser.sign_in(&world, &login, "dana@acme.dev", PASSWORD).await;
        assert_eq!((page.status, page.at.as_str()), (StatusCode::OK, "/catalog/scorecards/production-ready"));
        for part in ["Production ready", "It is documented", "By owner", "/catalog/component/default/fares-service", "gold"] {
            assert!(page.text.contains(part), "{part}: {}", page.text);
        }
        let owned = browser.open(&world, "/catalog/scorecards/production-ready?owner=group%3Adefault%2Fpassage").await;
        assert!(owned.text.contains("Of what") && !owned.text.contains("By owner"), "{}", owned.text);
        let all = browser.open(&world, "/catalog/scorecards").await;
        assert!(all.text.contains("APIs worth calling") && all.text.contains("class=\"bar\""));
        let entity = browser.open(&world, "/catalog/component/default/fares-service").await;
        assert!(entity.text.contains("How it stands") && entity.text.contains("Put a README.md beside"), "{}", entity.text);
        for gone in ["/catalog/scorecards/none", "/catalog/scorecards/..", "/catalog/scorecards/%3Cscript%3E"] {
            let page = browser.open(&world, gone).await;
            assert!(page.status == StatusCode::NOT_FOUND && !page.text.contains("<script"), "{gone}");
        }
        for path in ["/catalog/scorecards", "/catalog/scorecards/production-ready"] {
            assert!(Browser::default().open(&world, path).await.wants_sign_in(), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scorecards_of_ones_own_are_read_again_with_the_catalog_and_where_there_are_none_there_is_no_server()
{
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cards.yaml");
    let write = |has: &str| {
        let text = format!("scorecard: mine\nfor: {{kind: System}}\nchecks:\n  - check: a\n    has: {has}\n");
        std::fs::write(&file, text).unwrap();
    };
    write("owner");
    let path = file.display().to_string();
    let world = World::with(None, &[("insights.path", &path)]).await;
    let token = &token(&world, "ada", "insights:read").await;
    let rule = async || {
        call(&world, token, "insights_list-scorecards", json!({})).await["scorecards"][0]["checks"][0]["rule"]
            .clone()
    };
    assert_eq!(rule().await, json!({"has": "owner"}));
    write("docs");
    postern::ops::refresh::once(&world.app).await;
    assert_eq!(rule().await, json!({"has": "docs"}));
    write("dogs");
    postern::ops::refresh::once(&world.app).await;
    assert_eq!(rule().await, json!({"has": "docs"}), "the last good one stays");
    let none = World::with(None, &[("catalog.demo", "false")]).await;
    assert!(none.app.actions.find("insights:list-scorecards").is_none());
    assert!(none.app.resources.at(SERVER).is_none());
}

#[test]
fn the_check_of_the_configuration_names_the_line_and_the_field_of_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cards.yaml");
    std::fs::write(&file, "scorecard: mine\nfor: {kind: System}\nchecks:\n  - check: a\n    has: dogs\n")
        .unwrap();
    let checked = std::process::Command::new(env!("CARGO_BIN_EXE_postern"))
        .args(["config", "check"])
        .current_dir(folder.path())
        .env("POSTERN_DATA_DIR", folder.path().join("data"))
        .env("POSTERN_INSIGHTS_PATH", &file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(said.contains("cards.yaml: line 5: checks[0].has: there is no dogs"), "{said}");
}

#[test]
fn a_crowd_of_entities_is_judged_without_anybody_noticing() {
    let catalog = postern::catalog::Catalog::new(crate::support::crowd::entities(5_000));
    let (insights, _) = postern::insights::Insights::open(catalog.clone(), None, true);
    let start = std::time::Instant::now();
    let results = insights.results();
    // A twentieth of the size that the catalog is built for, and an unoptimised build.
    assert!(start.elapsed().as_millis() < 1_500, "{:?}", start.elapsed());
    let start = std::time::Instant::now();
    let wanted = postern::insights::answers::Wanted { limit: 25, ..Default::default() };
    let page = postern::insights::answers::page(&results, &results.index, &wanted);
    assert!(page.total > 0 && start.elapsed().as_millis() < 1_500, "{:?}", start.elapsed());
    assert!(std::sync::Arc::ptr_eq(&results, &insights.results()), "and only once");
}
