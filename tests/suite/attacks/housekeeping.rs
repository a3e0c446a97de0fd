//! What ends, and what must not: E13, I05.

use http::StatusCode;
use postern::oauth::client::ClientKind;
use postern::ops::sweep;
use postern::store::{self, sweep::CHORES};
use postern::{limits, secret};
use sqlx::Row as _;

use crate::support::World;
use crate::support::browser::Browser;
use crate::support::people::LOOPBACK;
use crate::support::token::{is_live, post, refreshing, seed, signed_in};

async fn rows(world: &World, table: &str) -> i64 {
    let statement = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
    sqlx::query(statement).fetch_one(world.app.store.write()).await.unwrap().get(0)
}

async fn execute(world: &World, statement: &'static str) {
    sqlx::query(statement).execute(world.app.store.write()).await.unwrap();
}

on_both_engines! {
    async fn e13_a_client_is_not_swept_away_under_a_person_who_is_just_signing_in(world) {
        let client = world.dana_and_client().await;
        world.clock.advance(limits::CLIENT_NEVER_USED_SECONDS - 30);
        let mut browser = Browser::default();
        let page = browser.authorize(&world, &client, &[]).await;
        // Its week is over while the person types.
        world.clock.advance(60);
        sweep::once(&world.app).await.unwrap();
        let page = browser.sign_in(&world, &page, "dana@acme.dev", crate::support::people::PASSWORD).await;
        sweep::once(&world.app).await.unwrap();
        assert!(page.asks(), "{}", page.text);
        assert!(browser.decide(&world, &page, "allow").await.parameter("code").is_some());
    }

    async fn e13_a_client_that_nobody_signs_in_with_goes_and_is_told_so(world) {
        seed(&world).await;
        let client = world.client(ClientKind::SelfRegistered, "VS Code", &[LOOPBACK]).await;
        let (first, grant) = signed_in(&world, "catalog:read offline_access").await;
        world.clock.advance(limits::CLIENT_NEVER_USED_SECONDS + 1);
        sweep::once(&world.app).await.unwrap();
        assert!(is_live(&world, &grant).await, "the one with a live grant stays");
        assert_eq!(post(&world, "/token", &refreshing(&first.text("refresh_token"))).await.status, 200);
        let asked = [("grant_type", "refresh_token"), ("client_id", client.id.as_str()), ("refresh_token", "por_x")];
        assert_eq!(post(&world, "/token", &asked).await.error(), (401, "invalid_client"), "so that it registers anew");
        let page = Browser::default().authorize(&world, &client, &[]).await;
        assert!(page.status == StatusCode::BAD_REQUEST && page.text.contains("This app is not known here"), "{}", page.text);
    }

    async fn e13_a_sweep_beside_refreshes_ends_none_of_them(world) {
        seed(&world).await;
        let (first, _) = signed_in(&world, "catalog:read offline_access").await;
        let mut token = first.text("refresh_token");
        for _ in 0..10 {
            world.clock.advance(86_400);
            let asked = refreshing(&token);
            let (answer, swept) = tokio::join!(post(&world, "/token", &asked), sweep::once(&world.app));
            swept.unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
            token = answer.text("refresh_token");
        }
        assert_eq!(rows(&world, "refresh_tokens").await, 11, "the used ones too, so that their reuse is recognised");
    }

    async fn i05_a_deleted_account_leaves_nothing_that_opens(world) {
        seed(&world).await;
        let (first, grant) = signed_in(&world, "catalog:read offline_access").await;
        execute(&world, "insert into sessions (digest, user_id, authenticated_at, seen_at, expires_at) values ('s', 'ada', 0, 0, 9000000000000000)").await;
        execute(&world, "insert into consents (user_id, client_id, redirect_uri, resource, scope, document_hash, given_at, expires_at) values ('ada', 'app', 'r', 'r', 's', '', 0, 9000000000000000)").await;
        execute(&world, "insert into known_browsers (user_id, browser_digest, seen_at) values ('ada', 'b', 0)").await;
        execute(&world, "delete from users where id = 'ada'").await;
        for table in ["sessions", "consents", "known_browsers"] {
            assert_eq!(rows(&world, table).await, 0, "{table}");
        }
        assert!(!is_live(&world, &grant).await);
        assert_eq!(post(&world, "/token", &refreshing(&first.text("refresh_token"))).await.error(), (400, "invalid_grant"));
        world.clock.advance(world.app.config.tokens.refresh_absolute_seconds + limits::GRANTS_KEPT_SECONDS + 1);
        sweep::once(&world.app).await.unwrap();
        for table in ["grants", "refresh_tokens", "codes"] {
            assert_eq!(rows(&world, table).await, 0, "{table}");
        }
    }

    async fn a_dry_run_counts_what_a_sweep_then_takes_and_changes_nothing(world) {
        seed(&world).await;
        signed_in(&world, "catalog:read offline_access").await;
        execute(&world, "insert into links (digest, purpose, created_at, expires_at) values ('l', 'first-admin', 0, 1)").await;
        execute(&world, "insert into revoked_tokens (jti, expires_at) values ('t', 1)").await;
        execute(&world, "insert into guesses (account, failures, wait, free_at, guessed_at) values ('a', 1, 0, 1, 1)").await;
        world.clock.advance(400 * 86_400);
        let now = world.clock.now();
        let mut counted = Vec::new();
        for chore in CHORES {
            counted.push(chore.count(&world.app.store, now).await.unwrap());
        }
        assert!(counted.iter().sum::<u64>() >= 7, "{counted:?}");
        for (chore, expected) in CHORES.iter().zip(&counted) {
            assert_eq!(chore.count(&world.app.store, now).await.unwrap(), *expected, "{}", chore.name);
        }
        for (chore, rows) in store::sweep::all(&world.app.store, now).await.unwrap() {
            let at = CHORES.iter().position(|other| other.name == chore.name).unwrap();
            // A client becomes unused by the grant that went before it.
            assert!(rows == counted[at] || chore.table == "clients", "{}: {rows} and not {}", chore.name, counted[at]);
        }
        for chore in CHORES {
            assert_eq!(chore.count(&world.app.store, now).await.unwrap(), 0, "{}", chore.name);
        }
    }

    /// Another node whose clock is behind still takes what this one says has ended (attacks E05, F05).
    async fn attack_e05_what_may_not_be_used_again_outlives_the_difference_of_clocks(world) {
        let now = world.clock.now();
        for (statement, back) in [
            ("insert into revoked_tokens (jti, expires_at) values ($1, $2)", limits::ASSERTION_SKEW_SECONDS - 1),
            ("insert into replays (digest, expires_at) values ($1, $2)", limits::ASSERTION_SKEW_SECONDS - 1),
        ] {
            sqlx::query(statement).bind("x").bind(now.plus_seconds(-back).micros()).execute(world.app.store.write()).await.unwrap();
        }
        sweep::once(&world.app).await.unwrap();
        assert_eq!((rows(&world, "revoked_tokens").await, rows(&world, "replays").await), (1, 1));
        world.clock.advance(2);
        sweep::once(&world.app).await.unwrap();
        assert_eq!((rows(&world, "revoked_tokens").await, rows(&world, "replays").await), (0, 0));
    }

    /// Whoever asks for sign-ins that nobody comes to, or for devices that there are not, fills no disk.
    async fn attack_a12_requests_of_a_flood_go_oldest_first_and_what_a_person_opened_stays(world) {
        execute(&world, "insert into authorization_requests (digest, client_id, request, created_at, expires_at) \
            with recursive n(i) as (select 1 union all select i + 1 from n where i < 10050) select 'd' || i, 'app', '{}', i, 9000000000000000 from n").await;
        execute(&world, "insert into device_requests (digest, user_code_digest, client_id, request, created_at, expires_at, interval_seconds) \
            with recursive n(i) as (select 1 union all select i + 1 from n where i < 10050) select 'd' || i, 'u' || i, 'app', '{}', i, 9000000000000000, 5 from n").await;
        execute(&world, "update authorization_requests set browser_digest = 'b' where created_at = 1").await;
        let ended = world.clock.now().plus_seconds(-1).micros();
        sqlx::query("update authorization_requests set expires_at = $1 where created_at = 10050")
            .bind(ended).execute(world.app.store.write()).await.unwrap();
        sweep::once(&world.app).await.unwrap();
        assert_eq!(rows(&world, "authorization_requests where created_at = 1").await, 1, "opened");
        assert_eq!(rows(&world, "authorization_requests where created_at = 10050").await, 0, "nobody opened it in time");
        assert_eq!(rows(&world, "authorization_requests where created_at < 50").await, 1, "the oldest first");
        let most = limits::WAITING_MAX;
        let left = (rows(&world, "authorization_requests").await, rows(&world, "device_requests").await);
        assert_eq!(left, (most + 1, most));
    }

    async fn many_rows_go_in_batches_and_two_nodes_take_each_once(world) {
        let (total, now) = (u64::from(limits::SWEEP_BATCH_ROWS) * 2 + 10, world.clock.now());
        for _ in 0..total {
            sqlx::query("insert into revoked_tokens (jti, expires_at) values ($1, 1)").bind(secret::id(now)).execute(world.app.store.write()).await.unwrap();
        }
        execute(&world, "insert into revoked_tokens (jti, expires_at) values ('live', 9000000000000000)").await;
        let chore = CHORES.iter().find(|chore| chore.table == "revoked_tokens").unwrap();
        let (one, other) = tokio::join!(chore.sweep(&world.app.store, now), chore.sweep(&world.app.store, now));
        assert_eq!(one.unwrap() + other.unwrap(), total);
        assert_eq!(rows(&world, "revoked_tokens").await, 1);
    }

    /// A table with an end that no chore knows would grow for ever.
    async fn every_table_that_ends_is_swept(world) {
        let tables = match world.app.store.engine() {
            store::Engine::Sqlite => "select m.name, p.name from sqlite_master m join pragma_table_info(m.name) p where m.type = 'table'",
            store::Engine::Postgres => "select cast(table_name as text), cast(column_name as text) from information_schema.columns where table_schema = 'public'",
        };
        for row in sqlx::query(tables).fetch_all(world.app.store.write()).await.unwrap() {
            let (table, column): (String, String) = (row.get(0), row.get(1));
            if ["expires_at", "window_began_at"].contains(&column.as_str()) {
                assert!(CHORES.iter().any(|chore| chore.table == table), "{table} is never swept");
            }
        }
    }
}

#[test]
fn the_document_of_housekeeping_is_the_table_that_drives_it() {
    let document = include_str!("../../../docs/housekeeping.md");
    let lines: Vec<_> = CHORES.iter().map(store::sweep::Chore::documented).collect();
    assert!(document.contains(&lines.join("\n")), "docs/housekeeping.md should hold:\n{}", lines.join("\n"));
}
