//! Tasks as a client follows them: listed, looked at, waited for, cancelled, retried.

use serde_json::{Value, json};

use super::super::template::{self, read_steps};
use super::{House, members, tasks, text};
use crate::actions::turn::Turn;
use crate::actions::{ActionError, Outcome};
use crate::limits;
use crate::store::scaffolder_tasks::{self as rows, Status, Task};

pub async fn list_tasks(house: House, turn: Turn, arguments: Value) -> Outcome {
    if arguments["owned"] == true && !turn.is_user {
        return Err(ActionError::NotAllowed(
            "owned needs a user, and no person stands behind this token".to_owned(),
        ));
    }
    let words: Vec<&str> = match &arguments["status"] {
        Value::String(word) => vec![word.as_str()],
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let all = [Status::Open, Status::Processing, Status::Completed, Status::Failed, Status::Cancelled];
    let wanted: Vec<Status> = all.into_iter().filter(|status| words.contains(&status.word())).collect();
    // Nothing here is ever skipped: who asks for that alone gets nothing, not everything.
    if !words.is_empty() && wanted.is_empty() {
        return Ok(json!({"tasks": [], "totalTasks": 0}));
    }
    let page = (
        arguments["limit"].as_i64().unwrap_or(limits::SCAFFOLDER_TASKS_PAGE),
        arguments["offset"].as_i64().unwrap_or(0),
    );
    let (found, total) =
        rows::page(&house.store, &turn.subject, &wanted, page).await.map_err(tasks::fault)?;
    Ok(json!({"tasks": found.iter().map(shown).collect::<Vec<_>>(), "totalTasks": total}))
}

fn shown(task: &Task) -> Value {
    let spec: Value = serde_json::from_str(&task.asked.spec).unwrap_or_default();
    let mut shown = json!({
        "id": task.asked.id, "spec": spec, "status": task.status.word(), "createdAt": task.created_at.rfc3339(),
    });
    if let Some(at) = task.heartbeat_at {
        shown["lastHeartbeatAt"] = at.rfc3339().into();
    }
    shown
}

/// A task with its steps and its end.
pub async fn whole(house: &House, task: &Task) -> Outcome {
    let mut whole = shown(task);
    whole["templateRef"] = task.asked.template_ref.clone().into();
    whole["ended"] = task.status.has_ended().into();
    if let Some(output) = task.output.as_deref().and_then(|text| serde_json::from_str(text).ok()) {
        whole["output"] = output;
    }
    if let Some(error) = &task.error {
        whole["error"] = error.clone().into();
    }
    let said = rows::said(&house.store, &task.asked.id, 0, limits::SCAFFOLDER_LINES_MAX + 10)
        .await
        .map_err(tasks::fault)?;
    let status = |id: &str| {
        let mut of_step = said.iter().rev().filter(|line| line.step_id.as_deref() == Some(id));
        of_step.find_map(|line| line.status.clone()).unwrap_or_else(|| "open".to_owned())
    };
    let steps = read_steps(&whole["spec"]["steps"], &mut Vec::new());
    let step = |step: &template::Step| json!({"id": step.id, "name": step.name, "action": step.action, "status": status(&step.id)});
    whole["steps"] = steps.iter().map(step).collect();
    Ok(whole)
}

pub async fn logs(house: House, turn: Turn, arguments: Value) -> Outcome {
    let (id, after) = (text(&arguments, "taskId"), arguments["after"].as_i64().unwrap_or(0));
    let said = tasks::said(&house, &turn.subject, id, after).await?;
    let event = |line: &rows::Said| {
        let mut body = json!({"message": line.message});
        if let Some(step) = &line.step_id {
            body["stepId"] = step.clone().into();
        }
        if let Some(status) = &line.status {
            body["status"] = status.clone().into();
        }
        json!({"id": line.sequence, "taskId": id, "createdAt": line.created_at.rfc3339(), "type": line.kind, "body": body})
    };
    Ok(json!({"events": said.iter().map(event).collect::<Vec<_>>()}))
}

pub async fn get_task(house: House, turn: Turn, arguments: Value) -> Outcome {
    let task = tasks::find(&house, &turn.subject, text(&arguments, "taskId")).await?;
    whole(&house, &task).await
}

pub async fn wait(house: House, turn: Turn, arguments: Value) -> Outcome {
    let seconds =
        arguments["timeoutSeconds"].as_u64().unwrap_or(30).min(limits::SCAFFOLDER_CALL_WAIT_SECONDS_MAX);
    let task = tasks::wait(&house, &turn.subject, text(&arguments, "taskId"), seconds).await?;
    whole(&house, &task).await
}

pub async fn cancel(house: House, turn: Turn, arguments: Value) -> Outcome {
    tasks::cancel(&house, &turn.subject, text(&arguments, "taskId")).await?;
    Ok(json!({}))
}

pub async fn retry(house: House, turn: Turn, arguments: Value) -> Outcome {
    let id = text(&arguments, "taskId");
    tasks::retry(&house, &turn.subject, id, members(&arguments, "secrets")).await?;
    Ok(json!({"taskId": id}))
}
