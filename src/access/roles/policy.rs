//! A policy as a document: roles with members and statements, checked when it is read, and always written the same way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde_json::{Value, json};

use super::condition::Condition;
use super::permission::{self, Target};
use crate::limits;
use crate::secret;

/// What a statement says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It may be done, unless something denies it.
    #[default]
    Allow,
    /// It may not be done, whatever allows it.
    Deny,
}

impl Effect {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// Everyone who signs in, and every program.
pub const EVERYONE: &str = "*";

/// One who has a role: `user:default/dana`, `user:dana@acme.example`, `group:default/eng`, `client:<client_id>`, or `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member(String);

impl Member {
    /// Reads one; references get their namespace and lower case.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > limits::POLICY_TEXT_BYTES_MAX
            || text.trim() != text
            || text.contains([',', '"', ' ', '\n', '\r'])
        {
            return Err(format!("{text:?} is no member"));
        }
        if text == EVERYONE {
            return Ok(Self(text.to_owned()));
        }
        match text.split_once(':') {
            Some((kind @ ("user" | "group"), rest)) => reference(kind, rest).map(Self),
            Some(("client", id)) if !id.is_empty() => Ok(Self(text.to_owned())),
            Some(("role", _)) => Err(format!("{text}: a role is no member of a role; name its members")),
            _ => Err(format!("{text:?} is no member: user:…, group:…, client:… or *")),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Member {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `kind:namespace/name` in lower case, with the default namespace where there is none.
///
/// # Errors
/// A sentence, where a part is empty.
pub fn reference(kind: &str, rest: &str) -> Result<String, String> {
    let (namespace, name) = rest.split_once('/').unwrap_or(("default", rest));
    if namespace.is_empty() || name.is_empty() || name.contains('/') {
        return Err(format!("{kind}:{rest} is no reference such as {kind}:default/name"));
    }
    Ok(format!("{kind}:{namespace}/{name}").to_lowercase())
}

/// What a role allows or denies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it speaks of.
    pub target: Target,
    /// What it says.
    pub effect: Effect,
    /// For which things it holds; `None` for all.
    pub when: Option<Condition>,
}

impl Statement {
    /// A statement that makes sense.
    ///
    /// # Errors
    /// A sentence, where a condition is set on what has no things.
    pub fn new(target: Target, effect: Effect, when: Option<&Value>) -> Result<Self, String> {
        let when = match when.filter(|value| !value.is_null()) {
            None => None,
            Some(value) => {
                let resource = target
                    .resource()
                    .ok_or_else(|| format!("{target} is about nothing that a condition could be set on"))?;
                let read = Condition::parse(value, resource);
                Some(read.map_err(|why| format!("{target}: {why}"))?)
            }
        };
        Ok(Self { target, effect, when })
    }

    fn to_value(&self) -> Value {
        let mut value = json!({
            "permission": self.target.name(), "action": self.target.act().as_str(), "effect": self.effect.as_str(),
        });
        if let Some(when) = &self.when {
            value["when"] = when.to_value();
        }
        value
    }
}

/// `allow catalog.entity.read where IS_ENTITY_OWNER($ownerRefs)`.
impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.effect.as_str(), self.target)?;
        match &self.when {
            Some(when) => write!(f, " where {when}"),
            None => Ok(()),
        }
    }
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// `role:default/readers`.
    pub name: String,
    /// What it is for; empty where nobody said.
    pub description: String,
    /// Who has it.
    pub members: BTreeSet<Member>,
    /// What it allows and denies, in order of their text.
    pub statements: Vec<Statement>,
}

/// Who may do what. Always in one order, so that equal policies have equal texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What counts where nothing speaks of a thing.
    pub otherwise: Otherwise,
    /// In order of name.
    pub roles: Vec<Role>,
}

/// What counts where nothing speaks of a thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Otherwise {
    /// It may not be done, as with Backstage.
    #[default]
    Deny,
    /// It may be done: the policy only takes away.
    Allow,
}

/// Roles while they are gathered, by name.
#[derive(Debug, Default)]
pub struct Gathering(BTreeMap<String, Role>);

impl Gathering {
    /// The role of this name, made where it is new.
    ///
    /// # Errors
    /// A sentence, where it is no name of a role.
    pub fn role(&mut self, name: &str) -> Result<&mut Role, String> {
        let name = match name.split_once(':') {
            Some(("role", rest)) => reference("role", rest)?,
            None => reference("role", name)?,
            Some(_) => return Err(format!("{name:?} is no role: role:default/name")),
        };
        if name.len() > limits::POLICY_TEXT_BYTES_MAX || name.contains([',', '"', ' ', '\n', '\r']) {
            return Err(format!("{name:?} is no role: role:default/name"));
        }
        let empty = |name: &String| Role {
            name: name.clone(),
            description: String::new(),
            members: BTreeSet::new(),
            statements: Vec::new(),
        };
        Ok(self.0.entry(name.clone()).or_insert_with(|| empty(&name)))
    }

    /// The policy of these roles.
    ///
    /// # Errors
    /// A sentence, where there is too much of something.
    pub fn finish(self, otherwise: Otherwise) -> Result<Policy, String> {
        if self.0.len() > limits::POLICY_ROLES_MAX {
            return Err(format!("a policy has at most {} roles", limits::POLICY_ROLES_MAX));
        }
        let mut roles: Vec<Role> = self.0.into_values().collect();
        for role in &mut roles {
            role.statements.sort_by_cached_key(|statement| statement.to_value().to_string());
            role.statements.dedup();
            let most = limits::POLICY_ROLE_ITEMS_MAX;
            if role.members.len() > most || role.statements.len() > most {
                return Err(format!("{} has more than {most} members or statements", role.name));
            }
        }
        let policy = Policy { otherwise, roles };
        // Nothing is kept that could not be read again.
        if policy.to_text().len() > limits::POLICY_BYTES_MAX {
            return Err(format!("a policy is at most {} bytes long, written out", limits::POLICY_BYTES_MAX));
        }
        Ok(policy)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPolicy {
    #[serde(default)]
    otherwise: Otherwise,
    #[serde(default)]
    roles: Vec<WrittenRole>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRole {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    permissions: Vec<WrittenStatement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStatement {
    permission: String,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    effect: Effect,
    #[serde(default)]
    when: Option<Value>,
}

impl Policy {
    /// Reads `{otherwise, roles: [{name, description, members, permissions: [{permission, action, effect, when}]}]}`.
    ///
    /// # Errors
    /// Every fault, a sentence each. Nothing of a policy with a fault may be used: what is missing could be a deny.
    pub fn parse(value: &Value) -> Result<Self, Vec<String>> {
        if !value.is_object() {
            return Err(vec!["a policy is an object with roles in it".to_owned()]);
        }
        let written: WrittenPolicy =
            Deserialize::deserialize(value).map_err(|error: serde_json::Error| vec![error.to_string()])?;
        let (mut gathered, mut faults, mut seen) = (Gathering::default(), Vec::new(), BTreeSet::new());
        for one in written.roles {
            let role = match gathered.role(&one.name) {
                Ok(role) => role,
                Err(fault) => {
                    faults.push(fault);
                    continue;
                }
            };
            if !seen.insert(role.name.clone()) {
                faults.push(format!("{} is there twice", role.name));
            }
            let text: String = one.description.chars().filter(|c| !c.is_control()).collect();
            role.description = text.chars().take(limits::POLICY_TEXT_BYTES_MAX).collect();
            for member in &one.members {
                match Member::parse(member) {
                    Ok(member) => drop(role.members.insert(member)),
                    Err(why) => faults.push(format!("{}: {why}", role.name)),
                }
            }
            for said in &one.permissions {
                let target = Target::parse(&said.permission, said.action.as_deref());
                match target.and_then(|target| Statement::new(target, said.effect, said.when.as_ref())) {
                    Ok(statement) => role.statements.push(statement),
                    Err(why) => faults.push(format!("{}: {why}", role.name)),
                }
            }
        }
        let policy = gathered.finish(written.otherwise);
        match policy {
            Ok(policy) if faults.is_empty() => Ok(policy),
            Ok(_) => Err(faults),
            Err(fault) => {
                faults.push(fault);
                Err(faults)
            }
        }
    }

    /// Reads the text that [`Policy::to_text`] wrote.
    ///
    /// # Errors
    /// As [`Policy::parse`].
    pub fn from_text(text: &str) -> Result<Self, Vec<String>> {
        if text.len() > limits::POLICY_BYTES_MAX {
            return Err(vec![format!("a policy is at most {} bytes long", limits::POLICY_BYTES_MAX)]);
        }
        let value: Value = serde_json::from_str(text).map_err(|error| vec![error.to_string()])?;
        Self::parse(&value)
    }

    /// The document.
    pub fn to_value(&self) -> Value {
        let role = |role: &Role| {
            let members: Vec<_> = role.members.iter().map(Member::as_str).collect();
            let statements: Vec<_> = role.statements.iter().map(Statement::to_value).collect();
            json!({
                "name": role.name, "description": role.description, "members": members, "permissions": statements,
            })
        };
        let otherwise = match self.otherwise {
            Otherwise::Deny => "deny",
            Otherwise::Allow => "allow",
        };
        json!({"otherwise": otherwise, "roles": self.roles.iter().map(role).collect::<Vec<_>>()})
    }

    /// The document's text: equal for equal policies.
    pub fn to_text(&self) -> String {
        self.to_value().to_string()
    }

    /// What names this policy: SHA-256 of its text, base64url.
    pub fn hash(&self) -> String {
        secret::sha256_base64url(self.to_text().as_bytes())
    }

    /// What is in it that means nothing here, a sentence each: permissions that nobody asks for, patterns that fit no
    /// action. They may be of another system, or mistakes.
    pub fn unknown<'a>(&self, permissions: &BTreeSet<&'a str>, actions: &[&'a str]) -> Vec<String> {
        let is_known = |target: &Target| match target {
            Target::Named(name, _) => {
                permission::known(name).is_some() || permissions.contains(name.as_str())
            }
            Target::Kind(..) => true,
            Target::Uses(_) => actions.iter().any(|id| target.covers_use(id)),
        };
        let mut found = Vec::new();
        for role in &self.roles {
            for statement in role.statements.iter().filter(|one| !is_known(&one.target)) {
                found.push(format!("{}: nothing here asks for {}", role.name, statement.target));
            }
            if role.members.is_empty() {
                found.push(format!("{} has no members", role.name));
            }
        }
        found
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
