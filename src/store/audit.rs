//! The audit log's rows: each names the hash of the one before it in its node's chain.

use std::sync::LazyLock;

use sqlx::Row as _;

use super::{Result, Store};
use crate::clock::Time;
use crate::limits;
use crate::secret::sha256_base64url;

/// A row to be appended.
#[derive(Clone, Debug)]
pub struct Row {
    /// When it happened.
    pub occurred_at: Time,
    /// What happened.
    pub event: String,
    /// Who did it.
    pub actor: Option<String>,
    /// The client concerned.
    pub client_id: Option<String>,
    /// The grant concerned.
    pub grant_id: Option<String>,
    /// The request it happened in.
    pub request_id: Option<String>,
    /// How it ended.
    pub outcome: String,
    /// The rest, as JSON.
    pub detail: String,
}

/// Where a node's chain stands: what the next row is chained to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    node: String,
    sequence: i64,
    hash: String,
}

impl Link {
    /// The start of a chain of its own: each start of a process begins one, so that none waits for another.
    pub fn first(node: String) -> Self {
        Self { hash: sha256_base64url(node.as_bytes()), node, sequence: 0 }
    }

    fn next(&self, row: &Row) -> Self {
        let sequence = self.sequence + 1;
        // A JSON array has one reading: fields cannot run into each other.
        let content = serde_json::json!([
            self.hash,
            self.node,
            sequence,
            row.occurred_at.micros(),
            row.event,
            row.actor,
            row.client_id,
            row.grant_id,
            row.request_id,
            row.outcome,
            row.detail,
        ]);
        Self { node: self.node.clone(), sequence, hash: sha256_base64url(content.to_string().as_bytes()) }
    }
}

/// Appends `rows` after `link` in one transaction and gives the new end of the chain.
///
/// # Errors
/// [`super::Error::Database`]; nothing was appended then.
pub async fn append(store: &Store, link: &Link, rows: &[Row]) -> Result<Link> {
    let mut tx = store.begin().await?;
    let mut link = link.clone();
    let many = rows.chunks_exact(limits::AUDIT_ROWS_A_STATEMENT);
    let rest = many.remainder();
    for chunk in many.chain(rest.chunks(1)) {
        let statement = if chunk.len() == 1 { &*INSERT_ONE } else { &*INSERT_MANY };
        let mut query = sqlx::query(sqlx::AssertSqlSafe(statement.as_str()));
        for row in chunk {
            let next = link.next(row);
            query = query
                .bind(next.node.clone())
                .bind(next.sequence)
                .bind(row.occurred_at.micros())
                .bind(&row.event)
                .bind(&row.actor)
                .bind(&row.client_id)
                .bind(&row.grant_id)
                .bind(&row.request_id)
                .bind(&row.outcome)
                .bind(&row.detail)
                .bind(link.hash)
                .bind(next.hash.clone());
            link = next;
        }
        query.execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(link)
}

static INSERT_ONE: LazyLock<String> = LazyLock::new(|| insert(1));
static INSERT_MANY: LazyLock<String> = LazyLock::new(|| insert(limits::AUDIT_ROWS_A_STATEMENT));

fn insert(rows: usize) -> String {
    let columns = "node, sequence, occurred_at, event, actor, client_id, grant_id, request_id, outcome, detail, \
                   previous_hash, hash";
    let count = columns.split(", ").count();
    let row = |row: usize| {
        let places: Vec<String> = (1..=count).map(|column| format!("${}", row * count + column)).collect();
        format!("({})", places.join(", "))
    };
    format!("insert into audit ({columns}) values {}", (0..rows).map(row).collect::<Vec<_>>().join(", "))
}

/// Checks every chain from its first row: gives the number of rows, or the first row that does not fit.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn verify(store: &Store) -> Result<std::result::Result<u64, String>> {
    let rows = sqlx::query(
        "select node, sequence, occurred_at, event, actor, client_id, grant_id, request_id, outcome, detail, \
         previous_hash, hash from audit order by node, sequence",
    )
    .fetch_all(store.read())
    .await?;
    let mut link: Option<Link> = None;
    for found in &rows {
        let node: String = found.try_get("node")?;
        let before = link.take().filter(|l| l.node == node).unwrap_or_else(|| Link::first(node.clone()));
        let row = Row {
            occurred_at: Time::from_micros(found.try_get("occurred_at")?),
            event: found.try_get("event")?,
            actor: found.try_get("actor")?,
            client_id: found.try_get("client_id")?,
            grant_id: found.try_get("grant_id")?,
            request_id: found.try_get("request_id")?,
            outcome: found.try_get("outcome")?,
            detail: found.try_get("detail")?,
        };
        let next = before.next(&row);
        let (sequence, hash): (i64, String) = (found.try_get("sequence")?, found.try_get("hash")?);
        // Also what the row itself says is before it: whoever reads an export follows that.
        let previous: String = found.try_get("previous_hash")?;
        if (sequence, &hash, &previous) != (next.sequence, &next.hash, &before.hash) {
            return Ok(Err(format!("row {sequence} of node {node} does not fit its chain")));
        }
        link = Some(next);
    }
    Ok(Ok(rows.len() as u64))
}
