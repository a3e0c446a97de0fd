//! Requests to `/register` and `/register/{id}`.

use http::{Method, Request};
use serde_json::{Value, json};

use super::World;
use super::token::Answer;

/// A registration that is good and plain.
pub fn good() -> Value {
    json!({"client_name": "Editor", "redirect_uris": ["http://127.0.0.1:33418/"], "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"]})
}

/// The same with one member changed.
pub fn good_with(name: &str, value: Value) -> Value {
    let mut body = good();
    body[name] = value;
    body
}

/// One request, with a bearer token where there is one.
pub async fn ask(world: &World, method: Method, path: &str, bearer: Option<&str>, body: &Value) -> Answer {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost:8787")
        .header("content-type", "application/json");
    if let Some(token) = bearer {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = world.send(request.body(body.to_string().into()).unwrap()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = super::world::text(response).await;
    Answer { status, headers, json: serde_json::from_str(&text).unwrap_or(Value::Null) }
}

/// Registers.
pub async fn register(world: &World, body: &Value) -> Answer {
    ask(world, Method::POST, "/register", None, body).await
}

/// A client that has registered: its id, its token, and the path where it is managed.
pub async fn registered(world: &World, body: &Value) -> (String, String, String) {
    let answer = register(world, body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let place = answer.text("registration_client_uri");
    let path = place.strip_prefix("http://localhost:8787").unwrap().to_owned();
    (answer.text("client_id"), answer.text("registration_access_token"), path)
}
