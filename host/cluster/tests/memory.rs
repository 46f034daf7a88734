//! What pods cost in memory: all bytes of the heap that are in use more than before, counted as they are asked for and
//! given back. What the client and the connection hold is in the figure. Alone in its process, so that nobody else is
//! counted.
#![expect(unsafe_code, reason = "an allocator that counts is an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gadgetry_cluster::pods::{Labels, Pods};
use gadgetry_kube_double::Double;
use serde_json::{Value, json};

struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does the work, with what was handed in unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static HEAP: Counting = Counting;

/// A pod as a cluster has them: a Deployment's, ten labels, annotations, and who manages what.
fn typical(number: usize) -> Value {
    let app = format!("service-{}", number / 8);
    let hash = format!("{:010x}", number / 8 * 7919);
    let mut labels = json!({
        "app": app, "pod-template-hash": hash, "app.kubernetes.io/name": app, "app.kubernetes.io/instance": app,
        "app.kubernetes.io/component": "backend", "app.kubernetes.io/part-of": "shop", "app.kubernetes.io/managed-by": "Helm",
        "app.kubernetes.io/version": "1.4.2", "helm.sh/chart": "service-1.4.2",
    });
    labels["topology.example.com/shard"] = format!("shard-{}", number % 64).into();
    let managed: Vec<Value> = (0..3)
        .map(|at| json!({"manager": "kubelet", "operation": "Update", "fieldsV1": {"f:status": "x".repeat(600 + at)}}))
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("{app}-{hash}-{number:05x}"), "namespace": format!("team-{}", number % 20), "labels": labels,
            "annotations": {"checksum/config": "c".repeat(64), "notes": "n".repeat(500)}, "managedFields": managed,
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{app}-{hash}"), "controller": true,
                "uid": format!("11111111-2222-4333-8444-{number:012x}"),
            }],
        },
        "spec": {"nodeName": "n1", "containers": []},
    })
}

#[tokio::test]
async fn a_thousand_pods_cost_less_than_two_megabytes() {
    let double = Double::start().await;
    for number in 0..5_000 {
        double.put(typical(number));
    }
    let client = double.client();
    client.apiserver_version().await.unwrap();
    let before = IN_USE.load(Ordering::Relaxed);
    let pods = Pods::watch(client, Some("n1"), Labels::All);
    pods.complete().await;
    // Until the buffers of the answer are given back.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let used = IN_USE.load(Ordering::Relaxed).saturating_sub(before);
    let status = pods.status();
    assert_eq!((status.pods, status.pods_left_out, status.labels_left_out), (5_000, 0, 0));
    let per_thousand = used / 5;
    eprintln!("1,000 pods of 10 labels: {} KiB", per_thousand / 1024);
    assert!(per_thousand > 100_000, "{per_thousand} bytes: something was not counted");
    assert!(per_thousand < 2_000_000, "{per_thousand} bytes");
}
