//! Attacks with links for a new password: one is no better than who made it, and no older than the password.

use http::StatusCode;
use postern::identity::password;
use postern::store;

use crate::support::World;
use crate::support::browser::Browser;
use crate::support::people::{PASSWORD, admin};

const NEW: &str = "another horse altogether";

/// A link for Dana, made by an administrator; and the administrator's id.
async fn link(world: &World) -> (String, String, String) {
    let dana = world.user("dana@acme.dev", PASSWORD).await.id;
    let root = world.user("root@acme.dev", PASSWORD).await.id;
    execute(world, "update users set admin_at = 1 where id = $1", &root).await;
    let mut admin = Browser::default();
    let page = admin.open(world, "/login").await;
    admin.sign_in(world, &page, "root@acme.dev", PASSWORD).await;
    let page = admin.open(world, &format!("/admin/users?ask=link&user={dana}")).await;
    let made = admin.submit(world, &page, "/admin/users", &[]).await;
    let at = made.text.find("/password/").unwrap_or_else(|| panic!("no link: {}", made.text));
    let link = made.text[at..].split(['<', '"', ' ']).next().unwrap().to_owned();
    (link, dana, root)
}

async fn execute(world: &World, statement: &'static str, id: &str) {
    sqlx::query(statement).bind(id).execute(world.app.store.write()).await.unwrap();
}

async fn suspend(world: &World, id: &str, suspended: bool) {
    let mut tx = world.app.store.begin().await.unwrap();
    store::users::suspend(&mut tx, &world.app.store, id, suspended, world.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn status(world: &World, link: &str) -> StatusCode {
    Browser::default().open(world, link).await.status
}

on_both_engines! {
    async fn attack_a_link_ends_with_the_suspension_of_who_made_it_for_good(world) {
        let (link, _, root) = link(&world).await;
        let mut thief = Browser::default();
        let page = thief.open(&world, &link).await;
        assert_eq!(page.status, StatusCode::OK);
        suspend(&world, &root, true).await;
        assert_eq!(status(&world, &link).await, StatusCode::GONE);
        let late = thief.submit(&world, &page, "/password/", &[("password", NEW)]).await;
        assert_eq!(late.status, StatusCode::GONE, "nor by a form that was open: {}", late.text);
        suspend(&world, &root, false).await;
        assert_eq!(status(&world, &link).await, StatusCode::GONE, "what ended stays ended");
    }

    async fn attack_a_link_ends_where_who_made_it_is_no_administrator_any_more(world) {
        let (link, _, root) = link(&world).await;
        admin(&world, "other@acme.dev").await;
        assert_eq!(status(&world, &link).await, StatusCode::OK);
        let mut thief = Browser::default();
        let page = thief.open(&world, &link).await;
        execute(&world, "update users set admin_at = null where id = $1", &root).await;
        assert_eq!(status(&world, &link).await, StatusCode::GONE);
        assert_eq!(thief.submit(&world, &page, "/password/", &[("password", NEW)]).await.status, StatusCode::GONE);
    }

    async fn attack_a_link_ends_with_any_change_of_the_password(world) {
        let (link, dana, _) = link(&world).await;
        assert_eq!(status(&world, &link).await, StatusCode::OK);
        let hash = password::hash(NEW).await.unwrap();
        let mut tx = world.app.store.begin().await.unwrap();
        store::users::set_password(&mut tx, &dana, &hash, world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(status(&world, &link).await, StatusCode::GONE);
    }

    async fn attack_a_link_of_a_suspended_person_sets_nothing(world) {
        let (link, dana, _) = link(&world).await;
        let mut thief = Browser::default();
        let page = thief.open(&world, &link).await;
        suspend(&world, &dana, true).await;
        assert_eq!(status(&world, &link).await, StatusCode::GONE);
        assert_eq!(thief.submit(&world, &page, "/password/", &[("password", NEW)]).await.status, StatusCode::GONE);
    }
}
