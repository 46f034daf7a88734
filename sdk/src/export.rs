//! Wiring a gadget's type to the component's exports.
//!
//! The component holds one run, since the host makes one instance per run; its state lies in a thread-local, which
//! on wasm32 is a plain static behind a check.

/// Makes the component of a gadget: once per gadget, at the end of `lib.rs`.
///
/// ```text
/// gadget::export!(stream TraceOpen);
/// gadget::export!(stream + merge TopFile);
/// gadget::export!(snapshot SnapshotProcess);
/// gadget::export!(snapshot + merge SnapshotSocket);
/// gadget::export!(tool echo, nothing);
/// gadget::export!(guard Engine; tool scan);
/// ```
///
/// On other targets it only checks that the types fit, so that `cargo test` needs nothing of wasm.
#[macro_export]
macro_rules! export {
    (stream $gadget:ty) => {
        $crate::__export_events!($gadget, Gadget, "stream-gadget", Stream, false, { process, tick });
    };
    (stream + merge $gadget:ty) => {
        $crate::__export_events!($gadget, Reduce, "stream-reduce-gadget", Stream, true, { process, tick });
    };
    (snapshot $gadget:ty) => {
        $crate::__export_events!($gadget, Gadget, "snapshot-gadget", Snapshot, false, { collect });
    };
    (snapshot + merge $gadget:ty) => {
        $crate::__export_events!($gadget, Reduce, "snapshot-reduce-gadget", Snapshot, true, { collect });
    };
    (tool $($tool:path),+ $(,)?) => {
        $crate::__export_tools!("tool-gadget", {}, $($tool),+);
    };
    (guard $guard:ty; tool $($tool:path),+ $(,)?) => {
        const _: () = {
            const fn fits<G: $crate::guard::Guard>() {}
            fits::<$guard>();
        };
        $crate::__export_tools!("tool-guard-gadget", { $guard }, $($tool),+);
    };
}

/// Tools, and the guard that some have beside.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_tools {
    ($world:literal, { $($guard:ty)? }, $($tool:path),+) => {
        const _: () = {
            const fn fits<T: $crate::Tool>() {}
            $( fits::<$tool>(); )+
        };

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "the component's exports are functions with fixed names")]
        mod __component {
            use super::*;

            mod bindings {
                $crate::__bindings!($world);
            }

            use bindings::exports::gadgetry::gadget as exports;

            struct __Component;

            impl exports::describe::Guest for __Component {
                fn describe() -> Vec<u8> {
                    $crate::Described::tools(vec![$( $crate::DescribedTool::of::<$tool>() ),+]).to_json()
                }
            }

            impl exports::tool::Guest for __Component {
                fn call(tool: String, args: Vec<u8>) -> Result<Vec<u8>, exports::tool::Failure> {
                    let answer = match tool.as_str() {
                        $( <$tool as $crate::Tool>::NAME => $crate::run::call::<$tool>(&args), )+
                        _ => Err($crate::Failure::new(format!("the gadget has no tool named {tool}"))),
                    };
                    answer.map_err(|$crate::Failure { message, field }| exports::tool::Failure { message, field })
                }
            }

            $(
                impl exports::guard::Guest for __Component {
                    fn inspect(lines: Vec<u8>) -> Result<Vec<u8>, exports::guard::Failure> {
                        Ok($crate::guard::inspect::<$guard>(&lines))
                    }
                }
            )?

            bindings::export!(__Component with_types_in bindings);
        }
    };
}

/// Streams and snapshots: they differ in the world, and in what the calls are named.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_events {
    ($gadget:ty, $trait:ident, $world:literal, $kind:ident, $merge:tt, $calls:tt) => {
        const _: () = {
            const fn fits<G: $crate::$trait>() {}
            fits::<$gadget>();
        };

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "the component's exports are functions with fixed names")]
        mod __component {
            use super::*;

            mod bindings {
                $crate::__bindings!($world);
            }

            use bindings::{exports::gadgetry::gadget as exports, gadgetry::gadget::types};

            struct __Component;

            ::std::thread_local! {
                static RUN: ::std::cell::RefCell<Option<$crate::run::Run<$gadget>>> =
                    const { ::std::cell::RefCell::new(None) };
            }

            fn told($crate::Failure { message, field }: $crate::Failure) -> types::Failure {
                types::Failure { message, field }
            }

            fn start_run(context: &[u8]) -> Result<(), types::Failure> {
                let run = $crate::run::Run::start(context).map_err(told)?;
                RUN.with_borrow_mut(|slot| *slot = Some(run));
                Ok(())
            }

            fn in_run(
                call: impl FnOnce(&mut $crate::run::Run<$gadget>) -> Result<Vec<u8>, $crate::Failure>,
            ) -> Result<Vec<u8>, types::Failure> {
                RUN.with_borrow_mut(|slot| match slot {
                    Some(run) => call(run).map_err(told),
                    None => Err(told($crate::Failure::new("the run was not started"))),
                })
            }

            impl exports::describe::Guest for __Component {
                fn describe() -> Vec<u8> {
                    $crate::Described::gadget::<$gadget>($crate::Kind::$kind, $merge).to_json()
                }
            }

            $crate::__export_calls!($calls);
            $crate::__export_merge!($merge, $gadget);
            bindings::export!(__Component with_types_in bindings);
        }
    };
}

/// The calls of a stream, or of a snapshot.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_calls {
    ({ process, tick }) => {
        impl exports::stream::Guest for __Component {
            fn start(context: Vec<u8>) -> Result<(), types::Failure> {
                start_run(&context)
            }

            fn process(batch: Vec<u8>) -> Result<Vec<u8>, types::Failure> {
                in_run(|run| run.process(&batch))
            }

            fn tick() -> Result<Vec<u8>, types::Failure> {
                in_run(|run| run.tick())
            }

            fn finish() -> Result<Vec<u8>, types::Failure> {
                in_run(|run| run.finish())
            }
        }
    };
    ({ collect }) => {
        impl exports::snapshot::Guest for __Component {
            fn start(context: Vec<u8>) -> Result<(), types::Failure> {
                start_run(&context)
            }

            fn collect(batch: Vec<u8>) -> Result<Vec<u8>, types::Failure> {
                in_run(|run| run.process(&batch))
            }

            fn finish() -> Result<Vec<u8>, types::Failure> {
                in_run(|run| run.finish())
            }
        }
    };
}

/// The call that merges, for those that have it.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_merge {
    (false, $gadget:ty) => {};
    (true, $gadget:ty) => {
        impl exports::reduce::Guest for __Component {
            fn merge(parts: Vec<Vec<u8>>) -> Result<Vec<u8>, types::Failure> {
                $crate::run::merge::<$gadget>(&parts).map_err(told)
            }
        }
    };
}
