//! What may be used once: identifiers of assertions and proofs that somebody else signed, remembered on all nodes.

use super::{Result, Store, Tx};
use crate::clock::Time;
use crate::secret::Digest;

/// What kind of thing is used. Two kinds never take each other's identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The `jti` of a client assertion, by the client that signed it (RFC 7523 section 3).
    ClientAssertion,
    /// The `jti` of a DPoP proof, by the thumbprint of its key (RFC 9449 section 11.1).
    DpopProof,
    /// The `jti` of an identity assertion, by the identity provider that signed it (ID-JAG).
    IdentityAssertion,
    /// The sealed state of a call in several rounds, whose answers lead to an effect.
    McpRound,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::ClientAssertion => "client-assertion",
            Self::DpopProof => "dpop-proof",
            Self::IdentityAssertion => "identity-assertion",
            Self::McpRound => "mcp-round",
        }
    }
}

/// Uses `id` of `issuer`, and says whether this was the first time. Of many at once, on whatever nodes, one is the first:
/// the database decides by one statement. Remembered until `expires_at`, which must not be before the moment from which
/// the thing is refused for its age, tolerance for clocks included.
///
/// # Errors
/// [`super::Error::Database`]; the caller refuses then, since it does not know.
pub async fn use_once(store: &Store, kind: Kind, issuer: &str, id: &str, expires_at: Time) -> Result<bool> {
    let digest = digest(kind, issuer, id);
    let first = sqlx::query(USE).bind(digest.as_str()).bind(expires_at.micros());
    Ok(first.fetch_optional(store.write()).await?.is_some())
}

/// The same as part of a transaction: what is rolled back was not used.
///
/// # Errors
/// As [`use_once`].
pub async fn use_once_in(tx: &mut Tx, kind: Kind, issuer: &str, id: &str, expires_at: Time) -> Result<bool> {
    let digest = digest(kind, issuer, id);
    let first = sqlx::query(USE).bind(digest.as_str()).bind(expires_at.micros());
    Ok(first.fetch_optional(&mut **tx).await?.is_some())
}

const USE: &str = "insert into replays (digest, expires_at) values ($1, $2) on conflict (digest) do nothing returning digest";

/// The lengths stand before the texts, so that no two pairs make the same text.
fn digest(kind: Kind, issuer: &str, id: &str) -> Digest {
    Digest::of(&format!("{} {} {issuer} {id}", kind.as_str(), issuer.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_pairs_are_one() {
        let all = [
            digest(Kind::ClientAssertion, "a b", "c"),
            digest(Kind::ClientAssertion, "a", "b c"),
            digest(Kind::DpopProof, "a", "b c"),
            digest(Kind::ClientAssertion, "", "a b c"),
            digest(Kind::ClientAssertion, "1 a b", "c"),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|other| other != one), "{at}");
        }
    }
}
