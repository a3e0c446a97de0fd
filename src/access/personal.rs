//! Personal access tokens: what their owner may ask for, and what each is kept to.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::scopes::IDENTITY;
use crate::actions::Registry;
use crate::actions::filter::{Glob, Rule};
use crate::clock::Time;
use crate::limits;
use crate::oauth::grant::Person;
use crate::oauth::resource::Resources;
use crate::oauth::scope::ScopeSet;

/// The client under which every personal token's grant stands. An administrator who ends it ends them all, for good.
pub const CLIENT_ID: &str = "personal-access-tokens";
/// The resource of a token that opens every MCP server.
pub const EVERY: &str = "*";

/// What a token is kept to besides its scopes. Nothing named is no restriction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Only actions of these plugins.
    #[serde(default)]
    pub plugins: Vec<String>,
    /// Only actions that ask for one of these permissions.
    #[serde(default)]
    pub permissions: Vec<String>,
}

impl Kept {
    /// The same as rules over actions. A name that is no pattern fits nothing.
    pub fn rules(&self) -> Option<Arc<[Rule]>> {
        if self.plugins.is_empty() && self.permissions.is_empty() {
            return None;
        }
        let rule = |plugin| Rule { plugin, permissions: self.permissions.clone(), ..Rule::default() };
        if self.plugins.is_empty() {
            return Some(Arc::from([rule(None)]));
        }
        Some(
            self.plugins
                .iter()
                .filter_map(|plugin| Glob::parse(plugin).ok())
                .map(|glob| rule(Some(glob)))
                .collect(),
        )
    }
}

/// A token as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalToken {
    /// Its grant's id, which is its name everywhere.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Its owner, if the account is there and active.
    pub person: Option<Person>,
    /// Its owner's id.
    pub user_id: String,
    /// What it may be used for.
    pub scope: ScopeSet,
    /// The one resource it opens, or [`EVERY`].
    pub resource: String,
    /// What it is kept to besides.
    pub kept: Kept,
    /// When it was made.
    pub created_at: Time,
    /// Its end.
    pub expires_at: Time,
    /// When it was last used, to the hour.
    pub used_at: Option<Time>,
    /// When it, or all of them, were ended before.
    pub ended_at: Option<Time>,
}

impl PersonalToken {
    /// Whether it may be used.
    pub fn stands(&self, now: Time) -> bool {
        self.ended_at.is_none() && self.person.is_some() && now < self.expires_at
    }
}

/// What somebody wants a token for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What they call it; a name as people have.
    pub name: String,
    /// What it may be used for.
    pub scope: String,
    /// A resource's identifier, or [`EVERY`].
    pub resource: String,
    /// What it is kept to.
    pub kept: Kept,
    /// How long it lives, in days.
    pub days: i64,
}

/// A wish that can be granted; only [`Wish::judged`] makes one.
#[derive(Clone, Debug)]
pub struct NewToken {
    wish: Wish,
    scope: ScopeSet,
}

impl NewToken {
    /// What its owner calls it.
    pub fn name(&self) -> &str {
        &self.wish.name
    }

    /// What it may be used for.
    pub fn scope(&self) -> &ScopeSet {
        &self.scope
    }

    /// A resource's identifier, or [`EVERY`].
    pub fn resource(&self) -> &str {
        &self.wish.resource
    }

    /// What it is kept to.
    pub fn kept(&self) -> &Kept {
        &self.wish.kept
    }

    /// Its end, if it is made at `now`.
    pub fn expires_at(&self, now: Time) -> Time {
        now.plus_seconds(self.wish.days * 86_400)
    }
}

impl Wish {
    /// Whether it can be granted: the scopes exist where the token is for, plugins and permissions exist at all, and it
    /// ends within a year. A word that means nothing is refused, never ignored: a restriction with a typing error in it
    /// would be none.
    ///
    /// # Errors
    /// A sentence for the person.
    pub fn judged(self, resources: &Resources, actions: &Registry) -> Result<NewToken, String> {
        let days = limits::PERSONAL_TOKEN_DAYS_MAX;
        if !(1..=days).contains(&self.days) {
            return Err(format!("A token lives between 1 and {days} days."));
        }
        let offered: ScopeSet = if self.resource == EVERY {
            resources.all().iter().fold(ScopeSet::default(), |all, one| all.union(&one.scopes))
        } else {
            let found = resources.find(&self.resource);
            found.ok_or_else(|| format!("There is no MCP server at {}.", self.resource))?.scopes.clone()
        };
        let offered = IDENTITY.into_iter().fold(offered, ScopeSet::without);
        let scope: ScopeSet = self.scope.parse().map_err(|_| "That is no list of scopes.".to_owned())?;
        if scope.is_empty() {
            return Err("Choose at least one thing that the token may do.".into());
        }
        if let Some(other) = scope.iter().find(|scope| !offered.contains(scope)) {
            return Err(format!("There is no scope {other} there; there is {offered}."));
        }
        let plugins: BTreeSet<&str> = actions.all().iter().map(|action| action.plugin()).collect();
        if let Some(other) = self.kept.plugins.iter().find(|plugin| !plugins.contains(plugin.as_str())) {
            let known = plugins.into_iter().collect::<Vec<_>>().join(", ");
            return Err(format!("There is no plugin {other}; there is {known}."));
        }
        let permissions: BTreeSet<&str> =
            actions.all().iter().filter_map(|action| action.permission.as_deref()).collect();
        if let Some(other) = self.kept.permissions.iter().find(|one| !permissions.contains(one.as_str())) {
            let known = permissions.into_iter().collect::<Vec<_>>().join(", ");
            return Err(format!("There is no permission {other}; there is {known}."));
        }
        Ok(NewToken { wish: self, scope })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::Action;
    use crate::oauth::resource::Resource;

    fn action(id: &str, permission: &str) -> Action {
        Action::named(id, Some("catalog:read"), Some(permission))
    }

    fn judged(change: impl FnOnce(&mut Wish)) -> Result<NewToken, String> {
        let resource = |path: &str, scopes: &str| Resource {
            identifier: format!("https://mcp.example{path}"),
            path: path.into(),
            title: path.into(),
            scopes: scopes.parse().unwrap(),
            baseline: ScopeSet::default(),
        };
        let resources = Resources::new(vec![
            resource("/mcp", "openid offline_access catalog:read rbac:write"),
            resource("/mcp/catalog", "openid offline_access catalog:read"),
        ]);
        let registry = Registry::new(vec![
            action("catalog:get", "catalog.entity.read"),
            action("rbac:set", "policy.write"),
        ]);
        let mut wish = Wish {
            name: "ci".into(),
            scope: "catalog:read".into(),
            resource: EVERY.into(),
            kept: Kept::default(),
            days: 90,
        };
        change(&mut wish);
        wish.judged(&resources, &registry.unwrap())
    }

    type Change = fn(&mut Wish);

    #[test]
    fn a_wish_is_granted_as_it_is_or_refused_with_a_reason() {
        let good = judged(|_| {}).unwrap();
        assert_eq!(good.expires_at(Time::from_seconds(0)), Time::from_seconds(90 * 86_400));
        assert!(judged(|w| w.resource = "https://mcp.example/mcp/catalog".into()).is_ok());
        let table: [(Change, &str); 9] = [
            (|w| w.days = 0, "days"),
            (|w| w.days = limits::PERSONAL_TOKEN_DAYS_MAX + 1, "days"),
            (|w| w.resource = "https://mcp.example/mcp/none".into(), "no MCP server"),
            (|w| w.scope = String::new(), "at least one"),
            (|w| w.scope = "catalog:read offline_access".into(), "offline_access"),
            (|w| w.scope = "catalog:\u{e4}".into(), "no list"),
            (
                |w| (w.scope, w.resource) = ("rbac:write".into(), "https://mcp.example/mcp/catalog".into()),
                "rbac:write",
            ),
            (|w| w.kept.plugins = vec!["catalogue".into()], "no plugin catalogue"),
            (|w| w.kept.permissions = vec!["catalog.read".into()], "no permission catalog.read"),
        ];
        for (change, word) in table {
            let refused = judged(change).unwrap_err();
            assert!(refused.contains(word), "{refused}");
        }
    }

    #[test]
    fn what_a_token_is_kept_to_is_all_that_exists_for_it() {
        let actions = [action("catalog:get", "catalog.entity.read"), action("rbac:set", "policy.write")];
        let fit = |plugins: &[&str], permissions: &[&str]| -> Option<Vec<&str>> {
            let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
            let rules = Kept { plugins: owned(plugins), permissions: owned(permissions) }.rules()?;
            let fits = actions.iter().filter(|action| rules.iter().any(|rule| rule.fits(action)));
            Some(fits.map(|action| action.id.as_str()).collect())
        };
        assert_eq!(fit(&[], &[]), None);
        assert_eq!(fit(&["catalog"], &[]).unwrap(), ["catalog:get"]);
        assert_eq!(fit(&["catalog", "rbac"], &["policy.write"]).unwrap(), ["rbac:set"]);
        assert_eq!(fit(&[], &["catalog.entity.read"]).unwrap(), ["catalog:get"]);
        assert!(fit(&["catalog"], &["policy.write"]).unwrap().is_empty());
        assert!(fit(&["[broken"], &[]).unwrap().is_empty(), "closed, not open");
    }
}
