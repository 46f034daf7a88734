use std::time::{Duration, Instant};

use gadgetry_cluster::lease::{Holder, Lease};
use gadgetry_kube_double::Fault;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::world::{SOON, World};

const NAME: &str = "test";

async fn becomes(holder: &mut watch::Receiver<Holder>, wanted: impl Fn(&Holder) -> bool) {
    let found = timeout(SOON, holder.wait_for(wanted)).await;
    found.expect("it becomes so in time").expect("the lease is upheld");
}

#[tokio::test]
async fn one_holds_it_and_the_next_takes_it_when_it_is_given_up() {
    let world = World::any().await;
    let claim = |host: &str| Lease::claim(world.client(), &world.namespace, NAME, host);
    let first = claim("first");
    let mut first_holder = first.holder();
    becomes(&mut first_holder, |it| *it == Holder::Me).await;
    let (second, third) = (claim("second"), claim("third"));
    let (mut second_holder, mut third_holder) = (second.holder(), third.holder());
    for holder in [&mut second_holder, &mut third_holder] {
        becomes(holder, |it| matches!(it, Holder::Other(name) if name.starts_with("first_"))).await;
    }
    // It is not lost as time goes by.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(*first_holder.borrow() == Holder::Me && *second_holder.borrow() != Holder::Me);
    let start = Instant::now();
    first.release().await;
    tokio::select! {
        () = becomes(&mut second_holder, |it| *it == Holder::Me) => {}
        () = becomes(&mut third_holder, |it| *it == Holder::Me) => {}
    }
    assert!(start.elapsed() < Duration::from_secs(10), "nobody waits for one that gave it up");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let both = [second_holder.borrow().clone(), third_holder.borrow().clone()];
    assert_eq!(both.iter().filter(|it| **it == Holder::Me).count(), 1, "{both:?}");
    drop((second, third));
    world.end().await;
}

#[tokio::test]
async fn who_cannot_write_it_gives_up_before_another_may_take_it() {
    let world = World::double().await;
    let double = world.as_double();
    let lease = Lease::claim(world.client(), &world.namespace, NAME, "one");
    let mut holder = lease.holder();
    becomes(&mut holder, |it| *it == Holder::Me).await;
    let start = Instant::now();
    double.fault("leases", Fault::Unavailable);
    becomes(&mut holder, |it| *it != Holder::Me).await;
    assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
    double.heal();
    becomes(&mut holder, |it| *it == Holder::Me).await;
    // One that is slow is as one that is away.
    double.fault("leases", Fault::Slow(Duration::from_secs(30)));
    becomes(&mut holder, |it| *it != Holder::Me).await;
}

#[tokio::test]
async fn one_that_is_silent_is_waited_for() {
    let world = World::double().await;
    let double = world.as_double();
    // A holder that never writes again, with a clock that is an hour ahead.
    double.put(serde_json::json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": NAME, "namespace": world.namespace},
        "spec": {"holderIdentity": "gone", "leaseDurationSeconds": 5, "renewTime": "2999-01-01T00:00:00.000000Z",
                 "leaseTransitions": 7}}));
    let start = Instant::now();
    let lease = Lease::claim(world.client(), &world.namespace, NAME, "next");
    let mut holder = lease.holder();
    becomes(&mut holder, |it| *it == Holder::Other("gone".into())).await;
    becomes(&mut holder, |it| *it == Holder::Me).await;
    assert!(start.elapsed() >= Duration::from_secs(5), "{:?}", start.elapsed());
    let spec = double.get("Lease", &world.namespace, NAME).expect("it is there")["spec"].clone();
    assert_eq!(spec["leaseTransitions"], 8, "{spec}");
}
