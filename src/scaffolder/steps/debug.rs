//! `debug:log` and `debug:wait`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Doing, Kind, Lasting, Working, never, on_disk};
use crate::limits;

pub static LOG: Kind = Kind {
    id: "debug:log",
    description: "Writes a message to the log of the task, and the names of the files in the workspace where asked.",
    input: || {
        json!({
            "type": "object",
            "properties": {
                "message": {"type": "string", "description": "What to write."},
                "listWorkspace": {"type": ["boolean", "string"], "description": "Whether to list the files too; \"with-filenames\" is as good as true."},
                "extra": {"description": "Anything else, written as JSON."},
            },
            "additionalProperties": false,
        })
    },
    output: || json!({"type": "object", "properties": {}}),
    lasting: Lasting::Nothing,
    needs: None,
    reaches_out: never,
    run: log,
};

fn log(doing: Doing) -> Working {
    on_disk(doing, |doing| {
        if let Some(message) = doing.input["message"].as_str() {
            doing.journal.say(message);
        }
        if let Some(extra) = doing.input.get("extra") {
            doing.journal.say(&extra.to_string());
        }
        let lists = !matches!(&doing.input["listWorkspace"], Value::Null | Value::Bool(false));
        if lists {
            let files: Vec<_> = doing
                .work
                .list("", true)?
                .into_iter()
                .filter(|e| !e.is_folder)
                .map(|e| format!("  - {}", e.path))
                .collect();
            doing.journal.say(&format!("Workspace:\n{}", files.join("\n")));
        }
        Ok(json!({}))
    })
}

pub static WAIT: Kind = Kind {
    id: "debug:wait",
    description: "Waits: seconds, minutes and milliseconds together, at most ten minutes.",
    input: || {
        let number = json!({"type": "number", "minimum": 0});
        json!({
            "type": "object",
            "properties": {"seconds": number, "minutes": number, "milliseconds": number},
            "additionalProperties": false,
        })
    },
    output: || json!({"type": "object", "properties": {}}),
    lasting: Lasting::Nothing,
    needs: None,
    reaches_out: never,
    run: wait,
};

fn wait(doing: Doing) -> Working {
    Box::pin(async move {
        let part = |name: &str, seconds: f64| doing.input[name].as_f64().unwrap_or_default() * seconds;
        let seconds = part("minutes", 60.0) + part("seconds", 1.0) + part("milliseconds", 0.001);
        #[expect(clippy::cast_precision_loss, reason = "a small constant")]
        let max = limits::SCAFFOLDER_WAIT_SECONDS_MAX as f64;
        if seconds > max {
            return Err(format!("a step waits {max} seconds at most"));
        }
        doing.journal.say(&format!("Waiting for {seconds} seconds"));
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        Ok(json!({}))
    })
}
