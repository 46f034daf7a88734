//! What is answered, and when it is asked again.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gadgetry_guest::lent::http::{Error, Method, Request};

use crate::server::{Does, Server, answer};
use crate::world::{World, get, post, text};

fn world(server: &Server) -> (World, String) {
    let host = format!("http://127.0.0.1:{}", server.port);
    (World::private(&host), host)
}

#[test]
fn requests_arrive_as_they_are_and_connections_are_kept() {
    let server =
        Server::plain(|number, _| Does::GoesOn(answer(200, "X-Answer: yes\r\n", &number.to_string())));
    let (world, host) = world(&server);
    let mut gadget = world.gadget();
    let request =
        Request { headers: vec![("X-Key".into(), "k".into())], ..post(format!("{host}/a?b=c#d"), "body") };
    let first = gadget.ask(request).unwrap();
    assert_eq!((first.status, first.tries, first.body.as_slice()), (200, 1, &b"0"[..]));
    assert!(first.headers.contains(&("x-answer".into(), "yes".into())), "{:?}", first.headers);
    assert_eq!(text(gadget.ask(get(&host))), "1");
    let seen = server.seen();
    assert!(
        seen[0].starts_with("POST /a?b=c HTTP/1.1\r\n") && seen[0].ends_with("\r\n\r\nbody"),
        "{}",
        seen[0]
    );
    assert!(seen[0].contains("x-key: k\r\n") && seen[0].contains("user-agent: gadgetry/"), "{}", seen[0]);
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[test]
fn several_are_answered_in_order_and_at_once() {
    let server = Server::plain(|_, first| {
        let ms = first.trim_start_matches("GET /").split(' ').next().unwrap().parse().unwrap();
        std::thread::sleep(Duration::from_millis(ms));
        Does::Says(answer(200, "", &ms.to_string()))
    });
    let (world, host) = world(&server);
    let all = [400, 300, 0, 400, 350].map(|ms| get(format!("{host}/{ms}")));
    let begin = Instant::now();
    let answers: Vec<_> = world.gadget().ask_all(all.into()).into_iter().map(text).collect();
    assert_eq!(answers, ["400", "300", "0", "400", "350"]);
    assert!(begin.elapsed() < Duration::from_millis(1450), "one after another: {:?}", begin.elapsed());
}

#[test]
fn a_status_is_no_error_and_bad_ones_are_asked_again() {
    /// Answers in turn, the request, and: how often it is sent, the last status.
    type Case = (&'static [(u16, &'static str)], Request, u32, u16);
    let cases: [Case; 7] = [
        (&[(404, "")], Request { tries: Some(3), ..get("") }, 1, 404),
        (&[(429, "retry-after: 1\r\n"), (200, "")], Request { tries: Some(3), ..post("", "x") }, 2, 200),
        (&[(503, ""), (503, ""), (503, ""), (200, "")], Request { tries: Some(3), ..get("") }, 3, 503),
        (&[(503, ""), (200, "")], Request { tries: Some(3), ..post("", "x") }, 1, 503),
        (&[(503, ""), (200, "")], Request { tries: Some(3), idempotent: true, ..post("", "x") }, 2, 200),
        (&[(500, ""), (200, "")], get(""), 1, 500),
        // There is no time for that: what was answered is told at once.
        (&[(429, "retry-after: 3600\r\n"), (200, "")], Request { tries: Some(3), ..get("") }, 1, 429),
    ];
    for (answers, request, tries, status) in cases {
        let given: Vec<_> = answers.iter().map(|(status, headers)| answer(*status, headers, "")).collect();
        let server = Server::plain(move |number, _| Does::Says(given[number.min(given.len() - 1)].clone()));
        let (world, host) = world(&server);
        let begin = Instant::now();
        let found = world.gadget().ask(Request { url: host, ..request }).unwrap();
        assert_eq!((found.tries, found.status), (tries, status), "{answers:?}");
        if answers[0].1.contains(": 1\r") {
            assert!(begin.elapsed() >= Duration::from_secs(1), "retry-after is kept");
        }
    }
}

#[test]
fn the_same_host_may_redirect() {
    let server = Server::plain(|_, first| {
        let path = first.split(' ').nth(1).unwrap();
        Does::Says(match path {
            "/303" => answer(303, "location: /end\r\n", ""),
            "/307" => answer(307, "location: end\r\n", ""),
            "/loop" => answer(302, "location: /loop\r\n", ""),
            _ => answer(200, "", first),
        })
    });
    let (world, host) = world(&server);
    let mut gadget = world.gadget();
    assert_eq!(text(gadget.ask(post(format!("{host}/303"), "x"))), "GET /end HTTP/1.1");
    assert_eq!(text(gadget.ask(post(format!("{host}/307"), "x"))), "POST /end HTTP/1.1");
    assert!(server.seen().last().unwrap().ends_with("\r\n\r\nx"), "the body goes along");
    let error = gadget.ask(get(format!("{host}/loop"))).unwrap_err();
    assert!(matches!(&error, Error::Refused(text) if text.contains("more than 5 times")), "{error:?}");
}

#[test]
fn certificates_are_verified() {
    let say = |_: usize, _: &str| Does::Says(answer(200, "", "over TLS"));
    let (server, authority) = Server::tls("api.example", say);
    let world = |authorities: &str, name: &'static str| {
        let host = format!("{name}:{}", server.port);
        let world = World { authorities: authorities.to_owned(), names: vec![name], ..World::private(&host) };
        (world.gadget(), format!("https://{host}/"))
    };
    let (mut gadget, url) = world(&authority, "api.example");
    assert_eq!(text(gadget.ask(get(url))), "over TLS");
    for (authorities, name) in [("", "api.example"), (authority.as_str(), "other.example")] {
        let (mut gadget, url) = world(authorities, name);
        let error = gadget.ask(get(url)).unwrap_err();
        assert!(
            matches!(&error, Error::Connection(text) if text.contains("certificate")),
            "{name}: {error:?}"
        );
    }
}

#[test]
fn a_head_has_no_body() {
    let server =
        Server::plain(|_, _| Does::Says("HTTP/1.1 200 x\r\ncontent-length: 99999999\r\n\r\n".into()));
    let (world, host) = world(&server);
    let found = world.gadget().ask(Request { method: Method::Head, ..get(host) }).unwrap();
    assert_eq!((found.status, found.body.len()), (200, 0));
}
