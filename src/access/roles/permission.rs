//! Permissions, by the names that Backstage gives them, and what a statement can speak of.

use std::fmt;

use crate::actions::filter::Glob;
use crate::limits;

/// What is done with a thing, as the community's RBAC calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// A new one is made.
    Create,
    /// It is looked at.
    Read,
    /// It is changed.
    Update,
    /// It is removed.
    Delete,
    /// Everything else.
    Use,
}

impl Act {
    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "create" => Self::Create,
            "read" => Self::Read,
            "update" => Self::Update,
            "delete" => Self::Delete,
            "use" => Self::Use,
            _ => return None,
        })
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Use => "use",
        }
    }
}

/// A permission that this server asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Its name.
    pub name: &'static str,
    /// The kind of thing that it is about; `None` where there is no thing to set conditions on.
    pub resource: Option<&'static str>,
    /// What is done.
    pub act: Act,
    /// The same for a person.
    pub about: &'static str,
}

/// Entities of the catalog.
pub const ENTITY: &str = "catalog-entity";
/// Runs of templates.
pub const TASK: &str = "scaffolder-task";
/// Actions that templates may run.
pub const STEP: &str = "scaffolder-action";
/// Parameters and steps of templates.
pub const TEMPLATE: &str = "scaffolder-template";
/// The policy itself.
pub const POLICY: &str = "policy-entity";

const fn of(name: &'static str, resource: Option<&'static str>, act: Act, about: &'static str) -> Permission {
    Permission { name, resource, act, about }
}

/// Every permission that is known here. Actions may ask for others, which a policy names as they do.
pub const KNOWN: &[Permission] = &[
    of("catalog.entity.read", Some(ENTITY), Act::Read, "Read entities"),
    of("catalog.entity.create", None, Act::Create, "Register entities"),
    of("catalog.entity.refresh", Some(ENTITY), Act::Update, "Have entities read again"),
    of("catalog.entity.delete", Some(ENTITY), Act::Delete, "Unregister entities"),
    of("catalog.entity.validate", None, Act::Use, "Check descriptors"),
    of("catalog.location.read", None, Act::Read, "Read locations"),
    of("catalog.location.create", None, Act::Create, "Add locations"),
    of("catalog.location.analyze", None, Act::Use, "Look into locations before adding them"),
    of("catalog.location.delete", None, Act::Delete, "Remove locations"),
    of("scaffolder.action.execute", Some(STEP), Act::Use, "Run an action as a step of a template"),
    of("scaffolder.template.parameter.read", Some(TEMPLATE), Act::Read, "See parameters of templates"),
    of("scaffolder.template.step.read", Some(TEMPLATE), Act::Read, "See steps of templates"),
    of("scaffolder.template.dry-run", None, Act::Use, "Try templates without effect"),
    of("scaffolder.template.management", None, Act::Use, "Write and try templates"),
    of("scaffolder.task.create", None, Act::Create, "Run templates"),
    of("scaffolder.task.read", Some(TASK), Act::Read, "See runs of templates"),
    of("scaffolder.task.cancel", Some(TASK), Act::Use, "Stop runs of templates"),
    of("policy.entity.read", Some(POLICY), Act::Read, "Read roles, members and permissions"),
    of("policy.entity.create", None, Act::Create, "Draft roles"),
    of("policy.entity.update", Some(POLICY), Act::Update, "Change roles in a draft"),
    of("policy.entity.delete", Some(POLICY), Act::Delete, "Remove roles in a draft"),
];

/// A known permission by its name.
pub fn known(name: &str) -> Option<&'static Permission> {
    KNOWN.iter().find(|permission| permission.name == name)
}

/// What a statement speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One permission.
    Named(String, Act),
    /// Every permission to do this with that kind of thing.
    Kind(String, Act),
    /// The use of the actions whose ids fit: `action:catalog:*`.
    Uses(Glob),
}

/// How the use of an action is written.
pub const USES: &str = "action:";

impl Target {
    /// Reads `catalog.entity.read`, `catalog-entity` with an act, or `action:<id>`.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(text: &str, act: Option<&str>) -> Result<Self, String> {
        if text.is_empty() || text.len() > limits::POLICY_TEXT_BYTES_MAX {
            return Err("a permission has a name, of 500 bytes at most".to_owned());
        }
        if text.contains([',', '"', '\n', '\r']) || text.trim() != text {
            return Err(format!("{text:?} is no name of a permission"));
        }
        let act = match act {
            None => None,
            Some(word) => Some(Act::parse(word).ok_or_else(|| {
                format!("{text}: the action {word:?} is none of create, read, update, delete, use")
            })?),
        };
        if let Some(pattern) = text.strip_prefix(USES) {
            return match act {
                None | Some(Act::Use) => Ok(Self::Uses(Glob::parse(pattern)?)),
                Some(act) => Err(format!("{text}: an action is used, so write use and not {}", act.as_str())),
            };
        }
        let of_kind: Vec<Act> =
            KNOWN.iter().filter(|one| one.resource == Some(text)).map(|one| one.act).collect();
        if !of_kind.is_empty() {
            return match act {
                Some(act) if of_kind.contains(&act) => Ok(Self::Kind(text.to_owned(), act)),
                _ => {
                    let words: Vec<_> = of_kind.iter().map(|act| act.as_str()).collect();
                    Err(format!(
                        "{text} is a kind of thing: say what is done with it, {}",
                        words.join(" or ")
                    ))
                }
            };
        }
        match (known(text), act) {
            (Some(known), Some(act)) if known.act != act => Err(format!(
                "{text} is of the action {}, not {}: as written it would never be asked for",
                known.act.as_str(),
                act.as_str()
            )),
            (Some(known), _) => Ok(Self::Named(text.to_owned(), known.act)),
            (None, act) => Ok(Self::Named(text.to_owned(), act.unwrap_or(Act::Use))),
        }
    }

    /// Whether it speaks of the permission `asked`.
    pub fn covers(&self, asked: &str) -> bool {
        match self {
            Self::Named(name, _) => name == asked,
            Self::Kind(kind, act) => {
                known(asked).is_some_and(|known| known.resource == Some(kind) && known.act == *act)
            }
            Self::Uses(_) => false,
        }
    }

    /// Whether it speaks of using the action `id`.
    pub fn covers_use(&self, id: &str) -> bool {
        matches!(self, Self::Uses(pattern) if pattern.fits(id))
    }

    /// The kind of thing that conditions on it are about.
    pub fn resource(&self) -> Option<&str> {
        match self {
            Self::Named(name, _) => known(name).and_then(|known| known.resource),
            Self::Kind(kind, _) => Some(kind),
            Self::Uses(_) => None,
        }
    }

    /// What is done.
    pub fn act(&self) -> Act {
        match self {
            Self::Named(_, act) | Self::Kind(_, act) => *act,
            Self::Uses(_) => Act::Use,
        }
    }

    /// The name that it is written by; the act says the rest.
    pub fn name(&self) -> String {
        match self {
            Self::Named(name, _) | Self::Kind(name, _) => name.clone(),
            Self::Uses(pattern) => format!("{USES}{}", pattern.as_str()),
        }
    }
}

/// `catalog.entity.read`, `read catalog-entity`, `action:catalog:*`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind, act) => write!(f, "{} {kind}", act.as_str()),
            other => f.write_str(&other.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_read_or_refused_with_a_reason() {
        for (text, act, shown) in [
            ("catalog.entity.read", None, "catalog.entity.read"),
            ("catalog.entity.read", Some("read"), "catalog.entity.read"),
            ("catalog-entity", Some("read"), "read catalog-entity"),
            ("action:catalog:*", Some("use"), "action:catalog:*"),
            ("kubernetes.proxy", Some("use"), "kubernetes.proxy"),
        ] {
            assert_eq!(Target::parse(text, act).unwrap().to_string(), shown);
        }
        for (text, act, word) in [
            ("catalog.entity.read", Some("delete"), "never be asked"),
            ("catalog-entity", None, "say what is done"),
            ("catalog-entity", Some("use"), "say what is done"),
            ("catalog.entity.read", Some("look"), "none of create"),
            ("action:catalog:*", Some("read"), "write use"),
            ("action:[a]", None, ""),
            ("", None, "a name"),
            ("a,b", None, "no name"),
            (" a", None, "no name"),
        ] {
            assert!(Target::parse(text, act).unwrap_err().contains(word), "{text}");
        }
    }

    #[test]
    fn a_kind_covers_what_is_done_with_it_and_nothing_else() {
        let covered = |text: &str, act: &str| -> Vec<&str> {
            let target = Target::parse(text, Some(act)).unwrap();
            KNOWN.iter().map(|one| one.name).filter(|name| target.covers(name)).collect()
        };
        assert_eq!(covered("catalog-entity", "read"), ["catalog.entity.read"]);
        assert_eq!(covered("catalog-entity", "update"), ["catalog.entity.refresh"]);
        assert_eq!(covered("catalog.entity.create", "create"), ["catalog.entity.create"]);
        assert_eq!(covered("action:*", "use"), [""; 0]);
        assert!(Target::parse("action:catalog:*", None).unwrap().covers_use("catalog:get"));
        assert!(!Target::parse("action:catalog:*", None).unwrap().covers_use("scaffolder:get"));
    }
}
