//! What the scaffolder's actions take and give: Backstage's schemas where Backstage has the action.

use serde_json::{Value, json};

use crate::limits;

/// An object of these properties and no others.
pub fn object(properties: Value, required: &[&str]) -> Value {
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema["additionalProperties"] = false.into();
    schema
}

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn list(items: Value, description: &str) -> Value {
    json!({"type": "array", "items": items, "description": description})
}

fn values(description: &str) -> Value {
    json!({"type": "object", "additionalProperties": {}, "description": description})
}

fn secrets() -> Value {
    json!({
        "type": "object", "additionalProperties": {"type": "string"},
        "description": "Optional secrets to pass to the template execution. Never written to a log or shown again.",
    })
}

/// `{taskId}`.
pub fn task_input() -> Value {
    object(json!({"taskId": text("The ID of the scaffolder task")}), &["taskId"])
}

/// `{templateRef}`.
pub fn template_input() -> Value {
    object(
        json!({"templateRef": text("The template entity reference, e.g. \"template:default/my-template\"")}),
        &["templateRef"],
    )
}

/// `scaffolder:list-scaffolder-tasks`.
pub fn tasks_input() -> Value {
    let statuses = json!({
        "type": "string", "enum": ["open", "processing", "completed", "failed", "cancelled", "skipped"],
    });
    object(
        json!({
            "owned": {"type": "boolean", "default": false, "description": "If true, return only tasks created by the current user. Requires a user identity."},
            "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "description": "The maximum number of tasks to return for pagination"},
            "offset": {"type": "integer", "minimum": 0, "description": "The offset to start from for pagination"},
            "status": {
                "anyOf": [statuses, {"type": "array", "items": statuses, "minItems": 1}],
                "description": "Filter tasks by status, or an array of statuses",
            },
        }),
        &[],
    )
}

fn task() -> Value {
    json!({
        "id": text("The task identifier"),
        "spec": {"description": "The task specification"},
        "status": text("Task status: open, processing, completed, failed, cancelled, or skipped"),
        "createdAt": text("Timestamp when the task was created"),
        "lastHeartbeatAt": text("Timestamp of the last heartbeat"),
    })
}

/// The same.
pub fn tasks_output() -> Value {
    let task = object(task(), &["id", "status", "createdAt"]);
    object(
        json!({
            "tasks": list(task, "The list of scaffolder tasks"),
            "totalTasks": {"type": "number", "description": "Total number of tasks matching the filter"},
        }),
        &["tasks", "totalTasks"],
    )
}

/// `scaffolder:get-task` and `scaffolder:wait-for-task`.
pub fn task_output() -> Value {
    let mut properties = task();
    for (name, schema) in [
        ("templateRef", text("The template that it runs")),
        ("ended", json!({"type": "boolean", "description": "Whether nothing more happens by itself"})),
        ("output", values("What the template gave, once the task is completed")),
        ("error", text("Why it failed")),
        (
            "steps",
            list(
                object(
                    json!({"id": text("Its id"), "name": text("Its name"), "action": text("What it does"),
                "status": text("open, processing, completed, skipped or failed")}),
                    &["id", "name", "action", "status"],
                ),
                "The steps, and how each stands",
            ),
        ),
    ] {
        properties[name] = schema;
    }
    object(properties, &["id", "status", "createdAt", "templateRef", "ended", "steps"])
}

/// `scaffolder:dry-run-template`.
pub fn dry_input() -> Value {
    let file = object(
        json!({"path": text("File path relative to template root"), "content": text("File content")}),
        &["path", "content"],
    );
    object(
        json!({
            "templateYaml": text("The YAML content of the scaffolder template to validate"),
            "values": values("Input values for template parameters"),
            "files": list(file, "Files required for running the template"),
        }),
        &["templateYaml"],
    )
}

/// The same.
pub fn dry_output() -> Value {
    let plain = json!({"type": "string"});
    let line = object(json!({"message": plain, "stepId": plain, "status": plain}), &["message"]);
    let step = object(json!({"id": plain, "name": plain, "action": plain}), &["id", "name", "action"]);
    object(
        json!({
            "valid": {"type": "boolean", "description": "Whether the template is valid"},
            "message": text("Success message or validation error details"),
            "errors": list(plain, "List of validation errors"),
            "log": list(line, "Execution log from dry-run"),
            "output": values("Template output values"),
            "steps": list(step, "Parsed template steps"),
        }),
        &["valid", "message"],
    )
}

/// `scaffolder:list-scaffolder-actions`.
pub fn actions_output() -> Value {
    let open = |what: &str| json!({"type": "object", "properties": {}, "additionalProperties": true, "description": format!("JSON Schema for {what} of Action")});
    let schema = object(json!({"input": open("input"), "output": open("output")}), &["input", "output"]);
    let plain = json!({"type": "string"});
    let action = object(
        json!({"id": plain, "description": plain, "schema": schema, "examples": {"type": "array"}}),
        &["id", "description", "schema"],
    );
    object(json!({"actions": {"type": "array", "items": action}}), &["actions"])
}

/// `scaffolder:execute-template`.
pub fn execute_input() -> Value {
    object(
        json!({
            "templateRef": text("The template entity reference to execute, e.g. \"template:default/my-template\""),
            "values": values("Input parameter values required by the template. scaffolder:get-template-parameters tells which."),
            "secrets": secrets(),
        }),
        &["templateRef", "values"],
    )
}

/// The same.
pub fn execute_output() -> Value {
    let id = text("The task ID for the scaffolder execution. Use this to track progress or retrieve logs.");
    object(json!({"taskId": id}), &["taskId"])
}

/// `scaffolder:get-scaffolder-task-logs`.
pub fn logs_input() -> Value {
    object(
        json!({
            "taskId": text("The ID of the scaffolder task"),
            "after": {"type": "integer", "minimum": 0, "description": "Return only log events after this event ID for incremental polling"},
        }),
        &["taskId"],
    )
}

/// The same.
pub fn logs_output() -> Value {
    let body = object(
        json!({
            "message": text("The log message"),
            "stepId": text("The step ID associated with this event"),
            "status": text("The task status at the time of this event"),
        }),
        &["message"],
    );
    let event = object(
        json!({
            "id": {"type": "number", "description": "The event ID"},
            "taskId": text("The ID of the task this event belongs to"),
            "createdAt": text("Timestamp when the event was created"),
            "type": text("Event type: log, completion, cancelled, or recovered"),
            "body": body,
        }),
        &["id", "taskId", "createdAt", "type", "body"],
    );
    object(json!({"events": list(event, "The list of log events for the task")}), &["events"])
}

/// `scaffolder:list-templates`.
pub fn templates_input() -> Value {
    object(
        json!({
            "query": text("Only templates with these words in their name, title, description or tags"),
            "limit": {"type": "integer", "minimum": 1, "maximum": 200, "description": "How many at most; 50 by default"},
        }),
        &[],
    )
}

/// The same.
pub fn templates_output() -> Value {
    let template = object(
        json!({
            "entityRef": text("What the other tools take as templateRef"),
            "title": text("What people call it"),
            "description": text("What it makes"),
            "type": text("What kind of thing it makes"),
            "owner": text("Who keeps it"),
            "tags": {"type": "array", "items": {"type": "string"}},
        }),
        &["entityRef", "title", "tags"],
    );
    object(
        json!({"templates": list(template, "The templates"), "totalTemplates": {"type": "integer", "description": "How many there are"}}),
        &["templates", "totalTemplates"],
    )
}

/// `scaffolder:get-template-parameters`.
pub fn parameters_output() -> Value {
    let form = object(
        json!({"title": text("The form's title"), "schema": values("JSON Schema (draft 7) of its values")}),
        &["title", "schema"],
    );
    object(
        json!({
            "title": text("The template's title"),
            "description": text("What it makes"),
            "steps": list(form, "The forms, whose values together are what execute-template takes"),
            "required": list(json!({"type": "string"}), "The values that must be given, as far as nothing else is"),
            "secrets": values("JSON Schema of the secrets, where the template asks for any"),
        }),
        &["title", "steps", "required"],
    )
}

/// `scaffolder:validate-template-values`.
pub fn validate_input() -> Value {
    object(
        json!({
            "templateRef": text("The template entity reference"),
            "values": values("The values to check"),
        }),
        &["templateRef", "values"],
    )
}

/// The same.
pub fn validate_output() -> Value {
    let fault = object(
        json!({"field": text("Which value; empty for all"), "message": text("What is wrong")}),
        &["field", "message"],
    );
    object(
        json!({
            "valid": {"type": "boolean", "description": "Whether the template would run with them"},
            "errors": list(fault, "Everything that is wrong"),
            "values": values("The values that it would run with, defaults included"),
        }),
        &["valid", "errors"],
    )
}

/// `scaffolder:retry-task`.
pub fn retry_input() -> Value {
    object(json!({"taskId": text("The ID of a task that failed"), "secrets": secrets()}), &["taskId"])
}

/// `scaffolder:wait-for-task`.
pub fn wait_input() -> Value {
    object(
        json!({
            "taskId": text("The ID of the scaffolder task"),
            "timeoutSeconds": {"type": "integer", "minimum": 0, "maximum": limits::SCAFFOLDER_CALL_WAIT_SECONDS_MAX,
                "description": "How long to wait at most; 30 by default"},
        }),
        &["taskId"],
    )
}

/// Nothing.
pub fn none() -> Value {
    object(json!({}), &[])
}
