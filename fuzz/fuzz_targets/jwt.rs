//! An access token, a client assertion, a DPoP proof and a key set from a stranger: nothing that a known key did not sign
//! is ever believed (attacks F01, F03, E05), and of what one did sign only what is for here and now.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jsonwebtoken::{Algorithm as Library, EncodingKey, crypto};
use libfuzzer_sys::fuzz_target;
use postern::clock::Time;
use postern::config::Algorithm;
use postern::oauth::assertion::{self, Assertion};
use postern::oauth::claims::verify_for_any_audience;
use postern::oauth::dpop::{self, Target};
use postern::oauth::key::{KeyRing, SigningKey};
use postern::oauth::key_set::KeySet;
use postern::{limits, secret};
use serde_json::{Value, json};

const ISSUER: &str = "https://postern.example";
const URL: &str = "https://postern.example/token";
const NOW: Time = Time::from_seconds(1_800_000_000);

struct Signer {
    ring: KeyRing,
    set: KeySet,
    key: EncodingKey,
    jwk: Value,
}

static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
    let pkcs8 = secret::private_key(Algorithm::Es256);
    let signing = SigningKey::from_pkcs8(&pkcs8, Algorithm::Es256, Time::from_micros(0)).unwrap();
    let jwk = serde_json::to_value(&signing.public).unwrap();
    let set = KeySet::read(&json!({"keys": [jwk]})).unwrap();
    let ring = KeyRing::new(signing, vec![]).unwrap();
    Signer { ring, set, key: EncodingKey::from_ec_der(&pkcs8), jwk }
});

impl Signer {
    fn sign(&self, header: &Value, claims: &str) -> String {
        let message = format!("{}.{}", BASE64URL.encode(header.to_string()), BASE64URL.encode(claims));
        let signature = crypto::sign(message.as_bytes(), &self.key, Library::ES256).unwrap();
        format!("{message}.{signature}")
    }
}

fuzz_target!(|text: &str| {
    // Of whatever kind it is taken for; with our key id too, so that more than the first look is reached.
    let named = text.replace("KID", &SIGNER.ring.signing().kid);
    for text in [text, &named] {
        unsigned(text);
    }
    signed(text);
    if let Ok(set) = serde_json::from_str::<Value>(text) {
        key_set(&set);
    }
});

fn unsigned(text: &str) {
    assert!(verify_for_any_audience(text, &SIGNER.ring, ISSUER, NOW).is_err());
    if let Ok(assertion) = Assertion::read(Some(assertion::TYPE), text, None) {
        assert!(assertion.verify(&SIGNER.set, None, &[ISSUER.to_owned()], NOW).is_err());
    }
    let _ = dpop::verify(text, Target { method: "POST", url: URL, token: None }, NOW);
}

/// The same words as claims, signed as they should be.
fn signed(claims: &str) {
    let assertion = SIGNER.sign(&json!({"alg": "ES256", "kid": SIGNER.ring.signing().kid}), claims);
    if let Ok(assertion) = Assertion::read(Some(assertion::TYPE), &assertion, None)
        && let Ok(once) = assertion.verify(&SIGNER.set, None, &[ISSUER.to_owned()], NOW)
    {
        assert!(!once.id.is_empty() && !assertion.client_id().is_empty());
        let skew = limits::ASSERTION_SKEW_SECONDS;
        assert!(once.until > NOW && once.until <= NOW.plus_seconds(limits::ASSERTION_SECONDS_MAX + 2 * skew));
    }
    let proof = SIGNER.sign(&json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": SIGNER.jwk}), claims);
    if let Ok(proof) = dpop::verify(&proof, Target { method: "POST", url: URL, token: None }, NOW) {
        assert!(!proof.id.is_empty() && dpop::is_thumbprint(&proof.key));
        assert!(proof.ends_at > NOW && proof.ends_at <= NOW.plus_seconds(2 * limits::DPOP_PROOF_SECONDS));
    }
    // Neither is an access token, whatever it claims: the type says what it is.
    for other in [&assertion, &proof] {
        assert!(verify_for_any_audience(other, &SIGNER.ring, ISSUER, NOW).is_err());
    }
}

fn key_set(set: &Value) {
    let Ok(keys) = KeySet::read(set) else { return };
    let stranger = Assertion::read(Some(assertion::TYPE), &STRANGER, None).unwrap();
    assert!(stranger.verify(&keys, None, &[ISSUER.to_owned()], NOW).is_err(), "a key that signed nothing proves it");
}

/// A good assertion by a key that no input can name: it was made when this process began.
static STRANGER: LazyLock<String> = LazyLock::new(|| {
    let claims = json!({"iss": "a", "sub": "a", "aud": ISSUER, "jti": "1", "exp": 1_800_000_030});
    SIGNER.sign(&json!({"alg": "ES256"}), &claims.to_string())
});
