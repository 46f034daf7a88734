use gadget::{
    serde_json::{Value, json},
    testing::{Batch, header, run},
};

use super::*;

const FILE: File = File {
    inode: 77,
    size: 10,
    position: 4,
    magic: 0xef53,
    fd: 3,
    flags: 0o102_001,
    device: 8 << 20 | 1,
    links: 1,
    path_len: 0,
    mode: 0o100_640,
    notes: 0,
    reserved: 0,
};

fn rows(params: &Value, files: &[(File, &str)]) -> Vec<Value> {
    let batch = files.iter().fold(Batch::new(), |batch, (file, path)| {
        batch.event(&header(), &File { path_len: path.len() as u32, ..*file }, path.as_bytes())
    });
    let text = run::<SnapshotFile>(params, &batch).expect("a well-formed batch");
    text.lines().map(|line| gadget::serde_json::from_str(line).expect("a row")).collect()
}

#[test]
fn a_regular_file() {
    let row = rows(&json!({}), &[(File { notes: 1, links: 0, ..FILE }, "/var/log/x")]).remove(0);
    let cases = [
        ("pid", json!(100)),
        ("fd", json!(3)),
        ("kind", json!("regular")),
        ("path", json!("/var/log/x")),
        ("deleted", json!(true)),
        ("flags", json!(["O_WRONLY", "O_APPEND", "O_LARGEFILE"])),
        ("position", json!(4)),
        ("size", json!(10)),
        ("inode", json!(77)),
        ("device", json!("8:1")),
        ("mode", json!("0640")),
        ("notes", json!(["path_cut"])),
    ];
    for (field, value) in cases {
        assert_eq!(row[field], value, "{field}");
    }
}

#[test]
fn kinds_and_their_paths() {
    let cases = [
        (FILE.magic, 0o040_755, "/srv", "directory", "/srv"),
        (FILE.magic, 0o020_666, "/dev/null", "character", "/dev/null"),
        (FILE.magic, 0o060_660, "/dev/sda", "block", "/dev/sda"),
        (FILE.magic, 0o010_600, "/run/fifo", "fifo", "/run/fifo"),
        (FILE.magic, 0o120_777, "/bin", "link", "/bin"),
        (PIPES, 0o010_600, "/", "pipe", "pipe:[77]"),
        (0x534f_434b, 0o140_777, "/", "socket", "socket:[77]"),
        (ANON, 0o600, "/[eventpoll]", "anon", "anon_inode:[eventpoll]"),
        (FILE.magic, 0, "/odd", "unknown", "/odd"),
    ];
    for (magic, mode, walked, kind, path) in cases {
        let files = [(File { magic, mode, ..FILE }, walked)];
        let row = rows(&json!({}), &files).remove(0);
        assert_eq!((&row["kind"], &row["path"]), (&json!(kind), &json!(path)));
        assert!(row.get("size").is_none());
        let of_kind = |kind: &str| rows(&json!({"kind": kind}), &files).len();
        assert_eq!((of_kind(kind), of_kind("regular")), (1, 0));
    }
}
