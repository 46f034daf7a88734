//! The network gadgets on the real kernel, on the loopback interface: connections, packets and sockets are made and
//! must be found in the rows with the right process and values, and nothing for a process out of scope.

use std::net::{TcpListener, UdpSocket};

use gadgetry_tests::host::Host;
use gadgetry_tests::rows::{self, rows, with};
use serde_json::json;

/// Our own process id, as rows have it.
fn own() -> u32 {
    std::process::id()
}

/// A process that is not ours, and does nothing on the network.
fn other() -> String {
    "1".to_owned()
}

#[test]
fn trace_bind_tells_ports_options_and_errors() {
    let host = Host::new();
    let run = rows::start(&host, "trace_bind", &["--duration", "3"]);
    let elsewhere = rows::start(&host, "trace_bind", &["--duration", "1", "--pid", &other()]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    TcpListener::bind(("127.0.0.1", port)).expect_err("the port is taken");
    let udp = UdpSocket::bind("[::1]:0").expect("a port");
    let udp_port = udp.local_addr().expect("an address").port();
    let answer = run.answer();

    let tcp = with(&answer, "src_port", port);
    assert_eq!(tcp.len(), 2, "{answer}");
    for row in &tcp {
        assert_eq!((row["pid"].as_u64(), &row["protocol"]), (Some(own().into()), &json!("TCP")), "{row}");
        assert_eq!((&row["src_addr"], &row["options"]), (&json!("127.0.0.1"), &json!(["reuse_addr"])), "{row}");
    }
    assert_eq!((&tcp[0]["asked_port"], tcp[0].get("error")), (&json!(0), None));
    assert_eq!(tcp[1]["error"], "EADDRINUSE");
    let udp = with(&answer, "src_port", udp_port);
    assert_eq!((udp.len(), &udp[0]["protocol"], &udp[0]["src_addr"]), (1, &json!("UDP"), &json!("::1")));
    assert_eq!(answer["loss"]["total"], 0);
    assert!(with(&elsewhere.answer(), "pid", own()).is_empty());
}
