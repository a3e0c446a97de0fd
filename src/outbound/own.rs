//! The operator's look at their own public URL, through whatever stands before it. The one call to an address that need
//! not be public: where it goes is the configuration's word, never a stranger's.

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::{Outbound, builder};
use crate::config::Config;
use crate::limits;

/// What came back.
#[derive(Clone, Debug)]
pub struct Own {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, up to [`limits::OWN_ANSWER_BYTES_MAX`].
    pub body: Bytes,
}

impl Outbound {
    /// Asks this server's own public URL for `path`, following nothing.
    ///
    /// # Errors
    /// A sentence that says why there is no answer.
    pub async fn own(config: &Config, method: Method, path: &str) -> Result<Own, String> {
        let url = config.public_url.at(path);
        let mut builder = builder(config).map_err(|e| e.to_string())?;
        for (host, address) in &config.outbound.resolve {
            builder = builder.resolve(host, *address);
        }
        let client = builder.build().map_err(|e| e.to_string())?;
        let request =
            client.request(method, &url).header("accept", "application/json, text/html, text/event-stream");
        let mut answer = request.send().await.map_err(|error| {
            // The first cause is the one that says something: a refused connection, an unknown name, a certificate.
            let mut cause: &dyn std::error::Error = &error;
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            format!("{url} does not answer: {cause}")
        })?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| format!("{url} breaks off: {error}"))? {
            if body.len() + chunk.len() > limits::OWN_ANSWER_BYTES_MAX {
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Own { status, headers, body: body.into() })
    }
}
