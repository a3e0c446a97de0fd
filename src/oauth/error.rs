//! Why the token side refuses: rich for the log, terse on the wire, joined by one match (RFC 6749 section 5.2).

use super::assertion::AssertionRefusal;

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
        }
    }
}

/// Why a request is refused. The sentence is for whoever debugs a client: it never holds what was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The form itself is wrong.
    #[error("{0}")]
    Malformed(&'static str),
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
    #[error("grant_type must be authorization_code, refresh_token or client_credentials")]
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
    /// More than was granted.
    #[error("scope is more than was granted")]
    MoreScope,
    /// Not a scope parameter.
    #[error("scope is malformed")]
    BadScope,
}

impl Refusal {
    /// What the wire says.
    pub fn code(self) -> Code {
        match self {
            Self::Malformed(_) | Self::Missing(_) | Self::TwoMethods => Code::InvalidRequest,
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
            | Self::UserInactive => Code::InvalidGrant,
            Self::OtherResource => Code::InvalidTarget,
            Self::MoreScope | Self::BadScope => Code::InvalidScope,
        }
    }
}
