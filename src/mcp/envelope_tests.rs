//! The order of refusals, as the official conformance suite pins it.

use super::*;

/// What comes of a message: `-` for nothing to answer, `ok`, or the status and code.
fn verdict(headers: &[(&'static str, &str)], body: &str) -> String {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    match read(&map, body.as_bytes()) {
        Ok(Message::Noted(_)) => "-".into(),
        Ok(Message::Request(request)) => {
            format!("ok {} {}", request.id, request.name.unwrap_or_default()).trim().into()
        }
        Err(bad) => {
            format!("{} {} id {}", bad.status.as_u16(), bad.code, bad.id.map_or("null", RawValue::get))
        }
    }
}

/// MCP-Protocol-Version, Mcp-Method, Mcp-Name, the body's method, its `_meta`, and what comes of it. `-` is nothing,
/// `+` joins values of a header that comes twice, `2026` is the modern revision and `9999` one that nobody knows.
const TABLE: &str = "
    -          -               -                 tools/list      -          ok 7
    -          -               -                 tools/call      -          ok 7 a
    -          -               -                 initialize      -          ok 7
    2025-11-25 -               -                 tools/call      -          ok 7 a
    2025-03-26 -               -                 ping            -          ok 7
    2026       tools/list      -                 tools/list      2026       ok 7
    2026       tools/call      a                 tools/call      2026       ok 7 a
    2026       tools/call      =?base64?YQ==?=   tools/call      2026       ok 7 a
    2026       server/discover -                 server/discover 2026       ok 7
    2026       no/such         -                 no/such         2026       ok 7
    -          tools/list      -                 tools/list      2026       400 -32020 id 7
    2025-11-25 tools/list      -                 tools/list      2026       400 -32020 id 7
    9999       tools/list      -                 tools/list      2026       400 -32020 id 7
    2026       tools/list      -                 tools/list      9999       400 -32020 id 7
    2026+2026  tools/list      -                 tools/list      2026       400 -32020 id 7
    2026       -               -                 tools/list      2026       400 -32020 id 7
    2026       tools/call      -                 tools/list      2026       400 -32020 id 7
    2026       TOOLS/LIST      -                 tools/list      2026       400 -32020 id 7
    2026       tools/call      -                 tools/call      2026       400 -32020 id 7
    2026       tools/call      b                 tools/call      2026       400 -32020 id 7
    2026       tools/call      a+b               tools/call      2026       400 -32020 id 7
    2026       tools/call      =?base64?YQ?=     tools/call      2026       400 -32020 id 7
    2026       tools/list      -                 tools/list      -          400 -32602 id 7
    2026       tools/list      -                 tools/list      no-version 400 -32602 id 7
    2026       tools/list      -                 tools/list      null       400 -32602 id 7
    2026       tools/list      -                 tools/list      no-caps    400 -32602 id 7
    9999       tools/list      -                 tools/list      9999       400 -32022 id 7
    2025-11-25 tools/list      -                 tools/list      2025-11-25 400 -32022 id 7
    2024-11-05 tools/list      -                 tools/list      2024-11-05 400 -32022 id 7
    2024-11-05 -               -                 tools/list      -          400 -32022 id 7
    2026       initialize      -                 initialize      2026       404 -32601 id 7
    2026       ping            -                 ping            2026       404 -32601 id 7
    2026       logging/setLevel -                logging/setLevel 2026      404 -32601 id 7
";

#[test]
fn the_era_is_decided_by_metadata_and_the_order_of_refusals_is_the_pinned_one() {
    let revision = |word: &str| match word {
        "2026" => MODERN.to_owned(),
        "9999" => "9999-01-01".to_owned(),
        other => other.to_owned(),
    };
    for row in TABLE.lines().filter(|row| !row.trim().is_empty()) {
        let cells: Vec<_> = row.split_whitespace().collect();
        let names = ["mcp-protocol-version", "mcp-method", "mcp-name"];
        let headers: Vec<(&'static str, String)> = names
            .into_iter()
            .zip(&cells)
            .filter(|(_, cell)| **cell != "-")
            .flat_map(|(name, cell)| cell.split('+').map(move |value| (name, revision(value))))
            .collect();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (version, capabilities) = (
            r#""io.modelcontextprotocol/protocolVersion":"#,
            r#""io.modelcontextprotocol/clientCapabilities":{}"#,
        );
        let meta = match cells[4] {
            "-" => r#""progressToken":1"#.to_owned(),
            "no-version" => capabilities.to_owned(),
            "no-caps" => format!(r#"{version}"{MODERN}""#),
            "null" => format!("{version}null,{capabilities}"),
            word => format!(r#"{version}"{}",{capabilities}"#, revision(word)),
        };
        let name = if cells[3] == "tools/call" { r#""name":"a","# } else { "" };
        let method = cells[3];
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{{{name}"_meta":{{{meta}}}}}}}"#
        );
        assert_eq!(verdict(&headers, &body), cells[5..].join(" "), "{row}");
    }
}

#[test]
fn blanks_around_a_header_do_not_count() {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let body = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{{{meta}}}}}"#);
    let headers = [("mcp-protocol-version", " 2026-07-28 "), ("mcp-method", " tools/list ")];
    assert_eq!(verdict(&headers, &body), "ok 7");
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
