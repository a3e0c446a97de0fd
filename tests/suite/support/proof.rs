//! Clients with a key of their own: DPoP proofs (RFC 9449), right and wrong.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use http::Request;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey};
use postern::{config, secret};
use serde_json::{Value, json};

use super::World;
use super::token::Answer;

/// Where tokens come from.
pub const TOKEN: &str = "http://localhost:8787/token";

/// A key, and what it has signed.
pub struct Signer {
    key: EncodingKey,
    jwk: Value,
    /// Its thumbprint.
    pub thumbprint: String,
    count: std::cell::Cell<u32>,
}

impl Default for Signer {
    fn default() -> Self {
        Self::new()
    }
}

impl Signer {
    /// With a new key.
    pub fn new() -> Self {
        let key = EncodingKey::from_ec_der(&secret::private_key(config::Algorithm::Es256));
        let public = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
        let thumbprint = public.thumbprint(ThumbprintHash::SHA256).unwrap();
        let whole = serde_json::to_value(&public).unwrap();
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": whole["x"], "y": whole["y"]});
        Self { key, jwk, thumbprint, count: std::cell::Cell::new(0) }
    }

    /// The claims of a good proof for a POST to `url` at the moment of `world`.
    pub fn claims(&self, world: &World, url: &str) -> Value {
        self.count.set(self.count.get() + 1);
        let jti = format!("{}-{}", self.thumbprint, self.count.get());
        json!({"jti": jti, "htm": "POST", "htu": url, "iat": world.clock.now().seconds()})
    }

    /// A good proof for a POST to `url`.
    pub fn proof(&self, world: &World, url: &str) -> String {
        self.sign(&self.claims(world, url))
    }

    /// A good proof for a POST to `url` with `token`.
    pub fn proof_with(&self, world: &World, url: &str, token: &str) -> String {
        let mut claims = self.claims(world, url);
        claims["ath"] = json!(secret::sha256_base64url(token.as_bytes()));
        self.sign(&claims)
    }

    /// Any claims, signed.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk}), claims)
    }

    /// Any claims under any header, signed.
    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let text = |value: &Value| BASE64URL.encode(value.to_string());
        let message = format!("{}.{}", text(header), text(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, Algorithm::ES256).unwrap();
        format!("{message}.{signature}")
    }
}

/// Posts a form with headers.
pub async fn post_with(
    world: &World,
    path: &str,
    fields: &[(&str, &str)],
    headers: &[(&str, &str)],
) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let mut request = Request::post(path)
        .header("host", "localhost:8787")
        .header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = world.send(request.body(Body::from(body)).unwrap()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = super::world::text(response).await;
    Answer { status, headers, json: serde_json::from_str(&text).unwrap_or(Value::Null) }
}

/// The header of a Basic credential.
pub fn basic(id: &str, secret: &str) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
    format!("Basic {text}")
}
