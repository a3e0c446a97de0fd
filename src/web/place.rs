//! Where somebody goes after signing in, as a word that names a page of ours. Never a URL: whoever could write one here
//! could send people away from a sign-in that they trust (attack B10).

use crate::catalog::relation::Ref;
use crate::limits;
use crate::web::page::{self, Answer};

/// A page for people who are signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The search of the catalog.
    Catalog,
    /// One entity.
    Entity(Ref),
}

impl Place {
    /// Reads the word. What names no page of ours is nothing.
    pub fn parse(word: &str) -> Option<Self> {
        if word.len() > limits::PLACE_BYTES_MAX {
            return None;
        }
        if word == "catalog" {
            return Some(Self::Catalog);
        }
        let reference = Ref::parse(word, None, "default").ok()?;
        let parts = [reference.kind(), reference.namespace(), reference.name()];
        parts.iter().all(|part| is_name(part)).then_some(Self::Entity(reference))
    }

    /// The word.
    pub fn word(&self) -> &str {
        match self {
            Self::Catalog => "catalog",
            Self::Entity(reference) => reference.as_str(),
        }
    }

    /// The page.
    pub fn path(&self) -> String {
        match self {
            Self::Catalog => "/catalog".to_owned(),
            Self::Entity(reference) => of_entity(reference),
        }
    }
}

/// The page of an entity. Its parts are names that need no escaping; what is none leads to the search.
pub fn of_entity(reference: &Ref) -> String {
    let parts = [reference.kind(), reference.namespace(), reference.name()];
    if parts.iter().all(|part| is_name(part)) {
        format!("/catalog/{}", parts.join("/"))
    } else {
        "/catalog".to_owned()
    }
}

/// Sends whoever is not signed in to do so, and then to `place`.
///
/// # Errors
/// Never for a place of ours.
pub fn sign_in(place: Option<Place>) -> Answer {
    let Some(place) = place else { return page::see_other("/login") };
    let word: String = url::form_urlencoded::byte_serialize(place.word().as_bytes()).collect();
    page::see_other(&format!("/login?place={word}"))
}

/// As names in the catalog are; nothing of it means anything in a path.
fn is_name(part: &str) -> bool {
    part.starts_with(|c: char| c.is_ascii_alphanumeric())
        && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        for word in ["catalog", "component:default/arrivals-service"] {
            assert_eq!(Place::parse(word).unwrap().word(), word);
        }
        assert_eq!(Place::parse("Component:X").unwrap().path(), "/catalog/component/default/x");
    }

    #[test]
    fn attack_b10_no_word_leads_away() {
        for word in [
            "",
            "/",
            "//evil.example",
            "https://evil.example",
            "https:evil.example/x",
            "javascript:alert/1",
            "component:default/..",
            "component:../x",
            "component:default/x?y",
            "component:default/x#y",
            "component:default/x/y",
            "component:default/%2e",
            "component:default/\r\nlocation",
            "component:\\evil.example/x",
            &format!("component:default/{}", "x".repeat(500)),
        ] {
            let path = Place::parse(word).map(|place| place.path());
            assert!(
                path.is_none() || path.as_ref().is_some_and(|p| p.starts_with("/catalog/")),
                "{word}: {path:?}"
            );
            assert!(
                !path.is_some_and(|p| p.contains([':', '\\', '?', '#', '%']) || p.contains("..")),
                "{word}"
            );
        }
    }
}
