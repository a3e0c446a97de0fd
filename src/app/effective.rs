//! What somebody may do, for whoever asks about them: a page, a command, an action.

use super::App;
use crate::access::roles::permission::{self, USES};
use crate::access::roles::policy::Member;
use crate::access::roles::{Level, Person, difference};
use crate::catalog::people;
use crate::catalog::relation::Ref;

/// What somebody may do.
#[derive(Debug)]
pub struct Effective {
    /// The roles that they have.
    pub roles: Vec<String>,
    /// Every permission, then the use of actions where it is decided apart.
    pub answers: Vec<Answer>,
}

/// One answer.
#[derive(Debug)]
pub struct Answer {
    /// The permission, or `action:<id>`.
    pub permission: String,
    /// The same for a person; empty where there are no words.
    pub about: &'static str,
    /// On how many things it may be used.
    pub level: Level,
    /// The statements that speak of it.
    pub because: Vec<String>,
}

/// What `member` may do: `user:…`, `group:…`, `client:…`, or an e-mail address.
///
/// # Errors
/// A sentence, where nobody is meant, or no policy counts.
pub fn of(app: &App, member: &str) -> Result<Effective, String> {
    let person = person(app, member.trim())?;
    let rights = app.policies.rights_of(person).ok_or("no policy is published; scopes alone decide")?;
    let actions = app.actions.all();
    let named = difference::permissions(actions).into_iter().map(|name| Answer {
        permission: name.to_owned(),
        about: permission::known(name).map_or("", |known| known.about),
        level: rights.level(name),
        because: rights.speaking_of(name),
    });
    let apart = actions.iter().filter(|it| it.permission.is_none() || rights.denies_use(it)).map(|action| {
        let judged = rights.judge_action(action);
        Answer {
            permission: format!("{USES}{}", action.id),
            about: "",
            level: if judged.allows() { Level::All } else { Level::None },
            because: vec![judged.because.to_string()],
        }
    });
    let roles = rights.roles().map(|role| role.name.clone()).collect();
    Ok(Effective { roles, answers: named.chain(apart).collect() })
}

fn person(app: &App, member: &str) -> Result<Person, String> {
    let index = app.catalog.index();
    if let Some(client) = member.strip_prefix("client:") {
        return Ok(people::of_client(client));
    }
    if member.contains('@') {
        return Ok(people::of_address(&index, member.trim_start_matches("user:")));
    }
    let reference = Member::parse(member).and_then(|parsed| Ref::parse(parsed.as_str(), None, "default"));
    let reference = reference.or_else(|why| {
        // "What may team-frontend do?": a name alone is a group's, or else a user's.
        let named = ["group", "user"].map(|kind| Ref::new(kind, "default", member));
        named.into_iter().find(|one| index.get(one.as_str()).is_some()).ok_or(why)
    })?;
    if index.get(reference.as_str()).is_none() {
        return Err(format!("the catalog has no {reference}"));
    }
    Ok(people::of_reference(&index, &reference))
}
