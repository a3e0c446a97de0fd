//! The audit log as people read it: newest first, narrowed, a page at a time.

use std::fmt;
use std::str::FromStr;

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::audit::Row;
use super::{Result, Store};
use crate::clock::Time;

/// What is looked for; what is empty is not asked. Each is compared to the letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// What happened, by its published name.
    pub event: String,
    /// Who did it: a user's id, or `system`.
    pub actor: String,
    /// The client concerned.
    pub client_id: String,
    /// The request it happened in.
    pub request_id: String,
    /// How it ended.
    pub outcome: String,
    /// Leaves out the first of the two rows of a call with an effect.
    pub without_begun: bool,
}

/// A place in the log, between two rows: what comes after it happened earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    occurred_at: i64,
    sequence: i64,
    node: String,
}

/// Text that is no place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("that is no place in the audit log")]
pub struct NoPlace;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.occurred_at, self.sequence, self.node)
    }
}

impl FromStr for Cursor {
    type Err = NoPlace;

    fn from_str(text: &str) -> std::result::Result<Self, NoPlace> {
        let mut parts = text.splitn(3, '.');
        let mut number = || parts.next()?.parse::<i64>().ok();
        let (occurred_at, sequence) = number().zip(number()).ok_or(NoPlace)?;
        let node = parts.next().filter(|node| node.len() <= 64 && node.is_ascii()).ok_or(NoPlace)?;
        Ok(Self { occurred_at, sequence, node: node.to_owned() })
    }
}

/// A row and its place.
#[derive(Clone, Debug)]
pub struct Found {
    /// Right after it.
    pub after: Cursor,
    /// What it says.
    pub row: Row,
}

impl Found {
    /// The row as one line of an export.
    pub fn json(&self) -> serde_json::Value {
        let row = &self.row;
        let detail: serde_json::Value =
            serde_json::from_str(&row.detail).unwrap_or_else(|_| row.detail.clone().into());
        serde_json::json!({
            "at": row.occurred_at.rfc3339(), "micros": row.occurred_at.micros(), "event": row.event,
            "outcome": row.outcome, "actor": row.actor, "client_id": row.client_id, "grant_id": row.grant_id,
            "request_id": row.request_id, "detail": detail, "node": self.after.node, "sequence": self.after.sequence,
        })
    }
}

/// At most `limit` rows that `filter` lets through, from `after` on, newest first.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn page(store: &Store, filter: &Filter, after: Option<&Cursor>, limit: i64) -> Result<Vec<Found>> {
    let columns = [
        ("event", &filter.event),
        ("actor", &filter.actor),
        ("client_id", &filter.client_id),
        ("request_id", &filter.request_id),
        ("outcome", &filter.outcome),
    ];
    let asked: Vec<_> = columns.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let mut wheres: Vec<String> =
        asked.iter().enumerate().map(|(i, (column, _))| format!("{column} = ${}", i + 1)).collect();
    if filter.without_begun {
        wheres.push("outcome <> 'begun'".to_owned());
    }
    let mut next = asked.len() + 1;
    if after.is_some() {
        let (at, node, sequence) = (next, next + 1, next + 2);
        wheres.push(format!(
            "occurred_at <= ${at} and (occurred_at < ${at} or node > ${node} or (node = ${node} and sequence < ${sequence}))"
        ));
        next += 3;
    }
    let narrowed = if wheres.is_empty() { String::new() } else { format!("where {}", wheres.join(" and ")) };
    let statement = format!(
        "select node, sequence, occurred_at, event, actor, client_id, grant_id, request_id, outcome, detail \
         from audit {narrowed} order by occurred_at desc, node, sequence desc limit ${next}"
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(statement));
    for (_, value) in &asked {
        query = query.bind(value.as_str());
    }
    if let Some(after) = after {
        query = query.bind(after.occurred_at).bind(&after.node).bind(after.sequence);
    }
    let rows = query.bind(limit).fetch_all(store.read()).await?;
    rows.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<Found> {
    let occurred_at: i64 = row.try_get("occurred_at")?;
    Ok(Found {
        after: Cursor { occurred_at, sequence: row.try_get("sequence")?, node: row.try_get("node")? },
        row: Row {
            occurred_at: Time::from_micros(occurred_at),
            event: row.try_get("event")?,
            actor: row.try_get("actor")?,
            client_id: row.try_get("client_id")?,
            grant_id: row.try_get("grant_id")?,
            request_id: row.try_get("request_id")?,
            outcome: row.try_get("outcome")?,
            detail: row.try_get("detail")?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_and_anything_else_is_none() {
        let place = Cursor { occurred_at: 5, sequence: 7, node: "a-b_c".into() };
        assert_eq!(place.to_string().parse(), Ok(place));
        for bad in ["", "1", "1.2", "x.2.n", "1.x.n", "1.2.ä"] {
            assert_eq!(bad.parse::<Cursor>(), Err(NoPlace), "{bad}");
        }
    }
}
