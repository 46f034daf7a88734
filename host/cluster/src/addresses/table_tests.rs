use serde_json::{Value, json};

use super::*;
use crate::addresses::object::{PodAddress, ServiceAddress};

fn pod(name: &str, addresses: &[&str]) -> PodAddress {
    let all: Vec<Value> = addresses.iter().map(|address| json!({"ip": address})).collect();
    serde_json::from_value(json!({
        "metadata": {"namespace": "shop", "name": name}, "spec": {"hostNetwork": false},
        "status": {"podIP": addresses.first(), "podIPs": all},
    }))
    .unwrap()
}

fn service(name: &str, address: &str) -> ServiceAddress {
    serde_json::from_value(json!({
        "metadata": {"namespace": "shop", "name": name}, "spec": {"clusterIP": address, "clusterIPs": [address]},
    }))
    .unwrap()
}

fn whose(table: &Table, address: &str) -> Option<String> {
    table
        .find(address.parse().unwrap())
        .map(|place| format!("{} {}/{}", place.kind, place.namespace, place.name))
}

#[tokio::test]
async fn pods_and_services() {
    let (mut table, now) = (Table::new(10), Instant::now());
    table.take(Event::Changed(pod("web", &["10.0.0.1", "fd00::1"])), now);
    table.take(Event::Changed(service("front", "10.96.0.1")), now);
    table.take(Event::Changed(service("headless", "None")), now);
    assert_eq!(whose(&table, "10.0.0.1").as_deref(), Some("pod shop/web"));
    assert_eq!(whose(&table, "fd00::1").as_deref(), Some("pod shop/web"));
    assert_eq!(whose(&table, "10.96.0.1").as_deref(), Some("service shop/front"));
    assert_eq!(table.status().addresses, 3);
}

#[tokio::test]
async fn pods_on_the_nodes_network_are_passed_over() {
    let mut on_node =
        json!({"metadata": {"namespace": "shop", "name": "proxy"}, "spec": {"hostNetwork": true}});
    on_node["status"] = json!({"podIP": "192.168.0.5"});
    let (mut table, now) = (Table::new(10), Instant::now());
    let on_node: PodAddress = serde_json::from_value(on_node).unwrap();
    assert!(!table.take(Event::Changed(on_node), now));
    assert_eq!((whose(&table, "192.168.0.5"), table.status().host_network), (None, 1));
}

#[tokio::test]
async fn an_address_goes_from_one_to_the_next() {
    let (mut table, now) = (Table::new(10), Instant::now());
    table.take(Event::Changed(pod("a", &["10.0.0.1"])), now);
    table.take(Event::Changed(pod("b", &["10.0.0.1"])), now);
    // Word that the first is gone comes late, and takes nothing from the second.
    table.take(Event::Removed(pod("a", &["10.0.0.1"])), now);
    table.sweep(now + AFTER);
    assert_eq!(whose(&table, "10.0.0.1").as_deref(), Some("pod shop/b"));
    table.take(Event::Changed(pod("b", &["10.0.0.2"])), now);
    assert_eq!(whose(&table, "10.0.0.1").as_deref(), Some("pod shop/b"), "for a minute");
    table.sweep(now + AFTER);
    assert_eq!((whose(&table, "10.0.0.1"), table.status().addresses), (None, 1));
}

#[tokio::test]
async fn what_a_new_list_lacks_is_gone_and_only_of_that_kind() {
    let (mut table, now) = (Table::new(10), Instant::now());
    table.take(Event::<PodAddress>::Begin, now);
    table.take(Event::Listed(pod("a", &["10.0.0.1"])), now);
    table.take(Event::Listed(pod("b", &["10.0.0.2"])), now);
    table.take(Event::<PodAddress>::Complete, now);
    assert!(!table.is_complete());
    table.take(Event::<ServiceAddress>::Begin, now);
    table.take(Event::Listed(service("front", "10.96.0.1")), now);
    table.take(Event::<ServiceAddress>::Complete, now);
    assert!(table.is_complete());
    table.take(Event::<PodAddress>::Begin, now);
    table.take(Event::Listed(pod("b", &["10.0.0.2"])), now);
    table.take(Event::<PodAddress>::Complete, now);
    table.sweep(now + AFTER);
    assert_eq!(whose(&table, "10.0.0.1"), None);
    assert!(whose(&table, "10.0.0.2").is_some() && whose(&table, "10.96.0.1").is_some());
    assert_eq!(table.by_place.len(), 2);
}

#[tokio::test]
async fn what_has_no_room_is_counted() {
    let (mut table, now) = (Table::new(2), Instant::now());
    for number in 0..4 {
        table.take(Event::Changed(pod(&format!("p{number}"), &[&format!("10.0.0.{number}")])), now);
    }
    assert_eq!((table.status().addresses, table.status().left_out), (2, 2));
    assert_eq!(table.by_place.len(), 2);
    table.take(Event::Removed(pod("p0", &[])), now);
    assert!(table.take(Event::Changed(pod("p4", &["10.0.0.4"])), now + AFTER), "room was made");
    assert_eq!(whose(&table, "10.0.0.4").as_deref(), Some("pod shop/p4"));
}

#[tokio::test]
async fn a_pod_of_the_same_name_with_the_same_address_comes_back() {
    let (mut table, now) = (Table::new(2), Instant::now());
    table.take(Event::Changed(pod("db-0", &["10.0.0.1"])), now);
    table.take(Event::Removed(pod("db-0", &["10.0.0.1"])), now);
    table.take(Event::Changed(pod("db-0", &["10.0.0.1"])), now);
    table.sweep(now + AFTER);
    assert_eq!(whose(&table, "10.0.0.1").as_deref(), Some("pod shop/db-0"));
}
