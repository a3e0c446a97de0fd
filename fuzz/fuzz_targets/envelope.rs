//! A JSON-RPC message of either era, with the headers that go with it.
#![no_main]

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use postern::mcp::envelope;

fuzz_target!(|text: &str| {
    let mut headers = HeaderMap::new();
    let mut rest = text;
    for name in ["mcp-protocol-version", "mcp-method", "mcp-name"] {
        let Some((line, after)) = rest.split_once('\n') else { break };
        if let Ok(value) = HeaderValue::from_str(line)
            && !line.is_empty()
        {
            headers.insert(name, value);
        }
        rest = after;
    }
    let _ = envelope::read(&headers, rest.as_bytes());
});
