//! `auth:who-am-i`: the catalog's User behind an account, found by its e-mail address.

use serde_json::{Value, json};

use super::format::is_object_name;
use super::index::Index;
use super::relation::Ref;
use crate::actions::{ActionError, Caller, Outcome};

/// Says, on a User that the catalog does not have, where it comes from.
pub const MADE_FROM_ACCOUNT: &str = "postern/made-from-account";

/// Answers who a caller is.
///
/// # Errors
/// [`ActionError::NotAllowed`], where no person stands behind the token.
pub fn answer(index: &Index, caller: &Caller) -> Outcome {
    if !caller.is_user {
        return Err(ActionError::NotAllowed("This action requires user credentials".to_owned()));
    }
    let (entity, reference) = match index.user_of_email(&caller.username) {
        Some(reference) => match index.get(reference.as_str()) {
            Some(entity) => (Value::clone(entity), reference.clone()),
            None => made_from_account(index, caller),
        },
        None => made_from_account(index, caller),
    };
    let owners = index.ownership(reference.as_str());
    let info = json!({"userEntityRef": reference.as_str(), "ownershipEntityRefs": owners});
    Ok(json!({"entity": entity, "userInfo": info}))
}

/// A User for an account that the catalog does not know.
///
/// Its name is never that of an entity, nor of anything an entity refers to: whoever could choose an account's
/// address would otherwise choose which user's entities to own.
fn made_from_account(index: &Index, caller: &Caller) -> (Value, Ref) {
    let local = caller.username.split('@').next().unwrap_or_default();
    let whole = caller.username.replace('@', "_at_");
    let last = format!("account-{}", caller.subject);
    let names =
        [local, whole.as_str(), last.as_str()].into_iter().map(sanitised).filter(|name| is_object_name(name));
    let is_free = |name: &String| {
        let reference = Ref::new("user", "default", name);
        let named = |relation: &str| {
            index.column(relation).is_some_and(|column| !column.equal(reference.as_str()).is_empty())
        };
        index.get(reference.as_str()).is_none()
            && !["relations.ownedby", "relations.hasmember"].into_iter().any(named)
    };
    let mut names: Vec<String> = names.collect();
    let at = names.iter().position(is_free);
    let name = at.map_or_else(|| "unknown".to_owned(), |at| names.swap_remove(at));
    let reference = Ref::new("user", "default", &name);
    let why = "The catalog has no User with the e-mail address of this account.";
    let entity = json!({
        "metadata": {"namespace": "default", "annotations": {MADE_FROM_ACCOUNT: why}, "name": name},
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "User",
        "spec": {"profile": {"displayName": caller.username, "email": caller.username}, "memberOf": []},
        "relations": [],
    });
    (entity, reference)
}

/// What may stand in a name, with `-` for the rest, at most 63 characters.
fn sanitised(text: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = text.to_lowercase().chars().map(allowed).take(63).collect();
    name.trim_matches(['-', '_', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::Catalog;
    use super::*;
    use crate::oauth::scope::ScopeSet;

    fn caller(username: &str, is_user: bool) -> Caller {
        Caller {
            subject: "0199-subject".to_owned(),
            username: username.to_owned(),
            is_user,
            client_id: "c".to_owned(),
            grant_id: "g".to_owned(),
            scopes: ScopeSet::default(),
            resource: "http://localhost/mcp".to_owned(),
            restrictions: None,
            rights: None,
        }
    }

    fn info(username: &str) -> Value {
        answer(&Catalog::sample().index(), &caller(username, true)).unwrap()
    }

    #[test]
    fn a_user_is_found_by_its_address_in_any_case_with_its_groups_and_their_parents() {
        let answer = info("Oskar.Nilsen@Halyard.Example");
        assert_eq!(answer["entity"]["metadata"]["name"], "oskar.nilsen");
        assert_eq!(
            answer["userInfo"],
            json!({
                "userEntityRef": "user:default/oskar.nilsen",
                "ownershipEntityRefs": [
                    "user:default/oskar.nilsen", "group:default/data", "group:default/platform",
                    "group:default/technology", "group:default/halyard",
                ],
            })
        );
    }

    #[test]
    fn an_account_that_the_catalog_does_not_know_is_said_to_be_one() {
        let answer = info("Jane+Doe@a.example");
        assert_eq!(answer["entity"]["metadata"]["name"], "jane-doe");
        assert!(answer["entity"]["metadata"]["annotations"][MADE_FROM_ACCOUNT].is_string());
        assert_eq!(answer["userInfo"]["ownershipEntityRefs"], json!(["user:default/jane-doe"]));
    }

    #[test]
    fn an_account_cannot_name_itself_into_another_user() {
        let answer = info("ines.okafor@evil.example");
        assert_eq!(answer["userInfo"]["userEntityRef"], "user:default/ines.okafor_at_evil.example");
        assert_eq!(info("@")["userInfo"]["userEntityRef"], "user:default/at");
    }

    #[test]
    fn a_service_is_told_that_it_is_nobody() {
        let refused = answer(&Catalog::sample().index(), &caller("cron", false)).unwrap_err();
        assert_eq!(refused.to_string(), "NotAllowedError: This action requires user credentials");
    }
}
