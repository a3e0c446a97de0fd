//! `postern client check`, `approve`, `refuse`: which described clients may come.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::Outcome;
use super::clients::fact;
use crate::app::App;
use crate::config::Config;
use crate::oauth::described::DocumentUrl;
use crate::oauth::trust::{Ruling, Standing, Tier};
use crate::store::{self, Store};

/// What is to be checked.
#[derive(Args, Debug)]
pub struct Check {
    /// The client_id: the URL of its document
    id: String,
    /// One JSON object instead of a sentence
    #[arg(long)]
    json: bool,
}

/// Prints the verdict on a client_id and the rule that it follows from. Fetches nothing. Without a store nobody has
/// said anything yet.
///
/// # Errors
/// What is wrong with the URL, or with the database.
pub async fn check(config: &Config, store: Option<&Store>, asked: &Check) -> Outcome {
    let url = parse(&asked.id)?;
    let said = match store {
        Some(store) => store::rulings::find(store, url.as_str()).await?,
        None => None,
    };
    let judged = config.clients.described.judge(url.as_str(), said);
    let verdict = match judged.standing {
        Standing::Welcome(Tier::Known) => "welcome",
        Standing::Welcome(Tier::Unknown) => "welcome, with the scopes of strangers",
        Standing::Waits => "waits for an administrator",
        Standing::Refused => "refused",
    };
    if asked.json {
        let known = judged.standing == Standing::Welcome(Tier::Known);
        let answer = json!({"client_id": url.as_str(), "verdict": verdict, "known": known,
            "because": judged.because.to_string()});
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        println!("{verdict}: {}", judged.because);
    }
    let may_come = matches!(judged.standing, Standing::Welcome(_));
    Ok(if may_come { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Records an administrator's word on a client.
///
/// # Errors
/// What is wrong with the URL, or with the database; or that nothing changed.
pub async fn rule(app: &App, id: &str, ruling: Ruling) -> Outcome {
    let url = parse(id)?;
    let (event, done) = match ruling {
        Ruling::Approved => ("client.approved", "Approved. Everybody may allow it what it asks for."),
        Ruling::Refused => ("client.refused", "Refused. Nobody can allow it anything."),
    };
    app.audit.record(fact(event, url.as_str(), json!({}))).await?;
    let mut tx = app.store.begin().await?;
    store::rulings::rule(&mut tx, url.as_str(), ruling, "system", app.clock.now()).await?;
    tx.commit().await?;
    println!("{done}");
    let judged = app.config.clients.described.judge(url.as_str(), Some(ruling));
    if ruling == Ruling::Approved && judged.standing == Standing::Refused {
        println!("It stays out all the same: {}.", judged.because);
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn parse(id: &str) -> Result<DocumentUrl, String> {
    DocumentUrl::parse(id).map_err(|why| format!("{id} is not the URL of a client's document: it {why}"))
}
