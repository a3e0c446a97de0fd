//! Proof Key for Code Exchange, S256 only (RFC 7636): whoever redeems a code is whoever asked for it (attack B04).

use crate::secret::Digest;

/// A code verifier of the right form (RFC 7636 section 4.1).
#[derive(Clone, Copy)]
pub struct Verifier<'a>(&'a str);

impl<'a> Verifier<'a> {
    /// 43 to 128 unreserved characters; anything else could never have made a challenge.
    pub fn parse(text: &'a str) -> Option<Self> {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        ((43..=128).contains(&text.len()) && text.bytes().all(unreserved)).then_some(Self(text))
    }

    /// Whether `challenge` was made from it: BASE64URL(SHA256(verifier)), compared in constant time (section 4.6).
    pub fn answers(self, challenge: &str) -> bool {
        Digest::of(self.0).matches(&Digest::from_column(challenge.to_owned()))
    }
}

/// Whether `challenge` is 43 characters of base64url, which is what SHA-256 gives (RFC 7636 section 4.2).
pub fn is_s256(challenge: &str) -> bool {
    challenge.len() == 43 && challenge.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_fits() {
        let verifier = Verifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        assert!(verifier.answers("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
        assert!(!verifier.answers("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "plain is not S256");
    }

    #[test]
    fn a_verifier_is_43_to_128_unreserved_characters() {
        for (text, fits) in [
            ("a".repeat(42), false),
            ("a".repeat(43), true),
            ("~".repeat(128), true),
            ("a".repeat(129), false),
            (format!("{}+", "a".repeat(42)), false),
            (format!("{}é", "a".repeat(42)), false),
        ] {
            assert_eq!(Verifier::parse(&text).is_some(), fits, "{text}");
        }
    }
}
