//! Housekeeping: one table that says what goes, how long after its end, and why not sooner. It drives the sweeper, and
//! `docs/housekeeping.md` is held against it by a test.
//!
//! Any number of nodes may sweep at once: each batch is one statement that decides by itself which rows have ended, and
//! a row that another node took is simply not there any more.

use std::fmt::Write as _;

use sqlx::Row as _;

use super::{Result, Store, keys};
use crate::clock::Time;
use crate::limits;

/// One line of housekeeping.
#[derive(Debug)]
pub struct Chore {
    /// What it is called.
    pub name: &'static str,
    /// The table.
    pub table: &'static str,
    /// The columns that name a row.
    row: &'static str,
    /// Which rows have ended: `$1` is the moment before which the end must lie, `$2` is now. One that names `$2` names
    /// `$1` too.
    ended: &'static str,
    /// How long after its end a row is kept, in seconds.
    pub kept_seconds: i64,
    /// What ends it, and why it is kept so long: for people.
    pub why: &'static str,
}

const DAY: i64 = 86_400;

const fn chore(
    name: &'static str,
    (table, row): (&'static str, &'static str),
    ended: &'static str,
    kept_seconds: i64,
    why: &'static str,
) -> Chore {
    Chore { name, table, row, ended, kept_seconds, why }
}

/// As [`IDLE_CLIENT_FLOOD`], for what waits for a person. The number is `limits::WAITING_MAX`.
macro_rules! flood {
    ($table:literal, $waits:literal) => {
        concat!(
            $waits, " and created_at < $1 and created_at < (select min(newest.created_at) from (select created_at from ",
            $table, " where ", $waits, " order by created_at desc limit 10000) newest)"
        )
    };
}

/// Everything that is swept, in this order. What is not here is kept.
pub const CHORES: &[Chore] = &[
    chore(
        "approvals",
        ("approvals", "id"),
        "expires_at < $1",
        limits::ENDED_KEPT_SECONDS,
        "after their ten minutes; kept so that a late person is told what happened",
    ),
    chore(
        "authorization codes",
        ("codes", "digest"),
        "expires_at < $1",
        limits::ENDED_KEPT_SECONDS,
        "after their minute; kept so that a replay is still recognised and ends what the code gave",
    ),
    chore(
        "authorization requests",
        ("authorization_requests", "digest"),
        "expires_at < $1",
        limits::ENDED_KEPT_SECONDS,
        "after their ten minutes; kept so that a late tab is told what happened",
    ),
    chore(
        "authorization requests that nobody opened",
        ("authorization_requests", "digest"),
        "browser_digest is null and expires_at < $1",
        0,
        "after their ten minutes: there is no tab to be told",
    ),
    chore(
        "authorization requests of a flood",
        ("authorization_requests", "digest"),
        flood!("authorization_requests", "browser_digest is null"),
        limits::WAITING_FLOOD_SECONDS,
        "a minute after they came, if no browser opened them and the newest ten thousand such are newer still",
    ),
    chore(
        "device requests of a flood",
        ("device_requests", "digest"),
        flood!("device_requests", "decided_at is null"),
        limits::WAITING_FLOOD_SECONDS,
        "a minute after they came, if nobody answered them and the newest ten thousand such are newer still",
    ),
    chore(
        "device requests",
        ("device_requests", "digest"),
        "expires_at < $1",
        limits::ENDED_KEPT_SECONDS,
        "after their end; kept so that a device that still polls is told so",
    ),
    chore(
        "pushed requests",
        ("pushed_requests", "digest"),
        "expires_at < $1",
        0,
        "after the minute in which the browser must bring them",
    ),
    chore(
        "registration tokens",
        ("registration_tokens", "id"),
        "expires_at < $1",
        limits::ENDED_KEPT_SECONDS,
        "after their end; kept so that whoever still uses one is told so",
    ),
    chore(
        "guesses of device codes",
        ("device_guesses", "guesser"),
        "window_began_at < $1",
        limits::ENDED_KEPT_SECONDS,
        "after the window in which they count",
    ),
    chore("sessions", ("sessions", "digest"), "expires_at < $1", 0, "after the end that use cannot move"),
    chore("one-time links", ("links", "digest"), "expires_at < $1", 0, "after their end, used or not"),
    chore(
        "links to set a password",
        ("password_links", "digest"),
        "expires_at < $1",
        0,
        "after their day, used or not",
    ),
    chore(
        "refresh tokens",
        ("refresh_tokens", "digest"),
        // From the old end of its family on: a token whose successor went first would look unspent again.
        "expires_at < $1 and not exists (select 1 from refresh_tokens p where p.digest = refresh_tokens.replaces)",
        0,
        "after their end, the oldest of a family first: a rotated one is kept until then, so that its reuse is recognised",
    ),
    chore(
        "grants",
        ("grants", "id"),
        "(expires_at < $1 or revoked_at < $1)",
        limits::GRANTS_KEPT_SECONDS,
        "after their end or revocation; kept so that an administrator can still see them",
    ),
    chore(
        "grants of one token",
        ("grants", "id"),
        "expires_at < $1 and expires_at - created_at <= 86400000000",
        limits::ENDED_KEPT_SECONDS,
        "a day after their token's end: what was exchanged, or given on the word of an identity provider",
    ),
    chore(
        "remembered consents",
        ("consents", "user_id, client_id, redirect_uri, resource"),
        "expires_at < $1",
        0,
        "after their thirty days",
    ),
    chore(
        "asks for clients",
        ("client_askers", "client_id, user_id"),
        "asked_at < $1",
        limits::ASKS_KEPT_SECONDS,
        "after a month without an answer, or with one; the audit log keeps who asked",
    ),
    chore(
        "revoked access tokens",
        ("revoked_tokens", "jti"),
        "expires_at < $1",
        limits::ASSERTION_SKEW_SECONDS,
        "a minute after the token would have expired anyway: another node's clock may be behind",
    ),
    chore(
        "identifiers used once",
        ("replays", "digest"),
        "expires_at < $1",
        limits::ASSERTION_SKEW_SECONDS,
        "a minute after the assertion or proof is refused for its age: another node's clock may be behind",
    ),
    chore(
        "events of MCP streams",
        ("mcp_events", "session, stream, sequence"),
        "created_at < $1",
        limits::MCP_EVENTS_KEPT_SECONDS,
        "an hour after they were sent; kept for clients whose stream was cut",
    ),
    chore(
        "questions to MCP clients",
        ("mcp_questions", "id"),
        "created_at < $1",
        limits::MCP_EVENTS_KEPT_SECONDS,
        "an hour after they were put",
    ),
    chore(
        "MCP sessions that ended",
        ("mcp_sessions", "digest"),
        "ended_at < $1",
        limits::ENDED_KEPT_SECONDS,
        "after their end; kept so that their client is told so",
    ),
    chore(
        "MCP sessions not used any more",
        ("mcp_sessions", "digest"),
        "seen_at < $1",
        limits::MCP_SESSION_IDLE_SECONDS,
        "two weeks after their last use",
    ),
    chore(
        "MCP tasks",
        ("mcp_tasks", "digest"),
        "expires_at < $1",
        0,
        "after the day that clients are told of",
    ),
    chore(
        "runs of templates",
        ("scaffolder_tasks", "id"),
        "(completed_at < $1 or failed_at < $1 or cancelled_at < $1)",
        limits::SCAFFOLDER_KEPT_SECONDS,
        "a month after their end, with what they said",
    ),
    chore(
        "guesses at accounts",
        ("guesses", "account"),
        "guessed_at < $1",
        limits::GUESSES_KEPT_SECONDS,
        "a day after the last guess",
    ),
    chore(
        "known browsers",
        ("known_browsers", "user_id, browser_digest"),
        "seen_at < $1",
        limits::KNOWN_BROWSER_SECONDS,
        "half a year after the last sign-in there",
    ),
    chore(
        "clients never used",
        ("clients", "id"),
        IDLE_CLIENT_NEVER,
        limits::CLIENT_NEVER_USED_SECONDS,
        "a week after they made themselves known, if nobody ever signed in with them; never with a live grant or a \
         sign-in under way, never one that an administrator added or judged",
    ),
    chore(
        "clients of a flood",
        ("clients", "id"),
        IDLE_CLIENT_FLOOD,
        limits::CLIENT_FIRST_USE_SECONDS,
        "an hour after they registered themselves, if nobody ever signed in with them and the newest ten thousand such \
         are newer still; under the same conditions",
    ),
    chore(
        "clients not used any more",
        ("clients", "id"),
        IDLE_CLIENT_ONCE,
        limits::CLIENT_UNUSED_SECONDS,
        "half a year after their last use, under the same conditions",
    ),
    chore(
        "news for other nodes",
        ("events", "id"),
        "occurred_at < $1",
        limits::ENDED_KEPT_SECONDS,
        "long after every node has heard them",
    ),
    RETIRED_KEYS,
];

/// Not deleted but withdrawn, with an announcement: see [`keys::retire`].
const RETIRED_KEYS: Chore = chore(
    "signing keys",
    ("signing_keys", "kid"),
    "retired_at is null and superseded_at + token_seconds * 1000000 <= $1",
    limits::KEY_OVERLAP_SECONDS,
    "after the last token that they signed has expired, clocks' differences included: withdrawn, and the private half \
     deleted",
);

/// What makes a client that made itself known one that nobody would miss (attack E13). One whose sign-in is under way
/// would be gone when the person comes back from it.
macro_rules! idle_client {
    ($unused:literal) => {
        concat!(
            "kind in ('self-registered', 'described') and suspended_at is null and revoked_at is null and ",
            $unused,
            " and not exists (select 1 from grants g where g.client_id = clients.id and g.revoked_at is null \
             and g.expires_at > $2) \
             and not exists (select 1 from authorization_requests r where r.client_id = clients.id \
             and r.expires_at > $2) \
             and not exists (select 1 from pushed_requests p where p.client_id = clients.id and p.expires_at > $2) \
             and not exists (select 1 from device_requests d where d.client_id = clients.id and d.expires_at > $2)"
        )
    };
}
const IDLE_CLIENT_NEVER: &str = idle_client!("used_at is null and registered_at < $1");
/// What is new always fits in, and what is old was never used: rows are bounded, and nobody is locked out by them, as they
/// would be by a cap (attack A12). The number is `limits::CLIENTS_NEVER_USED_MAX`.
const IDLE_CLIENT_FLOOD: &str = idle_client!(
    "kind = 'self-registered' and used_at is null and registered_at < $1 and registered_at < \
     (select min(newest.registered_at) from (select registered_at from clients where kind = 'self-registered' \
     and used_at is null order by registered_at desc limit 10000) newest)"
);
const IDLE_CLIENT_ONCE: &str = idle_client!("used_at < $1");

impl Chore {
    /// How many rows would go now.
    ///
    /// # Errors
    /// [`super::Error::Database`].
    pub async fn count(&self, store: &Store, now: Time) -> Result<u64> {
        let statement = format!("select count(*) from {} where {}", self.table, self.ended);
        let mut query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(self.before(now));
        if self.ended.contains("$2") {
            query = query.bind(now.micros());
        }
        let count: i64 = query.fetch_one(store.write()).await?.try_get(0)?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Lets them go, batch after batch, and gives their number. A batch is one short statement, so that nobody waits
    /// for a long one.
    ///
    /// # Errors
    /// [`super::Error::Database`]; what went is gone all the same.
    pub async fn sweep(&self, store: &Store, now: Time) -> Result<u64> {
        if self.table == RETIRED_KEYS.table {
            return keys::retire(store, now).await;
        }
        let Self { table, row, ended, .. } = self;
        let statement = format!(
            "delete from {table} where ({row}) in (select {row} from {table} where {ended} order by {row} limit {})",
            limits::SWEEP_BATCH_ROWS
        );
        let mut rows = 0;
        for _ in 0..limits::SWEEP_BATCHES_MAX {
            let mut query = sqlx::query(sqlx::AssertSqlSafe(statement.clone())).bind(self.before(now));
            if self.ended.contains("$2") {
                query = query.bind(now.micros());
            }
            let gone = query.execute(store.write()).await?.rows_affected();
            rows += gone;
            if gone == 0 {
                break;
            }
        }
        Ok(rows)
    }

    fn before(&self, now: Time) -> i64 {
        now.plus_seconds(-self.kept_seconds).micros()
    }

    /// The line of it in `docs/housekeeping.md`.
    pub fn documented(&self) -> String {
        let kept = match self.kept_seconds {
            0 => "at once".to_owned(),
            s if s % DAY == 0 => format!("{} d", s / DAY),
            s => format!("{} min", s / 60),
        };
        let mut line = String::new();
        let _ = write!(line, "| {} | `{}` | {kept} | {} |", self.name, self.table, self.why);
        line
    }
}

/// Sweeps everything once, and gives the number of rows of each chore. One that fails does not keep the others from
/// being done; the first error is given at the end.
///
/// # Errors
/// [`super::Error::Database`].
pub async fn all(store: &Store, now: Time) -> Result<Vec<(&'static Chore, u64)>> {
    let (mut swept, mut failed) = (Vec::new(), None);
    for chore in CHORES {
        match chore.sweep(store, now).await {
            Ok(rows) => swept.push((chore, rows)),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(swept), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_has_the_number_of_the_limit() {
        assert!(IDLE_CLIENT_FLOOD.contains(&format!("limit {})", limits::CLIENTS_NEVER_USED_MAX)));
        assert!(flood!("t", "w").contains(&format!("limit {})", limits::WAITING_MAX)));
    }
}
