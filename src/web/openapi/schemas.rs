//! The shapes that operations share.

use serde_json::{Value, json};

pub(super) fn security() -> Value {
    json!({
        "client": {"type": "http", "scheme": "basic", "description": "client_id and client_secret (RFC 6749 section 2.3.1)"},
        "bearer": {"type": "http", "scheme": "bearer", "description": "A token of this server (RFC 6750)"},
    })
}

pub(super) fn all() -> Value {
    let text = json!({"type": "string"});
    let texts = json!({"type": "array", "items": {"type": "string"}});
    let url = json!({"type": "string", "format": "uri"});
    let number = json!({"type": "integer"});
    json!({
        "Error": object(&["error", "error_description"], json!({"error": text, "error_description": text, "request_id": text})),
        "Tokens": object(&["access_token", "token_type", "expires_in", "scope"], json!({
            "access_token": text, "token_type": {"type": "string", "enum": ["Bearer", "DPoP"]}, "expires_in": number,
            "scope": text, "refresh_token": text, "id_token": text, "issued_token_type": text,
        })),
        "Introspection": object(&["active"], json!({
            "active": {"type": "boolean"}, "scope": text, "client_id": text, "username": text, "token_type": text,
            "exp": number, "iat": number, "sub": {"type": ["string", "null"]}, "aud": text, "iss": text, "jti": text,
            "cnf": {"type": "object"}, "act": {"type": "object"},
        })),
        "Device": object(&["device_code", "user_code", "verification_uri", "expires_in"], json!({
            "device_code": text, "user_code": text, "verification_uri": url, "verification_uri_complete": url,
            "expires_in": number, "interval": number,
        })),
        "Pushed": object(&["request_uri", "expires_in"], json!({"request_uri": text, "expires_in": number})),
        "Registration": object(&["redirect_uris"], json!({
            "redirect_uris": {"type": "array", "items": url, "minItems": 1}, "client_name": text, "grant_types": texts,
            "response_types": texts, "token_endpoint_auth_method": text, "scope": text, "client_uri": text, "logo_uri": text,
            "tos_uri": text, "policy_uri": text, "contacts": texts, "jwks_uri": text, "jwks": {"type": "object"},
            "application_type": text, "software_id": text, "software_version": text,
            "post_logout_redirect_uris": texts, "dpop_bound_access_tokens": {"type": "boolean"},
        })),
        "Client": object(&["client_id", "client_name", "redirect_uris", "token_endpoint_auth_method"], json!({
            "client_id": text, "client_name": text, "redirect_uris": texts, "grant_types": texts, "response_types": texts,
            "token_endpoint_auth_method": text, "client_secret": text, "client_secret_expires_at": number,
            "client_id_issued_at": number, "registration_access_token": text, "registration_client_uri": url,
        })),
        "Person": object(&["sub"], json!({"sub": text, "name": text, "preferred_username": text, "email": text})),
        "Keys": object(&["keys"], json!({"keys": {"type": "array", "items": object(&["kty", "kid", "alg", "use"], json!({}))}})),
        "Server": object(&["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"], json!({
            "issuer": url, "authorization_endpoint": url, "token_endpoint": url, "jwks_uri": url,
            "code_challenge_methods_supported": texts, "scopes_supported": texts, "grant_types_supported": texts,
        })),
        "CatalogError": object(&["error", "response"], json!({
            "error": object(&["name", "message"], json!({"name": text, "message": text})),
            "request": object(&["method", "url"], json!({"method": text, "url": text})),
            "response": object(&["statusCode"], json!({"statusCode": number})),
        })),
        "Resource": object(&["resource", "authorization_servers"], json!({
            "resource": url, "authorization_servers": texts, "scopes_supported": texts,
        })),
    })
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({"type": "object", "required": required, "properties": properties})
}
