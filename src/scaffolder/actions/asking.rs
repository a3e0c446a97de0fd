//! `scaffolder:execute-template`: what is missing is asked for where the client can show a form.

use serde_json::{Map, Value, json};

use super::super::parameters::{self, Fault};
use super::super::tasks::{self, Wish};
use super::super::template::Template;
use super::{House, members, text};
use crate::actions::question::Ability;
use crate::actions::turn::Turn;
use crate::actions::{ActionError, Outcome};

/// Runs a template.
pub async fn execute(house: House, turn: Turn, arguments: Value) -> Outcome {
    let template = tasks::template(&house, turn.caller(), text(&arguments, "templateRef")).await?;
    let given = members(&arguments, "values");
    let values = match parameters::accept(&template, &given) {
        Ok(values) => values,
        Err(faults) => ask(&turn, &template, given, &faults).await?,
    };
    let secrets = members(&arguments, "secrets");
    let id = tasks::begin(&house, &turn, Wish { template: &template, values, secrets }).await?;
    Ok(json!({"taskId": id}))
}

/// Asks for the values that are missing. What is wrong otherwise is the model's to mend.
async fn ask(
    turn: &Turn,
    template: &Template,
    mut given: Map<String, Value>,
    faults: &[Fault],
) -> Result<Map<String, Value>, ActionError> {
    let told = |faults: &[Fault]| {
        let all: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let reference = &template.reference;
        ActionError::InvalidInput(format!(
            "these values do not fit {reference}: {}. scaffolder:get-template-parameters tells what it needs",
            all.join("; ")
        ))
    };
    let Some(schema) = form(template, faults) else { return Err(told(faults)) };
    let talk = turn.talk()?;
    if !talk.can(Ability::Form) {
        return Err(told(faults));
    }
    let message =
        format!("The template \"{}\" needs a few more values.", crate::catalog::excerpt(&template.title));
    let answer = talk.form("values", &message, schema).await?.accepted()?;
    given.extend(answer.as_object().cloned().unwrap_or_default());
    parameters::accept(template, &given).map_err(|faults| told(&faults))
}

/// A flat form of what is missing: `None` where something is wrong that no form can mend, or where a value is not plain
/// enough for one. What a person keeps to themselves is never asked for so (MCP 2026-07-28, elicitation).
fn form(template: &Template, faults: &[Fault]) -> Option<Value> {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for fault in faults {
        if !fault.message.starts_with("is required") {
            return None;
        }
        let said = template.pages.iter().find_map(|page| page["properties"].get(&fault.field))?;
        if parameters::is_secret(said) {
            return None;
        }
        let kind = said["type"].as_str().unwrap_or("string");
        if !["string", "integer", "number", "boolean"].contains(&kind) {
            return None;
        }
        let mut asked = json!({"type": kind});
        for name in [
            "title",
            "description",
            "enum",
            "enumNames",
            "default",
            "minimum",
            "maximum",
            "minLength",
            "maxLength",
        ] {
            if let Some(value) = said.get(name) {
                asked[name] = value.clone();
            }
        }
        properties.insert(fault.field.clone(), asked);
        required.push(fault.field.clone());
    }
    (!properties.is_empty())
        .then(|| json!({"type": "object", "properties": properties, "required": required}))
}
