//! What a gadget does not get, and how it is told.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use gadgetry_guest::lent::http::{Error, Request};
use tokio_util::sync::CancellationToken;

use crate::server::{Does, Server, answer};
use crate::world::{World, get, post};

fn yes() -> Server {
    Server::plain(|_, _| Does::Says(answer(200, "", "yes")))
}

fn refused(world: World, request: Request, part: &str) {
    let url = request.url.clone();
    let error = world.gadget().ask(request).unwrap_err();
    assert!(matches!(&error, Error::Refused(text) if text.contains(part)), "{url}: {error:?}");
}

#[test]
fn hosts_that_are_not_stated_or_not_granted() {
    let server = yes();
    let (here, name) =
        (format!("http://127.0.0.1:{}", server.port), format!("http://localhost:{}", server.port));
    refused(
        World::private("api.example"),
        get(&here),
        "not among the hosts that the gadget's permissions name",
    );
    let world = World { hosts: vec![here.clone()], ..World::default() };
    refused(world, get(&here), &format!("--grant mine=http:{here}"));
    // Plain HTTP is another thing than HTTPS.
    refused(World::private(&format!("127.0.0.1:{}", server.port)), get(&here), "permissions");
    // What is granted publicly may not be at a private address, be it written or found by its name.
    for host in [&here, &name] {
        let world = World { hosts: vec![host.clone()], http: vec![host.clone()], ..World::default() };
        refused(
            world,
            get(host),
            &format!("no public address; the operator can allow it, by --grant mine=http-private:{host}"),
        );
    }
    let pinned = "http://rebinds.example".to_owned() + &here["http://127.0.0.1".len()..];
    let (hosts, http) = (vec!["http://*.example.com".into(), pinned.clone()], vec![pinned.clone()]);
    refused(
        World { hosts, http, names: vec!["rebinds.example"], ..World::default() },
        get(&pinned),
        "127.0.0.1",
    );
    assert_eq!(server.seen().len(), 0, "nothing was sent");
    let mut gadget = World::private(&name).gadget();
    assert_eq!(gadget.ask(get(&name)).unwrap().status, 200);
}

#[test]
fn the_host_of_a_setting_is_asked_and_no_other() {
    let (server, other) = (yes(), yes());
    let here = format!("http://127.0.0.1:{}", server.port);
    let world = |private: &[&str]| World {
        hosts: vec!["config:URL".into()],
        private: private.iter().map(|it| (*it).to_owned()).collect(),
        url: Some(format!("{here}/base")),
        ..World::default()
    };
    for grant in ["config:URL", &here] {
        assert_eq!(world(&[grant]).gadget().ask(get(format!("{here}/x"))).unwrap().status, 200);
    }
    refused(world(&[]), get(&here), "is not granted");
    refused(world(&["config:URL"]), get(format!("http://127.0.0.1:{}", other.port)), "permissions");
}

#[test]
fn redirects_to_other_hosts() {
    let other = yes();
    let targets = [
        format!("http://127.0.0.1:{}/", other.port),
        "https://elsewhere.example/".to_owned(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    for target in targets {
        let location = format!("location: {target}\r\n");
        let server = Server::plain(move |_, _| Does::Says(answer(302, &location, "")));
        let here = format!("http://127.0.0.1:{}", server.port);
        let both = vec![here.clone(), format!("http://127.0.0.1:{}", other.port)];
        let world = World { hosts: both.clone(), private: both, ..World::default() };
        refused(world, Request { headers: vec![("x-key".into(), "k".into())], ..get(here) }, "redirects to");
    }
    assert_eq!(other.seen().len(), 0);
}

#[test]
fn servers_that_misbehave() {
    let kind = |error: &Error| match error {
        Error::Timeout(_) => "timeout",
        Error::TooLarge(_) => "too large",
        Error::Connection(_) => "connection",
        _ => "other",
    };
    let chunked = "HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\nfffffff\r\n";
    type Case = (&'static str, fn() -> Does, &'static str);
    let cases: [Case; 8] = [
        ("silent", || Does::Hangs(String::new()), "timeout"),
        ("half a head", || Does::Hangs("HTTP/1.1 200 x\r\ncontent-".into()), "timeout"),
        ("half a body", || Does::Hangs(answer(200, "", "abc").replace(": 3", ": 9")), "timeout"),
        ("a body without end", || Does::NeverEnds("HTTP/1.1 200 x\r\n\r\n".into()), "too large"),
        ("a length too large", || Does::Hangs(answer(200, "", "").replace(": 0", ": 99999")), "too large"),
        ("a length too long", || Does::Says(answer(200, "", "abc").replace(": 3", ": 9")), "connection"),
        ("no HTTP", || Does::Says("SSH-2.0-OpenSSH\r\n".into()), "connection"),
        ("a head without end", || Does::NeverEnds("HTTP/1.1 200 x\r\nx: ".into()), "connection"),
    ];
    for (what, does, wanted) in cases {
        let server = Server::plain(move |_, _| does());
        let here = format!("http://127.0.0.1:{}", server.port);
        let request = Request { timeout_ms: Some(700), max_response_bytes: Some(1000), ..get(&here) };
        let begin = Instant::now();
        let error = World::private(&here).gadget().ask(request).unwrap_err();
        assert_eq!(kind(&error), wanted, "{what}: {error:?}");
        assert!(begin.elapsed() < Duration::from_secs(3), "{what}: {:?}", begin.elapsed());
    }
    let server = Server::plain(move |_, _| Does::NeverEnds(chunked.into()));
    let here = format!("http://127.0.0.1:{}", server.port);
    let error = World::private(&here).gadget().ask(get(&here)).unwrap_err();
    assert!(matches!(&error, Error::TooLarge(text) if text.contains("8388608")), "{error:?}");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = format!("http://127.0.0.1:{free}");
    let error = World::private(&nobody).gadget().ask(get(&nobody)).unwrap_err();
    assert!(matches!(&error, Error::Connection(text) if text.contains("refused")), "{error:?}");
}

#[test]
fn a_run_that_is_cancelled_does_not_wait() {
    let server = Server::plain(|_, _| Does::Hangs(String::new()));
    let here = format!("http://127.0.0.1:{}", server.port);
    let stop = CancellationToken::new();
    let mut gadget = World { stop: stop.clone(), ..World::private(&here) }.gadget();
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(200));
        stop.cancel();
    });
    let begin = Instant::now();
    assert_eq!(gadget.ask(get(&here)).unwrap_err(), Error::Cancelled);
    assert_eq!(gadget.ask(get(&here)).unwrap_err(), Error::Cancelled, "and does not begin anew");
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[test]
fn requests_that_are_none() {
    let host = "http://127.0.0.1:9";
    let header =
        |name: &str, value: &str| Request { headers: vec![(name.into(), value.into())], ..get(host) };
    let cases = [
        (get("/path"), "can't be read"),
        (get("ftp://127.0.0.1/"), "its scheme is `ftp`"),
        (get(format!("{host}/{}", "x".repeat(9000))), "at most 8192"),
        (get("http://user:secret-word@127.0.0.1:9/"), "user or password"),
        (header("bad name", "secret-word"), "can't be a header's name"),
        (header("x-key", "secret-word\r\nx-other: y"), "bytes that no header may"),
        (header("Host", "secret-word"), "the host's to set"),
        (header("transfer-encoding", "chunked"), "the host's to set"),
        (header("x-long", &"secret-word".repeat(9000)), "at most 64 of 32768"),
        (post(host, &"x".repeat((8 << 20) + 1)), "at most 8388608"),
    ];
    let mut gadget = World::private(host).gadget();
    for (request, part) in cases {
        let error = gadget.ask(request).unwrap_err();
        let Error::Invalid(text) = &error else { panic!("{part}: {error:?}") };
        assert!(text.contains(part) && !text.contains("secret-word"), "{text}");
    }
    let many = gadget.ask_all((0..65).map(|_| get(host)).collect());
    assert_eq!(many.len(), 65);
    assert!(
        matches!(&many[64], Err(Error::Limited(text)) if text.contains("at most 64")),
        "{:?}",
        many[64].as_ref().err()
    );
}
