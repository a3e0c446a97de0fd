//! Scopes: what a token may be used for, as words a client asks with (RFC 6749 section 3.3).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::limits;

/// A set of scope tokens in alphabetical order, so that equal sets print equally.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeSet(BTreeSet<String>);

/// A scope parameter that is not one: too long, too many, or a character outside the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("scope must be at most {max} space-separated tokens of printable ASCII without quotes or backslash", max = limits::SCOPES_MAX)]
pub struct MalformedScope;

impl FromStr for ScopeSet {
    type Err = MalformedScope;

    fn from_str(text: &str) -> Result<Self, MalformedScope> {
        if text.len() > limits::SCOPE_BYTES_MAX {
            return Err(MalformedScope);
        }
        let tokens: BTreeSet<String> = text.split(' ').filter(|t| !t.is_empty()).map(str::to_owned).collect();
        let grammatical = |t: &String| t.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        if tokens.len() > limits::SCOPES_MAX || !tokens.iter().all(grammatical) {
            return Err(MalformedScope);
        }
        Ok(Self(tokens))
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, token) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}

impl<S: Into<String>> FromIterator<S> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = S>>(tokens: I) -> Self {
        Self(tokens.into_iter().map(Into::into).collect())
    }
}

impl ScopeSet {
    /// Whether the set holds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tokens, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether `scope` is a member, to the letter.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// Whether what is held satisfies `needed`: the scope itself, or a broader one. `catalog:write` is broader
    /// than `catalog:read`: whoever may change a plugin's things may look at them (MCP 2026-07-28, scope hierarchy).
    pub fn satisfies(&self, needed: &str) -> bool {
        self.contains(needed)
            || needed.strip_suffix(":read").is_some_and(|plugin| self.contains(&format!("{plugin}:write")))
    }

    /// Members of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// Members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// Whether every member is in `other` too.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The set without `scope`.
    #[must_use]
    pub fn without(mut self, scope: &str) -> Self {
        self.0.remove(scope);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_print_sorted_and_once() {
        let set: ScopeSet = "openid  catalog:read openid".parse().unwrap();
        assert_eq!(set.to_string(), "catalog:read openid");
    }

    #[test]
    fn a_scope_outside_the_grammar_is_refused() {
        for bad in ["a\"b", "a\\b", "ä", "a\tb", "a\nb"] {
            assert_eq!(bad.parse::<ScopeSet>(), Err(MalformedScope), "{bad:?}");
        }
        assert!("x".repeat(limits::SCOPE_BYTES_MAX + 1).parse::<ScopeSet>().is_err());
    }

    #[test]
    fn write_satisfies_read_of_the_same_plugin_only() {
        let held: ScopeSet = "catalog:write".parse().unwrap();
        assert!(held.satisfies("catalog:read") && held.satisfies("catalog:write"));
        assert!(!held.satisfies("rbac:read") && !held.satisfies("catalog:run"));
    }
}
