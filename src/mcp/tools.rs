//! Actions as MCP shows them: names, annotations, schemas, and the list that one caller sees.

use std::collections::HashMap;
use std::sync::Arc;

use moka::sync::Cache;
use rmcp::model::{Tool, ToolAnnotations};
use serde_json::Value;

use super::icons;
use crate::access;
use crate::actions::arguments::Arguments;
use crate::actions::{Action, Caller, Effect, Registry, dotted_name, safe_name};
use crate::config::ToolNames;
use crate::limits;
use crate::oauth::scope::ScopeSet;

/// One action, ready to be listed and called.
#[derive(Debug)]
pub struct Offered {
    /// The action.
    pub action: Arc<Action>,
    /// Its id, as every record of a call shares it.
    pub id: Arc<str>,
    /// Its input schema, compiled.
    pub arguments: Arguments,
    /// Whether clients repeat some arguments in headers (`x-mcp-header`, SEP-2243).
    pub repeats_in_headers: bool,
    tool: Tool,
}

impl Offered {
    /// As lists show it.
    pub fn tool(&self) -> &Tool {
        &self.tool
    }
}

/// An action that cannot be shown as a tool.
#[derive(Debug, thiserror::Error)]
#[error("the action {action} cannot be a tool: {why}")]
pub struct NotATool {
    /// Which.
    pub action: String,
    /// Why not.
    pub why: String,
}

/// Every tool of this server, fixed at start.
#[derive(Debug)]
pub struct Tools {
    registry: Arc<Registry>,
    offered: Vec<Arc<Offered>>,
    by_id: HashMap<String, usize>,
    /// One list a set of scopes: most callers hold one of a few.
    lists: Cache<ScopeSet, Arc<Vec<Tool>>>,
    /// The same for each person's rights, while a policy is published.
    ruled: Cache<(u64, ScopeSet), Arc<Vec<Tool>>>,
}

impl Tools {
    /// Prepares every action of `registry`, named as `names` says.
    ///
    /// # Errors
    /// [`NotATool`]. One bad tool stops the start: clients that meet it in a list drop the whole list.
    pub fn new(registry: Arc<Registry>, names: ToolNames) -> Result<Self, NotATool> {
        let offer = |action: &Arc<Action>| {
            let not_a_tool = |why: String| NotATool { action: action.id.clone(), why };
            let arguments = Arguments::compile(action).map_err(not_a_tool)?;
            let tool = tool(action, names).map_err(not_a_tool)?;
            let repeats_in_headers = action.input.to_string().contains("\"x-mcp-header\"");
            let id = action.id.as_str().into();
            let action = Arc::clone(action);
            Ok(Arc::new(Offered { action, id, arguments, repeats_in_headers, tool }))
        };
        let offered = registry.all().iter().map(offer).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::of(registry, offered))
    }

    /// The part of these tools that `registry`, a part of theirs, names: prepared once, shown at several servers.
    #[must_use]
    pub fn part(&self, registry: Arc<Registry>) -> Self {
        let has = |offered: &&Arc<Offered>| registry.find(&offered.action.id).is_some();
        let offered = self.offered.iter().filter(has).cloned().collect();
        Self::of(registry, offered)
    }

    fn of(registry: Arc<Registry>, offered: Vec<Arc<Offered>>) -> Self {
        let by_id = offered.iter().enumerate().map(|(index, o)| (o.action.id.clone(), index)).collect();
        Self {
            registry,
            offered,
            by_id,
            lists: Cache::new(limits::MCP_LISTS_MAX),
            ruled: Cache::new(limits::MCP_LISTS_MAX),
        }
    }

    /// The tool that answers to `name` in any of its forms.
    pub fn find(&self, name: &str) -> Option<&Arc<Offered>> {
        self.registry
            .find(name)
            .and_then(|action| self.by_id.get(&action.id))
            .map(|&index| &self.offered[index])
    }

    /// The same, unless it does not exist for `caller`.
    pub fn find_for(&self, caller: &Caller, name: &str) -> Option<&Arc<Offered>> {
        self.find(name).filter(|offered| access::decide(caller, &offered.action).exists())
    }

    /// Every tool, in order of id.
    pub fn all(&self) -> impl Iterator<Item = &Offered> {
        self.offered.iter().map(AsRef::as_ref)
    }

    /// What `caller` may call, in order of id: the same answer as a call would give, tool by tool.
    pub fn list(&self, caller: &Caller) -> Arc<Vec<Tool>> {
        let list = || {
            let allowed =
                self.offered.iter().filter(|offered| access::decide(caller, &offered.action).allows());
            Arc::new(allowed.map(|offered| offered.tool.clone()).collect())
        };
        // Few tokens are restricted, and each in its own way.
        match &caller.rights {
            _ if caller.restrictions.is_some() => list(),
            Some(rights) => self.ruled.get_with((rights.id, caller.scopes.clone()), list),
            None => self.lists.get_with_by_ref(&caller.scopes, list),
        }
    }
}

fn tool(action: &Action, names: ToolNames) -> Result<Tool, String> {
    let name = match names {
        ToolNames::Safe => safe_name(&action.id),
        ToolNames::Dotted => dotted_name(&action.id),
        ToolNames::Id => action.id.clone(),
    };
    let fits = |c: char| {
        c.is_ascii_alphanumeric() || c == '-' || c == '_' || names != ToolNames::Safe && ".:".contains(c)
    };
    // Claude drops a whole list over one longer name.
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        return Err(format!("the name {name:?} does not match ^[a-zA-Z0-9_-]{{1,64}}$"));
    }
    let schema = |schema: &Value| match schema {
        Value::Object(map) if map.get("type").and_then(Value::as_str) == Some("object") => {
            Some(Arc::new(map.clone()))
        }
        _ => None,
    };
    let input = schema(&action.input).ok_or("the root of its input schema is not of type object")?;
    let mut tool = Tool::new(name, action.description.clone(), input)
        .with_title(action.title.clone())
        .with_annotations(annotations(action))
        .with_icons(vec![icons::of(&action.id)]);
    // Before 2026-07-28 an output schema is an object too. Without one, the answer is merely not described.
    if let Some(output) = schema(&action.output) {
        tool = tool.with_raw_output_schema(output);
    }
    Ok(tool)
}

fn annotations(action: &Action) -> ToolAnnotations {
    ToolAnnotations::with_title(action.title.clone())
        .read_only(action.effect == Effect::Read)
        .destructive(action.effect == Effect::Delete)
        .idempotent(action.idempotent)
        .open_world(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn action(id: &str, effect: Effect, scope: Option<&str>) -> Action {
        Action {
            id: id.into(),
            title: format!("Title of {id}"),
            description: "What it does.".into(),
            input: Arc::new(json!({"type": "object", "additionalProperties": false})),
            output: Arc::new(json!({"type": "object"})),
            effect,
            idempotent: effect != Effect::Delete,
            scope: scope.map(str::to_owned),
            permission: None,
            aliases: vec![format!("alias-of-{id}")],
            run: Arc::new(|_, _| Box::pin(async { Ok(json!({})) })),
        }
    }

    fn tools(names: ToolNames) -> Tools {
        let registry = Registry::new(vec![
            action("catalog:register-entity", Effect::Change, Some("catalog:write")),
            action("catalog:get-entity", Effect::Read, Some("catalog:read")),
            action("auth:who-am-i", Effect::Read, None),
            action("scaffolder:delete", Effect::Delete, Some("scaffolder:run")),
        ]);
        Tools::new(Arc::new(registry.unwrap()), names).unwrap()
    }

    fn caller(scopes: &str) -> Caller {
        Caller {
            subject: "u".into(),
            username: "u".into(),
            is_user: true,
            client_id: "c".into(),
            grant_id: "g".into(),
            scopes: scopes.parse().unwrap(),
            resource: "r".into(),
            restrictions: None,
            rights: None,
        }
    }

    fn names(tools: &Tools, scopes: &str) -> Vec<String> {
        tools.list(&caller(scopes)).iter().map(|tool| tool.name.to_string()).collect()
    }

    #[test]
    fn a_list_is_what_the_caller_may_call_in_one_order() {
        let tools = tools(ToolNames::Safe);
        assert_eq!(names(&tools, ""), ["auth_who-am-i"]);
        assert_eq!(names(&tools, "catalog:read"), ["auth_who-am-i", "catalog_get-entity"]);
        let all = ["auth_who-am-i", "catalog_get-entity", "catalog_register-entity", "scaffolder_delete"];
        assert_eq!(names(&tools, "scaffolder:run catalog:write"), all);
    }

    #[test]
    fn what_is_listed_can_be_called_and_nothing_else() {
        let tools = tools(ToolNames::Dotted);
        for scopes in
            ["", "openid", "catalog:read", "catalog:write", "scaffolder:run", "catalog:read scaffolder:run"]
        {
            let listed = names(&tools, scopes);
            for offered in &tools.offered {
                let callable = access::decide(&caller(scopes), &offered.action).allows();
                assert_eq!(
                    listed.contains(&dotted_name(&offered.action.id)),
                    callable,
                    "{scopes} {offered:?}"
                );
            }
        }
    }

    #[test]
    fn every_name_finds_the_tool_however_tools_are_listed() {
        for style in [ToolNames::Safe, ToolNames::Dotted, ToolNames::Id] {
            let tools = tools(style);
            for name in [
                "catalog_get-entity",
                "catalog.get-entity",
                "catalog:get-entity",
                "alias-of-catalog:get-entity",
            ] {
                assert_eq!(tools.find(name).unwrap().action.id, "catalog:get-entity");
            }
            assert!(tools.find("catalog_get_entity").is_none() && tools.find("").is_none());
        }
        assert_eq!(names(&tools(ToolNames::Dotted), "catalog:read")[1], "catalog.get-entity");
        assert_eq!(names(&tools(ToolNames::Id), "catalog:read")[1], "catalog:get-entity");
    }

    #[test]
    fn annotations_say_what_the_action_does_to_the_world() {
        let table: Vec<_> = tools(ToolNames::Safe)
            .list(&caller("catalog:write scaffolder:run"))
            .iter()
            .map(|tool| {
                let hints = tool.annotations.clone().unwrap();
                let flags = [
                    hints.read_only_hint,
                    hints.destructive_hint,
                    hints.idempotent_hint,
                    hints.open_world_hint,
                ];
                (tool.name.to_string(), flags.map(Option::unwrap))
            })
            .collect();
        assert_eq!(
            table,
            [
                ("auth_who-am-i".to_owned(), [true, false, true, false]),
                ("catalog_get-entity".to_owned(), [true, false, true, false]),
                ("catalog_register-entity".to_owned(), [false, false, true, false]),
                ("scaffolder_delete".to_owned(), [false, true, false, false]),
            ]
        );
    }

    #[test]
    fn a_name_that_some_client_would_refuse_stops_the_start() {
        for id in
            ["catalog:with space", "catalog:ünïcode", &format!("catalog:{}", "x".repeat(60)), "catalog:a.b"]
        {
            let registry = Arc::new(Registry::new(vec![action(id, Effect::Read, None)]).unwrap());
            assert!(Tools::new(registry, ToolNames::Safe).is_err(), "{id}");
        }
    }
}
