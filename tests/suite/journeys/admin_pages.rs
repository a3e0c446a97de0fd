//! An administrator finds a client, a person and what happened, and does something about it.

use http::StatusCode;
use postern::oauth::client::{Client, ClientKind};
use postern::store;
use postern::web::pages::client::page_of;
use serde_json::Value;

use super::personal_tokens::made;
use crate::support::World;
use crate::support::browser::{Browser, Seen};
use crate::support::mcp::{Answer, rpc};
use crate::support::people::{LOOPBACK, PASSWORD, admin};
use crate::support::token::VERIFIER;
use crate::support::world::{json as read_json, text};

const OWN: [(&str, &str); 2] = [("origin", "http://localhost:8787"), ("sec-fetch-site", "same-origin")];

async fn signed_in(world: &World, email: &str, password: &str) -> Browser {
    let mut browser = Browser::default();
    let page = browser.open(world, "/login").await;
    let page = browser.sign_in(world, &page, email, password).await;
    assert_eq!(page.at, "/account", "{}", page.text);
    browser
}

async fn root(world: &World) -> Browser {
    admin(world, "root@acme.dev").await;
    signed_in(world, "root@acme.dev", PASSWORD).await
}

/// Dana signs in to `client`; the access token.
async fn token(world: &World, dana: &mut Browser, client: &Client) -> String {
    let code = dana.connect(world, client, &[]).await.parameter("code").unwrap();
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client.id.as_str()),
        ("code", &code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", LOOPBACK),
        ("resource", "http://localhost:8787/mcp"),
    ];
    let tokens = read_json(world.post_form("/token", &fields).await).await;
    tokens["access_token"].as_str().unwrap_or_else(|| panic!("{tokens}")).to_owned()
}

async fn calls(world: &World, token: &str) -> u16 {
    let request = http::Request::post("/mcp")
        .header("host", "localhost:8787")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("authorization", format!("Bearer {token}"))
        .body(rpc("tools/list", "").into());
    Answer::of(world.send(request.unwrap()).await).await.status
}

/// The page of a client, as the list links it.
async fn client_page(world: &World, browser: &mut Browser, client: &Client) -> Seen {
    let list = browser.open(world, &format!("/admin?text={}", client.id)).await;
    let link = list.text.split("href=\"/admin/clients/").nth(1).unwrap_or_else(|| panic!("{}", list.text));
    browser.open(world, &format!("/admin/clients/{}", link.split('"').next().unwrap())).await
}

/// Posts the form of `page` with these fields beside its proof.
async fn act(world: &World, browser: &mut Browser, page: &Seen, fields: &[(&str, &str)]) -> StatusCode {
    let (path, mut all) =
        page.form(if page.at.starts_with("/account") { "/account/tokens/revoke" } else { "/admin/" });
    all.retain(|(name, _)| name == "csrf");
    all.extend(fields.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
    browser.post(world, &path, &all, &OWN).await.status()
}

on_both_engines! {
    async fn the_switch_for_access_tokens_is_named_so_and_never_ended(world) {
        let mut browser = root(&world).await;
        made(&world.app, |_| {}).await;
        let list = browser.open(&world, "/admin").await;
        assert!(list.text.contains("Switch for personal access tokens"), "{}", list.text);
        assert!(!list.text.contains("?revoke=personal-access-tokens"), "{}", list.text);
        let asked = browser.open(&world, "/admin?revoke=personal-access-tokens").await;
        assert!(!asked.text.contains("for everyone?"), "{}", asked.text);
        let switch = postern::web::pages::client::page_of("personal-access-tokens");
        let page = browser.open(&world, &switch).await;
        assert!(page.text.contains("It cannot be ended") && !page.text.contains("revoke="), "{}", page.text);
        let client = world.client(ClientKind::PreRegistered, "Other", &[LOOPBACK]).await;
        let question = browser.open(&world, &format!("/admin?revoke={}", client.id)).await;
        let (path, mut fields) = question.form("/admin/revoke");
        let forged = "personal-access-tokens";
        fields.iter_mut().filter(|(name, _)| name == "client_id").for_each(|(_, value)| forged.clone_into(value));
        assert_eq!(browser.post(&world, &path, &fields, &OWN).await.status(), StatusCode::CONFLICT);

        assert!(browser.open(&world, "/account/tokens").await.text.contains("Make a token"));
        assert_eq!(act(&world, &mut browser, &page, &[("act", "suspend")]).await, StatusCode::SEE_OTHER);
        assert_eq!(act(&world, &mut browser, &page, &[("act", "suspend")]).await, StatusCode::NOT_FOUND);
        let off = browser.open(&world, "/account/tokens").await;
        assert!(!off.text.contains("Make a token") && off.text.contains(&switch), "{}", off.text);
        world.user("dana@acme.dev", PASSWORD).await;
        let mut dana = signed_in(&world, "dana@acme.dev", PASSWORD).await;
        let off = dana.open(&world, "/account/tokens").await;
        assert!(off.text.contains("Ask whoever runs") && !off.text.contains("/admin/"), "{}", off.text);
        assert_eq!(act(&world, &mut browser, &page, &[("act", "resume")]).await, StatusCode::SEE_OTHER);
        assert!(dana.open(&world, "/account/tokens").await.text.contains("Make a token"));
        let statement = "select count(*) from audit where event like 'client.%'";
        let recorded: i64 = sqlx::query_scalar(statement).fetch_one(world.app.store.read()).await.unwrap();
        assert_eq!(recorded, 2, "only what was done");
    }

    async fn the_list_of_clients_is_narrowed_by_its_address_and_comes_page_by_page(world) {
        world.client(ClientKind::PreRegistered, "Portal 100%", &["https://portal.example/cb"]).await;
        let odd = world.client(ClientKind::SelfRegistered, "Odd_One", &[LOOPBACK]).await;
        let mut root = root(&world).await;
        let all = root.open(&world, "/admin").await;
        assert!(all.text.contains("Portal 100%") && all.text.contains("Odd_One"), "{}", all.text);
        for (query, portal, odd) in [
            ("kind=pre-registered", true, false), ("kind=self-registered", false, true), ("kind=nonsense", true, true),
            ("text=odd_", false, true), ("text=d_o", false, true), ("text=d%25o", false, false), ("text=100%25", true, false),
            ("state=active", true, true), ("state=suspended", false, false), ("state=ended", false, false),
        ] {
            let page = root.open(&world, &format!("/admin?{query}")).await;
            assert_eq!((page.text.contains("<bdi>Portal 100%"), page.text.contains("<bdi>Odd_One")), (portal, odd), "{query}");
        }
        let page = client_page(&world, &mut root, &odd).await;
        assert_eq!(act(&world, &mut root, &page, &[("act", "suspend")]).await, StatusCode::SEE_OTHER);
        let page = root.open(&world, "/admin?state=suspended&text=odd").await;
        assert!(page.text.contains("<bdi>Odd_One") && !page.text.contains("<bdi>Portal"), "{}", page.text);

        for _ in 0..99 {
            world.client(ClientKind::SelfRegistered, "Many", &[LOOPBACK]).await;
        }
        let (mut path, mut seen, mut pages) = ("/admin".to_owned(), 0, 0);
        loop {
            let page = root.open(&world, &path).await;
            seen += page.text.matches("href=\"/admin/clients/").count();
            pages += 1;
            let Some(more) = page.text.split("href=\"/admin?").find(|rest| rest.contains("\">More<")) else { break };
            path = format!("/admin?{}", more.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&"));
        }
        assert_eq!((seen, pages), (101, 3), "every one, once");
    }

    /// However many press the button at once: one did it, and one is on record.
    async fn of_many_who_do_one_thing_at_once_one_is_on_record(world) {
        let editor = world.dana_and_client().await;
        let mut dana = Browser::default();
        token(&world, &mut dana, &editor).await;
        let user = store::users::list(&world.app.store).await.unwrap().pop().unwrap();
        let grant: String = sqlx::query_scalar("select id from grants").fetch_one(world.app.store.read()).await.unwrap();
        let (_, own) = made(&world.app, |_| {}).await;
        let root = root(&world).await;
        for (browser, place, fields, event) in [
            (&dana, "/account/tokens".to_owned(), vec![("id", own.as_str())], "token.ended"),
            (&root, page_of(&editor.id), vec![("act", "grant"), ("grant", grant.as_str())], "grant.revoked"),
            (&root, page_of(&editor.id), vec![("act", "suspend")], "client.suspended"),
            (&root, format!("/admin/users?ask=suspend&user={}", user.id), vec![("act", "suspend"), ("user", user.id.as_str())], "user.suspended"),
        ] {
            let mut browser = browser.clone();
            let page = browser.open(&world, &place).await;
            let all = (0..6).map(|_| {
                let (mut browser, page, world, fields) = (browser.clone(), &page, &world, &fields);
                async move { act(world, &mut browser, page, fields).await }
            });
            let all = futures_util::future::join_all(all).await;
            assert!(all.contains(&StatusCode::SEE_OTHER) && all.iter().all(|status| !status.is_server_error()), "{event}: {all:?}");
            let rows = sqlx::query_scalar("select count(*) from audit where event = $1 and outcome = 'ok'").bind(event);
            let rows: i64 = rows.fetch_one(world.app.store.read()).await.unwrap();
            assert_eq!(rows, 1, "{event}: {all:?}");
        }
    }

    async fn a_client_is_suspended_resumed_and_one_grant_of_it_ended_on_its_page(world) {
        let editor = world.dana_and_client().await;
        let mut dana = Browser::default();
        let token = token(&world, &mut dana, &editor).await;
        let mut root = root(&world).await;
        let page = client_page(&world, &mut root, &editor).await;
        for words in ["<bdi>dana@acme.dev</bdi>", "1 person, 1 live grant", "127.0.0.1:33418", "nothing of it is accepted", "cannot be brought back"] {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        assert_eq!(act(&world, &mut root, &page, &[("act", "suspend")]).await, StatusCode::SEE_OTHER);
        assert_eq!(calls(&world, &token).await, 401);
        assert_eq!(act(&world, &mut root, &page, &[("act", "suspend")]).await, StatusCode::NOT_FOUND, "it is already");
        assert_eq!(act(&world, &mut root, &page, &[("act", "resume")]).await, StatusCode::SEE_OTHER);
        assert_eq!(calls(&world, &token).await, 200, "good again");
        let grant = page.text.split("name=\"grant\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let other = world.client(ClientKind::SelfRegistered, "Other", &[LOOPBACK]).await;
        let others = client_page(&world, &mut root, &other).await;
        let bent = act(&world, &mut root, &others, &[("act", "grant"), ("grant", &grant)]).await;
        assert_eq!((bent, calls(&world, &token).await), (StatusCode::NOT_FOUND, 200), "a form of another client");
        assert_eq!(act(&world, &mut root, &page, &[("act", "grant"), ("grant", &grant)]).await, StatusCode::SEE_OTHER);
        assert_eq!(calls(&world, &token).await, 401);
        assert!(client_page(&world, &mut root, &editor).await.text.contains("Nobody lets it in at the moment"));
    }

    async fn a_person_is_suspended_and_let_go_on_but_nobody_suspends_themselves(world) {
        let editor = world.dana_and_client().await;
        let mut dana = Browser::default();
        let token = token(&world, &mut dana, &editor).await;
        let mut root = root(&world).await;
        let find = async |email: &str| {
            let email = postern::identity::user::Email::parse(email).unwrap();
            store::users::find_by_email(&world.app.store, &email).await.unwrap().unwrap().id
        };
        let (dana_id, root_id) = (find("dana@acme.dev").await, find("root@acme.dev").await);
        let list = root.open(&world, "/admin/users?text=DANA%40").await;
        assert!(list.text.contains("dana@acme.dev") && !list.text.contains("root@acme.dev"), "{}", list.text);
        let question = root.open(&world, &format!("/admin/users?ask=suspend&user={dana_id}")).await;
        assert!(question.text.contains("is refused at its next call"), "{}", question.text);
        assert_eq!(calls(&world, &token).await, 200, "looking does nothing");
        root.submit(&world, &question, "/admin/users", &[]).await;
        assert_eq!(calls(&world, &token).await, 401);
        assert!(dana.open(&world, "/account").await.wants_sign_in());
        let back = root.open(&world, &format!("/admin/users?ask=resume&user={dana_id}")).await;
        root.submit(&world, &back, "/admin/users", &[]).await;
        assert_eq!(calls(&world, &token).await, 200);
        let own = act_on(&world, &mut root, &back, &root_id, "suspend").await;
        assert_eq!(own, StatusCode::CONFLICT);
        assert_eq!(root.open(&world, "/admin/users").await.status, StatusCode::OK, "still in");
    }

    async fn a_link_sets_a_password_once_that_no_administrator_learns(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let mut dana = signed_in(&world, "dana@acme.dev", PASSWORD).await;
        let mut root = root(&world).await;
        let users = root.open(&world, "/admin/users?text=dana").await;
        let id = users.text.split("ask=link&amp;user=").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let links = async |root: &mut Browser| {
            let question = root.open(&world, &format!("/admin/users?ask=link&user={id}")).await;
            let made = root.submit(&world, &question, "/admin/users", &[]).await;
            let url = made.text.split("<pre><code>").nth(1).unwrap().split('<').next().unwrap().to_owned();
            url.strip_prefix("http://localhost:8787").unwrap().to_owned()
        };
        let old = links(&mut root).await;
        let link = links(&mut root).await;
        let mut anybody = Browser::default();
        assert_eq!(anybody.open(&world, &old).await.status, StatusCode::GONE, "a newer one took its place");
        let page = anybody.open(&world, &link).await;
        assert!(page.text.contains("dana@acme.dev"), "{}", page.text);
        let short = anybody.submit(&world, &page, "/password/", &[("password", "short")]).await;
        assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(dana.open(&world, "/account").await.at, "/account", "nothing changed yet");
        let done = anybody.submit(&world, &page, "/password/", &[("password", "one that only dana knows")]).await;
        assert!(done.wants_sign_in() && done.at == "/login", "{} {}", done.at, done.text);
        assert!(dana.open(&world, "/account").await.wants_sign_in(), "signed out everywhere");
        signed_in(&world, "dana@acme.dev", "one that only dana knows").await;
        let again = anybody.submit(&world, &page, "/password/", &[("password", "another one altogether")]).await;
        assert_eq!(again.status, StatusCode::GONE, "once");
        let late = links(&mut root).await;
        world.clock.advance(postern::limits::PASSWORD_LINK_SECONDS);
        assert_eq!(Browser::default().open(&world, &late).await.status, StatusCode::GONE, "and not for ever");
        let stored: i64 = sqlx::query_scalar("select count(*) from password_links where digest like 'pol_%'")
            .fetch_one(world.app.store.read()).await.unwrap();
        assert_eq!(stored, 0, "only digests are kept");
    }

    async fn the_audit_log_is_narrowed_by_its_address_and_exported_line_by_line(world) {
        let editor = world.dana_and_client().await;
        let mut dana = Browser::default();
        token(&world, &mut dana, &editor).await;
        let mut root = root(&world).await;
        let page = root.open(&world, "/admin/audit?event=consent.allowed").await;
        assert_eq!(page.text.matches("<code>consent.allowed</code>").count(), 1, "{}", page.text);
        assert!(page.text.contains("<bdi>dana@acme.dev</bdi>") && page.text.contains("<bdi>VS Code</bdi>"), "{}", page.text);
        let request = page.text.split("?request=").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let trace = root.open(&world, &format!("/admin/audit?request={request}")).await;
        assert!(trace.text.contains("<code>consent.allowed</code>") && !trace.text.contains("<code>user.sign-in</code>"));
        let hers = root.open(&world, "/admin/audit?user=dana%40acme.dev").await;
        assert!(hers.text.contains("<code>user.sign-in</code>") && !hers.text.contains("<bdi>root@acme.dev"), "{}", hers.text);
        let nobody = root.open(&world, "/admin/audit?user=nobody%40acme.dev").await;
        assert!(nobody.text.contains("Nobody signs in with that address") && !nobody.text.contains("<code>user."), "{}", nobody.text);

        let export = format!("/admin/audit.jsonl?client={}&event=consent.allowed", editor.id);
        let file = root.open(&world, &export).await;
        assert!(file.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
        let lines: Vec<Value> = file.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 1, "{}", file.text);
        assert!(lines[0]["event"] == "consent.allowed" && lines[0]["client_id"] == editor.id.as_str(), "{}", lines[0]);
        let noted = root.open(&world, "/admin/audit?event=audit.exported").await;
        assert_eq!(noted.text.matches("<code>audit.exported</code>").count(), 1, "the export is on record itself");
        let whole = root.open(&world, "/admin/audit.jsonl").await;
        assert!(whole.text.lines().count() > 4, "{}", whole.text);
    }

    /// Attack I01: each of these pages and forms, as a stranger and as somebody who is no administrator.
    async fn nobody_but_an_administrator_sees_or_does_any_of_it(world) {
        let editor = world.dana_and_client().await;
        let mut dana = signed_in(&world, "dana@acme.dev", PASSWORD).await;
        let mut root = root(&world).await;
        let page = client_page(&world, &mut root, &editor).await;
        let (client, _) = page.form("/admin/clients/");
        for path in ["/admin", "/admin/users", "/admin/audit", "/admin/audit.jsonl", &client] {
            assert!(Browser::default().open(&world, path).await.wants_sign_in(), "{path}");
            assert_eq!(dana.open(&world, path).await.status, StatusCode::FORBIDDEN, "{path}");
        }
        for (path, fields) in [(client.as_str(), [("act", "suspend"), ("csrf", "pof_x")]), ("/admin/users", [("act", "link"), ("csrf", "pof_x")])] {
            let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(dana.post(&world, path, &fields, &OWN).await.status(), StatusCode::FORBIDDEN, "{path}");
            assert_eq!(root.post(&world, path, &fields, &OWN).await.status(), StatusCode::FORBIDDEN, "without a proof");
        }
        let foreign = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
        let (_, mut good) = page.form("/admin/clients/");
        good.push(("act".into(), "suspend".into()));
        // The proof alone is not enough: whoever was an administrator when the page came may be none when the form does.
        let may = async |statement: &'static str| {
            sqlx::query(statement).execute(world.app.store.write()).await.unwrap();
        };
        may("update users set admin_at = null").await;
        assert_eq!(root.post(&world, &client, &good, &OWN).await.status(), StatusCode::FORBIDDEN);
        may("update users set admin_at = 1 where email like 'root%'").await;
        let refused = root.post(&world, &client, &good, &foreign).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{}", text(refused).await);
        assert!(store::clients::find(&world.app.store, &editor.id).await.unwrap().unwrap().is_active());
    }
}

async fn act_on(world: &World, browser: &mut Browser, page: &Seen, user: &str, what: &str) -> StatusCode {
    act(world, browser, page, &[("user", user), ("act", what)]).await
}
