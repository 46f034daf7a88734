//! Load for tests and benchmarks: opens or starts processes at a given rate, says how many it made. Its own process
//! and name (`load`), so that a gadget can be filtered to it and every event be accounted for.
//!
//! Usage: `load opens|execs [--seconds S] [--count N] [--rate PER_SECOND] [--path FILE]`

use std::fs::File;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// `openat` and `close` of one file.
    Opens,
    /// `/bin/true`, one after the other.
    Execs,
}

#[derive(Parser)]
struct Arguments {
    what: What,
    /// End after this time.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// End after this many.
    #[arg(long, default_value_t = u64::MAX)]
    count: u64,
    /// At most this many a second; 0 for as many as the machine can make.
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// Wait this long before the first.
    #[arg(long, default_value_t = 0.0)]
    delay: f64,
    /// File to open.
    #[arg(long, default_value = "/etc/hostname")]
    path: String,
}

/// Events between two looks at the clock.
const BURST: u64 = 64;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    std::thread::sleep(Duration::from_secs_f64(arguments.delay));
    let start = Instant::now();
    let end = Duration::from_secs_f64(arguments.seconds);
    let mut made = 0;
    let mut failed = 0_u64;
    while made < arguments.count {
        let elapsed = start.elapsed();
        if elapsed >= end {
            break;
        }
        let burst = match arguments.what {
            What::Opens => BURST,
            What::Execs => 1,
        }
        .min(arguments.count - made);
        if arguments.rate > 0 {
            let due = (elapsed.as_secs_f64() * arguments.rate as f64) as u64;
            if made + burst > due {
                std::thread::sleep(Duration::from_micros(200));
                continue;
            }
        }
        for _ in 0..burst {
            let done = match arguments.what {
                What::Opens => File::open(&arguments.path).is_ok(),
                What::Execs => Command::new("/bin/true").stdin(Stdio::null()).status().is_ok(),
            };
            failed += u64::from(!done);
            made += 1;
        }
    }
    println!("{made} {:.6}", start.elapsed().as_secs_f64());
    if failed > 0 {
        eprintln!("load: {failed} of {made} failed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
