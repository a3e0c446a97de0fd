//! `postern tools list --as`: what one person's client may call, and the rule behind each answer. The rule is the one
//! that lists and calls are decided by; nothing is decided here.

use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;

use super::Outcome;
use super::tokens::resource;
use crate::access::personal::{self, EVERY};
use crate::access::{self, Decision};
use crate::actions::filter::Rule;
use crate::actions::{Action, Caller, safe_name};
use crate::app::App;
use crate::catalog::people;
use crate::identity::user::Email;
use crate::oauth::grant::Grant;
use crate::store;

/// Whose answers are asked for.
pub struct Asked<'a> {
    /// The person, by e-mail address.
    pub username: &'a str,
    /// The client, by client_id.
    pub client_id: &'a str,
    /// The MCP server, by name; the whole one where it is `None`.
    pub server: Option<&'a str>,
    /// One JSON object instead of a table.
    pub json: bool,
}

/// Explains every tool of the server.
///
/// # Errors
/// Where the person or the server does not exist, or the database does not answer.
pub async fn run(app: &App, asked: &Asked<'_>) -> Outcome {
    let at = resource(app, Some(asked.server.unwrap_or("mcp")))?;
    let server = app.server_of(&at).ok_or("there is no such MCP server")?;
    let user = store::users::find_by_email(&app.store, &Email::parse(asked.username)?).await?;
    let user =
        user.ok_or_else(|| format!("nobody has the address {}; see `postern user list`", asked.username))?;
    let held = held(app, &user.id, asked.client_id, &at).await?;
    let rights = app.policies.rights_of(people::of_address(&app.catalog.index(), &user.email)).map(Arc::new);
    let caller = held.as_ref().map(|(grant, restrictions)| Caller {
        subject: user.id.clone(),
        username: user.email.clone(),
        is_user: true,
        client_id: asked.client_id.to_owned(),
        grant_id: grant.id.clone(),
        scopes: grant.scope.clone(),
        resource: at.clone(),
        restrictions: restrictions.clone(),
        rights: rights.clone(),
    });
    let answers: Vec<Answer<'_>> = server.actions.all().iter().map(|a| answer(caller.as_ref(), a)).collect();
    if asked.json {
        let tools: Vec<_> = answers.iter().map(Answer::json).collect();
        let grant = caller.as_ref().map(|caller| &caller.grant_id);
        let scopes = caller.as_ref().map(|caller| caller.scopes.to_string());
        let all = json!({"as": user.email, "client_id": asked.client_id, "resource": at, "grant": grant, "scopes": scopes, "tools": tools});
        println!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(ExitCode::SUCCESS);
    }
    match &caller {
        Some(caller) => println!("{} through {} holds: {}\n", user.email, asked.client_id, caller.scopes),
        None => println!("{} never let {} in here, or took it back.\n", user.email, asked.client_id),
    }
    println!("{:<40} {:<4} WHY", "TOOL", "MAY");
    for answer in &answers {
        let may = if answer.allowed { "yes" } else { "no" };
        println!("{:<40} {may:<4} {}", safe_name(&answer.action.id), answer.reason);
    }
    Ok(ExitCode::SUCCESS)
}

struct Answer<'a> {
    action: &'a Action,
    allowed: bool,
    rule: &'static str,
    reason: String,
}

impl Answer<'_> {
    fn json(&self) -> serde_json::Value {
        json!({
            "id": self.action.id, "name": safe_name(&self.action.id), "allowed": self.allowed, "rule": self.rule,
            "reason": self.reason, "scope": self.action.scope, "permission": self.action.permission,
        })
    }
}

fn answer<'a>(caller: Option<&Caller>, action: &'a Action) -> Answer<'a> {
    let Some(caller) = caller else {
        let reason = "there is no live grant of this person to this client for this server".to_owned();
        return Answer { action, allowed: false, rule: "no-grant", reason };
    };
    let decision: Decision<'_> = access::decide(caller, action);
    let mut reason = decision.reason();
    // A restriction of the token decides before the policy does.
    if let Some(rights) = caller.rights.as_ref().filter(|_| decision != Decision::Hidden) {
        reason = format!("{reason}; {}", rights.judge_action(action).because);
    }
    Answer { action, allowed: decision.allows(), rule: decision.rule(), reason }
}

type Held = (Grant, Option<Arc<[Rule]>>);

/// The newest grant that lives, and what it is kept to.
async fn held(app: &App, user_id: &str, client_id: &str, at: &str) -> store::Result<Option<Held>> {
    let now = app.clock.now();
    let grants = store::grants::of_user(&app.store, user_id, client_id).await?;
    for grant in grants.into_iter().filter(|grant| grant.resource == at || grant.resource == EVERY) {
        if grant.stands(now).is_err() || !store::grants::is_live(&app.store, &grant.id, "").await? {
            continue;
        }
        if client_id != personal::CLIENT_ID {
            return Ok(Some((grant, None)));
        }
        let tokens = store::personal_tokens::of_user(&app.store, user_id).await?;
        let kept = tokens.into_iter().find(|token| token.id == grant.id).and_then(|token| token.kept.rules());
        return Ok(Some((grant, kept)));
    }
    Ok(None)
}
