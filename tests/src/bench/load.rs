//! The load program, and what a gadget saw of it.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::host::Host;
use crate::rows::wait_until_attached;

/// A load that waits for the word, so that its process id can be given to a tracer first.
pub(super) struct Load(Child);

impl Load {
    /// `rate` 0: as many as can be made. `more`: further arguments.
    pub(super) fn start(what: &str, seconds: f64, rate: u64, more: &[&str]) -> Result<Self> {
        let mut command = Command::new(crate::tool("load"));
        let (seconds, rate) = (seconds.to_string(), rate.to_string());
        command.args([what, "--wait", "--seconds", &seconds, "--rate", &rate]).args(more);
        Ok(Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?))
    }

    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// What it says when it has been told to begin and is done.
    pub(super) fn run(mut self) -> Result<Made> {
        drop(self.0.stdin.take());
        Made::by(self.0)
    }
}

/// What a load says of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    /// How many events it made.
    pub(super) count: u64,
    /// In how many seconds.
    pub(super) seconds: f64,
    /// For how many of those it was running.
    pub(super) running: f64,
}

impl Made {
    /// By a load that was started, when it is done.
    pub(super) fn by(load: Child) -> Result<Self> {
        let output = load.wait_with_output()?;
        ensure!(output.status.success(), "the load failed");
        let text = String::from_utf8(output.stdout)?;
        let [count, seconds, running] = text.split_whitespace().collect::<Vec<_>>()[..] else {
            bail!("the load says {text:?}");
        };
        Ok(Self { count: count.parse()?, seconds: seconds.parse()?, running: running.parse()? })
    }

    pub(super) fn rate(&self) -> f64 {
        self.count as f64 / self.seconds
    }
}

/// What `gadgetry run` says when it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) rows: u64,
    pub(super) lost: u64,
}

impl Said {
    /// From its closing line.
    pub(super) fn read(said: &str) -> Result<Self> {
        let line = said.lines().find(|line| line.contains(" events, ")).context("no closing line")?;
        let number = |before: &str| {
            let (head, _) = line.split_once(before)?;
            head.rsplit([' ', ',']).find(|it| !it.is_empty())?.parse::<u64>().ok()
        };
        Ok(Self {
            rows: number(" rows").context("no count of rows")?,
            lost: number(" lost").context("no count of lost events")?,
        })
    }
}

/// Starts `gadgetry run GADGET` on a process, long enough for its load. Rows go to a file that takes everything: what is
/// measured is the tracer, not a reader behind it.
pub(super) fn gadgetry(
    host: &Host,
    gadget: &str,
    load: &Load,
    seconds: f64,
    more: &[&str],
    errors: File,
) -> Result<Child> {
    let (pid, duration) = (load.pid().to_string(), (seconds + 2.5).to_string());
    let mut command = host.command(&["run", gadget, "--pid", &pid, "--duration", &duration, "-o", "jsonl"]);
    command.args(more).stdout(File::options().write(true).open("/dev/null")?).stderr(errors);
    command.spawn().context("gadgetry does not start")
}

/// A load under a gadget: what both said.
pub(super) fn under(gadget: &str, load: Load, seconds: f64, more: &[&str]) -> Result<(Made, Said)> {
    let host = Host::new();
    let errors = tempfile::NamedTempFile::new()?;
    let mut running = gadgetry(&host, gadget, &load, seconds, more, errors.reopen()?)?;
    wait_until_attached(running.id());
    let made = load.run()?;
    let status = running.wait()?;
    let said = std::fs::read_to_string(errors.path())?;
    ensure!(status.success(), "{gadget} failed: {said}");
    std::thread::sleep(Duration::from_millis(300));
    Ok((made, Said::read(&said)?))
}
