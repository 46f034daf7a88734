//! The node agent: what runs gadgets on this machine. It holds what is dear to make and shared by all runs (the
//! kernel's facts, the WASM engine, the containers) and the gadgets that are ready to run.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};

use gadget_registry::descriptor::{Descriptor, Kind};
use gadgetry_enrich::{Containers, Pod};
use gadgetry_guest::{Component, RowChecker, Runtime, Shape};
use gadgetry_kernel::{Kernel, KernelTypes, Prepared};
use gadgetry_lend::{LendError, Lender, Loan, Options, Terms};

use crate::answer::Identity;
use crate::arguments::Arguments;
use crate::cpu::Budget;
use crate::fleet::RunError;
use crate::gadget::{Gadget, Tool};
use crate::query::fields::RowFields;
use crate::schema;

/// How a node is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The node's name; default: the host's.
    pub name: Option<String>,
    /// Folder for compiled components; `None` compiles each time.
    pub cache: Option<PathBuf>,
    /// Where the node's files are.
    pub files: gadgetry_enrich::Config,
    /// Whether gadgets with a kernel half run here. Where not, they are checked here and run elsewhere.
    pub kernel: bool,
}

/// The node agent.
pub struct Node {
    pub(crate) name: String,
    /// Absent where gadgets with a kernel half cannot run; the reason is told to whoever calls one.
    kernel: OnceLock<Result<Kernel, String>>,
    /// Of those who register now.
    types: Mutex<Weak<KernelTypes>>,
    runtime: Runtime,
    lender: Lender,
    containers: OnceLock<Containers>,
    files: gadgetry_enrich::Config,
    runs: bool,
    budget: Option<Arc<Budget>>,
    ready: RwLock<HashMap<String, Arc<Ready>>>,
}

/// A gadget that can run at once.
pub(crate) struct Ready {
    pub(crate) gadget: Arc<Gadget>,
    pub(crate) arguments: Vec<Arguments>,
    pub(crate) checkers: Vec<Arc<RowChecker>>,
    /// The fields of each tool's rows.
    pub(crate) fields: Vec<RowFields>,
    pub(crate) component: Component,
    /// What it is lent.
    pub(crate) loan: Loan,
    pub(crate) kernel_half: Option<Result<Prepared, String>>,
}

/// What was fetched and verified of an image.
pub struct Verified {
    /// Which image, and who vouches for it.
    pub identity: Identity,
    /// Its config.
    pub descriptor: Descriptor,
    /// Its post-processor.
    pub component: Vec<u8>,
    /// Its kernel half for this machine.
    pub object: Option<Vec<u8>>,
    /// Its README.
    pub readme: Option<String>,
    /// What it is lent.
    pub terms: Terms,
}

/// A node that can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The engine for post-processors.
    #[error("cannot set up the engine for post-processors: {0}")]
    Runtime(#[from] gadgetry_guest::RuntimeError),
    /// What is lent to gadgets.
    #[error(transparent)]
    Lend(#[from] LendError),
}

/// A gadget that can't be offered.
#[derive(Debug, thiserror::Error)]
#[error("{reference}: {reason}")]
pub struct RegisterError {
    /// The image.
    pub reference: String,
    /// What is wrong with it, and what to do.
    pub reason: String,
}

impl Node {
    /// Sets the node up, lending as a [`Lender`] does of itself. Cheap: the kernel is looked at when the first gadget
    /// that needs it is registered.
    pub fn new(config: Config) -> Result<Self, NodeError> {
        Self::lending(config, Options::default())
    }

    /// The same, lending as `options` say.
    pub fn lending(config: Config, options: Options) -> Result<Self, NodeError> {
        let lender = Lender::new(options)?;
        let runtime = Runtime::new(gadgetry_guest::Config {
            cache_dir: config.cache,
            ..gadgetry_guest::Config::default()
        })?;
        let host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        Ok(Self {
            name: config.name.unwrap_or_else(host),
            kernel: OnceLock::new(),
            types: Mutex::default(),
            runtime,
            lender,
            containers: OnceLock::new(),
            files: config.files,
            runs: config.kernel,
            budget: None,
            ready: RwLock::new(HashMap::new()),
        })
    }

    /// The same, whose runs' post-processing takes at most so many cores' time, all together.
    pub fn limited_to(self, cores: f64) -> Self {
        Self { budget: Some(Arc::new(Budget::new(cores))), ..self }
    }

    pub(crate) const fn budget(&self) -> Option<&Arc<Budget>> {
        self.budget.as_ref()
    }

    pub(crate) fn kernel(&self) -> Result<&Kernel, &str> {
        let kernel = self.kernel.get_or_init(|| Kernel::new().map_err(|error| error.to_string()));
        kernel.as_ref().map_err(String::as_str)
    }

    pub(crate) fn containers(&self) -> &Containers {
        self.containers.get_or_init(|| Containers::new(self.files.clone()))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the cluster says of a pod, as [`Containers::pod`] takes it.
    pub fn pod(&self, uid: &str, pod: Option<Pod>) {
        self.containers().pod(uid, pod);
    }

    /// The WASM engine, for whoever describes a component at build.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// To be held while several gadgets are registered, so that what all of them need is read once. Cheap, and takes
    /// nothing until a gadget needs it.
    pub fn registering(&self) -> Arc<KernelTypes> {
        let mut held = self.types.lock().unwrap_or_else(PoisonError::into_inner);
        held.upgrade().unwrap_or_else(|| {
            let types = Arc::default();
            *held = Arc::downgrade(&types);
            types
        })
    }

    /// Makes a verified image ready: everything that can be done before a call is done here. Takes up to a few
    /// hundred milliseconds the first time an image is seen.
    pub fn register(&self, image: Verified) -> Result<Arc<Gadget>, RegisterError> {
        let Verified { identity, descriptor, component, object, readme, terms } = image;
        let reference = identity.reference.clone();
        let refuse = |reason: String| RegisterError { reference: reference.clone(), reason };

        let component = self.runtime.component(&component).map_err(|error| refuse(error.to_string()))?;
        let shape = match component.shape() {
            Shape::Stream => Kind::Stream,
            Shape::Snapshot => Kind::Snapshot,
            Shape::Tool => Kind::Tool,
        };
        if shape != descriptor.kind {
            let kind = descriptor.kind;
            return Err(refuse(format!(
                "the descriptor says {kind:?}, the component is a {shape:?}; build it again"
            )));
        }
        let mut tools = Vec::with_capacity(descriptor.tools.len());
        let mut arguments = Vec::with_capacity(descriptor.tools.len());
        let mut checkers = Vec::with_capacity(descriptor.tools.len());
        for tool in &descriptor.tools {
            let input = schema::input(descriptor.kind, tool).map_err(|error| refuse(error.to_string()))?;
            let brief_input = Arc::new(schema::brief_input(descriptor.kind, &input));
            arguments.push(Arguments::compile(&input).map_err(|error| refuse(error.to_string()))?);
            let checker = RowChecker::new(&tool.row).map_err(|error| refuse(error.to_string()))?;
            if let Some(because) = checker.slow_because() {
                tracing::warn!(
                    gadget = descriptor.name,
                    tool = tool.name,
                    because,
                    "rows are checked the slow way"
                );
            }
            checkers.push(Arc::new(checker));
            tools.push(Tool {
                name: tool.name.clone(),
                title: tool.title.clone(),
                description: tool.description.clone(),
                brief_input,
                input_schema: Arc::new(input),
                output_schema: Arc::new(schema::output(descriptor.kind, tool)),
                brief_output: Arc::new(schema::brief_output(descriptor.kind, tool)),
                annotations: tool.annotations,
                kind: descriptor.kind,
            });
        }
        let kernel_half = match (descriptor.kind, object) {
            (Kind::Tool, _) => None,
            (_, Some(object)) => Some(self.prepare(&object, &descriptor).map_err(refuse)?),
            (_, None) => {
                let arch = std::env::consts::ARCH;
                return Err(refuse(format!("the image has no eBPF object for this machine ({arch})")));
            }
        };
        let gadget = Arc::new(Gadget { identity, descriptor, tools, readme });
        let fields = gadget.descriptor.tools.iter().map(|tool| RowFields::of_schema(&tool.row)).collect();
        let loan = self.lender.loan(terms);
        let ready =
            Ready { gadget: gadget.clone(), arguments, checkers, fields, component, loan, kernel_half };
        let mut all = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(key(&gadget.identity), Arc::new(ready));
        Ok(gadget)
    }

    /// Lets go of what is kept ready for gadgets that are not among `offered` and that nobody runs.
    pub fn forget_others(&self, offered: &[Arc<Gadget>]) {
        let mut all = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known, ready| {
            // A call that has just found its gadget in the catalogue holds it.
            Arc::strong_count(&ready.gadget) > 1 || offered.iter().any(|it| key(&it.identity) == *known)
        });
    }

    /// `Err`: the gadget is at fault. `Ok(Err)`: this machine is, and a call will say so.
    fn prepare(&self, object: &[u8], descriptor: &Descriptor) -> Result<Result<Prepared, String>, String> {
        if !self.runs {
            return Ok(Err("gadgets run on other nodes, not in this process".to_owned()));
        }
        // Containers are watched from the first gadget on, so that those which end before a call are known.
        self.containers();
        match self.kernel() {
            Ok(kernel) => {
                let prepared = kernel.prepare_with(&self.registering(), object, &descriptor.hooks);
                prepared.map(Ok).map_err(|error| error.to_string())
            }
            Err(missing) => Ok(Err(missing.to_owned())),
        }
    }

    pub(crate) fn ready(&self, gadget: &Gadget) -> Result<Arc<Ready>, RunError> {
        let all = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&key(&gadget.identity)).cloned().ok_or_else(|| RunError::Failed {
            gadget: gadget.descriptor.name.clone(),
            message: format!("image {} is not registered on node {}", gadget.identity.digest, self.name),
        })
    }
}

/// What a gadget is kept by. The digest alone is not enough: the same image from elsewhere is lent other things.
fn key(identity: &Identity) -> String {
    format!("{} {}", identity.digest, identity.reference)
}
