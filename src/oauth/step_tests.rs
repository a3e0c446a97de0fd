use super::*;
use crate::oauth::client::{AuthMethod, GrantType, Metadata};
use crate::oauth::request::Prompt;

const NOW: Time = Time::from_seconds(10_000);
const CALLBACK: &str = "https://app.example/cb";

fn client(kind: ClientKind) -> Client {
    Client {
        id: "c1".into(),
        kind,
        name: "C".into(),
        metadata: Metadata::plain(
            vec![CALLBACK.into(), "http://127.0.0.1/".into()],
            vec![GrantType::AuthorizationCode],
            AuthMethod::None,
        ),
        secret_digest: None,
        document_hash: None,
        registered_at: NOW,
        suspended_at: None,
        revoked_at: None,
    }
}

fn pending(decision: Decision, prompt: Prompt, redirect_uri: &str) -> Pending {
    Pending {
        request: AuthorizationRequest {
            client_id: "c1".into(),
            redirect_uri: redirect_uri.into(),
            state: None,
            code_challenge: String::new(),
            scope: scope(),
            resource: "https://mcp.example/mcp".into(),
            nonce: None,
            prompt,
            max_age: None,
            login_hint: None,
            dpop_jkt: None,
            subject: None,
            device: None,
        },
        created_at: NOW.plus_seconds(-60),
        expires_at: NOW.plus_seconds(540),
        decision,
        finished_at: None,
    }
}

fn scope() -> ScopeSet {
    "catalog:read".parse().unwrap()
}

fn session(user: &str, ago: i64) -> SignedIn {
    SignedIn { user_id: user.into(), authenticated_at: NOW.plus_seconds(-ago) }
}

fn yes() -> Remembered {
    Remembered { scope: scope(), document_hash: String::new(), expires_at: NOW.plus_seconds(1) }
}

fn word(step: &Step) -> &'static str {
    match step {
        Step::Login => "login",
        Step::Consent(_) => "consent",
        Step::Issue(issue) if issue.remembered => "issue, unasked",
        Step::Issue(_) => "issue",
        Step::Stop(Stop::Finished) => "finished",
        Step::Stop(Stop::Expired) => "expired",
        Step::Stop(Stop::ClientChanged) => "client changed",
        Step::Stop(Stop::OtherUser) => "other user",
        Step::Stop(Stop::Denied) => "denied",
        Step::Stop(Stop::Bounce(bounce)) => bounce.error.as_str(),
    }
}

fn allowed() -> Decision {
    Decision::Allowed { user_id: "u1".into(), scope: scope() }
}

/// Every session, decision, prompt, memory and kind of client: who is issued a code without being asked is one case.
#[test]
fn the_whole_table() {
    let sessions = [("nobody", None), ("u1", Some(session("u1", 300))), ("u2", Some(session("u2", 300)))];
    let decisions = [("open", Decision::Open), ("allowed", allowed()), ("cancelled", Decision::Cancelled)];
    let none = Prompt { none: true, ..Prompt::default() };
    let consent = Prompt { consent: true, ..Prompt::default() };
    let login = Prompt { login: true, ..Prompt::default() };
    let prompts = [("", Prompt::default()), ("none", none), ("consent", consent), ("login", login)];
    let mut issued = Vec::new();
    for (who, session) in &sessions {
        for (said, decision) in &decisions {
            for (prompt, value) in prompts {
                for kind in [ClientKind::PreRegistered, ClientKind::Described, ClientKind::SelfRegistered] {
                    for remembered in [None, Some(yes())] {
                        for uri in [CALLBACK, "http://127.0.0.1:9/"] {
                            let pending = pending(decision.clone(), value, uri);
                            let step =
                                next(&pending, &client(kind), session.as_ref(), remembered.as_ref(), NOW);
                            if let Step::Issue(issue) = &step {
                                let line = (
                                    *who,
                                    *said,
                                    prompt,
                                    kind.as_str(),
                                    remembered.is_some(),
                                    uri == CALLBACK,
                                );
                                assert_eq!(*who == "u1" && *said == "allowed", !issue.remembered, "{line:?}");
                                if issue.remembered {
                                    issued.push(line);
                                }
                            }
                            if *said == "cancelled" {
                                assert_eq!(word(&step), "access_denied");
                            }
                        }
                    }
                }
            }
        }
    }
    let vouched = "pre-registered";
    assert_eq!(
        issued,
        [
            ("u1", "open", "", vouched, true, true),
            ("u1", "open", "none", vouched, true, true),
            ("u2", "open", "", vouched, true, true),
            ("u2", "open", "none", vouched, true, true),
        ]
    );
}

#[test]
fn each_stop_has_its_case() {
    let client_now = client(ClientKind::SelfRegistered);
    let me = session("u1", 300);
    let ask =
        |pending: &Pending, session: Option<&SignedIn>| word(&next(pending, &client_now, session, None, NOW));
    let open = pending(Decision::Open, Prompt::default(), CALLBACK);
    assert_eq!(ask(&open, None), "login");
    assert_eq!(ask(&open, Some(&me)), "consent");
    assert_eq!(ask(&Pending { finished_at: Some(NOW), ..open.clone() }, Some(&me)), "finished");
    assert_eq!(ask(&Pending { expires_at: NOW, ..open.clone() }, Some(&me)), "expired");
    let said = pending(allowed(), Prompt::default(), CALLBACK);
    assert_eq!(ask(&said, Some(&session("u2", 1))), "other user");
    assert_eq!(ask(&said, None), "login");
    let silent = pending(Decision::Open, Prompt { none: true, ..Prompt::default() }, CALLBACK);
    assert_eq!(ask(&silent, None), "login_required");
    assert_eq!(ask(&silent, Some(&me)), "consent_required");
    for gone in [
        Client { suspended_at: Some(NOW), ..client_now.clone() },
        Client { revoked_at: Some(NOW), ..client_now.clone() },
        Client {
            metadata: Metadata { redirect_uris: vec![], ..client_now.metadata.clone() },
            ..client_now.clone()
        },
    ] {
        assert_eq!(word(&next(&said, &gone, Some(&me), None, NOW)), "client changed");
    }
}

#[test]
fn a_sign_in_that_is_too_old_is_asked_for_once_more_and_then_is_enough() {
    let client = client(ClientKind::SelfRegistered);
    let mut aged = pending(Decision::Open, Prompt::default(), CALLBACK);
    aged.request.max_age = Some(100);
    let login = pending(Decision::Open, Prompt { login: true, ..Prompt::default() }, CALLBACK);
    for pending in [&aged, &login] {
        let ask = |ago| word(&next(pending, &client, Some(&session("u1", ago)), None, NOW));
        assert_eq!(ask(300), "login");
        assert_eq!(ask(30), "consent");
    }
    aged.request.max_age = Some(0);
    assert_eq!(word(&next(&aged, &client, Some(&session("u1", 30)), None, NOW)), "consent");
}

#[test]
fn an_old_yes_does_not_count_for_more_or_for_another_document() {
    let client = client(ClientKind::PreRegistered);
    let open = pending(Decision::Open, Prompt::default(), CALLBACK);
    for other in [
        Remembered { scope: "catalog:read catalog:write".parse().unwrap(), ..yes() },
        Remembered { scope: ScopeSet::default(), ..yes() },
        Remembered { document_hash: "changed".into(), ..yes() },
        Remembered { expires_at: NOW, ..yes() },
    ] {
        assert_eq!(word(&next(&open, &client, Some(&session("u1", 1)), Some(&other), NOW)), "consent");
    }
}
