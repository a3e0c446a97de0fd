//! Whether a text would be an entity here.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::descriptor::{self, Place};
use super::super::files::Files;
use super::super::{placeholder, yaml};

/// Checks every document of a text as the catalog would, but for what lies in other files.
pub fn validate(text: &str) -> Value {
    let documents = yaml::documents(text);
    let (mut errors, mut entities, mut is_yaml) = (Vec::new(), Vec::new(), true);
    let files = Arc::new(Files::Embedded(&[]));
    for document in documents {
        let place =
            Place { file: "catalog-info.yaml".to_owned(), document: document.number, line: document.line };
        match document.content {
            Err(why) => {
                is_yaml = false;
                errors.push(why);
            }
            Ok(mut value) => {
                let described = value.clone();
                if let Some(spec) = value.get_mut("spec") {
                    placeholder::stand_in(spec);
                }
                match descriptor::entity(value, &place, &place.file, &files) {
                    Ok(_) => entities.push(described),
                    Err(faults) => errors.extend(faults.messages),
                }
            }
        }
    }
    if entities.is_empty() && errors.is_empty() {
        errors.push("No entity is described: the text is empty".to_owned());
    }
    let mut answer = json!({"isValid": errors.is_empty(), "isValidYaml": is_yaml, "errors": errors});
    if let (true, Some(entity)) = (errors.is_empty(), entities.into_iter().next()) {
        answer["entity"] = entity;
    }
    answer
}
