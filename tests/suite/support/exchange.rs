//! A program that exchanges tokens: `agent`, which an administrator made.

use postern::oauth::client::{AuthMethod, ClientKind};

use super::World;
use super::token::{Answer, SECRET, client, post_as, seed};

/// The only kind of token there is.
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// Where `agent` may go.
pub const RESOURCE: &str = "http://localhost:8787/mcp";

/// `ada`, the usual clients, and `agent`, who may exchange tokens for [`RESOURCE`].
pub async fn world_with_agent(world: World) -> World {
    let world = world.restarted(&[("exchange.resources", &format!("agent={RESOURCE}"))]).await;
    seed(&world).await;
    client(&world.app, "agent", ClientKind::PreRegistered, AuthMethod::ClientSecretBasic).await;
    world
}

/// Exchanges `token` as `agent`, with fields more or instead.
pub async fn exchange(world: &World, token: &str, changed: &[(&str, &str)]) -> Answer {
    exchange_as(world, "agent", token, changed).await
}

/// The same as another client.
pub async fn exchange_as(world: &World, id: &str, token: &str, changed: &[(&str, &str)]) -> Answer {
    let mut fields = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", token),
        ("subject_token_type", ACCESS_TOKEN),
    ];
    for (name, value) in changed {
        fields.retain(|(known, _)| known != name);
        fields.push((name, value));
    }
    post_as(world, "/token", &fields, Some(&format!("{id}:{SECRET}"))).await
}
