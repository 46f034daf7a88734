//! What the README promises an author: from `gadget new` to a signed image in a registry, and to a tool that a real
//! MCP client calls by `-gadget-images=localhost:PORT/me/mine:v1`.

use std::process::Command;
use std::time::Duration;

use gadgetry_tests::client::{self, Steps};
use gadgetry_tests::host::Host;
use gadgetry_tests::registry::Registry;
use serde_json::json;

#[test]
fn from_new_to_a_called_tool() {
    let host = Host::new();
    let registry = Registry::start();
    let image = format!("{}/me/mine:v1", registry.host());
    let insecure = format!("--insecure-registry={}", registry.host());

    host.ok(&["gadget", "new", "mine"]);
    host.ok(&["gadget", "test", "mine"]);
    host.ok(&["gadget", "build", "mine", "--tag", &image]);
    let listed = host.ok(&["gadget", "list"]);
    assert!(listed.contains(&image), "{listed}");
    host.ok(&["gadget", "push", &image, &insecure]);

    // Nobody signed it, and nobody is trusted: it does not run, and says what to do.
    let refused = host.fails(&["gadget", "verify", &image, &insecure]);
    assert!(refused.contains("sign"), "{refused}");

    host.ok(&["gadget", "keygen", "--output-key-prefix", "author"]);
    host.ok(&["gadget", "sign", &image, "--key", "author.key", &insecure]);
    let verified = host.ok(&["gadget", "verify", &image, "--key", "author.pub", &insecure]);
    assert!(verified.contains("sha256:"), "{verified}");

    let images = format!("-gadget-images={image}");
    let key = host.folder().join("author.pub").display().to_string();
    let arguments = [images.as_str(), insecure.as_str(), "--public-key", &key];
    let processes = std::thread::spawn(|| {
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(150));
            assert!(Command::new("/bin/true").status().expect("it starts").success());
        }
    });
    let seen = client::stdio(
        &host,
        "auto",
        &arguments,
        Steps::new().list().call("mine", json!({"duration": 2, "comm": "true"})),
    );
    processes.join().expect("the processes ran");

    let tools = seen.results[0]["tools"].as_array().expect("tools");
    // And the host's own behind it.
    assert_eq!((tools.len(), &tools[0]["name"]), (5, &json!("mine")));
    let answer = &seen.results[1]["structuredContent"];
    assert!(!answer["rows"].as_array().expect("rows").is_empty(), "{}", seen.results[1]);
    assert_eq!(answer["loss"]["total"], 0);
    assert_eq!(answer["gadget"]["reference"], image.as_str());
    assert!(answer["gadget"]["digest"].as_str().is_some_and(|it| it.starts_with("sha256:")));
}
