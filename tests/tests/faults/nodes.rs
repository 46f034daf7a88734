//! Nodes that refuse, nodes that prove to be nobody, and servers that ask the same nodes at the same time.

use std::time::Duration;

use gadgetry_tests::calls::{error_of, execute, nodes_of, run, with_mark};
use gadgetry_tests::nodes::{Authority, Nodes};
use gadgetry_tests::rows::{self, rows};

#[test]
fn an_image_that_one_node_refuses_runs_on_the_others_whose_log_reaches_the_caller() {
    let mut nodes = Nodes::bare(3);
    let image = nodes.host().built("misbehaves");
    let (_, digest) = image.split_once('@').expect("a digest");
    let policy = nodes.host().folder().join("policy.toml");
    let text = format!(
        "version = 1\n[[rule]]\nname = \"this very image\"\nrepositories = [\"localhost:1/test/*\"]\ndigest = \"{digest}\"\n"
    );
    std::fs::write(&policy, text).expect("the policy is written");
    let policy = format!("--policy={}", policy.display());
    let ready = "--gadget-images=snapshot_process";
    for (at, flags) in [(1, &[ready, &policy][..]), (2, &[ready, &policy]), (3, &[ready])] {
        let agent = nodes.agent_with(at, flags);
        nodes.agents.push(agent);
    }
    let mut flags = nodes.flags();
    flags.push(policy);
    let answer = run(&nodes, &flags, &[&image]).expect("rows");
    assert_eq!(nodes_of(&answer).into_iter().collect::<Vec<_>>(), ["n1", "n2"], "{answer}");
    let why = error_of(&answer, "n3");
    assert!(why.contains("the policy does not accept") && why.contains(digest), "{answer}");

    // At the shell it stands below the rows.
    let mut command = nodes.command(&["run"]);
    command.args(&flags).args([&image, "--how", "complain"]);
    let output = command.output().expect("gadgetry starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.lines().any(|it| it.starts_with("node n3: ") && it.contains("policy")), "{told}");
    // And what the gadget logged on the others, as they logged it.
    for node in ["n1", "n2"] {
        let of_node = format!("node=\"{node}\"");
        let logged = |line: &str| {
            line.contains("WARN") && line.contains("told to complain") && line.contains(&of_node)
        };
        assert!(told.lines().any(logged), "{node}: {told}");
    }
}

#[test]
fn a_node_whose_certificate_is_not_good_is_named_and_the_others_answer() {
    let mut nodes = Nodes::bare(3);
    let folder = |name: &str| nodes.host().folder().join(name);
    let good = nodes.authority().write(&folder("good"), "gadgetry-agent", false);
    let expired = nodes.authority().write(&folder("expired"), "gadgetry-agent", true);
    let strange = Authority::new().write(&folder("strange"), "gadgetry-agent", false);
    for (at, files) in [(1, &good), (2, &expired), (3, &strange)] {
        let agent = nodes.agent_as(at, files, &["--gadget-images=snapshot_process"]);
        nodes.agents.push(agent);
    }
    let answer = run(&nodes, &nodes.flags(), &["snapshot_process", "--max-rows", "5"]).expect("rows");
    assert_eq!(nodes_of(&answer).into_iter().collect::<Vec<_>>(), ["n1"], "{answer}");
    let (expired, strange) = (error_of(&answer, "n2"), error_of(&answer, "n3"));
    assert!(expired.contains("certificate expired"), "{expired}");
    assert!(strange.contains("invalid peer certificate") && !strange.contains("expired"), "{strange}");
}

#[test]
fn two_servers_at_once_get_all_rows_of_their_calls() {
    let nodes = Nodes::start(2);
    let flags = nodes.flags();
    let (one, other) = ("two-servers-one", "two-servers-other");
    const EACH: usize = 40;
    let [first, second] = std::thread::scope(|scope| {
        let call = |mark: &'static str| {
            let (nodes, flags) = (&nodes, &flags);
            scope.spawn(move || {
                let filter = with_mark(mark);
                run(nodes, flags, &["trace_exec", "--duration", "8", "--filter", &filter]).expect("rows")
            })
        };
        let calls = [call(one), call(other)];
        nodes.agents.iter().for_each(|it| rows::wait_until_attached(it.pid()));
        std::thread::sleep(Duration::from_secs(1));
        for _ in 0..EACH {
            execute(one);
            execute(other);
            std::thread::sleep(Duration::from_millis(20));
        }
        calls.map(|call| call.join().expect("it ran"))
    });
    for (answer, mark) in [(&first, one), (&second, other)] {
        assert_eq!(answer["loss"]["total"], 0, "{answer}");
        for node in ["n1", "n2"] {
            let of_node = rows(answer).iter().filter(|it| it["node"] == node);
            let marked = of_node.filter(|it| it["args"][1] == mark).count();
            assert_eq!(marked, EACH, "{node} of {mark}: {}", answer["summary"]);
        }
        assert_eq!(rows(answer).len(), 2 * EACH);
    }
}
