//! Limits of the rarer grants: devices, pushed requests, exchanged tokens, identity providers.

/// How long a device's code waits for a person, in seconds: to fetch a phone, sign in and read (RFC 8628 section 6.1).
pub const DEVICE_SECONDS: i64 = 600;
/// How long a device waits between two polls at first, in seconds (RFC 8628 section 3.5).
pub const DEVICE_INTERVAL_SECONDS: i64 = 5;
/// How much longer after a poll that came too early, in seconds (RFC 8628 section 3.5).
pub const DEVICE_HURRY_SECONDS: i64 = 5;
/// How much too early is forgiven, in seconds: networks are not even.
pub const DEVICE_EARLY_SECONDS: i64 = 1;
/// Letters of a user code: 20 to the 8th are 34 bits, against a few guesses a minute (RFC 8628 section 5.1).
pub const USER_CODE_CHARS: usize = 8;
/// Most codes typed by one account in a window: nobody has ten devices in a quarter of an hour (attack E09).
pub const DEVICE_GUESSES_ACCOUNT_MAX: i64 = 10;
/// Most codes typed from one address in a window: a company behind one address on its first morning.
pub const DEVICE_GUESSES_ADDRESS_MAX: i64 = 60;
/// The window of both, in seconds.
pub const DEVICE_GUESSES_SECONDS: i64 = 900;
/// Longest `User-Agent` of a device that is kept for the page, in characters.
pub const DEVICE_AGENT_CHARS_MAX: usize = 120;
/// How much of what was typed as a device's code stands in the form again, in characters: a code with room for slips.
pub const DEVICE_CODE_TYPED_CHARS_MAX: usize = 40;
/// How long a pushed request waits for its browser, in seconds (RFC 9126 section 2.2 suggests 5 to 600).
pub const PUSHED_SECONDS: i64 = 60;
/// Most programs in a row that act for one another (RFC 8693 section 4.1); each makes the token longer.
pub const ACTORS_MAX: usize = 5;
/// Most identity providers whose assertions are taken.
pub const TRUSTED_ISSUERS_MAX: usize = 32;
/// Longest subject and tenant of an identity provider, in bytes (OpenID Connect Core section 2 says 255 for `sub`).
pub const ISSUER_SUBJECT_BYTES_MAX: usize = 255;
/// Largest metadata document of an identity provider, in bytes; real ones are under 8 KB.
pub const ISSUER_METADATA_BYTES_MAX: usize = 65_536;
/// How long an identity provider's metadata is used unasked, in seconds: its keys are renewed more often, by themselves.
pub const ISSUER_METADATA_SECONDS: i64 = 3_600;
