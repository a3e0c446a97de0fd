//! Described clients that wait for an administrator: a part of the administrator's page, and the answer to it.

use axum::extract::State;
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::admin::administrator;
use crate::app::App;
use crate::audit::Fact;
use crate::oauth::trust::{Ruling, Standing};
use crate::store;
use crate::store::rulings::Asker;
use crate::web::page::{self, Answer, Fields, Told, Visit};
use crate::web::session;

/// What a proof on its forms is good for.
pub const PURPOSE: &str = "admin-waiting";

/// A client that waits, as the page shows it.
pub struct Waiting {
    /// Its client_id.
    pub id: String,
    /// What it calls itself.
    pub name: String,
    /// The host that vouches for it.
    pub host: String,
    /// Where its answers may go.
    pub places: Vec<String>,
    /// Who asked, first one first.
    pub askers: Vec<Asked>,
}

/// Somebody who asked.
pub struct Asked {
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// When.
    pub at: String,
}

/// Who waits: those that a rule answers meanwhile do not.
///
/// # Errors
/// [`store::Error`].
pub async fn lines(app: &App) -> store::Result<Vec<Waiting>> {
    let policy = &app.config.clients.described;
    let all = store::rulings::waiting(&app.store).await?;
    let still: Vec<_> =
        all.into_iter().filter(|w| policy.judge(&w.client_id, None).standing == Standing::Waits).collect();
    let ids: Vec<String> = still.iter().map(|waiting| waiting.client_id.clone()).collect();
    let clients = store::client_pages::find_all(&app.store, &ids).await?;
    let line = |waiting: store::rulings::Waiting| {
        let client = clients.iter().map(|row| &row.client).find(|client| client.id == waiting.client_id);
        Waiting {
            name: client.map_or_else(|| page::shown(""), |client| page::shown(&client.name)),
            host: client.and_then(|client| client.host()).unwrap_or_default(),
            places: client.map(|client| client.metadata.redirect_uris.clone()).unwrap_or_default(),
            askers: waiting.askers.into_iter().map(asked).collect(),
            id: waiting.client_id,
        }
    };
    Ok(still.into_iter().map(line).collect())
}

fn asked(asker: Asker) -> Asked {
    Asked { name: page::shown(&asker.name), email: asker.email, at: page::moment(asker.asked_at) }
}

/// `POST /admin/waiting`: lets a client in for everybody, or keeps it out.
pub async fn rule(State(app): State<App>, visit: Visit, body: Bytes) -> Answer {
    let session = match administrator(&app, &visit).await? {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let fields = Fields::of(&body);
    session::admit_form(&app, &visit, PURPOSE, fields.get("csrf"))?;
    let (ruling, event) = match fields.get("decision") {
        "approve" => (Ruling::Approved, "client.approved"),
        "refuse" => (Ruling::Refused, "client.refused"),
        _ => return Err(unreadable().into()),
    };
    let id = fields.get("client_id").to_owned();
    let waiting = store::rulings::waiting(&app.store).await?;
    let Some(waiting) = waiting.into_iter().find(|waiting| waiting.client_id == id) else {
        return Err(nothing().into());
    };
    // On record first: what cannot be recorded does not happen.
    let fact = Fact {
        event,
        actor: Some(session.user.id.clone()),
        client_id: Some(id.clone()),
        request_id: Some(visit.request_id.clone()),
        outcome: "ok",
        detail: json!({"asked_by": waiting.askers.iter().map(|asker| &asker.email).collect::<Vec<_>>()}),
        ..Fact::default()
    };
    app.audit.record(fact).await?;
    let mut tx = app.store.begin().await?;
    store::rulings::rule(&mut tx, &id, ruling, &session.user.id, visit.now).await?;
    tx.commit().await?;
    page::see_other("/admin")
}

fn nothing() -> Told {
    let next = "Go back to the list; it shows how things stand.";
    let what = "No such client waits, or somebody answered before you.";
    Told::new(StatusCode::NOT_FOUND, "no_such_client", "Nothing to answer", what, next)
}

fn unreadable() -> Told {
    let next = "Go back to the list and press one of its buttons.";
    let what = "It says neither Approve nor Refuse.";
    Told::new(StatusCode::BAD_REQUEST, "invalid_request", "That form cannot be read", what, next)
}
