//! Files and repositories for the catalog: the same guarded way out, with a token for hosts that want one.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use tokio::sync::OwnedSemaphorePermit;
use url::Url;

use super::{Answer, Fetched, Outbound, Refusal, explain};
use crate::limits;

/// A file that is asked for.
#[derive(Clone, Copy)]
pub struct FileAsk<'a> {
    /// The https URL.
    pub url: &'a str,
    /// Most bytes that are read.
    pub bytes_max: usize,
    /// The entity tag of what is held already.
    pub etag: Option<&'a str>,
    /// Header lines that say who asks; a redirect would carry them elsewhere, and none is followed.
    pub credentials: &'a [(&'static str, String)],
}

/// One exchange with a repository (git's smart HTTP protocol).
#[derive(Clone, Copy)]
pub struct GitAsk<'a> {
    /// The https URL.
    pub url: &'a str,
    /// What is posted; `None` for a question without a body.
    pub body: Option<&'a [u8]>,
    /// The media type that the answer must have.
    pub answers: &'a str,
    /// Most bytes that are read.
    pub bytes_max: usize,
    /// Header lines that say who asks.
    pub credentials: &'a [(&'static str, String)],
}

impl Outbound {
    /// Fetches a file of any media type but a page's.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn file(&self, ask: FileAsk<'_>) -> Result<Answer, Refusal> {
        let (url, _turn) = self.admitted(ask.url)?;
        let mut request = self.client.get(url).header(header::ACCEPT, "*/*");
        // Nothing here unpacks: what arrives is what is counted.
        request = request.header(header::ACCEPT_ENCODING, "identity");
        for (name, value) in ask.credentials {
            request = request.header(*name, value);
        }
        if let Some(etag) = ask.etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let answer = request.send().await.map_err(|error| explain(&error))?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if ask.etag.is_some() => {
                return Ok(Answer::Same(answer.headers().clone()));
            }
            other => return Err(Refusal::Status(other.as_u16())),
        }
        let headers = answer.headers().clone();
        let essence = essence(&headers);
        let packed = headers.get(header::CONTENT_ENCODING).is_some_and(|it| it != "identity");
        if packed || matches!(essence.as_str(), "text/html" | "application/gzip" | "application/zip") {
            return Err(Refusal::NotAFile);
        }
        let body = read(answer, ask.bytes_max).await?;
        Ok(Answer::New(Fetched { body, headers }))
    }

    /// One exchange with a repository.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn git(&self, ask: GitAsk<'_>) -> Result<Bytes, Refusal> {
        let (url, _turn) = self.admitted(ask.url)?;
        let mut request = match ask.body {
            None => self.client.get(url),
            Some(body) => {
                let request = self.client.post(url).body(body.to_vec());
                request.header(header::CONTENT_TYPE, "application/x-git-upload-pack-request")
            }
        };
        request = request.header("git-protocol", "version=2").header(header::ACCEPT_ENCODING, "identity");
        for (name, value) in ask.credentials {
            request = request.header(*name, value);
        }
        let request = request.timeout(Duration::from_secs(limits::GIT_SECONDS));
        let answer = request.send().await.map_err(|error| explain(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(Refusal::Status(answer.status().as_u16()));
        }
        let headers = answer.headers();
        let packed = headers.get(header::CONTENT_ENCODING).is_some_and(|it| it != "identity");
        if packed || essence(headers) != ask.answers {
            return Err(Refusal::NotAFile);
        }
        read(answer, ask.bytes_max).await
    }

    fn admitted(&self, url: &str) -> Result<(Url, OwnedSemaphorePermit), Refusal> {
        let url = Url::parse(url).map_err(|_| Refusal::NotHttps)?;
        let host = self.resolver.judge_host(&url)?;
        Ok((url, self.files.spend(host)?))
    }
}

fn essence(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

async fn read(mut answer: reqwest::Response, bytes_max: usize) -> Result<Bytes, Refusal> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| explain(&error))? {
        if body.len() + chunk.len() > bytes_max {
            return Err(Refusal::TooLarge(bytes_max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}
