//! The MCP servers of this platform: which part of the registry each shows, and which protected resources they are.

use std::sync::Arc;

use super::scopes;
use crate::actions::{Action, Registry};
use crate::config::{Config, PublicUrl};
use crate::oauth::resource::{Resource, Resources};
use crate::oauth::scope::ScopeSet;

/// Where the transport of MCP 2024-11-05 is, where it is on. Clients call this URL, so it is a resource of its own.
pub const SSE_PATH: &str = "/sse";

/// One MCP server: a part of the registry, under a name and in its own words.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its place under `/mcp/`; `None` for the one that shows everything.
    pub name: Option<String>,
    /// The name people see.
    pub title: String,
    /// What models read when they connect; `None` for what every server says.
    pub instructions: Option<String>,
    /// What it shows. Nothing else exists at it: a call of another action is a call of an unknown tool.
    pub actions: Arc<Registry>,
    /// Where it is, under the public URL. Each path is a resource of its own, since a token is for the URL that was
    /// called (RFC 8707): `/mcp/{name}` first, then the path that Backstage has for the same.
    pub paths: Vec<String>,
}

impl Server {
    /// The one that shows everything.
    pub fn whole(config: &Config, actions: &Arc<Registry>) -> Self {
        let mut paths = vec!["/mcp".to_owned(), "/api/mcp-actions/v1".to_owned()];
        if config.mcp_sse {
            paths.push(SSE_PATH.to_owned());
        }
        Self {
            name: None,
            title: config.title.clone(),
            instructions: None,
            actions: Arc::clone(actions),
            paths,
        }
    }

    /// What a newcomer is asked for: all that only reads here.
    pub fn baseline(&self) -> ScopeSet {
        scopes::baseline(self.all())
    }

    /// Every scope that can be asked for here.
    pub fn scopes(&self) -> ScopeSet {
        scopes::supported(self.all())
    }

    fn all(&self) -> impl Iterator<Item = &Action> {
        self.actions.all().iter().map(AsRef::as_ref)
    }
}

/// Every server: the whole one first, then the named ones. One that comes with the house and shows nothing is left out;
/// one that an operator wrote is not, since its silence would be puzzling.
pub fn servers(config: &Config, actions: &Arc<Registry>) -> Vec<Server> {
    let mut all = vec![Server::whole(config, actions)];
    for named in &config.servers {
        let shown = actions.part(|action| named.filter.shows(action));
        if named.is_built_in && shown.all().is_empty() {
            continue;
        }
        all.push(Server {
            name: Some(named.name.clone()),
            title: named.title.clone(),
            instructions: named.instructions.clone(),
            actions: Arc::new(shown),
            paths: vec![format!("/mcp/{}", named.name), format!("/api/mcp-actions/v1/{}", named.name)],
        });
    }
    all
}

/// The protected resources that `servers` are. The default comes first, the others in order of server.
pub fn resources(public_url: &PublicUrl, servers: &[Server]) -> Resources {
    let of = |server: &Server| {
        let (scopes, baseline) = (server.scopes(), server.baseline());
        let one = |path: &String| Resource {
            identifier: public_url.at(path),
            path: path.clone(),
            title: server.title.clone(),
            scopes: scopes.clone(),
            baseline: baseline.clone(),
        };
        server.paths.iter().map(one).collect::<Vec<_>>()
    };
    Resources::new(servers.iter().flat_map(of).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::actions::Effect;
    use crate::config::{Flags, Raw};

    fn action(id: &str, effect: Effect, scope: &str) -> Action {
        Action {
            id: id.into(),
            title: String::new(),
            description: String::new(),
            input: Arc::new(json!({"type": "object"})),
            output: Arc::new(json!({"type": "object"})),
            effect,
            idempotent: true,
            scope: Some(scope.into()),
            permission: None,
            aliases: vec![format!("{id}-alias")],
            run: Arc::new(|_, _| Box::pin(async { Ok(json!({})) })),
        }
    }

    fn world(set: &[(&str, &str)]) -> (Vec<Server>, Resources) {
        let set = set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let config = Config::from_raw(&Raw::read(&Flags { file: None, set }, |_| None).unwrap()).unwrap();
        let registry = Registry::new(vec![
            action("catalog:get", Effect::Read, "catalog:read"),
            action("catalog:register", Effect::Change, "catalog:write"),
            action("scaffolder:list", Effect::Read, "scaffolder:read"),
        ]);
        let servers = servers(&config, &Arc::new(registry.unwrap()));
        let resources = resources(&config.public_url, &servers);
        (servers, resources)
    }

    #[test]
    fn a_server_of_the_house_without_actions_is_not_shown_and_an_operators_is() {
        let (servers, _) = world(&[("mcp.servers", r#"{"empty": {"include": "nothing:*"}}"#)]);
        let names: Vec<_> = servers.iter().map(|server| server.name.as_deref()).collect();
        assert_eq!(names, [None, Some("catalog"), Some("empty"), Some("templates")]);
    }

    #[test]
    fn each_path_is_a_resource_with_the_scopes_of_what_it_shows() {
        let (_, resources) = world(&[]);
        assert_eq!(resources.identifiers()[0], "http://localhost:8787/mcp");
        let table: Vec<_> =
            resources.all().iter().map(|r| (r.path.as_str(), r.baseline.to_string())).collect();
        assert_eq!(
            table,
            [
                ("/mcp", "catalog:read scaffolder:read".to_owned()),
                ("/api/mcp-actions/v1", "catalog:read scaffolder:read".to_owned()),
                ("/mcp/catalog", "catalog:read".to_owned()),
                ("/api/mcp-actions/v1/catalog", "catalog:read".to_owned()),
                ("/mcp/templates", "scaffolder:read".to_owned()),
                ("/api/mcp-actions/v1/templates", "scaffolder:read".to_owned()),
            ]
        );
        let catalog = resources.at("/mcp/catalog").unwrap();
        assert!(catalog.scopes.contains("catalog:write") && !catalog.scopes.contains("scaffolder:read"));
        assert!(
            resources.at("/mcp/").is_none() && resources.find("http://localhost:8787/mcp/none").is_none()
        );
    }

    #[test]
    fn what_a_server_does_not_show_no_name_finds_there() {
        let (servers, _) = world(&[]);
        let templates = &servers[2].actions;
        assert!(
            templates.find("scaffolder_list").is_some() && templates.find("scaffolder:list-alias").is_some()
        );
        for name in ["catalog:get", "catalog_get", "catalog.get", "catalog:get-alias"] {
            assert!(templates.find(name).is_none() && servers[0].actions.find(name).is_some(), "{name}");
        }
    }
}
