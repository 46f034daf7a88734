//! Which container an event happened in.
//!
//! An event carries its mount namespace, its cgroup and its process. The mount namespace is the key: every runtime
//! gives a container one of its own. What it maps to is gathered from three sides, because each alone loses a race
//! or a runtime:
//!
//! - the **state directories** that runc and crun keep, watched by inotify: their state is written before the
//!   container's first exec, so that even a container that lives a millisecond is known before its events are read;
//! - the **cgroup tree**, watched as well, for runtimes whose state lies elsewhere: a v2 cgroup's id outlives its
//!   processes and stands in every event;
//! - **/proc**, read once for a mount namespace that neither has told of.
//!
//! A mount namespace's number is reused by the kernel as soon as it is free, so an entry ends when its container's
//! first process does (a pidfd tells), and events are matched by their timestamps: those from before the end still
//! find the container that is gone, those from after do not.
//!
//! Names and images come from what runtimes leave on disk; no runtime is ever talked to. What can't be found is
//! absent, never an error.

mod cgroup;
mod config;
mod container;
mod containers;
mod entry;
mod files;
mod follow;
mod labels;
mod lookup;
mod metadata;
mod mounts;
mod pod;
mod priority;
mod proc;
mod resolve;
mod roots;
mod selector;
mod state;
mod table;
mod watch;

pub use config::Config;
pub use container::{Container, Runtime};
pub use containers::{Containers, Follow, Stats};
pub use follow::Change;
pub use labels::{BadLabels, Labels};
pub use lookup::{Lookup, Origin};
pub use pod::Pod;
pub use selector::Selector;
