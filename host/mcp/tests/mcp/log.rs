//! One line for each call, and never what was asked.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use rmcp::model::CallToolRequestParams;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{COMBINATIONS, World};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

// On one thread, so that the subscriber of this test sees all of it and nothing of the others.
#[tokio::test]
async fn a_call_is_one_line_without_its_arguments() {
    let lines = Lines::default();
    // While there is but one subscriber, a place that another test's thread, which has none, comes to first is taken for one
    // that nobody listens to.
    let _other = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(std::io::sink).finish());
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        for tool in ["echo", "pick", "fail", "nope\nnope"] {
            let Value::Object(arguments) = json!({"path": "/secret/path"}) else { unreachable!() };
            let call = CallToolRequestParams::new(tool).with_arguments(arguments);
            let _ = world.client.call_tool(call).await;
        }
    }
    let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(!lines.contains("/secret/path"), "{lines}");
    let calls: Vec<_> = lines.lines().filter(|line| line.contains("tool call")).collect();
    assert_eq!(calls.len(), 4 * COMBINATIONS.len(), "{lines}");
    for (line, (tool, outcome)) in calls.iter().zip(
        [("echo", "ok"), ("pick", "argument"), ("fail", "failed"), ("nope\\nnope", "refused")]
            .into_iter()
            .cycle(),
    ) {
        for part in [format!("tool=\"{tool}\""), format!("outcome=\"{outcome}\""), "ms=".into()] {
            assert!(line.contains(&part), "{part}: {line}");
        }
        // sha256 of {"path":"/secret/path"}
        assert!(line.contains("arguments=\"d6cb43b04424\""), "{line}");
    }
}
