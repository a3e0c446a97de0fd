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
/// How much of its own answers `doctor` reads, in bytes: the largest is a page.
pub const OWN_ANSWER_BYTES_MAX: usize = 262_144;
/// How far this machine's clock may be from the one before the public URL, in seconds: half of what tokens forgive.
pub const CLOCK_SKEW_SECONDS_MAX: i64 = 30;
/// Longest address that somebody is led back to once they signed in, in bytes: that of a client whose id is a URL fits.
pub const WAY_BACK_BYTES_MAX: usize = 2_048;
