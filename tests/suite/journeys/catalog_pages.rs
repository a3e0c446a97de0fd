//! A person looks around in the catalog.

use http::StatusCode;

use crate::support::World;
use crate::support::browser::{Browser, Seen};
use crate::support::people::PASSWORD;

async fn dana(world: &World) -> Browser {
    world.user("dana@acme.dev", PASSWORD).await;
    let mut browser = Browser::default();
    let login = browser.open(world, "/login").await;
    browser.sign_in(world, &login, "dana@acme.dev", PASSWORD).await;
    browser
}

fn titles(page: &Seen) -> Vec<String> {
    let rows = page.text.split("<h2><a href=\"/catalog/").skip(1);
    rows.map(|row| row.split("<bdi>").nth(1).unwrap().split("</bdi>").next().unwrap().to_owned()).collect()
}

fn next(page: &Seen) -> Option<String> {
    let before = page.text.split("\">More</a>").next().filter(|before| before.len() < page.text.len())?;
    Some(before.rsplit("href=\"").next().unwrap().replace("&#38;", "&").replace("&amp;", "&"))
}

on_both_engines! {
    async fn an_entity_is_asked_for_before_signing_in_and_seen_after(world) {
        world.user("dana@acme.dev", PASSWORD).await;
        let mut browser = Browser::default();
        let login = browser.open(&world, "/catalog/component/default/booking-service").await;
        assert!(login.wants_sign_in());
        let wrong = browser.sign_in(&world, &login, "dana@acme.dev", "not the password").await;
        let page = browser.sign_in(&world, &wrong, "dana@acme.dev", PASSWORD).await;
        assert_eq!((page.status, page.at.as_str()), (StatusCode::OK, "/catalog/component/default/booking-service"));
        for part in [
            "Booking service", "Holds a place on a crossing", "/catalog/group/default/passage", "/catalog/system/default/booking",
            "<svg class=\"graph\"", "depends on", "/catalog/api/default/bookings", "catalog_get-catalog-entity", "catalog:read",
            "<code><bdi>components.yaml</bdi></code>",
        ] {
            assert!(page.text.contains(part), "{part} is not in {}", page.text);
        }
    }

    async fn an_api_lists_its_operations_and_gives_its_definition(world) {
        let mut browser = dana(&world).await;
        let page = browser.open(&world, "/catalog/api/default/bookings").await;
        assert!(page.text.contains("<strong><bdi>GET</bdi></strong> <bdi>/bookings/{reference}</bdi>"), "{}", page.text);
        let text = browser.open(&world, "/catalog/api/default/bookings/definition").await;
        assert!(text.text.contains("openapi:"));
    }

    async fn words_and_filters_narrow_and_pages_follow_one_another(world) {
        let mut browser = dana(&world).await;
        let (mut seen, mut path) = (Vec::new(), "/catalog?kind=Component".to_owned());
        loop {
            let page = browser.open(&world, &path).await;
            seen.extend(titles(&page));
            match next(&page) {
                Some(more) => path = more,
                None => break,
            }
        }
        let index = world.app.catalog.index();
        let all = index.references().iter().filter(|it| it.kind() == "component").count();
        assert_eq!(seen.len(), all);
        let page = browser.open(&world, "/catalog?kind=component&type=service&q=crossing").await;
        assert!(titles(&page).contains(&"Booking service".to_owned()), "{:?}", titles(&page));
        assert!(page.text.contains("selected>Component ("), "the filter shows what is chosen");
        let none = browser.open(&world, "/catalog?kind=component&lifecycle=never").await;
        assert!(none.text.contains("Nothing fits") && none.text.contains("never (0)"));
        let odd = browser.open(&world, "/catalog?kind=component&cursor=nonsense").await;
        assert_eq!(odd.status, StatusCode::OK, "a place that is none is the beginning");
        let long = browser.open(&world, &format!("/catalog?q={}", "x".repeat(600))).await;
        assert!(long.status == StatusCode::BAD_REQUEST && long.text.contains("role=\"alert\""));
    }

    async fn what_is_not_there_is_not_found(world) {
        let mut browser = dana(&world).await;
        let page = browser.open(&world, "/catalog/component/default/nothing").await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        assert!(page.text.contains("There is no such entity"));
    }
}
