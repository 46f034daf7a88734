//! The API server away, busy, forgetful: what was known stays, says since when it is stale, and goes on.

use std::time::{Duration, SystemTime};

use gadgetry_cluster::pods::{Labels, Pods};
use gadgetry_kube_double::Fault;
use serde_json::json;

use crate::world::{World, pod, soon};

async fn known(pods: &Pods, name: &str) {
    soon(&format!("pod {name}"), || async { pods.by_name("shop", name) }).await;
}

fn put(world: &World, name: &str) {
    let mut pod = pod(name, "n1", json!({}));
    pod["metadata"]["namespace"] = "shop".into();
    world.as_double().put(pod);
}

async fn following() -> (World, Pods) {
    let world = World::double().await;
    put(&world, "first");
    let pods = Pods::watch(world.client(), Some("n1"), Labels::All);
    known(&pods, "first").await;
    (world, pods)
}

#[tokio::test]
async fn down_and_up_again() {
    let (world, pods) = following().await;
    let before = SystemTime::now();
    world.as_double().close().await;
    let stale = soon("stale", || async { pods.status().stale }).await;
    assert!(stale.reason.contains("refused"), "{}", stale.reason);
    assert!(stale.since <= SystemTime::now() && stale.since + Duration::from_secs(5) > before);
    assert!(pods.by_name("shop", "first").is_some(), "what was known stays");
    // Things happen meanwhile.
    put(&world, "second");
    world.as_double().remove("Pod", "shop", "first");
    world.as_double().open().await;
    known(&pods, "second").await;
    soon("fresh", || async { pods.status().stale.is_none().then_some(()) }).await;
    let status = pods.status();
    assert_eq!((status.pods, status.gone), (1, 1));
}

#[tokio::test]
async fn fresh_again_without_anything_happening() {
    let (world, pods) = following().await;
    world.as_double().close().await;
    soon("stale", || async { pods.status().stale }).await;
    world.as_double().open().await;
    soon("fresh", || async { pods.status().stale.is_none().then_some(()) }).await;
}

#[tokio::test]
async fn the_connection_is_cut() {
    let (world, pods) = following().await;
    for number in 0..5 {
        world.as_double().cut().await;
        put(&world, &format!("p{number}"));
        known(&pods, &format!("p{number}")).await;
    }
    let seen = world.as_double().seen();
    let lists =
        seen.iter().filter(|seen| seen.path == "/api/v1/pods" && !seen.query.contains("watch")).count();
    assert_eq!(lists, 1, "it went on from where it was");
}

#[tokio::test]
async fn gone() {
    let (world, pods) = following().await;
    for (number, at_start) in [false, true].into_iter().enumerate() {
        // What is removed while nobody looks must not stay.
        let name = format!("p{number}");
        put(&world, &name);
        known(&pods, &name).await;
        if at_start {
            world.as_double().close().await;
            soon("stale", || async { pods.status().stale }).await;
        }
        world.as_double().remove("Pod", "shop", &name);
        world.as_double().expire();
        if at_start {
            world.as_double().open().await;
        }
        soon("its end", || async { (pods.status().pods == 1).then_some(()) }).await;
    }
    assert_eq!(pods.status().stale, None);
}

#[tokio::test]
async fn gone_by_the_answer_itself() {
    let (world, pods) = following().await;
    world.as_double().fault("pods", Fault::Gone);
    world.as_double().cut().await;
    put(&world, "second");
    known(&pods, "second").await;
    world.as_double().heal();
    soon("fresh", || async { pods.status().stale.is_none().then_some(()) }).await;
}

#[tokio::test]
async fn as_late_as_the_server_asks() {
    let (world, pods) = following().await;
    let double = world.as_double();
    double.fault("pods", Fault::Busy(5));
    double.cut().await;
    let stale = soon("stale", || async { pods.status().stale }).await;
    assert!(stale.reason.contains("429"), "{}", stale.reason);
    let count = || double.seen().iter().filter(|seen| seen.path == "/api/v1/pods").count();
    let before = count();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(count(), before, "it waits for five seconds");
    double.heal();
    put(&world, "second");
    known(&pods, "second").await;
}

#[tokio::test]
async fn attempts_are_spaced_out() {
    let (world, pods) = following().await;
    let double = world.as_double();
    double.fault("pods", Fault::Unavailable);
    double.cut().await;
    soon("stale", || async { pods.status().stale }).await;
    let count = || double.seen().iter().filter(|seen| seen.path == "/api/v1/pods").count();
    let before = count();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!((1..=6).contains(&(count() - before)), "{}", count() - before);
}

#[tokio::test]
async fn forbidden_is_told_and_not_for_ever() {
    let world = World::double().await;
    world.as_double().fault("pods", Fault::Forbidden);
    put(&world, "first");
    let pods = Pods::watch(world.client(), Some("n1"), Labels::All);
    let stale = soon("stale", || async { pods.status().stale }).await;
    assert!(stale.reason.contains("403"), "{}", stale.reason);
    assert!(!pods.status().complete);
    world.as_double().heal();
    known(&pods, "first").await;
}

#[tokio::test]
async fn slow_is_not_away() {
    let world = World::double().await;
    world.as_double().fault("pods", Fault::Slow(Duration::from_millis(300)));
    put(&world, "first");
    let pods = Pods::watch(world.client(), Some("n1"), Labels::All);
    pods.complete().await;
    known(&pods, "first").await;
    assert_eq!(pods.status().stale, None);
}
