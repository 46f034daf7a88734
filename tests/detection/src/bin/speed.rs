//! temporary
use ai_security_engine::*;
use std::time::Instant;
const TEXT: &str = "Please review the quarterly report before Friday and tell me what is missing. The totals are in \
the second sheet:\n\n| region | sales | returns |\n|---|---|---|\n| north | 1,204 | 31 |\n| south | 998 | 12 |\n\n\
```python\ndef total(rows):\n    return sum(row.sales - row.returns for row in rows)\n```\n\nMore is at \
https://docs.rs/serde/latest/serde/ and in the minutes of the meeting. Thanks! ";
fn main() {
    let text: String = TEXT.chars().cycle().take(2048).collect();
    let o = Options::default();
    let mut best = f64::MAX;
    for _ in 0..300 { let t = Instant::now(); for _ in 0..10 { std::hint::black_box(Engine::new().scan(&text, Side::Prompt, &o).unwrap()); } best = best.min(t.elapsed().as_secs_f64() / 10.0); }
    println!("scan 2k {:.1} us", best * 1e6);
    let mut best = f64::MAX;
    for _ in 0..300 { let t = Instant::now(); for _ in 0..10 { std::hint::black_box(Engine::new().scan(&text, Side::Row, &Options::rows()).unwrap()); } best = best.min(t.elapsed().as_secs_f64() / 10.0); }
    println!("rows scan 2k {:.1} us", best * 1e6);
    let row = r#"{"timestamp":"2026-11-25T12:00:01.000000012Z","container":{"id":"3f2b9c81d0aa","name":"web"},"comm":"nginx","pid":1012,"tid":1012,"uid":33,"gid":33,"ppid":1,"parent_comm":"systemd","fd":12,"flags":["O_RDONLY","O_CLOEXEC"],"path":"/sys/fs/cgroup/system.slice/docker.service/memory.current"}"#;
    let mut best = f64::MAX;
    for _ in 0..300 { let t = Instant::now(); for _ in 0..100 { std::hint::black_box(Engine::new().clean(row.as_bytes())); } best = best.min(t.elapsed().as_secs_f64() / 100.0); }
    println!("clean row {} bytes {:.0} ns", row.len(), best * 1e9);
}
