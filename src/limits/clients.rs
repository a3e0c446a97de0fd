//! Limits of clients: how they become known, what is fetched for them, how they prove themselves.

/// How long an outbound call may take from the look-up of the name to the last byte, in seconds.
pub const OUTBOUND_SECONDS: u64 = 5;
/// How long an outbound call may take to connect, in seconds.
pub const OUTBOUND_CONNECT_SECONDS: u64 = 3;
/// Most outbound calls at once: each may hold a socket for five seconds on a stranger's word.
pub const OUTBOUND_AT_ONCE_MAX: usize = 64;
/// As many again for the keys and metadata of the providers that the configuration trusts, which no stranger uses up.
pub const OUTBOUND_TRUSTED_AT_ONCE_MAX: usize = 16;
/// Most outbound calls to one host in a minute: nobody makes this server a flood (attack A09).
pub const OUTBOUND_HOST_PER_MINUTE_MAX: u32 = 60;
/// Hosts whose pace is remembered.
pub const OUTBOUND_HOSTS_MAX: u64 = 10_000;
/// Largest document of a client, in bytes (draft-ietf-oauth-client-id-metadata-document section 8.7 says 5 KB).
pub const DOCUMENT_BYTES_MAX: usize = 5_120;
/// Longest client_id, in bytes (attack A06).
pub const CLIENT_ID_BYTES_MAX: usize = 2_048;
/// How much of a client_id that leads nowhere is shown to whoever brought it, in characters: enough to know it by.
pub const CLIENT_ID_SHOWN_CHARS: usize = 100;
/// A document is fresh this long where its host says nothing, in seconds.
pub const DOCUMENT_FRESH_SECONDS: i64 = 3_600;
/// Shortest freshness whatever its host says, in seconds: fetch times tell the host who signs in when.
pub const DOCUMENT_FRESH_SECONDS_MIN: i64 = 300;
/// Longest freshness whatever its host says, in seconds: a change must be seen.
pub const DOCUMENT_FRESH_SECONDS_MAX: i64 = 86_400;
/// How long the last good document serves while its host is down, in seconds past its freshness.
pub const DOCUMENT_STALE_SECONDS_MAX: i64 = 604_800;
/// How long a document that could not be had is not asked for again, in seconds (attack A09). In memory only.
pub const DOCUMENT_FAILURE_SECONDS: i64 = 15;
/// How many failures, and how many turns to fetch, are remembered.
pub const DOCUMENTS_REMEMBERED_MAX: u64 = 10_000;
/// Largest body of a registration, in bytes. Real ones are under 1 KB.
pub const REGISTRATION_BYTES_MAX: usize = 16_384;
/// Most registrations an hour on one node: room for a company's first morning, an end for a flood (attack A12).
pub const REGISTRATIONS_PER_HOUR_MAX: u32 = 3_600;
/// Most redirect URIs of one client. VS Code registers four.
pub const CLIENT_REDIRECTS_MAX: usize = 20;
/// Longest URI that a client says of itself, in bytes.
pub const CLIENT_URI_BYTES_MAX: usize = 2_048;
/// Longest name of a client, in characters: it must fit on the consent page.
pub const CLIENT_NAME_CHARS_MAX: usize = 80;
/// Longest `software_id` and `software_version`, in characters.
pub const CLIENT_SOFTWARE_CHARS_MAX: usize = 128;
/// Most registrations that one initial access token allows.
pub const INITIAL_ACCESS_USES_MAX: i64 = 10_000;
/// Longest life of an initial access token, in days.
pub const INITIAL_ACCESS_DAYS_MAX: i64 = 365;
/// Most `contacts` of a client that are kept.
pub const CLIENT_CONTACTS_MAX: usize = 5;
/// Longest life of a client assertion, in seconds: SDKs sign for five minutes, a few for an hour. Its `jti` is remembered
/// for as long.
pub const ASSERTION_SECONDS_MAX: i64 = 3_600;
/// How far a client's clock may be from ours, in seconds.
pub const ASSERTION_SKEW_SECONDS: i64 = 60;
/// Most keys of one JWK set. A rotation needs three or four; each costs a signature check where none is named.
pub const KEY_SET_KEYS_MAX: usize = 16;
/// Largest JWK set that is fetched, in bytes: all of those keys, of RSA, with their certificates.
pub const KEY_SET_BYTES_MAX: usize = 65_536;
/// Longest `kid`, in bytes.
pub const KEY_ID_BYTES_MAX: usize = 256;
/// Shortest RSA modulus of somebody else's key, in bytes: 2048 bits (RFC 7518 section 3.3).
pub const RSA_BYTES_MIN: usize = 256;
/// Longest RSA modulus of somebody else's key, in bytes: 4096 bits. What is longer costs time and nothing else, and a
/// stranger's key, as in a DPoP proof, must not cost more than a stranger may.
pub const RSA_BYTES_MAX: usize = 512;
/// How long a fetched JWK set is used unasked, in seconds: a key that was withdrawn is refused after it.
pub const KEY_SET_FRESH_SECONDS: i64 = 900;
/// How often a JWK set may be fetched before that, because it does not hold the key that is named, in seconds (attack F04).
pub const KEY_SET_REFETCH_SECONDS: i64 = 60;
/// How long the last good JWK set serves while its host is down, in seconds past its freshness.
pub const KEY_SET_STALE_SECONDS_MAX: i64 = 86_400;
/// JWK sets that a node remembers, by whose they are.
pub const KEY_SETS_REMEMBERED_MAX: u64 = 10_000;
/// How coarse a client's last use is recorded, in seconds: a write per call would be a hot row.
pub const CLIENT_USED_SECONDS: i64 = 3_600;
/// A client that made itself known and was never used goes after this, in seconds: VS Code registers before it asks.
pub const CLIENT_NEVER_USED_SECONDS: i64 = 7 * 86_400;
/// Most self-registered clients that were never used. A flood beyond it goes within the hour, oldest first, and what a
/// person is about to use stays.
pub const CLIENTS_NEVER_USED_MAX: i64 = 10_000;
/// How long every self-registered client has for its first use, however many there are, in seconds: people leave the
/// sign-in page open over lunch.
pub const CLIENT_FIRST_USE_SECONDS: i64 = 3_600;
/// A client that made itself known and is no longer used goes after this, in seconds: editors keep their id for ever.
pub const CLIENT_UNUSED_SECONDS: i64 = 180 * 86_400;
/// Versions kept of a described client's document: enough to see a year of changes, and an end for a host that says
/// something else each time.
pub const DOCUMENT_VERSIONS_MAX: i64 = 20;
/// Bytes of documents that a node holds of clients nobody has allowed yet. Nothing of them is stored (attack A09).
pub const DOCUMENTS_HELD_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// How long such a document is held, in seconds: past the longest sign-in.
pub const DOCUMENTS_HELD_SECONDS: u64 = 7_200;
/// How long a request waits for an administrator's answer, in seconds.
pub const CLIENT_APPROVAL_SECONDS: i64 = 3_600;
/// Most clients that one person may be waiting for, so that nobody buries the list under asks.
pub const ASKS_PER_USER_MAX: i64 = 10;
/// How long an ask that nobody answers is kept, in seconds: thirty days.
pub const ASKS_KEPT_SECONDS: i64 = 2_592_000;
/// Longest entity tag that is kept of a document, in bytes; without one it is simply fetched again.
pub const ETAG_BYTES_MAX: usize = 256;
/// Largest picture of a client that is fetched, in bytes. Real ones are under 200 KB.
pub const LOGO_BYTES_MAX: usize = 524_288;
/// Widest and tallest such picture, in pixels; the size is in its first bytes, so that nothing larger is unpacked.
pub const LOGO_PIXELS_MAX: u32 = 2_048;
/// Most memory for unpacking one, in bytes: four for each of those pixels, and half as much for the unpacking. One is
/// unpacked at a time.
pub const LOGO_MEMORY_BYTES_MAX: u64 = 24 * 1024 * 1024;
/// The longer side of the picture that is made of it, in pixels: 48 on the page, twice that on fine screens.
pub const LOGO_SIDE_PIXELS: u32 = 96;
/// Pictures that a node holds; each is at most some 40 KB.
pub const LOGOS_REMEMBERED_MAX: u64 = 256;
/// Pictures on their way at once, each up to its largest size in memory, and each on a stranger's word.
pub const LOGOS_AT_ONCE_MAX: usize = 8;
/// How long a picture that could not be had, or was had, is not asked for again by a node, in seconds.
pub const LOGO_RETRY_SECONDS: u64 = 3_600;
/// How long a picture is taken for what its host still has, in seconds: a week, or until the document names another.
pub const LOGO_FRESH_SECONDS: i64 = 604_800;
