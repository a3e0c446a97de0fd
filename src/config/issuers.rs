//! Identity providers whose word is taken for who a person is: `[[trusted_issuers]]`.

use serde::Deserialize;
use url::Url;

use super::{ConfigError, Raw};
use crate::limits;
use crate::oauth::scope::ScopeSet;

/// One identity provider, and what its word is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedIssuer {
    /// Its issuer, to the letter.
    pub issuer: String,
    /// Where its keys are; `None` where its metadata says so.
    pub jwks_uri: Option<String>,
    /// The clients that may come with its assertions, by client_id. Nobody else may.
    pub clients: Vec<String>,
    /// The most that they get; `None` for all that the assertion and this server allow.
    pub scopes: Option<ScopeSet>,
    /// Whether a subject that is new here is linked to the account with the e-mail address that the provider names.
    /// Otherwise only subjects that an administrator linked are known.
    pub link_by_email: bool,
    /// The tenants whose word is good for that, where a provider has many: whoever rents another one says what addresses
    /// its people have. An assertion that names no tenant needs none where none is listed; where some are, it hides whose
    /// word it is.
    pub tenants: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    issuer: String,
    #[serde(default)]
    jwks_uri: Option<String>,
    #[serde(default)]
    clients: Vec<String>,
    #[serde(default)]
    scopes: Option<Vec<String>>,
    #[serde(default)]
    link_by_email: bool,
    #[serde(default)]
    tenants: Vec<String>,
}

impl TrustedIssuer {
    /// Whether an account may be found by the address that this provider names for somebody of `tenant`, which is empty
    /// where it names none.
    pub fn links_by_email(&self, tenant: &str) -> bool {
        let is_ours = match self.tenants.as_slice() {
            [] => tenant.is_empty(),
            listed => listed.iter().any(|ours| ours == tenant),
        };
        self.link_by_email && is_ours
    }
}

/// Every provider.
///
/// # Errors
/// [`ConfigError`] that names the provider and what is wrong.
pub fn read(raw: &Raw) -> Result<Vec<TrustedIssuer>, ConfigError> {
    let Some(document) = raw.document("trusted_issuers")? else { return Ok(Vec::new()) };
    let wrong =
        |why: &str| ConfigError(format!("trusted_issuers ({}): {why}", raw.origin("trusted_issuers")));
    let written: Vec<Written> = serde_json::from_value(document).map_err(|e| wrong(&e.to_string()))?;
    if written.len() > limits::TRUSTED_ISSUERS_MAX {
        return Err(wrong(&format!("at most {} are taken", limits::TRUSTED_ISSUERS_MAX)));
    }
    let mut known: Vec<TrustedIssuer> = Vec::new();
    for Written { issuer, jwks_uri, clients, scopes, link_by_email, tenants } in written {
        let plain = |text: &str| {
            Url::parse(text)
                .is_ok_and(|url| url.scheme() == "https" && url.query().is_none() && url.fragment().is_none())
        };
        if !plain(&issuer) {
            return Err(wrong(&format!("issuer {issuer} must be an https URL without query and fragment")));
        }
        if jwks_uri.as_deref().is_some_and(|uri| !uri.starts_with("https://") || Url::parse(uri).is_err()) {
            return Err(wrong(&format!("jwks_uri of {issuer} must be an https URL")));
        }
        if known.iter().any(|other| other.issuer == issuer) {
            return Err(wrong(&format!("{issuer} is there twice")));
        }
        let scopes = scopes.map(|list| list.join(" ").parse::<ScopeSet>()).transpose();
        let scopes = scopes.map_err(|why| wrong(&format!("scopes of {issuer}: {why}")))?;
        known.push(TrustedIssuer { issuer, jwks_uri, clients, scopes, link_by_email, tenants });
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Flags};

    fn config(text: &str) -> Result<Vec<TrustedIssuer>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let flags = Flags { file: Some(file.path().to_owned()), set: Vec::new() };
        let raw = Raw::read(&flags, |_| None).map_err(|e| e.to_string())?;
        Config::from_raw(&raw).map(|config| config.trusted_issuers).map_err(|e| e.to_string())
    }

    #[test]
    fn a_provider_is_read_from_the_file() {
        let read = config(
            "[[trusted_issuers]]\nissuer = \"https://idp.example\"\nclients = [\"a\", \"b\"]\n\
             scopes = [\"catalog:read\"]\nlink_by_email = true\n[[trusted_issuers]]\nissuer = \"https://other.example/t\"\n",
        );
        let read = read.unwrap();
        assert_eq!((read.len(), read[0].clients.len(), read[0].link_by_email), (2, 2, true));
        assert_eq!(
            (read[1].issuer.as_str(), read[1].clients.len(), read[1].link_by_email),
            ("https://other.example/t", 0, false)
        );
        assert_eq!(config("").unwrap(), []);
    }

    #[test]
    fn an_address_counts_where_the_tenant_is_listed_or_the_provider_has_none() {
        for (text, tenant, links) in [
            ("link_by_email = true", "", true),
            ("link_by_email = true", "t1", false),
            ("link_by_email = true\ntenants = [\"t1\"]", "t1", true),
            ("link_by_email = true\ntenants = [\"t1\"]", "t2", false),
            ("link_by_email = true\ntenants = [\"t1\"]", "", false),
            ("tenants = [\"t1\"]", "t1", false),
            ("", "", false),
        ] {
            let read =
                config(&format!("[[trusted_issuers]]\nissuer = \"https://idp.example\"\n{text}\n")).unwrap();
            assert_eq!(read[0].links_by_email(tenant), links, "{text} {tenant}");
        }
    }

    #[test]
    fn what_cannot_be_trusted_is_refused() {
        for bad in [
            "issuer = \"http://idp.example\"",
            "issuer = \"https://idp.example/?x\"",
            "issuer = \"idp\"",
            "issuer = \"https://idp.example\"\njwks_uri = \"http://idp.example/keys\"",
            "issuer = \"https://idp.example\"\nclient = [\"a\"]",
            "clients = [\"a\"]",
            "issuer = \"https://idp.example\"\nscopes = [\"a\\\"b\"]",
            "issuer = \"https://idp.example\"\n[[trusted_issuers]]\nissuer = \"https://idp.example\"",
        ] {
            assert!(config(&format!("[[trusted_issuers]]\n{bad}\n")).is_err(), "{bad}");
        }
    }
}
