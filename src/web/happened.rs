//! What the audit log's events are called on pages, and how their rows read.

use std::collections::HashMap;

use crate::store::audit_pages::Found;
use crate::web::page;

/// A published event in words; an event that is not published shows its own name.
pub fn words(event: &str) -> &str {
    match event {
        "approval.given" => "Approved a call",
        "approval.refused" => "Refused a call",
        "audit.exported" => "Exported the audit log",
        "client.approved" => "Let a client in",
        "client.asked_for" => "Asked for an app that nobody here knows",
        "client.deleted" => "Deleted a client",
        "client.described" => "A client described itself",
        "client.refused" => "Kept a client out",
        "client.registered" => "A client was registered",
        "client.resumed" => "Let a suspended client go on",
        "client.revoked" => "Ended a client",
        "client.suspended" => "Suspended a client",
        "catalog.location.registered" => "Registered a location with the catalog",
        "catalog.location.unregistered" => "Took a location out of the catalog",
        "client.token.added" => "Made a token to register clients with",
        "client.token.revoked" => "Ended a token to register clients with",
        "client.updated" => "A client changed its registration",
        "consent.allowed" => "Allowed an app",
        "consent.cancelled" => "Said no to an app",
        "consent.remembered" => "An app came back on an earlier yes",
        "grant.issued" => "An app was connected",
        "grant.revoked" => "An app was disconnected",
        "key.published" => "Published the signing key that is next",
        "key.replaced" => "Withdrew every signing key and made a new one",
        "policy.discarded" => "Discarded a draft of the policy",
        "policy.drafted" => "Drafted a policy",
        "policy.published" => "Published a policy",
        "scaffolder.step" => "Did a step of a template",
        "scaffolder.task.cancel" => "Cancelled a run of a template",
        "scaffolder.task.create" => "Ran a template",
        "scaffolder.task.retry" => "Retried a run of a template",
        "session.ended" => "Ended a session",
        "token.ended" => "Ended an access token",
        "token.exchanged" => "A token was exchanged",
        "token.issued" => "Tokens were issued",
        "token.made" => "Made an access token",
        "token.refreshed" => "Tokens were renewed",
        "token.refused" => "A token was refused",
        "token.revoked" => "A token was handed back",
        "tool.call" => "Called a tool that changes things",
        "tool.calls" => "Calls that only read",
        "user.added" => "Added a person",
        "user.first-admin" => "Became the first administrator",
        "user.linked" => "Linked a person to an identity provider",
        "user.password-changed" => "Changed the password",
        "user.password-link" => "Made a link to set a password",
        "user.resumed" => "Let a suspended person go on",
        "user.sign-in" => "Signed in",
        "user.sign-out" => "Signed out",
        "user.suspended" => "Suspended a person",
        "user.unlinked" => "Unlinked a person from an identity provider",
        other => other,
    }
}

/// How it ended, in words where `ok` would say too little; empty where all is well.
pub fn outcome(found: &Found) -> String {
    match found.row.outcome.as_str() {
        "ok" => String::new(),
        other => other.replace(['-', '_'], " "),
    }
}

/// The tool of a call, by its title where there is one.
pub fn tool(found: &Found, title: impl Fn(&str) -> Option<String>) -> String {
    let detail: serde_json::Value = serde_json::from_str(&found.row.detail).unwrap_or_default();
    let action = detail["action"].as_str().unwrap_or_default();
    title(action).unwrap_or_else(|| action.to_owned())
}

/// The client of a row, by its name where it is known.
pub fn client(found: &Found, names: &HashMap<String, String>) -> String {
    let id = found.row.client_id.as_deref().unwrap_or_default();
    names.get(id).map_or_else(|| id.to_owned(), |name| page::shown(name))
}

/// The distinct clients of some rows.
pub fn clients(rows: &[Found]) -> Vec<String> {
    let mut ids: Vec<String> = rows.iter().filter_map(|found| found.row.client_id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
