//! Why the token side refuses: rich for the log, terse on the wire, joined by one match (RFC 6749 section 5.2).

use super::assertion::AssertionRefusal;
use super::dpop::ProofRefusal;
use super::id_jag::IdJagRefusal;
use super::request::ErrorCode;

/// `text` in the characters that `error_description` may hold (RFC 6749 section 5.2): printable ASCII without the double
/// quote and the backslash, so that it can stand in a header and no name in it can end it.
pub fn printable(text: &str) -> String {
    let plain = |c| match c {
        '"' | '\u{201c}' | '\u{201d}' | '\u{2018}' | '\u{2019}' => '\'',
        '\\' => '/',
        '\u{2013}' | '\u{2014}' => '-',
        ' '..='~' => c,
        _ => '?',
    };
    text.chars().map(plain).collect()
}

/// An error code on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// RFC 6749 section 5.2.
    InvalidRequest,
    /// RFC 6749 section 5.2. Clients answer it by registering anew.
    InvalidClient,
    /// RFC 6749 section 5.2. Clients answer it by asking the person again.
    InvalidGrant,
    /// RFC 6749 section 5.2.
    UnauthorizedClient,
    /// RFC 6749 section 5.2.
    UnsupportedGrantType,
    /// RFC 6749 section 5.2.
    InvalidScope,
    /// RFC 8707 section 2.
    InvalidTarget,
    /// RFC 9449 section 5.
    InvalidDpopProof,
    /// RFC 9449 section 8. The answer brings the nonce.
    UseDpopNonce,
    /// RFC 8628 section 3.5.
    AuthorizationPending,
    /// RFC 8628 section 3.5.
    SlowDown,
    /// RFC 8628 section 3.5.
    AccessDenied,
    /// RFC 8628 section 3.5.
    ExpiredToken,
    /// What the authorization endpoint would say (RFC 9126 section 2.3).
    Request(ErrorCode),
}

impl Code {
    /// As it stands in `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::AccessDenied => "access_denied",
            Self::ExpiredToken => "expired_token",
            Self::Request(error) => error.as_str(),
        }
    }
}

/// Why a request is refused. The sentence is for whoever debugs a client: it never holds what was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The form itself is wrong.
    #[error("{0}")]
    Malformed(&'static str),
    /// A pushed authorization request is wrong, as the authorization endpoint would say it.
    #[error("{1}")]
    Request(ErrorCode, &'static str),
    /// A parameter that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Basic and a secret in the body at once (RFC 6749 section 2.3).
    #[error("the client authenticated in two ways at once")]
    TwoMethods,
    /// No such client, or one that an administrator ended.
    #[error("the client is unknown here or no longer welcome")]
    UnknownClient,
    /// A confidential client without its secret, or with a wrong one (attack E04).
    #[error("the client did not prove who it is")]
    Unproven,
    /// A client without a secret sent one, or sent it in a way it did not register (attack E04).
    #[error("the client is not registered to authenticate in this way")]
    OtherMethod,
    /// What the client signed proves nothing (attack E05).
    #[error("client_assertion {0}")]
    Assertion(#[from] AssertionRefusal),
    /// A public client where only a confidential one may ask.
    #[error("only a client with a secret or a key may ask this")]
    PublicClient,
    /// The client did not register for this grant.
    #[error("the client is not registered for this grant_type")]
    GrantNotRegistered,
    /// No grant that this server knows.
    #[error("grant_type is none of grant_types_supported")]
    UnknownGrantType,
    /// No such code or token, or no longer.
    #[error("it is unknown or has ended")]
    Unknown,
    /// Issued to another client.
    #[error("it was issued to another client")]
    OtherClient,
    /// Sent to another place than the one named.
    #[error("redirect_uri is not the one of the authorization request")]
    OtherRedirect,
    /// The code verifier does not fit the challenge.
    #[error("code_verifier does not fit the code_challenge")]
    WrongVerifier,
    /// Past its end.
    #[error("it has expired")]
    Expired,
    /// The code was used before.
    #[error("it was used before; what it gave is revoked")]
    Replayed,
    /// The refresh token was used before, and not just now.
    #[error("it was used before; this sign-in is revoked")]
    Reused,
    /// The grant behind it was revoked.
    #[error("the grant was revoked")]
    GrantRevoked,
    /// The person behind it is suspended or gone.
    #[error("the account is not active")]
    UserInactive,
    /// Another resource than the grant's.
    #[error("resource is not the one that was granted")]
    OtherResource,
    /// A resource that is none of this server's.
    #[error("resource is not one of this server")]
    UnknownResource,
    /// None of the scopes exists here.
    #[error("none of the scopes asked for exists here")]
    NoSuchScope,
    /// RFC 8693 section 2.2.2: whatever is wrong with it.
    #[error("subject_token is not acceptable: unknown, ended, bound to a key, or passed on too often")]
    BadSubject,
    /// As [`Self::BadSubject`].
    #[error("actor_token is not acceptable: it must be this client's own, and live")]
    BadActor,
    /// An identity assertion that is not taken.
    #[error("assertion {0}")]
    IdJag(IdJagRefusal),
    /// The person has not answered yet.
    #[error("nobody has answered yet; ask again after the interval")]
    AuthorizationPending,
    /// The same, and the device asks too often.
    #[error("nobody has answered yet; wait five seconds longer between two polls")]
    SlowDown,
    /// The person said no.
    #[error("the person said no")]
    AccessDenied,
    /// Nobody answered in time.
    #[error("nobody answered in time; ask for a new device_code")]
    DeviceExpired,
    /// More than was granted.
    #[error("scope is more than was granted")]
    MoreScope,
    /// Not a scope parameter.
    #[error("scope is malformed")]
    BadScope,
    /// A DPoP proof that proves nothing.
    #[error("{0}")]
    BadProof(#[from] ProofRefusal),
    /// A DPoP proof that was shown before, here or on another node.
    #[error("the DPoP proof was used before; make one for each request")]
    ProofUsed,
    /// A client that promised to prove its key did not (RFC 9449 section 5.2).
    #[error("this client registered dpop_bound_access_tokens and must send a DPoP proof")]
    NoProof,
    /// Bound to another key, or to one that was not proved.
    #[error("it is bound to a key that this request does not prove")]
    OtherKey,
    /// A proof without a nonce of ours, or with an old one.
    #[error("the DPoP proof must hold the nonce of the DPoP-Nonce header")]
    WantsNonce,
}

impl Refusal {
    /// What the wire says.
    pub fn code(self) -> Code {
        match self {
            Self::Malformed(_) | Self::Missing(_) | Self::TwoMethods | Self::BadSubject | Self::BadActor => {
                Code::InvalidRequest
            }
            Self::Request(error, _) => Code::Request(error),
            Self::UnknownClient | Self::Unproven | Self::OtherMethod | Self::Assertion(_) => {
                Code::InvalidClient
            }
            Self::PublicClient | Self::GrantNotRegistered => Code::UnauthorizedClient,
            Self::UnknownGrantType => Code::UnsupportedGrantType,
            Self::Unknown
            | Self::OtherClient
            | Self::OtherRedirect
            | Self::WrongVerifier
            | Self::Expired
            | Self::Replayed
            | Self::Reused
            | Self::GrantRevoked
            | Self::UserInactive
            | Self::OtherKey
            | Self::IdJag(_) => Code::InvalidGrant,
            Self::BadProof(_) | Self::ProofUsed | Self::NoProof => Code::InvalidDpopProof,
            Self::WantsNonce => Code::UseDpopNonce,
            Self::OtherResource | Self::UnknownResource => Code::InvalidTarget,
            Self::MoreScope | Self::BadScope | Self::NoSuchScope => Code::InvalidScope,
            Self::AuthorizationPending => Code::AuthorizationPending,
            Self::SlowDown => Code::SlowDown,
            Self::AccessDenied => Code::AccessDenied,
            Self::DeviceExpired => Code::ExpiredToken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::printable;

    proptest::proptest! {
        #[test]
        fn a_description_holds_only_what_it_may(text in proptest::prelude::any::<String>()) {
            let described = printable(&text);
            proptest::prop_assert!(described.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)));
            proptest::prop_assert_eq!(described.chars().count(), text.chars().count());
        }
    }

    #[test]
    fn what_it_may_hold_stays_as_it_is() {
        let all: String = (' '..='~').filter(|c| !['"', '\\'].contains(c)).collect();
        assert_eq!(printable(&all), all);
        assert_eq!(printable("a \"b\" \u{201c}c\u{201d} \\ \u{e9}\n"), "a 'b' 'c' / ??");
    }
}
