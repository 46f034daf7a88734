//! Tools that use all that the host lends, and one that tries to tell a secret.

use gadget::{Clock, Failure, clock, config, http, log, random, store};

/// What to ask.
#[derive(gadget::Params)]
pub struct Ask {
    /// What stands after the server's name; or a whole URL.
    #[param(default = "/")]
    pub path: String,
    /// How many times, at once.
    #[param(default = 1, min = 1, max = 64)]
    pub times: u32,
    /// How often each may be sent.
    #[param(default = 1, min = 1, max = 5)]
    pub tries: u32,
    /// How long it may take.
    #[param(default = 5000, min = 1, max = 120_000)]
    pub timeout_ms: u32,
    /// Whether to send the secret, and in which header.
    pub key_header: Option<String>,
    /// Sent by POST; without, it is a GET.
    pub body: Option<String>,
}

/// What was answered.
#[derive(gadget::Row)]
pub struct Asked {
    /// A random name of this call.
    id: String,
    /// When it was, RFC 3339.
    at: String,
    /// Status, number of tries and text of each answer, or the kind and text of an error.
    answers: Vec<String>,
}

/// Asks the server.
#[gadget::tool]
fn ask(args: Ask) -> Result<Asked, Failure> {
    let base = config::get("BORROWS_URL").ok_or_else(|| Failure::new("BORROWS_URL is not bound"))?;
    let url = if args.path.contains("://") { args.path.clone() } else { format!("{base}{}", args.path) };
    let key = config::get("BORROWS_KEY").unwrap_or_default();
    let request = |_| {
        let mut request = match &args.body {
            Some(body) => http::Request::post(&url).body(body.as_bytes()),
            None => http::Request::get(&url),
        };
        if let Some(name) = &args.key_header {
            request = request.header(name, key.as_str());
        }
        request.tries(args.tries).timeout_ms(args.timeout_ms)
    };
    let told = |answer: Result<http::Response, http::Error>| match answer {
        Ok(answer) => format!("{} {} {}", answer.status, answer.tries, answer.text()),
        Err(error) => {
            let kind = format!("{error:?}");
            format!("{}: {error}", kind.split('(').next().unwrap_or_default())
        }
    };
    let answers = http::send_all((0..args.times).map(request)).into_iter().map(told).collect();
    let at = String::from_utf8_lossy(Clock::new(0).at(clock::now()).as_bytes()).into_owned();
    Ok(Asked { id: random::uuid(), at, answers })
}

/// What to keep.
#[derive(gadget::Params)]
pub struct Keep {
    /// Under which name.
    #[param(required)]
    pub key: String,
    /// What.
    #[param(required)]
    pub value: String,
    /// For how long, in seconds.
    pub ttl: Option<u64>,
    /// Whether the oldest make room.
    pub evict: bool,
}

/// What is kept.
#[derive(gadget::Row)]
pub struct Kept {
    /// Names of all that is kept.
    keys: Vec<String>,
    /// The value asked for.
    value: Option<String>,
    /// How many were dropped.
    dropped: u32,
}

/// Keeps a value.
#[gadget::tool]
fn keep(args: Keep) -> Result<Kept, Failure> {
    let Keep { key, value, ttl, evict } = args;
    let dropped = if evict {
        store::set_evicting(&key, value.as_bytes(), ttl)?
    } else {
        store::set(&key, value.as_bytes(), ttl).map(|()| 0)?
    };
    Ok(Kept { keys: store::keys(""), value: None, dropped })
}

/// Which value.
#[derive(gadget::Params)]
pub struct Which {
    /// Its name.
    #[param(required)]
    pub key: String,
    /// Whether to forget it then.
    pub forget: bool,
}

/// Gives a value back.
#[gadget::tool]
fn kept(args: Which) -> Result<Kept, Failure> {
    let value = store::get(&args.key).map(|value| String::from_utf8_lossy(&value).into_owned());
    if args.forget {
        store::delete(&args.key);
    }
    Ok(Kept { keys: store::keys(""), value, dropped: 0 })
}

/// Where to tell the secret.
#[derive(gadget::Params)]
pub struct Tell {
    /// In a failure, too.
    pub fail: bool,
    /// In a panic, too.
    pub panic: bool,
}

/// What was told.
#[derive(gadget::Row)]
pub struct Told {
    /// The secret, as far as it gets out.
    secret: String,
    /// What was concealed, likewise.
    concealed: String,
}

/// Tells the secret in each way there is; none of them should get it out.
#[gadget::tool]
fn tell(args: Tell) -> Result<Told, Failure> {
    let secret = config::get("BORROWS_KEY").unwrap_or_default();
    let concealed = format!("token-of-{secret}");
    config::conceal(&concealed);
    log::error(format_args!("the secret is {secret}, and {}{secret}", "x".repeat(1000)));
    log::info(&secret);
    if args.panic {
        panic!("the secret is {secret}");
    }
    if args.fail {
        return Err(Failure::of(secret.clone(), format!("the secret is {secret}")));
    }
    Ok(Told { secret: format!("<{secret}>"), concealed })
}

/// Asks for a setting that the permissions do not state.
#[gadget::tool]
fn peek() -> Result<Kept, Failure> {
    Ok(Kept { keys: Vec::new(), value: config::get("PATH"), dropped: 0 })
}

gadget::export!(tool ask, keep, kept, tell, peek);

#[cfg(test)]
mod tests {
    use gadget::{http::Response, testing};

    use super::*;

    #[test]
    fn it_asks_with_the_key() {
        testing::now(1_000_000_000);
        testing::config("BORROWS_URL", Some("https://a.example"));
        testing::config("BORROWS_KEY", Some("key"));
        testing::http(|_| Ok(Response::new(200).with_body("yes")));
        let arguments = br#"{"path":"/x","times":2,"key_header":"x-key"}"#;
        let answer = String::from_utf8(gadget::run::call::<ask>(arguments).unwrap()).unwrap();
        assert!(answer.contains(r#""at":"1970-01-01T00:00:01.000000000Z""#), "{answer}");
        assert!(answer.contains(r#""answers":["200 1 yes","200 1 yes"]"#), "{answer}");
        let sent = testing::requests();
        assert_eq!((sent[1].url.as_str(), sent[1].headers[0].1.as_str()), ("https://a.example/x", "key"));
    }

    #[test]
    fn it_keeps() {
        gadget::run::call::<keep>(br#"{"key":"a","value":"b"}"#).unwrap();
        let answer = gadget::run::call::<kept>(br#"{"key":"a","forget":true}"#).unwrap();
        assert_eq!(String::from_utf8(answer).unwrap(), r#"{"keys":[],"value":"b","dropped":0}"#);
    }
}
