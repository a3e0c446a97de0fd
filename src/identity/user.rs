//! A person who may sign in, and the address they are known by.

use crate::clock::Time;
use crate::limits;

/// A person as the store knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// UUIDv7; `sub` in tokens.
    pub id: String,
    /// As the person writes it.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// Set for administrators.
    pub admin_at: Option<Time>,
    /// Set while the account is suspended.
    pub suspended_at: Option<Time>,
    /// When the account was made.
    pub created_at: Time,
}

impl User {
    /// Whether they may sign in and go on.
    pub fn is_active(&self) -> bool {
        self.suspended_at.is_none()
    }

    /// Whether they are an administrator.
    pub fn is_admin(&self) -> bool {
        self.admin_at.is_some()
    }
}

/// An e-mail address in the two forms that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    shown: String,
    key: String,
}

/// Text that is no e-mail address we accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("that is not an e-mail address: it needs one @, no spaces, and plain (ASCII) letters")]
pub struct MalformedEmail;

impl Email {
    /// Parses an address. Plain ASCII only: `Ⅸ@x` and a look-alike letter would otherwise be other accounts that read
    /// the same; two `@` would belong to either domain (attack C09).
    ///
    /// # Errors
    /// [`MalformedEmail`].
    pub fn parse(text: &str) -> Result<Self, MalformedEmail> {
        let shown = text.trim();
        let (local, domain) = shown.split_once('@').ok_or(MalformedEmail)?;
        let printable = shown.bytes().all(|b| b.is_ascii_graphic());
        let plain = !local.is_empty() && !domain.is_empty() && !domain.contains('@') && printable;
        if !plain || shown.len() > limits::EMAIL_BYTES_MAX {
            return Err(MalformedEmail);
        }
        Ok(Self { shown: shown.to_owned(), key: shown.to_ascii_lowercase() })
    }

    /// As the person wrote it, trimmed.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The form that is compared.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// A person's name: trimmed, neither empty nor endless, without characters that hide or turn text.
///
/// # Errors
/// A sentence for the person.
pub fn parse_name(text: &str) -> Result<String, &'static str> {
    let name = text.trim();
    let fits = !name.is_empty() && name.chars().count() <= limits::PERSON_NAME_CHARS_MAX;
    if !fits || name.chars().any(|c| c.is_control() || is_invisible(c)) {
        return Err("please give a name of at most 100 characters");
    }
    Ok(name.to_owned())
}

/// Characters that change how others read: bidi controls, zero-width marks, tags (attack D03).
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_key_however_it_is_written() {
        for text in ["dana@acme.dev", " Dana@Acme.dev ", "DANA@ACME.DEV\n"] {
            assert_eq!(Email::parse(text).unwrap().key(), "dana@acme.dev");
        }
    }

    #[test]
    fn what_could_be_two_addresses_is_none() {
        let long = format!("{}@x.dev", "a".repeat(limits::EMAIL_BYTES_MAX));
        for text in ["", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\tc", "a\0@b", "dаna@acme.dev", "a", &long] {
            assert_eq!(Email::parse(text), Err(MalformedEmail), "{text:?}");
        }
    }
}
