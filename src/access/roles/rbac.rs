//! The community's RBAC form, in and out: `p, role:default/devs, catalog-entity, read, allow` and `g, group:default/eng,
//! role:default/devs` in CSV, and conditional policies beside it.

use serde_json::{Value, json};

use super::permission::{self, Target};
use super::policy::{Effect, Gathering, Member, Otherwise, Policy, Statement};
use crate::limits;

/// Reads a CSV, and the documents of a file of conditional policies.
///
/// # Errors
/// Every fault with its line or document. Nothing of what has faults is used: what is missing could be a deny.
pub fn read(csv: &str, conditional: &[Value]) -> Result<Policy, Vec<String>> {
    if csv.len() > limits::POLICY_BYTES_MAX {
        return Err(vec![format!("a policy is at most {} bytes long", limits::POLICY_BYTES_MAX)]);
    }
    let (mut gathered, mut faults) = (Gathering::default(), Vec::new());
    for (number, line) in csv.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Err(why) = take(&mut gathered, line) {
            faults.push(format!("line {}: {why}", number + 1));
        }
    }
    for (number, document) in conditional.iter().enumerate() {
        if let Err(why) = take_conditional(&mut gathered, document) {
            faults.push(format!("conditional policy {}: {why}", number + 1));
        }
    }
    match gathered.finish(Otherwise::Deny) {
        Ok(policy) if faults.is_empty() => Ok(policy),
        Ok(_) => Err(faults),
        Err(fault) => {
            faults.push(fault);
            Err(faults)
        }
    }
}

fn take(gathered: &mut Gathering, line: &str) -> Result<(), String> {
    let fields: Vec<String> = fields(line)?;
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    match fields.as_slice() {
        ["p", role, permission, act, effect] => {
            let effect = match *effect {
                "allow" => Effect::Allow,
                "deny" => Effect::Deny,
                other => return Err(format!("the effect {other:?} is neither allow nor deny")),
            };
            if !role.starts_with("role:") {
                return Err(format!("{role:?}: a permission is given to a role; members get roles with g"));
            }
            let statement = Statement::new(Target::parse(permission, Some(act))?, effect, None)?;
            gathered.role(role)?.statements.push(statement);
        }
        ["g", member, role] => {
            let member = Member::parse(member)?;
            if !role.starts_with("role:") {
                return Err(format!("{role:?} is no role: role:default/name"));
            }
            gathered.role(role)?.members.insert(member);
        }
        [word, ..] => {
            return Err(format!(
                "{word} with {} fields: expected `p, role, permission, action, effect` or `g, member, role`",
                fields.len()
            ));
        }
        [] => {}
    }
    Ok(())
}

/// Fields between commas, each perhaps in quotes.
fn fields(line: &str) -> Result<Vec<String>, String> {
    let field = |text: &str| {
        let text = text.trim();
        match text.strip_prefix('"') {
            None if text.contains('"') => Err("a quote stands inside a field".to_owned()),
            None => Ok(text.to_owned()),
            Some(rest) => match rest.strip_suffix('"') {
                Some(inside) if !inside.contains('"') => Ok(inside.trim().to_owned()),
                _ => Err("a quote is not closed".to_owned()),
            },
        }
    };
    line.split(',').map(field).collect()
}

fn take_conditional(gathered: &mut Gathering, document: &Value) -> Result<(), String> {
    let text = |key: &str| document[key].as_str().ok_or_else(|| format!("{key} must be a text"));
    let known =
        ["id", "result", "roleEntityRef", "pluginId", "resourceType", "permissionMapping", "conditions"];
    let map = document.as_object().ok_or("it must be an object")?;
    if let Some(other) = map.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("it has no part {other:?}"));
    }
    if document["result"].as_str().is_some_and(|result| result != "CONDITIONAL") {
        return Err(format!("result is {}, where CONDITIONAL is all there is", document["result"]));
    }
    let kind = text("resourceType")?;
    let acts = document["permissionMapping"].as_array().filter(|acts| !acts.is_empty());
    let acts = acts.ok_or("permissionMapping must be a list such as [read, update]")?;
    let role = gathered.role(text("roleEntityRef")?)?;
    for act in acts {
        let act = act.as_str().ok_or("permissionMapping must be a list of texts")?;
        let is_kind = permission::KNOWN.iter().any(|one| one.resource == Some(kind));
        if !is_kind {
            return Err(format!("there is no kind of thing {kind:?} here"));
        }
        let target = Target::parse(kind, Some(act))?;
        role.statements.push(Statement::new(target, Effect::Allow, Some(&document["conditions"]))?);
    }
    Ok(())
}

/// A policy in this form.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    /// The CSV.
    pub csv: String,
    /// The conditional policies, a document each.
    pub conditional: Vec<Value>,
}

/// Writes a policy in this form.
///
/// # Errors
/// What cannot be said in it, a sentence each. Left out, it could be a deny.
pub fn write(policy: &Policy) -> Result<Written, Vec<String>> {
    let (mut csv, mut conditional, mut lost) = (String::new(), Vec::new(), Vec::new());
    if policy.otherwise == Otherwise::Allow {
        lost.push("otherwise = allow: there, what nothing speaks of is denied".to_owned());
    }
    for role in &policy.roles {
        for one in &role.statements {
            let (name, act) = (one.target.name(), one.target.act());
            match (&one.when, one.effect) {
                (None, effect) => {
                    csv += &format!("p, {}, {name}, {}, {}\n", role.name, act.as_str(), effect.as_str());
                }
                (Some(_), Effect::Deny) => {
                    lost.push(format!("{}: {one}: there, conditions only allow", role.name));
                }
                (Some(when), Effect::Allow) => {
                    let kind = one.target.resource().unwrap_or_default();

                    conditional.push(json!({
                        "result": "CONDITIONAL", "roleEntityRef": role.name, "pluginId": plugin(kind),
                        "resourceType": kind, "permissionMapping": [act.as_str()], "conditions": when.to_value(),
                    }));
                }
            }
        }
        for member in &role.members {
            csv += &format!("g, {member}, {}\n", role.name);
        }
        if role.members.is_empty() && role.statements.is_empty() {
            lost.push(format!("{}: there, a role is what something is said of", role.name));
        }
    }
    if lost.is_empty() { Ok(Written { csv, conditional }) } else { Err(lost) }
}

fn plugin(kind: &str) -> &str {
    match kind.split_once('-') {
        Some(("policy", _)) => "permission",
        Some((plugin, _)) => plugin,
        None => kind,
    }
}

#[cfg(test)]
#[path = "rbac_tests.rs"]
mod tests;
