//! Limits of the pages on which people and administrators see what is.

/// Most live grants on the page of connected apps; nobody reads more, and "Disconnect all" ends the rest too.
pub const CONNECTIONS_SHOWN_MAX: i64 = 200;
/// Rows on one page of what happened: a screen or two.
pub const HAPPENED_ROWS: i64 = 50;
/// Rows that an export reads at once; it writes as it reads.
pub const EXPORT_ROWS: i64 = 1_000;
/// Longest `User-Agent` that is kept with a session, in characters. Real ones have under 200.
pub const SESSION_AGENT_CHARS_MAX: usize = 200;
/// How long a link to set a password works, in seconds: a day, to be handed over and opened.
pub const PASSWORD_LINK_SECONDS: i64 = 86_400;
/// Clients and people on one page of their lists.
pub const LISTED_ROWS: i64 = 50;
