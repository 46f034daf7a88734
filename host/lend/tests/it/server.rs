//! An HTTP server on loopback that does as a test says, well or badly.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio_rustls::rustls;

/// What a server does with a request.
pub(crate) enum Does {
    /// Sends these bytes and closes.
    Says(String),
    /// Sends these bytes and reads the next request.
    GoesOn(String),
    /// Sends these bytes, and then as many more as are taken.
    NeverEnds(String),
    /// Sends these bytes and no more, and does not close for a while.
    Hangs(String),
}

/// A running server; its thread ends with the process.
pub(crate) struct Server {
    pub(crate) port: u16,
    /// Heads and bodies of all requests.
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
    pub(crate) connections: Arc<AtomicUsize>,
}

/// An answer with a body.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

impl Server {
    /// Plain; `does` is told the request's number and first line.
    pub(crate) fn plain(does: impl Fn(usize, &str) -> Does + Send + Sync + 'static) -> Self {
        Self::start(does, Some)
    }

    /// Over TLS, with a certificate for `name`, which is returned as PEM.
    pub(crate) fn tls(
        name: &str,
        does: impl Fn(usize, &str) -> Does + Send + Sync + 'static,
    ) -> (Self, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec![name.into()]).unwrap().self_signed(&key).unwrap();
        let pem = pem::encode(&pem::Pem::new("CERTIFICATE", certificate.der().to_vec()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let config = Arc::new(config);
        let wrap = move |stream| {
            let connection = rustls::ServerConnection::new(config.clone()).ok()?;
            Some(rustls::StreamOwned::new(connection, stream))
        };
        (Self::start(does, wrap), pem)
    }

    fn start<S: Read + Write + Send + 'static>(
        does: impl Fn(usize, &str) -> Does + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> Option<S> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, connections) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (all, count, does) = (seen.clone(), connections.clone(), Arc::new(does));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let Some(stream) = wrap(stream) else { continue };
                let (all, does) = (all.clone(), does.clone());
                thread::spawn(move || serve(stream, &all, does.as_ref()));
            }
        });
        Self { port, seen, connections }
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve<S: Read + Write>(
    stream: S,
    seen: &Mutex<Vec<String>>,
    does: &(dyn Fn(usize, &str) -> Does + Sync),
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).ok()?;
        let first = head.lines().next().unwrap_or_default().to_owned();
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(format!("{head}{}", String::from_utf8_lossy(&body)));
            seen.len() - 1
        };
        let out = stream.get_mut();
        match does(number, &first) {
            Does::Says(text) => {
                out.write_all(text.as_bytes()).ok()?;
                return out.flush().ok();
            }
            Does::GoesOn(text) => {
                out.write_all(text.as_bytes()).ok()?;
                out.flush().ok()?;
            }
            Does::NeverEnds(text) => {
                out.write_all(text.as_bytes()).ok()?;
                // Until the other side has had enough.
                loop {
                    out.write_all(&[b'x'; 4096]).ok()?;
                }
            }
            Does::Hangs(text) => {
                out.write_all(text.as_bytes()).ok()?;
                out.flush().ok()?;
                thread::sleep(Duration::from_secs(20));
                return None;
            }
        }
    }
}
