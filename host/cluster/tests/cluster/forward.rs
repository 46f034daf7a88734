use std::net::SocketAddr;

use gadgetry_cluster::forward::{Forward, ForwardError, ForwardOptions, ForwardStream};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::world::{World, soon};

const PORT: u16 = 9443;

fn server(name: &str, ready: bool) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "gadgetry",
            "labels": {"app.kubernetes.io/name": "gadgetry", "app.kubernetes.io/component": "server"},
        },
        "spec": {"nodeName": "n1", "containers": []},
        "status": {
            "phase": "Running", "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
        },
    })
}

/// Says its name to whoever connects, then whatever it is told.
async fn echo(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.write_all(name.as_bytes()).await;
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    address
}

async fn hears(stream: &mut ForwardStream, wanted: &str) {
    let mut heard = vec![0; wanted.len()];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(String::from_utf8(heard).unwrap(), wanted);
}

#[tokio::test]
async fn one_connection_carries_everything() {
    let world = World::double().await;
    let double = world.as_double();
    double.put(server("down", false));
    double.put(server("up", true));
    double.forward("gadgetry", "up", PORT, echo("up!").await);
    let forward = Forward::new(world.client(), ForwardOptions::new("gadgetry", PORT));
    assert_eq!(forward.opened(), 0, "not before it is used");
    let mut stream = forward.open().await.unwrap();
    assert_eq!(stream.pod(), "up");
    hears(&mut stream, "up!").await;
    // More than all buffers on the way have room for, both ways at once.
    let sent: Vec<u8> = (0..8_000_000_u32).map(|number| (number / 7) as u8).collect();
    let (mut read, mut write) = tokio::io::split(stream);
    let copy = sent.clone();
    let writing = tokio::spawn(async move {
        write.write_all(&copy).await.unwrap();
        write.flush().await.unwrap();
        write
    });
    let mut got = vec![0; sent.len()];
    read.read_exact(&mut got).await.unwrap();
    assert!(got == sent, "what was sent came back");
    drop(writing.await.unwrap());
    assert_eq!(forward.opened(), 1);
    let forwards = double.seen().iter().filter(|seen| seen.path.ends_with("/portforward")).count();
    assert_eq!(forwards, 1);
}

#[tokio::test]
async fn a_broken_one_ends_and_another_takes_its_place() {
    let world = World::double().await;
    let double = world.as_double();
    double.put(server("s", true));
    double.forward("gadgetry", "s", PORT, echo("hello").await);
    let forward = Forward::new(world.client(), ForwardOptions::new("gadgetry", PORT));
    let mut first = forward.open().await.unwrap();
    hears(&mut first, "hello").await;
    double.cut().await;
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(crate::world::SOON, first.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "whoever reads is told that it is over");
    let mut second = forward.open().await.unwrap();
    hears(&mut second, "hello").await;
    // A third ends the second: there is one at a time.
    let mut third = forward.open().await.unwrap();
    hears(&mut third, "hello").await;
    let ended = tokio::time::timeout(crate::world::SOON, second.read_to_end(&mut rest)).await;
    assert!(ended.is_ok());
    assert_eq!(forward.opened(), 3);
}

#[tokio::test]
async fn the_server_goes_and_another_is_ready() {
    let world = World::double().await;
    let double = world.as_double();
    double.put(server("a", true));
    double.put(server("b", true));
    double.forward("gadgetry", "a", PORT, echo("a").await);
    double.forward("gadgetry", "b", PORT, echo("b").await);
    let forward = Forward::new(world.client(), ForwardOptions::new("gadgetry", PORT));
    hears(&mut forward.open().await.unwrap(), "a").await;
    double.put(server("a", false));
    hears(&mut forward.open().await.unwrap(), "b").await;
}

#[tokio::test]
async fn errors_say_what_is_missing() {
    let world = World::double().await;
    let double = world.as_double();
    let forward = Forward::new(world.client(), ForwardOptions::new("gadgetry", PORT));
    let error = forward.open().await.err().unwrap();
    assert!(error.to_string().contains("install it by `gadgetry deploy`"), "{error}");
    double.put(server("s", false));
    let error = forward.open().await.err().unwrap();
    let not_ready =
        ForwardError::NotReady { namespace: "gadgetry".into(), pods: vec!["s is Running, not ready".into()] };
    assert_eq!(error, not_ready);
    double.put(server("s", true));
    let mut stream = forward.open().await.unwrap();
    let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err().to_string();
    assert!(error.contains("pod s") && error.contains("nothing listens there"), "{error}");
    // Who may not forward ports of pods is told so.
    double.token("t", "alice", &[], &[]);
    double.allow("alice", "list", "pods", None);
    let forward = Forward::new(double.client_as("t"), ForwardOptions::new("gadgetry", PORT));
    let error = forward.open().await.err().unwrap().to_string();
    assert!(error.contains("forwarding port 9443 of pod s") && error.contains("403"), "{error}");
    double.allow("alice", "get", "pods/portforward", None);
    assert!(forward.open().await.is_err(), "nor by half of the rights");
    double.allow("alice", "create", "pods/portforward", None);
    forward.open().await.unwrap();
    double.close().await;
    let error = forward.open().await.err().unwrap().to_string();
    assert!(error.contains("looking for a server") && error.contains("refused"), "{error}");
}

#[tokio::test]
async fn attempts_that_fail_are_spaced_out() {
    let world = World::double().await;
    let forward = Forward::new(world.client(), ForwardOptions::new("gadgetry", PORT));
    let seen = || world.as_double().seen().len();
    let before = seen();
    let many: Vec<_> = (0..20)
        .map(|_| {
            let forward = forward.clone();
            tokio::spawn(async move { forward.open().await.is_err() })
        })
        .collect();
    soon("a few attempts", || async { (seen() >= before + 3).then_some(()) }).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(seen() < before + 10, "{} attempts", seen() - before);
    many.iter().for_each(tokio::task::JoinHandle::abort);
}
