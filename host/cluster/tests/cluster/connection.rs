use gadgetry_cluster::connection::{Connection, Options};

use crate::world::World;

#[tokio::test]
async fn the_server_says_its_version() {
    let world = World::any().await;
    let version = world.connection.reach().await.unwrap();
    assert!(version.starts_with("v1."), "{version}");
    assert_eq!(world.connection.namespace, "gadgetry");
    world.end().await;
}

#[tokio::test]
async fn requests_say_who_sends_them() {
    let world = World::double().await;
    let agent = &world.as_double().seen()[0].agent;
    assert_eq!(*agent, format!("gadgetry/{}", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn a_token_is_sent_in_place_of_the_users() {
    let world = World::double().await;
    world.as_double().token("t", "alice", &[], &[]);
    let options = |token: &str| Options {
        kubeconfig: world.kubeconfig(),
        token: Some(token.to_owned()),
        ..Options::default()
    };
    Connection::open(&options("t")).await.unwrap().reach().await.unwrap();
    let error = Connection::open(&options("wrong")).await.unwrap().reach().await.unwrap_err().to_string();
    assert!(error.contains("401"), "{error}");
}

#[tokio::test]
async fn another_context_leads_elsewhere() {
    let world = World::double().await;
    let options =
        Options { kubeconfig: world.kubeconfig(), context: Some("elsewhere".into()), ..Options::default() };
    let error = Connection::open(&options).await.unwrap().reach().await.unwrap_err().to_string();
    assert!(error.contains("context \"elsewhere\"") && error.contains("refused"), "{error}");
}
