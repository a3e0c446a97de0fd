//! The stylesheet and the few scripts: each under an address that changes with its content.

use std::sync::LazyLock;

use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};

use crate::secret;

/// A file that every visitor may keep for ever: its address changes with its content.
struct Asset {
    text: &'static str,
    kind: &'static str,
    path: String,
    etag: String,
}

impl Asset {
    fn new(name: &str, kind: &'static str, text: &'static str) -> Self {
        let hash = secret::sha256_base64url(text.as_bytes())[..16].to_owned();
        Self { text, kind, path: format!("/static/{name}?v={hash}"), etag: format!("\"{hash}\"") }
    }
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("postern.css", "text/css; charset=utf-8", include_str!("../../static/postern.css"))
});
static TASK: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("task.js", "text/javascript; charset=utf-8", include_str!("../../static/task.js"))
});
static COPY: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("copy.js", "text/javascript; charset=utf-8", include_str!("../../static/copy.js"))
});

/// Where the stylesheet is.
pub fn style_path() -> &'static str {
    &STYLE.path
}

/// Where the script of Copy buttons is.
pub fn copy_script() -> &'static str {
    &COPY.path
}

/// Where the script of a run's page is.
pub fn task_script() -> &'static str {
    &TASK.path
}

/// `GET /static/task.js`.
pub async fn task(headers: HeaderMap) -> Response {
    asset(&TASK, &headers)
}

/// `GET /static/postern.css`.
pub async fn style(headers: HeaderMap) -> Response {
    asset(&STYLE, &headers)
}

/// `GET /static/copy.js`.
pub async fn copy(headers: HeaderMap) -> Response {
    asset(&COPY, &headers)
}

fn asset(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let kept =
        [(header::CACHE_CONTROL, "public, max-age=31536000, immutable"), (header::ETAG, asset.etag.as_str())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|tag| tag == asset.etag.as_str()) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    (kept, [(header::CONTENT_TYPE, asset.kind)], asset.text).into_response()
}
