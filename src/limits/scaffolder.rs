//! Limits of templates, their tasks, and what steps may make.

/// Fuel of one `${{ }}` in a step: an instruction costs one, and so do 64 bytes of anything made. Real ones use under a
/// thousand; this many end within milliseconds and hold some 6 MB.
pub const SCAFFOLDER_EXPRESSION_FUEL: u64 = 100_000;
/// Fuel of one file that `fetch:template` fills in: loops over lists, some 32 MB made on the way at most.
pub const SCAFFOLDER_FILE_FUEL: u64 = 500_000;
/// Deepest nesting of what an engine runs; skeletons nest a handful of blocks.
pub const SCAFFOLDER_RECURSION_MAX: usize = 100;
/// Longest text that is looked at for expressions in a step's input, in bytes.
pub const SCAFFOLDER_TEXT_BYTES_MAX: usize = 262_144;
/// Largest input of one step once its expressions are filled in, in bytes of JSON.
pub const SCAFFOLDER_INPUT_BYTES_MAX: usize = 1_048_576;
/// Most steps of a template; the longest real one has eleven.
pub const SCAFFOLDER_STEPS_MAX: usize = 100;
/// Most rounds of one `each`.
pub const SCAFFOLDER_EACH_MAX: usize = 100;
/// Largest parameters of a task, and largest template given as text, in bytes.
pub const SCAFFOLDER_VALUES_BYTES_MAX: usize = 262_144;
/// Most faults that one refusal lists: a model mends them all at once, and a page shows them beside their fields.
pub const SCAFFOLDER_FAULTS_MAX: usize = 50;
/// Most files and folders in a workspace: a large repository's worth.
pub const SCAFFOLDER_FILES_MAX: usize = 10_000;
/// Largest file in a workspace, in bytes.
pub const SCAFFOLDER_FILE_BYTES_MAX: u64 = 16 * 1_024 * 1_024;
/// Everything in one workspace, in bytes.
pub const SCAFFOLDER_WORKSPACE_BYTES_MAX: u64 = 256 * 1_024 * 1_024;
/// Longest path inside a workspace, in bytes; a name of most file systems has 255.
pub const SCAFFOLDER_PATH_BYTES_MAX: usize = 1_024;
/// Longest line of a task's log, in bytes.
pub const SCAFFOLDER_LINE_BYTES_MAX: usize = 8_192;
/// Most lines of one task's log; what comes after is counted and left out.
pub const SCAFFOLDER_LINES_MAX: i64 = 5_000;
/// How long a node's word that it runs a task is good, in seconds: so long a task of a node that died waits for another.
pub const SCAFFOLDER_LEASE_SECONDS: i64 = 15;
/// How often a node says so, and looks whether somebody cancelled, in milliseconds.
pub const SCAFFOLDER_HEARTBEAT_MILLIS: u64 = 1_000;
/// How long a node goes on with a task while its word cannot be renewed, in milliseconds: well under the lease, so that
/// it has stopped before another node begins.
pub const SCAFFOLDER_DOUBT_MILLIS: u64 = 8_000;
/// How often a node that runs less than it may looks for a task, in milliseconds.
pub const SCAFFOLDER_POLL_MILLIS: u64 = 1_000;
/// Tasks that one node runs at once; Backstage runs ten, on a machine of its own.
pub const SCAFFOLDER_AT_ONCE_MAX: usize = 4;
/// Times a task is taken up again after its node died: one that kills its node is not tried for ever.
pub const SCAFFOLDER_RECOVERIES_MAX: i64 = 3;
/// Most tasks of one person or program that wait or run.
pub const SCAFFOLDER_OPEN_PER_OWNER_MAX: i64 = 20;
/// How long a task and its log are kept after its end, in seconds: thirty days.
pub const SCAFFOLDER_KEPT_SECONDS: i64 = 2_592_000;
/// Longest run of one step, in seconds: half an hour.
pub const SCAFFOLDER_STEP_SECONDS: u64 = 1_800;
/// Longest `debug:wait`, in seconds; Backstage allows ten minutes.
pub const SCAFFOLDER_WAIT_SECONDS_MAX: u64 = 600;
/// Longest that `scaffolder:wait-for-task` waits, in seconds: clients give up at sixty.
pub const SCAFFOLDER_CALL_WAIT_SECONDS_MAX: u64 = 50;
/// Tasks on one page of a list.
pub const SCAFFOLDER_TASKS_PAGE: i64 = 50;
/// Largest answer that `http:request` reads, in bytes.
pub const SCAFFOLDER_HTTP_BYTES_MAX: usize = 1_048_576;
/// Most files that `files` of a dry run brings.
pub const SCAFFOLDER_DRY_FILES_MAX: usize = 500;
/// References that a field of a form suggests.
pub const SCAFFOLDER_SUGGESTED_MAX: usize = 500;
/// How often a page's stream looks for more, in milliseconds.
pub const SCAFFOLDER_STREAM_MILLIS: u64 = 500;
/// Looks of one stream before the browser has to come back: five minutes.
pub const SCAFFOLDER_STREAM_ROUNDS_MAX: u32 = 600;
