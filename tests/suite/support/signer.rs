//! A client that signs who it is, well or badly.

use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use postern::clock::Time;
use postern::config;
use postern::oauth::assertion::TYPE;
use postern::oauth::client::{AuthMethod, ClientKind, GrantType, Metadata, NewClient};
use postern::oauth::key::SigningKey;
use postern::oauth::key_set::KeySet;
use postern::{secret, store};
use serde_json::{Value, json};

use super::World;
use super::token::{Answer, REDIRECT, post};

/// The issuer of every test server.
pub const ISSUER: &str = "http://localhost:8787";

/// A key pair.
pub struct Signer {
    key: EncodingKey,
    algorithm: Algorithm,
    /// Its public half.
    pub jwk: Value,
}

impl Signer {
    /// A new pair for `ES256`, `EdDSA`, `RS256` or `PS256`.
    pub fn new(algorithm: &str) -> Self {
        let (kind, algorithm) = match algorithm {
            "ES256" => (config::Algorithm::Es256, Algorithm::ES256),
            "EdDSA" => (config::Algorithm::EdDsa, Algorithm::EdDSA),
            "RS256" => (config::Algorithm::Rs256, Algorithm::RS256),
            "PS256" => (config::Algorithm::Rs256, Algorithm::PS256),
            other => panic!("{other}"),
        };
        let pkcs8 = secret::private_key(kind);
        let body = STANDARD.encode(&pkcs8);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        let key = match kind {
            config::Algorithm::Es256 => EncodingKey::from_ec_der(&pkcs8),
            config::Algorithm::EdDsa => EncodingKey::from_ed_der(&pkcs8),
            config::Algorithm::Rs256 => EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
        };
        let public = SigningKey::from_pkcs8(&pkcs8, kind, Time::from_seconds(0)).unwrap().public;
        let mut jwk = serde_json::to_value(public).unwrap();
        jwk["alg"] = json!(format!("{algorithm:?}"));
        Self { key, algorithm, jwk }
    }

    /// Its JWK set.
    pub fn keys(&self) -> Value {
        json!({"keys": [self.jwk]})
    }

    /// A good header.
    pub fn header(&self) -> Value {
        json!({"typ": "client-authentication+jwt", "alg": self.jwk["alg"], "kid": self.jwk["kid"]})
    }

    /// Signs whatever it is told to.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }

    /// A good assertion of `client_id`, never the same twice.
    pub fn assertion(&self, world: &World, client_id: &str) -> String {
        self.sign(&self.header(), &claims(world, client_id))
    }

    /// The same with one claim changed; null takes it away.
    pub fn assertion_with(&self, world: &World, client_id: &str, name: &str, value: Value) -> String {
        let mut claims = claims(world, client_id);
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value,
        }
        self.sign(&self.header(), &claims)
    }
}

/// Good claims of `client_id`, with a new `jti`.
pub fn claims(world: &World, client_id: &str) -> Value {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = world.clock.now().seconds();
    let jti = format!("jti-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    json!({"iss": client_id, "sub": client_id, "aud": ISSUER, "jti": jti, "iat": now, "exp": now + 300})
}

/// A client with every grant that signs, with keys of its own or at an address.
pub async fn signing_client(
    world: &World,
    id: &str,
    kind: ClientKind,
    jwks: Option<Value>,
    uri: Option<&str>,
) {
    let plain = Metadata::plain(vec![REDIRECT.into()], GrantType::ALL.to_vec(), AuthMethod::PrivateKeyJwt);
    let metadata = Metadata {
        jwks: jwks.map(|jwks| KeySet::read(&jwks).unwrap()),
        jwks_uri: uri.map(str::to_owned),
        ..plain
    };
    let new = NewClient { id: id.into(), kind, name: id.into(), metadata, secret_digest: None };
    store::clients::add(&world.app.store, &new, world.clock.now()).await.unwrap();
}

/// Posts a form with an assertion.
pub async fn post_signed(world: &World, path: &str, fields: &[(&str, &str)], assertion: &str) -> Answer {
    let proof = [("client_assertion_type", TYPE), ("client_assertion", assertion)];
    post(world, path, &[fields, &proof].concat()).await
}

/// Asks for a token on the client's own behalf.
pub async fn own_token(world: &World, assertion: &str) -> Answer {
    post_signed(world, "/token", &[("grant_type", "client_credentials")], assertion).await
}
