use super::*;
use crate::oauth::members::FaultCode;

fn read(body: &Value) -> Result<Registration, Fault> {
    let supported: ScopeSet = "openid offline_access catalog:read".parse().unwrap();
    Registration::read(body.to_string().as_bytes(), &supported)
}

fn good() -> Value {
    json!({"client_name": "X", "redirect_uris": ["http://127.0.0.1/"], "token_endpoint_auth_method": "none"})
}

fn with(name: &str, value: Value) -> Value {
    let mut body = good();
    body[name] = value;
    body
}

#[test]
fn what_is_left_out_has_the_default_of_the_rfc() {
    let registration = read(&json!({"redirect_uris": ["http://127.0.0.1/"]})).unwrap();
    assert!(registration.wants_secret());
    let client = registration.into_client("c".into(), None);
    assert_eq!(client.metadata.grant_types, [GrantType::AuthorizationCode]);
    assert_eq!(client.name, "Unnamed client");
}

#[test]
fn what_is_not_offered_is_left_out_of_the_answer() {
    let device = "urn:ietf:params:oauth:grant-type:device_code";
    let asked =
        with("grant_types", json!(["authorization_code", device, "client_credentials", "refresh_token"]));
    let client = read(&asked).unwrap().into_client("c".into(), None);
    assert_eq!(client.metadata.grant_types, SELF_REGISTERED);
    for nothing_left in [json!([]), json!([device]), json!(["client_credentials"]), json!(["refresh_token"])]
    {
        assert_eq!(
            read(&with("grant_types", nothing_left)).unwrap_err().code,
            FaultCode::InvalidClientMetadata
        );
    }
}

#[test]
fn every_member_of_the_wrong_type_is_named() {
    let names =
        ["client_name", "redirect_uris", "grant_types", "response_types", "scope", "client_uri", "logo_uri"];
    for name in names {
        for wrong in [json!(1), json!({}), json!([1])] {
            let fault = read(&with(name, wrong)).unwrap_err();
            assert!(fault.why.contains(name), "{name}: {fault}");
        }
        assert!(read(&with(name, Value::Null)).is_ok() || name == "redirect_uris");
    }
}

#[test]
fn keys_unknown_methods_and_web_clients_on_this_machine_are_refused() {
    for (name, value) in [
        ("jwks", json!({"keys": []})),
        ("jwks", json!({"keys": [{"kty": "EC", "crv": "P-256", "d": "x"}]})),
        ("jwks_uri", json!("http://a.example/jwks")),
        ("token_endpoint_auth_method", json!("private_key_jwt")),
        ("token_endpoint_auth_method", json!("client_secret_jwt")),
        ("software_statement", json!("x")),
        ("software_statement", json!(1)),
        ("contacts", json!("dana@example.com")),
        ("token_endpoint_auth_method", json!("")),
        ("application_type", json!("web")),
        ("application_type", json!("other")),
        ("response_types", json!(["token"])),
        ("redirect_uris", json!([])),
        ("redirect_uris", json!(vec!["http://127.0.0.1/"; 1_000])),
        ("policy_uri", json!("JaVaScRiPt:alert(1)")),
        ("logo_uri", json!("data:image/png;base64,AA")),
    ] {
        assert!(read(&with(name, value.clone())).is_err(), "{name} {value}");
    }
}

#[test]
fn scopes_that_exist_are_kept_as_a_hint() {
    let client =
        read(&with("scope", json!("catalog:read rbac:admin"))).unwrap().into_client("c".into(), None);
    assert_eq!(client.metadata.scope.as_deref(), Some("catalog:read"));
    assert!(read(&with("scope", json!("\u{1f600}"))).is_ok());
}

#[test]
fn an_administrator_may_more_and_still_not_everything() {
    let asked = PreRegistration {
        name: "Nightly".into(),
        grant_types: vec![GrantType::ClientCredentials],
        confidential: true,
        ..PreRegistration::default()
    };
    let digest = Some(Digest::of("x"));
    assert!(pre_registered(&asked, "c".into(), digest.clone()).is_ok());
    assert!(pre_registered(&asked, "c".into(), None).is_err());
    let app = PreRegistration {
        name: "Phone".into(),
        redirect_uris: vec!["com.example.app:/cb".into()],
        ..PreRegistration::default()
    };
    let client = pre_registered(&app, "c".into(), None).unwrap();
    assert_eq!(client.metadata.grant_types, SELF_REGISTERED);
    for bad in ["javascript:alert(1)", "http://example.com/", "myapp://cb"] {
        let app = PreRegistration { redirect_uris: vec![bad.into()], ..app.clone() };
        assert!(pre_registered(&app, "c".into(), None).is_err(), "{bad}");
    }
}
