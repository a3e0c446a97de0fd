//! What a git host says about itself and its branches.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::catalog::sources::git;

fuzz_target!(|bytes: &[u8]| {
    let (about, refs) = bytes.split_at(bytes.len() / 2);
    for (about, refs) in [(about, refs), (bytes, bytes)] {
        if let Ok(commit) = git::tip(about, refs, None) {
            assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
    }
});
