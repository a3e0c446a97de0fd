//! What a git host sends: its lines, and the pack in them.
#![no_main]

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use libfuzzer_sys::fuzz_target;
use postern::catalog::sources::git;

/// The commit of the seeds.
const COMMIT: &str = "4ff41b25ee9ef1253fb0aa5b7db13f49eabbc759";

fuzz_target!(|bytes: &[u8]| {
    let _ = git::listing(bytes, COMMIT);
    // A pack with the right sum, which no fuzzer would guess.
    let pack = [bytes, digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref()].concat();
    let mut answer = b"000dpackfile\n".to_vec();
    for part in pack.chunks(60_000) {
        answer.extend(format!("{:04x}\u{1}", part.len() + 5).into_bytes());
        answer.extend(part);
    }
    for (path, _) in git::listing(&answer, COMMIT).unwrap_or_default() {
        assert!(!path.split('/').any(|part| part.is_empty() || part.starts_with('.')), "{path}");
    }
});
