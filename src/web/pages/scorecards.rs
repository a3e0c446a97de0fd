//! Every scorecard: what it is for, and how what this person may read stands in it.

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use super::scorecard::{Stand, stands};
use crate::app::App;
use crate::insights::answers::{self, Wanted};
use crate::web::page::{self, Answer, Frame, Problem, Visit};
use crate::web::seen::Reader;
use crate::web::stranger;
use crate::web::{session, way_back};

#[derive(Template)]
#[template(path = "scorecards.html")]
struct Page {
    frame: Frame,
    is_configured: bool,
    cards: Vec<Card>,
}

struct Card {
    id: String,
    title: String,
    about: String,
    entities: usize,
    percent: u64,
    stands: Vec<Stand>,
}

/// `GET /catalog/scorecards`.
pub async fn show(State(app): State<App>, visit: Visit) -> Answer {
    let Some(session) = session::current(&app, &visit).await? else { return way_back::sign_in(&visit) };
    let reader = Reader::of(&app, &session).await;
    let insights = app.insights.clone();
    let cards = tokio::task::spawn_blocking(move || {
        let results = insights.results();
        let page = answers::page(&results, &reader.index, &Wanted::default());
        let card = |(judged, tally): &(&crate::insights::results::Judged, answers::Tally)| Card {
            id: judged.card.id.clone(),
            title: stranger::title(&judged.card.title),
            about: page::plain(&judged.card.description),
            entities: tally.entities,
            percent: tally.percent(),
            stands: stands(judged, tally),
        };
        page.tallies.iter().map(card).collect()
    });
    let cards = cards.await.map_err(|_| Problem::Busy)?;
    let page = Page { frame: Frame::of(&app.config), is_configured: app.insights.is_configured(), cards };
    Ok(page::html(StatusCode::OK, &page))
}
