//! A run from start to finish: batches good and bad, containers, times, merging, and what the gadget says of itself.

extern crate gadget_sdk as gadget;

use gadget::{
    Common, Context, Described, Event, Failure, Gadget, Kind, Reduce, Rows,
    run::{self, Run},
    serde::Deserialize,
    serde_json::{self, Value, json},
    testing::{Batch, context, header},
};

gadget::event! {
    struct Count { amount: u32, spare: u32 }
}

#[derive(gadget::Params)]
struct Params {
    /// Rows for each event, too.
    each: bool,
}

#[derive(gadget::Row)]
struct Row<'a> {
    #[row(flatten)]
    common: Option<Common<'a>>,
    total: u64,
}

/// Sums up amounts.
struct Sum {
    each: bool,
    total: u64,
}

impl Gadget for Sum {
    type Params = Params;
    type Event = Count;
    type Row<'a> = Row<'a>;

    fn start(context: Context<Params>) -> Result<Self, Failure> {
        assert_eq!(context.node, "test");
        Ok(Self { each: context.params.each, total: 0 })
    }

    fn event(&mut self, event: &Event<'_, Count>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        self.total += u64::from(event.data.amount);
        if self.each {
            rows.push(&Row { common: Some(event.common()), total: self.total });
        }
        Ok(())
    }

    fn finish(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        rows.push(&Row { common: None, total: self.total });
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(crate = "gadget::serde")]
struct Part {
    total: u64,
}

impl Reduce for Sum {
    fn merge(parts: &[Vec<u8>], rows: &mut Rows<Self>) -> Result<(), Failure> {
        let mut total = 0;
        for part in parts {
            for row in gadget::rows::<Part>(part) {
                total += row?.total;
            }
        }
        rows.push(&Row { common: None, total });
        Ok(())
    }
}

gadget::export!(stream + merge Sum);

fn count(amount: u32) -> Count {
    Count { amount, spare: 0 }
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    assert!(bytes.is_empty() || bytes.ends_with(b"\n"));
    bytes
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[test]
fn containers_are_remembered_across_batches() {
    let mut run = Run::<Sum>::start(&context(&json!({"each": true}))).unwrap();
    let define = Batch::new().container(3, r#"{"id":"a"}"#).container(9, r#"{"id":"b"}"#);
    assert_eq!(run.process(define.bytes()).unwrap(), b"");
    let batch = Batch::new()
        .event_in(9, &header(), &count(1), b"")
        .event(&header(), &count(2), b"tail")
        .event_in(4, &header(), &count(3), b"")
        .container(9, r#"{"id":"b","name":"later"}"#)
        .event_in(9, &header(), &count(4), b"");
    let rows = lines(&run.process(batch.bytes()).unwrap());
    let containers: Vec<_> = rows.iter().map(|row| row.get("container").cloned()).collect();
    assert_eq!(containers, [Some(json!({"id": "b"})), None, None, Some(json!({"id": "b", "name": "later"}))]);
    assert_eq!(rows.iter().map(|row| row["total"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 3, 6, 10]);
    assert_eq!(run.tick().unwrap(), b"");
    assert_eq!(lines(&run.finish().unwrap()), [json!({"total": 10})]);
}

#[test]
fn a_batch_may_lie_anywhere() {
    let batch = Batch::new().event(&header(), &count(1), b"odd").event(&header(), &count(2), b"");
    let mut run = Run::<Sum>::start(&context(&json!({"each": true}))).unwrap();
    let mut wanted = 0;
    for shift in 0..9 {
        let mut bytes = vec![0; shift];
        bytes.extend_from_slice(batch.bytes());
        let rows = lines(&run.process(&bytes[shift..]).unwrap());
        wanted += 3;
        assert_eq!(rows[1]["total"], wanted);
        assert_eq!(rows[1]["timestamp"], "1970-01-01T00:00:01.000000002Z");
    }
}

#[test]
fn malformed_batches_are_failures() {
    let whole = Batch::new().event(&header(), &count(1), b"12345678");
    let mut short = Batch::new();
    short.frame(0, 0, &[0; 79]);
    let mut run = Run::<Sum>::start(&context(&json!({}))).unwrap();
    for cut in 1..whole.bytes().len() {
        let failure = run.process(&whole.bytes()[..cut]).unwrap_err();
        assert!(failure.message.contains("ends inside a frame"), "{cut}: {failure}");
    }
    let failure = run.process(short.bytes()).unwrap_err();
    assert_eq!(
        failure.message,
        "an event has 79 bytes, its header and fixed part 80; build both halves of the gadget anew"
    );
    let mut huge = whole.bytes().to_vec();
    huge[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(run.process(&huge).is_err());
    // A later version's frames are skipped.
    let mut unknown = Batch::new();
    unknown.frame(77, 0, b"what?");
    assert_eq!(run.process(unknown.event(&header(), &count(5), b"").bytes()).unwrap(), b"");
    assert_eq!(lines(&run.finish().unwrap()), [json!({"total": 5})]);
}

#[test]
fn any_bytes_are_taken_without_panic() {
    // A small generator, so that the cases are the same each time.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let whole = Batch::new().container(1, "{}").event_in(1, &header(), &count(1), b"tail").event(
        &header(),
        &count(2),
        b"",
    );
    let mut refused = 0;
    for _ in 0..20_000 {
        let mut bytes = whole.bytes().to_vec();
        for _ in 0..=random() % 4 {
            let at = random() as usize % bytes.len();
            bytes[at] = random() as u8;
        }
        let mut run = Run::<Sum>::start(&context(&json!({"each": true}))).unwrap();
        refused += usize::from(run.process(&bytes).is_err());
    }
    assert!((1..20_000).contains(&refused), "{refused}");
}

#[test]
fn a_bad_context_is_a_failure() {
    let cases = [
        ("", None),
        ("[]", None),
        (r#"{"params":3}"#, None),
        (r#"{"params":{"each":1}}"#, Some("each")),
        (r#"{"params":{"eech":true}}"#, Some("eech")),
    ];
    for (context, field) in cases {
        let failure = Run::<Sum>::start(context.as_bytes()).map(|_| ()).unwrap_err();
        assert_eq!(failure.field.as_deref(), field, "{context}: {failure}");
    }
}

#[test]
fn parts_are_merged() {
    let parts = [&b"{\"total\":1}\n{\"total\":2}\n"[..], b"", b"{\"total\":40}\n"].map(<[u8]>::to_vec);
    assert_eq!(run::merge::<Sum>(&parts).unwrap(), b"{\"total\":43}\n");
    assert!(run::merge::<Sum>(&[b"{\"total\":".to_vec()]).unwrap_err().message.contains("can't be read"));
}

/// The keys that the registry's descriptor reads, and no others: it refuses those it does not know.
#[test]
fn what_it_says_of_itself() {
    let said: Value =
        serde_json::from_slice(&Described::gadget::<Sum>(Kind::Stream, true).to_json()).unwrap();
    let keys = |value: &Value| {
        let mut keys: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(&said), ["contract", "kind", "merge", "tools"]);
    assert_eq!(keys(&said["tools"][0]), ["columns", "description", "name", "params", "row"]);
    assert_eq!(keys(&said["tools"][0]["columns"][0]), ["field", "hidden", "right", "title", "width"]);
    assert_eq!((&said["contract"], &said["kind"]), (&json!("gadgetry:gadget@0.1.0"), &json!("stream")));
    assert_eq!((&said["merge"], &said["tools"][0]["name"]), (&json!(true), &json!("")));
    assert!(include_str!("../wit/gadget.wit").contains("package gadgetry:gadget@0.1.0;"));
}
