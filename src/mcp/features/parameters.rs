//! What a template asks for, as arguments of a prompt.

use serde_json::Value;

/// One parameter of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What a person sees.
    pub title: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether the template cannot run without it.
    pub required: bool,
    /// What it may be, as far as that is said.
    pub offers: Offers,
}

/// What a parameter may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offers {
    /// Anything.
    Anything,
    /// One of these.
    Words(Vec<String>),
    /// An entity of one of these kinds; of any, where none is named.
    Entities(Vec<String>),
}

/// The parameters of a template: `spec.parameters` is one form, or a list of them, each a JSON Schema. Where two forms
/// have a property of one name, it is one parameter.
pub fn of(template: &Value) -> Vec<Parameter> {
    let forms = match &template["spec"]["parameters"] {
        Value::Array(forms) => forms.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut found: Vec<Parameter> = Vec::new();
    for form in forms {
        let required = form["required"].as_array().map(Vec::as_slice).unwrap_or_default();
        for (name, schema) in form["properties"].as_object().into_iter().flatten() {
            if found.iter().any(|parameter| parameter.name == *name) {
                continue;
            }
            let text = |key: &str| schema[key].as_str().map(str::to_owned);
            found.push(Parameter {
                name: name.clone(),
                title: text("title"),
                description: text("description"),
                required: required.iter().any(|wanted| wanted == name),
                offers: offers(schema),
            });
        }
    }
    found
}

fn offers(schema: &Value) -> Offers {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(words) = schema["enum"].as_array() {
        return Offers::Words(words.iter().map(word).collect());
    }
    if schema["type"] == "boolean" {
        return Offers::Words(vec!["true".to_owned(), "false".to_owned()]);
    }
    let kinds = |kinds: &[&str]| Offers::Entities(kinds.iter().map(|kind| (*kind).to_owned()).collect());
    match schema["ui:field"].as_str() {
        Some("OwnerPicker" | "MyGroupsPicker") => kinds(&["group", "user"]),
        Some("EntityPicker" | "MultiEntityPicker") => {
            let named = match &schema["ui:options"]["catalogFilter"]["kind"] {
                Value::Array(named) => named.as_slice(),
                one => std::slice::from_ref(one),
            };
            Offers::Entities(named.iter().filter_map(Value::as_str).map(str::to_lowercase).collect())
        }
        _ => match schema["examples"].as_array() {
            Some(words) => Offers::Words(words.iter().map(word).collect()),
            None => Offers::Anything,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn the_parameters_of_every_page_are_arguments_once() {
        let index = Catalog::sample().index();
        let parameters = of(index.get("template:default/quay-service").unwrap());
        let table: Vec<_> = parameters.iter().map(|p| (p.name.as_str(), p.required)).collect();
        let want = ["name", "description", "owner", "system", "port", "withDatabase"];
        assert_eq!(table, want.map(|name| (name, name == "name" || name == "owner")));
        assert_eq!(parameters[2].offers, Offers::Entities(vec!["group".into(), "user".into()]));
        assert_eq!(parameters[5].offers, Offers::Words(vec!["true".into(), "false".into()]));
    }

    #[test]
    fn odd_templates_have_no_or_fewer_parameters() {
        for spec in [
            json!({}),
            json!({"parameters": null}),
            json!({"parameters": "x"}),
            json!({"parameters": [1, null]}),
        ] {
            assert_eq!(of(&json!({ "spec": spec })), []);
        }
        let twice = json!({"parameters": [{"properties": {"a": {}}}, {"properties": {"a": {"title": "2"}, "b": {"enum": [1, "x"]}}}]});
        let found = of(&json!({ "spec": twice }));
        assert_eq!((found.len(), &found[0].title), (2, &None));
        assert_eq!(found[1].offers, Offers::Words(vec!["1".into(), "x".into()]));
    }
}
