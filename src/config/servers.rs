//! Named MCP servers as the configuration says them: `mcp.servers.NAME`, or Backstage's `mcpActions.servers.NAME`.

use serde_json::{Map, Value, json};

use super::{ConfigError, Raw};
use crate::actions::filter::{Filter, Rule};
use crate::limits;

/// A named MCP server, before it is known which actions exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedServer {
    /// Its place under `/mcp/`.
    pub name: String,
    /// What people see.
    pub title: String,
    /// What models read when they connect; `None` for what every server says.
    pub instructions: Option<String>,
    /// Which actions it shows.
    pub filter: Filter,
    /// Whether it comes with the house: then it is not shown where none of its actions exists.
    pub is_built_in: bool,
}

/// The servers that come configured: name, title, patterns of their actions, instructions.
const BUILT_IN: [(&str, &str, &[&str], &str); 4] = [
    (
        "catalog",
        "Software catalog",
        &["catalog:*", "auth:who-am-i"],
        "The software catalog: components, systems, resources, and who owns them. Look things up before you answer \
         from memory.",
    ),
    (
        "apis",
        "APIs",
        &["api:*", "apis:*", "api-docs:*", "catalog:get-entity-apis"],
        "The APIs of this platform: find one, read its definition, then write code against what it says.",
    ),
    (
        "templates",
        "Software templates",
        &["scaffolder:*"],
        "Software templates: read what a template asks for before you run it, and watch its task to the end.",
    ),
    (
        "insights",
        "Insights",
        &["insights:*", "scorecards:*", "tech-insights:*"],
        "Facts and scorecards of what runs here: name the entity, then say what stands well and what does not.",
    ),
];

/// Every named server, in order of name.
///
/// # Errors
/// [`ConfigError`] that names the server and the part.
pub fn read(raw: &Raw) -> Result<Vec<NamedServer>, ConfigError> {
    let mut servers = Vec::new();
    if raw.boolean("mcp.default_servers")? {
        servers.extend(BUILT_IN.iter().map(built_in).collect::<Result<Vec<_>, _>>().map_err(ConfigError)?);
    }
    for key in ["mcpActions.servers", "mcp.servers"] {
        let Some(document) = raw.document(key)? else { continue };
        let wrong = |why: String| ConfigError(format!("{key} ({}): {why}", raw.origin(key)));
        let table =
            document.as_object().ok_or_else(|| wrong("a table of servers by name is wanted".into()))?;
        if table.len() > limits::SERVERS_MAX {
            return Err(wrong(format!(
                "{} servers, at most {} are served",
                table.len(),
                limits::SERVERS_MAX
            )));
        }
        for (name, settings) in table {
            let server = named(name, settings).map_err(|why| wrong(format!("{name}: {why}")))?;
            // What an operator says of a name replaces what the house says of it.
            servers.retain(|known: &NamedServer| known.name != server.name);
            servers.push(server);
        }
    }
    servers.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(servers)
}

fn built_in((name, title, ids, instructions): &(&str, &str, &[&str], &str)) -> Result<NamedServer, String> {
    Ok(NamedServer {
        name: (*name).to_owned(),
        title: (*title).to_owned(),
        instructions: Some((*instructions).to_owned()),
        filter: Filter {
            include: ids.iter().map(|id| Rule::word(id)).collect::<Result<_, _>>()?,
            exclude: Vec::new(),
        },
        is_built_in: true,
    })
}

fn named(name: &str, settings: &Value) -> Result<NamedServer, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty()
        || name.len() > limits::SERVER_NAME_BYTES_MAX
        || name.starts_with('-')
        || !name.chars().all(fits)
    {
        return Err("a name matches ^[a-z0-9][a-z0-9-]{0,63}$, since it is part of a URL".into());
    }
    let settings = settings.as_object().ok_or("a table is wanted")?;
    let mut server = NamedServer {
        name: name.to_owned(),
        title: name.to_owned(),
        instructions: None,
        filter: Filter::default(),
        is_built_in: false,
    };
    let mut description = None;
    for (key, value) in settings {
        match key.as_str() {
            // Backstage calls it `name`.
            "title" | "name" => server.title = text(key, value)?,
            "instructions" => server.instructions = Some(text(key, value)?),
            "description" => description = Some(text(key, value)?),
            "include" => server.filter.include = rules(key, value)?,
            "exclude" => server.filter.exclude = rules(key, value)?,
            "filter" => server.filter = filter(value)?,
            other => {
                return Err(format!(
                    "there is no {other}: title, instructions, description, include, exclude or filter"
                ));
            }
        }
    }
    server.instructions = server.instructions.or(description);
    Ok(server)
}

fn filter(value: &Value) -> Result<Filter, String> {
    let none = Map::new();
    let table = if value.is_null() { &none } else { value.as_object().ok_or("filter: a table is wanted")? };
    let mut filter = Filter::default();
    for (key, value) in table {
        match key.as_str() {
            "include" => filter.include = rules(key, value)?,
            "exclude" => filter.exclude = rules(key, value)?,
            other => return Err(format!("filter has no {other}: include or exclude")),
        }
    }
    Ok(filter)
}

fn rules(key: &str, value: &Value) -> Result<Vec<Rule>, String> {
    Rule::parse_all(value).map_err(|why| format!("{key}: {why}"))
}

fn text(key: &str, value: &Value) -> Result<String, String> {
    let text = value.as_str().ok_or_else(|| format!("{key}: a text is wanted"))?.trim();
    if text.is_empty()
        || text.len() > limits::SERVER_TEXT_BYTES_MAX
        || text.chars().any(|c| c.is_control() && c != '\n')
    {
        return Err(format!("{key}: 1 to {} bytes of text", limits::SERVER_TEXT_BYTES_MAX));
    }
    Ok(text.to_owned())
}

/// The rules of a key that holds a list: words with commas between, or a list of rules.
///
/// # Errors
/// [`ConfigError`] with the key and the rule.
pub fn rule_list(raw: &Raw, key: &str) -> Result<Vec<Rule>, ConfigError> {
    let value = match raw.document(key) {
        Ok(Some(document @ Value::Array(_))) => document,
        _ => json!(raw.list(key)),
    };
    Rule::parse_all(&value).map_err(|why| ConfigError(format!("{key} ({}): {why}", raw.origin(key))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Flags};

    fn from_file(text: &str) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("postern.toml");
        std::fs::write(&file, text).unwrap();
        let raw = Raw::read(&Flags { file: Some(file), set: vec![] }, |_| None).map_err(|e| e.to_string())?;
        Config::from_raw(&raw).map_err(|e| e.to_string())
    }

    fn names(config: &Config) -> Vec<&str> {
        config.servers.iter().map(|server| server.name.as_str()).collect()
    }

    #[test]
    fn four_servers_come_configured_and_can_be_left_out() {
        assert_eq!(names(&from_file("").unwrap()), ["apis", "catalog", "insights", "templates"]);
        assert!(from_file("[mcp]\ndefault_servers = false").unwrap().servers.is_empty());
    }

    #[test]
    fn a_server_is_said_in_a_few_lines_and_replaces_one_of_the_house() {
        let config = from_file(
            "[mcp.servers.ops]\ntitle = \"Operations\"\ninstructions = \"Ask first.\"\ninclude = [\"catalog:*\", \
             { plugin = \"scaffolder\", effect = \"read\" }]\nexclude = [\"effect:delete\"]\n\
             [mcp.servers.catalog]\ntitle = \"Ours\"\n",
        )
        .unwrap();
        assert_eq!(names(&config), ["apis", "catalog", "insights", "ops", "templates"]);
        let ops = &config.servers[3];
        assert_eq!((ops.title.as_str(), ops.instructions.as_deref()), ("Operations", Some("Ask first.")));
        assert_eq!((ops.filter.include.len(), ops.filter.exclude.len()), (2, 1));
        assert!(config.servers[1].title == "Ours" && !config.servers[1].is_built_in);
    }

    #[test]
    fn backstages_shape_is_understood_as_it_stands() {
        let config = from_file(
            "[mcpActions.servers.catalog]\nname = \"Catalog\"\ndescription = \"Reads the catalog\"\n\
             [mcpActions.servers.catalog.filter]\ninclude = [{ id = \"catalog:*\" }]\n\
             exclude = [{ attributes = { destructive = true } }]\n",
        )
        .unwrap();
        let catalog = &config.servers[1];
        assert_eq!((catalog.name.as_str(), catalog.title.as_str()), ("catalog", "Catalog"));
        assert_eq!(catalog.instructions.as_deref(), Some("Reads the catalog"));
        assert!(catalog.filter.include[0].id.is_some() && !catalog.filter.exclude[0].effects.is_empty());
    }

    #[test]
    fn what_cannot_be_a_server_says_why() {
        for (bad, word) in [
            ("[mcp.servers.Ops]\n", "matches"),
            ("[mcp.servers.-a]\n", "matches"),
            ("[mcp.servers.a]\ntitel = \"x\"\n", "titel"),
            ("[mcp.servers.a]\ninclude = [\"[a-z]*\"]\n", "pattern"),
            ("[mcp.servers.a]\ninclude = [\"effect:none\"]\n", "effect"),
            ("[mcp.servers.a]\ntitle = 7\n", "title"),
            ("[mcp]\nservers = 7\n", "servers"),
            ("[mcp]\nsevers = 7\n", "did you mean"),
        ] {
            let error = from_file(bad).unwrap_err();
            assert!(error.contains(word), "{bad}: {error}");
        }
    }
}
