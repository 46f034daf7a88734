//! Components as text. The core module is the smallest that speaks the canonical ABI by hand: a memory, a `realloc`
//! that only ever moves up, and the functions of a shape.

/// A core module's functions; each returns a pointer to its result.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) version: &'static str,
    pub(crate) import: &'static str,
    /// Bytes at address 1024.
    pub(crate) data: String,
    pub(crate) start: String,
    pub(crate) process: String,
    pub(crate) tick: String,
    pub(crate) finish: String,
    /// More of the core module.
    pub(crate) more: String,
    pub(crate) pages: u32,
}

impl Source {
    pub(crate) fn new() -> Self {
        let nothing = "(call $ok (i32.const 0) (i32.const 0))".to_owned();
        Self {
            version: "0.1.0",
            import: "",
            data: String::new(),
            start: nothing.clone(),
            process: nothing.clone(),
            tick: nothing.clone(),
            finish: nothing,
            more: String::new(),
            pages: 4,
        }
    }

    /// `process` returns these bytes, whatever it is given.
    pub(crate) fn rows(rows: &str) -> Self {
        let process = format!("(call $ok (i32.const 1024) (i32.const {}))", rows.len());
        Self { data: rows.to_owned(), process, ..Self::new() }
    }

    pub(crate) fn process(body: &str) -> Self {
        Self { process: body.to_owned(), ..Self::new() }
    }

    /// A stream.
    pub(crate) fn wasm(&self) -> Vec<u8> {
        let version = self.version;
        let export = format!(
            r#"{START} {BATCH_PROCESS} {TICK} {FINISH}
            (instance $stream (export "start" (func $start)) (export "process" (func $process))
                (export "tick" (func $tick)) (export "finish" (func $finish)))
            (export "gadgetry:gadget/stream@{version}" (instance $stream))"#
        );
        self.component(&export)
    }

    /// A snapshot whose `collect` is `process`.
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        let export = format!(
            r#"{START} {BATCH_PROCESS} {FINISH}
            (instance $snapshot (export "start" (func $start)) (export "collect" (func $process))
                (export "finish" (func $finish)))
            (export "gadgetry:gadget/snapshot@0.1.0" (instance $snapshot))"#
        );
        self.component(&export)
    }

    /// A tool whose `call` takes what `more` says; and a reduction.
    pub(crate) fn tool(&self) -> Vec<u8> {
        let export = r#"
            (func $call (param "tool" string) (param "args" (list u8)) (result (result (list u8) (error $failure)))
                (canon lift (core func $i "call") (memory $mem "memory") (realloc (func $i "realloc"))))
            (instance $tool (export "call" (func $call)))
            (export "gadgetry:gadget/tool@0.1.0" (instance $tool))
            (func $merge (param "parts" (list (list u8))) (result (result (list u8) (error $failure)))
                (canon lift (core func $i "merge") (memory $mem "memory") (realloc (func $i "realloc"))))
            (instance $reduce (export "merge" (func $merge)))
            (export "gadgetry:gadget/reduce@0.1.0" (instance $reduce))
            (func $describe (result (list u8)) (canon lift (core func $i "describe") (memory $mem "memory")))
            (instance $describe (export "describe" (func $describe)))
            (export "gadgetry:gadget/describe@0.1.0" (instance $describe))"#;
        self.component(export)
    }

    /// A component with these exports.
    pub(crate) fn component(&self, exports: &str) -> Vec<u8> {
        let Self { import, start, process, tick, finish, more, pages, .. } = self;
        let data: String = self.data.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        let text = format!(
            r#"(component
            (import "gadgetry:gadget/types@0.1.0" (instance $types
                (type $f (record (field "message" string) (field "field" (option string))))
                (export "failure" (type (eq $f)))))
            (alias export $types "failure" (type $failure))
            (import "gadgetry:gadget/log@0.1.0" (instance $log
                (type $l (enum "debug" "info" "warn" "error"))
                (export "level" (type $level (eq $l)))
                (export "log" (func (param "level" $level) (param "message" string)))))
            {import}
            (core module $memory (memory (export "memory") {pages}))
            (core instance $mem (instantiate $memory))
            (core func $log (canon lower (func $log "log") (memory $mem "memory")))
            (core module $main
                (import "env" "memory" (memory 0))
                (import "env" "log" (func $log (param i32 i32 i32)))
                (global $heap (mut i32) (i32.const 131072))
                (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
                    (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
                    (global.set $heap (i32.add (local.get $at) (local.get $size)))
                    (if (i32.gt_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536)))
                        (then (drop (memory.grow (i32.add (i32.const 1)
                            (i32.div_u (local.get $size) (i32.const 65536)))))))
                    (local.get $at))
                (func $ok (param $at i32) (param $len i32) (result i32)
                    (global.set $heap (i32.const 131072))
                    (i32.store8 (i32.const 16) (i32.const 0))
                    (i32.store (i32.const 20) (local.get $at))
                    (i32.store (i32.const 24) (local.get $len))
                    (i32.const 16))
                (func $fail (param $at i32) (param $len i32) (result i32)
                    (i32.store8 (i32.const 16) (i32.const 1))
                    (i32.store (i32.const 20) (local.get $at))
                    (i32.store (i32.const 24) (local.get $len))
                    (i32.store8 (i32.const 28) (i32.const 0))
                    (i32.const 16))
                (func $start (export "start") (param $at i32) (param $len i32) (result i32) {start})
                (func $process (export "process") (param $at i32) (param $len i32) (result i32)
                    (local $n i32) {process})
                (func $tick (export "tick") (result i32) {tick})
                (func $finish (export "finish") (result i32) {finish})
                {more}
                (data (i32.const 1024) "{data}"))
            (core instance $i (instantiate $main (with "env" (instance
                (export "memory" (memory $mem "memory")) (export "log" (func $log))))))
            {exports})"#
        );
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }
}

pub(crate) const START: &str = r#"(func $start (param "context" (list u8)) (result (result (error $failure)))
    (canon lift (core func $i "start") (memory $mem "memory") (realloc (func $i "realloc"))))"#;
pub(crate) const BATCH_PROCESS: &str = r#"
    (func $process (param "batch" (list u8)) (result (result (list u8) (error $failure)))
    (canon lift (core func $i "process") (memory $mem "memory") (realloc (func $i "realloc"))))"#;
pub(crate) const TICK: &str = r#"(func $tick (result (result (list u8) (error $failure)))
    (canon lift (core func $i "tick") (memory $mem "memory")))"#;
pub(crate) const FINISH: &str = r#"(func $finish (result (result (list u8) (error $failure)))
    (canon lift (core func $i "finish") (memory $mem "memory")))"#;
