//! Limits of what the catalog reads from elsewhere.

/// Most files that one location leads to, itself, its targets and what placeholders bring in counted together.
pub const SOURCE_FILES_MAX: usize = 1_000;
/// Most entities that one registered location makes: whoever may register does not get to fill the catalog.
pub const SOURCE_ENTITIES_MAX: usize = 10_000;
/// Most steps from a location to what it leads to: a Location of Locations is two.
pub const SOURCE_STEPS_MAX: usize = 8;
/// Most times in a row that something is fetched and read: the location, its steps, and what placeholders bring in.
pub const SOURCE_ROUNDS_MAX: usize = SOURCE_STEPS_MAX + 3;
/// Most files that are fetched at once for the catalog; the way out has room for other things beside it.
pub const SOURCE_FETCHES_AT_ONCE: usize = 8;
/// Most files and repositories that are fetched at once, those of whoever registers among them.
pub const SOURCE_AT_ONCE_MAX: usize = 32;
/// Most files and repositories that are fetched from one host in a minute.
pub const SOURCE_HOST_PER_MINUTE_MAX: u32 = 3_000;
/// Shortest time between two looks at one URL, in seconds, however often somebody asks: nobody makes this server a flood.
pub const SOURCE_AGAIN_SECONDS: i64 = 10;
/// How long a file stays in the catalog that its host says is gone, in seconds: somebody should see it, and may bring it back.
pub const SOURCE_GONE_SECONDS: i64 = 7 * 86_400;
/// Least of `catalog.fetch_seconds`, in seconds.
pub const CATALOG_FETCH_SECONDS_MIN: u64 = 30;
/// Most registered locations. Each is a request at every look.
pub const LOCATIONS_MAX: i64 = 5_000;
/// Longest target of a location, in bytes; browsers stop there too.
pub const LOCATION_BYTES_MAX: usize = 2_048;
/// Most problems that one answer tells.
pub const PROBLEMS_TOLD_MAX: usize = 500;
/// How long a repository may take from the first question to the last byte, in seconds.
pub const GIT_SECONDS: u64 = 60;
/// Largest pack of a repository, in bytes; it is held in memory while it is read.
pub const GIT_PACK_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most bytes that a pack may unfold to: a few kilobytes of zeros are gigabytes when unfolded.
pub const GIT_UNFOLDED_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Most objects in a pack.
pub const GIT_OBJECTS_MAX: usize = 200_000;
/// Deepest chain of differences in a pack; git itself makes 50.
pub const GIT_CHAIN_MAX: usize = 256;
/// Deepest folder of a repository that is entered.
pub const GIT_FOLDERS_DEEP_MAX: usize = 32;
/// Longest path of a file in a repository, in bytes, as on Linux. Longer ones are left out; each is held with its file.
pub const GIT_PATH_BYTES_MAX: usize = 4_096;
/// Largest list of branches and tags, in bytes.
pub const GIT_REFS_BYTES_MAX: usize = 1024 * 1024;
