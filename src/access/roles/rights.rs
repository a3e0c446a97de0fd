//! What one person has of a policy, and the one question: may they?

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::condition::Thing;
use super::permission::{KNOWN, USES};
use super::policy::{EVERYONE, Effect, Otherwise, Policy, Role, Statement};
use crate::actions::Action;

/// Who somebody is to a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// What members of roles name them by: their user, their groups and those groups' parents, their address, their
    /// client where no person stands behind it. In lower case, but for clients.
    pub names: Vec<String>,
    /// The User of the catalog that they are: `$currentUser`.
    pub user: Option<String>,
    /// What they own things as: `$ownerRefs`.
    pub owners: Vec<String>,
}

/// How much of the things that a permission is about somebody may use it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// None.
    None,
    /// Those that conditions allow.
    Some,
    /// All.
    All,
}

impl Level {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "no",
            Self::Some => "some",
            Self::All => "all",
        }
    }
}

/// An answer, and the statement that it follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement<'a> {
    /// Whether it may be done.
    pub effect: Effect,
    /// Why.
    pub because: Because<'a>,
}

impl Judgement<'_> {
    /// Whether it may be done.
    pub fn allows(&self) -> bool {
        self.effect == Effect::Allow
    }
}

/// What an answer follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because<'a> {
    /// A statement of a role that the person has.
    Statement(&'a Role, &'a Statement),
    /// Nothing speaks of it.
    Otherwise,
    /// It asks for nothing.
    Open,
}

/// `role:default/readers says: allow catalog.entity.read`.
impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Statement(role, statement) => write!(f, "{} says: {statement}", role.name),
            Self::Otherwise => f.write_str("no role of theirs speaks of it"),
            Self::Open => f.write_str("it asks for no permission"),
        }
    }
}

/// The position of a role in the policy, and of a statement in the role.
type At = (usize, usize);

/// What one person has of one policy, sorted by what is asked for. Immutable: another policy, or other groups, make
/// other rights.
pub struct Rights {
    /// Differs between any two, so that what was made for one is never taken for another's.
    pub id: u64,
    /// The state of policy and catalog that these follow from; see `app::policy`.
    pub stamp: u64,
    policy: Arc<Policy>,
    person: Person,
    roles: Vec<usize>,
    held: Vec<At>,
    by_name: HashMap<String, Vec<At>>,
    uses: Vec<At>,
}

/// Short: a caller is printed often, and a policy may be long.
impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rights({} of {:?})", self.id, self.person.names.first())
    }
}

impl PartialEq for Rights {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Rights {}

impl Rights {
    /// What `person` has of `policy`.
    pub fn of(policy: &Arc<Policy>, person: Person, (id, stamp): (u64, u64)) -> Self {
        let has = |role: &Role| {
            role.members.contains(EVERYONE)
                || person.names.iter().any(|name| role.members.contains(name.as_str()))
        };
        let mut rights = Self {
            id,
            stamp,
            policy: Arc::clone(policy),
            person: Person::default(),
            roles: Vec::new(),
            held: Vec::new(),
            by_name: HashMap::new(),
            uses: Vec::new(),
        };
        for (at, role) in policy.roles.iter().enumerate().filter(|(_, role)| has(role)) {
            rights.roles.push(at);
            rights.held.extend((0..role.statements.len()).map(|statement| (at, statement)));
        }
        for &(role, statement) in &rights.held {
            let target = &policy.roles[role].statements[statement].target;
            let named = KNOWN.iter().map(|one| one.name).filter(|name| target.covers(name));
            let mut names: Vec<String> = named.map(str::to_owned).collect();
            match target {
                super::permission::Target::Named(name, _) if !names.contains(name) => {
                    names.push(name.clone())
                }
                super::permission::Target::Uses(_) => rights.uses.push((role, statement)),
                _ => {}
            }
            for name in names {
                rights.by_name.entry(name).or_default().push((role, statement));
            }
        }
        rights.person = person;
        rights
    }

    /// Whom these are of.
    pub fn person(&self) -> &Person {
        &self.person
    }

    /// The roles of that person.
    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.iter().map(|&role| &self.policy.roles[role])
    }

    /// Whether `permission` may be used on `thing`. A deny that fits wins; then an allow that fits; then what the policy
    /// says otherwise. For [`Thing::Unnamed`]: whether there may be a thing that it can be used on.
    pub fn judge(&self, permission: &str, thing: &Thing<'_>) -> Judgement<'_> {
        let speaking = self.by_name.get(permission).map_or(&[][..], Vec::as_slice);
        self.of_those(speaking.iter(), thing)
    }

    /// Whether `action` may be called at all: a deny of its use wins; then the permission that it asks for decides; where
    /// it asks for none, the use of it has to be allowed, unless it is open to everybody.
    pub fn judge_action(&self, action: &Action) -> Judgement<'_> {
        if let Some(at) = self.denial(action) {
            return self.because(at);
        }
        match (&action.permission, &action.scope) {
            (Some(permission), _) => self.judge(permission, &Thing::Unnamed),
            (None, None) => Judgement { effect: Effect::Allow, because: Because::Open },
            (None, Some(_)) => {
                let covers = |at: &&At| self.statement(at).1.target.covers_use(&action.id);
                self.of_those(self.uses.iter().filter(covers), &Thing::Unnamed)
            }
        }
    }

    /// Whether the use of `action` is denied, whatever its permission says.
    pub fn denies_use(&self, action: &Action) -> bool {
        self.denial(action).is_some()
    }

    fn denial(&self, action: &Action) -> Option<&At> {
        self.uses.iter().find(|at| {
            let (_, statement) = self.statement(at);
            statement.effect == Effect::Deny && statement.target.covers_use(&action.id)
        })
    }

    /// On how many of its things `permission` may be used, as far as that can be said without them.
    pub fn level(&self, permission: &str) -> Level {
        let speaking = self.by_name.get(permission).map_or(&[][..], Vec::as_slice);
        let says = |effect: Effect, whole: bool| {
            speaking
                .iter()
                .map(|at| self.statement(at).1)
                .any(|one| one.effect == effect && (one.when.is_none() == whole))
        };
        if says(Effect::Deny, true) {
            return Level::None;
        }
        let is_cut = says(Effect::Deny, false);
        match (
            says(Effect::Allow, true) || self.policy.otherwise == Otherwise::Allow,
            says(Effect::Allow, false),
        ) {
            (true, _) if !is_cut => Level::All,
            (true, _) | (_, true) => Level::Some,
            (false, false) => Level::None,
        }
    }

    /// The statements that speak of a permission, in words.
    pub fn speaking_of(&self, permission: &str) -> Vec<String> {
        let speaking = self.by_name.get(permission).map_or(&[][..], Vec::as_slice);
        speaking.iter().map(|at| self.because(at).because.to_string()).collect()
    }

    /// Whether these say the same as others do, of the same person.
    pub fn same_as(&self, other: &Self) -> bool {
        let all = |rights: &Self| -> Vec<String> {
            rights.held.iter().map(|at| rights.statement(at).1.to_string()).collect()
        };
        self.person == other.person
            && self.policy.otherwise == other.policy.otherwise
            && all(self) == all(other)
    }

    fn statement(&self, &(role, statement): &At) -> (&Role, &Statement) {
        let role = &self.policy.roles[role];
        (role, &role.statements[statement])
    }

    fn because(&self, at: &At) -> Judgement<'_> {
        let (role, statement) = self.statement(at);
        Judgement { effect: statement.effect, because: Because::Statement(role, statement) }
    }

    fn of_those<'a>(&self, speaking: impl Iterator<Item = &'a At>, thing: &Thing<'_>) -> Judgement<'_> {
        let mut allowed = None;
        for at in speaking {
            let (_, statement) = self.statement(at);
            let fits = match (&statement.when, thing) {
                (None, _) => true,
                // There may be a thing that is allowed, and one that is not denied.
                (Some(_), Thing::Unnamed) => statement.effect == Effect::Allow,
                (Some(when), thing) => when.fits(thing, &self.person),
            };
            match statement.effect {
                Effect::Deny if fits => return self.because(at),
                Effect::Allow if fits && allowed.is_none() => allowed = Some(at),
                _ => {}
            }
        }
        match (allowed, self.policy.otherwise) {
            (Some(at), _) => self.because(at),
            (None, Otherwise::Allow) => Judgement { effect: Effect::Allow, because: Because::Otherwise },
            (None, Otherwise::Deny) => Judgement { effect: Effect::Deny, because: Because::Otherwise },
        }
    }
}

/// How the use of an action is named where permissions are listed.
pub fn use_of(action: &Action) -> String {
    format!("{USES}{}", action.id)
}

#[cfg(test)]
#[path = "rights_tests.rs"]
mod tests;
