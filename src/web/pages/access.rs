//! Who may do what, for an administrator: the roles that count, drafts with what they would change, and the click that
//! publishes one.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::StatusCode;

use super::admin::administrator;
use crate::access::roles::policy::{EVERYONE, Role};
use crate::access::roles::{Policy, difference};
use crate::app::policy::{self, NotDone, Published, Source, WouldChange};
use crate::app::{App, effective};
use crate::identity::session::Session;
use crate::store::policies::{self, Stored};
use crate::web::page::{self, Answer, Fields, Frame, Problem, Told, Visit};
use crate::web::session;
use crate::{limits, store};

#[derive(Template)]
#[template(path = "access.html")]
struct Page {
    frame: Frame,
    csrf: String,
    /// Why it is not the page that publishes; empty where it is.
    file: String,
    version: i64,
    is_off: bool,
    roles: Vec<Line>,
    more_roles: usize,
    drafts: Vec<DraftLine>,
    looked_at: Option<LookedAt>,
    who: String,
    may: Option<May>,
    written: Written,
}

struct Line {
    name: String,
    description: String,
    members: Vec<String>,
    statements: Vec<String>,
}

struct DraftLine {
    id: String,
    note: String,
    by: String,
    at: String,
    roles: usize,
}

/// A draft beside what counts.
struct LookedAt {
    draft: DraftLine,
    is_behind: bool,
    text: Vec<String>,
    people: Vec<difference::Change>,
    more: usize,
    unknown: Vec<String>,
}

/// What somebody may do, or why nobody can say.
struct May {
    problem: String,
    roles: String,
    answers: Vec<effective::Answer>,
}

/// What was typed, and what is wrong with it.
#[derive(Default)]
struct Written {
    text: String,
    note: String,
    is_csv: bool,
    faults: Vec<String>,
}

/// `GET /admin/access`.
pub async fn show(State(app): State<App>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let session = match administrator(&app, &visit).await? {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let fields = Fields::of(query.unwrap_or_default().as_bytes());
    let counts = app.policies.published();
    let text = counts.as_ref().map(|it| as_text(&it.policy)).unwrap_or_default();
    page(&app, &visit, &session, &fields, Written { text, ..Written::default() }).await
}

/// As an editor takes it; nothing where it is longer than a form may be.
fn as_text(policy: &Policy) -> String {
    let text = serde_json::to_string_pretty(&policy.to_value()).unwrap_or_default();
    if text.len() > limits::PAGE_FORM_BYTES_MAX / 2 { String::new() } else { text }
}

async fn page(app: &App, visit: &Visit, session: &Session, fields: &Fields, written: Written) -> Answer {
    let counts = app.policies.published();
    let version = policy::version(app).await?;
    let drafts = policies::drafts(&app.store).await?;
    let looked_at = match drafts.iter().find(|draft| draft.id == fields.get("draft")) {
        Some(draft) => Some(look(app, draft, version).await?),
        None => None,
    };
    let mut lines = Vec::new();
    for draft in &drafts {
        lines.push(draft_line(app, draft).await?);
    }
    let roles = counts.as_ref().map(|it| it.policy.roles.as_slice()).unwrap_or_default();
    let shown = usize::try_from(limits::LISTED_ROWS).unwrap_or(usize::MAX);
    let (browser, jar) = session::known_browser(&app.config, visit);
    let status = if written.faults.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let page = Page {
        frame: Frame::of(&app.config),
        csrf: browser.proof(&purpose(session)).reveal().to_owned(),
        file: file(counts.as_deref()),
        version,
        is_off: counts.is_none(),
        roles: roles.iter().take(shown).map(line).collect(),
        more_roles: roles.len().saturating_sub(shown),
        drafts: lines,
        looked_at,
        who: fields.get("who").trim().to_owned(),
        may: may(app, fields.get("who").trim()),
        written,
    };
    Ok((jar, page::html(status, &page)).into_response())
}

fn file(counts: Option<&Published>) -> String {
    match counts.map(|it| &it.source) {
        Some(Source::File(path)) => path.display().to_string(),
        _ => String::new(),
    }
}

fn line(role: &Role) -> Line {
    Line {
        name: role.name.clone(),
        description: page::plain(&role.description),
        members: role.members.iter().map(|member| who(member.as_str())).collect(),
        statements: role.statements.iter().map(ToString::to_string).collect(),
    }
}

fn who(member: &str) -> String {
    if member == EVERYONE { "everyone".to_owned() } else { page::plain(member) }
}

async fn draft_line(app: &App, draft: &Stored) -> Result<DraftLine, store::Error> {
    let by = store::users::find(&app.store, &draft.created_by).await?;
    Ok(DraftLine {
        id: draft.id.clone(),
        note: page::plain(&draft.note),
        by: by.map_or_else(|| "the console".to_owned(), |user| user.email),
        at: page::moment(draft.created_at),
        roles: draft.policy.roles.len(),
    })
}

async fn look(app: &App, draft: &Stored, version: i64) -> Result<LookedAt, store::Error> {
    let WouldChange { mut text, mut people, unknown } = policy::would_change(app, &draft.policy).await?;
    let shown = limits::POLICY_CHANGES_SHOWN;
    let more = people.len().saturating_sub(shown) + text.len().saturating_sub(shown);
    text.truncate(shown);
    people.truncate(shown);
    let is_behind = draft.based_on != version;
    Ok(LookedAt { draft: draft_line(app, draft).await?, is_behind, text, people, more, unknown })
}

fn may(app: &App, who: &str) -> Option<May> {
    if who.is_empty() {
        return None;
    }
    Some(match effective::of(app, who) {
        Ok(found) => May { problem: String::new(), roles: found.roles.join(", "), answers: found.answers },
        Err(problem) => May { problem, roles: String::new(), answers: Vec::new() },
    })
}

/// `POST /admin/access`: keeps a draft, publishes one, or throws one away. On record first.
pub async fn change(State(app): State<App>, visit: Visit, body: Bytes) -> Answer {
    let session = match administrator(&app, &visit).await? {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let fields = Fields::of(&body);
    session::admit_form(&app, &visit, &purpose(&session), fields.get("csrf"))?;
    let (id, by) = (fields.get("id"), session.user.id.as_str());
    match fields.get("act") {
        "draft" => draft(&app, &visit, &session, &fields).await,
        "discard" => {
            policy::discard(&app, id, by).await.map_err(told)?;
            page::see_other("/admin/access")
        }
        "publish" => {
            // What was looked at when the page was made: of two who publish, the second looks again.
            let over = fields.get("over").parse().unwrap_or(-1);
            policy::publish(&app, id, over, by).await.map_err(told)?;
            page::see_other("/admin/access")
        }
        _ => Err(told(NotDone::Gone)),
    }
}

async fn draft(app: &App, visit: &Visit, session: &Session, fields: &Fields) -> Answer {
    let (text, note, is_csv) = (fields.get("policy"), fields.get("note"), fields.get("form") == "rbac");
    let written = |faults| Written { text: text.to_owned(), note: note.to_owned(), is_csv, faults };
    match policy::parse(text, is_csv, &[]) {
        Err(faults) => page(app, visit, session, fields, written(faults)).await,
        Ok(_) if text.trim().is_empty() => {
            page(app, visit, session, fields, written(vec!["there is nothing in it".to_owned()])).await
        }
        Ok(policy) => {
            let id = policy::draft(app, &policy, note, &session.user.id).await.map_err(told)?;
            page::see_other(&format!("/admin/access?draft={id}"))
        }
    }
}

fn told(why: NotDone) -> Problem {
    let what = why.to_string();
    let (status, code, title, next) = match why {
        NotDone::NotRecorded(error) => return error.into(),
        NotDone::Store(error) => return error.into(),
        NotDone::OfFile(_) => (
            StatusCode::CONFLICT,
            "policy_of_file",
            "Not here",
            "Change the file, then send SIGHUP to the server.",
        ),
        NotDone::Behind { .. } => {
            let next = "Go back to the drafts and look at yours again.";
            (StatusCode::CONFLICT, "policy_behind", "Somebody was quicker", next)
        }
        NotDone::TooMany => {
            (StatusCode::CONFLICT, "too_many_drafts", "Too many drafts", "Go back to the drafts.")
        }
        NotDone::Gone => {
            let next = "Go back to the drafts; they show how things stand.";
            (StatusCode::NOT_FOUND, "no_such_draft", "Nothing to do", next)
        }
    };
    let mut sentence = what.chars();
    let what: String = sentence.next().into_iter().flat_map(char::to_uppercase).chain(sentence).collect();
    Told::new(status, code, title, &format!("{what}."), next).into()
}

fn purpose(session: &Session) -> String {
    format!("admin-access {}", session.digest.as_str())
}
