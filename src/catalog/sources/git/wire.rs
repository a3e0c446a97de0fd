//! Lines of git's protocol version 2 (gitprotocol-v2, gitprotocol-common).

use crate::limits;

/// What a server says it can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Abilities {
    /// Whether it wants to hear the format of objects.
    names_format: bool,
    /// Whether it can leave large files out.
    filters: bool,
}

/// Where a branch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tip {
    /// The id of the commit.
    pub commit: String,
    /// The name of the branch.
    pub branch: String,
}

enum Line<'b> {
    Data(&'b [u8]),
    Flush,
    Delimiter,
}

/// The next line, and what follows it.
fn next(bytes: &[u8]) -> Result<Option<(Line<'_>, &[u8])>, String> {
    let broken = || "its answer is not of git's protocol".to_owned();
    let Some((length, rest)) = bytes.split_at_checked(4) else {
        return if bytes.is_empty() { Ok(None) } else { Err(broken()) };
    };
    let text = std::str::from_utf8(length).map_err(|_| broken())?;
    match usize::from_str_radix(text, 16).map_err(|_| broken())? {
        0 | 2 => Ok(Some((Line::Flush, rest))),
        1 => Ok(Some((Line::Delimiter, rest))),
        3 => Err(broken()),
        length => {
            let (data, rest) = rest.split_at_checked(length - 4).ok_or_else(broken)?;
            Ok(Some((Line::Data(data), rest)))
        }
    }
}

fn lines(mut bytes: &[u8]) -> Result<Vec<&str>, String> {
    let mut lines = Vec::new();
    while let Some((line, rest)) = next(bytes)? {
        if let Line::Data(data) = line {
            lines.push(std::str::from_utf8(data).unwrap_or_default().trim_end_matches('\n'));
        }
        bytes = rest;
    }
    Ok(lines)
}

/// Reads what a server can.
pub(super) fn abilities(answer: &[u8]) -> Result<Abilities, String> {
    let lines = lines(answer)?;
    if !lines.contains(&"version 2") {
        return Err("its server does not speak git's protocol version 2".to_owned());
    }
    let of = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    if of("object-format").is_some_and(|format| format != "sha1") {
        return Err("its objects are not named by SHA-1, and no other format is read".to_owned());
    }
    let fetch = of("fetch").ok_or("its server does not let anybody fetch")?;
    let filters = fetch.split(' ').any(|ability| ability == "filter");
    Ok(Abilities { names_format: of("object-format").is_some(), filters })
}

fn ask(can: &Abilities, command: &str, arguments: &[String]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut line = |text: &str| body.extend(format!("{:04x}{text}\n", text.len() + 5).into_bytes());
    line(&format!("command={command}"));
    if can.names_format {
        line("object-format=sha1");
    }
    body.extend(b"0001");
    for text in arguments {
        body.extend(format!("{:04x}{text}\n", text.len() + 5).into_bytes());
    }
    body.extend(b"0000");
    body
}

/// Asks where the branch is; where none is said, where the repository's own is.
pub(super) fn ask_refs(can: &Abilities, branch: Option<&str>) -> Vec<u8> {
    let prefix = branch.map_or_else(|| "HEAD".to_owned(), |branch| format!("refs/heads/{branch}"));
    ask(can, "ls-refs", &["symrefs".to_owned(), format!("ref-prefix {prefix}")])
}

/// Reads where it is.
pub(super) fn tip(answer: &[u8], branch: Option<&str>) -> Result<Tip, String> {
    let name = branch.map_or_else(|| "HEAD".to_owned(), |branch| format!("refs/heads/{branch}"));
    for line in lines(answer)? {
        let mut parts = line.split(' ');
        let (Some(commit), Some(found)) = (parts.next(), parts.next()) else { continue };
        if found != name {
            continue;
        }
        if commit.len() != 40 || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("its answer names no commit".to_owned());
        }
        let leads = parts.find_map(|part| part.strip_prefix("symref-target:refs/heads/"));
        let branch = branch.or(leads).unwrap_or("HEAD").to_owned();
        return Ok(Tip { commit: commit.to_owned(), branch });
    }
    Err(match branch {
        Some(branch) => format!("it has no branch {branch}"),
        None => "it is empty".to_owned(),
    })
}

/// Asks for the commit without its history and without large files.
pub(super) fn ask_pack(can: &Abilities, commit: &str) -> Vec<u8> {
    let mut arguments = vec!["no-progress".to_owned(), "ofs-delta".to_owned(), "deepen 1".to_owned()];
    if can.filters {
        arguments.push(format!("filter blob:limit={}", limits::DESCRIPTOR_BYTES_MAX + 1));
    }
    arguments.extend([format!("want {commit}"), "done".to_owned()]);
    ask(can, "fetch", &arguments)
}

/// The pack in an answer, out of its bands (gitprotocol-pack, "Packfile Data").
pub(super) fn pack(answer: &[u8]) -> Result<Vec<u8>, String> {
    let (mut bytes, mut pack, mut is_pack) = (answer, Vec::new(), false);
    while let Some((line, rest)) = next(bytes)? {
        bytes = rest;
        let Line::Data(data) = line else { continue };
        match (is_pack, data.split_first()) {
            (false, _) if data == b"packfile\n" => is_pack = true,
            (false, _) if data.starts_with(b"ERR ") => return Err(told(&data[4..])),
            (true, Some((1, part))) => pack.extend_from_slice(part),
            (true, Some((3, why))) => return Err(told(why)),
            _ => {}
        }
    }
    if is_pack { Ok(pack) } else { Err("its answer has no pack".to_owned()) }
}

fn told(why: &[u8]) -> String {
    let why: String = String::from_utf8_lossy(why).chars().filter(|c| !c.is_control()).collect();
    format!("its server says: {}", super::super::super::excerpt(why.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(lines: &[&str]) -> Vec<u8> {
        let mut all: Vec<u8> =
            lines.iter().flat_map(|line| format!("{:04x}{line}\n", line.len() + 5).into_bytes()).collect();
        all.extend(b"0000");
        all
    }

    #[test]
    fn a_conversation_is_read() {
        let can = abilities(&answer(&["version 2", "fetch=shallow filter", "object-format=sha1"])).unwrap();
        assert_eq!(can, Abilities { names_format: true, filters: true });
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let refs = answer(&[&format!("{commit} HEAD symref-target:refs/heads/main")]);
        assert_eq!(tip(&refs, None).unwrap(), Tip { commit: commit.into(), branch: "main".into() });
        assert!(tip(&refs, Some("next")).unwrap_err().contains("no branch next"));
        let asked = String::from_utf8(ask_pack(&can, commit)).unwrap();
        assert!(asked.contains(&format!("want {commit}\n")) && asked.contains("deepen 1\n"));
        assert_eq!(
            String::from_utf8(ask_refs(&Abilities::default(), Some("a"))).unwrap(),
            "0014command=ls-refs\n0001000csymrefs\n001cref-prefix refs/heads/a\n0000"
        );
    }

    #[test]
    fn what_is_no_conversation_is_refused() {
        for bad in [&b"00"[..], b"zzzz", b"0003", b"00ffshort", b"\xff\xff\xff\xff", b"<html>"] {
            assert!(abilities(bad).is_err() && pack(bad).is_err(), "{bad:?}");
        }
        assert!(abilities(&answer(&["001e# service=git-upload-pack"])).unwrap_err().contains("version 2"));
        assert!(abilities(&answer(&["version 2", "fetch", "object-format=sha256"])).is_err());
        assert!(tip(&answer(&["--upload-pack=id HEAD"]), None).unwrap_err().contains("no commit"));
        assert!(pack(&answer(&["packfile", "\u{3}go away"])).unwrap_err().contains("go away"));
    }

    proptest::proptest! {
        #[test]
        fn attack_no_bytes_at_all_break_the_reader_of_lines(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200), at in 0..200_usize, byte: u8,
        ) {
            let mut mutated = answer(&["version 2", "fetch=filter", "packfile", "\u{1}PACK", "\u{3}no"]);
            let end = mutated.len();
            mutated[at % end] = byte;
            for bytes in [bytes, mutated] {
                let (_, _) = (abilities(&bytes), tip(&bytes, None));
                if let Ok(pack) = pack(&bytes) {
                    assert!(pack.len() <= bytes.len());
                }
            }
        }
    }
}
