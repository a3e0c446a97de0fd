//! An identity provider, `https://client.example`, whose word is taken for the client `agent`.

use std::sync::atomic::{AtomicU32, Ordering};

use postern::oauth::client::{AuthMethod, ClientKind};
use serde_json::{Value, json};

use super::World;
use super::documents::{Documents, Reply};
use super::people::PASSWORD;
use super::signer::{ISSUER, Signer};
use super::token::{Answer, SECRET, client, post_as};

/// The provider.
pub const IDP: &str = "https://client.example";

/// The provider's host, its key, and a server that trusts it.
pub struct Provider {
    /// What answers under its name.
    pub host: Documents,
    /// What it signs with.
    pub signer: Signer,
}

impl Provider {
    /// Starts it, and starts `world` again so that it trusts it; `settings` are of the provider.
    pub async fn start(world: World, settings: &Value) -> (Self, World) {
        let provider = Self { host: Documents::start().await, signer: Signer::new("ES256") };
        provider.publish(&provider.signer);
        let mut issuer = json!({"issuer": IDP, "clients": ["agent"], "link_by_email": true});
        issuer.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let world =
            provider.host.known_to_with(world, &[("trusted_issuers", &json!([issuer]).to_string())]).await;
        world.user("dana@acme.dev", PASSWORD).await;
        client(&world.app, "agent", ClientKind::PreRegistered, AuthMethod::ClientSecretBasic).await;
        (provider, world)
    }

    /// Its metadata and its keys, in one document.
    pub fn publish(&self, signer: &Signer) {
        let mut all = signer.keys();
        all["issuer"] = json!(IDP);
        all["jwks_uri"] = json!(format!("{IDP}/keys"));
        self.host.say(Reply::json(all.to_string()));
    }

    /// A good assertion about Dana, never the same twice, with claims changed; null takes one away.
    pub fn assertion(&self, world: &World, changed: &[(&str, Value)]) -> String {
        self.signer.sign(&self.header(), &claims(world, changed))
    }

    /// A good header.
    pub fn header(&self) -> Value {
        json!({"typ": "oauth-id-jag+jwt", "alg": "ES256", "kid": self.signer.jwk["kid"]})
    }
}

/// Good claims, changed.
pub fn claims(world: &World, changed: &[(&str, Value)]) -> Value {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = world.clock.now().seconds();
    let mut claims = json!({
        "iss": IDP, "sub": "00u-dana", "aud": ISSUER, "client_id": "agent",
        "jti": format!("jag-{}", NEXT.fetch_add(1, Ordering::Relaxed)), "iat": now, "exp": now + 300,
        "scope": "catalog:read", "resource": "http://localhost:8787/mcp",
        "email": "dana@acme.dev", "email_verified": true, "auth_time": now - 60,
    });
    for (name, value) in changed {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(*name)),
            value => claims[*name] = value.clone(),
        }
    }
    claims
}

/// Presents an assertion as `agent`, with fields more.
pub async fn present(world: &World, assertion: &str, more: &[(&str, &str)]) -> Answer {
    let fields = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion)];
    post_as(world, "/token", &[&fields, more].concat(), Some(&format!("agent:{SECRET}"))).await
}
