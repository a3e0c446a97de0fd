//! A call that does more than read, by the rules of every call out.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::{Outbound, Refusal, explain};

/// What is sent.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// How.
    pub method: Method,
    /// The https URL.
    pub url: &'a str,
    /// Headers besides those that the client writes itself.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Most bytes of the answer that are read.
    pub bytes_max: usize,
}

/// What came back, whatever its status. A redirect is an answer like any other, and not followed.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, within the cap.
    pub body: Bytes,
}

impl Outbound {
    /// Sends a request to a public host.
    ///
    /// # Errors
    /// [`Refusal`], but never for a status.
    pub async fn send(&self, request: Request<'_>) -> Result<Reply, Refusal> {
        let url = Url::parse(request.url).map_err(|_| Refusal::NotHttps)?;
        let host = self.resolver.judge_host(&url)?;
        let _turn = self.budget.spend(host)?;
        let sent = self.client.request(request.method, url).headers(request.headers).body(request.body);
        let mut answer = sent.send().await.map_err(|error| explain(&error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| explain(&error))? {
            if body.len() + chunk.len() > request.bytes_max {
                return Err(Refusal::TooLarge(request.bytes_max));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, headers, body: body.into() })
    }
}
