//! MCP, progress, logging, elicitation and multi-round-trip requests: what a tool may say and ask before it answers.

use postern::config::{Config, Flags, Raw};
use serde_json::{Value, json};

use crate::support::mcp::{Answer, Era, McpWorld, rpc};

/// The messages of an answer, be it JSON or an event stream, in order.
fn messages(answer: &Answer) -> Vec<Value> {
    if answer.header("content-type").starts_with("application/json") {
        return vec![answer.json()];
    }
    let data = answer.text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
    data.filter(|data| !data.is_empty()).map(|data| serde_json::from_str(data).unwrap()).collect()
}

/// A modern call of `tool`, with what the client can do and more metadata.
async fn call(world: &McpWorld, tool: &str, can: &str, meta: &str, more: &str) -> Answer {
    let params = format!(
        r#""name":"{tool}","arguments":{{}},"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{can}{meta}}}{more}"#
    );
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", tool)];
    world.post(&world.token("openid"), &headers, &rpc("tools/call", &params)).await
}

const FORM: &str = r#"{"elicitation":{}}"#;
const TOKEN: &str = r#","progressToken":"p1""#;

#[tokio::test]
async fn progress_is_reported_upwards_and_only_to_who_gave_a_token() {
    let world = McpWorld::with_catalog(true).await;
    let heard = messages(&call(&world, "test_tool_with_progress", "{}", TOKEN, "").await);
    let progress: Vec<_> =
        heard.iter().filter(|message| message["method"] == "notifications/progress").collect();
    assert_eq!(progress.len(), 3);
    assert!(progress.iter().all(|message| message["params"]["progressToken"] == "p1"));
    let done: Vec<_> = progress.iter().map(|m| m["params"]["progress"].as_f64().unwrap()).collect();
    assert!(done.is_sorted_by(|a, b| a < b), "{done:?}");
    assert_eq!(heard.last().unwrap()["result"]["resultType"], "complete", "nothing follows the answer");
    let unasked = call(&world, "test_tool_with_progress", "{}", "", "").await;
    assert_eq!(messages(&unasked).len(), 1, "{}", unasked.text);
    let legacy = r#""name":"test_tool_with_progress","_meta":{"progressToken":7}"#;
    let heard = messages(&world.legacy(&world.token("openid"), "tools/call", legacy).await);
    assert_eq!((heard.len(), &heard[0]["params"]["progressToken"]), (4, &json!(7)));
}

#[tokio::test]
async fn log_lines_come_from_the_level_that_the_request_asks_for() {
    let world = McpWorld::with_catalog(true).await;
    let level = |level: &str| format!(r#","io.modelcontextprotocol/logLevel":"{level}""#);
    for (meta, lines) in [(String::new(), 0), (level("debug"), 3), (level("info"), 3), (level("warning"), 0)]
    {
        let heard = messages(&call(&world, "test_logging_tool", "{}", &meta, "").await);
        let logged = heard.iter().filter(|message| message["method"] == "notifications/message").count();
        assert_eq!((logged, heard.len()), (lines, lines + 1), "{meta}");
    }
    assert_eq!(call(&world, "test_logging_tool", "{}", &level("loud"), "").await.code(), (200, -32602));
    let token = world.token("openid");
    let set = |level: &'static str| {
        let (world, token) = (&world, &token);
        async move { world.legacy(token, "logging/setLevel", &format!(r#""level":"{level}""#)).await }
    };
    assert_eq!(set("error").await.result(), json!({}));
    assert_eq!(set("loud").await.code(), (200, -32602));
}

#[tokio::test]
async fn a_question_is_an_answer_and_its_answer_comes_with_the_same_call() {
    let world = McpWorld::with_catalog(true).await;
    const TOOL: &str = "test_input_required_result_elicitation";
    let asked = call(&world, TOOL, FORM, "", "").await.result();
    assert_eq!(asked["resultType"], "input_required");
    assert_eq!(asked["inputRequests"]["user_name"]["method"], "elicitation/create");
    assert!(
        asked.get("ttlMs").is_none() && asked.get("cacheScope").is_none() && asked.get("content").is_none()
    );
    let state = asked["requestState"].as_str().unwrap();
    let with = |responses: &str, state: &str| {
        format!(r#","inputResponses":{responses},"requestState":{}"#, json!(state))
    };
    let ada = r#"{"user_name":{"action":"accept","content":{"name":"Ada"}},"extra":1}"#;
    let done = call(&world, TOOL, FORM, "", &with(ada, state)).await.result();
    assert_eq!(done["content"][0]["text"], "Hello, Ada!");
    let again = call(&world, TOOL, FORM, "", &with("{}", state)).await.result();
    assert_eq!(again["resultType"], "input_required", "an answer that is missing is asked for again");
    for (responses, state) in [
        (ada, "x"),
        (ada, &state[..state.len() - 2]),
        (r#"{"user_name":{"action":"accept","content":{"name":1}}}"#, state),
        (r#"{"user_name":"Ada"}"#, state),
    ] {
        let refused = call(&world, TOOL, FORM, "", &with(responses, state)).await;
        assert_eq!(refused.code(), (200, -32602), "{responses}");
    }
    for tool in ["test_input_required_result_request_state", "test_input_required_result_multi_round"] {
        let moved = call(&world, tool, FORM, "", &with(ada, state)).await;
        assert_eq!(moved.code(), (200, -32602), "a state is good for one tool: {tool}");
    }
}

#[tokio::test]
async fn attack_a_state_of_one_caller_is_no_use_to_another() {
    let world = McpWorld::with_catalog(true).await;
    const TOOL: &str = "test_input_required_result_elicitation";
    let asked = call(&world, TOOL, FORM, "", "").await.result();
    let mut claims = world.claims("openid");
    claims.subject = "eve".into();
    let eve = world.signed(&claims);
    let params = format!(
        r#""name":"{TOOL}","arguments":{{}},"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{FORM}}},"requestState":{}"#,
        asked["requestState"]
    );
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", TOOL)];
    assert_eq!(world.post(&eve, &headers, &rpc("tools/call", &params)).await.code(), (200, -32602));
}

#[tokio::test]
async fn a_client_is_asked_only_what_it_declared() {
    let world = McpWorld::with_catalog(true).await;
    const TOOL: &str = "test_input_required_result_elicitation";
    for (can, capability) in [
        ("{}", json!({"elicitation": {"form": {}}})),
        (r#"{"sampling":{}}"#, json!({"elicitation": {"form": {}}})),
        (r#"{"elicitation":{"url":{}}}"#, json!({"elicitation": {"form": {}}})),
    ] {
        let answer = call(&world, TOOL, can, "", "").await;
        assert_eq!(answer.code(), (400, -32021), "{can}");
        assert_eq!(answer.json()["error"]["data"]["requiredCapabilities"], capability);
    }
    // Before 2026-07-28 nobody can be asked without a session, and a tool says so.
    let answer = world.call(Era::Legacy, &world.token("openid"), TOOL, "{}").await;
    assert!(answer.failure().contains("a client that can show a form"), "{}", answer.text);
}

#[tokio::test]
async fn nothing_but_tools_prompts_and_resources_asks() {
    let world = McpWorld::with_catalog(true).await;
    let token = world.token("catalog:read");
    for method in
        ["tools/list", "prompts/list", "resources/list", "resources/templates/list", "server/discover"]
    {
        let result = world.modern(&token, method, "").await.result();
        assert_eq!(result["resultType"], "complete", "{method}");
    }
}

#[tokio::test]
async fn content_of_every_kind_reaches_the_client() {
    let world = McpWorld::with_catalog(true).await;
    for (tool, kinds) in [
        ("test_image_content", json!(["image"])),
        ("test_audio_content", json!(["audio"])),
        ("test_embedded_resource", json!(["resource"])),
        ("test_multiple_content_types", json!(["text", "image", "resource"])),
    ] {
        let result = call(&world, tool, "{}", "", "").await.result();
        let found: Vec<_> = result["content"].as_array().unwrap().iter().map(|b| b["type"].clone()).collect();
        assert_eq!(json!(found), kinds, "{tool}");
        assert!(result.get("structuredContent").is_none(), "{result}");
    }
}

#[tokio::test]
async fn a_header_that_repeats_an_argument_is_compared_with_it() {
    let world = McpWorld::with_catalog(true).await;
    let params =
        format!(r#""name":"test_custom_header","arguments":{{"region":"eu"}},{}"#, crate::support::mcp::META);
    for (region, expected) in
        [(Some("eu"), None), (Some("us"), Some((400, -32020))), (None, Some((400, -32020)))]
    {
        let mut headers = vec![
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "test_custom_header"),
        ];
        headers.extend(region.map(|region| ("mcp-param-region", region)));
        let answer = world.post(&world.token("openid"), &headers, &rpc("tools/call", &params)).await;
        match expected {
            Some(code) => assert_eq!(answer.code(), code, "{region:?}"),
            None => assert_eq!(answer.result()["content"][0]["text"], "eu"),
        }
    }
}

#[tokio::test]
async fn the_fixtures_are_not_there_unless_they_are_asked_for() {
    let world = McpWorld::with_catalog(false).await;
    let token = world.token("catalog:read");
    assert_eq!(call(&world, "test_simple_text", "{}", "", "").await.code(), (200, -32602));
    for method in ["resources/read", "prompts/get"] {
        let params = r#""uri":"test://static-text","name":"test_simple_prompt""#;
        let answer = world.legacy(&token, method, params).await.json();
        assert!(answer["error"]["code"].is_i64(), "{answer}");
    }
}

#[test]
fn conformance_mode_starts_on_loopback_only() {
    let config = |set: &[(&str, &str)]| {
        let set = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Config::from_raw(&Raw::read(&Flags { file: None, set }, |_| None).unwrap()).map_err(|e| e.to_string())
    };
    assert!(config(&[("conformance", "1")]).unwrap().conformance);
    assert!(!config(&[]).unwrap().conformance);
    for bad in [
        &[("conformance", "1"), ("listen", "0.0.0.0:8787")][..],
        &[
            ("conformance", "1"),
            ("public_url", "https://mcp.example.com"),
            ("tls.in_front", "true"),
            ("catalog.demo", "false"),
        ],
    ] {
        assert!(config(bad).unwrap_err().contains("loopback"), "{bad:?}");
    }
}
