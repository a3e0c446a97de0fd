//! The link on the console that makes the first administrator. No default password, ever.

use crate::app::App;
use crate::secret::{Link, Secret};
use crate::{limits, store};

/// A new link, while there is no administrator; `None` as soon as there is one. It works once, for half an hour, and
/// every link dies when the first administrator is made.
///
/// # Errors
/// [`store::Error::Database`].
pub async fn first_admin_link(app: &App) -> store::Result<Option<String>> {
    if store::users::admin_exists(&app.store).await? {
        return Ok(None);
    }
    let (link, now) = (Secret::<Link>::mint(), app.clock.now());
    let expires_at = now.plus_seconds(limits::FIRST_ADMIN_LINK_SECONDS);
    store::links::add(&app.store, &link.digest(), store::links::Purpose::FirstAdmin, expires_at, now).await?;
    Ok(Some(app.config.public_url.at(&format!("/admin/first/{}", link.reveal()))))
}
