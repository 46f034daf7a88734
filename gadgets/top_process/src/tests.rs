use gadget::{
    Header,
    serde_json::json,
    testing::{Batch, header, merged, rows, run_ticking},
};

use super::*;

const PROCESS: Process =
    Process { cpu_ns: 0, switches: 1, resident: 10, comm: [0x646e_6966, 0], threads: 2, notes: 0 };

fn batch(seconds: u64, processes: &[(u32, Process)]) -> Batch {
    processes.iter().fold(Batch::new(), |batch, (pid, process)| {
        let header = Header { pid: *pid, timestamp: seconds * 1_000_000_000, ..header() };
        batch.event(&header, process, b"")
    })
}

#[test]
fn shares_are_of_the_interval_and_of_the_run() {
    let busy = |cpu_ns, resident| Process { cpu_ns, resident, ..PROCESS };
    let batches = [
        batch(1, &[(1, busy(1_000_000_000, 10)), (2, busy(250_000_000, 1))]),
        batch(2, &[(1, busy(1_500_000_000, 20)), (2, busy(250_000_000, 1))]),
    ];
    let texts = run_ticking::<TopProcess>(&json!({}), &batches).expect("well-formed batches");
    let [first, second, end] = &texts.iter().map(|text| rows(text)).collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!((&first[0]["pid"], &first[0]["cpu_percent"]), (&json!(1), &json!(100.0)));
    assert_eq!((&first[1]["pid"], &first[1]["cpu_percent"]), (&json!(2), &json!(25.0)));
    assert_eq!(second.len(), 1, "the other did not run");
    assert_eq!(second[0]["comm"], "find", "the name it has now, not that of the header");
    assert_eq!((&second[0]["cpu_percent"], &second[0]["resident_bytes"]), (&json!(50.0), &json!(20 * 4096)));
    assert_eq!((&end[0]["cpu_percent"], &end[0]["cpu_ns"]), (&json!(75.0), &json!(1_500_000_000_u64)));
    assert_eq!((&end[0]["threads"], &end[0]["resident_bytes"]), (&json!(2), &json!(20 * 4096)));
    assert_eq!(end[1]["cpu_percent"], json!(12.5));
}

#[test]
fn threads_of_the_kernel_are_marked() {
    let process = Process { cpu_ns: 5, notes: event::KERNEL_THREAD, ..PROCESS };
    let texts = run_ticking::<TopProcess>(&json!({}), &[batch(1, &[(1, process)])]).expect("a batch");
    assert_eq!(rows(&texts[1])[0]["kernel_thread"], true);
}

#[test]
fn nodes_are_merged_largest_first() {
    let node = |pid, cpu_ns| {
        let batches = [batch(1, &[(pid, Process { cpu_ns, ..PROCESS })])];
        run_ticking::<TopProcess>(&json!({}), &batches).expect("a batch").pop().expect("the end")
    };
    let text = merged::<TopProcess>(&[&node(1, 5), &node(2, 7)]).expect("rows");
    let pids: Vec<_> = rows(&text).iter().map(|row| row["pid"].clone()).collect();
    assert_eq!(pids, [2, 1]);
}
