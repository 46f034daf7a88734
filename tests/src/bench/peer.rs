//! Tracers to compare with, ours among them, run as processes on the same load.

use std::fs::File;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::load::{Load, Made, Said, gadgetry};
use crate::host::Host;
use crate::rows::wait_until_attached;

/// How long a peer may take to attach.
const PEER_STARTS: Duration = Duration::from_millis(2500);

/// What traces opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tracer {
    Gadgetry,
    Opensnoop,
    Bpftrace,
}

/// What a tracer said of a load.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traced {
    /// Opens the load made.
    pub(super) made: u64,
    /// How long it took.
    pub(super) seconds: f64,
    /// Events the tracer said it lost; its own count where it gives one, else 1 for "some".
    pub(super) lost: u64,
    /// Rows it wrote, where it says.
    pub(super) rows: Option<u64>,
}

impl Tracer {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gadgetry => "gadgetry",
            Self::Opensnoop => "opensnoop",
            Self::Bpftrace => "bpftrace",
        }
    }

    fn start(self, host: &Host, load: &Load, seconds: f64, errors: File) -> Result<Child> {
        let pid = load.pid().to_string();
        let mut command = match self {
            Self::Gadgetry => {
                return gadgetry(host, "trace_open", load, seconds, &["--ring-size", "16384"], errors);
            }
            Self::Opensnoop => {
                let mut command = Command::new("/usr/sbin/opensnoop");
                command.args(["-p", &pid, "-d", &(seconds + 4.0).ceil().to_string()]);
                command
            }
            Self::Bpftrace => {
                let mut command = Command::new("bpftrace");
                let program = format!(
                    "tracepoint:syscalls:sys_enter_openat /pid == {pid}/ {{ @path[tid] = args->filename; }} \
                     tracepoint:syscalls:sys_exit_openat /pid == {pid}/ {{ printf(\"%d %s %d %s\\n\", pid, comm, \
                     args->ret, str(@path[tid])); delete(@path[tid]); }} \
                     interval:s:{} {{ exit(); }}",
                    (seconds + 4.0).ceil()
                );
                command.args(["-e", &program]);
                command
            }
        };
        // To a file that takes everything: what is measured is the tracer, not a reader behind it.
        command.stdout(File::options().write(true).open("/dev/null")?).stderr(errors);
        command.spawn().with_context(|| format!("{} does not start (make setup-bench)", self.name()))
    }

    /// Traces a load of `rate` opens a second (0: as many as can be made). `during` is called while the load runs.
    pub(super) fn trace(
        self,
        seconds: f64,
        rate: u64,
        during: impl FnOnce() -> Result<()>,
    ) -> Result<Traced> {
        let host = Host::new();
        let errors = tempfile::NamedTempFile::new()?;
        let load = Load::start("opens", seconds, rate, &[])?;
        let mut tracer = self.start(&host, &load, seconds, errors.reopen()?)?;
        match self {
            Self::Gadgetry => wait_until_attached(tracer.id()),
            Self::Opensnoop | Self::Bpftrace => std::thread::sleep(PEER_STARTS),
        }
        let Made { count: made, seconds, .. } = load.run()?;
        during()?;
        let status = tracer.wait()?;
        let said = std::fs::read_to_string(errors.path())?;
        ensure!(self.ended_well(status), "{} failed: {said}", self.name());
        let mut traced = Traced { made, seconds, lost: 0, rows: None };
        match self {
            Self::Gadgetry => {
                let Said { rows, lost } = Said::read(&said)?;
                (traced.rows, traced.lost) = (Some(rows), lost);
                ensure!(rows + lost == made, "made {made}, but {rows} rows and {lost} lost");
            }
            // opensnoop says `lost N events on CPU #C`, bpftrace `Lost N events`.
            Self::Opensnoop | Self::Bpftrace => {
                let lost = said.lines().filter(|line| line.to_lowercase().contains("lost"));
                traced.lost = lost
                    .filter_map(|line| line.split_whitespace().find_map(|word| word.parse::<u64>().ok()))
                    .sum();
            }
        }
        std::thread::sleep(Duration::from_millis(300));
        Ok(traced)
    }

    /// opensnoop's and bpftrace's time limit may end them by a signal of their own.
    fn ended_well(self, status: ExitStatus) -> bool {
        status.success() || (self != Self::Gadgetry && status.code().is_none_or(|code| code != 1))
    }
}
