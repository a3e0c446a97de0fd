//! Actions of one's own, from types: the schemas are those of the types, and arguments arrive read.
//!
//! `examples/authoring.rs` is one in fifteen lines.

use std::future::Future;
use std::sync::Arc;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::turn::Turn;
use super::{Action, ActionError, Effect};

/// What somebody adds to a server: actions, and a sentence for people for each scope that only they need. Such actions
/// are named, filtered, scoped, guarded and audited as the built-in ones are.
#[derive(Clone, Debug, Default)]
pub struct Plugin {
    /// The actions.
    pub actions: Vec<Action>,
    /// Scopes with what allowing them means, as the end of "Postern will let it …". A scope of the house keeps its own.
    pub scopes: Vec<(String, String)>,
}

impl Action {
    /// An action that takes an `I` and gives an `O`. It counts as one that may delete, and asks for no scope, until it
    /// says otherwise: [`Action::effect`], [`Action::scope`], [`Action::permission`].
    ///
    /// `id` is `plugin:name`, verb first; `description` is what a model reads to decide whether to call it. The comments on
    /// the fields of `I` describe the arguments.
    pub fn typed<I, O, R>(
        id: &str,
        title: &str,
        description: &str,
        run: impl Fn(Turn, I) -> R + Send + Sync + 'static,
    ) -> Self
    where
        I: DeserializeOwned + JsonSchema,
        O: Serialize + JsonSchema,
        R: Future<Output = Result<O, ActionError>> + Send + 'static,
    {
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            description: description.to_owned(),
            input: Arc::new(schema::<I>(true)),
            output: Arc::new(schema::<O>(false)),
            effect: Effect::default(),
            idempotent: false,
            scope: None,
            permission: None,
            aliases: Vec::new(),
            run: Arc::new(move |turn, arguments| {
                // The schema let them through; what a type asks for besides is told like any other fault of arguments.
                match serde_json::from_value::<I>(arguments) {
                    Err(why) => Box::pin(std::future::ready(Err(ActionError::InvalidInput(why.to_string())))),
                    Ok(input) => {
                        let running = run(turn, input);
                        Box::pin(async move {
                            let output = running.await?;
                            serde_json::to_value(output).map_err(|error| ActionError::Fault(error.into()))
                        })
                    }
                }
            }),
        }
    }

    /// With what it does to the world. What only reads can be done again.
    #[must_use]
    pub fn effect(self, effect: Effect) -> Self {
        Self { effect, idempotent: effect == Effect::Read, ..self }
    }

    /// With the scope that a token needs for it.
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        Self { scope: Some(scope.to_owned()), ..self }
    }

    /// With the permission that the policy is asked for.
    #[must_use]
    pub fn permission(self, permission: &str) -> Self {
        Self { permission: Some(permission.to_owned()), ..self }
    }
}

/// The schema of a type, closed where it is that of arguments: a misspelt one is told and not ignored.
fn schema<T: JsonSchema>(is_closed: bool) -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = false;
    let schema: Schema = settings.into_generator().into_root_schema_for::<T>();
    let mut schema = schema.to_value();
    if let Some(root) = schema.as_object_mut() {
        root.entry("type").or_insert(json!("object"));
        root.shift_remove("title");
        if is_closed {
            root.entry("properties").or_insert(json!({}));
            root.entry("additionalProperties").or_insert(json!(false));
        }
    }
    schema
}
