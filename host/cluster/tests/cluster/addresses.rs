use std::net::IpAddr;

use gadgetry_cluster::addresses::{Addresses, Kind};
use serde_json::json;

use crate::world::{World, pod, soon};

#[tokio::test]
async fn pods_and_services_have_names() {
    let mut world = World::any().await;
    let mut web = pod("web", "gadgetry-test-nowhere", json!({}));
    web["status"] = json!({"podIP": "192.0.2.7", "podIPs": [{"ip": "192.0.2.7"}], "phase": "Running"});
    world.apply(web.clone()).await;
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "front"},
        "spec": {"ports": [{"port": 80}], "selector": {"app": "web"}},
    });
    let made = world.apply(service).await;
    let cluster_ip: IpAddr = made.data["spec"]["clusterIP"].as_str().unwrap().parse().unwrap();

    let addresses = Addresses::watch(world.client(), 50_000);
    addresses.complete().await;
    let at = |address: IpAddr| {
        addresses.find(address).map(|place| (place.kind, place.namespace.to_string(), place.name.to_string()))
    };
    let of = |kind, name: &str| Some((kind, world.namespace.clone(), name.to_owned()));
    assert_eq!(at("192.0.2.7".parse().unwrap()), of(Kind::Pod, "web"));
    assert_eq!(at("::ffff:192.0.2.7".parse().unwrap()), of(Kind::Pod, "web"), "the same, written as IPv6");
    assert_eq!(at(cluster_ip), of(Kind::Service, "front"));
    assert_eq!(at("192.0.2.8".parse().unwrap()), None);

    let mut other = pod("other", "gadgetry-test-nowhere", json!({}));
    other["status"] = json!({"podIP": "192.0.2.8", "podIPs": [{"ip": "192.0.2.8"}], "phase": "Running"});
    world.apply(other).await;
    soon("the other pod", || async { addresses.find("192.0.2.8".parse().unwrap()) }).await;
    world.delete(&web).await;
    assert_eq!(addresses.status().left_out, 0);
    world.end().await;
}
