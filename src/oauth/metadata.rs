//! What the server says of itself: authorization server metadata (RFC 8414, OpenID Connect Discovery) and protected
//! resource metadata (RFC 9728). Pure. Only what exists is listed.

use serde_json::{Value, json};

use super::client::{AuthMethod, GrantType};
use super::dpop;
use super::id_jag;
use super::key_set::Jws;
use super::resource::{Resource, Resources};
use super::scope::ScopeSet;
use crate::config::{Config, SelfRegistered};

/// The grants of the token endpoint that need nothing configured.
const GRANTS: [GrantType; 4] = [
    GrantType::AuthorizationCode,
    GrantType::RefreshToken,
    GrantType::ClientCredentials,
    GrantType::DeviceCode,
];

/// The document of the authorization server, the same at both of its well-known places: a client that asks for either
/// learns the same.
pub fn authorization_server(config: &Config, scopes: &ScopeSet, resources: &Resources) -> Value {
    let at = |path: &str| config.public_url.at(path);
    let methods = AuthMethod::ALL.map(AuthMethod::as_str);
    let confidential: Vec<&str> = methods.into_iter().filter(|method| *method != "none").collect();
    let algorithms = Jws::ALL.map(Jws::as_str);
    let mut grants = GRANTS.to_vec();
    if !config.exchange.is_empty() {
        grants.push(GrantType::TokenExchange);
    }
    if !config.trusted_issuers.is_empty() {
        grants.push(GrantType::JwtBearer);
    }
    let mut document = json!({
        "issuer": config.issuer(),
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "jwks_uri": at("/jwks.json"),
        "revocation_endpoint": at("/revoke"),
        "introspection_endpoint": at("/introspect"),
        "device_authorization_endpoint": at("/device_authorization"),
        "pushed_authorization_request_endpoint": at("/par"),
        "require_pushed_authorization_requests": config.clients.require_pushed,
        "userinfo_endpoint": at("/userinfo"),
        "end_session_endpoint": at("/logout"),
        "scopes_supported": scopes.iter().collect::<Vec<_>>(),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": grants.iter().map(|grant| grant.as_str()).collect::<Vec<_>>(),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_signing_alg_values_supported": [config.keys.algorithm.as_str()],
        "authorization_response_iss_parameter_supported": true,
        "dpop_signing_alg_values_supported": dpop::ALGORITHMS,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [config.keys.algorithm.as_str()],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "name", "email", "preferred_username"],
        // Their default is true in OpenID Connect Discovery section 3; neither exists here (attack B05).
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "protected_resources": resources.identifiers(),
    });
    if !config.trusted_issuers.is_empty() {
        document["authorization_grant_profiles_supported"] = json!([id_jag::PROFILE]);
    }
    // Said only where it is so: a client that is promised one way does not try the other (VS Code's R16).
    if config.clients.described.is_on() {
        document["client_id_metadata_document_supported"] = json!(true);
    }
    if config.clients.self_registered != SelfRegistered::Off {
        document["registration_endpoint"] = json!(at("/register"));
    }
    document
}

/// The document of one protected resource (RFC 9728 section 2). Its scopes are the read-only baseline: clients ask
/// for all that is listed. `offline_access` is never among them (SEP-2207).
pub fn protected_resource(config: &Config, resource: &Resource) -> Value {
    let mut document = json!({
        "resource": resource.identifier,
        "authorization_servers": [config.issuer()],
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": dpop::ALGORITHMS,
        "resource_name": resource.title,
    });
    if !resource.baseline.is_empty() {
        document["scopes_supported"] = json!(resource.baseline.iter().collect::<Vec<_>>());
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, Raw};

    fn config(set: &[(&str, &str)]) -> Config {
        let set = set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Config::from_raw(&Raw::read(&Flags { file: None, set }, |_| None).unwrap()).unwrap()
    }

    fn resources(baseline: &str) -> Resources {
        let resource = |path: &str| Resource {
            identifier: format!("http://localhost:8787{path}"),
            path: path.into(),
            title: path.into(),
            scopes: baseline.parse().unwrap(),
            baseline: baseline.parse().unwrap(),
        };
        Resources::new(vec![resource("/mcp"), resource("/mcp/ops")])
    }

    #[test]
    fn the_issuer_is_the_first_authorization_server_to_the_letter() {
        let config = config(&[]);
        let resources = resources("catalog:read");
        let server = authorization_server(&config, &resources.all()[0].scopes, &resources);
        assert_eq!(server["issuer"], "http://localhost:8787");
        for (known, listed) in resources.all().iter().zip(server["protected_resources"].as_array().unwrap()) {
            let document = protected_resource(&config, known);
            assert_eq!(server["issuer"], document["authorization_servers"][0]);
            assert_eq!((&document["resource"], &document["resource_name"]), (listed, &json!(known.path)));
        }
    }

    #[test]
    fn what_is_switched_off_is_not_named() {
        let off = config(&[("clients.described", "off"), ("clients.self_registered", "off")]);
        let resources = resources("");
        let document = authorization_server(&off, &ScopeSet::default(), &resources);
        assert!(document.get("registration_endpoint").is_none());
        assert!(document.get("client_id_metadata_document_supported").is_none());
        assert!(protected_resource(&off, &resources.all()[0]).get("scopes_supported").is_none());
    }
}
