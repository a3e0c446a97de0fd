use jsonwebtoken::{EncodingKey, Header as JwtHeader};
use serde_json::json;

use super::*;
use crate::config;

const URL: &str = "https://mcp.example.com/mcp";
const NOW: Time = Time::from_seconds(1_000_000);

struct Signer {
    key: EncodingKey,
    algorithm: Algorithm,
    jwk: Value,
}

fn signer(algorithm: config::Algorithm) -> Signer {
    let pkcs8 = secret::private_key(algorithm);
    let key = crate::oauth::key::SigningKey::from_pkcs8(&pkcs8, algorithm, NOW).unwrap();
    let jwk = serde_json::to_value(&key.public).unwrap();
    let names = ["kty", "crv", "x", "y", "n", "e"];
    let jwk: serde_json::Map<String, Value> =
        names.iter().filter_map(|n| Some(((*n).to_owned(), jwk.get(n)?.clone()))).collect();
    Signer { key: key.encoding().clone(), algorithm: crate::oauth::key::jws(algorithm), jwk: jwk.into() }
}

impl Signer {
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let text = |value: &Value| BASE64URL.encode(value.to_string());
        let message = format!("{}.{}", text(header), text(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }

    fn header(&self) -> Value {
        let alg = serde_json::to_value(JwtHeader::new(self.algorithm).alg).unwrap();
        json!({"typ": "dpop+jwt", "alg": alg, "jwk": self.jwk})
    }
}

fn claims() -> Value {
    json!({"jti": "j1", "htm": "POST", "htu": URL, "iat": 1_000_000})
}

fn judge(proof: &str, token: Option<&str>) -> Result<Proof, ProofRefusal> {
    verify(proof, Target { method: "POST", url: URL, token }, NOW)
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

#[test]
fn every_algorithm_that_is_listed_proves_a_key() {
    for algorithm in [config::Algorithm::Es256, config::Algorithm::EdDsa, config::Algorithm::Rs256] {
        let signer = signer(algorithm);
        assert!(ALGORITHMS.contains(&algorithm.as_str()));
        let proof = judge(&signer.sign(&signer.header(), &claims()), None).unwrap();
        assert_eq!((proof.id.as_str(), proof.nonce), ("j1", None));
        assert_eq!(proof.ends_at, NOW.plus_seconds(limits::DPOP_PROOF_SECONDS));
        assert!(is_thumbprint(&proof.key));
    }
}

/// RFC 7638 section 3.1 and RFC 8037 appendix A.3.
#[test]
fn thumbprints_are_those_of_the_rfcs() {
    let rsa = json!({"kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29", "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"});
    assert_eq!(Key::read(&rsa, "RS256").unwrap().thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    let ed = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    assert_eq!(Key::read(&ed, "EdDSA").unwrap().thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn what_is_not_the_claims_that_the_rfc_asks_for_is_refused() {
    let signer = signer(config::Algorithm::Es256);
    let sign = |claims: &Value| signer.sign(&signer.header(), claims);
    for name in ["jti", "htm", "htu", "iat"] {
        let mut without = claims();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(judge(&sign(&without), None), Err(ProofRefusal::Malformed), "{name}");
        assert_eq!(
            judge(&sign(&with(claims(), name, json!({}))), None),
            Err(ProofRefusal::Malformed),
            "{name}"
        );
    }
    assert_eq!(judge(&sign(&with(claims(), "jti", json!(""))), None), Err(ProofRefusal::Malformed));
    assert_eq!(
        judge(&sign(&with(claims(), "jti", json!("j".repeat(257)))), None),
        Err(ProofRefusal::Malformed)
    );
    for (iat, expected) in
        [(699_999, false), (999_700, false), (999_701, true), (1_000_300, true), (1_000_301, false)]
    {
        let judged = judge(&sign(&with(claims(), "iat", json!(iat))), None);
        assert_eq!(judged.is_ok(), expected, "{iat} {judged:?}");
    }
    assert!(judge(&sign(&with(claims(), "iat", json!(1_000_000.5))), None).is_ok());
    for bad in [json!(-1), json!(1e300), json!("1000000")] {
        assert!(judge(&sign(&with(claims(), "iat", bad)), None).is_err());
    }
    for method in ["GET", "post", ""] {
        assert_eq!(judge(&sign(&with(claims(), "htm", json!(method))), None), Err(ProofRefusal::OtherTarget));
    }
}

#[test]
fn a_target_is_one_url_however_it_is_spelt_and_no_other() {
    let signer = signer(config::Algorithm::Es256);
    for (htu, expected) in [
        ("https://mcp.example.com/mcp", true),
        ("HTTPS://MCP.example.com/mcp", true),
        ("https://mcp.example.com:443/mcp", true),
        ("https://mcp.example.com/mcp?a=b", true),
        ("https://mcp.example.com/mcp#c", true),
        ("https://mcp.example.com/x/../mcp", true),
        ("https://mcp.example.com/mcp/", false),
        ("https://mcp.example.com/MCP", false),
        ("https://mcp.example.com:8443/mcp", false),
        ("http://mcp.example.com/mcp", false),
        ("https://mcp.example.com.evil.example/mcp", false),
        ("https://user@mcp.example.com/mcp", false),
        ("https:\\\\mcp.example.com/mcp", false),
        ("https://mcp.example.com/m\tcp", false),
        ("/mcp", false),
        ("", false),
    ] {
        let judged = judge(&signer.sign(&signer.header(), &with(claims(), "htu", json!(htu))), None);
        assert_eq!(judged.is_ok(), expected, "{htu} {judged:?}");
    }
}

#[test]
fn a_proof_at_a_resource_is_for_one_access_token() {
    let signer = signer(config::Algorithm::Es256);
    let sign = |claims: &Value| signer.sign(&signer.header(), claims);
    let bound = sign(&with(claims(), "ath", json!(secret::sha256_base64url(b"token"))));
    assert!(judge(&bound, Some("token")).is_ok());
    for (proof, token) in [(&bound, "other"), (&sign(&claims()), "token")] {
        assert_eq!(judge(proof, Some(token)), Err(ProofRefusal::OtherToken));
    }
}

#[test]
fn the_header_decides_nothing_that_the_key_does_not_say() {
    let (ec, rsa) = (signer(config::Algorithm::Es256), signer(config::Algorithm::Rs256));
    let header = |name: &str, value: Value| with(ec.header(), name, value);
    for (header, expected) in [
        (header("typ", json!("JWT")), ProofRefusal::WrongType),
        (header("typ", json!("at+jwt")), ProofRefusal::WrongType),
        (header("typ", Value::Null), ProofRefusal::WrongType),
        (header("alg", json!("none")), ProofRefusal::WrongAlgorithm),
        (header("alg", json!("HS256")), ProofRefusal::WrongAlgorithm),
        (header("alg", json!("RS256")), ProofRefusal::WrongAlgorithm),
        (header("alg", json!("ES384")), ProofRefusal::WrongAlgorithm),
        (header("jwk", rsa.jwk.clone()), ProofRefusal::WrongAlgorithm),
        (header("jwk", json!({})), ProofRefusal::WrongAlgorithm),
        (header("jwk", json!([])), ProofRefusal::WrongAlgorithm),
        (header("jwk", with(ec.jwk.clone(), "alg", json!("ES384"))), ProofRefusal::WrongAlgorithm),
        (header("jwk", with(ec.jwk.clone(), "d", json!("AA"))), ProofRefusal::PrivateKey),
        (header("jwk", json!({"kty": "oct", "k": "AA"})), ProofRefusal::PrivateKey),
        (header("jwk", signer(config::Algorithm::Es256).jwk), ProofRefusal::BadSignature),
        (header("crit", json!(["x"])), ProofRefusal::Malformed),
        (header("crit", Value::Null), ProofRefusal::Malformed),
        (header("b64", json!(true)), ProofRefusal::Malformed),
        (header("b64", Value::Null), ProofRefusal::Malformed),
    ] {
        assert_eq!(judge(&ec.sign(&header, &claims()), None), Err(expected), "{header}");
    }
    // A thumbprint belongs to one spelling of a key: padding bits that say nothing are refused.
    let x = ec.jwk["x"].as_str().unwrap();
    let last = if x.ends_with('A') { "B" } else { "_" };
    let other = with(ec.jwk.clone(), "x", json!(format!("{}{last}", &x[..42])));
    assert!(judge(&ec.sign(&header("jwk", other), &claims()), None).is_err());
}

/// Attack: a second spelling of one key would be a second thumbprint, and a way past whatever names the first.
#[test]
fn zeros_before_a_modulus_make_no_second_thumbprint() {
    let signer = signer(config::Algorithm::Rs256);
    let modulus = BASE64URL.decode(signer.jwk["n"].as_str().unwrap()).unwrap();
    for zeros in [1, 2, 256] {
        let padded = BASE64URL.encode([vec![0; zeros], modulus.clone()].concat());
        let header = with(signer.header(), "jwk", with(signer.jwk.clone(), "n", json!(padded)));
        assert_eq!(
            judge(&signer.sign(&header, &claims()), None),
            Err(ProofRefusal::WrongAlgorithm),
            "{zeros}"
        );
    }
}

#[test]
fn a_proof_altered_in_any_part_or_too_long_is_refused() {
    let signer = signer(config::Algorithm::EdDsa);
    let good = signer.sign(&signer.header(), &claims());
    let parts: Vec<&str> = good.split('.').collect();
    let unsigned = format!("{}.{}.", parts[0], parts[1]);
    let forged = format!(
        "{}.{}.{}",
        parts[0],
        BASE64URL.encode(with(claims(), "jti", json!("j2")).to_string()),
        parts[2]
    );
    let long = signer.sign(&signer.header(), &with(claims(), "x", json!("x".repeat(4_096))));
    let twice = BASE64URL
        .encode(r#"{"jti":"a","jti":"b","htm":"POST","htu":"https://mcp.example.com/mcp","iat":1000000}"#);
    let twice = format!("{}.{twice}.{}", parts[0], parts[2]);
    for bad in
        ["", ".", "..", "a.b.c", &unsigned, &forged, &long, &twice, &format!("{good}."), &format!(".{good}")]
    {
        assert!(judge(bad, None).is_err(), "{bad}");
    }
}

#[test]
fn a_nonce_is_good_for_two_windows_on_every_node_and_nowhere_else() {
    let (key, at) = (Vault::mint(), |windows| Time::from_seconds(windows * limits::DPOP_NONCE_SECONDS));
    let (node, other_node) = (Vault::from_base64url(&key).unwrap(), Vault::from_base64url(&key).unwrap());
    let stranger = Vault::from_base64url(&Vault::mint()).unwrap();
    let given = nonce(&node, at(7));
    for (vault, windows, expected) in [
        (&node, 7, true),
        (&other_node, 7, true),
        (&node, 8, true),
        (&node, 9, false),
        (&node, 6, false),
        (&stranger, 7, false),
    ] {
        for wanted in [true, false] {
            assert_eq!(nonce_fits(vault, Some(&given), wanted, at(windows)), expected, "{windows}");
        }
    }
    assert!(nonce_fits(&node, None, false, at(7)) && !nonce_fits(&node, None, true, at(7)));
    for bad in ["", "x", &given[1..]] {
        assert!(!nonce_fits(&node, Some(bad), false, at(7)), "{bad}");
    }
}

#[test]
fn a_thumbprint_is_a_digest() {
    assert!(is_thumbprint("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
    for bad in
        ["", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9X", "NzbLsXh8uDCcd+6MNwXF4W/7noWXFZAfHkxZsRGC9Xs"]
    {
        assert!(!is_thumbprint(bad), "{bad}");
    }
}
