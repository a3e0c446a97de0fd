//! Attacks on roles: what is hidden shows by what surrounds it, a token goes beyond the policy, two publish at once (H07, I01).

use std::path::Path;

use axum::body::Body;
use http::Request;
use postern::access::roles::Policy;
use postern::app::policy::{self, NotDone};
use serde_json::{Value, json};

use crate::support::World;
use crate::support::mcp::{granted, granted_at, list};
use crate::support::modern::{able, ask, request};
use crate::support::world;

const ANN: &str = "ann@acme.example";

/// A draft of `document`, published.
pub async fn publish(world: &World, document: Value) -> i64 {
    let draft = draft(world, document).await;
    let over = policy::version(&world.app).await.unwrap();
    policy::publish(&world.app, &draft, over, "system").await.unwrap()
}

async fn draft(world: &World, document: Value) -> String {
    let policy = Policy::parse(&document).unwrap();
    policy::draft(&world.app, &policy, "", "system").await.unwrap()
}

/// Everyone has these.
pub fn everyone(permissions: Value) -> Value {
    json!({"roles": [{"name": "all", "members": ["*"], "permissions": permissions}]})
}

fn reads() -> Value {
    json!({"permission": "catalog.entity.read"})
}

fn entity(kind: &str, name: &str, more: &str, spec: &str) -> String {
    let version =
        if kind == "Template" { "scaffolder.backstage.io/v1beta3" } else { "backstage.io/v1alpha1" };
    format!("---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}{more}}}\nspec: {{{spec}}}\n")
}

/// A catalog in which everything that is secret has to do with everything that is not.
fn catalog(folder: &Path, with_secrets: bool) {
    let shown = [
        entity("Group", "web", "", "type: team, children: [], members: [ann]"),
        entity("User", "ann", "", "memberOf: [web], profile: {email: ann@acme.example}"),
        entity("System", "shop", "", "owner: web"),
        entity("Component", "cart", "", "type: service, lifecycle: production, owner: web, system: shop"),
        entity(
            "API",
            "orders",
            "",
            "type: openapi, lifecycle: production, owner: web, definition: 'openapi: 3.1.0'",
        ),
        entity("Location", "all", "", "targets: [./secret.yaml, ./shown.yaml]"),
    ];
    let secret = ", labels: {tier: secret}, description: about zanzibar";
    let hidden = [
        entity(
            "Component",
            "zanzibar",
            &format!("{secret}, tags: [zanzibar], annotations: {{backstage.io/techdocs-ref: 'dir:.'}}"),
            "type: zanzibar, lifecycle: production, owner: web, system: shop, providesApis: [zanzibar-api], \
             consumesApis: [orders], dependsOn: [component:cart], dependencyOf: [component:cart]",
        ),
        entity(
            "API",
            "zanzibar-api",
            secret,
            "type: openapi, lifecycle: production, owner: web, system: shop, definition: 'zanzibar'",
        ),
        entity("Group", "zanzibar", secret, "type: team, children: [], parent: web, members: [ann]"),
        entity("Template", "zanzibar", secret, "type: service, owner: web, parameters: [], steps: []"),
        entity(
            "Component",
            "cart",
            &format!(", namespace: zanzibar{secret}"),
            "type: service, lifecycle: a, owner: default/web",
        ),
    ];
    std::fs::write(folder.join("shown.yaml"), shown.concat()).unwrap();
    std::fs::write(folder.join("README.md"), "# zanzibar\n").unwrap();
    std::fs::write(
        folder.join("secret.yaml"),
        if with_secrets { hidden.concat() } else { "# none\n".to_owned() },
    )
    .unwrap();
}

/// The catalog of `world` turns to what stands in `folder`.
fn turn(world: &World, folder: &Path) {
    let loaded = postern::catalog::load(&[folder.to_owned()]);
    assert!(loaded.entities.len() >= 6, "{:?}", loaded.problems);
    world.app.catalog.replace(loaded.entities);
}

pub async fn rest(world: &World, token: &str, path: &str, body: Option<&Value>) -> String {
    let request = match body {
        Some(_) => Request::post(format!("/api/catalog{path}")).header("content-type", "application/json"),
        None => Request::get(format!("/api/catalog{path}")),
    };
    let request = request.header("host", "localhost:8787").header("authorization", format!("Bearer {token}"));
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let response = world.send(request.body(body).unwrap()).await;
    let head = format!("{} {:?}", response.status(), response.headers().get("link"));
    format!("{head} {}", world::text(response).await)
}

/// Every tool of the catalog, with arguments about what may be hidden.
fn calls() -> Vec<(&'static str, Value)> {
    let named = |name: &str| json!({ "name": name });
    let secret = json!({"query": {"metadata.labels.tier": "secret"}});
    let not = json!({"query": {"$not": {"kind": "API"}}, "orderFields": {"field": "relations.ownerOf", "order": "asc"}, "limit": 1});
    let facets = json!({"facets": ["kind", "spec.type", "relations.ownerOf", "relations.hasPart", "metadata.tags", "metadata.namespace"]});
    vec![
        ("catalog:get-catalog-entity", named("zanzibar")),
        ("catalog:get-catalog-entity", named("component:default/zanzibar")),
        ("catalog:get-catalog-entity", named("zanzibar-ap")),
        ("catalog:get-catalog-entity", named("cart")),
        ("catalog:get-catalog-entity", named("web")),
        ("catalog:get-catalog-entity", named("shop")),
        ("catalog:query-catalog-entities", json!({})),
        ("catalog:query-catalog-entities", secret),
        ("catalog:query-catalog-entities", not),
        (
            "catalog:query-catalog-entities",
            json!({"query": {"relations.ownerOf": "component:default/zanzibar"}}),
        ),
        (
            "catalog:query-catalog-entities",
            json!({"query": {"relations.hasPart": {"$exists": true}}, "limit": 1}),
        ),
        ("catalog:query-catalog-entities", json!({"fullTextFilter": {"term": "zanzibar"}})),
        (
            "catalog:query-catalog-entities",
            json!({"fullTextFilter": {"term": "zanzi", "fields": ["spec.definition", "relations.hasMember"]}}),
        ),
        ("catalog:summarize-entities", json!({})),
        ("catalog:get-entity-facets", facets),
        ("catalog:get-entity-owners", json!({"entityRef": "component:default/cart"})),
        ("catalog:get-entity-owners", json!({"entityRef": "zanzibar"})),
        ("catalog:get-entity-apis", json!({"entityRef": "system:default/shop"})),
        ("catalog:get-entity-apis", json!({"entityRef": "api:default/orders"})),
        ("catalog:get-entity-ancestry", json!({"entityRef": "component:default/cart"})),
        ("catalog:get-entity-ancestry", json!({"entityRef": "component:default/zanzibar"})),
        ("catalog:search-docs", json!({"term": "zanzibar"})),
        ("catalog:search-docs", json!({"term": "zanzibar", "entityRef": "component:default/zanzibar"})),
        ("catalog:get-catalog-model-description", json!({})),
        ("catalog:refresh-catalog-entity", named("zanzibar")),
        ("insights:list-scorecards", json!({})),
        ("insights:get-scorecard-results", json!({})),
        ("scaffolder:list-templates", json!({})),
        ("scaffolder:get-template-parameters", json!({"templateRef": "template:default/zanzibar"})),
    ]
}

/// The same of resources, prompts and completion.
fn questions() -> Vec<(&'static str, Value)> {
    let uri = "catalog://component/default/zanzibar";
    let completes =
        |of: Value, name: &str, value: &str| json!({"ref": of, "argument": {"name": name, "value": value}});
    let template = json!({"type": "ref/resource", "uri": "catalog://{kind}/{namespace}/{name}"});
    vec![
        ("resources/list", json!({})),
        ("resources/read", json!({ "uri": uri })),
        ("resources/read", json!({"uri": "catalog://api/default/zanzibar-api/definition"})),
        ("resources/read", json!({"uri": "catalog://component/default/zanzibar/docs"})),
        ("resources/read", json!({"uri": "catalog://group/default/web"})),
        ("prompts/list", json!({})),
        ("prompts/get", json!({"name": "template-zanzibar", "arguments": {}})),
        ("prompts/get", json!({"name": "who-owns", "arguments": {"entity": "component:default/zanzibar"}})),
        ("completion/complete", completes(template.clone(), "name", "zanz")),
        ("completion/complete", completes(template.clone(), "namespace", "")),
        ("completion/complete", completes(template, "kind", "")),
        (
            "completion/complete",
            completes(json!({"type": "ref/prompt", "name": "who-owns"}), "entity", "zan"),
        ),
    ]
}

/// Everything that can be asked about a catalog, and every answer.
async fn answers(world: &World, token: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (tool, arguments) in calls() {
        let answer =
            ask(&world.router, token, "tools/call", json!({"name": tool, "arguments": arguments})).await;
        all.push((format!("{tool} {arguments}"), answer.text));
    }
    for (method, params) in questions() {
        let answer = ask(&world.router, token, method, params.clone()).await;
        all.push((format!("{method} {params}"), format!("{} {}", answer.status, answer.text)));
    }
    for path in [
        "/entities",
        "/entities?filter=metadata.labels.tier=secret",
        "/entities?limit=1&filter=kind=component",
        "/entities/by-query?limit=2",
        "/entities/by-name/component/default/zanzibar",
        "/entities/by-name/component/default/none",
        "/entities/by-name/component/default/zanzibar/ancestry",
        "/entity-facets?facet=kind&facet=relations.ownerOf",
    ] {
        all.push((path.to_owned(), rest(world, token, path, None).await));
    }
    let refs = json!({"entityRefs": ["component:default/zanzibar", "component:default/none", "component:default/cart"]});
    all.push((refs.to_string(), rest(world, token, "/entities/by-refs", Some(&refs)).await));
    all
}

on_both_engines! {
    /// Every answer is to the letter the one of a catalog in which there is nothing hidden.
    async fn attack_h07_what_is_hidden_is_as_if_it_were_not_there(world) {
        let folder = tempfile::tempdir().unwrap();
        let token = granted(&world.app, ANN, "catalog:read catalog:write insights:read scaffolder:read").await;
        let tier = json!({"rule": "HAS_LABEL", "params": {"label": "tier", "value": "secret"}});
        let hides = json!({"permission": "catalog-entity", "action": "read", "effect": "deny", "when": tier});
        let others = ["catalog.entity.refresh", "scaffolder.template.parameter.read"].map(|it| json!({"permission": it}));
        let policy = everyone(json!([reads(), hides, others[0], others[1]]));
        catalog(folder.path(), true);
        turn(&world, folder.path());
        let open = answers(&world, &token).await;
        publish(&world, policy).await;
        let hidden = answers(&world, &token).await;
        catalog(folder.path(), false);
        turn(&world, folder.path());
        let gone = answers(&world, &token).await;
        let mut differ = 0;
        for (((asked, before), (_, hidden)), (_, gone)) in open.iter().zip(&hidden).zip(&gone) {
            assert_eq!(hidden, gone, "{asked}");
            differ += usize::from(before != hidden);
        }
        assert!(differ > 25, "the questions are about what is hidden: {differ} of {}", open.len());
    }

    async fn attack_i01_a_draft_changes_nothing_and_a_policy_counts_at_the_next_call(world) {
        let token = granted(&world.app, ANN, "catalog:read").await;
        let before = list(&world, &token).await.text;
        let waiting = draft(&world, everyone(json!([]))).await;
        assert_eq!(list(&world, &token).await.text, before);
        assert!(world.app.policies.published().is_none());
        policy::publish(&world.app, &waiting, 0, "system").await.unwrap();
        let names = |text: &str| -> Vec<String> {
            let body: Value = serde_json::from_str(text).unwrap();
            body["result"]["tools"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(&list(&world, &token).await.text), ["auth_who-am-i"]);
        // Nor does a name lead there: the answer is that of a name that nobody gave.
        let call = async |name: &str| ask(&world.router, &token, "tools/call", json!({"name": name, "arguments": {}})).await.text;
        let (forbidden, none) = (call("catalog_get-catalog-entity").await, call("catalog_no-such-thing").await);
        assert_eq!(forbidden.replace("get-catalog-entity", "no-such-thing"), none);
        assert!(rest(&world, &token, "/entities", None).await.starts_with("403"));
        assert_eq!(publish(&world, everyone(json!([reads()]))).await, 2);
        assert!(names(&list(&world, &token).await.text).contains(&"catalog_get-catalog-entity".to_owned()));
        assert!(!names(&list(&world, &token).await.text).contains(&"catalog_refresh-catalog-entity".to_owned()));
    }

    async fn attack_i01_of_two_who_publish_at_once_one_is_told_that_they_are_behind(world) {
        let (one, two) = (draft(&world, everyone(json!([]))).await, draft(&world, everyone(json!([reads()]))).await);
        let (first, second) = tokio::join!(
            policy::publish(&world.app, &one, 0, "ann"), policy::publish(&world.app, &two, 0, "bob"),
        );
        let (won, lost) = if first.is_ok() { (first, second) } else { (second, first) };
        assert_eq!(won.unwrap(), 1);
        let lost = lost.unwrap_err();
        assert!(matches!(lost, NotDone::Behind { seen: 0, now: 1 }), "{lost}");
        assert!(lost.to_string().contains("look at what would change"), "{lost}");
        assert_eq!(policy::version(&world.app).await.unwrap(), 1);
        // Nobody publishes one thing twice, nor what was thrown away, nor what never was.
        for id in [&one, &two] {
            let again = policy::publish(&world.app, id, 1, "ann").await;
            if let Err(NotDone::Gone) = again { continue }
            assert_eq!(again.unwrap(), 2);
        }
        let three = draft(&world, everyone(json!([]))).await;
        policy::discard(&world.app, &three, "ann").await.unwrap();
        for id in [three.as_str(), "none"] {
            assert!(matches!(policy::publish(&world.app, id, 2, "ann").await, Err(NotDone::Gone)), "{id}");
            assert!(matches!(policy::discard(&world.app, id, "ann").await, Err(NotDone::Gone)), "{id}");
        }
        world.app.audit.record(postern::audit::Fact { event: "test", outcome: "ok", ..Default::default() }).await.unwrap();
        let rows: Vec<String> = sqlx::query_scalar("select event from audit where event like 'policy.%' order by event")
            .fetch_all(world.app.store.read()).await.unwrap();
        assert!(rows.iter().filter(|row| *row == "policy.drafted").count() == 3, "{rows:?}");
        assert!(rows.contains(&"policy.published".to_owned()) && rows.contains(&"policy.discarded".to_owned()));
    }

    async fn another_node_of_the_same_database_turns_to_it_too(world) {
        let database = world.app.config.database.url.as_ref().map(|url| url.reveal().to_owned());
        let config = world::config(world.dir.path(), database.as_deref());
        let (other, _writer) = postern::app::App::open(config, world.clock.clone()).await.unwrap();
        publish(&world, everyone(json!([]))).await;
        assert!(other.policies.published().is_none());
        assert!(policy::reload(&other).await);
        assert_eq!(other.policies.published().unwrap().version(), 1);
        // What was altered by hand is nobody's policy: the one before goes on.
        sqlx::query("update policy_versions set document = '{\"otherwise\":\"allow\"}'").execute(world.app.store.write()).await.unwrap();
        assert!(!policy::reload(&other).await);
        assert_eq!(other.policies.published().unwrap().version(), 1);
    }

    async fn attack_g01_a_token_kept_to_less_has_no_more_under_a_policy_that_gives_more(world) {
        publish(&world, everyone(json!([reads(), {"permission": "catalog-entity", "action": "update"}]))).await;
        let apis = world.app.config.public_url.at("/mcp/catalog");
        let narrow = granted_at(&world.app, "narrow", "catalog:read", &apis).await;
        assert_eq!(list(&world, &narrow).await.status, 401, "the audience is another's");
        let token = granted(&world.app, "reader", "catalog:read").await;
        let named = json!({"name": "catalog_refresh-catalog-entity", "arguments": {"name": "arrivals-service"}});
        let refused = ask(&world.router, &token, "tools/call", named).await;
        assert_eq!(refused.status, 403, "{}", refused.text);
        assert!(refused.header("www-authenticate").contains("catalog:write"));
    }

    async fn who_may_do_other_things_than_before_hears_that_their_lists_changed_and_nobody_else(world) {
        let folder = tempfile::tempdir().unwrap();
        catalog(folder.path(), true);
        turn(&world, folder.path());
        let (ann, bob) = (granted(&world.app, ANN, "catalog:read").await, granted(&world.app, "bob@acme.example", "catalog:read").await);
        let role = |who: &str, name: &str| json!({"name": name, "members": [who], "permissions": [reads()]});
        publish(&world, json!({"roles": [role("group:web", "a"), role("user:bob@acme.example", "b")]})).await;
        let listen = async |token: &str| {
            let filter = json!({"toolsListChanged": true, "resourceSubscriptions": ["catalog://component/default/zanzibar"]});
            let request = request(token, "subscriptions/listen", json!({"notifications": filter}), &able(), &Value::Null);
            let mut events = crate::support::events::Events::open(&world.router, request).await;
            assert_eq!(events.expect().await.method(), "notifications/subscriptions/acknowledged");
            while !events.is_silent().await {}
            events
        };
        let (mut anns, mut bobs) = (listen(&ann).await, listen(&bob).await);
        publish(&world, json!({"roles": [role("user:bob@acme.example", "b")]})).await;
        assert_eq!(anns.expect().await.method(), "notifications/tools/list_changed");
        assert!(bobs.is_silent().await);
        // Of a resource that she may not read any more she hears nothing, and he does.
        catalog(folder.path(), false);
        turn(&world, folder.path());
        assert_eq!(bobs.expect().await.method(), "notifications/resources/updated");
        let wait = std::time::Duration::from_millis(400);
        while let Ok(Some(event)) = tokio::time::timeout(wait, anns.next()).await {
            // That she is in one group less is her own affair.
            assert_eq!(event.method(), "notifications/tools/list_changed");
        }
    }
}

/// Groups that are each other's parents, in the catalog and in the policy, end; and nobody is let in by a name they chose.
#[tokio::test]
async fn attack_i01_a_cycle_of_groups_ends_and_an_address_is_nobodys_name() {
    let world = World::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let text = [
        entity("Group", "a", "", "type: team, children: [], parent: b"),
        entity("Group", "b", "", "type: team, children: [a], parent: a"),
        entity("User", "ann", "", "memberOf: [a], profile: {email: ann@acme.example}"),
    ];
    std::fs::write(folder.path().join("catalog-info.yaml"), text.concat()).unwrap();
    world.app.catalog.replace(postern::catalog::load(&[folder.path().to_owned()]).entities);
    let role = json!({"name": "r", "members": ["group:b", "user:ann"], "permissions": [reads()]});
    publish(&world, json!({ "roles": [role] })).await;
    let sees = async |who: &str| {
        let token = granted(&world.app, who, "catalog:read").await;
        list(&world, &token).await.text.contains("catalog_get-catalog-entity")
    };
    assert!(sees("ANN@acme.example").await);
    for other in ["ann@evil.example", "ann", "user:default/ann", "a@b/group:default/b", "default/ann@x"] {
        assert!(!sees(other).await, "{other}");
    }
}

#[tokio::test]
async fn a_policy_of_a_file_counts_and_is_published_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.yaml");
    std::fs::write(
        &file,
        "roles:\n- name: readers\n  members: ['*']\n  permissions:\n  - permission: catalog.entity.read\n",
    )
    .unwrap();
    let world = World::with(None, &[("access.policy_file", &file.display().to_string())]).await;
    let token = granted(&world.app, ANN, "catalog:read catalog:write").await;
    let text = list(&world, &token).await.text;
    assert!(text.contains("catalog_get-catalog-entity") && !text.contains("catalog_refresh"), "{text}");
    let waiting = draft(&world, everyone(json!([]))).await;
    let refused = policy::publish(&world.app, &waiting, 0, "ann").await.unwrap_err().to_string();
    assert!(refused.contains("policy.yaml"), "{refused}");
    // Broken, it is not read as "none"; mended, it counts.
    std::fs::write(&file, "roles: [{name: readers, members: [x]}]").unwrap();
    assert!(!policy::reload(&world.app).await && list(&world, &token).await.text == text);
    std::fs::write(&file, "otherwise: allow").unwrap();
    assert!(policy::reload(&world.app).await && list(&world, &token).await.text.contains("catalog_refresh"));
    std::fs::write(&file, "nonsense: [").unwrap();
    let config = world.app.config.clone();
    assert!(
        postern::app::App::open(config, world.clock.clone()).await.is_err(),
        "a start without it would be open"
    );
}
