//! The actions about the policy: to read it, to ask what somebody may do, and to write drafts. None of them publishes:
//! what counts is for a person to decide, on the page or at the console.

use std::sync::{Arc, OnceLock, Weak};

use serde_json::{Value, json};

use super::policy::{self, NotDone};
use super::{App, Parts, effective};
use crate::access::roles::permission::KNOWN;
use crate::actions::turn::Turn;
use crate::actions::{Action, ActionError, Effect, Outcome};
use crate::store::policies::{self, Stored};
use crate::{limits, store};

/// The server, known once it is there: actions are part of what it is made of.
#[derive(Clone, Debug, Default)]
pub struct Late(Arc<OnceLock<Weak<Parts>>>);

impl Late {
    /// It is there.
    pub fn is(&self, app: &App) {
        let _ = self.0.set(Arc::downgrade(&app.0));
    }

    fn app(&self) -> Result<App, ActionError> {
        let app = self.0.get().and_then(Weak::upgrade).map(App);
        app.ok_or_else(|| ActionError::Fault("the server is stopping".into()))
    }
}

const READ: (&str, &str) = ("access:read", "policy.entity.read");
const WRITE: (&str, &str) = ("access:write", "policy.entity.create");

const POLICY: &str = "Read the policy that says who may do what: roles with their members and permissions, which version counts, and the \
    drafts that wait. For administrators, and whoever the policy gives policy.entity.read.";
const MAY: &str = "Tell what a user, a group or a program may do under the policy, permission by permission, with the statement behind \
    each answer. Answers questions such as: what may team-frontend do?";
const PERMISSIONS: &str = "List the permissions that a policy can allow or deny, the kind of thing each is about, and the rules that \
    conditions on that kind may use.";
const DRAFT: &str = "Write a draft of the policy: the whole policy as it should be, not only what changes. Nothing counts before an \
    administrator looks at the draft and publishes it. Answers with what would change.";
const COMPARE: &str = "Tell what would change if a draft of the policy were published: what is written differently, and who of all \
    accounts would gain or lose which permission.";

/// Every action here.
pub fn actions(late: &Late) -> Vec<Action> {
    let empty = || json!({"type": "object", "properties": {}, "additionalProperties": false});
    let one = |name: &str, about: &str| {
        json!({"type": "object", "additionalProperties": false, "required": [name],
            "properties": {name: {"type": "string", "minLength": 1, "maxLength": 500, "description": about}}})
    };
    let draft = json!({"type": "object", "additionalProperties": false, "required": ["policy"], "properties": {
        "policy": {"type": "object", "description": "{otherwise: deny, roles: [{name, members, permissions: [{permission, action, effect, when}]}]}, \
            as policy:read-policy gives it."},
        "note": {"type": "string", "maxLength": 500, "description": "Why, for whoever publishes it."}}});
    let reading = (READ, Effect::Read);
    vec![
        action(
            "policy:read-policy",
            "Read Policy",
            POLICY,
            reading,
            empty(),
            run(late, |app, _| Box::pin(read(app))),
        ),
        action(
            "policy:list-permissions",
            "List Permissions",
            PERMISSIONS,
            reading,
            empty(),
            run(late, |_, _| Box::pin(async { Ok(permissions()) })),
        ),
        action(
            "policy:get-effective-permissions",
            "Get Effective Permissions",
            MAY,
            reading,
            one(
                "member",
                "user:default/dana, group:default/team-frontend, client:<id>, an e-mail address, or a name alone.",
            ),
            run(late, |app, arguments| Box::pin(async move { may(&app, &arguments) })),
        ),
        action(
            "policy:compare-policy-draft",
            "Compare Policy Draft",
            COMPARE,
            reading,
            one("draftId", "The draft's id."),
            run(late, |app, arguments| Box::pin(compare(app, arguments))),
        ),
        Action {
            idempotent: false,
            ..action(
                "policy:save-policy-draft",
                "Save Policy Draft",
                DRAFT,
                (WRITE, Effect::Change),
                draft,
                save(late),
            )
        },
    ]
}

fn action(
    id: &str,
    title: &str,
    description: &str,
    (needs, effect): ((&str, &str), Effect),
    input: Value,
    run: crate::actions::Run,
) -> Action {
    Action {
        id: id.to_owned(),
        title: title.to_owned(),
        description: description.to_owned(),
        input: Arc::new(input),
        output: Arc::new(json!({"type": "object"})),
        effect,
        idempotent: true,
        scope: Some(needs.0.to_owned()),
        permission: Some(needs.1.to_owned()),
        aliases: Vec::new(),
        run,
    }
}

type Answering = std::pin::Pin<Box<dyn std::future::Future<Output = Outcome> + Send>>;

fn run(late: &Late, answer: fn(App, Value) -> Answering) -> crate::actions::Run {
    let late = late.clone();
    Arc::new(move |turn, arguments| {
        let late = late.clone();
        Box::pin(async move {
            let app = late.app()?;
            admit(&app, &turn).await?;
            answer(app, arguments).await
        })
    })
}

fn save(late: &Late) -> crate::actions::Run {
    let late = late.clone();
    Arc::new(move |turn, arguments| {
        let late = late.clone();
        Box::pin(async move {
            let app = late.app()?;
            admit(&app, &turn).await?;
            let policy = crate::access::roles::Policy::parse(&arguments["policy"])
                .map_err(|faults| ActionError::InvalidInput(faults.join("; ")))?;
            let note = arguments["note"].as_str().unwrap_or_default();
            let id = policy::draft(&app, &policy, note, &turn.subject).await.map_err(refused)?;
            changes(&app, &id, &policy).await
        })
    })
}

/// Under a policy, the permission that the action asks for decided already. Before there is one, it is an administrator's
/// affair to write the first.
async fn admit(app: &App, turn: &Turn) -> Result<(), ActionError> {
    if turn.rights.is_some() {
        return Ok(());
    }
    let user =
        if turn.is_user { store::users::find(&app.store, &turn.subject).await.map_err(fault)? } else { None };
    match user.filter(|user| user.is_admin() && user.is_active()) {
        Some(_) => Ok(()),
        None => Err(ActionError::NotAllowed(
            "no policy is published, so only administrators may see to it".to_owned(),
        )),
    }
}

async fn read(app: App) -> Outcome {
    let counts = app.policies.published();
    let drafts = policies::drafts(&app.store).await.map_err(fault)?;
    let one = |it: &Stored| json!({"draftId": it.id, "note": it.note, "basedOn": it.based_on, "policy": it.policy.to_value()});
    Ok(json!({
        "version": counts.as_ref().map(|it| it.version()),
        "policy": counts.as_ref().map(|it| it.policy.to_value()),
        "drafts": drafts.iter().map(one).collect::<Vec<_>>(),
    }))
}

fn permissions() -> Value {
    let rules = json!({
        "catalog-entity": ["IS_ENTITY_OWNER", "IS_ENTITY_KIND", "HAS_ANNOTATION", "HAS_LABEL", "HAS_METADATA", "HAS_SPEC"],
        "scaffolder-task": ["IS_TASK_OWNER"],
        "scaffolder-template": ["HAS_TAG"],
        "scaffolder-action": ["HAS_ACTION_ID", "HAS_BOOLEAN_PROPERTY", "HAS_NUMBER_PROPERTY", "HAS_STRING_PROPERTY"],
    });
    let one = |it: &crate::access::roles::permission::Permission| json!({"permission": it.name, "resourceType": it.resource, "action": it.act.as_str(), "description": it.about});
    json!({"permissions": KNOWN.iter().map(one).collect::<Vec<_>>(), "rules": rules})
}

fn may(app: &App, arguments: &Value) -> Outcome {
    let member = arguments["member"].as_str().unwrap_or_default();
    let found = effective::of(app, member).map_err(ActionError::InvalidInput)?;
    let one = |it: &effective::Answer| json!({"permission": it.permission, "may": it.level.as_str(), "description": it.about, "because": it.because});
    Ok(
        json!({"member": member, "roles": found.roles, "permissions": found.answers.iter().map(one).collect::<Vec<_>>()}),
    )
}

async fn compare(app: App, arguments: Value) -> Outcome {
    let id = arguments["draftId"].as_str().unwrap_or_default();
    let found = policies::find(&app.store, id).await.map_err(fault)?;
    let draft =
        found.ok_or_else(|| ActionError::NotFound(format!("no draft {}", crate::catalog::excerpt(id))))?;
    changes(&app, id, &draft.policy).await
}

async fn changes(app: &App, id: &str, policy: &crate::access::roles::Policy) -> Outcome {
    let changes = policy::would_change(app, policy).await.map_err(fault)?;
    let shown = limits::POLICY_CHANGES_SHOWN;
    let people = changes.people.iter().take(shown).map(|one| {
        json!({"who": one.who, "permission": one.what, "change": one.word(), "before": one.before.as_str(), "after": one.after.as_str()})
    });
    Ok(json!({
        "draftId": id,
        "text": changes.text.iter().take(shown).collect::<Vec<_>>(),
        "people": people.collect::<Vec<_>>(),
        "unknown": changes.unknown,
        "isComplete": changes.people.len() <= shown && changes.text.len() <= shown,
    }))
}

fn refused(why: NotDone) -> ActionError {
    match why {
        NotDone::NotRecorded(error) => ActionError::Fault(error.into()),
        NotDone::Store(error) => fault(error),
        other => ActionError::Conflict(other.to_string()),
    }
}

fn fault(error: store::Error) -> ActionError {
    ActionError::Fault(error.into())
}
