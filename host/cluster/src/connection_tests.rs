use super::*;

const ONE: &str = r#"
apiVersion: v1
kind: Config
current-context: lab
contexts:
- {name: lab, context: {cluster: lab, user: me}}
- {name: prod, context: {cluster: prod, user: me, namespace: shop}}
- {name: broken, context: {cluster: none, user: me}}
clusters:
- {name: lab, cluster: {server: "http://127.0.0.1:1"}}
- {name: prod, cluster: {server: "http://127.0.0.1:2"}}
users:
- {name: me, user: {}}
"#;

const TWO: &str = r#"
apiVersion: v1
kind: Config
contexts:
- {name: other, context: {cluster: other, user: me}}
clusters:
- {name: other, cluster: {server: "http://127.0.0.1:3"}}
users: []
"#;

fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn nowhere() -> Surroundings {
    Surroundings { kubeconfig: None, default: None, pod: false }
}

async fn opened(options: Options, surroundings: Surroundings) -> Result<Connection, String> {
    Connection::from(&options, &surroundings).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn flags_come_first() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (file(&folder, "one", ONE), file(&folder, "two", TWO));
    let flags = Options { kubeconfig: Some(one.clone()), ..Options::default() };
    let surroundings = Surroundings { kubeconfig: Some(two.into()), ..nowhere() };
    let connection = opened(flags.clone(), surroundings).await.unwrap();
    assert_eq!(
        (connection.server.as_str(), connection.namespace.as_str()),
        ("http://127.0.0.1:1/", "gadgetry")
    );
    assert_eq!(connection.source.to_string(), format!("context \"lab\" of {}", one.display()));
    let flags = Options { context: Some("prod".into()), namespace: Some("tools".into()), ..flags };
    let connection = opened(flags, nowhere()).await.unwrap();
    assert_eq!((connection.server.as_str(), connection.namespace.as_str()), ("http://127.0.0.1:2/", "tools"));
}

#[tokio::test]
async fn several_files_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [file(&folder, "one", ONE), folder.path().join("absent"), file(&folder, "two", TWO)];
    let all = || Some(env::join_paths(&paths).unwrap());
    let connection =
        opened(Options::default(), Surroundings { kubeconfig: all(), ..nowhere() }).await.unwrap();
    assert_eq!(connection.server, "http://127.0.0.1:1/");
    let other = Options { context: Some("other".into()), ..Options::default() };
    let connection = opened(other, Surroundings { kubeconfig: all(), ..nowhere() }).await.unwrap();
    assert_eq!(connection.server, "http://127.0.0.1:3/");
}

#[tokio::test]
async fn errors_say_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (file(&folder, "one", ONE), file(&folder, "two", TWO));
    let bad = file(&folder, "bad", "contexts: [");
    let absent = folder.path().join("absent");
    let of = |path: &Path| Options { kubeconfig: Some(path.to_owned()), ..Options::default() };
    let context = |name: &str| Options { context: Some(name.into()), ..of(&one) };
    let table: [(Options, Surroundings, &str); 10] = [
        (Options::default(), Surroundings { pod: true, ..nowhere() }, "the service account of this pod: "),
        (Options::default(), nowhere(), "no cluster is known: KUBECONFIG is not set"),
        (
            Options::default(),
            Surroundings { default: Some(absent.clone()), ..nowhere() },
            "absent is not there, and this is no pod. Name a kubeconfig by --kubeconfig",
        ),
        (of(&absent), nowhere(), "absent: No such file"),
        (of(&bad), nowhere(), "bad: failed to parse kubeconfig YAML"),
        (
            Options::default(),
            Surroundings { kubeconfig: Some(absent.clone().into()), ..nowhere() },
            "none of the kubeconfigs in KUBECONFIG is there",
        ),
        (context("moon"), nowhere(), "has no context \"moon\"; it has lab, prod, broken"),
        (of(&two), nowhere(), "has no current context; name one by --context: it has other"),
        (Options { user: Some("you".into()), ..of(&one) }, nowhere(), "has no user \"you\"; it has me"),
        (context("broken"), nowhere(), "context \"broken\" of"),
    ];
    for (options, surroundings, wanted) in table {
        let error = opened(options, surroundings).await.err().unwrap();
        assert!(error.contains(wanted), "{error}\nshould have: {wanted}");
    }
}

#[tokio::test]
async fn nobody_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { kubeconfig: Some(file(&folder, "one", ONE)), ..Options::default() };
    let connection = opened(options, nowhere()).await.unwrap();
    let error = connection.reach().await.unwrap_err().to_string();
    assert!(error.contains("http://127.0.0.1:1/") && error.contains("refused"), "{error}");
}
