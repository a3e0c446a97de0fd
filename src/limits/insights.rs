//! Scorecards: what one may hold, so that judging the whole catalog stays a matter of milliseconds.

/// Most files that scorecards are read from.
pub const SCORECARD_FILES_MAX: usize = 200;
/// Largest file of scorecards, in bytes.
pub const SCORECARD_BYTES_MAX: u64 = 262_144;
/// Most scorecards: each is judged for every entity that it is for.
pub const SCORECARDS_MAX: usize = 50;
/// Most checks of one scorecard; real ones have under 20.
pub const SCORECARD_CHECKS_MAX: usize = 50;
/// Most levels of one scorecard.
pub const SCORECARD_LEVELS_MAX: usize = 8;
/// Longest id of a scorecard or a check, in bytes: it is part of a URL.
pub const SCORECARD_ID_BYTES_MAX: usize = 64;
/// Longest title, description or advice in a scorecard, in characters.
pub const SCORECARD_TEXT_CHARS_MAX: usize = 1_000;
/// Most points of one check.
pub const SCORECARD_POINTS_MAX: u32 = 1_000;
/// Results on a page where nothing is said.
pub const SCORECARD_RESULTS: usize = 25;
/// Most results on one page.
pub const SCORECARD_RESULTS_MAX: usize = 200;
/// Most owners that a summary names, the largest first.
pub const SCORECARD_OWNERS_TOLD_MAX: usize = 50;
