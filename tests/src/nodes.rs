//! Agents on nodes: each a process in a network namespace of its own, beside a namespace for servers, all joined by a
//! bridge. The kernel is one, so each agent sees what all others see.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};

use crate::host::Host;

/// An authority for the certificates of agents and servers.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Certificate,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// Writes a certificate for `name`, its key and this authority to `folder`; `expired`: of yesterday.
    pub fn write(&self, folder: &Path, name: &str, expired: bool) -> Files {
        std::fs::create_dir_all(folder).expect("a folder");
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        if expired {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2020, 1, 2);
        }
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let put = |file: &str, text: String| {
            let path = folder.join(file);
            std::fs::write(&path, text).expect("the file is written");
            path.display().to_string()
        };
        Files {
            certificate: put("tls.crt", certificate.pem()),
            key: put("tls.key", key.serialize_pem()),
            authorities: put("ca.crt", self.certificate.pem()),
        }
    }
}

/// Paths of a certificate, its key and its authority.
#[derive(Clone)]
pub struct Files {
    /// The certificate's.
    pub certificate: String,
    /// Its key's.
    pub key: String,
    /// The authority's.
    pub authorities: String,
}

impl From<Files> for gadgetry_control::tls::Files {
    fn from(files: Files) -> Self {
        let Files { certificate, key, authorities } = files;
        Self { certificate: certificate.into(), key: key.into(), authorities: authorities.into() }
    }
}

impl Files {
    /// The flags that name them.
    pub fn flags(&self) -> Vec<String> {
        vec![
            format!("--agent-tls-cert-file={}", self.certificate),
            format!("--agent-tls-key-file={}", self.key),
            format!("--agent-tls-ca-file={}", self.authorities),
        ]
    }
}

/// A running agent, ended when it is dropped.
pub struct Agent {
    child: Child,
    /// The node's name.
    pub name: String,
    /// Where servers reach it.
    pub address: String,
    socket: PathBuf,
}

impl Agent {
    /// Starts one and waits until it is ready. `command`: a `gadgetry agent` to which name, socket and the like are added.
    #[track_caller]
    pub fn start(mut command: Command, name: &str, address: &str, folder: &Path, more: &[String]) -> Self {
        let socket = folder.join(format!("{name}.sock"));
        let mut child = command
            .args(["--node-name", name, "--listen", address, "--socket"])
            .arg(&socket)
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent starts");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let mut told = Vec::new();
        let ready = loop {
            let Some(Ok(line)) = lines.next() else { panic!("the agent of {name} ended: {told:?}") };
            if line.starts_with("gadgetry: agent of") {
                break line;
            }
            told.push(line);
        };
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let port = ready.rsplit(' ').next().expect("a port");
        Self { child, name: name.to_owned(), address: format!("{host}:{port}"), socket }
    }

    /// Its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as the kernel does that is out of memory.
    pub fn kill(&mut self) {
        self.child.kill().expect("it is there");
        self.child.wait().expect("it ends");
    }

    /// The flag by which a server is told of it.
    pub fn flag(&self) -> String {
        format!("--agent={}={}", self.name, self.address)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Nodes in network namespaces.
pub struct Nodes {
    host: Host,
    prefix: String,
    subnet: String,
    authority: Authority,
    /// The agents, by the order of their nodes' names: `n1`, `n2`, ...
    pub agents: Vec<Agent>,
    count: usize,
}

fn ip(arguments: &str) {
    let done =
        Command::new("ip").args(arguments.split(' ')).status().expect("ip is installed (make setup-test)");
    assert!(done.success(), "ip {arguments}: {done}");
}

impl Nodes {
    /// `count` nodes with an agent each.
    pub fn start(count: usize) -> Self {
        let mut nodes = Self::bare(count);
        nodes.agents = (1..=count).map(|at| nodes.agent(at)).collect();
        nodes
    }

    /// `count` nodes without agents.
    pub fn bare(count: usize) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("gt{}x{number}", std::process::id());
        let nodes = Self {
            host: Host::new(),
            subnet: format!("fd00:6761:6467:{number:x}::"),
            prefix,
            authority: Authority::new(),
            agents: Vec::new(),
            count,
        };
        let hub = nodes.hub();
        ip(&format!("netns add {hub}"));
        ip(&format!("-n {hub} link set lo up"));
        ip(&format!("-n {hub} link add hub0 type bridge"));
        ip(&format!("-n {hub} addr add {}ff/64 dev hub0 nodad", nodes.subnet));
        ip(&format!("-n {hub} link set hub0 up"));
        for at in 1..=count {
            let node = format!("{}n{at}", nodes.prefix);
            ip(&format!("netns add {node}"));
            ip(&format!("-n {hub} link add v{at} type veth peer name eth0 netns {node}"));
            ip(&format!("-n {hub} link set v{at} master hub0"));
            ip(&format!("-n {hub} link set v{at} up"));
            ip(&format!("-n {node} addr add {}{at}/64 dev eth0 nodad", nodes.subnet));
            ip(&format!("-n {node} link set lo up"));
            ip(&format!("-n {node} link set eth0 up"));
        }
        nodes
    }

    /// Starts the agent of the node of that number, which has none.
    #[track_caller]
    pub fn agent(&self, at: usize) -> Agent {
        self.agent_with(at, &["--gadget-images=trace_exec,snapshot_process,top_file"])
    }

    /// The same, with other flags.
    #[track_caller]
    pub fn agent_with(&self, at: usize, flags: &[&str]) -> Agent {
        let folder = self.host.folder().join(format!("n{at}"));
        self.agent_as(at, &self.authority.write(&folder, "gadgetry-agent", false), flags)
    }

    /// The same, as who proves to be what `files` say.
    #[track_caller]
    pub fn agent_as(&self, at: usize, files: &Files, flags: &[&str]) -> Agent {
        let name = format!("n{at}");
        let mut more = files.flags();
        more.extend(flags.iter().map(|it| (*it).to_owned()));
        let command = self.within(&format!("{}{name}", self.prefix), &["agent"]);
        let address = format!("[{}{at}]:7443", self.subnet);
        Agent::start(command, &name, &address, self.host.folder(), &more)
    }

    fn hub(&self) -> String {
        format!("{}hub", self.prefix)
    }

    /// Where its files are, and the environment of its programs.
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The authority of all certificates.
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A `gadgetry` in a network namespace; the mounts stay as they are.
    fn within(&self, namespace: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/run/netns/{namespace}"))
            .arg(Host::binary())
            .args(arguments)
            .envs(self.host.environment())
            .current_dir(self.host.folder())
            .stdin(Stdio::null());
        command
    }

    /// A `gadgetry` where servers are.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.within(&self.hub(), arguments)
    }

    /// A program that is `gadgetry` where servers are, for clients that start it.
    pub fn program(&self) -> PathBuf {
        let path = self.host.folder().join("gadgetry-at-hub");
        let text = format!(
            "#!/bin/sh\nexec nsenter --net=/run/netns/{} {} \"$@\"\n",
            self.hub(),
            Host::binary().display()
        );
        std::fs::write(&path, text).expect("the script is written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).expect("it can be run");
        path
    }

    /// The flags of a server of all nodes.
    pub fn flags(&self) -> Vec<String> {
        let files = self.authority.write(&self.host.folder().join("server"), "gadgetry-server", false);
        files.flags().into_iter().chain(self.agents.iter().map(Agent::flag)).collect()
    }

    /// Cuts a node's link, or mends it.
    pub fn link(&self, at: usize, up: bool) {
        ip(&format!("-n {} link set v{at} {}", self.hub(), if up { "up" } else { "down" }));
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.agents.clear();
        for at in 1..=self.count {
            let _ = Command::new("ip").args(["netns", "del", &format!("{}n{at}", self.prefix)]).status();
        }
        let _ = Command::new("ip").args(["netns", "del", &self.hub()]).status();
    }
}
