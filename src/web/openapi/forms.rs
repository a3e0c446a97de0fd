//! What each operation takes and answers. A row that is not here answers JSON, and an error in the words of OAuth.

use serde_json::{Map, Value, json};

/// `requestBody`, `responses` and `security` of one operation.
pub(super) fn of(path: &str, method: &str) -> Value {
    match (path, method) {
        ("/token", _) => token(),
        ("/introspect", _) => introspect(),
        ("/revoke", _) => revoke(),
        ("/device_authorization", _) => device(),
        ("/par", _) => par(),
        ("/register", _) => register(),
        ("/register/{id}", method) => registration(method),
        ("/userinfo", _) => userinfo(),
        ("/jwks.json", _) => document("Keys"),
        (path, _) if path.starts_with("/.well-known/oauth-protected-resource") => document("Resource"),
        (path, _) if path.starts_with("/.well-known/") => document("Server"),
        ("/openapi.json", _) => {
            json!({"responses": {"200": answer("This document", &json!({"type": "object"}))}})
        }
        ("/healthz", _) => json!({"responses": {"200": text("It does")}}),
        ("/readyz", _) => json!({"responses": {"200": text("It can work"), "503": text("It cannot")}}),
        (path, method) if path.starts_with("/api/catalog/") => catalog(path, method),
        _ => json!({"responses": {"default": answer("See the summary", &json!({}))}}),
    }
}

/// In the shapes of Backstage's own document for these paths.
fn catalog(path: &str, method: &str) -> Value {
    let parameters: &[&str] = match path {
        "/api/catalog/entities" => &["filter", "fields", "limit", "offset", "after", "order"],
        "/api/catalog/entities/by-query" if method == "GET" => &[
            "filter",
            "fields",
            "limit",
            "offset",
            "orderField",
            "cursor",
            "totalItems",
            "fullTextFilterTerm",
        ],
        "/api/catalog/entity-facets" if method == "GET" => &["facet", "filter"],
        "/api/catalog/entity-problems" => &["entityRef"],
        _ => &[],
    };
    let named = |name: &&str| json!({"name": name, "in": "query", "schema": {"type": "string"}});
    let mut said = json!({
        "security": [{"bearer": []}],
        "responses": {
            "200": answer("As the summary says", &json!({})),
            "400": answer("It cannot be read", &reference("CatalogError")),
            "401": answer("A token is missing, or not for this", &reference("CatalogError")),
            "403": answer("The token lacks catalog:read", &reference("CatalogError")),
            "404": answer("There is no such entity", &reference("CatalogError")),
        },
    });
    if !parameters.is_empty() {
        said["parameters"] = parameters.iter().map(named).collect();
    }
    if method == "POST" {
        let body = json!({"schema": {"type": "object"}});
        said["requestBody"] = json!({"content": {"application/json": body}});
    }
    said
}

fn token() -> Value {
    let grants = [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ];
    let members = [
        "code",
        "code_verifier",
        "redirect_uri",
        "refresh_token",
        "device_code",
        "scope",
        "subject_token",
        "subject_token_type",
        "actor_token",
        "actor_token_type",
        "requested_token_type",
        "audience",
        "assertion",
    ];
    let mut form = form(&["grant_type"], &members);
    form["content"][FORM]["schema"]["properties"]["grant_type"] = json!({"type": "string", "enum": grants});
    json!({"requestBody": form, "security": CLIENT_OR_NONE.clone(), "parameters": [proof()],
        "responses": token_side(&[("200", answer("Tokens", &reference("Tokens")))])})
}

fn introspect() -> Value {
    let mut known = answer("What it is good for", &reference("Introspection"));
    known["content"]["application/token-introspection+jwt"] = json!({"schema": {"type": "string"}});
    json!({"requestBody": form(&["token"], &["token_type_hint"]), "security": CLIENT.clone(),
        "responses": token_side(&[("200", known)])})
}

fn revoke() -> Value {
    json!({"requestBody": form(&["token"], &["token_type_hint"]), "security": CLIENT_OR_NONE.clone(),
        "responses": token_side(&[("200", json!({"description": "It is good for nothing now"}))])})
}

fn device() -> Value {
    let members = ["scope", "code_challenge", "code_challenge_method"];
    json!({"requestBody": form(&["client_id"], &members), "security": CLIENT_OR_NONE.clone(),
        "responses": token_side(&[("200", answer("What to show", &reference("Device")))])})
}

fn par() -> Value {
    let members = [
        "redirect_uri",
        "scope",
        "state",
        "code_challenge_method",
        "nonce",
        "prompt",
        "max_age",
        "login_hint",
        "id_token_hint",
        "dpop_jkt",
    ];
    let form = form(&["client_id", "response_type", "code_challenge"], &members);
    json!({"requestBody": form, "security": CLIENT_OR_NONE.clone(), "parameters": [proof()],
        "responses": token_side(&[("201", answer("Its name", &reference("Pushed"))), ("413", failure("Too large"))])})
}

fn register() -> Value {
    json!({"requestBody": json_body("Registration"), "security": [{}, {"bearer": []}],
        "responses": registration_side(&[("201", answer("The client", &reference("Client")))])})
}

fn registration(method: &str) -> Value {
    let known = answer("The client", &reference("Client"));
    match method {
        "PUT" => json!({"requestBody": json_body("Registration"), "security": [{"bearer": []}],
            "responses": registration_side(&[("200", known)])}),
        "DELETE" => json!({"security": [{"bearer": []}],
            "responses": registration_side(&[("204", json!({"description": "It is gone"}))])}),
        _ => json!({"security": [{"bearer": []}], "responses": registration_side(&[("200", known)])}),
    }
}

fn userinfo() -> Value {
    let refused = |why: &str| json!({"description": why, "headers": {"WWW-Authenticate": {"schema": {"type": "string"}}}});
    json!({"security": [{"bearer": []}], "parameters": [proof()], "responses": {
        "200": answer("Who", &reference("Person")),
        "401": refused("No access token that is good here"),
        "403": refused("The access token lacks openid"),
        "503": failure("Try again"),
    }})
}

fn document(schema: &str) -> Value {
    json!({"responses": {"200": answer("The document", &reference(schema))}})
}

const FORM: &str = "application/x-www-form-urlencoded";

static CLIENT: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| json!([{"client": []}]));
static CLIENT_OR_NONE: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| json!([{}, {"client": []}]));

/// A form with these members, and those by which a client says who it is.
fn form(required: &[&str], optional: &[&str]) -> Value {
    let who = ["client_id", "client_secret", "client_assertion", "client_assertion_type", "resource"];
    let names = required.iter().chain(optional).chain(&who);
    let properties: Map<String, Value> =
        names.map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect();
    let schema = json!({"type": "object", "required": required, "properties": properties});
    json!({"required": true, "content": {FORM: {"schema": schema}}})
}

fn json_body(schema: &str) -> Value {
    json!({"required": true, "content": {"application/json": {"schema": reference(schema)}}})
}

/// The DPoP header (RFC 9449).
fn proof() -> Value {
    json!({"name": "DPoP", "in": "header", "required": false, "schema": {"type": "string"},
        "description": "A proof of the key that tokens are bound to (RFC 9449)"})
}

fn token_side(good: &[(&str, Value)]) -> Value {
    with_failures(good, &["400", "401", "429", "503"])
}

fn registration_side(good: &[(&str, Value)]) -> Value {
    with_failures(good, &["400", "401", "403", "413", "415", "429", "503"])
}

fn with_failures(good: &[(&str, Value)], statuses: &[&str]) -> Value {
    let why = |status: &str| match status {
        "400" => "The request is refused",
        "401" => "Whoever asks did not prove who it is",
        "403" => "This is not for you",
        "413" => "Too large",
        "415" => "Not the right type",
        "429" => "Too often; Retry-After says when",
        _ => "Try again; Retry-After says when",
    };
    let failures = statuses.iter().map(|status| ((*status).to_owned(), failure(why(status))));
    Value::Object(
        good.iter().map(|(status, value)| ((*status).to_owned(), value.clone())).chain(failures).collect(),
    )
}

fn failure(why: &str) -> Value {
    answer(why, &reference("Error"))
}

fn answer(description: &str, schema: &Value) -> Value {
    json!({"description": description, "content": {"application/json": {"schema": schema}}})
}

fn text(description: &str) -> Value {
    json!({"description": description, "content": {"text/plain": {"schema": {"type": "string"}}}})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
