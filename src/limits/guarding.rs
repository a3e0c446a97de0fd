//! Guesses, rates, keys, sweeps, and the socket.

/// Guesses at one account that cost no wait, whatever the door (attack C08): what a person needs to remember.
pub const GUESSES_FREE_MAX: i64 = 5;
/// The wait after the first guess that costs one, in seconds; doubled at each.
pub const GUESS_WAIT_SECONDS: i64 = 2;
/// The longest wait, in seconds: under 300 guesses a day, and not long for an owner at a new desk.
pub const GUESS_WAIT_SECONDS_MAX: i64 = 300;
/// How long guesses count after the last one, in seconds: a day.
pub const GUESSES_KEPT_SECONDS: i64 = 86_400;
/// How long a browser that was signed in to is remembered, in seconds: half a year.
pub const KNOWN_BROWSER_SECONDS: i64 = 180 * 86_400;
/// Buckets of requests that a node remembers, at some 100 bytes each: more addresses than ask within two minutes.
pub const RATES_REMEMBERED_MAX: u64 = 100_000;
/// How often what has ended is removed, in seconds.
pub const SWEEP_SECONDS: u64 = 600;
/// Most rows of one statement of the sweeper: some milliseconds, so that nobody waits for it.
pub const SWEEP_BATCH_ROWS: u32 = 1_000;
/// Most batches of one kind in one sweep; the next sweep goes on.
pub const SWEEP_BATCHES_MAX: usize = 1_000;
/// How long a grant is kept after its end, in seconds: a month, for whoever asks what there was.
pub const GRANTS_KEPT_SECONDS: i64 = 30 * 86_400;
/// How long an ended code or request is kept, in seconds, so that its replay is recognised.
pub const ENDED_KEPT_SECONDS: i64 = 86_400;
/// How often a refusal of one client's tokens for one reason is written to the audit log, in seconds; the next row counts
/// those between.
pub const REFUSALS_NOTED_SECONDS: i64 = 60;
/// Such refusals that a node remembers: more are written again.
pub const REFUSALS_REMEMBERED_MAX: u64 = 10_000;
/// Most authorization requests that no browser has opened, and most devices that nobody has answered. A flood beyond it goes
/// with the next sweep, oldest first; what came within the last minute stays.
pub const WAITING_MAX: i64 = 10_000;
/// How long one of a flood is kept, in seconds.
pub const WAITING_FLOOD_SECONDS: i64 = 60;
/// How long a key is published before it signs, in seconds: twelve times what published keys may be cached.
pub const KEY_LEAD_SECONDS: i64 = 3_600;
/// Longest time that one key may be told to sign, in days: ten years.
pub const KEY_ROTATE_DAYS_MAX: i64 = 3_650;
/// How much longer than a token's life a superseded key verifies, in seconds: clocks differ.
pub const KEY_OVERLAP_SECONDS: i64 = 600;
/// Connections at once on one node; each holds a file descriptor and some 20 KB.
pub const CONNECTIONS_MAX: usize = 8_192;
/// How long a connection may say nothing, or take to say what it wants, in seconds: longer than proxies keep their idle
/// connections (60), or they would send requests into closed ones.
pub const IDLE_SECONDS: u64 = 75;
/// How long a new connection has for its first bytes, in seconds.
pub const FIRST_BYTES_SECONDS: u64 = 10;
/// How often to look for the rest of HTTP/2's first bytes, in milliseconds; hardly anybody sends them in pieces.
pub const PREFACE_POLL_MILLIS: u64 = 10;
/// How long to wait before accepting again after the system refused, in milliseconds.
pub const ACCEPT_RETRY_MILLIS: u64 = 100;
/// Headers of one request; browsers send under 30.
pub const HEADERS_MAX: usize = 100;
/// All headers of one request, in bytes: the longest token, the longest address, and cookies.
pub const HEADER_BYTES_MAX: usize = 65_536;
/// Requests at once on one HTTP/2 connection.
pub const STREAMS_MAX: u32 = 128;
/// How long a request of a page or an endpoint may take, its body included, in seconds: two outbound calls and a queue.
pub const REQUEST_TIME_SECONDS: u64 = 30;
