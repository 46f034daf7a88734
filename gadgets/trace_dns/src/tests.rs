use gadget::{
    Header,
    flow::AF_INET,
    serde_json::{Value, from_str, json},
    testing::{Batch, header, run},
};

use super::*;

const FLOW: Flow = Flow {
    local: [10, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    remote: [10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    local_port: 40000,
    remote_port: 53,
    family: AF_INET,
    protocol: 17,
    netns: 7,
    state: 0,
};
const QUESTION: &[u8] = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\x02io\0\0\x01\0\x01";
const ANSWER: &[u8] =
    b"\0\x07\x81\x80\0\x01\0\x01\0\0\0\0\x01a\x02io\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\
    \x01\x02\x03\x04";

fn packet(kind: u8, message: &[u8]) -> Packet {
    Packet { flow: FLOW, message_len: message.len() as u32, position: 0, missing: 0, kind, reserved: [0; 3] }
}

/// A piece of a TCP connection.
fn piece(kind: u8, position: u32, bytes: &[u8]) -> Packet {
    let flow = Flow { protocol: 6, state: 1, ..FLOW };
    Packet { flow, position, ..packet(kind, bytes) }
}

/// A message over TCP, with another number: behind its length.
fn framed(message: &[u8], id: u8) -> Vec<u8> {
    let mut framed = vec![0, u8::try_from(message.len()).expect("a short message")];
    framed.extend_from_slice(message);
    framed[3] = id;
    framed
}

/// The gadget's own fields of the rows of a batch.
fn table(batch: &Batch) -> Vec<Value> {
    let text = run::<TraceDns>(&json!({}), batch).expect("a batch");
    let own = ["name", "query_type", "rcode", "unanswered", "latency_ns", "addresses", "attempts", "notes"];
    let keep = |line: &str| {
        let row: Value = from_str(line).expect("a row");
        assert_eq!(
            (&row["pid"], &row["nameserver"], &row["src_port"]),
            (&json!(100), &json!("10.0.0.1"), &json!(40000))
        );
        own.iter().filter_map(|name| Some(((*name).to_owned(), row.get(*name)?.clone()))).collect()
    };
    text.lines().map(keep).collect()
}

#[test]
fn a_query_and_its_answer_are_one_row_of_the_one_who_asked() {
    let nobody = Header { timestamp: header().timestamp + 1_500, ..Header::default() };
    let batch = Batch::new().event(&header(), &packet(event::QUERY, QUESTION), QUESTION).event(
        &nobody,
        &packet(event::ANSWER, ANSWER),
        ANSWER,
    );
    let wanted = json!({"name": "a.io", "query_type": "A", "rcode": "NOERROR", "unanswered": false,
        "latency_ns": 1500, "addresses": ["1.2.3.4"]});
    assert_eq!(table(&batch), [wanted]);
}

#[test]
fn a_query_without_an_answer_is_told_at_last() {
    let batch = Batch::new().event(&header(), &packet(event::QUERY, QUESTION), QUESTION).event(
        &header(),
        &packet(event::QUERY, QUESTION),
        QUESTION,
    );
    let wanted =
        json!({"name": "a.io", "query_type": "A", "unanswered": true, "attempts": 2, "notes": ["run_ended"]});
    assert_eq!(table(&batch), [wanted]);
}

#[test]
fn an_answer_that_nobody_asked_for_and_a_message_without_a_header_are_no_rows() {
    let batch = Batch::new().event(&header(), &packet(event::ANSWER, ANSWER), ANSWER).event(
        &header(),
        &packet(event::QUERY, b"short"),
        b"short",
    );
    assert_eq!(table(&batch), [] as [Value; 0]);
}

#[test]
fn a_cut_answer_says_so() {
    let cut = &ANSWER[..30];
    let batch = Batch::new().event(&header(), &packet(event::QUERY, QUESTION), QUESTION).event(
        &header(),
        &packet(event::ANSWER, cut),
        cut,
    );
    assert_eq!(table(&batch)[0]["notes"], json!(["malformed"]));
}

#[test]
fn several_queries_on_one_connection_find_their_answers_wherever_pieces_are_cut() {
    let queries = [framed(QUESTION, 1), framed(QUESTION, 2), framed(QUESTION, 3)].concat();
    // In another order, and the first is never answered.
    let answers = [framed(ANSWER, 3), framed(ANSWER, 2)].concat();
    for cut in 0..answers.len() {
        let (first, rest) = answers.split_at(cut);
        let batch = Batch::new()
            .event(&header(), &piece(event::QUERY, 100, &queries), &queries)
            .event(&header(), &piece(event::ANSWER, 500, first), first)
            .event(&header(), &piece(event::ANSWER, 500 + cut as u32, rest), rest);
        let rows = table(&batch);
        let told: Vec<_> = rows.iter().map(|row| (&row["rcode"], &row["unanswered"])).collect();
        let answered = (&json!("NOERROR"), &json!(false));
        assert_eq!(told, [answered, answered, (&Value::Null, &json!(true))], "{cut}");
        assert_eq!(rows[2]["notes"], json!(["run_ended"]));
    }
}

#[test]
fn a_connection_of_which_a_part_was_not_seen_says_so() {
    let (query, answer) = (framed(QUESTION, 7), framed(ANSWER, 7));
    let batch = Batch::new()
        .event(&header(), &piece(event::QUERY, 0, &query), &query)
        .event(&header(), &piece(event::ANSWER, 0, &answer[..9]), &answer[..9])
        .event(&header(), &piece(event::ANSWER, 12, &answer[12..]), &answer[12..]);
    let rows = table(&batch);
    assert_eq!(
        (&rows[0]["unanswered"], &rows[0]["notes"]),
        (&json!(true), &json!(["run_ended", "not_followed"]))
    );
}

#[test]
fn the_same_number_over_udp_is_another_query() {
    let query = framed(QUESTION, 7);
    let batch = Batch::new()
        .event(&header(), &packet(event::QUERY, QUESTION), QUESTION)
        .event(&header(), &piece(event::QUERY, 0, &query), &query)
        .event(&header(), &packet(event::ANSWER, ANSWER), ANSWER);
    let text = run::<TraceDns>(&json!({}), &batch).expect("a batch");
    let told: Vec<_> = text.lines().map(|line| from_str::<Value>(line).expect("a row")).collect();
    let told: Vec<_> = told.iter().map(|row| (&row["protocol"], &row["unanswered"])).collect();
    assert_eq!(told, [(&json!("UDP"), &json!(false)), (&json!("TCP"), &json!(true))]);
}
