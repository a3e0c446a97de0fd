//! Pictures of described clients: fetched by the guarded client once a document is accepted, never while somebody waits;
//! made anew as a small PNG, so that nothing of the host's bytes reaches a browser; served from here
//! (draft-ietf-oauth-client-id-metadata-document section 8.8). A failure shows the first letter of the name.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{StatusCode, header};
use image::{ImageDecoder as _, ImageFormat, ImageReader};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::app::App;
use crate::oauth::client::{Client, ClientKind};
use crate::outbound::{Answer, Ask, Kind};
use crate::store::logos::LogoRow;
use crate::{limits, secret, store};

/// What this node knows of pictures.
#[derive(Clone, Debug)]
pub struct Logos {
    /// Clients and sources that were tried a while ago.
    tried: moka::sync::Cache<(String, String), ()>,
    made: moka::sync::Cache<String, Arc<Logo>>,
    pictures: moka::sync::Cache<String, Bytes>,
    one_at_a_time: Arc<Semaphore>,
    /// For pictures that are on their way, the one that is unpacked among them.
    places: Arc<Semaphore>,
}

#[derive(Debug)]
struct Logo {
    row: LogoRow,
    picture: Bytes,
}

impl Default for Logos {
    fn default() -> Self {
        let most = limits::LOGOS_REMEMBERED_MAX;
        let again = Duration::from_secs(limits::LOGO_RETRY_SECONDS);
        Self {
            tried: moka::sync::Cache::builder()
                .max_capacity(limits::DOCUMENTS_REMEMBERED_MAX)
                .time_to_live(again)
                .build(),
            made: moka::sync::Cache::builder().max_capacity(most).build(),
            pictures: moka::sync::Cache::builder().max_capacity(most).build(),
            one_at_a_time: Arc::new(Semaphore::new(1)),
            places: Arc::new(Semaphore::new(limits::LOGOS_AT_ONCE_MAX)),
        }
    }
}

impl Logos {
    /// A place for one more picture, if it is not one that was tried of late. Before anything is spawned: a flood of
    /// documents would otherwise be a queue of tasks and of pictures in memory (attack A09). Where all places are taken
    /// nothing is noted, so that the next visit tries again.
    fn begin(&self, key: (String, String)) -> Option<OwnedSemaphorePermit> {
        if self.tried.contains_key(&key) {
            return None;
        }
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        self.tried.entry(key).or_insert(()).is_fresh().then_some(place)
    }
}

/// Why there is no picture. For the log.
#[derive(Debug, thiserror::Error)]
enum NoLogo {
    #[error(transparent)]
    Fetch(#[from] crate::outbound::Refusal),
    #[error("it is no picture that is read here: {0}")]
    Picture(#[from] image::ImageError),
    #[error("its format is not PNG, JPEG or WebP")]
    Format,
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("it could not be read: {0}")]
    Task(#[from] tokio::task::JoinError),
    #[error("the server is stopping")]
    Stopping,
}

/// Sees to it in the background that there is a picture of `client`, if its document names one. Returns at once.
pub fn want(app: &App, client: &Client) {
    let Some(source) = source(client) else { return };
    let key = (client.id.clone(), source.to_owned());
    let Some(place) = app.logos.begin(key) else { return };
    let (app, client_id, source) = (app.clone(), client.id.clone(), source.to_owned());
    tokio::spawn(async move {
        let _place = place;
        if let Err(why) = make(&app, &client_id, &source).await {
            tracing::info!(client_id, %why, "a client's picture was not taken");
        }
    });
}

/// Where the picture of `client` is served, if there is one of what its document names now.
///
/// # Errors
/// [`store::Error`].
pub async fn place(app: &App, client: &Client) -> store::Result<Option<String>> {
    let Some(source) = source(client) else { return Ok(None) };
    if let Some(logo) = app.logos.made.get(&client.id).filter(|logo| logo.row.source == source) {
        return Ok(Some(path(&logo.row.hash)));
    }
    let row = store::logos::of_client(&app.store, &client.id).await?;
    Ok(row.filter(|row| row.source == source).map(|row| path(&row.hash)))
}

/// The same for all of `clients` at once, in their order.
///
/// # Errors
/// [`store::Error`].
pub async fn places(app: &App, clients: &[&Client]) -> store::Result<Vec<Option<String>>> {
    let rows = store::logos::list(&app.store).await?;
    let find = |client: &&Client| {
        let source = source(client)?;
        rows.iter().find(|row| row.client_id == client.id && row.source == source).map(|row| path(&row.hash))
    };
    Ok(clients.iter().map(find).collect())
}

/// Stores the picture of a client that is stored in this transaction, if this node has made one.
///
/// # Errors
/// [`store::Error`].
pub async fn keep(app: &App, tx: &mut store::Tx, client: &Client) -> store::Result<()> {
    match app.logos.made.get(&client.id) {
        Some(logo) => store::logos::put(tx, &logo.row, &logo.picture).await,
        None => Ok(()),
    }
}

/// The `logo_uri` of a described client. What a client that registered itself names is never fetched: anybody can
/// register, as often as they like (attack A04).
fn source(client: &Client) -> Option<&str> {
    let uri = client.metadata.logo_uri.as_deref().filter(|_| client.kind == ClientKind::Described)?;
    uri.starts_with("https://").then_some(uri)
}

fn path(hash: &str) -> String {
    format!("/static/logos/{hash}")
}

async fn make(app: &App, client_id: &str, source: &str) -> Result<(), NoLogo> {
    let now = app.clock.now();
    let stored = store::logos::of_client(&app.store, client_id).await?;
    let young = |row: &LogoRow| now < row.fetched_at.plus_seconds(limits::LOGO_FRESH_SECONDS);
    if stored.is_some_and(|row| row.source == source && young(&row)) {
        return Ok(());
    }
    let ask = Ask { url: source, kind: Kind::Image, bytes_max: limits::LOGO_BYTES_MAX, etag: None };
    let Answer::New(fetched) = app.outbound.get(ask).await? else { return Ok(()) };
    let _turn = app.logos.one_at_a_time.acquire().await.map_err(|_| NoLogo::Stopping)?;
    let picture = tokio::task::spawn_blocking(move || anew(&fetched.body)).await??;
    let hash = secret::sha256_base64url(&picture);
    let row = LogoRow {
        client_id: client_id.to_owned(),
        source: source.to_owned(),
        hash: hash.clone(),
        fetched_at: now,
    };
    let picture = Bytes::from(picture);
    app.logos.pictures.insert(hash, picture.clone());
    app.logos
        .made
        .insert(client_id.to_owned(), Arc::new(Logo { row: row.clone(), picture: picture.clone() }));
    let mut tx = app.store.begin().await?;
    store::logos::put(&mut tx, &row, &picture).await?;
    tx.commit().await.map_err(store::Error::from)?;
    Ok(())
}

/// The same picture, small, as a PNG of our own making. Its size is judged before its pixels are unpacked.
fn anew(bytes: &[u8]) -> Result<Vec<u8>, NoLogo> {
    let mut reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(image::ImageError::from)?;
    if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP)) {
        return Err(NoLogo::Format);
    }
    let mut most = image::Limits::default();
    most.max_image_width = Some(limits::LOGO_PIXELS_MAX);
    most.max_image_height = Some(limits::LOGO_PIXELS_MAX);
    most.max_alloc = Some(limits::LOGO_MEMORY_BYTES_MAX);
    reader.limits(most.clone());
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    most.check_dimensions(width, height)?;
    most.reserve(decoder.total_bytes())?;
    decoder.set_limits(most)?;
    let full = image::DynamicImage::from_decoder(decoder)?;
    let side = limits::LOGO_SIDE_PIXELS;
    let small = if width > side || height > side { full.thumbnail(side, side) } else { full };
    let mut png = Cursor::new(Vec::new());
    image::DynamicImage::from(small.to_rgba8()).write_to(&mut png, ImageFormat::Png)?;
    Ok(png.into_inner())
}

/// `GET /static/logos/{hash}`. The address changes with the content, so it is kept for ever.
pub async fn serve(State(app): State<App>, Path(hash): Path<String>) -> Response {
    let held = app.logos.pictures.get(&hash);
    let picture = match held {
        Some(picture) => Some(picture),
        None => match store::logos::picture(&app.store, &hash).await {
            Ok(found) => found.map(Bytes::from),
            Err(error) => {
                tracing::error!(%error, "a client's picture cannot be read");
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
        },
    };
    let Some(picture) = picture else { return StatusCode::NOT_FOUND.into_response() };
    app.logos.pictures.insert(hash, picture.clone());
    let headers = [
        (header::CONTENT_TYPE, "image/png"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox; frame-ancestors 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, picture).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let pixels =
            image::RgbImage::from_fn(width, height, |x, y| image::Rgb([(x % 256) as u8, (y % 256) as u8, 7]));
        let mut bytes = Cursor::new(Vec::new());
        image::DynamicImage::from(pixels).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn attack_a09_a_flood_of_pictures_is_no_queue_of_them() {
        let logos = Logos::default();
        let key =
            |n: usize| (format!("https://client.example/{n}"), "https://client.example/logo".to_owned());
        let mut begun: Vec<_> =
            (0..limits::LOGOS_AT_ONCE_MAX).map(|n| logos.begin(key(n)).unwrap()).collect();
        assert!(logos.begin(key(99)).is_none(), "no place");
        begun.pop();
        assert!(logos.begin(key(0)).is_none(), "tried of late");
        assert!(logos.begin(key(99)).is_some(), "what found no place counts as not tried");
    }

    #[test]
    fn a_picture_becomes_a_small_png_of_our_own() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let mut hostile = picture(300, 150, format);
            hostile.extend_from_slice(b"<script>alert(1)</script>");
            let made = anew(&hostile).unwrap();
            assert!(!made.windows(7).any(|bytes| bytes == b"<script"));
            let read = image::load_from_memory_with_format(&made, ImageFormat::Png).unwrap();
            assert_eq!(
                (read.width(), read.height()),
                (limits::LOGO_SIDE_PIXELS, limits::LOGO_SIDE_PIXELS / 2)
            );
        }
        let small = anew(&picture(16, 16, ImageFormat::Png)).unwrap();
        assert_eq!(image::load_from_memory(&small).unwrap().width(), 16);
    }

    #[test]
    fn what_is_too_large_or_no_picture_is_refused_before_it_is_unpacked() {
        let tall = picture(1, limits::LOGO_PIXELS_MAX + 1, ImageFormat::Png);
        assert!(matches!(anew(&tall), Err(NoLogo::Picture(image::ImageError::Limits(_)))));
        // A header that promises 30,000 by 30,000 pixels, with nothing behind it.
        let mut bomb = picture(8, 8, ImageFormat::Png);
        for at in [16, 20] {
            bomb[at..at + 4].copy_from_slice(&30_000u32.to_be_bytes());
        }
        assert!(anew(&bomb).is_err());
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
        for bad in
            [&svg[..], b"", b"GIF89a\x01\x00\x01\x00", b"BM", &picture(300, 300, ImageFormat::Png)[..200]]
        {
            assert!(anew(bad).is_err());
        }
    }
}
