//! The rows of tasks, on both engines: one end, one exchange, a limit a caller.

use postern::secret::{McpTask, Secret};
use postern::store::mcp_tasks::{self, End, Kept};

use crate::support::World;

fn kept(world: &World, client: &str) -> Kept {
    let now = world.app.clock.now();
    Kept {
        digest: Secret::<McpTask>::mint().digest(),
        subject: "ada".into(),
        client_id: client.into(),
        resource: "http://localhost:8787/mcp".into(),
        action: "demo:slow".into(),
        created_at: now,
        updated_at: now,
        claimed_until: now.plus_seconds(60),
        questions: None,
        answers: None,
        outcome: None,
        end: None,
        expires_at: now.plus_seconds(100),
    }
}

on_both_engines! {
    async fn a_task_ends_once(world) {
        let (store, now) = (&world.app.store, world.app.clock.now());
        let task = kept(&world, "c");
        assert!(mcp_tasks::add(store, &task).await.unwrap());
        assert_eq!(mcp_tasks::find(store, &task.digest).await.unwrap().as_ref(), Some(&task));
        assert!(mcp_tasks::end(store, &task.digest, End::Cancelled, None, now).await.unwrap());
        for later in [End::Completed, End::Failed, End::Cancelled] {
            assert!(!mcp_tasks::end(store, &task.digest, later, Some("late"), now).await.unwrap());
        }
        let found = mcp_tasks::find(store, &task.digest).await.unwrap().unwrap();
        assert_eq!((found.end, found.outcome.as_deref()), (Some(End::Cancelled), None));
        assert!(!mcp_tasks::exchange(store, &found, Some("q"), None, now).await.unwrap(), "it is over");
        assert!(mcp_tasks::find(store, &kept(&world, "c").digest).await.unwrap().is_none());
        postern::store::sweep::all(store, now.plus_seconds(101)).await.unwrap();
        assert!(mcp_tasks::find(store, &task.digest).await.unwrap().is_none(), "it is forgotten after its day");
    }

    async fn of_two_who_exchange_at_once_one_looks_again(world) {
        let (store, now) = (&world.app.store, world.app.clock.now());
        let task = kept(&world, "c");
        mcp_tasks::add(store, &task).await.unwrap();
        let (first, second) = tokio::join!(
            mcp_tasks::exchange(store, &task, Some("one"), None, now),
            mcp_tasks::exchange(store, &task, Some("two"), Some("answers"), now),
        );
        assert!(first.unwrap() ^ second.unwrap(), "exactly one knew what was there");
        let found = mcp_tasks::find(store, &task.digest).await.unwrap().unwrap();
        assert!(mcp_tasks::exchange(store, &found, None, None, now).await.unwrap());
    }

    async fn a_client_has_so_many_tasks_and_not_more(world) {
        let store = &world.app.store;
        let max = usize::try_from(postern::limits::MCP_TASKS_PER_CALLER_MAX).unwrap();
        let mut first = None;
        for _ in 0..max {
            let task = kept(&world, "busy");
            assert!(mcp_tasks::add(store, &task).await.unwrap());
            first.get_or_insert(task);
        }
        assert!(!mcp_tasks::add(store, &kept(&world, "busy")).await.unwrap());
        assert!(mcp_tasks::add(store, &kept(&world, "other")).await.unwrap());
        let (first, now) = (first.unwrap(), world.app.clock.now());
        mcp_tasks::end(store, &first.digest, End::Completed, Some("x"), now).await.unwrap();
        assert!(mcp_tasks::add(store, &kept(&world, "busy")).await.unwrap());
    }
}
