//! Gadgets that come, change and go while the server runs, each told to a client that did nothing but listen: by the
//! file of images, by a tag that moved in a real registry, and by SIGHUP; and a call that outlives its gadget.

use std::time::Duration;

use gadgetry_tests::host::Host;
use gadgetry_tests::listener::{Listener, PATIENCE, copy_of_echo, publish, rewrite};
use gadgetry_tests::registry::Registry;
use rmcp::model::CallToolRequestParams;
use serde_json::json;
use tokio::time::{sleep, timeout};

#[tokio::test(flavor = "multi_thread")]
async fn the_file_of_images_adds_and_removes_gadgets_and_never_mid_run() {
    let host = Host::new();
    let file = host.folder().join("images");
    std::fs::write(&file, "snapshot_process\n").expect("the file");
    let flag = format!("--gadget-images-file={}", file.display());
    let world = Listener::start(&host, &[&flag]).await;
    assert_eq!(world.tools().await, ["snapshot_process"]);

    std::fs::write(&file, "snapshot_process\ntrace_open # and this\n").expect("the file");
    world.changed("a gadget was added").await;
    assert_eq!(world.tools().await, ["snapshot_process", "trace_open"]);

    // A call begins, and its gadget goes while it runs.
    let arguments = json!({"duration": 4, "comm": "nobody-here"});
    let call =
        CallToolRequestParams::new("trace_open").with_arguments(arguments.as_object().expect("one").clone());
    let peer = world.client.peer().clone();
    let running = tokio::spawn(async move { peer.call_tool(call).await });
    sleep(Duration::from_millis(500)).await;
    std::fs::write(&file, "snapshot_process\n").expect("the file");
    world.changed("a gadget was removed").await;
    assert_eq!(world.tools().await, ["snapshot_process"]);
    assert!(!running.is_finished(), "the run ended with its gadget");
    let answer = timeout(PATIENCE, running).await.expect("an answer").expect("no panic").expect("no error");
    assert_eq!(answer.is_error, Some(false), "{answer:?}");
    let structured = answer.structured_content.expect("an answer");
    assert!(structured["summary"]["duration_ms"].as_u64() >= Some(4000), "{structured}");

    // A name that is nowhere takes nothing away.
    std::fs::write(&file, "snapshot_process\ntrace_exec\nlocalhost:1/no/such:v1\n").expect("the file");
    world.changed("a gadget was added beside a wrong one").await;
    assert_eq!(world.tools().await, ["snapshot_process", "trace_exec"]);
    world.client.cancel().await.expect("the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_moved_is_found_on_the_interval_and_on_sighup() {
    let host = Host::new();
    let registry = Registry::start();
    let image = format!("{}/test/echo:v1", registry.host());
    let insecure = format!("--insecure-registry={}", registry.host());
    let folder = copy_of_echo(&host);
    publish(&host, &folder, &image, &insecure);
    // The server has a store of its own, as on another machine.
    let other = Host::new();
    let images = format!("--gadget-images={image}");
    let often = [images.as_str(), insecure.as_str(), "--allow-unsigned", "--refresh=1s"];
    let world = Listener::start(&other, &often).await;
    assert_eq!(
        world.description().await,
        "Returns its text, repeated. For testing that a call reaches a gadget and comes back."
    );
    assert_eq!(world.tools().await, ["echo", "nothing"]);

    let source = folder.join("src/lib.rs");
    rewrite(&source, "Returns its text, repeated.", "Returns its text, changed.");
    publish(&host, &folder, &image, &insecure);
    world.changed("the tag moved").await;
    assert!(world.description().await.starts_with("Returns its text, changed."));
    world.client.cancel().await.expect("the end");

    // Without an interval, a signal is what it takes.
    let seldom = [images.as_str(), insecure.as_str(), "--allow-unsigned"];
    let world = Listener::start(&other, &seldom).await;
    assert!(world.description().await.starts_with("Returns its text, changed."));
    rewrite(&source, "Returns its text, changed.", "Returns its text, again.");
    publish(&host, &folder, &image, &insecure);
    sleep(Duration::from_secs(2)).await;
    assert!(world.description().await.starts_with("Returns its text, changed."));
    world.hang_up();
    world.changed("SIGHUP").await;
    assert!(world.description().await.starts_with("Returns its text, again."));

    // A registry that is gone takes nothing away.
    drop(registry);
    world.hang_up();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(world.tools().await, ["echo", "nothing"]);
    world.client.cancel().await.expect("the end");
}
