//! What next? The one question of the sign-in flow, asked by the hub alone: `web/pages/authorize.rs`.
//!
//! Every step does its work and comes back here, never to another step; so a closed tab, a second tab and the Back
//! button all land on one question with one answer.

use super::client::{Client, ClientKind, GrantType, TrustedRedirect};
use super::request::{AuthorizationRequest, Bounce, ErrorCode};
use super::scope::ScopeSet;
use super::trust::{Standing, Tier};
use crate::clock::Time;

/// An authorization request that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// What was asked.
    pub request: AuthorizationRequest,
    /// When it came.
    pub created_at: Time,
    /// From when it is too late.
    pub expires_at: Time,
    /// What the person said.
    pub decision: Decision,
    /// Set once the answer was given out.
    pub finished_at: Option<Time>,
}

/// What the person said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing yet.
    Open,
    /// Yes.
    Allowed {
        /// Who said so.
        user_id: String,
        /// To what.
        scope: ScopeSet,
    },
    /// No.
    Cancelled,
}

/// Who is signed in, as far as this question goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The user.
    pub user_id: String,
    /// When they last proved who they are.
    pub authenticated_at: Time,
}

/// A yes of earlier, for the same user, client, redirect URI and resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// What it was a yes to.
    pub scope: ScopeSet,
    /// The document it was shown with; empty for other kinds.
    pub document_hash: String,
    /// Until when it counts.
    pub expires_at: Time,
}

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Find out who this is.
    Login,
    /// Ask them.
    Consent(AnswerTo),
    /// Tell them that an administrator has to let the client in first.
    Wait,
    /// Give the answer out.
    Issue(Issue),
    /// No further.
    Stop(Stop),
}

/// Where the answer goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerTo {
    /// By this browser to the client's own place, with a code.
    Redirect(TrustedRedirect),
    /// Nowhere: a device asks again and again (RFC 8628).
    Device,
}

/// A yes that is to become a grant, and a code where there is a redirect for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Where the answer goes.
    pub to: AnswerTo,
    /// What was allowed.
    pub scope: ScopeSet,
    /// Whether nobody was asked because they said so before; then the yes is not yet on the request.
    pub remembered: bool,
}

/// Why it goes no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It was answered before; a second code would be one too many.
    Finished,
    /// It took too long.
    Expired,
    /// The client was suspended, revoked, or took its redirect URI back since (C-28).
    ClientChanged,
    /// The operator or an administrator keeps the client out, since the request came.
    NotAllowed,
    /// Somebody else said yes in this browser.
    OtherUser,
    /// An error for the client.
    Bounce(Bounce),
    /// The same, for a device.
    Denied,
}

/// Decides. `client` and its `standing` are as they are now, not as they were when the request came.
pub fn next(
    pending: &Pending,
    client: &Client,
    standing: Standing,
    session: Option<&SignedIn>,
    remembered: Option<&Remembered>,
    now: Time,
) -> Step {
    let request = &pending.request;
    if pending.finished_at.is_some() {
        return Step::Stop(Stop::Finished);
    }
    if pending.expires_at <= now {
        return Step::Stop(Stop::Expired);
    }
    let to = match &request.device {
        None => client.redirect(&request.redirect_uri).map(AnswerTo::Redirect),
        Some(_) => client.may(GrantType::DeviceCode).then_some(AnswerTo::Device),
    };
    let Some(to) = to.filter(|_| client.is_active()) else {
        return Step::Stop(Stop::ClientChanged);
    };
    let bounce = |error, description| match &to {
        AnswerTo::Device => Step::Stop(Stop::Denied),
        AnswerTo::Redirect(to) => {
            let (to, state) = (to.clone(), request.state.clone());
            Step::Stop(Stop::Bounce(Bounce { to, error, description, state }))
        }
    };
    if standing == Standing::Refused {
        return Step::Stop(Stop::NotAllowed);
    }
    if pending.decision == Decision::Cancelled {
        return bounce(ErrorCode::AccessDenied, "the person pressed Cancel");
    }
    let fresh = session.filter(|s| is_fresh_enough(s, pending, now));
    let Some(session) = fresh else {
        // prompt=none is the only case in which an error may go out before anybody signed in (RFC 9700 section 4.11.2).
        return if request.prompt.none {
            bounce(ErrorCode::LoginRequired, "nobody is signed in")
        } else {
            Step::Login
        };
    };
    if request.subject.as_ref().is_some_and(|subject| *subject != session.user_id) {
        // Whoever signed in since then is not who was asked for, so that the question ends (OpenID Connect Core section 3.1.2.1).
        let asked = request.prompt.none || session.authenticated_at >= pending.created_at;
        return if asked {
            bounce(ErrorCode::LoginRequired, "another person is signed in than the one of id_token_hint")
        } else {
            Step::Login
        };
    }
    // After the sign-in, so that nobody asks an administrator for anything without a name; before any yes counts.
    if standing == Standing::Waits {
        return if request.prompt.none {
            bounce(ErrorCode::ConsentRequired, "an administrator has to let this client in first")
        } else {
            Step::Wait
        };
    }
    if let Decision::Allowed { user_id, scope } = &pending.decision {
        if *user_id != session.user_id {
            return Step::Stop(Stop::OtherUser);
        }
        return Step::Issue(Issue { to, scope: scope.clone(), remembered: false });
    }
    if !request.prompt.consent && remembered.is_some_and(|r| covers(r, request, client, standing, &to, now)) {
        return Step::Issue(Issue { to, scope: request.scope.clone(), remembered: true });
    }
    if request.prompt.none {
        return bounce(ErrorCode::ConsentRequired, "the person has to be asked");
    }
    Step::Consent(to)
}

/// `prompt=login` and `max_age` want a sign-in after this request came; one that happened since is always enough, so
/// that the question ends.
fn is_fresh_enough(session: &SignedIn, pending: &Pending, now: Time) -> bool {
    if session.authenticated_at >= pending.created_at {
        return true;
    }
    let young = |seconds| session.authenticated_at.plus_seconds(seconds) >= now;
    !pending.request.prompt.login && pending.request.max_age.is_none_or(young)
}

/// Whether an earlier yes answers this question too. Only where nobody else can pose as the client: somebody here vouches
/// for it, by registering it or by a rule about the host of its document, and the answer goes to a host over https. A
/// program on this computer or a name that a client gave itself can be borrowed by anyone (RFC 8252 section 8.6, attacks
/// D01, D04, D05). A document that changed since is asked about again (attack A14).
fn covers(
    yes: &Remembered,
    request: &AuthorizationRequest,
    client: &Client,
    standing: Standing,
    to: &AnswerTo,
    now: Time,
) -> bool {
    let vouched = match client.kind {
        ClientKind::PreRegistered => true,
        ClientKind::Described => standing == Standing::Welcome(Tier::Known) && client.document_hash.is_some(),
        ClientKind::SelfRegistered => false,
    };
    vouched
        && matches!(to, AnswerTo::Redirect(to) if to.as_str().starts_with("https://"))
        && now < yes.expires_at
        && yes.scope == request.scope
        && yes.document_hash == client.document_hash.clone().unwrap_or_default()
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;
