//! Registering locations: looked at first, then written down; and taking them back.

use std::sync::Arc;

use super::super::descriptor::{self, Place};
use super::super::excerpt;
use super::super::files::Files;
use super::super::relation::Ref;
use super::super::{placeholder, yaml};
use super::{Sources, fetch, target};
use crate::actions::ActionError;
use crate::outbound::Answer;
use crate::store::events::{self, Event};
use crate::store::locations::{self, Added, LocationRow};
use crate::{limits, secret, store};

/// A location, and what it describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its id; of one that was only looked at, `url:` and its target.
    pub id: String,
    /// Its URL.
    pub target: String,
    /// The entities in the file itself. What Locations in it lead to is found when the catalog reads it.
    pub entities: Vec<Ref>,
}

/// Which location is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// The one with this id.
    Id(&'a str),
    /// The one of this URL.
    Target(&'a str),
    /// The one that describes this entity.
    Entity(&'a str),
}

impl Sources {
    /// Looks at what is behind a URL, as if it were registered. Nothing is changed.
    ///
    /// # Errors
    /// [`ActionError::InvalidInput`] with everything that is wrong with it, or [`ActionError::Conflict`] where another
    /// source has one of its entities.
    pub async fn check(&self, url: &str) -> Result<Registered, ActionError> {
        let parsed = target::parse(url).map_err(ActionError::InvalidInput)?;
        if parsed.as_str().len() > limits::LOCATION_BYTES_MAX {
            let why = format!("the URL is longer than {} bytes", limits::LOCATION_BYTES_MAX);
            return Err(ActionError::InvalidInput(why));
        }
        let target = String::from(parsed);
        let cannot = |why: &str| {
            ActionError::InvalidInput(format!("Location url:{} cannot be used: {why}", excerpt(&target)))
        };
        let answer = fetch::get(&self.outbound, &self.tokens, (&target, true), &target, None).await;
        let body = match answer.map_err(|(why, _)| cannot(&why))? {
            Answer::New(fetched) => fetched.body,
            Answer::Same(_) => {
                return Err(cannot("its host says that nothing changed, and nothing was known"));
            }
        };
        let text = std::str::from_utf8(&body).map_err(|_| cannot("it is not UTF-8 text"))?;
        let entities = self.described(text, &target).map_err(|faults| cannot(&faults.join("; ")))?;
        for reference in &entities {
            self.is_free(reference, &target)?;
        }
        Ok(Registered { id: format!("url:{target}"), target, entities })
    }

    /// Registers a URL for `by`, which every node reads from then on.
    ///
    /// # Errors
    /// As [`Sources::check`]; [`ActionError::Conflict`] where it is registered already or there are too many.
    pub async fn register(&self, url: &str, by: &str) -> Result<Registered, ActionError> {
        let checked = self.check(url).await?;
        let (store, clock) = self.ground().map_err(fault)?;
        let now = clock.now();
        let row = LocationRow {
            id: secret::id(now),
            target: checked.target.clone(),
            added_by: by.to_owned(),
            added_at: now,
            state: None,
        };
        if self.config.urls.contains(&row.target) {
            let why = format!("Location url:{} is in the configuration (catalog.urls)", row.target);
            return Err(ActionError::Conflict(why));
        }
        let mut tx = store.begin().await.map_err(fault)?;
        match locations::add(&mut tx, &row).await.map_err(fault)? {
            Added::New => {}
            Added::Known => {
                return Err(ActionError::Conflict(format!("Location url:{} already exists", row.target)));
            }
            Added::Full => {
                let most = limits::LOCATIONS_MAX;
                return Err(ActionError::Conflict(format!("there are {most} registered locations already")));
            }
        }
        self.tell(tx).await?;
        Ok(Registered { id: row.id, ..checked })
    }

    /// Takes a registered location back, and with it every entity that only it describes.
    ///
    /// # Errors
    /// [`ActionError::NotFound`] where there is none, [`ActionError::NotAllowed`] where the configuration names it.
    pub async fn unregister(&self, which: Which<'_>) -> Result<LocationRow, ActionError> {
        let rows = self.rows().await.map_err(fault)?;
        let row = self.find(&rows, which)?.clone();
        let mut tx = self.ground().map_err(fault)?.0.begin().await.map_err(fault)?;
        if !locations::remove(&mut tx, &row.id).await.map_err(fault)? {
            return Err(ActionError::NotFound(format!("Found no location with ID {}", row.id)));
        }
        self.tell(tx).await?;
        Ok(row)
    }

    /// Every registered location, the oldest first.
    ///
    /// # Errors
    /// [`ActionError::Fault`].
    pub async fn registered(&self) -> Result<Vec<LocationRow>, ActionError> {
        self.rows().await.map_err(fault)
    }

    async fn tell(&self, mut tx: store::Tx) -> Result<(), ActionError> {
        let (store, clock) = self.ground().map_err(fault)?;
        let event = Event::CatalogRefresh;
        events::record(&mut tx, store.engine(), &event, clock.now()).await.map_err(fault)?;
        tx.commit().await.map_err(|error| fault(store::Error::from(error)))?;
        store.tell(event);
        Ok(())
    }

    fn find<'r>(&self, rows: &'r [LocationRow], which: Which<'_>) -> Result<&'r LocationRow, ActionError> {
        let none = |what: String| ActionError::NotFound(format!("Found no location with {what}"));
        match which {
            Which::Id(id) => {
                let named = |row: &&LocationRow| row.id == id || format!("url:{}", row.target) == id;
                rows.iter().find(named).ok_or_else(|| none(format!("ID {}", excerpt(id))))
            }
            Which::Target(url) => {
                let normal = target::parse(url).map_or_else(|_| url.to_owned(), String::from);
                // As Backstage compares them.
                let is_it = |target: &String| target.eq_ignore_ascii_case(&normal);
                match rows.iter().find(|row| is_it(&row.target)) {
                    Some(row) => Ok(row),
                    None if self.config.urls.iter().any(is_it) => Err(configured(&normal, "catalog.urls")),
                    None => Err(none(format!("URL {}", excerpt(url)))),
                }
            }
            Which::Entity(reference) => {
                let index = self.catalog.index();
                let Some((files, file)) = index.source(reference) else {
                    return Err(ActionError::NotFound(format!("No entity {}", excerpt(reference))));
                };
                let sources = self.catalog.sources();
                let source = sources.iter().find(|source| source.files.root() == files.root());
                let shelf = source.filter(|source| source.is_registered()).and_then(|source| source.shelf());
                shelf.and_then(|shelf| rows.iter().find(|row| row.target == shelf.source())).ok_or_else(
                    || configured(&files.location(file), "catalog.paths, catalog.urls or catalog.git"),
                )
            }
        }
    }

    /// What a text describes, as far as it says so itself.
    fn described(&self, text: &str, target: &str) -> Result<Vec<Ref>, Vec<String>> {
        let (mut entities, mut faults) = (Vec::new(), Vec::new());
        let files = Arc::new(Files::Embedded(&[]));
        for document in yaml::documents(text) {
            let place = Place { file: target.to_owned(), document: document.number, line: document.line };
            let checked = document.content.and_then(|mut value| {
                if let Some(spec) = value.get_mut("spec") {
                    placeholder::stand_in(spec);
                }
                descriptor::entity(value, &place, target, &files).map_err(|faults| faults.messages.join("; "))
            });
            match checked {
                Err(why) => faults.push(why),
                Ok(entity) if !self.may_make(entity.reference.kind()) => faults.push(format!(
                    "Entity {} at url:{target} is not of an allowed kind for that location (catalog.registered_kinds)",
                    entity.reference
                )),
                Ok(entity) => entities.push(entity.reference),
            }
        }
        if entities.is_empty() && faults.is_empty() {
            faults.push("no entity is described there".to_owned());
        }
        if faults.is_empty() { Ok(entities) } else { Err(faults) }
    }

    fn may_make(&self, kind: &str) -> bool {
        self.config.registered_kinds.iter().any(|it| it.eq_ignore_ascii_case(kind))
    }

    /// Whoever registers what another source describes would not get it: the first is kept, and they should know.
    fn is_free(&self, reference: &Ref, target: &str) -> Result<(), ActionError> {
        let index = self.catalog.index();
        let Some((files, file)) = index.source(reference.as_str()) else { return Ok(()) };
        if matches!(files, Files::Fetched(shelf) if shelf.source() == target) {
            return Ok(());
        }
        let place = files.location(file);
        Err(ActionError::Conflict(format!("{reference} is already described by {place}; the first is kept")))
    }
}

fn configured(place: &str, key: &str) -> ActionError {
    ActionError::NotAllowed(format!(
        "{} was not registered: the configuration names it ({key}), and only there it can be taken out",
        excerpt(place)
    ))
}

fn fault(error: store::Error) -> ActionError {
    ActionError::Fault(error.into())
}
