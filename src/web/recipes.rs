//! How each assistant is told of this server, in exactly the form that it reads. Pure: a name and an address in, text
//! out. The tests read every text back by the client's own rule.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

/// How one assistant is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The fragment of the page that leads to it.
    pub id: &'static str,
    /// What people call the client.
    pub client: &'static str,
    /// Links that the client itself opens: what the button says, and the link.
    pub links: Vec<(&'static str, String)>,
    /// Texts to copy: what each is, and the text.
    pub texts: Vec<(&'static str, String)>,
    /// What the person sees next, at most three lines.
    pub next: &'static [&'static str],
    /// What they should know before they try; empty for nothing.
    pub caution: &'static str,
}

/// Every recipe for the MCP endpoint at `url`, which people know as `title`.
pub fn all(title: &str, url: &str) -> Vec<Recipe> {
    let name = key_of(title);
    vec![
        vs_code(&name, url),
        copilot_cli(&name, url),
        claude_code(&name, url),
        claude(url),
        codex(&name, url),
        cursor(&name, url),
        other(url),
    ]
}

/// The name under which a client files this server: camelCase, ASCII, as VS Code asks for.
pub fn key_of(title: &str) -> String {
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut key = String::new();
    for word in words {
        let (first, rest) = word.split_at(1);
        if key.is_empty() {
            key.push_str(&first.to_ascii_lowercase());
        } else {
            key.push_str(&first.to_ascii_uppercase());
        }
        key.push_str(rest);
    }
    if key.starts_with(|c: char| c.is_ascii_alphabetic()) { key } else { format!("mcp{key}") }
}

fn vs_code(name: &str, url: &str) -> Recipe {
    let server = json!({"name": name, "type": "http", "url": url});
    // VS Code reads the whole query as one JSON value; `?name=…&config=…`, seen in many READMEs, is ignored in silence.
    let query = encoded(&server.to_string());
    Recipe {
        id: "vs-code",
        client: "VS Code",
        links: vec![
            ("Add to VS Code", format!("vscode:mcp/install?{query}")),
            ("Add to VS Code Insiders", format!("vscode-insiders:mcp/install?{query}")),
        ],
        texts: vec![
            ("or in a terminal", format!("code --add-mcp '{server}'")),
            (
                "or for everyone in a project, in .vscode/mcp.json",
                pretty(&json!({"servers": {name: {"type": "http", "url": url}}})),
            ),
        ],
        next: &[
            "VS Code shows the server and asks you to install it.",
            "When it starts, VS Code asks whether it may sign in here: choose Allow.",
            "Your browser opens this site once: sign in, read what is asked, and allow it.",
        ],
        caution: "",
    }
}

fn copilot_cli(name: &str, url: &str) -> Recipe {
    let server = json!({"type": "http", "url": url, "tools": ["*"]});
    Recipe {
        id: "copilot-cli",
        client: "GitHub Copilot CLI",
        links: vec![],
        texts: vec![
            ("In a terminal", format!("copilot mcp add --transport http {name} {url}")),
            (
                "or in ~/.copilot/mcp-config.json, or for a project in .mcp.json",
                pretty(&json!({"mcpServers": {name: server}})),
            ),
        ],
        next: &[
            "Start copilot; it says that the server asks you to sign in.",
            "Your browser opens this site once: sign in, read what is asked, and allow it.",
        ],
        caution: "It does not read .vscode/mcp.json.",
    }
}

fn claude_code(name: &str, url: &str) -> Recipe {
    Recipe {
        id: "claude-code",
        client: "Claude Code",
        links: vec![],
        texts: vec![("In a terminal", format!("claude mcp add --transport http {name} {url}"))],
        next: &[
            "Start claude and type /mcp.",
            "Choose this server, then Authenticate.",
            "Your browser opens this site once: sign in, read what is asked, and allow it.",
        ],
        caution: "",
    }
}

fn claude(url: &str) -> Recipe {
    Recipe {
        id: "claude",
        client: "Claude on the web and on the desktop",
        links: vec![],
        texts: vec![("The address for Settings, Connectors, Add custom connector", url.to_owned())],
        next: &[
            "Claude shows the connector; press Connect.",
            "Your browser opens this site once: sign in, read what is asked, and allow it.",
        ],
        caution: "Claude calls from Anthropic's cloud: a server that only your own network reaches cannot be \
                  connected this way. Remote servers in claude_desktop_config.json are ignored.",
    }
}

fn codex(name: &str, url: &str) -> Recipe {
    Recipe {
        id: "codex",
        client: "Codex",
        links: vec![],
        texts: vec![("In a terminal", format!("codex mcp add {name} --url {url}"))],
        next: &["Your browser opens this site once: sign in, read what is asked, and allow it."],
        caution: "",
    }
}

fn cursor(name: &str, url: &str) -> Recipe {
    let config = STANDARD.encode(json!({"url": url}).to_string());
    let link = format!(
        "cursor://anysphere.cursor-deeplink/mcp/install?name={}&config={}",
        encoded(name),
        encoded(&config)
    );
    Recipe {
        id: "cursor",
        client: "Cursor",
        links: vec![("Add to Cursor", link)],
        texts: vec![(
            "or in ~/.cursor/mcp.json, or for a project in .cursor/mcp.json",
            pretty(&json!({"mcpServers": {name: {"url": url}}})),
        )],
        next: &[
            "Cursor shows the server and asks you to install it.",
            "In Settings, MCP it says that the server needs a login: press it.",
            "Your browser opens this site once: sign in, read what is asked, and allow it.",
        ],
        caution: "",
    }
}

fn other(url: &str) -> Recipe {
    Recipe {
        id: "other",
        client: "Any other client",
        links: vec![],
        texts: vec![("The address, for Streamable HTTP with OAuth", url.to_owned())],
        next: &["It finds everything else by itself, and brings you here once to allow it."],
        caution: "Leave fields for a token or a client ID empty.",
    }
}

/// As `encodeURIComponent` does, for texts without spaces: neither JSON as we write it nor base64 has any.
fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    const URL: &str = "https://portal.example:8443/mcp/catalog";

    fn recipe(id: &str) -> Recipe {
        all("Acme: the Portal", URL).into_iter().find(|recipe| recipe.id == id).unwrap()
    }

    fn json_of(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    /// What a POSIX shell makes of a line: words, and quotes that keep one together.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quoted) = (vec![], String::new(), false);
        for c in line.chars() {
            match c {
                '\'' => quoted = !quoted,
                ' ' if !quoted => words.push(std::mem::take(&mut word)),
                c => word.push(c),
            }
        }
        words.push(word);
        words
    }

    #[test]
    fn vs_code_reads_the_whole_query_of_its_link_as_json() {
        for (_, link) in recipe("vs-code").links {
            let url = Url::parse(&link).unwrap();
            assert!(["vscode", "vscode-insiders"].contains(&url.scheme()), "{link}");
            assert_eq!(url.path(), "mcp/install");
            assert!(!url.query().unwrap().contains('+'), "decodeURIComponent leaves a plus sign as it is");
            let (decoded, _) = url::form_urlencoded::parse(url.query().unwrap().as_bytes()).next().unwrap();
            assert_eq!(json_of(&decoded), json!({"name": "acmeThePortal", "type": "http", "url": URL}));
        }
    }

    #[test]
    fn vs_code_finds_the_server_in_its_file_and_on_its_command_line() {
        let texts = recipe("vs-code").texts;
        let line = words(&texts[0].1);
        assert_eq!(line[..2], ["code", "--add-mcp"]);
        assert_eq!(json_of(&line[2])["url"], URL);
        let file = json_of(&texts[1].1);
        assert_eq!(file["servers"]["acmeThePortal"], json!({"type": "http", "url": URL}));
        assert!(file.get("mcpServers").is_none(), "that key is another client's");
    }

    #[test]
    fn copilot_finds_the_server_in_its_file_and_on_its_command_line() {
        let texts = recipe("copilot-cli").texts;
        let line = words(&texts[0].1);
        assert_eq!(line, ["copilot", "mcp", "add", "--transport", "http", "acmeThePortal", URL]);
        let server = &json_of(&texts[1].1)["mcpServers"]["acmeThePortal"];
        assert_eq!(server, &json!({"type": "http", "url": URL, "tools": ["*"]}));
    }

    #[test]
    fn cursor_reads_base64_json_from_its_link() {
        let recipe = recipe("cursor");
        let url = Url::parse(&recipe.links[0].1).unwrap();
        assert_eq!(
            (url.scheme(), url.host_str(), url.path()),
            ("cursor", Some("anysphere.cursor-deeplink"), "/mcp/install")
        );
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        assert_eq!(pairs[0], ("name".to_owned(), "acmeThePortal".to_owned()));
        assert_eq!(pairs[1].0, "config");
        let config = STANDARD.decode(&pairs[1].1).unwrap();
        assert_eq!(json_of(std::str::from_utf8(&config).unwrap()), json!({"url": URL}));
        assert_eq!(json_of(&recipe.texts[0].1)["mcpServers"]["acmeThePortal"], json!({"url": URL}));
    }

    #[test]
    fn terminals_read_the_same_words() {
        let line = words(&recipe("claude-code").texts[0].1);
        assert_eq!(line, ["claude", "mcp", "add", "--transport", "http", "acmeThePortal", URL]);
        assert_eq!(
            words(&recipe("codex").texts[0].1),
            ["codex", "mcp", "add", "acmeThePortal", "--url", URL]
        );
    }

    #[test]
    fn a_key_is_camel_case_whatever_the_title() {
        let keys = [
            ("Postern", "postern"),
            ("Acme Portal", "acmePortal"),
            ("ACME", "aCME"),
            ("a'; rm -rf ~; \"", "aRmRf"),
            ("3rd floor", "mcp3rdFloor"),
            ("門", "mcp"),
            ("", "mcp"),
        ];
        for (title, key) in keys {
            assert_eq!(key_of(title), key, "{title}");
        }
    }

    #[test]
    fn nothing_holds_a_credential() {
        for recipe in all("Acme", URL) {
            for (_, text) in recipe.texts.iter().chain(&recipe.links) {
                assert!(!text.to_ascii_lowercase().contains("authorization"), "{text}");
            }
            assert!((1..=3).contains(&recipe.next.len()), "{}", recipe.client);
        }
    }
}
