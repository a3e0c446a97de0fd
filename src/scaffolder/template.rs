//! A software template (`scaffolder.backstage.io/v1beta3`) as it runs: its forms, its steps, what it gives.

use serde_json::{Map, Value, json};

use crate::limits;

/// A template.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    /// `template:default/name`, as far as it is known.
    pub reference: String,
    /// What a person calls it.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// Its forms, each a JSON Schema of an object.
    pub pages: Vec<Value>,
    /// What it does, in order.
    pub steps: Vec<Step>,
    /// What it gives once it is done, with expressions.
    pub output: Value,
    /// The JSON Schema of the secrets that it asks for.
    pub secrets: Option<Value>,
}

/// One step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Names it in `steps.<id>.output`.
    pub id: String,
    /// What a person reads.
    pub name: String,
    /// What it does: `fetch:template`, or the id of an action of this server.
    pub action: String,
    /// With what, with expressions.
    pub input: Value,
    /// Whether it runs at all.
    pub condition: Option<Value>,
    /// Over what it runs, once for each.
    pub each: Option<Value>,
}

impl Template {
    /// Reads an entity.
    ///
    /// # Errors
    /// Everything that is wrong with it, each a sentence.
    pub fn read(entity: &Value) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        if entity["apiVersion"] != "scaffolder.backstage.io/v1beta3" || entity["kind"] != "Template" {
            faults.push("it is not a Template of apiVersion scaffolder.backstage.io/v1beta3".to_owned());
        }
        let (metadata, spec) = (&entity["metadata"], &entity["spec"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let name = text(&metadata["name"]);
        if name.is_empty() {
            faults.push("metadata.name is missing".to_owned());
        }
        let pages = match &spec["parameters"] {
            Value::Null => Vec::new(),
            Value::Array(pages) => pages.clone(),
            one => vec![one.clone()],
        };
        for (at, page) in pages.iter().enumerate() {
            match page {
                Value::Object(_) => {
                    if let Err(why) = super::parameters::validator(page) {
                        faults.push(format!("spec.parameters[{at}] is no JSON Schema: {why}"));
                    }
                }
                _ => faults.push(format!("spec.parameters[{at}] is not an object")),
            }
        }
        let title = metadata["title"].as_str().unwrap_or(&name).to_owned();
        let namespace = metadata["namespace"].as_str().unwrap_or("default");
        let template = Self {
            reference: format!("template:{namespace}/{name}").to_lowercase(),
            title,
            description: text(&metadata["description"]),
            pages,
            steps: read_steps(&spec["steps"], &mut faults),
            output: spec["output"].clone(),
            secrets: spec.pointer("/secrets/schema").filter(|schema| schema.is_object()).cloned(),
        };
        if faults.is_empty() { Ok(template) } else { Err(faults) }
    }

    /// The forms as Backstage's REST API gives them: `{title, description?, steps: [{title, schema}]}`.
    pub fn forms(&self) -> Value {
        let form = |page: &Value| {
            let title = page["title"].as_str().unwrap_or("Please enter the following information");
            let mut schema = page.clone();
            if let Value::Object(schema) = &mut schema {
                schema.shift_remove("title");
            }
            json!({"title": title, "schema": schema})
        };
        let mut forms =
            json!({"title": self.title, "steps": self.pages.iter().map(form).collect::<Vec<_>>()});
        if !self.description.is_empty() {
            forms["description"] = self.description.clone().into();
        }
        forms
    }

    /// What a task keeps of it, to run it later as it was: `steps` and `output`.
    pub fn kept(&self) -> Map<String, Value> {
        let step = |step: &Step| {
            let mut kept = json!({
                "id": step.id, "name": step.name, "action": step.action, "input": step.input,
            });
            for (name, value) in [("if", &step.condition), ("each", &step.each)] {
                if let Some(value) = value {
                    kept[name] = value.clone();
                }
            }
            kept
        };
        let steps: Vec<_> = self.steps.iter().map(step).collect();
        let kept = json!({
            "apiVersion": "scaffolder.backstage.io/v1beta3", "steps": steps, "output": self.output,
        });
        kept.as_object().cloned().unwrap_or_default()
    }
}

/// The steps of a template, or of what a task keeps of one.
pub fn read_steps(steps: &Value, faults: &mut Vec<String>) -> Vec<Step> {
    let Some(listed) = steps.as_array() else {
        faults.push("spec.steps is missing, or not a list".to_owned());
        return Vec::new();
    };
    if listed.len() > limits::SCAFFOLDER_STEPS_MAX {
        faults.push(format!("spec.steps has more than {} steps", limits::SCAFFOLDER_STEPS_MAX));
        return Vec::new();
    }
    let mut read: Vec<Step> = Vec::with_capacity(listed.len());
    for (at, step) in listed.iter().enumerate() {
        let text = |name: &str| step[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let Some(action) = text("action") else {
            faults.push(format!("spec.steps[{at}].action is missing, or not a text"));
            continue;
        };
        let id = text("id").unwrap_or_else(|| format!("step-{}", at + 1));
        if read.iter().any(|known| known.id == id) {
            faults.push(format!("two steps have the id {id:?}"));
        }
        let given = |name: &str| step.get(name).filter(|value| !value.is_null()).cloned();
        let condition = given("if");
        if condition.as_ref().is_some_and(|it| !it.is_string() && !it.is_boolean()) {
            faults.push(format!("spec.steps[{at}].if is neither a text nor true or false"));
        }
        let input = given("input").unwrap_or_else(|| json!({}));
        if !input.is_object() {
            faults.push(format!("spec.steps[{at}].input is not an object"));
        }
        let name = text("name").unwrap_or_else(|| action.clone());
        read.push(Step { id, name, action, input, condition, each: given("each") });
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn a_template_of_the_sample_is_read_whole() {
        let index = Catalog::sample().index();
        let template = Template::read(index.get("template:default/quay-service").unwrap()).unwrap();
        assert_eq!((template.title.as_str(), template.pages.len()), ("Service on the quay cluster", 2));
        let steps: Vec<_> = template.steps.iter().map(|s| (s.id.as_str(), s.action.as_str())).collect();
        assert_eq!(steps, [("fetch", "fetch:template"), ("tell", "debug:log")]);
        assert_eq!(template.steps[1].condition, Some(json!("${{ parameters.withDatabase }}")));
        assert_eq!(template.forms()["steps"][0]["title"], "The service");
        let kept = Value::Object(template.kept());
        assert_eq!(read_steps(&kept["steps"], &mut Vec::new()), template.steps);
    }

    #[test]
    fn every_fault_of_a_template_is_told_at_once() {
        let entity = json!({
            "apiVersion": "x", "kind": "Template", "metadata": {},
            "spec": {
                "parameters": [1, {"properties": {"a": {"pattern": "("}}}],
                "steps": [{}, {"action": "debug:log", "input": 1, "if": 3}, {"id": "step-2", "action": "debug:log"}],
            },
        });
        let faults = Template::read(&entity).unwrap_err().join("\n");
        for part in [
            "apiVersion",
            "metadata.name",
            "parameters[0]",
            "parameters[1]",
            "steps[0].action",
            "steps[1].input",
            "steps[1].if",
            "the id \"step-2\"",
        ] {
            assert!(faults.contains(part), "{part}\n{faults}");
        }
    }
}
