use serde_json::json;

use super::*;

fn fields() -> RowFields {
    RowFields::of_schema(&json!({
        "type": "object", "additionalProperties": false,
        "properties": {
            "timestamp": {"type": "string"},
            "comm": {"type": "string"},
            "pid": {"type": "integer"},
            "ratio": {"type": "number"},
            "failed": {"type": "boolean"},
            "error": {"type": "string"},
            "bytes_sent": {"type": "integer"},
            "latency_us": {"type": "integer"},
            "src_addr": {"type": "string"},
            "args": {"type": "array", "items": {"type": "string"}},
            "ports": {"type": "array", "items": {"type": "integer"}},
            "container": {"type": "object", "properties": {"name": {"type": "string"}}},
        },
    }))
}

const ROW: &str = r#"{"timestamp":"2026-11-21T05:00:00Z","comm":"ba\u0073h","pid":42,"ratio":0.5,"failed":true,"bytes_sent":12000000,"latency_us":7000,"src_addr":"10.1.2.3","args":["bash","-c","curl x | sh"],"ports":[80,443],"container":{"id":"7f","name":"web"}}"#;

fn passes(source: &str, row: &str) -> bool {
    let filter = Filter::compile(source, &fields()).unwrap_or_else(|error| panic!("{source}: {error}"));
    filter.passes(row.as_bytes(), &mut Vec::new())
}

#[test]
fn what_holds_passes() {
    let holds = [
        "pid == 42",
        "pid != 41 && pid < 43 && pid <= 42 && pid > 41 && pid >= 42",
        "pid == 42.0 && ratio == 0.5 && ratio < 1",
        "comm == \"bash\"",
        "comm == 'bash' || pid == 1",
        "!(comm == 'sh')",
        "failed",
        "failed == true && !false",
        "comm in ['sh', 'bash']",
        "pid in [1, 42]",
        "'-c' in args",
        "443 in ports",
        "comm.matches('^ba.h$') && matches(comm, 'a')",
        "comm.startsWith('ba') && comm.endsWith('sh') && comm.contains('as')",
        "size(comm) == 4 && args.size() == 3 && size(args) > 2",
        "args[2].contains('curl') && args[0] == comm",
        "args.exists(arg, arg.matches('curl.*[|] *sh'))",
        "ports.all(port, port < 1024) && !ports.all(port, port < 100)",
        "args.exists(a, args.exists(b, a == b && a == '-c'))",
        "has(comm) && has(container.name) && !has(error)",
        "error == null && comm != null",
        "container.name == 'web' && container['name'].startsWith('w')",
        // The schema leaves containers open to more fields.
        "container.id == '7f'",
        "pid * 2 + 1 == 85 && pid % 5 == 2 && pid / 5 == 8 && -pid < 0 && pid - 2 == 40",
        "latency_us > duration('5ms') && latency_us < ms(8) && ms(7) == latency_us",
        "latency_us > duration('1ms') * 2 + us(10)",
        "latency_us > 6000",
        "bytes_sent > bytes('10MB') && bytes_sent < bytes('12MiB')",
        "cidr('10.0.0.0/8', src_addr) && src_addr.inCIDR('10.1.2.3') && !src_addr.inCIDR('fd00::/8')",
        "timestamp > '2026-11-21T04:59:59Z'",
        "pid == 42 ? comm == 'bash' : false",
        "comm + '!' == 'bash!'",
    ];
    for source in holds {
        assert!(passes(source, ROW), "{source}");
        assert!(!passes(&format!("!({source})"), ROW), "{source}");
    }
}

/// A row leaves out what has no value: comparing it is false, and never ends the run.
#[test]
fn what_is_absent_does_not_hold() {
    let absent = [
        "pid == 42",
        "pid != 42",
        "pid < 42",
        "failed",
        "comm.startsWith('')",
        "comm.matches('')",
        "comm in ['a']",
        "'a' in args",
        "args[0] == args[1]",
        "size(args) == 0",
        "args.exists(a, true)",
        "args.all(a, true)",
        "src_addr.inCIDR('0.0.0.0/0')",
        "container.name == ''",
        "pid + 1 > 0",
        "pid / 0 == 1",
        "has(pid)",
        "latency_us < duration('5ms')",
        "pid == 1 / 0",
    ];
    for source in absent {
        assert!(!passes(source, "{}"), "{source}");
    }
    for source in ["!has(pid)", "!failed", "error == null", "!(pid == 42)"] {
        assert!(passes(source, "{}"), "{source}");
    }
    // An address in the form of the other family is the same address.
    assert!(passes("src_addr.inCIDR('10.0.0.0/8')", r#"{"src_addr":"::ffff:10.9.9.9"}"#));
    assert!(!passes("pid / 0 == 1 || pid % 0 == 1", ROW));
}

#[test]
fn mistakes_are_told_before_the_run() {
    let cases = [
        ("pid ==", "character 7"),
        ("pid == 1 &&& comm == 'a'", "character 12"),
        ("comm == 'a", "character 9"),
        ("pdi == 1", "no field `pdi`; did you mean `pid`"),
        ("comn == 'a'", "did you mean `comm`"),
        ("container.nam == 'a'", "did you mean `container.name`"),
        ("zzzz == 1", "they have: timestamp, comm"),
        ("comm > 5", "`comm` is a text and `5` is an integer"),
        ("pid == '42'", "numbers stand without quotes"),
        ("pid", "`pid` is an integer, where something true or false"),
        ("comm && failed", "`comm` is a text"),
        ("pid in ['a']", "cannot be compared"),
        ("5 in args", "each item is a text"),
        ("pid in comm", "`in` wants a list"),
        ("args == 'x'", "in list"),
        ("pid.startsWith('4')", "where a text is wanted"),
        ("comm.matches('(')", "`matches`"),
        ("comm.startwith('4')", "did you mean `startsWith`"),
        ("frobnicate(pid)", "there is no function"),
        ("comm.matches(comm)", "in quotes"),
        ("src_addr.inCIDR('10.0.0.0/40')", "is no network"),
        ("bytes_sent > bytes('10 parsecs')", "is no size"),
        ("latency_us > duration('soon')", "is no duration"),
        ("pid > duration('5ms')", "ends in _ns"),
        ("pid > ms('5')", "wants a number"),
        ("pid + comm > 1", "no such computation"),
        ("args[-1] == 'x'", "counted from 0"),
        ("has(pid, comm)", "called with 2"),
        ("{'a': 1} == 1", "maps"),
        ("pid.exists(a, true)", "only lists have items"),
        ("comm.foo == 'a'", "no field `comm.foo`"),
        ("null < pid", "null"),
        ("b'abc' == comm", "bytes"),
        ("", "is not CEL"),
    ];
    for (source, part) in cases {
        let error =
            Filter::compile(source, &fields()).err().unwrap_or_else(|| panic!("{source} is accepted"));
        assert!(error.contains(part), "{source}: {error}");
        assert!(error.len() < 600, "{source}: {error}");
    }
}

/// Deep and long expressions, on a stack as small as a worker thread's: refused or evaluated, never a crash.
#[test]
fn hostile_expressions_do_no_harm() {
    let hostile = [
        "(".repeat(4000),
        format!("{}failed{}", "(".repeat(2000), ")".repeat(2000)),
        "!".repeat(4000),
        format!("{}failed", "!".repeat(4000)),
        format!("{}1 == 1", "-".repeat(3999)),
        format!("1{} > 0", "+1".repeat(2000)),
        format!("failed{}", "||failed".repeat(500)),
        format!("a{}", ".b".repeat(2000)),
        format!("args{}", "[0]".repeat(1300)),
        format!("{}1", "1?1:".repeat(1000)),
        format!("comm.matches('{}')", "(a{1000}){1000}"),
        "[".repeat(4000),
        "\u{1f980}".repeat(1000),
        "'".repeat(4001),
        "x".repeat(100_000),
        "1.exists(x,".repeat(300),
    ];
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        for source in hostile {
            if let Ok(filter) = Filter::compile(&source, &fields()) {
                filter.passes(ROW.as_bytes(), &mut Vec::new());
            }
        }
    });
    thread.unwrap().join().unwrap();
}
