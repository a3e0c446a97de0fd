//! Templates as forms, and runs as pages: one's own alone, and nothing that a template says becomes markup.

use serde_json::json;

use crate::support::World;
use crate::support::browser::Browser;
use crate::support::people::PASSWORD;
use crate::support::scaffolder::{add_template, run_all, with_catalog};

async fn signed_in(world: &World, email: &str) -> Browser {
    world.user(email, PASSWORD).await;
    let mut browser = Browser::default();
    let login = browser.open(world, "/login").await;
    browser.sign_in(world, &login, email, PASSWORD).await;
    browser
}

const FORM: &str = "/scaffolder/templates/default/harbour-page";

on_both_engines! {
    async fn a_person_fills_in_a_form_and_sees_what_came_of_it(world) {
        let mut ada = signed_in(&world, "ada@acme.dev").await;
        let list = ada.open(&world, "/scaffolder").await;
        assert!(list.text.contains(FORM) && list.text.contains("Page for a harbour"), "{}", list.text);
        let form = ada.open(&world, FORM).await;
        let wrong = ada.submit(&world, &form, FORM, &[("p.code", "bgo"), ("p.harbour", "")]).await;
        assert_eq!(wrong.status, 422);
        assert!(wrong.text.contains("does not match") && wrong.text.contains("is required"), "{}", wrong.text);
        assert!(wrong.text.contains("value=\"bgo\""), "what was typed is still there");
        let run = ada.submit(&world, &wrong, FORM, &[("p.code", "BGO"), ("p.harbour", "Bergen"), ("p.languages", "no")]).await;
        assert!(run.at.starts_with("/scaffolder/tasks/") && run.text.contains("http-equiv=\"refresh\""), "{}", run.text);
        run_all(&world).await;
        let done = ada.open(&world, &run.at).await;
        assert!(done.text.contains("bgo.html") && !done.text.contains("http-equiv"), "{}", done.text);
        assert!(done.text.contains("A page for Bergen in no."), "{}", done.text);
        let stream = ada.open(&world, &format!("{}/events?after=0", run.at)).await;
        assert_eq!(stream.headers["content-type"], "text/event-stream");
        assert!(stream.text.contains("\nevent: end") || stream.text.contains("event: end"), "{}", stream.text);
        assert!(stream.text.contains("Beginning step Copy the page"));
        // To somebody else the run is not there, in any form.
        let mut eve = signed_in(&world, "eve@acme.dev").await;
        for path in [run.at.clone(), format!("{}/events", run.at)] {
            assert_eq!(eve.open(&world, &path).await.status, 404, "{path}");
        }
        assert!(!eve.open(&world, "/scaffolder").await.text.contains("/scaffolder/tasks/"));
        // And a form from elsewhere begins nothing.
        let before = ada.open(&world, "/scaffolder").await.text.matches("/scaffolder/tasks/").count();
        let fields = [("csrf", "x"), ("p.code", "BGO"), ("p.harbour", "Bergen")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(ada.post(&world, FORM, &fields, &[]).await.status(), 403);
        assert_eq!(ada.open(&world, "/scaffolder").await.text.matches("/scaffolder/tasks/").count(), before);
    }
}

#[tokio::test]
async fn without_a_session_there_is_only_the_sign_in() {
    let world = World::sqlite().await;
    for path in ["/scaffolder", FORM, "/scaffolder/tasks/x", "/scaffolder/tasks/x/events"] {
        assert!(Browser::default().open(&world, path).await.at.starts_with("/login"), "{path}");
    }
}

#[tokio::test]
async fn a_run_is_cancelled_and_retried_on_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let world = with_catalog(World::sqlite().await, folder.path()).await;
    let step = json!({"action": "fs:rename", "input": {"files": [{"from": "x", "to": "y"}]}});
    add_template(
        &world,
        folder.path(),
        "fails",
        &json!({"owner": "user:a", "type": "t", "steps": [step]}),
        &[],
    );
    let mut ada = signed_in(&world, "ada@acme.dev").await;
    let path = "/scaffolder/templates/default/fails";
    let form = ada.open(&world, path).await;
    let run = ada.submit(&world, &form, path, &[]).await;
    let gone = ada.submit(&world, &run, &run.at, &[]).await;
    assert!(gone.text.contains("cancelled"), "{}", gone.text);
    let run = ada.submit(&world, &form, path, &[]).await;
    run_all(&world).await;
    let failed = ada.open(&world, &run.at).await;
    assert!(failed.text.contains("Try again") && failed.text.contains("is not there"), "{}", failed.text);
    let again = ada.submit(&world, &failed, &run.at, &[]).await;
    assert!(again.text.contains(">open<"), "{}", again.text);
}

/// Attack: a template's words, a value that was typed and a link that it gives are text and nothing more.
#[tokio::test]
async fn attack_nothing_that_a_template_says_becomes_markup_or_a_script_link() {
    let folder = tempfile::tempdir().unwrap();
    let world = with_catalog(World::sqlite().await, folder.path()).await;
    let evil = "<script>alert(1)</script>";
    let spec = json!({"owner": "user:a", "type": "t",
        "parameters": [{"title": evil, "properties": {"a": {"title": evil, "description": evil, "default": evil, "enum": [evil]},
            "b": {"default": "\" onfocus=alert(1) autofocus x=\""}}}],
        "steps": [{"id": evil, "name": evil, "action": "debug:log", "input": {"message": "${{ parameters.b }} <img src=x>"}}],
        "output": {"links": [{"title": evil, "url": "javascript:alert(1)"}], "text": [{"title": evil, "content": evil}]}});
    add_template(&world, folder.path(), "evil", &spec, &[]);
    let mut ada = signed_in(&world, "ada@acme.dev").await;
    let path = "/scaffolder/templates/default/evil";
    let form = ada.open(&world, path).await;
    let run = ada.submit(&world, &form, path, &[("p.a", evil), ("p.b", evil)]).await;
    run_all(&world).await;
    let done = ada.open(&world, &run.at).await;
    for page in [&form, &done] {
        for part in ["<script>alert", "<img", "href=\"javascript", "\" onfocus"] {
            assert!(!page.text.contains(part), "{part}\n{}", page.text);
        }
    }
    assert!(done.text.contains("&#60;script&#62;") || done.text.contains("&lt;script&gt;"), "{}", done.text);
}
