//! A person allows less than was asked, and on a second question sees what is new.

use http::StatusCode;
use postern::oauth::client::Client;

use crate::support::World;
use crate::support::browser::{Browser, Seen};
use crate::support::people::{LOOPBACK, PASSWORD};
use crate::support::token::VERIFIER;
use crate::support::world::json as read_json;

const ALL: &str = "catalog:read openid email profile";

async fn asked(world: &World, dana: &mut Browser, client: &Client, scope: &str) -> Seen {
    let page = dana.authorize(world, client, &[("scope", scope)]).await;
    if page.wants_sign_in() { dana.sign_in(world, &page, "dana@acme.dev", PASSWORD).await } else { page }
}

/// Presses Allow with exactly these boxes ticked.
async fn allow(world: &World, dana: &mut Browser, page: &Seen, ticked: &[&str]) -> Seen {
    let (path, mut fields) = page.form("/consent/");
    fields.retain(|(name, _)| name != "scope");
    fields.extend(ticked.iter().map(|&scope| ("scope".to_owned(), scope.to_owned())));
    fields.push(("decision".to_owned(), "allow".to_owned()));
    let own = [("origin", "http://localhost:8787"), ("sec-fetch-site", "same-origin")];
    let answer = dana.post(world, &path, &fields, &own).await;
    if answer.status() == StatusCode::SEE_OTHER {
        let hub = answer.headers()["location"].to_str().unwrap().to_owned();
        return dana.open(world, &hub).await;
    }
    let (status, headers) = (answer.status(), answer.headers().clone());
    Seen { status, at: path, headers, text: crate::support::world::text(answer).await }
}

async fn tokens(world: &World, client: &Client, code: &str) -> serde_json::Value {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client.id.as_str()),
        ("code", code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", LOOPBACK),
        ("resource", "http://localhost:8787/mcp"),
    ];
    read_json(world.post_form("/token", &fields).await).await
}

on_both_engines! {
    async fn what_is_unticked_is_not_given_and_the_token_says_so(world) {
        let client = world.dana_and_client().await;
        let mut dana = Browser::default();
        let page = asked(&world, &mut dana, &client, ALL).await;
        assert!(page.asks(), "{}", page.text);
        for (scope, is_choice) in [("email", true), ("profile", true), ("catalog:read", false), ("openid", false)] {
            assert_eq!(page.text.contains(&format!("name=\"scope\" value=\"{scope}\" checked")), is_choice, "{scope}");
        }
        assert!(page.text.contains("needed · "), "{}", page.text);
        let code = allow(&world, &mut dana, &page, &["profile"]).await.parameter("code").unwrap();
        let tokens = tokens(&world, &client, &code).await;
        assert_eq!(tokens["scope"], "catalog:read openid profile", "{tokens}");
    }

    /// A form says what it likes: more than was asked, less than is needed, nothing at all.
    async fn no_form_gives_more_than_was_asked_or_takes_what_is_needed(world) {
        let client = world.dana_and_client().await;
        let mut dana = Browser::default();
        let page = asked(&world, &mut dana, &client, "catalog:read openid profile").await;
        let sent = allow(&world, &mut dana, &page, &["email", "catalog:write", "offline_access", "*"]).await;
        let tokens = tokens(&world, &client, &sent.parameter("code").unwrap()).await;
        assert_eq!(tokens["scope"], "catalog:read openid", "{tokens}");

        let other = asked(&world, &mut dana, &client, "openid email profile").await;
        let refused = allow(&world, &mut dana, &other, &[]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
        assert!(refused.text.contains("Nothing was left to allow"), "{}", refused.text);
        let still = allow(&world, &mut dana, &other, &["email"]).await;
        assert!(still.parameter("code").is_some(), "the question was still open");
    }

    async fn a_second_question_marks_what_is_new_and_folds_what_was_allowed(world) {
        let client = world.dana_and_client().await;
        let mut dana = Browser::default();
        let page = asked(&world, &mut dana, &client, "catalog:read openid").await;
        assert!(!page.text.contains("New:"), "{}", page.text);
        let code = dana.decide(&world, &page, "allow").await.parameter("code").unwrap();
        tokens(&world, &client, &code).await;

        let page = asked(&world, &mut dana, &client, "catalog:read openid email").await;
        let (new, held) = page.text.split_once("What you allowed it before").expect("something is held");
        assert!(new.contains("New: <bdi>VS Code</bdi> will also be able to:"), "{new}");
        assert!(new.contains("See your e-mail address") && !new.contains("Look up components"), "{new}");
        assert!(held.contains("Look up components"), "{held}");
        let same = asked(&world, &mut dana, &client, "catalog:read openid").await;
        assert!(!same.text.contains("New:") && same.text.contains("Look up components"), "nothing new: the whole question");

        // Taken back: everything is new again, and so it is to anybody else.
        let question = dana.open(&world, &format!("/account/apps?client={}", client.id)).await;
        dana.submit(&world, &question, "/account/apps", &[]).await;
        let page = asked(&world, &mut dana, &client, "catalog:read openid email").await;
        assert!(!page.text.contains("New:") && !page.text.contains("before"), "{}", page.text);
    }
}
