//! Git repositories over https, read without git: three exchanges of its protocol version 2 (gitprotocol-v2) through the
//! guarded way out, and one pack unfolded in memory.
//!
//! No `git` is run, so there is no shell, no hook, no filter, no credential helper, no submodule and no other transport
//! to be talked into; the address that was checked is the one that is dialled; and everything is bounded before it is
//! believed. Only the newest commit of one branch is brought, without its history.

mod pack;
mod tree;
mod wire;

use std::time::Duration;

use bytes::Bytes;

use super::Source;
use super::fetch::Credentials;
use super::shelf::Shelf;
use crate::clock::Time;
use crate::limits;
use crate::outbound::{GitAsk, Outbound};

const RESULT: &str = "application/x-git-upload-pack-result";

/// Asks whether the branch of a repository moved, and if it did, puts what it has now on its shelf.
pub async fn refresh(outbound: Outbound, credentials: Credentials, source: Source, now: Time) {
    let Some(shelf) = source.shelf() else { return };
    let asked = tokio::time::timeout(
        Duration::from_secs(limits::GIT_SECONDS),
        bring(&outbound, &credentials, &source, shelf, now),
    );
    let failure = match asked.await {
        Ok(Ok(())) => None,
        Ok(Err(why)) => Some(why),
        Err(_) => Some(format!("it took longer than {} seconds", limits::GIT_SECONDS)),
    };
    shelf.asked(failure, now);
}

async fn bring(
    outbound: &Outbound,
    credentials: &Credentials,
    source: &Source,
    shelf: &Shelf,
    now: Time,
) -> Result<(), String> {
    let (base, branch) = (shelf.source().trim_end_matches('/'), source.branch.as_deref());
    let (about, refs_max) = (format!("{base}/info/refs?service=git-upload-pack"), limits::GIT_REFS_BYTES_MAX);
    let answers = "application/x-git-upload-pack-advertisement";
    let ask = GitAsk { url: &about, body: None, answers, bytes_max: refs_max, credentials };
    let can = wire::abilities(&outbound.git(ask).await.map_err(|refusal| refusal.to_string())?)?;
    let url = format!("{base}/git-upload-pack");
    let asked = wire::ask_refs(&can, branch);
    let ask = GitAsk { url: &url, body: Some(&asked), answers: RESULT, bytes_max: refs_max, credentials };
    let tip = wire::tip(&outbound.git(ask).await.map_err(|refusal| refusal.to_string())?, branch)?;
    if shelf.revision().as_ref() == Some(&tip.commit) {
        return Ok(());
    }
    let (asked, bytes_max) = (wire::ask_pack(&can, &tip.commit), limits::GIT_PACK_BYTES_MAX);
    let ask = GitAsk { url: &url, body: Some(&asked), answers: RESULT, bytes_max, credentials };
    let answer = outbound.git(ask).await.map_err(|refusal| refusal.to_string())?;
    let source = source.clone();
    let unfolding = tokio::task::spawn_blocking(move || unfold(&source, &tip, &answer, now));
    unfolding.await.map_err(|error| error.to_string())?
}

fn unfold(source: &Source, tip: &wire::Tip, answer: &Bytes, now: Time) -> Result<(), String> {
    let Some(shelf) = source.shelf() else { return Ok(()) };
    let (pack, files) = unpack(answer, &tip.commit)?;
    let kept = shelf.turn(&tip.commit, &tip.branch, files, &|blob| pack.body(blob), now);
    kept.map_err(|error| format!("it cannot be kept here: {error}"))
}

/// A pack, and the files of a commit in it by their places.
type Unpacked = (pack::Pack, Vec<(String, usize)>);

fn unpack(answer: &[u8], commit: &str) -> Result<Unpacked, String> {
    let pack = pack::Pack::read(&wire::pack(answer)?)?;
    let files = tree::files(&pack, commit)?;
    Ok((pack, files))
}

/// The paths and lengths of the files of `commit` in an answer to a fetch.
///
/// # Errors
/// A sentence, where the answer, its pack or the commit is broken, incomplete or too large.
pub fn listing(answer: &[u8], commit: &str) -> Result<Vec<(String, usize)>, String> {
    let (pack, files) = unpack(answer, commit)?;
    Ok(files.into_iter().map(|(path, at)| (path, pack.body(at).len())).collect())
}

/// The commit that a server says its branch is at, from its answers about itself and about its branches.
///
/// # Errors
/// A sentence, where it speaks another protocol or has no such branch.
pub fn tip(about: &[u8], refs: &[u8], branch: Option<&str>) -> Result<String, String> {
    wire::abilities(about)?;
    Ok(wire::tip(refs, branch)?.commit)
}
