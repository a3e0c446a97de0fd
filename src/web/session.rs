//! Cookies: which browser this is, and who is signed in in it.

use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use http::{HeaderMap, StatusCode, header};

use super::page::{Problem, Told, Visit};
use crate::app::App;
use crate::clock::Time;
use crate::config::Config;
use crate::identity::session::Session;
use crate::identity::user::User;
use crate::oauth::step::SignedIn;
use crate::secret::{Browser, Csrf, Digest, Secret};
use crate::{limits, secret, store};

const SESSION: &str = "postern-session";
const BROWSER: &str = "postern-browser";

/// `__Host-` where browsers reach us over TLS: then no neighbour under the same domain can plant one. On
/// `http://localhost` without it, since Safari refuses `Secure` there.
fn named(config: &Config, name: &str) -> String {
    if config.public_url.is_https() { format!("__Host-{name}") } else { name.to_owned() }
}

fn cookie(config: &Config, name: &str, value: String) -> Cookie<'static> {
    Cookie::build((named(config, name), value))
        .path("/")
        .http_only(true)
        .secure(config.public_url.is_https())
        .same_site(SameSite::Lax)
        .build()
}

/// What this browser calls itself, if it has been here.
pub fn browser(config: &Config, visit: &Visit) -> Option<Secret<Browser>> {
    let jar = CookieJar::from_headers(&visit.headers);
    Secret::presented(jar.get(&named(config, BROWSER))?.value())
}

/// What this browser calls itself from now on, and the cookies that say so.
pub fn known_browser(config: &Config, visit: &Visit) -> (Secret<Browser>, CookieJar) {
    if let Some(known) = browser(config, visit) {
        return (known, CookieJar::new());
    }
    let new = Secret::<Browser>::mint();
    let jar = CookieJar::new().add(cookie(config, BROWSER, new.reveal().to_owned()));
    (new, jar)
}

/// Who is signed in.
///
/// # Errors
/// [`store::Error::Database`].
pub async fn current(app: &App, visit: &Visit) -> store::Result<Option<Session>> {
    let Some(digest) = presented(&app.config, visit) else { return Ok(None) };
    let found = store::sessions::find(&app.store, &digest).await?;
    let Some(session) = found.filter(|session| session.is_live(visit.now)) else { return Ok(None) };
    if session.is_due(visit.now) && !visit.only_looks {
        store::sessions::touch(&app.store, &digest, visit.now).await?;
    }
    Ok(Some(session))
}

fn presented(config: &Config, visit: &Visit) -> Option<Digest> {
    let jar = CookieJar::from_headers(&visit.headers);
    let secret = Secret::<secret::Session>::presented(jar.get(&named(config, SESSION))?.value())?;
    Some(secret.digest())
}

/// As the hub's question wants it.
pub fn signed_in(session: &Session) -> SignedIn {
    SignedIn { user_id: session.user.id.clone(), authenticated_at: session.authenticated_at }
}

/// Begins a session under a new name and ends the one that this browser came with: whoever planted or saw that one
/// has nothing (attack C01).
///
/// # Errors
/// [`store::Error::Database`].
pub async fn begin(app: &App, tx: &mut store::Tx, visit: &Visit, user: &User) -> store::Result<CookieJar> {
    let (session, now) = (Secret::<secret::Session>::mint(), visit.now);
    let expires_at: Time = now.plus_seconds(limits::SESSION_SECONDS);
    if let Some(old) = presented(&app.config, visit) {
        store::sessions::end(tx, &old, now).await?;
    }
    let agent = agent(visit);
    store::sessions::add(tx, &session.digest(), &user.id, agent.as_deref(), expires_at, now).await?;
    Ok(CookieJar::new().add(cookie(&app.config, SESSION, session.reveal().to_owned())))
}

/// What the browser calls itself, as one line.
fn agent(visit: &Visit) -> Option<String> {
    let said = visit.headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(said.chars().take(limits::SESSION_AGENT_CHARS_MAX).collect())
}

/// Ends the session that this browser came with.
///
/// # Errors
/// [`store::Error::Database`].
pub async fn end(app: &App, visit: &Visit) -> store::Result<CookieJar> {
    if let Some(digest) = presented(&app.config, visit) {
        let mut tx = app.store.begin().await?;
        store::sessions::end(&mut tx, &digest, visit.now).await?;
        tx.commit().await?;
    }
    let mut gone = cookie(&app.config, SESSION, String::new());
    gone.make_removal();
    Ok(CookieJar::new().add(gone))
}

/// Lets a form in only if this server served it to this very browser for `purpose` (attacks D01, D02).
///
/// # Errors
/// A page, 403.
pub fn admit_form(app: &App, visit: &Visit, purpose: &str, proof: &str) -> Result<Secret<Browser>, Problem> {
    if !is_own_page(&app.config, &visit.headers) {
        return Err(refused("This form was sent from another site, so nothing was done."));
    }
    let known = browser(&app.config, visit).zip(Secret::<Csrf>::presented(proof));
    match known {
        Some((browser, proof)) if browser.proof(purpose).digest().matches(&proof.digest()) => Ok(browser),
        _ => Err(refused(
            "This form does not belong to this browser, or it was left open too long, so nothing was done.",
        )),
    }
}

fn refused(what: &str) -> Problem {
    let next = "Go back to the app you came from and start again. Cookies must be allowed for this site.";
    Told::new(StatusCode::FORBIDDEN, "cross_site_form", "That form was not accepted", what, next).into()
}

/// What the browser itself says of where a form stood. `null` is what a sandboxed frame says.
fn is_own_page(config: &Config, headers: &HeaderMap) -> bool {
    let says = |name| headers.get(name).map(|value: &http::HeaderValue| value.as_bytes());
    let site = says(http::HeaderName::from_static("sec-fetch-site"));
    let origin = says(header::ORIGIN);
    site.is_none_or(|site| site == b"same-origin" || site == b"none")
        && origin.is_none_or(|origin| origin == config.public_url.as_str().as_bytes())
}
