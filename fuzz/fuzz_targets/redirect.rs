//! What a client registered, a line break, and what a request presents: nothing is trusted but the registered place, and
//! on loopback that place with another port (attack B01).
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::clock::Time;
use postern::oauth::client::{AuthMethod, Client, ClientKind, GrantType, Metadata};
use postern::oauth::members::check_redirect;
use url::Url;

fuzz_target!(|text: &str| {
    let Some((registered, presented)) = text.split_once('\n') else { return };
    if check_redirect(registered, &[]).is_err() {
        return;
    }
    let client = client_of(registered);
    assert!(client.redirect(registered).is_some(), "what is registered is trusted");
    let Some(trusted) = client.redirect(presented) else { return };
    assert_eq!(trusted.as_str(), presented);
    if presented == registered {
        return;
    }
    let (mut one, mut other) = (Url::parse(registered).unwrap(), Url::parse(presented).unwrap());
    assert_eq!(one.scheme(), "http");
    assert!(["localhost", "127.0.0.1", "[::1]"].contains(&other.host_str().unwrap()));
    assert!(other.username().is_empty() && other.password().is_none() && other.fragment().is_none());
    one.set_port(None).unwrap();
    other.set_port(None).unwrap();
    assert_eq!(one, other, "only the port may differ");
});

fn client_of(registered: &str) -> Client {
    let uris = vec![registered.to_owned()];
    Client {
        id: "fuzz".to_owned(),
        kind: ClientKind::PreRegistered,
        name: "fuzz".to_owned(),
        metadata: Metadata::plain(uris, vec![GrantType::AuthorizationCode], AuthMethod::None),
        secret_digest: None,
        document_hash: None,
        registered_at: Time::from_micros(0),
        suspended_at: None,
        revoked_at: None,
    }
}
