//! The keys of identity providers that the configuration trusts: where they are by its word, or by theirs.

use std::sync::Arc;

use serde::Deserialize;

use super::key_sets;
use crate::app::App;
use crate::clock::Time;
use crate::config::TrustedIssuer;
use crate::limits;
use crate::oauth::key_set::KeySet;

/// Where the keys of a provider are, by what its metadata said.
#[derive(Clone, Debug)]
pub struct Discovered(moka::sync::Cache<String, (String, Time)>);

impl Default for Discovered {
    fn default() -> Self {
        Self(moka::sync::Cache::new(limits::TRUSTED_ISSUERS_MAX as u64))
    }
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// The keys of `issuer`, of which one may be `kid`. `None` where they cannot be had: whoever asks refuses then.
pub async fn keys(app: &App, issuer: &TrustedIssuer, kid: Option<&str>) -> Option<Arc<KeySet>> {
    let uri = match &issuer.jwks_uri {
        Some(uri) => uri.clone(),
        None => discover(app, &issuer.issuer).await?,
    };
    key_sets::published(app, &app.outbound.trusted(), (&issuer.issuer, &uri), kid).await
}

/// By OpenID Connect Discovery section 4: the well-known path goes behind the issuer's own. Only what says that it is of
/// this very issuer counts (section 4.3). While its host is down, where its keys were last still stands, as they do. A
/// failure is remembered by nobody: the fetcher paces each host.
async fn discover(app: &App, issuer: &str) -> Option<String> {
    let now = app.clock.now();
    let known = app.discovered.0.get(issuer);
    if let Some((uri, until)) = &known
        && now < *until
    {
        return Some(uri.clone());
    }
    let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let fetched = match app.outbound.trusted().json(&place, limits::ISSUER_METADATA_BYTES_MAX).await {
        Ok(fetched) => fetched,
        Err(why) => {
            tracing::warn!(issuer, reason = ?why, "metadata could not be read");
            let lasts = |until: &Time| now < until.plus_seconds(limits::KEY_SET_STALE_SECONDS_MAX);
            return known.filter(|(_, until)| why.is_passing() && lasts(until)).map(|(uri, _)| uri);
        }
    };
    let read: Metadata = serde_json::from_slice(&fetched.body).ok()?;
    if read.issuer != issuer || !read.jwks_uri.starts_with("https://") {
        tracing::warn!(issuer, "metadata is of another issuer, or its keys are not at an https URL");
        return None;
    }
    let until = now.plus_seconds(limits::ISSUER_METADATA_SECONDS);
    app.discovered.0.insert(issuer.to_owned(), (read.jwks_uri.clone(), until));
    Some(read.jwks_uri)
}
