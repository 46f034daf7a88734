//! Programs of different versions: one minor version apart they work together, further apart they say why not.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use gadgetry_tests::calls::{error_of, nodes_of};
use gadgetry_tests::host::Host;
use gadgetry_tests::nodes::{Agent, Authority};
use serde_json::Value;

const OWN: &str = env!("CARGO_PKG_VERSION");

/// Stands before an agent and has it say that it is of another version: all else goes through as it is. `version` has as
/// many characters as the real one, so that no length of the protocol changes.
fn pose_as(version: &str, agent: &Path, folder: &Path) -> PathBuf {
    assert_eq!(version.len(), OWN.len(), "a version of another length");
    // The first field of the answer to who it is: a text of so many bytes.
    let field = |text: &str| [&[0x0a, u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
    let (real, posed) = (field(OWN), field(version));
    let path = folder.join(format!("{version}.sock"));
    let listener = UnixListener::bind(&path).expect("a socket");
    let agent = agent.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let agent = UnixStream::connect(&agent).expect("the agent listens");
            let [mut from_client, mut from_agent] = [&client, &agent].map(|it| it.try_clone().expect("it"));
            let (mut to_client, mut to_agent) = (client, agent);
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from_client, &mut to_agent);
                let _ = to_agent.shutdown(std::net::Shutdown::Both);
            });
            let (real, posed) = (real.clone(), posed.clone());
            std::thread::spawn(move || {
                let mut buffer = vec![0; 64 << 10];
                while let Ok(read @ 1..) = from_agent.read(&mut buffer) {
                    let bytes = &mut buffer[..read];
                    if let Some(at) = bytes.windows(real.len()).position(|it| it == real) {
                        bytes[at..at + real.len()].copy_from_slice(&posed);
                    }
                    if to_client.write_all(bytes).is_err() {
                        break;
                    }
                }
                let _ = to_client.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    path
}

/// A version so many majors and minors after this one.
fn later(majors: u64, minors: u64) -> String {
    let parts: Vec<u64> = OWN.split('.').map(|it| it.parse().expect("a number")).collect();
    format!("{}.{}.{}", parts[0] + majors, parts[1] + minors, parts[2])
}

#[test]
fn one_minor_version_apart_is_spoken_with_and_more_is_refused_by_name() {
    let host = Host::new();
    let files = Authority::new().write(&host.folder().join("agent"), "gadgetry-agent", false);
    let mut more = files.flags();
    more.push("--gadget-images=snapshot_process".into());
    let agent = Agent::start(host.command(&["agent"]), "here", "127.0.0.1:0", host.folder(), &more);
    let posed = |version: &str| pose_as(version, agent.socket(), host.folder()).display().to_string();
    let run = |agents: &[String]| {
        let mut command = host.command(&["run"]);
        command.args(agents).args(["snapshot_process", "--max-rows", "5", "-o", "json"]);
        command.output().expect("gadgetry starts")
    };
    let near = run(&[format!("--agent=near=unix:{}", posed(&later(0, 1)))]);
    assert!(near.status.success(), "{}", String::from_utf8_lossy(&near.stderr));
    let answer: Value = serde_json::from_slice(&near.stdout).expect("JSON");
    assert!(nodes_of(&answer).contains("near"), "{answer}");

    for version in [later(0, 2), later(1, 0)] {
        let far = posed(&version);
        let alone = run(&[format!("--agent=far=unix:{far}")]);
        let told = String::from_utf8_lossy(&alone.stderr);
        assert!(!alone.status.success(), "{version}");
        for part in [OWN, &version, "upgrade this end's gadgetry"] {
            assert!(told.contains(part), "{version}: {told}");
        }
        // Beside another it keeps nobody from answering.
        let own = format!("--agent=own=unix:{}", agent.socket().display());
        let both = run(&[format!("--agent=far=unix:{far}"), own]);
        let answer: Value = serde_json::from_slice(&both.stdout).expect("JSON");
        assert_eq!(nodes_of(&answer).into_iter().collect::<Vec<_>>(), ["own"], "{answer}");
        let why = error_of(&answer, "far");
        assert!(why.contains(OWN) && why.contains(&version), "{answer}");
    }
}
