//! The order of refusals, as the official conformance suite pins it.

use super::*;

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

/// What comes of a message: `-` for nothing to answer, `ok`, or the status and code.
fn verdict(headers: &[(&'static str, &str)], body: &str) -> String {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    match read(&map, body.as_bytes()) {
        Ok(Message::Noted) => "-".into(),
        Ok(Message::Request(request)) => {
            format!("ok {} {}", request.id, request.name.unwrap_or_default()).trim().into()
        }
        Err(bad) => {
            format!("{} {} id {}", bad.status.as_u16(), bad.code, bad.id.map_or("null", RawValue::get))
        }
    }
}

fn request(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{{{params}}}}}"#)
}

fn meta(version: &str) -> String {
    META.replace("2026-07-28", version)
}

#[test]
fn the_era_is_decided_by_metadata_and_the_order_of_refusals_is_the_pinned_one() {
    let v = |value| ("mcp-protocol-version", value);
    let m = |value| ("mcp-method", value);
    let n = |value| ("mcp-name", value);
    let call = format!(r#""name":"a",{META}"#);
    let capabilities_only = r#""_meta":{"io.modelcontextprotocol/clientCapabilities":{}}"#;
    let version_only = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
    let rows: Vec<(&str, Vec<(&'static str, &str)>, String, &str)> = vec![
        // Legacy: no metadata, or a legacy header.
        ("no header", vec![], request("tools/list", ""), "ok 7"),
        ("legacy header", vec![v("2025-11-25")], request("tools/call", r#""name":"a""#), "ok 7 a"),
        ("initialize", vec![], request("initialize", r#""protocolVersion":"2025-11-25""#), "ok 7"),
        ("ping", vec![v("2025-03-26")], request("ping", ""), "ok 7"),
        ("vendor meta", vec![], request("tools/list", r#""_meta":{"progressToken":1}"#), "ok 7"),
        // Modern.
        ("complete", vec![v(MODERN), m("tools/call"), n("a")], request("tools/call", &call), "ok 7 a"),
        ("discover", vec![v(MODERN), m("server/discover")], request("server/discover", META), "ok 7"),
        ("blanks around", vec![v(" 2026-07-28 "), m(" tools/list ")], request("tools/list", META), "ok 7"),
        (
            "base64 name",
            vec![v(MODERN), m("tools/call"), n("=?base64?YQ==?=")],
            request("tools/call", &call),
            "ok 7 a",
        ),
        // Headers first.
        ("meta without header", vec![m("tools/list")], request("tools/list", META), "400 -32020 id 7"),
        (
            "header is not meta",
            vec![v("2025-11-25"), m("tools/list")],
            request("tools/list", META),
            "400 -32020 id 7",
        ),
        (
            "unknown header, other meta",
            vec![v("9999-01-01"), m("tools/list")],
            request("tools/list", META),
            "400 -32020 id 7",
        ),
        (
            "unknown meta, other header",
            vec![v(MODERN), m("tools/list")],
            request("tools/list", &meta("9999-01-01")),
            "400 -32020 id 7",
        ),
        (
            "two versions",
            vec![v(MODERN), v(MODERN), m("tools/list")],
            request("tools/list", META),
            "400 -32020 id 7",
        ),
        ("no method", vec![v(MODERN)], request("tools/list", META), "400 -32020 id 7"),
        ("other method", vec![v(MODERN), m("tools/call")], request("tools/list", META), "400 -32020 id 7"),
        (
            "method in capitals",
            vec![v(MODERN), m("TOOLS/LIST")],
            request("tools/list", META),
            "400 -32020 id 7",
        ),
        ("no name", vec![v(MODERN), m("tools/call")], request("tools/call", &call), "400 -32020 id 7"),
        (
            "other name",
            vec![v(MODERN), m("tools/call"), n("b")],
            request("tools/call", &call),
            "400 -32020 id 7",
        ),
        (
            "two names",
            vec![v(MODERN), m("tools/call"), n("a"), n("b")],
            request("tools/call", &call),
            "400 -32020 id 7",
        ),
        (
            "base64 without padding",
            vec![v(MODERN), m("tools/call"), n("=?base64?YQ?=")],
            request("tools/call", &call),
            "400 -32020 id 7",
        ),
        // Then `_meta`.
        ("no meta", vec![v(MODERN), m("tools/list")], request("tools/list", ""), "400 -32602 id 7"),
        (
            "no version in meta",
            vec![v(MODERN), m("tools/list")],
            request("tools/list", capabilities_only),
            "400 -32602 id 7",
        ),
        (
            "no capabilities",
            vec![v(MODERN), m("tools/list")],
            request("tools/list", version_only),
            "400 -32602 id 7",
        ),
        (
            "version null",
            vec![v(MODERN), m("tools/list")],
            request("tools/list", &META.replace("\"2026-07-28\"", "null")),
            "400 -32602 id 7",
        ),
        // Then the revision.
        (
            "unknown revision",
            vec![v("9999-01-01"), m("tools/list")],
            request("tools/list", &meta("9999-01-01")),
            "400 -32022 id 7",
        ),
        (
            "legacy revision in meta",
            vec![v("2025-11-25"), m("tools/list")],
            request("tools/list", &meta("2025-11-25")),
            "400 -32022 id 7",
        ),
        (
            "revision never served",
            vec![v("2024-11-05"), m("tools/list")],
            request("tools/list", &meta("2024-11-05")),
            "400 -32022 id 7",
        ),
        ("unknown header alone", vec![v("2024-11-05")], request("tools/list", ""), "400 -32022 id 7"),
        // Then the method.
        (
            "modern initialize",
            vec![v(MODERN), m("initialize")],
            request("initialize", META),
            "404 -32601 id 7",
        ),
        ("modern ping", vec![v(MODERN), m("ping")], request("ping", META), "404 -32601 id 7"),
    ];
    for (what, headers, body, expected) in rows {
        assert_eq!(verdict(&headers, &body), expected, "{what}");
    }
}

#[test]
fn what_is_not_one_message_is_refused_with_the_right_code() {
    for (body, expected) in [
        ("", "400 -32700 id null"),
        ("{", "400 -32700 id null"),
        ("nonsense", "400 -32700 id null"),
        ("{}", "400 -32600 id null"),
        ("7", "400 -32600 id null"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"} x"#, "400 -32700 id null"),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, "400 -32600 id null"),
        (r#"{"id":1,"method":"ping"}"#, "400 -32600 id 1"),
        (r#"{"jsonrpc":"1.0","id":"a","method":"ping"}"#, r#"400 -32600 id "a""#),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, "400 -32600 id null"),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, "400 -32600 id null"),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, "400 -32600 id null"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}"#, "400 -32602 id 1"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}"#, "400 -32602 id 1"),
    ] {
        assert_eq!(verdict(&[], body), expected, "{body}");
    }
}

#[test]
fn a_key_that_comes_twice_is_refused_so_that_what_is_judged_is_what_runs() {
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"a"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","n\u0061me":"b"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}"#,
    ] {
        assert!(verdict(&[], body).starts_with("400 "), "{body}");
    }
}

#[test]
fn what_expects_no_answer_gets_none() {
    let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let response = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    assert_eq!(verdict(&[], initialized), "-");
    // Header rules for notifications are undefined: nothing is demanded of them.
    assert_eq!(verdict(&[("mcp-protocol-version", MODERN)], initialized), "-");
    assert_eq!(verdict(&[("mcp-protocol-version", "2025-06-18")], response), "-");
    assert_eq!(verdict(&[("mcp-protocol-version", MODERN)], response), "400 -32600 id 1");
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = read(&HeaderMap::new(), &body);
    }

    #[test]
    fn no_text_in_the_place_of_a_value_makes_it_panic(text in "\\PC{0,40}") {
        for body in [
            format!(r#"{{"jsonrpc":"2.0","id":{text},"method":"tools/call"}}"#),
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{text}}}"#),
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"_meta":{text}}}}}"#),
        ] {
            let _ = read(&HeaderMap::new(), body.as_bytes());
        }
    }
}
