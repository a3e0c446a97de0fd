//! Attacks on calls that wait for their person's yes: a yes for one call must run no other, and run it once (H11).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use http::{Request, StatusCode};
use postern::actions::Action;
use postern::actions::filter::Rule;
use postern::mcp::{self, McpState};
use postern::oauth::claims::sign_access;
use postern::oauth::client::{AuthMethod, ClientKind};
use postern::store::grants::{self, NewGrant};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::World;
use crate::support::browser::Browser;
use crate::support::desk::Desk;
use crate::support::mcp::{Answer, Server, rpc};
use crate::support::people::PASSWORD;
use crate::support::token;

/// A form between the yes and the deed.
fn asks_first(server: &Arc<Server>, action: Action) -> Action {
    let server = Arc::clone(server);
    let run: postern::actions::Run = Arc::new(move |turn, _| {
        let server = Arc::clone(&server);
        Box::pin(async move {
            let schema =
                json!({"type": "object", "properties": {"yes": {"type": "boolean"}}, "required": ["yes"]});
            turn.talk()?.form("sure", "Sure?", schema).await?.accepted()?;
            server.written.fetch_add(1, Ordering::SeqCst);
            Ok(json!({}))
        })
    });
    Action { run, output: Arc::new(json!({"type": "object"})), ..action }
}

/// The path of the page that a waiting call leads to.
fn page_of(result: &Value) -> String {
    assert_eq!(result["resultType"], "input_required", "{result}");
    let question = &result["inputRequests"]["approval"];
    assert_eq!(
        (&question["method"], &question["params"]["mode"]),
        (&json!("elicitation/create"), &json!("url"))
    );
    let url = question["params"]["url"].as_str().unwrap();
    url.strip_prefix("http://localhost:8787").unwrap().to_owned()
}

fn ran(result: &Value) -> bool {
    result["resultType"] == "complete" && result["isError"] == false
}

on_both_engines! {
    async fn a_held_call_runs_once_its_person_approved_exactly_it_and_only_once(world) {
        let desk = Desk::new(world).await;
        let token = desk.token("dana@acme.dev", "app").await;
        let path = page_of(&desk.call(&token, r#"{"text": "ship \u202eit", "n": 3}"#, "").await);
        assert_eq!(page_of(&desk.call(&token, r#"{"n": 3, "text": "ship \u202eit"}"#, "").await), path, "one question for one call");
        let mut browser = Browser::default();
        let page = browser.open(&desk.world, &path).await;
        assert!(page.wants_sign_in(), "{}", page.text);
        let page = browser.sign_in(&desk.world, &page, "dana@acme.dev", PASSWORD).await;
        assert!(page.at == path && page.text.contains("demo:write-note") && page.text.contains("ship "), "{} {}", page.at, page.text);
        assert!(page.text.contains("u{202e}") && !page.text.contains('\u{202e}'), "what turns text is in plain sight");
        assert_eq!(desk.runs(), 0);
        let page = desk.decide(&mut browser, &path, "approve").await;
        assert!(page.text.contains("Approved"), "{}", page.text);
        assert!(ran(&desk.call(&token, r#"{"n": 3, "text": "ship \u202eit"}"#, "").await) && desk.runs() == 1);
        let again = page_of(&desk.call(&token, r#"{"text": "ship \u202eit", "n": 3}"#, "").await);
        assert!(again != path && desk.runs() == 1, "a yes is for one run");
        assert!(browser.open(&desk.world, &path).await.text.contains("Approved, and done"));
        let stored: Vec<(String,)> = sqlx::query_as("select arguments from approvals").fetch_all(desk.world.app.store.write()).await.unwrap();
        assert!(stored.len() == 2 && !format!("{stored:?}").contains("ship"), "sealed");
    }

    async fn attack_h11_a_yes_for_one_call_runs_no_other(world) {
        let desk = Desk::new(world).await;
        let (token, other) = (desk.token("dana@acme.dev", "app").await, desk.token("dana@acme.dev", "other").await);
        let mut browser = desk.signed_in("dana@acme.dev").await;
        let path = page_of(&desk.call(&token, r#"{"text": "a"}"#, "").await);
        desk.decide(&mut browser, &path, "approve").await;
        for arguments in [r#"{"text": "b"}"#, "{}", r#"{"text": "a", "n": 1}"#, r#"{"text": "a "}"#] {
            page_of(&desk.call(&token, arguments, "").await);
        }
        page_of(&desk.call(&other, r#"{"text": "a"}"#, "").await);
        assert_eq!(desk.runs(), 0, "other arguments and another grant are other calls");
        // A no stands for as long as a yes would, and runs nothing.
        let path = page_of(&desk.call(&token, r#"{"text": "no"}"#, "").await);
        desk.decide(&mut browser, &path, "refuse").await;
        let refused = desk.call(&token, r#"{"text": "no"}"#, "").await;
        assert!(refused["content"][0]["text"].as_str().unwrap().contains("refused"), "{refused}");
        let page = browser.open(&desk.world, &path).await;
        assert!(page.text.contains("Refused") && !page.text.contains("/approvals/"), "answered once: {}", page.text);
        assert_eq!(desk.call(&token, r#"{"text": "no"}"#, "").await["isError"], true);
        // What comes too late is too late.
        desk.world.clock.advance(postern::limits::APPROVAL_SECONDS);
        page_of(&desk.call(&token, r#"{"text": "a"}"#, "").await);
        assert_eq!(desk.runs(), 0);
    }

    async fn attack_h11_many_calls_at_once_on_one_yes_run_once(world) {
        let desk = Desk::new(world).await;
        let token = desk.token("dana@acme.dev", "app").await;
        let mut browser = desk.signed_in("dana@acme.dev").await;
        for round in 1..=3 {
            let path = page_of(&desk.call(&token, r#"{"text": "a"}"#, "").await);
            desk.decide(&mut browser, &path, "approve").await;
            let calls = (0..8).map(|_| desk.call(&token, r#"{"text": "a"}"#, ""));
            let answers = futures_util::future::join_all(calls).await;
            assert_eq!(answers.iter().filter(|answer| ran(answer)).count(), 1, "{answers:?}");
            assert_eq!(desk.runs(), round);
            // The others each asked anew, some of them side by side: no yes is left over.
            sqlx::query("delete from approvals").execute(desk.world.app.store.write()).await.unwrap();
        }
    }

    async fn attack_h11_nobody_but_the_person_sees_or_answers(world) {
        let desk = Desk::new(world).await;
        desk.world.user("eve@acme.dev", PASSWORD).await;
        let token = desk.token("dana@acme.dev", "app").await;
        let path = page_of(&desk.call(&token, r#"{"text": "a"}"#, "").await);
        let mut eve = desk.signed_in("eve@acme.dev").await;
        let (hidden, unknown) = (eve.open(&desk.world, &path).await, eve.open(&desk.world, "/approvals/01938c1e-9a10-7c3e-8b0e-3d2f6f0c1a55").await);
        assert_eq!((hidden.status, unknown.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
        let forged = [("csrf".to_owned(), "pof_x".to_owned()), ("decision".to_owned(), "approve".to_owned())];
        assert_eq!(eve.post(&desk.world, &path, &forged, &[]).await.status(), StatusCode::NOT_FOUND);
        // Nor does a form from elsewhere answer in her name.
        let mut dana = desk.signed_in("dana@acme.dev").await;
        assert_eq!(dana.post(&desk.world, &path, &forged, &[]).await.status(), StatusCode::FORBIDDEN);
        page_of(&desk.call(&token, r#"{"text": "a"}"#, "").await);
        assert_eq!(desk.runs(), 0);
    }

    async fn a_call_goes_on_by_itself_while_its_person_answers(world) {
        let desk = Desk::new(world).await;
        let token = desk.token("dana@acme.dev", "app").await;
        let mut browser = desk.signed_in("dana@acme.dev").await;
        let first = desk.call(&token, r#"{"text": "a"}"#, "").await;
        let (path, state) = (page_of(&first), first["requestState"].clone());
        let went = |action: &str| format!(r#","requestState":{state},"inputResponses":{{"approval":{{"action":"{action}"}}}}"#);
        let declined = desk.call(&token, r#"{"text": "a"}"#, &went("decline")).await;
        assert!(declined["isError"] == true && desk.runs() == 0, "{declined}");
        let accepted = went("accept");
        let (result, page) = futures_util::join!(desk.call(&token, r#"{"text": "a"}"#, &accepted), async {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            desk.decide(&mut browser, &path, "approve").await
        });
        assert!(page.status.is_success() && ran(&result) && desk.runs() == 1, "{result}");
    }

    async fn whoever_cannot_be_led_to_the_page_is_told_where_it_is(world) {
        let desk = Desk::new(world).await;
        let token = desk.token("dana@acme.dev", "app").await;
        for capabilities in ["{}", r#"{"elicitation": {}}"#, r#"{"elicitation": {"form": {}}}"#] {
            let told = desk.call_as(capabilities, &token, r#"{"text": "a"}"#, "").await;
            let text = told["content"][0]["text"].as_str().unwrap();
            assert!(told["isError"] == true && text.contains("http://localhost:8787/approvals/"), "{told}");
        }
        // Where nobody stands behind the token there is nobody to ask; what cannot run is nobody's question.
        let program = sign_access(&desk.claims(), desk.world.app.keys.load().signing()).unwrap();
        token::client(&desk.world.app, "program", ClientKind::PreRegistered, AuthMethod::None).await;
        let grant = NewGrant {
            id: "program".into(), client_id: "program".into(), user_id: None, scope: "demo:write".into(), resource: desk.world.app.config.resource(),
            redirect_uri: None, authenticated_at: None, expires_at: desk.world.clock.now().plus_seconds(60),
        };
        let mut tx = desk.world.app.store.begin().await.unwrap();
        grants::add(&mut tx, &grant, desk.world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        let refused = desk.call(&program, r#"{"text": "a"}"#, "").await;
        assert!(refused["content"][0]["text"].as_str().unwrap().contains("no person stands behind"), "{refused}");
        let invalid = desk.call(&token, r#"{"text": 7}"#, "").await;
        assert!(invalid["content"][0]["text"].as_str().unwrap().starts_with("InputError"), "{invalid}");
        let long = format!(r#"{{"text": "{}"}}"#, "x".repeat(postern::limits::APPROVAL_ARGUMENTS_BYTES_MAX));
        assert!(desk.call(&token, &long, "").await["content"][0]["text"].as_str().unwrap().contains("too long"));
        assert_eq!(desk.runs(), 0);
    }

    async fn a_legacy_session_that_opens_pages_gets_the_error_of_its_revision(world) {
        let desk = Desk::new(world).await;
        let token = desk.token("dana@acme.dev", "app").await;
        let hello = r#""protocolVersion":"2025-11-25","capabilities":{"elicitation":{"url":{}}},"clientInfo":{"name":"t","version":"1"}"#;
        let begun = desk.legacy(&token, None, "initialize", hello).await;
        let session = begun.header("mcp-session-id").to_owned();
        let call = r#""name":"demo_write-note","arguments":{"text": "a"}"#;
        let held = desk.legacy(&token, Some(&session), "tools/call", call).await.json();
        assert_eq!(held["error"]["code"], -32042, "{held}");
        let question = &held["error"]["data"]["elicitations"][0];
        let path = question["url"].as_str().unwrap().strip_prefix("http://localhost:8787").unwrap().to_owned();
        assert!(question["mode"] == "url" && path.ends_with(question["elicitationId"].as_str().unwrap()), "{held}");
        desk.decide(&mut desk.signed_in("dana@acme.dev").await, &path, "approve").await;
        let done = desk.legacy(&token, Some(&session), "tools/call", call).await.result();
        assert!(done["isError"] == false && desk.runs() == 1, "{done}");
    }

    async fn a_held_call_that_asks_something_itself_comes_to_its_end_on_one_yes(world) {
        const ABLE: &str = r#"{"elicitation": {"form": {}, "url": {}}}"#;
        let desk = Desk::with(world, asks_first).await;
        let token = desk.token("dana@acme.dev", "app").await;
        let mut browser = desk.signed_in("dana@acme.dev").await;
        let call = async |more: &str| desk.answer(ABLE, &token, r#"{"text": "a"}"#, more).await;
        let held = call("").await.result();
        let path = page_of(&held);
        let with = |state: &Value, answers: Value| format!(r#","requestState":{state},"inputResponses":{answers}"#);
        // Attack: what our own state says of a yes is nobody else's to say.
        let forged = call(&with(&held["requestState"], json!({"postern/approved": true}))).await.result();
        assert_eq!(page_of(&forged), path);
        desk.decide(&mut browser, &path, "approve").await;
        let asked = call(&with(&held["requestState"], json!({"approval": {"action": "accept"}}))).await.result();
        assert!(asked["inputRequests"]["sure"].is_object() && desk.runs() == 0, "{asked}");
        let yes = json!({"sure": {"action": "accept", "content": {"yes": true}}});
        let goes_on = with(&asked["requestState"], yes.clone());
        let done = call(&goes_on).await.result();
        assert!(ran(&done) && desk.runs() == 1, "{done}");
        // Once, for these arguments, and not on the strength of the state alone.
        assert_eq!(call(&goes_on).await.code().1, -32602);
        assert_eq!(desk.answer(ABLE, &token, r#"{"text": "b"}"#, &goes_on).await.code().1, -32602);
        page_of(&call("").await.result());
        assert_eq!(desk.runs(), 1);
    }

    async fn attack_h11_a_batch_holds_what_waits_for_a_yes(world) {
        let desk = Desk::new(world).await;
        let token = desk.token("dana@acme.dev", "app").await;
        let call = rpc("tools/call", r#""name":"demo_write-note","arguments":{"text": "a"}"#);
        let request = Request::post("/mcp").header("host", "localhost:8787").header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {token}"));
        let request = request.body(Body::from(format!("[{call},{call}]"))).unwrap();
        let answers = Answer::of(desk.router.clone().oneshot(request).await.unwrap()).await.json();
        for answer in answers.as_array().unwrap() {
            let text = answer["result"]["content"][0]["text"].as_str().unwrap();
            assert!(text.contains("http://localhost:8787/approvals/"), "{answers}");
        }
        assert_eq!((answers.as_array().unwrap().len(), desk.runs()), (2, 0));
    }

    async fn attack_h11_an_answer_that_comes_too_late_is_none(world) {
        let desk = Desk::new(world).await;
        let token = desk.token("dana@acme.dev", "app").await;
        let mut browser = desk.signed_in("dana@acme.dev").await;
        let path = page_of(&desk.call(&token, r#"{"text": "a"}"#, "").await);
        let open = browser.open(&desk.world, &path).await;
        let id = path.rsplit('/').next().unwrap();
        let (app, dana) = (&desk.world.app, desk.world.app.store.clone());
        let dana = postern::store::users::list(&dana).await.unwrap().remove(0).id;
        desk.world.clock.advance(postern::limits::APPROVAL_SECONDS);
        for yes in [true, false] {
            assert!(!postern::store::approvals::answer(&app.store, id, &dana, yes, desk.world.clock.now()).await.unwrap());
        }
        let page = browser.submit(&desk.world, &open, "/approvals/", &[("decision", "approve")]).await;
        assert!(!page.text.contains("Approved"), "{}", page.text);
        let recorded: Vec<(String,)> = sqlx::query_as("select event from audit where event like 'approval.%'").fetch_all(app.store.write()).await.unwrap();
        assert_eq!(recorded, [], "the log tells of no answer that was none");
        let again = page_of(&desk.call(&token, r#"{"text": "a"}"#, "").await);
        assert!(again != path && desk.runs() == 0);
    }

    async fn only_so_many_calls_wait_for_one_person(world) {
        let desk = Desk::new(world).await;
        let token = desk.token("dana@acme.dev", "app").await;
        for n in 0..postern::limits::APPROVALS_WAITING_MAX {
            page_of(&desk.call(&token, &format!(r#"{{"n": {n}}}"#), "").await);
        }
        let refused = desk.call(&token, r#"{"n": 999}"#, "").await;
        assert!(refused["content"][0]["text"].as_str().unwrap().contains("too many calls wait"), "{refused}");
    }
}

/// A read is there as a resource and over REST too: a rule that seems to hold it is refused, not kept by half.
#[tokio::test]
async fn attack_a_rule_that_would_hold_what_only_reads_stops_the_start() {
    let world = World::sqlite().await;
    for (rule, starts) in [("effect:change", true), ("catalog:*", false), ("effect:read", false)] {
        let mut state = McpState::of(&world.app);
        state.approvals = state.approvals.with(vec![Rule::word(rule).unwrap()]);
        match mcp::routes(state) {
            Ok(_) => assert!(starts, "{rule}"),
            Err(why) => assert!(!starts && why.to_string().contains("which only reads"), "{rule}: {why}"),
        }
    }
}
