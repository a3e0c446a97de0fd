use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};

use super::*;
use crate::config::Algorithm;
use crate::oauth::key::SigningKey;
use crate::secret;

const CLIENT: &str = "c1";
const ISSUER: &str = "https://mcp.example.com";
const NOW: i64 = 1_000_000;

struct Signer {
    key: EncodingKey,
    algorithm: jsonwebtoken::Algorithm,
    jwk: Value,
}

fn signer(algorithm: Algorithm) -> Signer {
    let pkcs8 = secret::private_key(algorithm);
    let public = SigningKey::from_pkcs8(&pkcs8, algorithm, Time::from_seconds(0)).unwrap().public;
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        base64::engine::general_purpose::STANDARD.encode(&pkcs8)
    );
    let (key, algorithm) = match algorithm {
        Algorithm::Es256 => (EncodingKey::from_ec_der(&pkcs8), jsonwebtoken::Algorithm::ES256),
        Algorithm::Rs256 => {
            (EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(), jsonwebtoken::Algorithm::RS256)
        }
        Algorithm::EdDsa => (EncodingKey::from_ed_der(&pkcs8), jsonwebtoken::Algorithm::EdDSA),
    };
    let mut jwk = serde_json::to_value(public).unwrap();
    jwk.as_object_mut().unwrap().remove("alg");
    Signer { key, algorithm, jwk }
}

impl Signer {
    fn keys(&self) -> KeySet {
        KeySet::read(&json!({"keys": [self.jwk]})).unwrap()
    }

    fn header(&self) -> Value {
        json!({"alg": format!("{:?}", self.algorithm), "kid": self.jwk["kid"]})
    }

    fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }

    fn with(&self, name: &str, value: Value) -> String {
        self.sign(&self.header().to_string(), &changed(claims(), name, value).to_string())
    }

    fn headed(&self, name: &str, value: Value) -> String {
        self.sign(&changed(self.header(), name, value).to_string(), &claims().to_string())
    }
}

fn claims() -> Value {
    json!({"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "jti": "j1", "iat": NOW, "exp": NOW + 300})
}

/// A null takes the member away.
fn changed(mut object: Value, name: &str, value: Value) -> Value {
    match value {
        Value::Null => drop(object.as_object_mut().unwrap().remove(name)),
        value => object[name] = value,
    }
    object
}

fn judge_with(text: &str, keys: &KeySet, algorithm: Option<&str>) -> Result<Once, Refusal> {
    let assertion = Assertion::read(Some(TYPE), text, Some(CLIENT))?;
    Ok(assertion.verify(keys, algorithm, &[ISSUER.into()], Time::from_seconds(NOW))?)
}

fn judge(text: &str, keys: &KeySet) -> Result<Once, Refusal> {
    judge_with(text, keys, None)
}

#[test]
fn every_algorithm_that_is_offered_proves_a_client() {
    let all = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256];
    for mut signer in all.map(signer) {
        let once = judge(&signer.with("x", json!(1)), &signer.keys()).unwrap();
        let until = Time::from_seconds(NOW + 300 + limits::ASSERTION_SKEW_SECONDS);
        assert_eq!(once, Once { id: "j1".into(), until });
        if signer.algorithm == jsonwebtoken::Algorithm::RS256 {
            signer.algorithm = jsonwebtoken::Algorithm::PS256;
            assert!(judge(&signer.with("x", json!(1)), &signer.keys()).is_ok(), "PS256");
        }
    }
}

#[test]
fn what_is_said_in_another_good_way_is_accepted() {
    let signer = signer(Algorithm::Es256);
    for (name, value) in [
        ("aud", json!([ISSUER])),
        ("iat", Value::Null),
        ("iat", json!(NOW + limits::ASSERTION_SKEW_SECONDS)),
        ("nbf", json!(NOW)),
        ("exp", json!(NOW + limits::ASSERTION_SECONDS_MAX)),
        ("exp", json!(NOW as f64 + 60.5)),
        ("exp", json!(NOW - limits::ASSERTION_SKEW_SECONDS + 1)),
        ("extra", json!({"a": 1})),
    ] {
        assert!(judge(&signer.with(name, value.clone()), &signer.keys()).is_ok(), "{name} {value}");
    }
    for typ in ["JWT", "jwt", "client-authentication+jwt", "application/client-authentication+jwt"] {
        assert!(judge(&signer.headed("typ", json!(typ)), &signer.keys()).is_ok(), "{typ}");
    }
    assert!(judge(&signer.headed("kid", Value::Null), &signer.keys()).is_ok(), "no kid");
    let unnamed = Assertion::read(Some(TYPE), &signer.with("x", json!(1)), None).unwrap();
    assert_eq!(unnamed.client_id(), CLIENT);
}

#[test]
fn each_claim_that_is_not_as_it_should_be_is_refused_and_named() {
    use AssertionRefusal as No;
    let signer = signer(Algorithm::Es256);
    let token_endpoint = format!("{ISSUER}/token");
    for (name, value, expected) in [
        ("iss", json!("c2"), No::OtherClient),
        ("iss", Value::Null, No::OtherClient),
        ("sub", json!("c2"), No::OtherClient),
        ("sub", Value::Null, No::OtherClient),
        ("sub", json!(1), No::OtherClient),
        ("sub", json!("c1\0"), No::OtherClient),
        ("aud", json!(token_endpoint), No::WrongAudience),
        ("aud", json!("https://other.example/token"), No::WrongAudience),
        ("aud", json!(format!("{ISSUER}/")), No::WrongAudience),
        ("aud", json!("HTTPS://mcp.example.com"), No::WrongAudience),
        ("aud", json!([ISSUER, "https://other.example"]), No::WrongAudience),
        ("aud", json!([ISSUER, ISSUER]), No::WrongAudience),
        ("aud", json!([]), No::WrongAudience),
        ("aud", json!(""), No::WrongAudience),
        ("aud", Value::Null, No::Jwt(JwtRefusal::Claims)),
        ("aud", json!(1), No::Jwt(JwtRefusal::Claims)),
        ("exp", Value::Null, No::Jwt(JwtRefusal::Claims)),
        ("exp", json!("soon"), No::Jwt(JwtRefusal::Claims)),
        ("exp", json!(-1), No::Jwt(JwtRefusal::Claims)),
        ("exp", json!(1e300), No::Jwt(JwtRefusal::Claims)),
        ("exp", json!(i64::MAX), No::Jwt(JwtRefusal::Claims)),
        ("exp", json!(0), No::Expired),
        ("exp", json!(NOW - limits::ASSERTION_SKEW_SECONDS), No::Expired),
        ("exp", json!(NOW + limits::ASSERTION_SECONDS_MAX + limits::ASSERTION_SKEW_SECONDS + 1), No::TooLong),
        ("nbf", json!(NOW + limits::ASSERTION_SKEW_SECONDS + 1), No::TooEarly),
        ("iat", json!(NOW + limits::ASSERTION_SKEW_SECONDS + 1), No::TooEarly),
        ("jti", Value::Null, No::NoId),
        ("jti", json!(""), No::NoId),
        ("jti", json!(1), No::Jwt(JwtRefusal::Claims)),
    ] {
        let refused = judge(&signer.with(name, value.clone()), &signer.keys());
        assert_eq!(refused, Err(Refusal::Assertion(expected)), "{name} {value}");
    }
    let twice = claims().to_string().replacen('{', "{\"aud\":\"https://other.example\",", 1);
    let refused = judge(&signer.sign(&signer.header().to_string(), &twice), &signer.keys());
    assert_eq!(refused, Err(Refusal::Assertion(No::Jwt(JwtRefusal::Claims))), "a claim twice");
}

#[test]
fn a_header_chooses_neither_key_nor_algorithm() {
    use JwtRefusal as No;
    let signer = signer(Algorithm::Es256);
    let stranger = self::signer(Algorithm::Es256);
    for (name, value, expected) in [
        ("alg", json!("none"), No::Algorithm),
        ("alg", json!("None"), No::Algorithm),
        ("alg", json!("HS256"), No::Algorithm),
        ("alg", json!("ES384"), No::Algorithm),
        ("alg", json!("es256"), No::Algorithm),
        ("alg", json!(null), No::Malformed),
        ("alg", json!(1), No::Algorithm),
        ("alg", json!("RS256"), No::BadSignature),
        ("alg", json!("EdDSA"), No::BadSignature),
        ("kid", json!("other"), No::UnknownKey),
        ("kid", json!("../../dev/null"), No::UnknownKey),
        ("kid", json!("' or 1=1 --"), No::UnknownKey),
        ("kid", json!(1), No::Malformed),
        ("crit", json!(["exp"]), No::Critical),
        ("crit", json!([]), No::Critical),
        ("b64", json!(false), No::Critical),
    ] {
        let refused = judge(&signer.headed(name, value.clone()), &signer.keys());
        assert_eq!(refused, Err(Refusal::Assertion(AssertionRefusal::Jwt(expected))), "{name} {value}");
    }
    // Signed by somebody else, who brings the key along, or the address of one.
    for (name, value) in
        [("jwk", stranger.jwk.clone()), ("jku", json!("https://other.example/jwks")), ("x5c", json!(["AA"]))]
    {
        let mut header = changed(stranger.header(), name, value);
        header["kid"] = signer.jwk["kid"].clone();
        let refused = judge(&stranger.sign(&header.to_string(), &claims().to_string()), &signer.keys());
        assert_eq!(refused, Err(Refusal::Assertion(AssertionRefusal::Jwt(No::BadSignature))), "{name}");
    }
}

#[test]
fn another_kind_of_token_or_another_algorithm_than_the_registered_one_is_refused() {
    let signer = signer(Algorithm::Es256);
    for typ in ["at+jwt", "application/at+jwt", "dpop+jwt", "oauth-id-jag+jwt", "logout+jwt", ""] {
        let refused = judge(&signer.headed("typ", json!(typ)), &signer.keys());
        assert_eq!(refused, Err(Refusal::Assertion(AssertionRefusal::WrongType)), "{typ:?}");
    }
    let good = signer.with("x", json!(1));
    assert!(judge_with(&good, &signer.keys(), Some("ES256")).is_ok());
    let refused = judge_with(&good, &signer.keys(), Some("EdDSA"));
    assert_eq!(refused, Err(Refusal::Assertion(AssertionRefusal::OtherAlgorithm)));
}

#[test]
fn a_secret_made_of_the_public_key_signs_nothing() {
    // The classic confusion: HMAC with the public key's text as its secret (attack F01).
    let signer = signer(Algorithm::Rs256);
    for secret in [signer.jwk.to_string(), signer.jwk["n"].as_str().unwrap().to_owned()] {
        let header = json!({"alg": "HS256", "kid": signer.jwk["kid"]}).to_string();
        let forged = Signer {
            key: EncodingKey::from_secret(secret.as_bytes()),
            algorithm: jsonwebtoken::Algorithm::HS256,
            jwk: Value::Null,
        };
        let refused = judge(&forged.sign(&header, &claims().to_string()), &signer.keys());
        assert_eq!(refused, Err(Refusal::Assertion(AssertionRefusal::Jwt(JwtRefusal::Algorithm))));
    }
}

#[test]
fn a_text_that_is_altered_anywhere_is_refused() {
    let signer = signer(Algorithm::EdDsa);
    let good = signer.with("x", json!(1));
    let parts: Vec<&str> = good.split('.').collect();
    for bad in [
        "",
        ".",
        "..",
        "a.b.c",
        &good[..good.len() - 2],
        &format!("{good}."),
        &format!("{good}.{}", parts[2]),
        &format!("{}.{}.", parts[0], parts[1]),
        &format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86)),
        &format!("{}.{}=.{}", parts[0], parts[1], parts[2]),
        &format!("{}.{}.{}", parts[0], BASE64URL.encode("[]"), parts[2]),
    ] {
        assert!(judge(bad, &signer.keys()).is_err(), "{bad}");
    }
    let mut at = 0;
    while at < good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(judge(&String::from_utf8(bytes).unwrap(), &signer.keys()).is_err(), "byte {at}");
        at += 7;
    }
}

#[test]
fn the_form_must_say_what_it_carries() {
    let text = signer(Algorithm::Es256).with("x", json!(1));
    let read = |kind, named| Assertion::read(kind, &text, named).map(|_| ()).unwrap_err();
    assert_eq!(read(None, None), Refusal::Missing("client_assertion_type"));
    assert!(matches!(
        read(Some("urn:ietf:params:oauth:client-assertion-type:saml2-bearer"), None),
        Refusal::Malformed(_)
    ));
    assert_eq!(read(Some(TYPE), Some("c2")), Refusal::Assertion(AssertionRefusal::OtherClient));
}
