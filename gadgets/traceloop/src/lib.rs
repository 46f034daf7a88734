//! The post-processor: keeps the last calls of each thread, and makes rows of them when the run ends, or when a signal
//! ends the thread.
//!
//! Memory is bounded by threads times calls: when there are too many threads, the one that was silent the longest gives
//! its rows and makes room, so that nothing is dropped without being shown.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

mod arguments;
pub mod event;
mod ring;

use std::{borrow::Cow, collections::BTreeMap};

use arguments::arguments;
use event::Call;
use gadget::{
    Common, Container, Context, Event, Failure, Gadget, Rows,
    linux::{Errno, ExitStatus, Signal, Syscalls, errno},
};
use ring::{Kept, KeptText, Thread};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// How many calls are kept per thread.
    #[param(default = 32, min = 1, max = 1000)]
    pub last: u32,
}

/// One system call.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten, show("tid"))]
    common: Common<'a>,
    /// The system call.
    #[column(width = 16)]
    syscall: Cow<'a, str>,
    /// The arguments, as `name=value`: strings in quotes (cut to 256 bytes: with `...`), flags and addresses in
    /// hexadecimal, permissions in octal. Absent when the call began before the run.
    #[column(width = 60)]
    args: Option<Vec<String>>,
    /// What it returned; absent when it failed or has not returned.
    #[column(width = 12)]
    ret: Option<i64>,
    /// The error, when it failed.
    #[column(width = 10)]
    error: Option<Errno>,
    /// Whether it had not returned when the row was made.
    #[column(hidden)]
    unfinished: Option<bool>,
    /// How long it took, in nanoseconds.
    #[column(hidden)]
    duration_ns: Option<u64>,
    /// The signal that ended the thread; on the last row of a thread that was killed.
    #[column(title = "SIGNAL", width = 9)]
    killed_by: Option<Signal>,
}

/// Most threads of which calls are kept.
const THREADS: usize = 4096;
/// Errors are results from here up to -1.
const LOWEST_ERROR: i64 = -4095;

pub struct Traceloop {
    last: usize,
    calls: Syscalls,
    threads: BTreeMap<u32, Thread>,
}

impl Traceloop {
    /// The thread of an event, made if need be; when there are too many, the most silent one gives its rows.
    fn thread(&mut self, event: &Event<'_, Call>, rows: &mut Rows<Self>) -> &mut Thread {
        let id = event.header.tid;
        if self.threads.len() >= THREADS && !self.threads.contains_key(&id) {
            let silent = self.threads.iter().min_by_key(|(_, thread)| thread.seen()).map(|(&id, _)| id);
            if let Some(thread) = silent.and_then(|id| self.threads.remove(&id)) {
                self.show(thread, None, rows);
            }
        }
        let thread = self.threads.entry(id).or_default();
        if let Some(Container(json)) = event.container
            && *thread.container != *json
        {
            thread.container = json.into();
        }
        thread
    }

    /// Makes rows of one thread's calls.
    fn show(&self, thread: Thread, killed_by: Option<Signal>, rows: &mut Rows<Self>) {
        let container = thread.container.clone();
        let mut calls = thread.into_calls(self.last).peekable();
        while let Some(call) = calls.next() {
            let killed_by = killed_by.filter(|_| calls.peek().is_none());
            self.row(&call, &container, killed_by, rows);
        }
    }

    fn row(&self, call: &Kept, container: &[u8], killed_by: Option<Signal>, rows: &mut Rows<Self>) {
        let error = call.ret.filter(|ret| (LOWEST_ERROR..0).contains(ret));
        let error = error.and_then(|ret| errno(i32::try_from(ret).ok()?));
        rows.push(&Row {
            common: Common {
                timestamp: call.timestamp,
                header: &call.header,
                container: (!container.is_empty()).then_some(Container(container)),
            },
            syscall: self.calls.name(call.number),
            args: call.args.map(|args| arguments(self.calls.get(call.number), args, &call.texts)),
            ret: if error.is_some() { None } else { call.ret },
            error,
            unfinished: call.ret.is_none().then_some(true),
            duration_ns: call.duration,
            killed_by,
        });
    }
}

/// The strings of an event's tail, by position; none where the argument is no string or could not be read.
fn texts(event: &Event<'_, Call>) -> Result<[Option<KeptText>; event::TEXTS], Failure> {
    let mut parts = event.parts();
    let mut texts = [const { None }; event::TEXTS];
    for (at, (text, &len)) in texts.iter_mut().zip(&event.data.text_len).enumerate() {
        let part = parts.text(len)?;
        let read = event.data.notes & event::HAS_TEXT != 0 && event.data.unreadable & 1 << at == 0;
        *text = read.then(|| KeptText::new(part.0));
    }
    Ok(texts)
}

impl Gadget for Traceloop {
    type Params = Params;
    type Event = Call;
    type Row<'a> = Row<'a>;

    fn start(context: Context<Params>) -> Result<Self, Failure> {
        let last = context.params.last as usize;
        Ok(Self { last, calls: Syscalls::new(context.arch), threads: BTreeMap::new() })
    }

    fn event(&mut self, event: &Event<'_, Call>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let call = event.data;
        if call.notes & event::UNLIMITED != 0 {
            return Err(Failure::new(
                "every system call of the machine would be more than can be kept: limit the run by container, pid, \
                 tid, uid, gid or comm",
            ));
        }
        if call.kind == event::KIND_END {
            // The last rows of a thread that ended well wait for the end of the run.
            if let ExitStatus::Signal { signal, .. } = ExitStatus::from_wait(call.ret as u32)
                && let Some(thread) = self.threads.remove(&event.header.tid)
            {
                self.show(thread, Some(signal), rows);
            }
            return Ok(());
        }
        let (last, header, timestamp) = (self.last, *event.header, event.common().timestamp);
        let texts = texts(event)?;
        let thread = self.thread(event, rows);
        let number = call.number;
        if call.kind == event::KIND_ENTER {
            let args = Some(call.args);
            thread.enter(Kept { header, timestamp, number, args, texts, ret: None, duration: None }, last);
            return Ok(());
        }
        thread.exit(number, last, |begun| match begun {
            Some(mut begun) => {
                begun.duration = Some(header.timestamp.saturating_sub(begun.header.timestamp));
                begun.ret = Some(call.ret);
                if call.notes & event::HAS_TEXT != 0 {
                    begun.texts = texts;
                }
                begun
            }
            None => {
                Kept { header, timestamp, number, args: None, texts, ret: Some(call.ret), duration: None }
            }
        });
        Ok(())
    }

    /// All threads' calls, in the order of time.
    fn finish(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let threads = std::mem::take(&mut self.threads);
        let mut calls: Vec<(Kept, std::rc::Rc<[u8]>)> = Vec::new();
        for thread in threads.into_values() {
            let container: std::rc::Rc<[u8]> = (*thread.container).into();
            calls.extend(thread.into_calls(self.last).map(|call| (call, container.clone())));
        }
        calls.sort_by_key(|(call, _)| call.header.timestamp);
        for (call, container) in &calls {
            self.row(call, container, None, rows);
        }
        Ok(())
    }
}

gadget::export!(stream Traceloop);

#[cfg(test)]
mod tests;
