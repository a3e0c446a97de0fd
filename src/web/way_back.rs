//! Where somebody wanted to go before they had to sign in.

use super::page::{self, Answer, Visit};
use crate::limits;

/// Where the pages begin that are for whoever is signed in.
const ROOTS: [&str; 4] = ["/account", "/admin", "/catalog", "/scaffolder"];

/// A place for whoever is signed in: an address at or below one of the roots, of plain characters only. Nothing that a
/// browser could take for another host or scheme is one, so that `/login?next=` leads nobody elsewhere (attack B10).
pub fn place(text: &str) -> Option<&str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~%?&=+".contains(c);
    let is_below = |root: &str| {
        text.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    };
    let climbs = text.contains("..") || text.to_ascii_lowercase().contains("%2e") || text.contains("//");
    let is_ours = ROOTS.iter().any(|root| is_below(root)) && text.chars().all(is_plain) && !climbs;
    (is_ours && text.len() <= limits::WAY_BACK_BYTES_MAX).then_some(text)
}

/// To the sign-in page, and back to what was opened.
///
/// # Errors
/// None in fact: what [`place`] lets through can stand in an address.
pub fn sign_in(visit: &Visit) -> Answer {
    let Some(wanted) = visit.place.as_deref().and_then(place) else { return page::see_other("/login") };
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    page::see_other(&format!("/login?{}", query.append_pair("next", wanted).finish()))
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn attack_b10_only_a_place_of_our_own_is_one() {
        let long = format!("/admin?text={}", "a".repeat(4_096));
        let ours = [
            "/account",
            "/account/tokens",
            "/admin?revoke=x",
            "/admin/clients/~aHR0cHM",
            "/admin/audit?client=a%3Ab",
            "/catalog/component/default/arrivals-service",
            "/catalog?q=a+b",
        ];
        for text in ours {
            assert_eq!(place(text), Some(text));
        }
        for text in [
            "",
            "/",
            "//evil.example",
            "/\\evil.example",
            "/account//evil.example",
            "https://evil.example/account",
            "/account@evil.example",
            "/account.evil.example",
            "/accounts",
            "/account/../logout",
            "/admin/%2e%2e/logout",
            "/admin/%2E./x",
            "/account\r\nx",
            "/account#x",
            "/account:80",
            "javascript:alert(1)",
            " /account",
            "/logout",
            "/admin\\evil",
            "account",
            long.as_str(),
        ] {
            assert_eq!(place(text), None, "{text}");
        }
    }
}
