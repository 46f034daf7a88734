//! Programs that start again and again while a gadget looks for them, however long it takes to attach.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Runs `true` with one argument, ten times a second, until it is dropped.
pub struct Busy(Arc<AtomicBool>, Option<JoinHandle<()>>);

impl Busy {
    /// With `mark` as the argument.
    pub fn start(mark: &str) -> Self {
        let (stop, mark) = (Arc::new(AtomicBool::new(false)), mark.to_owned());
        let theirs = stop.clone();
        let thread = std::thread::spawn(move || {
            while !theirs.load(Ordering::Relaxed) {
                assert!(Command::new("/bin/true").arg(&mark).status().expect("it starts").success());
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        Self(stop, Some(thread))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        if let Some(thread) = self.1.take() {
            let _ = thread.join();
        }
    }
}
