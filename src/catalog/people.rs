//! Who somebody is to the policy: their User in the catalog, the groups it is in, and those groups' parents.

use super::index::Index;
use super::relation::Ref;
use crate::access::roles::Person;
use crate::actions::Caller;

/// Whoever stands behind a token. `index` is the whole catalog: who somebody is does not depend on what they may read.
pub fn person(index: &Index, caller: &Caller) -> Person {
    if caller.is_user { of_address(index, &caller.username) } else { of_client(&caller.subject) }
}

/// A program that acts for nobody: a client, or a static token under its subject.
pub fn of_client(client_id: &str) -> Person {
    Person { names: vec![format!("client:{client_id}")], ..Person::default() }
}

/// The person with this e-mail address. An account that the catalog does not know is known by its address alone: its name
/// may be anybody's.
pub fn of_address(index: &Index, address: &str) -> Person {
    let mut person =
        index.user_of_email(address).map(|user| of_user(index, user.as_str())).unwrap_or_default();
    // Without an @ it could be the name of somebody else.
    if address.contains('@') {
        person.names.push(format!("user:default/{}", address.to_lowercase()));
    }
    person
}

/// A user or a group of the catalog, by its reference; a group is what everyone in it has in common.
pub fn of_reference(index: &Index, reference: &Ref) -> Person {
    match reference.kind() {
        "group" => {
            let names = index.group_with_parents(reference.as_str());
            Person { owners: names.clone(), names, user: None }
        }
        _ => of_user(index, reference.as_str()),
    }
}

fn of_user(index: &Index, user: &str) -> Person {
    let owners = index.ownership(user);
    Person { names: owners.clone(), user: Some(user.to_owned()), owners }
}
