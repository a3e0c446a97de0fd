//! The scaffolder's actions: Backstage's five, and what it lacks: finding templates, asking what they need, checking values,
//! following a task, cancelling, retrying, waiting.

mod asking;
mod following;
pub mod schemas;

pub use following::whole;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::template::Template;
use super::{House, READ_SCOPE, RUN_SCOPE, dry, parameters, source, steps, tasks};
use crate::actions::turn::Turn;
use crate::actions::{Action, ActionError, Effect, Outcome};
use crate::limits;
use crate::store::scaffolder_tasks as rows;

const LIST_TEMPLATES: &str = "List the software templates that can be run, with what each makes. Start here, then ask \
    scaffolder:get-template-parameters what one needs.";
const PARAMETERS: &str =
    "Tell what a template needs: its forms as JSON Schema, which values are required, and its secrets.";
const VALIDATE: &str = "Check values against a template without running it. Tells every fault with its field, and the values \
    with defaults put in.";
const EXECUTE: &str = "Executes a Scaffolder template with its template ref and input parameter values.\nThe template is run using \
    the credentials provided to this action, and respects any permissions associated with those credentials.\nReturns a \
    taskId that can be used to track execution progress: wait for it with scaffolder:wait-for-task. Values that are missing \
    are asked for in a form where the client can show one.";
const DRY_RUN: &str = "Dry-runs a scaffolder template to validate it without making changes. Returns success with execution logs, \
    or errors for validation failures. Steps that reach outside are named in the log and left out.";
const LIST_ACTIONS: &str = "Lists all installed Scaffolder actions.\nEach action includes:\n- id: The action identifier\n- \
    description: What the action does\n- schema: Input and output JSON schemas";
const LIST_TASKS: &str = "This allows you to list scaffolder tasks that you created, the newest first.\nEach task has a unique id, \
    specification, and status (one of open, processing, completed, failed, cancelled, skipped).\nFiltering by one or \
    multiple statuses is supported. Pagination is supported via limit and offset.";
const LOGS: &str = "Retrieve the log events for a scaffolder task.\nEach log event has a type (log, completion, cancelled, or \
    recovered), a body containing a message and optional step ID and status.\nUse the after parameter to fetch only events \
    after a specific event ID for incremental polling.";
const GET_TASK: &str = "Tell how a task stands: its status, its steps, what it gave or why it failed.";
const WAIT: &str = "Wait until a task has ended, and tell how it stands then. Answers after timeoutSeconds at the latest; ask again \
    where it has not ended.";
const CANCEL: &str = "Stop a task. What its steps have done already stays.";
const RETRY: &str = "Run a task that failed again, from where it stopped: what its steps did outside this server is not done again.";

/// Every action of this room.
pub fn actions(house: &House) -> Vec<Action> {
    let mut all = asking(house);
    all.extend(of_tasks(house));
    all
}

fn asking(house: &House) -> Vec<Action> {
    vec![
        reading(
            "scaffolder:list-templates",
            "List Templates",
            LIST_TEMPLATES,
            "catalog.entity.read",
            (schemas::templates_input(), schemas::templates_output()),
            house,
            list_templates,
        ),
        reading(
            "scaffolder:get-template-parameters",
            "Get Template Parameters",
            PARAMETERS,
            "scaffolder.template.parameter.read",
            (schemas::template_input(), schemas::parameters_output()),
            house,
            get_parameters,
        ),
        reading(
            "scaffolder:validate-template-values",
            "Validate Template Values",
            VALIDATE,
            "scaffolder.template.parameter.read",
            (schemas::validate_input(), schemas::validate_output()),
            house,
            validate,
        ),
        reading(
            "scaffolder:dry-run-template",
            "Dry Run Scaffolder Template",
            DRY_RUN,
            "scaffolder.template.dry-run",
            (schemas::dry_input(), schemas::dry_output()),
            house,
            dry_run,
        ),
        Action {
            aliases: vec!["scaffolder:get-actions".to_owned()],
            ..reading(
                "scaffolder:list-scaffolder-actions",
                "List Scaffolder Actions",
                LIST_ACTIONS,
                "scaffolder.template.management",
                (schemas::none(), schemas::actions_output()),
                house,
                list_actions,
            )
        },
        Action {
            aliases: vec!["scaffolder:execute".to_owned()],
            ..running(
                "scaffolder:execute-template",
                "Execute Scaffolder Template",
                EXECUTE,
                "scaffolder.task.create",
                (schemas::execute_input(), schemas::execute_output()),
                house,
                asking::execute,
            )
        },
    ]
}

fn of_tasks(house: &House) -> Vec<Action> {
    vec![
        reading(
            "scaffolder:list-scaffolder-tasks",
            "List Scaffolder Tasks",
            LIST_TASKS,
            "scaffolder.task.read",
            (schemas::tasks_input(), schemas::tasks_output()),
            house,
            following::list_tasks,
        ),
        reading(
            "scaffolder:get-scaffolder-task-logs",
            "Get Scaffolder Task Logs",
            LOGS,
            "scaffolder.task.read",
            (schemas::logs_input(), schemas::logs_output()),
            house,
            following::logs,
        ),
        reading(
            "scaffolder:get-task",
            "Get Scaffolder Task",
            GET_TASK,
            "scaffolder.task.read",
            (schemas::task_input(), schemas::task_output()),
            house,
            following::get_task,
        ),
        reading(
            "scaffolder:wait-for-task",
            "Wait for Scaffolder Task",
            WAIT,
            "scaffolder.task.read",
            (schemas::wait_input(), schemas::task_output()),
            house,
            following::wait,
        ),
        Action {
            effect: Effect::Change,
            idempotent: true,
            ..running(
                "scaffolder:cancel-task",
                "Cancel Scaffolder Task",
                CANCEL,
                "scaffolder.task.cancel",
                (schemas::task_input(), schemas::none()),
                house,
                following::cancel,
            )
        },
        running(
            "scaffolder:retry-task",
            "Retry Scaffolder Task",
            RETRY,
            "scaffolder.task.create",
            (schemas::retry_input(), schemas::execute_output()),
            house,
            following::retry,
        ),
    ]
}

fn running<F>(
    id: &str,
    title: &str,
    description: &str,
    permission: &str,
    (input, output): (Value, Value),
    house: &House,
    answer: fn(House, Turn, Value) -> F,
) -> Action
where
    F: Future<Output = Outcome> + Send + 'static,
{
    let house = house.clone();
    Action {
        id: id.to_owned(),
        title: title.to_owned(),
        description: description.to_owned(),
        input: Arc::new(input),
        output: Arc::new(output),
        effect: Effect::Delete,
        idempotent: false,
        scope: Some(RUN_SCOPE.to_owned()),
        permission: Some(permission.to_owned()),
        aliases: Vec::new(),
        run: Arc::new(move |turn, arguments| Box::pin(answer(house.clone(), turn, arguments))),
    }
}

fn reading<F>(
    id: &str,
    title: &str,
    description: &str,
    permission: &str,
    schemas: (Value, Value),
    house: &House,
    answer: fn(House, Turn, Value) -> F,
) -> Action
where
    F: Future<Output = Outcome> + Send + 'static,
{
    Action {
        effect: Effect::Read,
        idempotent: true,
        scope: Some(READ_SCOPE.to_owned()),
        ..running(id, title, description, permission, schemas, house, answer)
    }
}

pub(super) fn text<'a>(arguments: &'a Value, name: &str) -> &'a str {
    arguments[name].as_str().unwrap_or_default()
}

pub(super) fn members(arguments: &Value, name: &str) -> Map<String, Value> {
    arguments[name].as_object().cloned().unwrap_or_default()
}

async fn list_templates(house: House, turn: Turn, arguments: Value) -> Outcome {
    let index = house.catalog.seen_by(turn.caller()).await;
    let words: Vec<String> =
        text(&arguments, "query").to_lowercase().split_whitespace().map(str::to_owned).collect();
    let limit = usize::try_from(arguments["limit"].as_u64().unwrap_or(50)).unwrap_or(50);
    let mut found = Vec::new();
    for at in index.column("kind").map(|kinds| kinds.equal("template").to_vec()).unwrap_or_default() {
        let (entity, reference) = (index.entity(at), index.reference(at).as_str());
        let (metadata, spec) = (&entity["metadata"], &entity["spec"]);
        let about =
            format!("{reference} {} {} {}", metadata["title"], metadata["description"], metadata["tags"])
                .to_lowercase();
        if !words.iter().all(|word| about.contains(word.as_str())) {
            continue;
        }
        let title = metadata["title"].as_str().or(metadata["name"].as_str()).unwrap_or_default();
        let tags = metadata["tags"].as_array().cloned().unwrap_or_default();
        let mut template = json!({"entityRef": reference, "title": title, "tags": tags});
        for (name, value) in
            [("description", &metadata["description"]), ("type", &spec["type"]), ("owner", &spec["owner"])]
        {
            if value.is_string() {
                template[name] = value.clone();
            }
        }
        found.push(template);
    }
    let total = found.len();
    found.truncate(limit);
    Ok(json!({"templates": found, "totalTemplates": total}))
}

async fn get_parameters(house: House, turn: Turn, arguments: Value) -> Outcome {
    let template = tasks::template(&house, turn.caller(), text(&arguments, "templateRef")).await?;
    let mut forms = template.forms();
    forms["required"] = match parameters::accept(&template, &Map::new()) {
        Ok(_) => json!([]),
        Err(faults) => {
            let missing = faults.into_iter().filter(|fault| fault.message.starts_with("is required"));
            missing.map(|fault| Value::from(fault.field)).collect()
        }
    };
    if let Some(secrets) = template.secrets {
        forms["secrets"] = secrets;
    }
    Ok(forms)
}

async fn validate(house: House, turn: Turn, arguments: Value) -> Outcome {
    let template = tasks::template(&house, turn.caller(), text(&arguments, "templateRef")).await?;
    Ok(match parameters::accept(&template, &members(&arguments, "values")) {
        Ok(values) => json!({"valid": true, "errors": [], "values": values}),
        Err(faults) => {
            let fault = |fault: &parameters::Fault| json!({"field": fault.field, "message": fault.message});
            json!({"valid": false, "errors": faults.iter().map(fault).collect::<Vec<_>>()})
        }
    })
}

async fn dry_run(house: House, turn: Turn, arguments: Value) -> Outcome {
    let yaml = text(&arguments, "templateYaml");
    let refused = |errors: Vec<String>| json!({"valid": false, "message": format!("Template validation failed: {}", errors.join("; ")), "errors": errors});
    if yaml.len() > limits::SCAFFOLDER_VALUES_BYTES_MAX {
        return Ok(refused(vec![format!(
            "the template has more than {} bytes",
            limits::SCAFFOLDER_VALUES_BYTES_MAX
        )]));
    }
    let entity = match crate::catalog::yaml::single(yaml) {
        Ok(entity) => entity,
        Err(why) => return Ok(refused(vec![format!("YAML parsing error: {why}")])),
    };
    let template = match Template::read(&entity) {
        Ok(template) => template,
        Err(faults) => return Ok(refused(faults)),
    };
    let files = dry::files(&arguments["files"]).map_err(ActionError::InvalidInput)?;
    let given = members(&arguments, "values");
    let tried = dry::run(&house, turn.caller(), &template, Some(source::Source::Given(files)), &given).await;
    let mut answer = if tried.errors.is_empty() {
        json!({"valid": true, "message": "Template validation successful", "output": tried.output})
    } else {
        refused(tried.errors)
    };
    let line = |line: &rows::Line| {
        let mut shown = json!({"message": line.message});
        if let Some(step) = &line.step_id {
            shown["stepId"] = step.clone().into();
        }
        if let Some(status) = line.status {
            shown["status"] = status.into();
        }
        shown
    };
    answer["log"] = tried.log.iter().map(line).collect();
    let step =
        |step: &super::template::Step| json!({"id": step.id, "name": step.name, "action": step.action});
    answer["steps"] = template.steps.iter().map(step).collect();
    Ok(answer)
}

async fn list_actions(house: House, turn: Turn, _: Value) -> Outcome {
    let kind = |kind: &&steps::Kind| json!({"id": kind.id, "description": kind.description, "schema": {"input": (kind.input)(), "output": (kind.output)()}});
    let mut all: Vec<Value> = steps::KINDS.iter().map(kind).collect();
    for action in house.allowed(&turn).iter().filter_map(|id| house.action(id)) {
        all.push(json!({
            "id": action.id, "description": action.description,
            "schema": {"input": *action.input, "output": *action.output},
        }));
    }
    Ok(json!({"actions": all}))
}
