use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use gadget_registry::descriptor::{DESCRIPTOR_VERSION, Descriptor, Links, Permissions};
use serde_json::json;

use super::*;
use crate::answer::{Answer, Identity, Loss, Summary};

/// Stands in for the fleet: gives `rows` rows, one each five milliseconds, then waits for its duration or the end.
#[derive(Default)]
struct Stub {
    going: AtomicUsize,
}

impl Runner for Stub {
    fn request(&self, _: &Gadget, arguments: Map<String, Value>) -> Result<Request, RunError> {
        let duration = arguments.get("duration").and_then(Value::as_f64).map(Duration::from_secs_f64);
        Ok(Request { params: arguments, duration, ..Request::default() })
    }

    async fn run(
        &self,
        _: Arc<Gadget>,
        request: Request,
        mut sink: Box<dyn Sink>,
        cancel: CancellationToken,
    ) -> Result<Report, RunError> {
        if request.params.contains_key("fail") {
            return Err(RunError::Argument { field: "container".into(), message: "there is none".into() });
        }
        self.going.fetch_add(1, Ordering::SeqCst);
        for number in 0..request.params.get("rows").and_then(Value::as_u64).unwrap_or(0) {
            let _ = sink.rows(format!("{{\"n\":{number},\"p\":\"x\"}}\n").as_bytes(), 1);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::select! {
            () = cancel.cancelled() => {}
            () = tokio::time::sleep(request.duration.unwrap_or(Duration::from_secs(600))) => {}
        }
        self.going.fetch_sub(1, Ordering::SeqCst);
        Ok(Report { summary: Summary::default(), loss: Loss::new(1, 0, 0), attach: Duration::ZERO })
    }
}

fn identity() -> Identity {
    let text = || "t".to_owned();
    Identity { name: text(), version: text(), reference: text(), digest: text(), signed_by: text() }
}

fn gadget(kind: Kind) -> Arc<Gadget> {
    let descriptor = Descriptor {
        descriptor: DESCRIPTOR_VERSION,
        contract: String::new(),
        name: "t".into(),
        version: "1".into(),
        title: String::new(),
        description: String::new(),
        kind,
        merge: false,
        tools: vec![],
        hooks: vec![],
        views: vec![],
        permissions: Permissions::default(),
        prompts: vec![],
        links: Links::default(),
    };
    Arc::new(Gadget { identity: identity(), descriptor, tools: vec![], readme: None })
}

fn runs(limits: Limits) -> Arc<Runs<Stub>> {
    Runs::new(Arc::default(), limits)
}

async fn start(runs: &Runs<Stub>, arguments: Value, owner: &str) -> Result<Run, RunsError> {
    runs.start(gadget(Kind::Stream), arguments.as_object().unwrap().clone(), None, owner).await
}

fn ask<'a>(id: Option<&'a str>, cursor: Option<&'a str>, wait: u64) -> Ask<'a> {
    Ask { id, cursor, wait: Duration::from_millis(wait), max_rows: 1000, budget: 1 << 20 }
}

fn numbers(page: &Page) -> Vec<u64> {
    let number = |row: &str| serde_json::from_str::<Value>(row).unwrap()["n"].as_u64().unwrap();
    page.rows.iter().map(|row| number(row.get())).collect()
}

#[tokio::test]
async fn rows_are_read_in_pages_and_waited_for() {
    let runs = runs(Limits::default());
    let run = start(&runs, json!({"rows": 60}), "me").await.unwrap();
    assert_eq!(run.status, Status::Running);
    let first = runs.get(ask(Some(&run.id), None, 0), "me").await.unwrap();
    assert!(!first.rows.is_empty() && first.summary.is_none());
    let mut seen = numbers(&first);
    let mut cursor = first.cursor;
    while seen.len() < 60 {
        let page = runs.get(ask(None, Some(&cursor), 5_000), "me").await.unwrap();
        assert!(!page.rows.is_empty(), "a wait ended without rows");
        assert_eq!((page.missed, page.run.dropped), (0, 0));
        seen.extend(numbers(&page));
        cursor = page.cursor;
    }
    assert_eq!(seen, (0..60).collect::<Vec<_>>());
    // No more come: the wait is as long as was asked for, and no error.
    let begin = Instant::now();
    let none = runs.get(ask(None, Some(&cursor), 50), "me").await.unwrap();
    assert!(none.rows.is_empty() && begin.elapsed() >= Duration::from_millis(50));
    assert!(none.text().contains("no new rows yet"), "{}", none.text());

    let stopped = runs.stop(&run.id, "me").await.unwrap();
    assert_eq!((stopped.status, stopped.rows, stopped.lost), (Status::Stopped, 60, 1));
    assert_eq!(runs.runner.going.load(Ordering::SeqCst), 0);
    let page = runs.get(Ask { max_rows: 7, ..ask(Some(&run.id), None, 0) }, "me").await.unwrap();
    assert_eq!((page.rows.len(), page.left), (7, 53));
    assert!(page.loss.is_some() && page.text().contains("53 more rows"), "{}", page.text());
    let page = runs.get(Ask { budget: 100, ..ask(Some(&run.id), None, 0) }, "me").await.unwrap();
    assert!(!page.rows.is_empty() && page.rows.len() + page.left as usize == 60);
}

#[tokio::test]
async fn a_run_is_its_owners_alone() {
    let runs = runs(Limits::default());
    let run = start(&runs, json!({}), "me").await.unwrap();
    let other = [
        runs.get(ask(Some(&run.id), None, 0), "you").await.err().unwrap().to_string(),
        runs.get(ask(None, Some(&format!("{}.0", run.id)), 0), "you").await.err().unwrap().to_string(),
        runs.stop(&run.id, "you").await.err().unwrap().to_string(),
    ];
    let unknown = runs.stop(&"x".repeat(16), "me").await.err().unwrap().to_string();
    for error in other {
        assert_eq!(error.replace(&run.id, "ID"), unknown.replace(&"x".repeat(16), "ID"));
    }
    assert!(runs.list("you").is_empty());
    assert_eq!(runs.list("me").len(), 1);
    for wrong in ["", "nonsense", "a.b.c", &format!("{}.x", run.id)] {
        let error = runs.get(ask(None, Some(wrong), 0), "me").await.err().unwrap();
        assert!(matches!(error, RunsError::Cursor(_)), "{error}");
    }
    runs.shutdown().await;
}

#[tokio::test]
async fn quotas_hold_for_one_and_for_all() {
    let runs = runs(Limits { running: (2, 3), ..Limits::default() });
    let first = start(&runs, json!({}), "a").await.unwrap();
    start(&runs, json!({}), "a").await.unwrap();
    let error = start(&runs, json!({}), "a").await.err().unwrap().to_string();
    assert!(error.contains("2 background runs") && error.contains("of yours"), "{error}");
    start(&runs, json!({}), "b").await.unwrap();
    let error = start(&runs, json!({}), "b").await.err().unwrap().to_string();
    assert!(error.contains("3 background runs") && error.contains("on this server"), "{error}");
    runs.stop(&first.id, "a").await.unwrap();
    start(&runs, json!({}), "b").await.unwrap();
    runs.shutdown().await;
}

#[tokio::test]
async fn runs_end_and_are_forgotten_when_their_time_is_over() {
    let runs = runs(Limits { time_to_live: Duration::from_millis(400), ..Limits::default() });
    let run = start(&runs, json!({"rows": 2}), "me").await.unwrap();
    let page = runs.get(ask(None, Some(&format!("{}.2", run.id)), 5_000), "me").await.unwrap();
    assert_eq!((page.run.status, page.run.rows), (Status::Expired, 2));
    // Its rows can still be read for as long again.
    assert_eq!(runs.get(ask(Some(&run.id), None, 0), "me").await.unwrap().rows.len(), 2);
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert!(matches!(runs.get(ask(Some(&run.id), None, 0), "me").await, Err(RunsError::Unknown(_))));
    assert!(runs.list("me").is_empty());
}

#[tokio::test]
async fn memory_is_bounded_and_the_oldest_rows_counted() {
    let runs = runs(Limits { bytes: (500, 1 << 20), ..Limits::default() });
    let run = start(&runs, json!({"rows": 40, "duration": 0.01}), "me").await.unwrap();
    let page = runs.get(ask(None, Some(&format!("{}.1000", run.id)), 5_000), "me").await.unwrap();
    assert_eq!((page.run.status, page.run.rows), (Status::Ended, 40));
    let page = runs.get(ask(Some(&run.id), None, 0), "me").await.unwrap();
    assert!(page.missed > 20 && page.missed + page.rows.len() as u64 == 40, "{page:?}");
    assert_eq!(numbers(&page).first(), Some(&page.missed));
    assert!(page.text().contains("no longer kept"), "{}", page.text());
}

#[tokio::test]
async fn what_is_wrong_with_a_call_shows_at_once() {
    let runs = runs(Limits::default());
    let error = start(&runs, json!({"fail": true}), "me").await.err().unwrap().to_string();
    assert_eq!(error, "argument `container`: there is none");
    assert!(runs.list("me").is_empty());
    let error = runs.start(gadget(Kind::Tool), Map::new(), None, "me").await.err().unwrap().to_string();
    assert!(error.contains("call it directly"), "{error}");
}

#[tokio::test]
async fn runs_end_with_the_server() {
    let runs = runs(Limits::default());
    start(&runs, json!({"rows": 1}), "me").await.unwrap();
    assert_eq!(runs.runner.going.load(Ordering::SeqCst), 1);
    runs.shutdown().await;
    assert_eq!(runs.runner.going.load(Ordering::SeqCst), 0);
    assert!(matches!(start(&runs, json!({}), "me").await, Err(RunsError::Closed(_))));
}

#[tokio::test]
async fn an_answer_is_cut_to_its_budget_and_its_cursor_gets_the_rest() {
    let runs = runs(Limits { kept: 2, ..Limits::default() });
    let answer = |rows: u64| Answer {
        rows: (0..rows)
            .map(|it| serde_json::value::to_raw_value(&json!({"n": it, "path": "x".repeat(40)})).unwrap())
            .collect(),
        summary: Summary { returned: rows, ..Summary::default() },
        loss: Loss::default(),
        gadget: identity(),
        cursor: None,
    };
    let whole = runs.fit(answer(10), "me", DEFAULT_BUDGET, false);
    assert!(whole.answer.rows.len() == 10 && whole.answer.cursor.is_none());

    let cut = runs.fit(answer(5_000), "me", DEFAULT_BUDGET, false);
    assert!(cut.text.len() <= DEFAULT_BUDGET, "{}", cut.text.len());
    assert!(cut.text.len() > DEFAULT_BUDGET / 2, "{}", cut.text.len());
    let mut got = cut.answer.rows.len();
    assert!(cut.text.contains(&format!("{} of these 5000 rows left out", 5_000 - got)), "{}", cut.text);
    let mut cursor = cut.answer.cursor.unwrap();
    assert!(runs.get(ask(None, Some(&cursor), 0), "you").await.is_err());
    loop {
        let page = Ask { budget: DEFAULT_BUDGET, ..ask(None, Some(&cursor), 0) };
        let page = runs.get(page, "me").await.unwrap();
        assert_eq!(numbers(&page)[0], got as u64);
        got += page.rows.len();
        if page.left == 0 {
            break;
        }
        cursor = page.cursor;
    }
    assert_eq!(got, 5_000);
    // Answers are no runs, and only so many are kept.
    assert!(runs.list("me").is_empty());
    for _ in 0..5 {
        runs.fit(answer(5_000), "me", DEFAULT_BUDGET, false);
    }
    assert!(runs.get(ask(None, Some(&cursor), 0), "me").await.is_err());
    assert_eq!(runs.lock().len(), 2);

    // All rows can be kept, for what is made of them later.
    let kept = runs.fit(answer(10), "me", DEFAULT_BUDGET, true);
    let id = kept.kept.unwrap();
    let whole = async |id: &str, owner: &str| runs.get(Ask::whole(id, usize::MAX), owner).await;
    assert!(kept.answer.cursor.is_none() && whole(&id, "you").await.is_err());
    let page = whole(&id, "me").await.unwrap();
    assert_eq!((page.rows.len(), page.missed, page.gadget.name.as_str()), (10, 0, "t"));
    let cut = runs.fit(answer(5_000), "me", DEFAULT_BUDGET, true);
    let (id, got) = (cut.kept.unwrap(), cut.answer.rows.len());
    assert_eq!(cut.answer.cursor.as_deref(), Some(format!("{id}.{got}").as_str()));
    assert_eq!(whole(&id, "me").await.unwrap().rows.len(), 5_000);
    // What another server sends of a run reads as it does there.
    let page = runs.get(Ask::whole(&id, 2_000), "me").await.unwrap();
    let sent = serde_json::to_vec(&page).unwrap();
    let got: Page = serde_json::from_slice(&sent).unwrap();
    let got = got.received(page.run.updated.clone(), 2_000);
    assert_eq!((got.text(), got.run.updated.as_str()), (page.text(), page.run.updated.as_str()));
    assert!(got.left > 0 && got.rows.len() == page.rows.len());
    runs.shutdown().await;
}

#[tokio::test]
async fn what_is_forgotten_for_want_of_room_gives_its_bytes_back() {
    let runs = runs(Limits { kept: 1, ..Limits::default() });
    for _ in 0..3 {
        let run = start(&runs, json!({"rows": 10, "duration": 0}), "me").await.unwrap();
        runs.find(&run.id, "me").unwrap().ended().await;
    }
    // The first one is forgotten when the third is started, though its time is not over.
    let kept: usize = runs.list("me").iter().map(|it| usize::try_from(it.rows).unwrap()).sum();
    assert_eq!((runs.list("me").len(), kept), (2, 20));
    let deadline = Instant::now() + Duration::from_secs(5);
    while runs.bytes.used() > 20 * 64 {
        assert!(Instant::now() < deadline, "{} bytes are held", runs.bytes.used());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(runs.tasks.len(), 2);
    runs.shutdown().await;
}

#[tokio::test]
async fn runs_of_objects_have_no_end_of_their_own_and_go_with_their_object() {
    let runs: Arc<Runs<Stub>> = Runs::of_objects(Arc::default(), (1 << 20, 1 << 20));
    let start = |object: &'static str, nodes: &[String]| {
        let arguments = json!({"rows": 3}).as_object().unwrap().clone();
        let (runs, nodes) = (runs.clone(), nodes.to_vec());
        async move { runs.start_for(object, gadget(Kind::Stream), arguments, &nodes).await.unwrap() }
    };
    let (one, other) = (start("a", &["n1".to_owned()]).await, start("b", &[]).await);
    assert_eq!(one.arguments["node"], json!(["n1"]));
    assert!(!other.arguments.contains_key("node"));
    assert!(one.text().ends_with(", of the Gadget object a"), "{}", one.text());
    assert_eq!(runs.all().len(), 2);
    assert_eq!(runs.owner_of(&one.id).as_deref(), Some("a"));
    assert_eq!(runs.owner_of(&id::cursor(&one.id, 2)).as_deref(), Some("a"));
    assert_eq!(runs.owner_of("nothing"), None);
    assert!(runs.look(&one.id, "b").is_err(), "it is of another object");
    assert!(runs.look(&one.id, "a").unwrap().1.is_none(), "it goes on");
    runs.end("a").await;
    assert_eq!(runs.all().iter().map(|it| &it.id).collect::<Vec<_>>(), [&other.id]);
    assert_eq!(runs.runner.going.load(Ordering::SeqCst), 1);
    runs.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_objects_are_for_who_may_see_everything_and_nobody_stops_them() {
    let (own, objects) =
        (runs(Limits::default()), Runs::of_objects(Arc::new(Stub::default()), (1 << 20, 1 << 20)));
    let mine = own.start(gadget(Kind::Stream), Map::new(), None, "me").await.unwrap();
    let its = objects.start_for("it", gadget(Kind::Stream), Map::new(), &[]).await.unwrap();
    let kept = Kept::new(own.clone(), Some(objects.clone()));
    let asker = |all| Asker { owner: "me", all };
    let ids = |all| kept.list(asker(all)).into_iter().map(|it| it.id).collect::<Vec<_>>();
    assert_eq!((ids(false), ids(true)), (vec![mine.id.clone()], vec![mine.id.clone(), its.id.clone()]));
    assert_eq!(kept.list(Asker { owner: "you", all: false }).len(), 0);
    assert!(matches!(kept.get(asker(false), Ask::whole(&its.id, 99)).await, Err(RunsError::Unknown(_))));
    assert_eq!(
        kept.get(asker(true), Ask::whole(&its.id, 99)).await.unwrap().run.object.as_deref(),
        Some("it")
    );
    assert!(matches!(kept.stop(asker(false), &its.id).await, Err(RunsError::Unknown(_))));
    let stays = kept.stop(asker(true), &its.id).await.unwrap_err().to_string();
    assert!(stays.contains("suspend the object"), "{stays}");
    assert_eq!(kept.stop(asker(true), &mine.id).await.unwrap().status, Status::Stopped);
    tokio::join!(own.shutdown(), objects.shutdown());
}
