//! What a client says of itself, member by member, for registrations and documents alike. Hostile until read here.

use serde_json::{Map, Value};
use url::Url;

use super::client::{GrantType, is_loopback_http};
use super::scope::ScopeSet;
use crate::limits;

/// The codes of RFC 7591 section 3.2.2 that we use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultCode {
    /// One or more redirect URIs cannot be used.
    InvalidRedirectUri,
    /// Another member cannot be used.
    InvalidClientMetadata,
    /// What is said to be a software statement is none.
    InvalidSoftwareStatement,
    /// A software statement by somebody who is not trusted here.
    UnapprovedSoftwareStatement,
}

impl FaultCode {
    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidSoftwareStatement => "invalid_software_statement",
            Self::UnapprovedSoftwareStatement => "unapproved_software_statement",
        }
    }
}

/// Why what a client says of itself cannot be used. Names the member and never repeats its value, so that nothing
/// hostile comes back in an error; printable ASCII without quotes (RFC 6749 section 5.2).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Fault {
    /// What kind.
    pub code: FaultCode,
    /// The sentence.
    pub why: String,
}

impl Fault {
    /// A member that cannot be used.
    pub fn metadata(why: impl Into<String>) -> Self {
        Self { code: FaultCode::InvalidClientMetadata, why: why.into() }
    }

    /// A redirect URI that cannot be used.
    pub fn redirect(why: impl Into<String>) -> Self {
        Self { code: FaultCode::InvalidRedirectUri, why: why.into() }
    }
}

/// The members of one JSON object. A null is an absent member; unknown ones are never looked at (attack A11).
pub struct Members(Map<String, Value>);

/// Says that a client only pushes its authorization requests (RFC 9126 section 6).
pub const PUSHED_ONLY: &str = "require_pushed_authorization_requests";

impl Members {
    /// Reads a JSON object.
    ///
    /// # Errors
    /// [`Fault`] where the bytes are anything else.
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            _ => Err(Fault::metadata("the body must be one JSON object")),
        }
    }

    /// Whether a member is there at all, with whatever value.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Any member that is not null.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A member that is text.
    ///
    /// # Errors
    /// [`Fault`] where it is something else.
    pub fn text(&self, name: &'static str) -> Result<Option<&str>, Fault> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Fault::metadata(format!("{name} must be a string"))),
        }
    }

    /// A member that is a list of texts.
    ///
    /// # Errors
    /// [`Fault`] where it is something else.
    pub fn list(&self, name: &'static str) -> Result<Option<Vec<&str>>, Fault> {
        let wrong = || Fault::metadata(format!("{name} must be an array of strings"));
        match self.value(name) {
            None => Ok(None),
            Some(Value::Array(items)) => {
                items.iter().map(|item| item.as_str().ok_or_else(wrong)).collect::<Result<_, _>>().map(Some)
            }
            Some(_) => Err(wrong()),
        }
    }

    /// A member that is the address of a page or picture: http or https and nothing that a browser runs (attack A10).
    /// It is kept to be shown and never fetched here (attack A04).
    ///
    /// # Errors
    /// [`Fault`] for any other scheme, user names, and what is not a URL.
    pub fn page(&self, name: &'static str) -> Result<Option<String>, Fault> {
        let Some(text) = self.text(name)?.filter(|text| !text.is_empty()) else { return Ok(None) };
        let web = text.starts_with("https://") || text.starts_with("http://");
        if !web || !is_plain_uri(text) || has_userinfo(text) || Url::parse(text).is_err() {
            return Err(Fault::metadata(format!("{name} must be an http or https URL without a user name")));
        }
        Ok(Some(text.to_owned()))
    }

    /// `redirect_uris`, each by [`check_redirect`], without repeats and in their order.
    ///
    /// # Errors
    /// [`Fault`] that names the one that cannot be used by its place, from 0.
    pub fn redirects(&self) -> Result<Vec<String>, Fault> {
        let listed = self.list("redirect_uris")?.unwrap_or_default();
        if listed.is_empty() {
            return Err(Fault::redirect("redirect_uris must name at least one place for answers"));
        }
        check_redirects(&listed, &APP_SCHEMES)
    }

    /// `post_logout_redirect_uris`, each as good as a redirect URI.
    ///
    /// # Errors
    /// [`Fault`] where one cannot be used.
    pub fn after_logout(&self) -> Result<Vec<String>, Fault> {
        let listed = self.list("post_logout_redirect_uris")?.unwrap_or_default();
        check_redirects(&listed, &APP_SCHEMES)
            .map_err(|Fault { why, .. }| Fault::metadata(format!("post_logout_{why}")))
    }

    /// `grant_types`, of which `offered` are kept: what a client also asks for and cannot have is left out of the
    /// answer (RFC 7591 section 3.2.1).
    ///
    /// # Errors
    /// [`Fault`] where nothing is left to begin with.
    pub fn grants(&self, offered: &[GrantType]) -> Result<Vec<GrantType>, Fault> {
        let mut kept: Vec<GrantType> = match self.list("grant_types")? {
            None => vec![GrantType::AuthorizationCode],
            Some(named) => named.into_iter().filter_map(GrantType::parse).collect(),
        };
        kept.retain(|grant| offered.contains(grant));
        kept.sort_unstable();
        kept.dedup();
        if !kept.contains(&GrantType::AuthorizationCode) {
            return Err(Fault::metadata(
                "grant_types must include authorization_code, which is offered here",
            ));
        }
        let code = self.list("response_types")?.is_none_or(|types| types.contains(&"code"));
        if !code {
            return Err(Fault::metadata("response_types must include code, the only one offered here"));
        }
        Ok(kept)
    }

    /// A yes or no; left out, no.
    ///
    /// # Errors
    /// [`Fault`] where it is neither.
    pub fn flag(&self, name: &str) -> Result<bool, Fault> {
        let value = self.value(name).map_or(Some(false), Value::as_bool);
        value.ok_or_else(|| Fault::metadata(format!("{name} must be true or false")))
    }

    /// The scopes it asks for that exist, or nothing: unknown ones do not stop a registration (VS Code's R12).
    ///
    /// # Errors
    /// [`Fault`] where it is no text.
    pub fn scope(&self, supported: Option<&ScopeSet>) -> Result<Option<String>, Fault> {
        let asked = self.text("scope")?.and_then(|text| text.parse::<ScopeSet>().ok()).unwrap_or_default();
        let kept = supported.map_or(asked.clone(), |supported| asked.intersection(supported));
        Ok((!kept.is_empty()).then(|| kept.to_string()))
    }

    /// A short text for people or logs, cleaned by [`clean`].
    ///
    /// # Errors
    /// [`Fault`] where it is no text.
    pub fn short(&self, name: &'static str) -> Result<Option<String>, Fault> {
        let text = self.text(name)?.map(|text| clean(text, limits::CLIENT_SOFTWARE_CHARS_MAX));
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// The name it goes by, if it has one.
    ///
    /// # Errors
    /// [`Fault`] where it is no text.
    pub fn name(&self) -> Result<Option<String>, Fault> {
        let name = self.text("client_name")?.map(|text| clean(text, limits::CLIENT_NAME_CHARS_MAX));
        Ok(name.filter(|name| !name.is_empty()))
    }
}

/// Schemes of editors that get their answer through the operating system. MCP 2025-03-26 and later foresee only https
/// and loopback, and a private scheme can be claimed by any program on the machine (RFC 8252 section 8.4); these few are
/// in such wide use that refusing them would only lock their users out, and PKCE keeps a thief from using the code.
/// Everything else is refused to clients that make themselves known.
pub const APP_SCHEMES: [&str; 5] = ["cursor", "vscode", "vscode-insiders", "windsurf", "claude"];

/// Checks redirect URIs one by one and drops repeats.
///
/// # Errors
/// [`Fault`] that names the first that cannot be used.
pub fn check_redirects(listed: &[&str], schemes: &[&str]) -> Result<Vec<String>, Fault> {
    if listed.len() > limits::CLIENT_REDIRECTS_MAX {
        let most = limits::CLIENT_REDIRECTS_MAX;
        return Err(Fault::redirect(format!("redirect_uris may name at most {most} places")));
    }
    let mut kept: Vec<String> = Vec::new();
    for (place, uri) in listed.iter().enumerate() {
        check_redirect(uri, schemes)
            .map_err(|why| Fault::redirect(format!("redirect_uris[{place}] {why}")))?;
        if !kept.iter().any(|k| k == uri) {
            kept.push((*uri).to_owned());
        }
    }
    Ok(kept)
}

/// What answers are made of. A redirect URI that had one of them would get it twice, and which of the two a client then
/// believes is anybody's guess (attacks B03, B08).
const ANSWERS: [&str; 5] = ["code", "state", "iss", "error", "error_description"];

/// Whether answers may ever go to `uri`, read from the raw text (OAuth 2.1 section 2.3; RFC 9700 section 2.6): https
/// anywhere, http on this very machine only, or one of `schemes`. A scheme with a dot in the list's `*` form is the
/// reverse domain name of RFC 8252 section 7.1.
///
/// # Errors
/// The end of a sentence that begins with which one it is.
pub fn check_redirect(uri: &str, schemes: &[&str]) -> Result<(), &'static str> {
    if uri.len() > limits::CLIENT_URI_BYTES_MAX {
        return Err("is too long");
    }
    if !is_plain_uri(uri) {
        return Err("holds a character that URIs do not have");
    }
    if uri.contains('#') {
        return Err("must not have a fragment");
    }
    let Some((scheme, _)) = uri.split_once(':') else { return Err("must be an absolute URI") };
    let parsed = Url::parse(uri).map_err(|_| "is not a URI")?;
    if has_userinfo(uri) {
        return Err("must not hold a user name");
    }
    if parsed.query_pairs().any(|(name, _)| ANSWERS.contains(&name.as_ref())) {
        return Err(
            "must not have a parameter that answers bring: code, state, iss, error or error_description",
        );
    }
    match scheme {
        "https" if uri.starts_with("https://") && says_its_host(uri, &parsed) => Ok(()),
        "https" => Err("must name a host, after two slashes"),
        "http" if is_loopback_http(uri) => Ok(()),
        "http" => Err("must be https, or http on localhost, 127.0.0.1 or [::1]"),
        app if schemes.contains(&app) && uri[app.len()..].starts_with("://") => Ok(()),
        app if schemes.contains(&"*.*") && is_reverse_domain(app) => Ok(()),
        _ => Err(
            "must be https, or http on localhost, 127.0.0.1 or [::1]; other schemes are not accepted here",
        ),
    }
}

/// A private-use scheme that names its owner: lower case, with a dot (RFC 8252 section 7.1).
fn is_reverse_domain(scheme: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-');
    scheme.contains('.') && !scheme.ends_with('.') && scheme.bytes().all(plain)
}

/// Only characters that RFC 3986 has: no space, control, backslash, quote or anything beyond ASCII, which parsers and
/// browsers each repair in their own way (attack B01).
fn is_plain_uri(uri: &str) -> bool {
    uri.len() <= limits::CLIENT_URI_BYTES_MAX
        && uri.bytes().all(|b| {
            b.is_ascii_graphic()
                && !matches!(b, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
        })
}

/// What stands between the slashes and the path, as it is written.
fn authority(uri: &str) -> &str {
    let after = uri.split_once("://").map_or("", |(_, rest)| rest);
    after.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Whether the authority holds an `@`: what stands before it only looks like a host.
fn has_userinfo(uri: &str) -> bool {
    authority(uri).contains('@')
}

/// Whether the host is the one that is written, and not one that a parser made of a third slash or of escapes, nor a
/// pattern, which nothing here is.
fn says_its_host(uri: &str, parsed: &Url) -> bool {
    let written = authority(uri);
    let host = parsed.host_str().unwrap_or_default();
    !host.is_empty()
        && !host.contains('*')
        && written.get(..host.len()).is_some_and(|start| start.eq_ignore_ascii_case(host))
}

/// Text that a person will read: one line, without characters that are invisible or turn the text around, so that
/// no name can imitate the page it stands on.
pub fn clean(text: &str, chars_max: usize) -> String {
    let spaced: String =
        text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_hidden(*c)).collect();
    let words: Vec<&str> = spaced.split(' ').filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(chars_max).collect::<String>().trim_end().to_owned()
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
#[path = "members_tests.rs"]
mod tests;
