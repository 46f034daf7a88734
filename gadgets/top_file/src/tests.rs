use gadget::{
    Header,
    serde_json::{Value, json},
    testing::{Batch, header, merged, rows, run_ticking},
};

use super::*;

const FILE: File = File {
    reads: 0,
    writes: 0,
    read_bytes: 0,
    write_bytes: 0,
    inode: 7,
    device: 8 << 20 | 1,
    mode: 0o100_644,
    path_len: 0,
    notes: 0,
};

/// A batch of what stands in the table `seconds` after the start.
fn batch(seconds: u64, files: &[(u32, File, &str)]) -> Batch {
    files.iter().fold(Batch::new(), |batch, (pid, file, path)| {
        let header = Header { pid: *pid, timestamp: seconds * 1_000_000_000, ..header() };
        batch.event(&header, &File { path_len: path.len() as u32, ..*file }, path.as_bytes())
    })
}

#[test]
fn a_tick_shows_what_grew_and_the_end_shows_all() {
    let small = File { reads: 1, read_bytes: 10, ..FILE };
    let large = File { inode: 8, writes: 2, write_bytes: 4000, ..FILE };
    let more = File { reads: 3, read_bytes: 2010, ..FILE };
    let batches =
        [batch(1, &[(1, small, "/a"), (2, large, "/b")]), batch(3, &[(1, more, "/a"), (2, large, "/b")])];
    let texts = run_ticking::<TopFile>(&json!({}), &batches).expect("well-formed batches");
    let [first, second, end] = &texts.iter().map(|text| rows(text)).collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!(first.len(), 2);
    assert_eq!((&first[0]["path"], &first[0]["write_per_second"]), (&json!("/b"), &json!(4000)));
    assert_eq!((&first[1]["path"], &first[1]["read_bytes"]), (&json!("/a"), &json!(10)));
    // Only what grew, over the two seconds in which it did.
    assert_eq!(second.len(), 1);
    assert_eq!(second[0]["reads"], 2);
    assert_eq!((&second[0]["read_bytes"], &second[0]["read_per_second"]), (&json!(2000), &json!(1000)));
    assert_eq!(end.len(), 2);
    assert_eq!((&end[0]["path"], &end[0]["write_bytes"]), (&json!("/b"), &json!(4000)));
    assert_eq!((&end[1]["read_bytes"], &end[1]["read_per_second"]), (&json!(2010), &json!(670)));
    assert_eq!(end[1]["timestamp"], "1970-01-01T00:00:03.000000000Z");
}

#[test]
fn a_longer_interval_skips_ticks() {
    let file = |n| File { reads: n, read_bytes: n, ..FILE };
    let batches: Vec<_> = (1..=4).map(|n| batch(n, &[(1, file(n), "/a")])).collect();
    let texts = run_ticking::<TopFile>(&json!({"interval": 3}), &batches).expect("well-formed batches");
    let counts: Vec<_> = texts.iter().map(|text| rows(text).len()).collect();
    assert_eq!(counts, [0, 0, 1, 0, 1]);
}

#[test]
fn numbers_become_names() {
    let cases = [
        (0o100_644, Value::Null),
        (0o040_755, json!("directory")),
        (0o010_600, json!("fifo")),
        (0o140_777, json!("socket")),
        (0o020_666, json!("char_device")),
        (0o060_660, json!("block_device")),
        (0o600, json!("anonymous")),
    ];
    for (mode, kind) in cases {
        let file = File { mode, reads: 1, notes: event::PATH_CUT, ..FILE };
        let texts = run_ticking::<TopFile>(&json!({}), &[batch(1, &[(1, file, "/x")])]).expect("a batch");
        let row = &rows(&texts[0])[0];
        assert_eq!(row["kind"], kind, "{mode:o}");
        assert_eq!((&row["device"], &row["inode"]), (&json!("8:1"), &json!(7)));
        assert_eq!(row["notes"], json!(["path_cut"]));
    }
}

#[test]
fn what_was_never_used_is_no_row_and_a_short_tail_a_failure() {
    let unused = run_ticking::<TopFile>(&json!({}), &[batch(1, &[(1, FILE, "/a")])]).expect("a batch");
    assert_eq!(unused, ["", ""]);
    let short = Batch::new().event(&header(), &File { path_len: 9, ..FILE }, b"abc");
    let failure = run_ticking::<TopFile>(&json!({}), &[short]).unwrap_err();
    assert!(failure.message.contains("build both halves"), "{failure}");
}

#[test]
fn nodes_are_merged_largest_first() {
    let node = |bytes, path| {
        let file = File { reads: 1, read_bytes: bytes, ..FILE };
        run_ticking::<TopFile>(&json!({}), &[batch(1, &[(1, file, path)])])
            .expect("a batch")
            .pop()
            .expect("the end")
    };
    let text = merged::<TopFile>(&[&node(5, "/five"), &node(7, "/seven"), ""]).expect("rows");
    let paths: Vec<_> = rows(&text).iter().map(|row| row["path"].clone()).collect();
    assert_eq!(paths, [json!("/seven"), json!("/five")]);
    assert!(merged::<TopFile>(&["no json"]).unwrap_err().message.contains("can't be read"));
}
