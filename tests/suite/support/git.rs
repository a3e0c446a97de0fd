//! Repositories made by git, served by git's own server (`git http-backend`) over the test's TLS.

use std::path::Path;
use std::process::{Command, Stdio};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Makes, or adds a commit to, the repository `folder`, with these files in place of all others. Gives the commit's id.
pub fn commit(folder: &Path, files: &[(&str, &str)]) -> String {
    if !folder.exists() {
        std::fs::create_dir_all(folder).unwrap();
        git(folder, &["init", "-q", "-b", "main"]);
    }
    git(folder, &["rm", "-rqf", "--ignore-unmatch", "."]);
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    git(folder, &["add", "-A", "-f"]);
    git(folder, &["commit", "-qm", "x", "--allow-empty"]);
    git(folder, &["rev-parse", "HEAD"])
}

/// Runs git in `folder`, knowing nothing of whoever runs the test.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(folder).env_clear().env("PATH", std::env::var("PATH").unwrap());
    command.env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Ada").env(format!("GIT_{who}_EMAIL"), "ada@acme.dev");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Answers one request for a repository in `folder`, as a web server with CGI does.
pub async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    folder: &Path,
    head: &str,
) -> std::io::Result<()> {
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await?;
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut server = tokio::process::Command::new("git");
    server.args(["-c", "safe.directory=*", "http-backend"]);
    server.env_clear().env("PATH", std::env::var("PATH").unwrap_or_default()).env("HOME", folder);
    server.env("GIT_PROJECT_ROOT", folder).env("GIT_HTTP_EXPORT_ALL", "1");
    server.env("REQUEST_METHOD", method).env("QUERY_STRING", query);
    server.env("PATH_INFO", path.strip_prefix("/git").unwrap_or(path));
    server.env("CONTENT_TYPE", header("content-type").unwrap_or_default());
    server.env("CONTENT_LENGTH", body.len().to_string());
    server.env("GIT_PROTOCOL", header("git-protocol").unwrap_or_default());
    server
        .env("GIT_CONFIG_COUNT", "2")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*");
    server.env("GIT_CONFIG_KEY_1", "uploadpack.allowFilter").env("GIT_CONFIG_VALUE_1", "true");
    let mut server = server.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    if let Some(mut input) = server.stdin.take() {
        input.write_all(&body).await?;
    }
    let output = server.wait_with_output().await?.stdout;
    let end = output.windows(4).position(|part| part == b"\r\n\r\n").unwrap_or(0);
    let lines = String::from_utf8_lossy(&output[..end]).into_owned();
    let status = lines.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK").to_owned();
    let answer = format!("HTTP/1.1 {status}\r\n{lines}\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await?;
    stream.write_all(output.get(end + 4..).unwrap_or_default()).await?;
    stream.shutdown().await
}
