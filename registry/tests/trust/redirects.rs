//! Where a registry may send us, and what it learns of our credentials.

use std::sync::Arc;

use gadget_registry::reference::Reference;
use gadget_registry::remote::{Options, Platforms, Problem, Pulled, RemoteError};

use super::image::{TestImage, options, remote, store};
use super::raw::{Answer, Raw, Request, honest};

/// `user-7` and `pass-7`.
const BASIC: &str = "Basic dXNlci03OnBhc3MtNw==";

fn to(target: &str) -> Answer {
    Answer::Whole(307, vec![("Location", target.to_owned())], Vec::new())
}

fn challenge(text: String) -> Answer {
    Answer::Whole(401, vec![("WWW-Authenticate", text)], Vec::new())
}

async fn pull(host: &str, options: Options) -> Result<Pulled, RemoteError> {
    let (_folder, store) = store();
    let reference: Reference = format!("{host}/me/mine:v1").parse().unwrap();
    remote(options).pull(&reference, &store, &Platforms::All, None).await
}

/// An auth file with credentials for `host`.
fn logged_in(host: &str) -> (tempfile::TempDir, Options) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    let auth = BASIC.strip_prefix("Basic ").unwrap();
    std::fs::write(&file, format!(r#"{{"auths":{{"{host}":{{"auth":"{auth}"}}}}}}"#)).unwrap();
    (folder, Options { auth_file: Some(file), ..options(&[host]) })
}

/// A registry that asks for basic credentials and redirects blobs to `target`.
async fn redirecting(image: &Arc<TestImage>, target: String) -> Raw {
    let image = Arc::clone(image);
    Raw::start(move |request: &Request, _| {
        if request.authorization.as_deref() != Some(BASIC) {
            return challenge(r#"Basic realm="x""#.into());
        }
        if request.path.contains("/blobs/") {
            return to(&format!("{target}{}", request.path));
        }
        honest(&image, request)
    })
    .await
}

#[tokio::test]
async fn to_another_host_only_if_it_was_named_and_never_with_credentials() {
    let image = Arc::new(TestImage::new("elsewhere"));
    let elsewhere = Raw::start({
        let image = Arc::clone(&image);
        move |request, _| honest(&image, request)
    })
    .await;
    let registry = redirecting(&image, format!("http://{}", elsewhere.host)).await;
    let (_folder, options) = logged_in(&registry.host);

    let error = pull(&registry.host, options.clone()).await.unwrap_err();
    let Problem::Redirect { host, target, reason } = &error.problem else { panic!("{error}") };
    assert_eq!(host, &registry.host);
    assert!(target.starts_with(&format!("http://{}/", elsewhere.host)), "{target}");
    assert!(reason.contains(&format!("--insecure-registry {}", elsewhere.host)), "{reason}");
    assert!(elsewhere.requests().is_empty());

    let mut named = options;
    named.insecure.push(elsewhere.host.clone());
    pull(&registry.host, named).await.unwrap();
    assert!(elsewhere.count("/blobs/") > 0);
    assert!(elsewhere.requests().iter().all(|request| request.authorization.is_none()));
}

#[tokio::test]
async fn not_into_the_network_of_whoever_pulls() {
    let image = Arc::new(TestImage::new("inside"));
    let inside = Raw::start(|_, _| super::raw::missing()).await;
    let port = inside.host.rsplit_once(':').unwrap().1.to_owned();
    let cases = [
        (format!("https://{}", inside.host), "private address"),
        (format!("https://localhost:{port}"), "it resolves to the private address"),
        (format!("https://[::1]:{port}"), "private address"),
        ("https://169.254.169.254/latest/meta-data".into(), "private address"),
        ("https://10.0.0.1".into(), "private address"),
        ("http://1.1.1.1".into(), "plain HTTP"),
        ("http://169.254.169.254".into(), "plain HTTP"),
        ("file:///etc/passwd?".into(), "no way to reach"),
    ];
    for (target, wanted) in cases {
        let registry = redirecting(&image, target.clone()).await;
        let (_folder, options) = logged_in(&registry.host);
        let error = pull(&registry.host, options).await.unwrap_err();
        let Problem::Redirect { reason, .. } = &error.problem else { panic!("{target}: {error}") };
        assert!(reason.contains(wanted), "{target}: {reason}");
    }
    assert!(inside.requests().is_empty());
}

#[tokio::test]
async fn not_for_ever() {
    let image = Arc::new(TestImage::new("round"));
    let served = Arc::clone(&image);
    let registry = Raw::start(move |request, _| match &request.path {
        path if path.contains("/blobs/") => to(path),
        _ => honest(&served, request),
    })
    .await;
    let error = pull(&registry.host, options(&[&registry.host])).await.unwrap_err();
    assert!(error.to_string().contains("redirects already"), "{error}");
}

#[tokio::test]
async fn tokens_come_from_where_the_registry_says_within_the_same_bounds() {
    let image = Arc::new(TestImage::new("token"));
    let tokens = Raw::start(|request, _| {
        let granted = request.authorization.as_deref() == Some(BASIC)
            && request.path.contains("scope=repository%3Ame%2Fmine%3Apull");
        match granted {
            true => Answer::Whole(200, Vec::new(), br#"{"token":"tok-7"}"#.to_vec()),
            false => Answer::Whole(401, Vec::new(), Vec::new()),
        }
    })
    .await;
    let registry = Raw::start({
        let image = Arc::clone(&image);
        let realm = format!(r#"Bearer realm="http://{}/token",service="r""#, tokens.host);
        move |request, _| match request.authorization.as_deref() {
            Some("Bearer tok-7") => honest(&image, request),
            _ => challenge(realm.clone()),
        }
    })
    .await;
    let (_folder, options) = logged_in(&registry.host);

    // In plain HTTP, to a host nobody named, credentials do not go.
    let error = pull(&registry.host, options.clone()).await.unwrap_err();
    assert!(matches!(error.problem, Problem::Redirect { .. }), "{error}");
    assert!(tokens.requests().is_empty());

    let mut named = options;
    named.insecure.push(tokens.host.clone());
    pull(&registry.host, named.clone()).await.unwrap();
    assert_eq!(tokens.requests().len(), 1, "one token does for all of a pull");
    assert!(!registry.requests().iter().any(|request| request.authorization.as_deref() == Some(BASIC)));

    // Without credentials the token server refuses, and the message says what to do.
    named.auth_file = Some("/nonexistent".into());
    let error = pull(&registry.host, named).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error.problem, Problem::Denied { .. }), "{text}");
    assert!(text.contains(&format!("docker login {}", registry.host)), "{text}");
    assert!(text.contains("none are configured"), "{text}");
}

#[tokio::test]
async fn what_a_server_says_does_not_reach_the_terminal_raw() {
    let registry = Raw::start(|_, _| {
        let body =
            "{\"errors\":[{\"code\":\"X\",\"message\":\"\\u001b[2Jgone\\u0007\"}]}".as_bytes().to_vec();
        Answer::Whole(400, Vec::new(), body)
    })
    .await;
    let text = pull(&registry.host, options(&[&registry.host])).await.unwrap_err().to_string();
    assert!(text.contains("X [2Jgone") && !text.chars().any(char::is_control), "{text:?}");
}
