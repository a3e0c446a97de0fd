use super::*;
use crate::oauth::client::{AuthMethod, GrantType, Metadata};
use crate::oauth::request::Prompt;

const KNOWN: Standing = Standing::Welcome(Tier::Known);
const STRANGER: Standing = Standing::Welcome(Tier::Unknown);

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
        document_hash: (kind == ClientKind::Described).then(String::new),
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
        Step::Wait => "wait",
        Step::Issue(issue) if issue.remembered => "issue, unasked",
        Step::Issue(_) => "issue",
        Step::Stop(Stop::Finished) => "finished",
        Step::Stop(Stop::Expired) => "expired",
        Step::Stop(Stop::ClientChanged) => "client changed",
        Step::Stop(Stop::OtherUser) => "other user",
        Step::Stop(Stop::NotAllowed) => "not allowed",
        Step::Stop(Stop::Denied) => "denied",
        Step::Stop(Stop::Bounce(bounce)) => bounce.error.as_str(),
    }
}

fn allowed() -> Decision {
    Decision::Allowed { user_id: "u1".into(), scope: scope() }
}

/// Every session, decision, prompt, memory, standing and kind of client: who is issued a code without being asked is one
/// case, and nobody is without a standing that lets them in.
#[test]
fn the_whole_table() {
    let sessions = [("nobody", None), ("u1", Some(session("u1", 300))), ("u2", Some(session("u2", 300)))];
    let decisions = [("open", Decision::Open), ("allowed", allowed()), ("cancelled", Decision::Cancelled)];
    let none = Prompt { none: true, ..Prompt::default() };
    let consent = Prompt { consent: true, ..Prompt::default() };
    let login = Prompt { login: true, ..Prompt::default() };
    let prompts = [("", Prompt::default()), ("none", none), ("consent", consent), ("login", login)];
    let kinds = [ClientKind::PreRegistered, ClientKind::Described, ClientKind::SelfRegistered];
    let mut issued = Vec::new();
    for (who, session) in &sessions {
        for (said, decision) in &decisions {
            for (prompt, value) in prompts {
                for (kind, standing) in kinds.iter().flat_map(|k| ALL.map(|s| (*k, s))) {
                    for (remembered, uri) in memories() {
                        let pending = pending(decision.clone(), value, uri);
                        let (client, session) = (client(kind), session.as_ref());
                        let step = next(&pending, &client, standing, session, remembered.as_ref(), NOW);
                        let line = (*who, *said, prompt, kind.as_str(), standing, uri == CALLBACK);
                        match word(&step) {
                            "issue, unasked" => issued.push((line, remembered.is_some())),
                            "issue" => assert!(*who == "u1" && *said == "allowed", "{line:?}"),
                            "wait" => assert!(*who != "nobody" && standing == Standing::Waits, "{line:?}"),
                            other => {
                                assert_eq!(other == "not allowed", standing == Standing::Refused, "{line:?}")
                            }
                        }
                        let lets_in = matches!(standing, Standing::Welcome(_));
                        assert!(lets_in || !matches!(step, Step::Issue(_) | Step::Consent(_)), "{line:?}");
                        if *said == "cancelled" && standing != Standing::Refused {
                            assert_eq!(word(&step), "access_denied");
                        }
                    }
                }
            }
        }
    }
    let mut expected = Vec::new();
    for who in ["u1", "u2"] {
        for prompt in ["", "none"] {
            for (kind, standing) in
                [("pre-registered", KNOWN), ("pre-registered", STRANGER), ("described", KNOWN)]
            {
                expected.push(((who, "open", prompt, kind, standing, true), true));
            }
        }
    }
    assert_eq!(issued, expected);
}

const ALL: [Standing; 4] = [KNOWN, STRANGER, Standing::Waits, Standing::Refused];

fn memories() -> [(Option<Remembered>, &'static str); 4] {
    let loopback = "http://127.0.0.1:9/";
    [(None, CALLBACK), (Some(yes()), CALLBACK), (None, loopback), (Some(yes()), loopback)]
}

#[test]
fn a_waiting_client_answers_a_silent_question_with_an_error_and_goes_on_once_it_is_let_in() {
    let (client, me) = (client(ClientKind::Described), session("u1", 300));
    let silent = pending(Decision::Open, Prompt { none: true, ..Prompt::default() }, CALLBACK);
    let said = pending(allowed(), Prompt::default(), CALLBACK);
    let ask = |pending: &Pending, standing| word(&next(pending, &client, standing, Some(&me), None, NOW));
    assert_eq!(ask(&silent, Standing::Waits), "consent_required");
    assert_eq!(
        ask(&said, Standing::Waits),
        "wait",
        "a yes of before does not count without the administrator's"
    );
    assert_eq!(ask(&said, KNOWN), "issue");
    assert_eq!(ask(&pending(Decision::Open, Prompt::default(), CALLBACK), KNOWN), "consent");
}

#[test]
fn each_stop_has_its_case() {
    let client_now = client(ClientKind::SelfRegistered);
    let me = session("u1", 300);
    let ask = |pending: &Pending, session: Option<&SignedIn>| {
        word(&next(pending, &client_now, KNOWN, session, None, NOW))
    };
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
        assert_eq!(word(&next(&said, &gone, KNOWN, Some(&me), None, NOW)), "client changed");
    }
}

#[test]
fn a_sign_in_that_is_too_old_is_asked_for_once_more_and_then_is_enough() {
    let client = client(ClientKind::SelfRegistered);
    let mut aged = pending(Decision::Open, Prompt::default(), CALLBACK);
    aged.request.max_age = Some(100);
    let login = pending(Decision::Open, Prompt { login: true, ..Prompt::default() }, CALLBACK);
    for pending in [&aged, &login] {
        let ask = |ago| word(&next(pending, &client, KNOWN, Some(&session("u1", ago)), None, NOW));
        assert_eq!(ask(300), "login");
        assert_eq!(ask(30), "consent");
    }
    aged.request.max_age = Some(0);
    assert_eq!(word(&next(&aged, &client, KNOWN, Some(&session("u1", 30)), None, NOW)), "consent");
}

#[test]
fn an_old_yes_does_not_count_for_more_or_for_another_document() {
    let open = pending(Decision::Open, Prompt::default(), CALLBACK);
    for kind in [ClientKind::PreRegistered, ClientKind::Described] {
        let client = client(kind);
        for other in [
            Remembered { scope: "catalog:read catalog:write".parse().unwrap(), ..yes() },
            Remembered { scope: ScopeSet::default(), ..yes() },
            Remembered { document_hash: "changed".into(), ..yes() },
            Remembered { expires_at: NOW, ..yes() },
        ] {
            let step = next(&open, &client, KNOWN, Some(&session("u1", 1)), Some(&other), NOW);
            assert_eq!(word(&step), "consent");
        }
    }
}
