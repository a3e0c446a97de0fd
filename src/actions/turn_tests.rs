//! What a turn promises to actions and to whoever listens.

use serde_json::json;

use super::*;

fn caller() -> Arc<Caller> {
    Arc::new(Caller {
        subject: "u".into(),
        username: "u".into(),
        is_user: true,
        client_id: "c".into(),
        grant_id: "g".into(),
        scopes: "".parse().unwrap(),
        resource: "r".into(),
        restrictions: None,
        rights: None,
    })
}

fn forms(answers: &[(&str, Value)], live: bool) -> Listener {
    Listener {
        can: [Ability::Form].into(),
        live,
        answers: answers.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
        ..Listener::default()
    }
}

#[test]
fn progress_only_goes_up_and_only_where_it_was_asked_for() {
    let (talk, mut hears) = Talk::new(Listener { progress: true, ..Listener::default() });
    for done in [0.0, 50.0, 50.0, 20.0, f64::NAN, f64::INFINITY, 100.0] {
        talk.progress(done, Some(100.0), None);
    }
    let mut heard = Vec::new();
    while let Ok(Said::Progress { done, .. }) = hears.try_recv() {
        heard.push(done);
    }
    assert_eq!(heard, [0.0, 50.0, 100.0]);
    let (talk, mut hears) = Talk::new(Listener::default());
    talk.progress(1.0, None, None);
    assert!(hears.try_recv().is_err());
}

#[test]
fn a_log_line_is_said_from_the_level_that_was_asked_for() {
    let (talk, mut hears) = Talk::new(Listener { log: Some(Level::Warning), ..Listener::default() });
    talk.log(Level::Notice, None, json!("quiet"));
    talk.log(Level::Error, None, json!("loud"));
    assert!(matches!(hears.try_recv(), Ok(Said::Log { level: Level::Error, .. })));
    assert!(hears.try_recv().is_err());
}

#[tokio::test]
async fn a_question_ends_the_round_and_its_answer_lets_the_next_one_pass() {
    let asked = |answers: &[(&str, Value)]| {
        let (talk, _hears) = Talk::new(forms(answers, false));
        async move { talk.form("name", "Who?", json!({"type": "object"})).await }
    };
    let Err(ActionError::Waits(open)) = asked(&[]).await else { panic!() };
    assert_eq!(open[0].key, "name");
    let said = json!({"action": "accept", "content": {"name": "Ada"}});
    let answer = asked(&[("name", said)]).await.unwrap();
    assert_eq!(answer, Answer::Accepted(json!({"name": "Ada"})));
    assert!(matches!(asked(&[("name", json!(1))]).await, Err(ActionError::InvalidInput(_))));
}

#[tokio::test]
async fn who_can_be_asked_at_once_is() {
    let (talk, mut hears) = Talk::new(forms(&[], true));
    let replying = tokio::spawn(async move {
        let Some(Said::Ask(question, reply)) = hears.recv().await else { panic!() };
        reply.send(Ok(json!({"action": "decline", "key": question.key}))).unwrap();
    });
    assert_eq!(talk.form("a", "?", json!({"type": "object"})).await.unwrap(), Answer::Declined);
    replying.await.unwrap();
    assert!(talk.form("b", "?", json!({"type": "object"})).await.is_err(), "nobody is left to answer");
}

#[tokio::test]
async fn a_client_is_asked_only_what_it_said_it_can() {
    let (talk, _hears) = Talk::new(forms(&[], false));
    let url = Question::url("u", "Open", "https://a.example", "1");
    assert!(matches!(talk.ask(vec![url]).await, Err(ActionError::Cannot(Ability::Url))));
    let turn = Turn::unheard(caller());
    let asked = turn.talk().unwrap().form("a", "?", json!({})).await;
    assert!(matches!(asked, Err(ActionError::Cannot(Ability::Form))));
    assert!(matches!(Turn::plain(caller()).talk(), Err(ActionError::Speechless)));
}
