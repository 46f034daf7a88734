//! Where runc and crun keep a folder per container: by themselves, below containerd and Docker, and for each user
//! of a rootless engine. A pattern is walked one folder at a time, because any of them may appear later.

use std::path::{Path, PathBuf};

use crate::{Runtime, cgroup::is_id, config::Config, files};

/// Folders looked at in one folder; a node has some hundred containers.
const ENTRIES_CAP: usize = 8192;

/// One folder name of a pattern.
#[derive(Clone, Copy, Debug)]
enum Part {
    Is(&'static str),
    StartsWith(&'static str),
    Any,
    /// A user's numeric id.
    User,
}

impl Part {
    fn matches(self, name: &str) -> bool {
        match self {
            Self::Is(wanted) => name == wanted,
            Self::StartsWith(prefix) => name.starts_with(prefix),
            Self::Any => true,
            Self::User => name.parse::<u32>().is_ok(),
        }
    }
}

/// A pattern of folders below the root that hold containers' folders.
#[derive(Debug)]
pub(crate) struct Pattern {
    parts: &'static [Part],
    /// Who keeps its state there, unless the container's metadata knows better.
    pub(crate) runtime: Runtime,
}

use Part::{Any, Is, StartsWith, User};

/// All patterns. What is in a container's folder is told by its files: below containerd and Docker, crun keeps its
/// state where runc would.
pub(crate) const PATTERNS: [Pattern; 6] = [
    Pattern { parts: &[Is("run"), Is("runc")], runtime: Runtime::Runc },
    Pattern { parts: &[Is("run"), Is("crun")], runtime: Runtime::Crun },
    Pattern { parts: &[Is("run"), Is("containerd"), Is("runc"), Any], runtime: Runtime::Containerd },
    Pattern { parts: &[Is("run"), Is("docker"), StartsWith("runtime-"), Any], runtime: Runtime::Docker },
    Pattern { parts: &[Is("run"), Is("user"), User, Is("runc")], runtime: Runtime::Runc },
    Pattern { parts: &[Is("run"), Is("user"), User, Is("crun")], runtime: Runtime::Crun },
];

/// A place in a pattern: the folder that its first `depth` parts lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pattern: usize,
    depth: usize,
}

/// What an entry of a folder is, seen from a [`Step`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A folder further along the pattern.
    Folder(Step),
    /// A container's folder.
    Container,
}

impl Step {
    /// The steps at the root, one for each pattern.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..PATTERNS.len()).map(|pattern| Self { pattern, depth: 0 })
    }

    /// The pattern it belongs to.
    pub(crate) fn pattern(self) -> &'static Pattern {
        &PATTERNS[self.pattern]
    }

    /// What an entry called `name` would be.
    pub(crate) fn entry(self, name: &str) -> Option<Entry> {
        match self.pattern().parts.get(self.depth) {
            Some(part) => part.matches(name).then_some(Entry::Folder(Self { depth: self.depth + 1, ..self })),
            None => is_id(name).then_some(Entry::Container),
        }
    }

    /// The folders to go on with from `dir`: by name where the pattern gives one, else all that fit.
    pub(crate) fn entries(self, dir: &Path) -> Vec<(String, PathBuf, Entry)> {
        if let Some(Part::Is(name)) = self.pattern().parts.get(self.depth) {
            let path = dir.join(name);
            let next = Entry::Folder(Self { depth: self.depth + 1, ..self });
            return if path.is_dir() { vec![((*name).to_owned(), path, next)] } else { Vec::new() };
        }
        let folders = files::folders(dir, ENTRIES_CAP).into_iter();
        folders.filter_map(|(name, path)| self.entry(&name).map(|entry| (name, path, entry))).collect()
    }
}

/// A container's state folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StateDir {
    pub(crate) id: String,
    pub(crate) path: PathBuf,
    pub(crate) step: Step,
    /// The user whose runtime it is, if not root's: nothing it says is taken without proof.
    pub(crate) owner: Option<u32>,
}

impl StateDir {
    /// The folder `path`, named `id`, found at `step`.
    pub(crate) fn new(config: &Config, id: &str, path: PathBuf, step: Step) -> Self {
        let below = path.strip_prefix(config.root.join("run/user")).ok();
        let owner = below.and_then(|below| below.iter().next()?.to_str()?.parse().ok());
        Self { id: id.to_owned(), path, step, owner }
    }
}

/// Walks on from `dir`, telling of every folder along the way and of every container found.
pub(crate) fn walk(
    config: &Config,
    dir: &Path,
    step: Step,
    on_folder: &mut dyn FnMut(&Path, Step),
    on_container: &mut dyn FnMut(StateDir),
) {
    // The caller watches the folder before it is read, so that nothing appears unseen between the two.
    on_folder(dir, step);
    for (name, path, entry) in step.entries(dir) {
        match entry {
            Entry::Folder(next) => walk(config, &path, next, on_folder, on_container),
            Entry::Container => on_container(StateDir::new(config, &name, path, step)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_folders_of_every_runtime() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { root: dir.path().into(), proc: "/proc".into(), cgroup: None };
        let found = [
            "run/runc/web",
            "run/crun/web",
            "run/containerd/runc/k8s.io/0a",
            "run/docker/runtime-runc/moby/0b",
            "run/user/1000/crun/mine",
        ];
        let others =
            ["run/lock/x", "run/docker/containerd/daemon", "run/user/me/crun/a", "run/crun/bad name"];
        for path in found.iter().chain(&others) {
            std::fs::create_dir_all(dir.path().join(path)).unwrap();
        }
        let mut seen = Vec::new();
        for step in Step::all() {
            walk(&config, dir.path(), step, &mut |_, _| {}, &mut |state| seen.push(state));
        }
        let mut paths: Vec<_> =
            seen.iter().map(|it| it.path.strip_prefix(dir.path()).unwrap().to_str().unwrap()).collect();
        paths.sort();
        paths.dedup();
        let mut wanted = found.to_vec();
        wanted.sort();
        assert_eq!(paths, wanted);
        for state in seen {
            assert_eq!(state.owner, state.path.starts_with(dir.path().join("run/user")).then_some(1000));
        }
    }
}
