//! A registry of which a test decides every byte. It speaks just enough HTTP to be asked, one request on a
//! connection, and answers what it is told to, true or not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::image::TestImage;
use gadget_registry::media;

/// One request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
}

/// What to answer.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Status, headers, and a body with its true length.
    Whole(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// These very bytes, and then the end.
    Bytes(Vec<u8>),
    /// The head, then the same piece again and again, chunked, for as long as anyone listens.
    Endless,
    /// The head and some bytes of a body, then one byte at a time, for ever.
    Drip(u64),
    /// Nothing, for ever.
    Silence,
}

pub(crate) struct Raw {
    /// Host and port.
    pub(crate) host: String,
    log: Arc<Mutex<Vec<Request>>>,
    sent: Arc<Mutex<u64>>,
    task: JoinHandle<()>,
}

impl Raw {
    /// Starts one that answers by `answer`, which is given the request and how many of the same came before.
    pub(crate) async fn start(answer: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let log = Arc::new(Mutex::new(Vec::<Request>::new()));
        let sent = Arc::new(Mutex::new(0));
        let answer = Arc::new(answer);
        let task = tokio::spawn({
            let (log, sent) = (Arc::clone(&log), Arc::clone(&sent));
            async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let (log, sent, answer) = (Arc::clone(&log), Arc::clone(&sent), Arc::clone(&answer));
                    tokio::spawn(async move {
                        let Some(request) = read(&mut stream).await else { return };
                        let answer = {
                            let mut log = log.lock().unwrap();
                            let same =
                                |old: &&Request| old.method == request.method && old.path == request.path;
                            let before = log.iter().filter(same).count();
                            log.push(request.clone());
                            answer(&request, before)
                        };
                        write(&mut stream, answer, &sent).await;
                    });
                }
            }
        });
        Self { host, log, sent, task }
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.log.lock().unwrap().clone()
    }

    /// How many requests had `part` in their path.
    pub(crate) fn count(&self, part: &str) -> usize {
        self.requests().iter().filter(|request| request.path.contains(part)).count()
    }

    /// Bytes of bodies that were taken by clients, at least.
    pub(crate) fn sent(&self) -> u64 {
        *self.sent.lock().unwrap()
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut head = vec![stream.read_u8().await.ok()?];
    // The first byte of TLS; a server of plain HTTP calls it a bad request.
    if head == [0x16] {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await.ok();
        return None;
    }
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let header = |name: &str| {
        let (_, value) = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value.to_owned())
    };
    let length: usize = header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request { method, path, authorization: header("authorization") })
}

async fn write(stream: &mut TcpStream, answer: Answer, sent: &Mutex<u64>) {
    let head = |status: u16| format!("HTTP/1.1 {status} X\r\nConnection: close\r\n");
    match answer {
        Answer::Whole(status, headers, body) => {
            let mut text = head(status);
            for (name, value) in headers {
                text += &format!("{name}: {value}\r\n");
            }
            text += &format!("Content-Length: {}\r\n\r\n", body.len());
            stream.write_all(text.as_bytes()).await.ok();
            stream.write_all(&body).await.ok();
            *sent.lock().unwrap() += body.len() as u64;
        }
        Answer::Bytes(bytes) => {
            stream.write_all(&bytes).await.ok();
        }
        Answer::Endless => {
            let text = head(200) + "Transfer-Encoding: chunked\r\n\r\n";
            stream.write_all(text.as_bytes()).await.ok();
            let piece = [b"1000\r\n".as_slice(), &[b' '; 0x1000], b"\r\n"].concat();
            while stream.write_all(&piece).await.is_ok() {
                *sent.lock().unwrap() += 0x1000;
            }
        }
        Answer::Drip(length) => {
            let text = head(200) + &format!("Content-Length: {length}\r\n\r\n");
            stream.write_all(text.as_bytes()).await.ok();
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Answer::Silence => tokio::time::sleep(Duration::from_secs(60)).await,
    }
    stream.shutdown().await.ok();
}

/// What a registry that behaves would answer for this image, under any tag.
pub(crate) fn honest(image: &TestImage, request: &Request) -> Answer {
    let Some((_, name)) = request.path.rsplit_once('/') else { return missing() };
    if request.path.contains("/referrers/") || name.starts_with("sha256-") {
        return missing();
    }
    let digest = name.parse().unwrap_or(image.link.digest);
    let Some(bytes) = image.content.get(&digest) else { return missing() };
    let media_type =
        if request.path.contains("/manifests/") { media::INDEX } else { "application/octet-stream" };
    Answer::Whole(200, vec![("Content-Type", media_type.into())], bytes.clone())
}

pub(crate) fn missing() -> Answer {
    Answer::Whole(
        404,
        Vec::new(),
        br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]}"#.to_vec(),
    )
}

pub(crate) fn status(status: u16) -> Answer {
    Answer::Whole(status, Vec::new(), b"no luck".to_vec())
}

/// An answer whose stated length has nothing to do with its body.
pub(crate) fn lying(length: u64, body: &[u8]) -> Answer {
    let head = format!("HTTP/1.1 200 X\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    Answer::Bytes([head.as_bytes(), body].concat())
}
