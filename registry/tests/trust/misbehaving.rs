//! Registries that are slow, broken or hostile. Each test checks the error by its kind, and that nothing of what was
//! refused is in the store; all of them end within seconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gadget_registry::digest::Digest;
use gadget_registry::media::{self, Link};
use gadget_registry::reference::Reference;
use gadget_registry::remote::{Options, Platforms, Problem, Pulled, RemoteError};
use gadget_registry::store::Store;

use super::image::{TestImage, key, options, policy, remote, store};
use super::local::Local;
use super::raw::{Answer, Raw, Request, honest, lying, missing, status};

const GIB: u64 = 1 << 30;

fn reference(host: &str) -> Reference {
    format!("{host}/me/mine:v1").parse().unwrap()
}

async fn pull_with(options: Options, host: &str, store: &Store) -> Result<Pulled, RemoteError> {
    remote(options).pull(&reference(host), store, &Platforms::All, None).await
}

async fn pull(host: &str, store: &Store) -> Result<Pulled, RemoteError> {
    pull_with(options(&[host]), host, store).await
}

/// Pulls from a registry that answers as an honest one but for what `twist` answers, and expects it to fail.
async fn refused(
    image: &Arc<TestImage>,
    twist: impl Fn(&TestImage, &Request, usize) -> Option<Answer> + Send + Sync + 'static,
) -> (Problem, Raw) {
    let (_folder, store) = store();
    let served = Arc::clone(image);
    let raw = Raw::start(move |request, before| {
        twist(&served, request, before).unwrap_or_else(|| honest(&served, request))
    })
    .await;
    let begin = Instant::now();
    let error = pull(&raw.host, &store).await.map(|_| ()).unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(15), "it took {:?}", begin.elapsed());
    assert!(error.to_string().starts_with(&format!("{}/me/mine:v1: ", raw.host)), "{error}");
    // An image that failed has no name, and nothing lies under a digest that is not its own.
    assert!(store.list().unwrap().is_empty());
    for digest in image.content.keys().filter(|digest| store.has(digest)) {
        store.read(digest, GIB).unwrap();
    }
    (error.problem, raw)
}

fn wants(request: &Request, digest: &Digest) -> bool {
    request.path.ends_with(&digest.to_string())
}

#[tokio::test]
async fn an_honest_one_serves() {
    let image = Arc::new(TestImage::new("honest"));
    let raw = Raw::start({
        let image = Arc::clone(&image);
        move |request, _| honest(&image, request)
    })
    .await;
    let (_folder, store) = store();
    let pulled = pull(&raw.host, &store).await.unwrap();
    assert_eq!(pulled.link, image.link);
    for (digest, bytes) in &image.content {
        assert_eq!(&store.read(digest, GIB).unwrap(), bytes);
    }
    assert_eq!(store.resolve(&reference(&raw.host).to_string()).unwrap().unwrap().digest, image.link.digest);
    // Only what this machine needs, when asked so.
    let (_folder, lean) = self::store();
    let only = Platforms::Only("arm64".into());
    remote(options(&[&raw.host])).pull(&reference(&raw.host), &lean, &only, None).await.unwrap();
    assert!(lean.has(&image.manifest(1).0) && !lean.has(&image.manifest(0).0));
}

#[tokio::test]
async fn sizes_are_refused_before_a_byte_is_kept() {
    let mut image = TestImage::new("huge");
    // A manifest whose descriptor claims five gigabytes.
    let (_, mut manifest) = image.manifest(0);
    manifest.config.size = 5_000_000_000;
    let huge = replace_child(&mut image, &serde_json::to_vec(&manifest).unwrap());
    let config = manifest.config.digest;
    let (problem, raw) = refused(&Arc::new(image), |_, _, _| None).await;
    let Problem::TooLarge { size, cap, .. } = problem else { panic!("{problem}") };
    assert_eq!((size, cap), (5_000_000_000, media::cap::DESCRIPTOR));
    assert_eq!(raw.count(&config.to_string()), 0, "it was asked for all the same");
    assert_eq!(raw.count(&huge.digest.to_string()), 1);

    // An index that claims such a manifest.
    let mut image = TestImage::new("huge index");
    let mut index = image.index();
    index.manifests[0].size = 5_000_000_000;
    let child = index.manifests[0].digest;
    image.link = Link::to(media::INDEX, &serde_json::to_vec(&index).unwrap());
    image.content.insert(image.link.digest, serde_json::to_vec(&index).unwrap());
    let (problem, raw) = refused(&Arc::new(image), |_, _, _| None).await;
    assert!(matches!(problem, Problem::TooLarge { size: 5_000_000_000, .. }), "{problem}");
    assert_eq!(raw.count(&child.to_string()), 0);

    // A top document that announces three, one that never ends, and one that says little and sends much.
    let image = Arc::new(TestImage::new("top"));
    let top = |request: &Request| request.path.ends_with("/manifests/v1");
    let (problem, _) = refused(&image, move |_, request, _| top(request).then(|| lying(3 * GIB, b"{"))).await;
    assert!(matches!(problem, Problem::TooLarge { size, .. } if size == 3 * GIB), "{problem}");
    let (problem, raw) = refused(&image, move |_, request, _| top(request).then_some(Answer::Endless)).await;
    assert!(matches!(problem, Problem::TooLarge { .. }), "{problem}");
    // What lies in the sockets' buffers beyond the cap was sent, but never kept.
    assert!(raw.sent() < 64 << 20, "{} bytes were taken", raw.sent());
    let (problem, _) = refused(&image, move |image, request, _| {
        top(request).then(|| lying(10, &image.content[&image.link.digest]))
    })
    .await;
    assert!(matches!(problem, Problem::Malformed { .. }), "{problem}");
}

/// Replaces the first child of the index by other bytes, all digests as they should be.
fn replace_child(image: &mut TestImage, bytes: &[u8]) -> Link {
    let mut index = image.index();
    let link = Link { platform: index.manifests[0].platform.clone(), ..Link::to(media::MANIFEST, bytes) };
    index.manifests[0] = link.clone();
    image.content.insert(link.digest, bytes.to_vec());
    let bytes = serde_json::to_vec(&index).unwrap();
    image.link = Link::to(media::INDEX, &bytes);
    image.content.insert(image.link.digest, bytes);
    link
}

#[tokio::test]
async fn blobs_that_are_not_what_was_promised() {
    let image = Arc::new(TestImage::new("blobs"));
    let layer = image.layer();
    let body = image.content[&layer.digest].clone();
    let (digest, size) = (layer.digest, layer.size);
    let twisted = |answer: Answer| {
        move |_: &TestImage, request: &Request, _: usize| wants(request, &digest).then(|| answer.clone())
    };

    // One byte changed.
    let mut changed = body.clone();
    changed[1000] ^= 1;
    let (problem, _) = refused(&image, twisted(Answer::Whole(200, Vec::new(), changed))).await;
    assert!(matches!(problem, Problem::WrongDigest { .. }), "{problem}");

    // Cut short, with the true length announced: the connection breaks, and that is tried again.
    let (problem, raw) = refused(&image, twisted(lying(size, &body[..5000]))).await;
    assert!(matches!(problem, Problem::Broken { .. }), "{problem}");
    assert_eq!(raw.count(&digest.to_string()), 3);

    // Cut short, and honest about it: that is no accident of the network.
    let (problem, raw) =
        refused(&image, twisted(Answer::Whole(200, Vec::new(), body[..5000].to_vec()))).await;
    assert!(matches!(problem, Problem::WrongSize { found: 5000, .. }), "{problem}");
    assert_eq!(raw.count(&digest.to_string()), 1);

    // Longer than promised, announced or not.
    let (problem, _) = refused(&image, twisted(lying(size + 1, &[body.clone(), vec![0]].concat()))).await;
    assert!(matches!(problem, Problem::WrongSize { .. }), "{problem}");
    let (problem, raw) = refused(&image, twisted(Answer::Endless)).await;
    assert!(matches!(problem, Problem::WrongSize { .. }), "{problem}");
    assert!(raw.sent() < 64 << 20, "{} bytes were taken", raw.sent());
}

#[tokio::test]
async fn documents_that_are_not_what_was_promised() {
    let image = Arc::new(TestImage::new("documents"));
    let other = TestImage::new("swapped");
    let child = image.index().manifests[0].digest;
    let swapped = other.content[&other.manifest(0).0].clone();
    let (problem, _) = refused(&image, move |_, request, _| {
        wants(request, &child).then(|| Answer::Whole(200, Vec::new(), swapped.clone()))
    })
    .await;
    assert!(matches!(problem, Problem::WrongDigest { .. } | Problem::WrongSize { .. }), "{problem}");

    // The same length, other content.
    let mut changed = image.content[&child].clone();
    *changed.last_mut().unwrap() = b' ';
    let (problem, _) = refused(&image, move |_, request, _| {
        wants(request, &child).then(|| Answer::Whole(200, Vec::new(), changed.clone()))
    })
    .await;
    assert!(matches!(problem, Problem::WrongDigest { .. }), "{problem}");

    // A pinned digest, and something else under it.
    let served = Arc::clone(&image);
    let raw =
        Raw::start(move |_, _| Answer::Whole(200, Vec::new(), served.content[&served.link.digest].clone()))
            .await;
    let (_folder, store) = store();
    let pinned: Reference = format!("{}/me/mine@{}", raw.host, other.link.digest).parse().unwrap();
    let error = remote(options(&[&raw.host])).pull(&pinned, &store, &Platforms::All, None).await.unwrap_err();
    assert!(matches!(error.problem, Problem::WrongDigest { .. }), "{error}");

    for nonsense in
        ["", "[]", "<html>", r#"{"mediaType":"application/vnd.docker.distribution.manifest.v2+json"}"#]
    {
        let (problem, _) = refused(&image, move |_, request, _| {
            request.path.ends_with("/manifests/v1").then(|| Answer::Whole(200, Vec::new(), nonsense.into()))
        })
        .await;
        assert!(matches!(problem, Problem::Malformed { .. }), "{nonsense}: {problem}");
    }
}

#[tokio::test]
async fn a_tag_that_moves_is_asked_for_once() {
    let first = Arc::new(TestImage::new("first"));
    let second = Arc::new(TestImage::new("second"));
    let raw = Raw::start({
        let (first, second) = (Arc::clone(&first), Arc::clone(&second));
        move |request, before| {
            let tag = request.path.ends_with("/manifests/v1");
            let by_tag = if before == 0 { &first } else { &second };
            match honest(if tag { by_tag } else { &first }, request) {
                Answer::Whole(404, ..) => honest(&second, request),
                answer => answer,
            }
        }
    })
    .await;
    let (_folder, store) = store();
    let pulled = pull(&raw.host, &store).await.unwrap();
    assert_eq!(pulled.link.digest, first.link.digest);
    assert_eq!(raw.count("/manifests/v1"), 1);
    assert!(first.content.keys().all(|digest| store.has(digest)));
    assert!(!second.content.keys().any(|digest| store.has(digest)));
    // What was resolved before is what a pinned pull brings, though the tag has moved.
    let remote = remote(options(&[&raw.host]));
    assert_eq!(remote.resolve(&reference(&raw.host)).await.unwrap(), second.link.digest);
    let pinned = reference(&raw.host).pinned(&first.link.digest);
    let pulled = remote.pull(&pinned, &store, &Platforms::All, None).await.unwrap();
    assert_eq!(pulled.link.digest, first.link.digest);
}

#[tokio::test]
async fn the_layers_of_a_refused_image_are_not_fetched() {
    let image = Arc::new(TestImage::new("refused"));
    let raw = Raw::start({
        let image = Arc::clone(&image);
        move |request, _| match &request.path {
            path if path.contains("/referrers/") => status(503),
            _ => honest(&image, request),
        }
    })
    .await;
    let (_folder, store) = store();
    let policy = policy(&key().public());
    let error = remote(options(&[&raw.host]))
        .pull(&reference(&raw.host), &store, &Platforms::All, Some(&policy))
        .await
        .unwrap_err();
    assert!(matches!(error.problem, Problem::Refused { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("it has no signature"), "{text}");
    // An unsigned image and signatures that could not be looked for are two things.
    assert!(text.contains("while looking for signatures: the registry"), "{text}");
    assert_eq!(raw.count("/blobs/"), 0);
    assert!(store.list().unwrap().is_empty());
}

#[tokio::test]
async fn silence_and_failure_end_in_time() {
    let image = Arc::new(TestImage::new("slow"));
    let digest = image.layer().digest;

    let (problem, raw) = refused(&image, |_, _, _| Some(Answer::Silence)).await;
    assert!(matches!(problem, Problem::Silent { .. }), "{problem}");
    assert_eq!(raw.requests().len(), 3);

    let (problem, raw) = refused(&image, |_, _, _| Some(status(500))).await;
    assert!(matches!(problem, Problem::Server { status: 500, .. }), "{problem}");
    assert!(problem.to_string().contains("failed with 500: no luck"), "{problem}");
    assert_eq!(raw.requests().len(), 3);

    // What is no passing failure is not tried again.
    let (problem, raw) = refused(&image, |_, _, _| Some(status(400))).await;
    assert!(matches!(problem, Problem::Unexpected { status: 400, .. }), "{problem}");
    assert_eq!(raw.requests().len(), 1);
    let (problem, raw) = refused(&image, |_, _, _| Some(missing())).await;
    assert!(matches!(problem, Problem::NotFound { .. }), "{problem}");
    assert_eq!(raw.requests().len(), 1);

    // A passing one that passes.
    let served = Arc::clone(&image);
    let raw = Raw::start(move |request, before| match before {
        0 => status(503),
        1 => status(429),
        _ => honest(&served, request),
    })
    .await;
    let (_folder, store) = store();
    pull(&raw.host, &store).await.unwrap();
    assert_eq!(raw.count(&digest.to_string()), 3);

    // Never silent, never done.
    let size = image.layer().size;
    let served = Arc::clone(&image);
    let raw = Raw::start(move |request, _| match wants(request, &digest) {
        true => Answer::Drip(size),
        false => honest(&served, request),
    })
    .await;
    let (_folder, store) = self::store();
    let begin = Instant::now();
    let hurried = Options { deadline: Duration::from_secs(2), ..options(&[&raw.host]) };
    let error = pull_with(hurried, &raw.host, &store).await.unwrap_err();
    assert!(matches!(error.problem, Problem::Deadline { .. }), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn no_registry_at_all() {
    let (_folder, store) = store();
    // A port that nobody listens on.
    let host = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let error = pull(&host, &store).await.unwrap_err();
    assert!(matches!(error.problem, Problem::Connect { .. }), "{error}");

    // Plain HTTP where TLS is spoken by default: one of a few lines, and a real one.
    let raw = Raw::start(|_, _| missing()).await;
    let local = Local::start();
    for host in [&raw.host, &local.host] {
        let error = pull_with(options(&[]), host, &store).await.unwrap_err();
        assert!(matches!(error.problem, Problem::PlainHttp { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(&format!("--insecure-registry {host}")), "{text}");
    }
    assert!(raw.requests().is_empty());
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["127.0.0.1".into()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = tokio_rustls::rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let task = tokio::spawn(async move {
        let mut greeted = 0;
        while let Ok((stream, _)) = listener.accept().await {
            greeted += usize::from(acceptor.accept(stream).await.is_ok());
        }
        greeted
    });
    let (_folder, store) = store();
    let error = pull_with(options(&[]), &host, &store).await.unwrap_err();
    assert!(matches!(error.problem, Problem::Tls { .. }), "{error}");
    assert!(error.to_string().contains("SSL_CERT_FILE"), "{error}");
    task.abort();
}
