//! A running instance and the one way into it: a call with a deadline, whose failure is told as what the gadget did.

use std::time::{Duration, Instant};

use wasmtime::component::{ComponentNamedList, Func, Lift, Linker, Lower, WasmStr};
use wasmtime::{Engine, Store, StoreContextMut};

use crate::component::Component;
use crate::error::GuestError;
use crate::lent::{self, Lent};
use crate::limits::{Limits, MemoryCap};
use crate::log::{Level, Log};
use crate::symbols::{self, Symbols};
use crate::ticker::{self, Running};
use crate::wire::{Call, LOG};

/// What host functions reach.
pub(crate) struct State {
    pub(crate) log: Log,
    /// For guests that import them.
    pub(crate) symbols: Option<Box<dyn Symbols>>,
    /// For guests that import it.
    pub(crate) lent: Lent,
    /// When the present call is to be over.
    pub(crate) ends: Instant,
    /// How long the present call has waited for what it was lent, and how long any may.
    pub(crate) waited: Duration,
    pub(crate) waits: Duration,
    memory: MemoryCap,
}

/// Everything a component may import.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    linker.instance(LOG)?.func_wrap(
        "log",
        |mut cx: StoreContextMut<'_, State>, (level, message): (Level, WasmStr)| {
            let message = message.to_str(&cx)?.into_owned();
            cx.data_mut().log.line(level, message);
            Ok(())
        },
    )?;
    symbols::offer(&mut linker)?;
    lent::offer(&mut linker)?;
    Ok(linker)
}

/// An instance, alive until it fails.
pub(crate) struct Instance {
    store: Store<State>,
    funcs: [Option<Func>; Call::ALL.len()],
    deadline: Duration,
    slots: u32,
    ended: bool,
    _clock: Running,
}

impl Instance {
    /// A fresh instance of `component` for `gadget`.
    pub(crate) fn open(component: &Component, gadget: &str, limits: &Limits) -> Result<Self, GuestError> {
        let shared = component.shared();
        let clock = shared.ticker.keep();
        let bytes = limits.memory_bytes.min(shared.max_memory);
        let state = State {
            log: Log::new(gadget, limits.log_lines_per_second),
            symbols: None,
            lent: Lent::default(),
            ends: Instant::now() + limits.deadline_per_call,
            waited: Duration::ZERO,
            waits: limits.waits_per_call,
            memory: MemoryCap { bytes },
        };
        let mut store = Store::new(&shared.engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_epoch_deadline(ticker::ticks(limits.deadline_per_call));
        // Nothing that crosses in one call can be larger than the memory it comes from; a message takes it twice.
        store.set_hostcall_fuel(bytes.saturating_mul(2));
        let instance = component.pre().instantiate(&mut store).map_err(|error| {
            let said = store.data_mut().log.last_error.take();
            GuestError::from_wasmtime(&error, "instantiate", limits.deadline_per_call, shared.slots, said)
        })?;
        let funcs = component.exports_table().each_ref().map(|index| {
            let index = index.as_ref()?;
            instance.get_func(&mut store, index)
        });
        Ok(Self {
            store,
            funcs,
            deadline: limits.deadline_per_call,
            slots: shared.slots,
            ended: false,
            _clock: clock,
        })
    }

    /// Calls `call`.
    pub(crate) fn call<P, R>(&mut self, call: Call, params: P) -> Result<R, GuestError>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let name = call.name();
        let func = self.funcs[call as usize].ok_or(GuestError::Missing { call: name })?;
        if self.ended {
            return Err(GuestError::Ended { call: name });
        }
        self.store.data_mut().log.last_error = None;
        self.store.data_mut().ends = Instant::now() + self.deadline;
        self.store.data_mut().waited = Duration::ZERO;
        self.store.set_epoch_deadline(ticker::ticks(self.deadline));
        // The type is checked anew each time because borrowed parameters have a lifetime of their own. It takes
        // nanoseconds.
        let result = func.typed::<P, R>(&self.store).and_then(|func| func.call(&mut self.store, params));
        result.map_err(|error| {
            // wasmtime refuses to enter it again.
            self.ended = true;
            let said = self.store.data_mut().log.last_error.take();
            GuestError::from_wasmtime(&error, name, self.deadline, self.slots, said)
        })
    }

    pub(crate) fn set_symbols(&mut self, symbols: Box<dyn Symbols>) {
        self.store.data_mut().symbols = Some(symbols);
    }

    pub(crate) fn set_lent(&mut self, lent: Lent) {
        self.store.data_mut().lent = lent;
    }

    pub(crate) fn has(&self, call: Call) -> bool {
        self.funcs[call as usize].is_some()
    }

    pub(crate) fn log(&self) -> &Log {
        &self.store.data().log
    }

    pub(crate) fn log_mut(&mut self) -> &mut Log {
        &mut self.store.data_mut().log
    }
}
