//! Forms of the token side (OAuth 2.1 section 3.2): each parameter once, empty is absent, unknown is ignored.

use axum::extract::rejection::BytesRejection;
use bytes::Bytes;
use http::{HeaderMap, header};

use crate::limits;
use crate::oauth::error::Refusal;

/// A form, decoded, and the key that the request proves beside it.
#[derive(Debug)]
pub struct Form {
    pairs: Vec<(String, String)>,
    key: Option<String>,
}

impl Form {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] where it is not a form, too large, or says one thing twice.
    pub fn read(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Self, Refusal> {
        let kind =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        // Anything else could be sent by any web page without a preflight, or read in two ways.
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Refusal::Malformed("the body must be application/x-www-form-urlencoded"));
        }
        let body = body.map_err(|_| Refusal::Malformed("the body is too large"))?;
        Self::parse(&body)
    }

    /// Parses the text of a form.
    ///
    /// # Errors
    /// As [`Form::read`].
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(body) {
            // A replacement character stands where the bytes were not UTF-8; a NUL no database stores.
            if value.contains('\u{fffd}') || value.chars().any(char::is_control) {
                return Err(Refusal::Malformed("a parameter holds characters that none may hold"));
            }
            if value.len() > limits::TOKEN_PARAMETER_BYTES_MAX {
                return Err(Refusal::Malformed("a parameter is too long"));
            }
            if name != "resource" && pairs.iter().any(|(known, _)| *known == name) {
                return Err(Refusal::Malformed("a parameter is there twice"));
            }
            pairs.push((name.into_owned(), value.into_owned()));
            if pairs.len() > limits::TOKEN_PARAMETERS_MAX {
                return Err(Refusal::Malformed("too many parameters"));
            }
        }
        pairs.retain(|(_, value)| !value.is_empty());
        Ok(Self { pairs, key: None })
    }

    /// With the key whose DPoP proof came in the headers, verified.
    #[must_use]
    pub fn signed_with(mut self, key: Option<String>) -> Self {
        self.key = key;
        self
    }

    /// The thumbprint of the key that this request proves, if it does (RFC 9449): what is issued is bound to it.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// A parameter, if it is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that must be there.
    ///
    /// # Errors
    /// [`Refusal::Missing`].
    pub fn need(&self, name: &'static str) -> Result<&str, Refusal> {
        self.get(name).ok_or(Refusal::Missing(name))
    }

    /// Every `resource` (RFC 8707 section 2), the only parameter that may repeat.
    pub fn resources(&self) -> Vec<String> {
        self.pairs.iter().filter(|(name, _)| name == "resource").map(|(_, value)| value.clone()).collect()
    }
}
