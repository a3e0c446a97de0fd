//! People and clients of a world, and the sign-in that brings them together.

use postern::identity::password;
use postern::identity::user::{Email, User};
use postern::oauth::client::{AuthMethod, Client, ClientKind, GrantType, Metadata, NewClient};
use postern::secret;
use postern::store;

use super::World;
use super::browser::{Browser, Seen};

/// The challenge of the verifier in RFC 7636 appendix B.
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// A password long enough.
pub const PASSWORD: &str = "correct horse battery";
/// A loopback redirect URI, as native clients register it.
pub const LOOPBACK: &str = "http://127.0.0.1:33418/";

impl World {
    /// An account.
    pub async fn user(&self, email: &str, password: &str) -> User {
        let now = self.clock.now();
        let email = Email::parse(email).unwrap();
        let password_hash = Some(password::hash(password).await.unwrap());
        let user = store::users::NewUser {
            id: secret::id(now),
            email: email.clone(),
            name: "Dana Ruiz".into(),
            password_hash,
            admin: false,
        };
        let mut tx = self.app.store.begin().await.unwrap();
        assert!(store::users::add(&mut tx, &user, now).await.unwrap());
        tx.commit().await.unwrap();
        store::users::find_by_email(&self.app.store, &email).await.unwrap().unwrap()
    }

    /// A public client that may use codes and refresh tokens.
    pub async fn client(&self, kind: ClientKind, name: &str, redirect_uris: &[&str]) -> Client {
        let now = self.clock.now();
        let metadata = Metadata::plain(
            redirect_uris.iter().map(|&uri| uri.to_owned()).collect(),
            vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            AuthMethod::None,
        );
        let client =
            NewClient { id: secret::id(now), kind, name: name.to_owned(), metadata, secret_digest: None };
        store::clients::add(&self.app.store, &client, now).await.unwrap();
        store::clients::find(&self.app.store, &client.id).await.unwrap().unwrap()
    }

    /// Dana's account and a self-registered client on this computer.
    pub async fn dana_and_client(&self) -> Client {
        self.user("dana@acme.dev", PASSWORD).await;
        self.client(ClientKind::SelfRegistered, "VS Code", &[LOOPBACK]).await
    }
}

/// An account of an administrator.
pub async fn admin(world: &World, email: &str) {
    let user = world.user(email, PASSWORD).await;
    let admin = sqlx::query("update users set admin_at = 1 where id = $1").bind(user.id);
    admin.execute(world.app.store.write()).await.unwrap();
}

/// The parameters of a good request.
pub fn good_request(client: &Client) -> Vec<(String, String)> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let pairs = [
        ("response_type", "code"),
        ("client_id", client.id.as_str()),
        ("redirect_uri", client.metadata.redirect_uris[0].as_str()),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("resource", "http://localhost:8787/mcp"),
        ("scope", "catalog:read offline_access"),
        ("state", "a+b/c=="),
    ];
    pairs.into_iter().map(owned).collect()
}

/// `/authorize` with these parameters.
pub fn authorize_path(parameters: &[(String, String)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("/authorize?{query}")
}

impl Browser {
    /// Opens a good request of `client` with parameters changed.
    pub async fn authorize(&mut self, world: &World, client: &Client, changed: &[(&str, &str)]) -> Seen {
        let mut parameters = good_request(client);
        for (name, value) in changed {
            parameters.retain(|(known, _)| known != name);
            parameters.push(((*name).to_owned(), (*value).to_owned()));
        }
        self.open(world, &authorize_path(&parameters)).await
    }

    /// Signs in on `page`.
    pub async fn sign_in(&mut self, world: &World, page: &Seen, email: &str, password: &str) -> Seen {
        self.submit(world, page, "/login", &[("email", email), ("password", password)]).await
    }

    /// Presses Allow or Cancel on `page`.
    pub async fn decide(&mut self, world: &World, page: &Seen, decision: &str) -> Seen {
        self.submit(world, page, "/consent/", &[("decision", decision)]).await
    }

    /// All the way: a request, Dana's sign-in where it is asked for, Allow where it is asked for.
    pub async fn connect(&mut self, world: &World, client: &Client, changed: &[(&str, &str)]) -> Seen {
        let mut page = self.authorize(world, client, changed).await;
        if page.wants_sign_in() {
            page = self.sign_in(world, &page, "dana@acme.dev", PASSWORD).await;
        }
        if page.asks() { self.decide(world, &page, "allow").await } else { page }
    }
}
