//! Signed answers to an introspection (RFC 9701): what a resource server can show to others as this server's word.

use serde::Serialize;
use serde_json::Value;

use super::claims::sign;
use super::key::SigningKey;
use crate::clock::Time;

/// The media type that asks for a signed answer, and that it has (section 4).
pub const MEDIA_TYPE: &str = "application/token-introspection+jwt";

/// Neither `sub` nor `exp` stands at the top, so that nothing takes the answer for an access token (section 5).
#[derive(Serialize)]
struct Wire<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    token_introspection: &'a Value,
}

/// Signs `answer` for the client that asked, with the type `token-introspection+jwt`, so that it can never pass for
/// another kind of token (section 8.1, attack F03).
///
/// # Errors
/// Where the key cannot sign, which a key that was loaded can.
pub fn signed(
    answer: &Value,
    issuer: &str,
    client_id: &str,
    key: &SigningKey,
    now: Time,
) -> Result<String, jsonwebtoken::errors::Error> {
    let wire = Wire { iss: issuer, aud: client_id, iat: now.seconds(), token_introspection: answer };
    sign("token-introspection+jwt", &wire, key)
}

/// Whether an `Accept` header asks for a signed answer and does not forbid it (RFC 9110 section 12.5.1). Whoever takes
/// anything gets plain JSON, as RFC 7662 has it.
pub fn is_asked_for(accept: &str) -> bool {
    accept.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(MEDIA_TYPE));
        named
            && !parts.any(|part| {
                matches!(part.to_ascii_lowercase().as_str(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whoever_names_it_gets_a_signed_answer() {
        for (accept, expected) in [
            ("application/token-introspection+jwt", true),
            ("application/json;q=0.5, Application/Token-Introspection+JWT", true),
            ("application/token-introspection+jwt;q=0.3", true),
            ("application/token-introspection+jwt;q=0", false),
            ("application/json", false),
            ("application/jwt", false),
            ("*/*", false),
            ("", false),
        ] {
            assert_eq!(is_asked_for(accept), expected, "{accept}");
        }
    }
}
