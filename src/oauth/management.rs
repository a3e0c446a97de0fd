//! A client that changes its own registration (RFC 7592 section 2.2). Pure.

use super::client::Client;
use super::members::{Fault, Members};
use super::registration::Registration;
use super::scope::ScopeSet;
use crate::secret::Digest;

/// What only the server says (RFC 7592 section 2.2).
const OURS: [&str; 4] = [
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
];

/// Reads the body of `PUT /register/{id}`. It replaces everything: what it leaves out goes back to its default. It passes
/// the same checks as a registration, and more: the client stays who it is, proves itself as it did, and asks for no
/// scope beyond the ones it registered, of which it may have none left, so that whoever finds its registration token cannot make more of it (attack A11).
///
/// # Errors
/// [`Fault`].
pub fn replacement(body: &[u8], client: &Client, supported: &ScopeSet) -> Result<Registration, Fault> {
    let members = Members::read(body)?;
    if members.text("client_id")? != Some(client.id.as_str()) {
        return Err(Fault::metadata("client_id must be there, and be the one of this registration"));
    }
    if let Some(ours) = OURS.into_iter().find(|name| members.has(name)) {
        return Err(Fault::metadata(format!("{ours} must not be there: it is the server's to say")));
    }
    if let Some(secret) = members.text("client_secret")? {
        let same = client.secret_digest.as_ref().is_some_and(|digest| digest.matches(&Digest::of(secret)));
        if !same {
            return Err(Fault::metadata("client_secret must be the current one, or not be there"));
        }
    }
    let registered = client.metadata.scope.as_deref().and_then(|text| text.parse::<ScopeSet>().ok());
    let ceiling = registered.unwrap_or_default().intersection(supported);
    let registration = Registration::of_members(&members, &ceiling)?;
    if registration.metadata().token_endpoint_auth_method != client.metadata.token_endpoint_auth_method {
        let method = client.metadata.token_endpoint_auth_method.as_str();
        return Err(Fault::metadata(format!(
            "token_endpoint_auth_method must stay {method}; register anew to use another"
        )));
    }
    Ok(registration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::oauth::client::{AuthMethod, ClientKind, GrantType, Metadata};
    use serde_json::{Value, json};

    fn client() -> Client {
        let plain = Metadata::plain(
            vec!["http://127.0.0.1/".into()],
            vec![GrantType::AuthorizationCode],
            AuthMethod::ClientSecretPost,
        );
        Client {
            id: "c1".into(),
            kind: ClientKind::SelfRegistered,
            name: "C".into(),
            metadata: Metadata { scope: Some("catalog:read".into()), ..plain },
            secret_digest: Some(Digest::of("s")),
            document_hash: None,
            registered_at: Time::from_seconds(0),
            suspended_at: None,
            revoked_at: None,
        }
    }

    fn good() -> Value {
        json!({"client_id": "c1", "client_name": "D", "redirect_uris": ["http://127.0.0.1/new"],
            "token_endpoint_auth_method": "client_secret_post", "scope": "catalog:read catalog:write"})
    }

    fn read(body: &Value) -> Result<Registration, Fault> {
        let supported = "catalog:read catalog:write".parse().unwrap();
        replacement(body.to_string().as_bytes(), &client(), &supported)
    }

    #[test]
    fn what_is_left_out_goes_back_to_its_default_and_scopes_never_grow() {
        let read = read(&good()).unwrap();
        assert_eq!(read.name(), "D");
        assert_eq!(read.metadata().redirect_uris, ["http://127.0.0.1/new"]);
        assert_eq!(read.metadata().scope.as_deref(), Some("catalog:read"));
        let mut more = good();
        more["scope"] = json!("catalog:write");
        assert_eq!(self::read(&more).unwrap().metadata().scope, None);
    }

    /// Attack A11: first without a scope, which leaves none, then with another one.
    #[test]
    fn a11_scopes_do_not_grow_in_two_steps_either() {
        let supported = "catalog:read catalog:write".parse().unwrap();
        for first in [json!("catalog:write"), json!(""), Value::Null] {
            let mut body = good();
            body["scope"] = first.clone();
            let mut stored = client();
            stored.metadata = read(&body).unwrap().metadata().clone();
            let again = replacement(good().to_string().as_bytes(), &stored, &supported).unwrap();
            assert_eq!(again.metadata().scope, None, "after {first}");
        }
    }

    #[test]
    fn a_client_stays_who_it_is() {
        for (name, value) in [
            ("client_id", json!("c2")),
            ("client_id", Value::Null),
            ("client_secret", json!("other")),
            ("registration_access_token", json!("x")),
            ("registration_client_uri", json!("x")),
            ("client_secret_expires_at", json!(0)),
            ("client_id_issued_at", json!(0)),
            ("token_endpoint_auth_method", json!("none")),
            ("token_endpoint_auth_method", Value::Null),
            ("redirect_uris", json!([])),
            ("redirect_uris", json!(["javascript:alert(1)"])),
            ("policy_uri", json!("data:text/html,x")),
        ] {
            let mut body = good();
            body[name] = value.clone();
            assert!(read(&body).is_err(), "{name} {value}");
        }
        let mut same = good();
        same["client_secret"] = json!("s");
        assert!(read(&same).is_ok());
    }
}
