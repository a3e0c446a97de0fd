//! For machines: JSON, no cookies, CORS where browsers' programs call.

pub mod device;
mod grants;
pub mod introspect;
pub mod jwks;
pub mod metadata;
pub mod par;
pub mod register;
pub mod registration;
pub mod revoke;
pub mod token;
pub mod userinfo;

use axum::routing::get;

use super::route::Route;
use crate::config::SelfRegistered;

/// Every endpoint. What is offered to programs is here and nowhere else: the router, `/openapi.json` and the metadata
/// are held against these rows.
pub static ROUTES: &[Route] = &[
    Route::open("/token", &["POST"], "Gets tokens (RFC 6749 section 3.2)", token::endpoint)
        .named("token_endpoint"),
    Route::open("/register", &["POST"], "Registers a client (RFC 7591)", register::endpoint)
        .named("registration_endpoint")
        .when(|config| config.clients.self_registered != SelfRegistered::Off),
    Route::open(
        "/register/{id}",
        &["GET", "PUT", "DELETE"],
        "Manages a registration (RFC 7592)",
        registration::endpoint,
    ),
    Route::open("/device_authorization", &["POST"], "Begins for a device (RFC 8628)", device::endpoint)
        .named("device_authorization_endpoint"),
    Route::open("/par", &["POST"], "Takes an authorization request ahead (RFC 9126)", par::endpoint)
        .named("pushed_authorization_request_endpoint"),
    Route::open("/revoke", &["POST"], "Gives a token back (RFC 7009)", revoke::endpoint)
        .named("revocation_endpoint"),
    Route::open("/introspect", &["POST"], "Says what a token is good for (RFC 7662)", introspect::endpoint)
        .named("introspection_endpoint")
        .closed(),
    Route::open("/userinfo", &["GET", "POST"], "Says who signed in (OpenID Connect)", userinfo::endpoint)
        .named("userinfo_endpoint"),
    Route::open("/jwks.json", &["GET"], "The public keys (RFC 7517)", jwks::endpoint).named("jwks_uri"),
    Route::open(SERVER, &["GET"], "The server's metadata (RFC 8414)", || get(metadata::authorization_server)),
    Route::open(OPENID, &["GET"], "The same for OpenID Connect", || get(metadata::authorization_server)),
    Route::open(RESOURCE, &["GET"], "The MCP endpoint's metadata (RFC 9728)", || {
        get(metadata::protected_resource)
    }),
    Route::open("/.well-known/oauth-protected-resource", &["GET"], "No resource is at the root", || {
        get(metadata::no_root_resource)
    })
    .nothing(),
    no_form("/.well-known/oauth-protected-resource/{*form}"),
    no_form("/.well-known/oauth-authorization-server/"),
    no_form("/.well-known/oauth-authorization-server/{*form}"),
    no_form("/.well-known/openid-configuration/"),
    no_form("/.well-known/openid-configuration/{*form}"),
];

/// Where RFC 8414 section 3 has the server's metadata.
pub const SERVER: &str = "/.well-known/oauth-authorization-server";
/// Where OpenID Connect Discovery section 4 has it.
pub const OPENID: &str = "/.well-known/openid-configuration";
/// Where RFC 9728 section 3.1 has that of `/mcp`.
pub const RESOURCE: &str = "/.well-known/oauth-protected-resource/mcp";

const fn no_form(path: &'static str) -> Route {
    Route::open(path, &["GET"], "Nothing: clients probe this form", || get(metadata::no_such_form)).nothing()
}
