//! The containers of this node, as the rest of the host holds them: a handle, cheap to clone. The thread behind it
//! ends with the last of them.

use std::{fmt, sync::Arc, thread::JoinHandle};

use crate::{
    Change, Config, Container, Lookup, Pod, Selector,
    resolve::Node,
    watch::{Stop, Watcher},
};

/// The containers of this node.
#[derive(Clone)]
pub struct Containers(Arc<Inner>);

struct Inner {
    node: Arc<Node>,
    watching: Option<(Stop, JoinHandle<()>)>,
}

/// Figures for whoever looks after the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Containers known and not ended.
    pub live: usize,
    /// Containers forgotten for want of room.
    pub evicted: u64,
    /// Mount namespaces whose process was gone before anything was known of it.
    pub unresolved: u64,
    /// Whether containers are watched; without, they are found when their first event is read.
    pub watching: bool,
}

impl Containers {
    /// Finds the containers there are, and from then on watches them come and go.
    pub fn new(config: Config) -> Self {
        let (node, watching) = match Watcher::start(config.clone()) {
            Ok((node, stop, thread)) => (node, Some((stop, thread))),
            Err(error) => {
                tracing::warn!(
                    %error,
                    "containers are not watched: short-lived ones may go unnamed; raise fs.inotify.max_user_instances"
                );
                let node = Arc::new(Node::new(config, None));
                node.scan(0);
                node.look_at_all();
                (node, None)
            }
        };
        Self(Arc::new(Inner { node, watching }))
    }

    /// A reader's own view, for asking once per event.
    pub fn lookup(&self) -> Lookup {
        Lookup::new(self.0.node.clone())
    }

    /// The mount namespace of the node's own processes, if it could be told.
    pub fn host_mntns(&self) -> Option<u32> {
        Some(self.0.node.host).filter(|mntns| *mntns != u32::MAX)
    }

    /// Every container that has not ended, in the order they became known.
    pub fn list(&self) -> Vec<Arc<Container>> {
        self.0.node.with(|table| table.list())
    }

    /// The mount namespaces of the containers that `selector` means.
    pub fn matching(&self, selector: &Selector) -> Vec<u32> {
        self.0.node.with(|table| table.matching(selector))
    }

    /// What the cluster says of a pod, from now on, for its containers that run and those that come; `None` once the pod is
    /// gone, which changes nothing for containers that are known.
    pub fn pod(&self, uid: &str, pod: Option<Pod>) {
        self.0.node.with(|table| table.pod(uid, pod));
    }

    /// Calls `apply` at once for every container that `selector` means, and then for each that comes or goes, until
    /// the answer is dropped. It is called with the containers locked, so that a scope map in the kernel is set
    /// before anybody else hears of the container: it must be quick, and not come back here.
    pub fn follow(&self, selector: Selector, apply: impl FnMut(Change) + Send + 'static) -> Follow {
        let number = self.0.node.with(|table| table.follow(selector, Box::new(apply)));
        Follow { node: self.0.node.clone(), number }
    }

    /// A process was seen in a mount namespace (and v2 cgroup, 0 if not known), say by a tracker in the kernel.
    pub fn seen(&self, pid: u32, mntns: u32, cgroup: u64) {
        self.0.node.seen(pid, mntns, cgroup);
    }

    /// Figures.
    pub fn stats(&self) -> Stats {
        let watching = self.0.watching.is_some();
        self.0.node.with(|table| Stats {
            live: table.list().len(),
            evicted: table.evicted,
            unresolved: table.unresolved,
            watching,
        })
    }
}

impl fmt::Debug for Containers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Containers").field(&self.stats()).finish()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.watching.take() {
            stop.stop();
            // The thread only reads files; a panic in it has been reported where it happened.
            let _ = thread.join();
        }
    }
}

/// Ends a [`Containers::follow`] when dropped.
pub struct Follow {
    node: Arc<Node>,
    number: u64,
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.node.with(|table| table.unfollow(self.number));
    }
}
