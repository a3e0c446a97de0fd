//! Descriptors at the test's https host, and whoever registers them.

use std::sync::Arc;

use postern::actions::Caller;
use postern::actions::turn::Turn;
use postern::ops::refresh;
use serde_json::Value;

use super::World;

/// The URL of a path of the host.
pub fn url(path: &str) -> String {
    format!("https://client.example{path}")
}

/// The descriptor of a component.
pub fn component(name: &str) -> String {
    format!(
        "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {{name: {name}}}\nspec: {{type: service, lifecycle: production, owner: team}}\n"
    )
}

/// The descriptor of a Location.
pub fn location(name: &str, targets: &[&str]) -> String {
    format!(
        "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {{name: {name}}}\nspec: {{targets: {targets:?}}}\n"
    )
}

impl World {
    /// Whether the catalog has the entity.
    pub fn has(&self, reference: &str) -> bool {
        self.app.catalog.index().get(reference).is_some()
    }

    /// Looks at every source, some time after the last look.
    pub async fn look(&self) {
        self.clock.advance(600);
        refresh::look(&self.app, true).await;
    }

    /// Calls an action as Ada.
    pub async fn act(&self, action: &str, arguments: Value) -> Result<Value, String> {
        let caller = Caller {
            subject: "ada".into(),
            username: "ada@acme.dev".into(),
            is_user: true,
            client_id: "c".into(),
            grant_id: "g".into(),
            scopes: "catalog:read catalog:write".parse().unwrap(),
            resource: "http://localhost:8787/mcp".into(),
            restrictions: None,
            rights: None,
        };
        let action = self.app.actions.find(action).unwrap();
        let valid = jsonschema::validator_for(&action.input).unwrap();
        assert!(valid.is_valid(&arguments), "{arguments}");
        let outcome = (action.run)(Turn::plain(Arc::new(caller)), arguments).await;
        let outcome = outcome.map_err(|error| error.to_string())?;
        let valid = jsonschema::validator_for(&action.output).unwrap();
        assert!(valid.is_valid(&outcome), "{outcome}");
        Ok(outcome)
    }

    /// The sentences of everything that is wrong with descriptors.
    pub fn problems(&self) -> String {
        self.app.catalog.problems().iter().map(|it| format!("{}: {}\n", it.place.file, it.message)).collect()
    }
}
