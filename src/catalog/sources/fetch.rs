//! Asking the hosts.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use http::header;
use url::Url;

use super::shelf::Kind;
use super::{Source, git, target};
use crate::clock::Time;
use crate::config::Hidden;
use crate::limits;
use crate::outbound::{Answer, FileAsk, Outbound, Refusal};

/// A token for each host that wants one.
pub type Tokens = BTreeMap<String, Hidden>;

/// Header lines that say who asks.
pub type Credentials = Vec<(&'static str, String)>;

/// Fetches what the `sources` want, and what they asked for last before `stale`. What fails is on the shelf with its
/// reason.
pub async fn all(outbound: &Outbound, tokens: &Arc<Tokens>, sources: &[Source], (now, stale): (Time, Time)) {
    let mut calls: Vec<BoxFuture<'static, ()>> = Vec::new();
    for source in sources {
        let Some(shelf) = source.shelf() else { continue };
        match shelf.kind() {
            Kind::Web => calls.extend(
                shelf
                    .due(stale)
                    .into_iter()
                    .map(|due| one(outbound.clone(), Arc::clone(tokens), source.clone(), due, now).boxed()),
            ),
            Kind::Git if shelf.is_stale(stale) => {
                let credentials = for_git(tokens, shelf.source());
                calls.push(git::refresh(outbound.clone(), credentials, source.clone(), now).boxed());
            }
            Kind::Git => {}
        }
    }
    let calls = futures_util::stream::iter(calls).buffer_unordered(limits::SOURCE_FETCHES_AT_ONCE);
    calls.collect::<()>().await;
}

async fn one(
    outbound: Outbound,
    tokens: Arc<Tokens>,
    source: Source,
    (name, etag): (String, Option<String>),
    now: Time,
) {
    let Some(shelf) = source.shelf() else { return };
    let from = (shelf.source(), source.is_registered());
    match get(&outbound, &tokens, from, &name, etag.as_deref()).await {
        Ok(Answer::Same(_)) => shelf.same(&name, now),
        Ok(Answer::New(fetched)) => {
            let etag = fetched.headers.get(header::ETAG).and_then(|it| it.to_str().ok()).map(str::to_owned);
            if let Err(error) = shelf.put(&name, &fetched.body, etag, now) {
                shelf.fail(&name, format!("it cannot be kept here: {error}"), false, now);
            }
        }
        Err((why, is_gone)) => shelf.fail(&name, why, is_gone, now),
    }
}

/// Fetches the file `name` that the source at `source` leads to, which somebody may have registered.
///
/// # Errors
/// A sentence, and whether it says that the file is gone.
pub async fn get(
    outbound: &Outbound,
    tokens: &Tokens,
    source: (&str, bool),
    name: &str,
    etag: Option<&str>,
) -> Result<Answer, (String, bool)> {
    let url = target::parse(name).map_err(|why| (why, false))?;
    let raw = target::raw(&url);
    let credentials = for_file(tokens, source, &url, &raw);
    let ask = FileAsk {
        url: raw.as_str(),
        bytes_max: usize::try_from(limits::DESCRIPTOR_BYTES_MAX).unwrap_or(usize::MAX),
        etag,
        credentials: &credentials,
    };
    let gone = |refusal: &Refusal| matches!(refusal, Refusal::Status(404 | 410));
    outbound.file(ask).await.map_err(|refusal| (refusal.to_string(), gone(&refusal)))
}

/// The token of the host that `url` names, and only where the source itself is of that host: a descriptor anywhere else
/// must not have us read, with the operator's rights, what its author could not (attack).
///
/// Many share a host such as github.com. So of what was registered only files of its own repository get the token: the
/// author of a registered descriptor must not have us bring in what stands in somebody else's (attack).
fn for_file(tokens: &Tokens, (source, is_registered): (&str, bool), url: &Url, raw: &Url) -> Credentials {
    let is_own = Url::parse(source).is_ok_and(|source| {
        source.origin() == url.origin() && (!is_registered || target::is_of_one_repository(&source, url))
    });
    let Some(token) = token_of(tokens, url).filter(|_| is_own) else { return Vec::new() };
    if raw.path().contains("/-/raw/") {
        vec![("private-token", token.reveal().to_owned())]
    } else {
        vec![("authorization", format!("Bearer {}", token.reveal()))]
    }
}

/// Git hosts take a token as the password of any name.
fn for_git(tokens: &Tokens, repository: &str) -> Credentials {
    use base64::Engine as _;
    let Ok(url) = Url::parse(repository) else { return Vec::new() };
    let Some(token) = token_of(tokens, &url) else { return Vec::new() };
    let pair = format!("x-access-token:{}", token.reveal());
    vec![("authorization", format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))]
}

/// By the host, and by its port where that is another than 443.
fn token_of<'t>(tokens: &'t Tokens, url: &Url) -> Option<&'t Hidden> {
    let host = url.host_str()?;
    match url.port() {
        None => tokens.get(host),
        Some(port) => tokens.get(&format!("{host}:{port}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_a_token_goes_to_its_own_host_only() {
        let tokens: Tokens = [("github.com".to_owned(), Hidden::new("t0p"))].into();
        let sent = |source: &str, name: &str| {
            let url = Url::parse(name).unwrap();
            for_file(&tokens, (source, false), &url, &target::raw(&url))
        };
        let own = "https://github.com/a/b/blob/main/c.yaml";
        assert_eq!(sent(own, own), [("authorization", "Bearer t0p".to_owned())]);
        for (source, name) in [
            ("https://evil.example/all.yaml", own),
            (own, "https://evil.example/c.yaml"),
            (own, "https://github.com.evil.example/c.yaml"),
            (own, "https://raw.githubusercontent.com/evil/c.yaml"),
            (own, "https://github.com:8443/c.yaml"),
        ] {
            assert!(sent(source, name).is_empty(), "{source} {name}");
        }
        let next = Url::parse("https://github.com/acme/next/blob/main/c.yaml").unwrap();
        let of = |is_registered| for_file(&tokens, (own, is_registered), &next, &target::raw(&next)).len();
        assert_eq!((of(false), of(true)), (1, 0), "whoever registers reads their own repository");
        assert!(for_git(&tokens, "https://github.com.evil.example/a.git").is_empty());
        assert_eq!(for_git(&tokens, "https://github.com/a/b.git").len(), 1);
    }
}
