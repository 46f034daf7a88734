use serde_json::{Value, json};

use super::*;

fn sent(uid: &str, name: &str, labels: Value) -> Sent {
    serde_json::from_value(
        json!({"metadata": {"uid": uid, "name": name, "namespace": "shop", "labels": labels}}),
    )
    .unwrap()
}

fn listed(table: &mut Table, pods: &[(&str, &str)], now: Instant) {
    table.take(Event::Begin, now);
    for (uid, name) in pods {
        table.take(Event::Listed(sent(uid, name, json!({"app": name}))), now);
    }
    table.take(Event::Complete, now);
}

fn names(table: &Table) -> Vec<String> {
    table.all().iter().map(|pod| pod.name.to_string()).collect()
}

fn label(table: &Table, uid: &str, name: &str) -> Option<String> {
    table.by_uid(uid)?.label(name).map(str::to_owned)
}

#[tokio::test]
async fn what_is_gone_is_found_for_a_minute() {
    let (mut table, now) = (Table::new(Labels::All), Instant::now());
    listed(&mut table, &[("1", "web"), ("2", "db")], now);
    assert_eq!(names(&table), ["db", "web"]);
    assert!(table.take(Event::Removed(sent("1", "web", json!({}))), now));
    assert_eq!(names(&table), ["db"], "no scope has it");
    assert_eq!(table.by_uid("1").unwrap().label("app"), Some("web"), "but late events do");
    table.sweep(now + Duration::from_secs(59));
    assert!(table.by_uid("1").is_some() && table.by_name("shop", "web").is_some());
    table.sweep(now + Duration::from_secs(60));
    assert!(table.by_uid("1").is_none() && table.by_name("shop", "web").is_none());
}

#[tokio::test]
async fn what_a_new_list_lacks_is_gone() {
    let (mut table, now) = (Table::new(Labels::All), Instant::now());
    listed(&mut table, &[("1", "web"), ("2", "db")], now);
    listed(&mut table, &[("2", "db"), ("3", "cache")], now);
    assert_eq!(names(&table), ["cache", "db"]);
    let status = table.status(None);
    assert_eq!((status.pods, status.gone, status.complete), (2, 1, true));
}

#[tokio::test]
async fn a_name_is_the_newest_pods() {
    let (mut table, now) = (Table::new(Labels::All), Instant::now());
    listed(&mut table, &[("1", "db-0")], now);
    table.take(Event::Changed(sent("2", "db-0", json!({}))), now);
    table.take(Event::Removed(sent("1", "db-0", json!({}))), now);
    assert_eq!(&*table.by_name("shop", "db-0").unwrap().uid, "2");
    table.sweep(now + AFTER);
    assert_eq!(&*table.by_name("shop", "db-0").unwrap().uid, "2");
}

#[tokio::test]
async fn changes_are_told_once() {
    let (mut table, now) = (Table::new(Labels::All), Instant::now());
    assert!(table.take(Event::Changed(sent("1", "web", json!({"a": "b"}))), now));
    assert!(!table.take(Event::Changed(sent("1", "web", json!({"a": "b"}))), now), "of no interest here");
    assert!(table.take(Event::Changed(sent("1", "web", json!({"a": "c"}))), now));
    assert_eq!((names(&table), label(&table, "1", "a")), (vec!["web".to_owned()], Some("c".to_owned())));
}

#[tokio::test]
async fn the_node_knows_some_by_another_uid() {
    let (mut table, now) = (Table::new(Labels::All), Instant::now());
    let mut pod = sent("1", "etcd", json!({}));
    pod.metadata.annotations.config_hash = Some("abc".into());
    table.take(Event::Changed(pod), now);
    assert_eq!(&*table.by_uid("abc").unwrap().name, "etcd");
    table.take(Event::Removed(sent("1", "etcd", json!({}))), now);
    table.sweep(now + AFTER);
    assert!(table.by_uid("abc").is_none() && table.by_node_uid.is_empty());
}

#[tokio::test]
async fn labels_are_bounded_and_counted() {
    let many: serde_json::Map<_, _> = (0..50).map(|number| (format!("l{number:02}"), json!("v"))).collect();
    let now = Instant::now();
    let mut table = Table::new(Labels::All);
    table.take(Event::Changed(sent("1", "web", Value::Object(many.clone()))), now);
    assert_eq!((label(&table, "1", "l47").as_deref(), label(&table, "1", "l48")), (Some("v"), None));
    assert_eq!(table.status(None).labels_left_out, 2);
    let mut table = Table::new(Labels::Only(vec!["l49".into()]));
    table.take(Event::Changed(sent("1", "web", Value::Object(many))), now);
    assert_eq!(table.by_uid("1").unwrap().labels().collect::<Vec<_>>(), [("l49", "v")]);
    assert_eq!(table.status(None).labels_left_out, 0);
}

#[tokio::test]
async fn names_are_kept_once_and_no_longer_than_used() {
    let (mut table, now) = (Table::new(Labels::All), Instant::now());
    table.take(Event::Changed(sent("1", "a", json!({"app": "web"}))), now);
    table.take(Event::Changed(sent("2", "b", json!({"app": "web"}))), now);
    let [a, b] = ["1", "2"].map(|uid| table.by_uid(uid).unwrap().clone());
    assert!(Arc::ptr_eq(&a.namespace, &b.namespace));
    assert_eq!(a.label("app").unwrap().as_ptr(), b.label("app").unwrap().as_ptr());
    drop((a, b));
    for uid in ["1", "2"] {
        table.take(Event::Removed(sent(uid, "", json!({}))), now);
    }
    table.sweep(now + AFTER);
    assert_eq!(table.names.len(), 0, "{:?}", table.names);
}
