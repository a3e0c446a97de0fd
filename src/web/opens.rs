//! What a grant opens, as people read it: a sentence for each scope, the tools under it, and where its answer went.

use url::Url;

use crate::access::{choice, scopes};
use crate::actions::Effect;
use crate::app::App;
use crate::oauth::scope::ScopeSet;

/// A scope in words.
#[derive(Clone, Debug)]
pub struct Line {
    /// The scope itself, for forms; empty where there is nothing to choose.
    pub scope: String,
    /// What it allows.
    pub sentence: String,
    /// In words beside the colour: who cannot see the one can read the other.
    pub warning: &'static str,
    /// What is behind it.
    pub tools: Vec<Tool>,
}

/// A tool that a scope unlocks.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Its title.
    pub title: String,
    /// What it does to the world, as a verb.
    pub effect: &'static str,
}

/// What `scope` unlocks at `resource`, a line a scope that a person can judge. How long it lasts is not among them.
pub fn lines(app: &App, resource: &str, scope: &ScopeSet) -> Vec<Line> {
    let judged = |name: &&str| scopes::is_shown(name) && *name != "offline_access";
    scope.iter().filter(judged).filter_map(|name| line(app, resource, name)).collect()
}

/// The same scope may open more at another resource, and that is another consent (attack D05).
fn line(app: &App, resource: &str, scope: &str) -> Option<Line> {
    let shown = app.server_of(resource).map(|server| server.actions.all()).unwrap_or_default();
    let unlocked = shown.iter().filter(|action| action.scope.as_deref() == Some(scope));
    let mut worst = Effect::Read;
    let mut tools = Vec::new();
    for action in unlocked {
        worst = worst.max(action.effect);
        let effect = match action.effect {
            Effect::Read => "reads",
            Effect::Change => "changes",
            Effect::Delete => "can delete",
        };
        tools.push(Tool { title: action.title.clone(), effect });
    }
    let sentence = scopes::sentence(scope)?.to_owned();
    Some(Line { scope: scope.to_owned(), sentence, warning: warning(worst), tools })
}

/// What an action of this effect does to the world, for whoever is to allow it; empty where it does nothing.
pub fn warning(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "",
        Effect::Change => "changes things",
        Effect::Delete => "can delete things",
    }
}

/// What a person may leave out of `scope` at `resource`.
pub fn optional(app: &App, resource: &str, scope: &ScopeSet) -> ScopeSet {
    let shown = app.server_of(resource).map(|server| server.actions.all()).unwrap_or_default();
    choice::optional(scope, shown.iter().filter_map(|action| Some((action.scope.as_deref()?, action.effect))))
}

/// The server behind `resource` as a person knows it: its title where it has a name of its own, else the whole place's.
pub fn server(app: &App, resource: &str) -> String {
    let known = app.server_of(resource);
    let named = known.filter(|server| server.name.is_some()).map(|server| server.title.clone());
    named.unwrap_or_else(|| app.config.title.clone())
}

/// Where the answer goes, as far as a person can judge it: the origin on the web, the whole URI of a program's own
/// scheme (C-03); and whether that is a program on this computer, which nobody can vouch for.
pub fn place(uri: &str) -> (String, bool) {
    let Some(url) = Url::parse(uri).ok().filter(|url| matches!(url.scheme(), "http" | "https")) else {
        return (uri.to_owned(), true);
    };
    // The parser's host is punycode: letters that look like others show.
    let host = url.host_str().unwrap_or_default();
    let shown = url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
    (shown, crate::config::is_loopback(&url))
}
