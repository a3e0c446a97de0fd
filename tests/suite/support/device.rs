//! A device without a browser, and the person who lets it in.

use http::Request;
use postern::oauth::client::{AuthMethod, ClientKind};

use super::World;
use super::browser::{Browser, Seen};
use super::people::PASSWORD;
use super::token::{Answer, client, post};

/// Dana's account and the public client `tv`.
pub async fn seed(world: &World) {
    world.user("dana@acme.dev", PASSWORD).await;
    client(&world.app, "tv", ClientKind::SelfRegistered, AuthMethod::None).await;
}

/// Asks for codes.
pub async fn ask(world: &World, more: &[(&str, &str)]) -> Answer {
    let fields = [&[("client_id", "tv"), ("scope", "catalog:read offline_access")], more].concat();
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post("/device_authorization")
        .header("host", "localhost:8787")
        .header("user-agent", "acme-tv/1.0 (living room)")
        .header("content-type", "application/x-www-form-urlencoded");
    let response = world.send(request.body(body.into()).unwrap()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, json: super::world::json(response).await }
}

/// The fields of a good poll.
pub fn polling(device_code: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "tv"),
        ("device_code", device_code),
    ]
}

/// Polls once.
pub async fn poll(world: &World, device_code: &str) -> Answer {
    post(world, "/token", &polling(device_code)).await
}

impl Browser {
    /// Types a device's code; signs Dana in where that is asked for. The consent page, if the code is good.
    pub async fn type_code(&mut self, world: &World, code: &str) -> Seen {
        let page = self.open(world, "/device").await;
        let next = self.submit(world, &page, "/device", &[("user_code", code)]).await;
        if next.wants_sign_in() {
            return self.sign_in(world, &next, "dana@acme.dev", PASSWORD).await;
        }
        next
    }
}
