//! Load for tests and benchmarks: opens, processes, TCP connections or DNS queries at a given rate; says how many it made,
//! in how many seconds, and how many of those its thread was running.
//! Its own process and name (`load`), so that a gadget can be filtered to it and every event be accounted for.
//!
//! Usage: `load opens|execs|connections|queries [--seconds S] [--count N] [--rate PER_SECOND] [--path FILE] [--port PORT]`

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// `openat` and `close` of one file.
    Opens,
    /// `/bin/true`, one after the other.
    Execs,
    /// TCP connections over the loopback interface, made, accepted and closed at both ends.
    Connections,
    /// DNS queries over UDP on the loopback interface, each answered before the next.
    Queries,
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
    /// Wait until standard input is closed before the first.
    #[arg(long)]
    wait: bool,
    /// Wait this long before the first.
    #[arg(long, default_value_t = 0.0)]
    delay: f64,
    /// File to open.
    #[arg(long, default_value = "/etc/hostname")]
    path: String,
    /// Port of the name server that is asked; 0 for any.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

/// One event of a load; the argument counts them.
type Event = Box<dyn FnMut(u64) -> io::Result<()>>;

impl Arguments {
    /// What one event is, and how many there are between two looks at the clock.
    fn event(&self) -> io::Result<(Event, u64)> {
        let path = self.path.clone();
        Ok(match self.what {
            What::Opens => (Box::new(move |_| File::open(&path).map(drop)), 64),
            What::Execs => {
                (Box::new(|_| Command::new("/bin/true").stdin(Stdio::null()).status().map(drop)), 1)
            }
            What::Connections => (connections()?, 8),
            What::Queries => (queries(self.port)?, 16),
        })
    }
}

/// The server's end is closed first. So what lingers of a connection does not take one of the client's ports; and each
/// goes to another of the loopback interface's addresses, so that the same two ends come again late.
fn connections() -> io::Result<Event> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let port = listener.local_addr()?.port();
    Ok(Box::new(move |count| {
        let [.., high, low] = count.to_be_bytes();
        let client = TcpStream::connect((Ipv4Addr::new(127, 1, high, low.max(1)), port))?;
        drop(listener.accept()?);
        drop(client);
        Ok(())
    }))
}

fn queries(port: u16) -> io::Result<Event> {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?;
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    client.connect(server.local_addr()?)?;
    let mut query = *b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x04load\x07example\0\0\x01\0\x01";
    let mut message = [0; 512];
    Ok(Box::new(move |count| {
        [query[0], query[1]] = (count as u16).to_be_bytes();
        client.send(&query)?;
        let (len, from) = server.recv_from(&mut message)?;
        (message[2], message[3]) = (0x81, 0x80);
        server.send_to(&message[..len], from)?;
        client.recv(&mut message).map(drop)
    }))
}

/// Seconds that this thread has been running on a CPU, what interrupted it included.
fn running() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().next().and_then(|it| it.parse::<f64>().ok());
    nanos.unwrap_or(f64::NAN) / 1e9
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (mut event, at_once) = match arguments.event() {
        Ok(event) => event,
        Err(error) => {
            eprintln!("load: can't begin: {error}");
            return ExitCode::FAILURE;
        }
    };
    if arguments.wait {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
    }
    std::thread::sleep(Duration::from_secs_f64(arguments.delay));
    let (start, ran) = (Instant::now(), running());
    let end = Duration::from_secs_f64(arguments.seconds);
    let mut made = 0;
    let mut failed = 0_u64;
    while made < arguments.count {
        let elapsed = start.elapsed();
        if elapsed >= end {
            break;
        }
        let burst = at_once.min(arguments.count - made);
        if arguments.rate > 0 {
            let due = (elapsed.as_secs_f64() * arguments.rate as f64) as u64;
            if made + burst > due {
                std::thread::sleep(Duration::from_micros(200));
                continue;
            }
        }
        for _ in 0..burst {
            failed += u64::from(event(made).is_err());
            made += 1;
        }
    }
    println!("{made} {:.6} {:.6}", start.elapsed().as_secs_f64(), running() - ran);
    if failed > 0 {
        eprintln!("load: {failed} of {made} failed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
