//! Fills a database with a client and grants for `scripts/bench`, and prints one refresh token a line.
//!
//! `bench_grants DATABASE_URL COUNT` writes to the Postgres at that address what COUNT sign-ins would have left there.
//! The first line is the client's id.

use postern::clock::Clock;
use postern::config::{Config, Flags, Raw};
use postern::identity::user::Email;
use postern::oauth::registration::{PreRegistration, pre_registered};
use postern::secret::{self, Refresh, Secret};
use postern::store::grants::NewGrant;
use postern::store::users::NewUser;
use postern::store::{self, Store};

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: bench_grants DATABASE_URL COUNT";
    let (url, count) = (arguments.next().ok_or(usage)?, arguments.next().ok_or(usage)?.parse::<u32>()?);
    let set = vec![("database.url".to_owned(), url)];
    let config = Config::from_raw(&Raw::read(&Flags { file: None, set }, |name| std::env::var(name).ok())?)?;
    let (store, now) = (Store::open(&config).await?, Clock::System.now());
    store.migrate(&config.data_dir).await?;

    let asked = PreRegistration {
        name: "Bench".into(),
        redirect_uris: vec!["http://127.0.0.1/".into()],
        ..PreRegistration::default()
    };
    let client = pre_registered(&asked, secret::id(now), None).map_err(|fault| fault.why)?;
    store::clients::add(&store, &client, now).await?;
    let email = Email::parse(&format!("{}@example.com", secret::id(now)))?;
    let user =
        NewUser { id: secret::id(now), email, name: "Bench".into(), password_hash: None, admin: false };
    let mut tx = store.begin().await?;
    store::users::add(&mut tx, &user, now).await?;
    println!("{}", client.id);
    for _ in 0..count {
        let grant = NewGrant {
            id: secret::id(now),
            client_id: client.id.clone(),
            user_id: Some(user.id.clone()),
            scope: "catalog:read offline_access".into(),
            resource: config.resource(),
            redirect_uri: None,
            authenticated_at: Some(now),
            expires_at: now.plus_seconds(86_400),
        };
        let token = Secret::<Refresh>::mint();
        store::grants::add(&mut tx, &grant, now).await?;
        let digest = token.digest();
        let first = store::refresh_tokens::First {
            digest: &digest,
            grant_id: &grant.id,
            key: None,
            expires_at: grant.expires_at,
        };
        store::refresh_tokens::add(&mut tx, &first, now).await?;
        println!("{}", token.reveal());
    }
    tx.commit().await?;
    Ok(())
}
