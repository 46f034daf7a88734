//! The task of one object: makes of its spec what runs, sees to that, and tells how it stands.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use gadgetry_cluster::objects::{self, Object, Status};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::World;
use super::always::Always;
use super::nodes::Matching;
use super::plan::{Plan, Problem, Rule};
use super::told::{self, Counts, Seen};
use super::turns::Turns;

/// How often nodes and runs are looked at.
const TICK: Duration = Duration::from_secs(1);
/// How often counters that only grow are told.
const COUNTERS: Duration = Duration::from_secs(10);
/// How long the API server may take to be told.
const ANSWER: Duration = Duration::from_secs(5);
/// When what could not be kept is tried again: at first, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// What runs of an object.
enum Work {
    Nothing,
    Always(Always),
    Turns(Turns),
}

/// An object that is kept.
struct Kept {
    world: Arc<World>,
    name: String,
    object: Arc<Object>,
    plan: Option<Result<Plan, Problem>>,
    work: Work,
    /// How often there was a problem, and when to try again.
    tries: u32,
    again: Instant,
    /// Loss that was told before this server saw to it.
    lost_before: u64,
    last_run: Option<String>,
    told: Status,
    told_at: Option<Instant>,
    tell_again: Instant,
    untold: String,
}

/// Keeps an object until it is deleted (`None`) or until `stop`, and ends all its runs then.
pub(super) async fn keep(
    world: Arc<World>,
    name: String,
    mut wanted: watch::Receiver<Option<Arc<Object>>>,
    stop: CancellationToken,
) {
    let Some(first) = wanted.borrow_and_update().clone() else { return };
    let mut kept = Kept::new(world, name, first);
    loop {
        let now = wanted.borrow_and_update().clone();
        let Some(now) = now else { break };
        kept.see(now).await;
        if kept.needs_plan() {
            // Told before, for a registry may take its time.
            kept.tell().await;
            let (world, object) = (kept.world.clone(), kept.object.clone());
            tokio::select! {
                plan = Plan::of(&world, &object.spec) => kept.planned(plan),
                changed = wanted.changed() => if changed.is_err() { break } else { continue },
                () = stop.cancelled() => break,
            }
        }
        kept.step().await;
        kept.tell().await;
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            changed = wanted.changed() => if changed.is_err() { break },
            () = stop.cancelled() => break,
        }
    }
    kept.world.runs.end(&kept.name).await;
}

impl Kept {
    fn new(world: Arc<World>, name: String, object: Arc<Object>) -> Self {
        let told = object.status.clone();
        let same_spec = told.observed_generation == object.generation;
        Self {
            world,
            name,
            plan: None,
            work: Work::Nothing,
            tries: 0,
            again: Instant::now(),
            lost_before: if same_spec { told.loss } else { 0 },
            last_run: told.last_run.clone(),
            told,
            told_at: None,
            tell_again: Instant::now(),
            untold: String::new(),
            object,
        }
    }

    /// Sees the object as it is now. Where something else is wanted than before, all that runs of it ends.
    async fn see(&mut self, now: Arc<Object>) {
        let same = (&self.object.uid, self.object.generation) == (&now.uid, now.generation);
        if !same {
            self.world.runs.end(&self.name).await;
            (self.plan, self.work, self.tries, self.lost_before) = (None, Work::Nothing, 0, 0);
            if self.object.uid != now.uid {
                (self.last_run, self.told) = (None, now.status.clone());
            }
        }
        self.object = now;
    }

    fn needs_plan(&self) -> bool {
        match &self.plan {
            None => true,
            Some(Ok(_)) => false,
            Some(Err(_)) => self.again <= Instant::now(),
        }
    }

    fn planned(&mut self, plan: Result<Plan, Problem>) {
        match &plan {
            Ok(plan) => {
                self.tries = 0;
                self.work = match plan.rule {
                    Rule::Always => Work::Always(Always::default()),
                    Rule::InTurns | Rule::At(_) => Work::Turns(Turns::default()),
                };
                let digest = &plan.gadget.identity.digest;
                tracing::info!(object = self.name, digest, "a Gadget object is accepted");
            }
            Err(problem) => {
                if self.plan.as_ref().is_none_or(|it| it.as_ref().err() != Some(problem)) {
                    let Problem { reason, message } = problem;
                    tracing::warn!(object = self.name, reason, message, "a Gadget object is not accepted");
                }
                let (first, most) = AGAIN;
                self.again = Instant::now() + (first * (1 << self.tries.min(10))).min(most);
                self.tries += 1;
            }
        }
        self.plan = Some(plan);
    }

    fn suspended(&self) -> bool {
        self.object.spec.as_ref().is_ok_and(|it| it.suspend)
    }

    fn matching(&self) -> Matching {
        let Ok(spec) = &self.object.spec else { return Matching::default() };
        let only = match &self.plan {
            Some(Ok(plan)) => plan.only.as_slice(),
            _ => &[],
        };
        let agents = self.world.agents.now();
        Matching::of(&self.world.fleet.reach(), &agents.labels, &spec.node_selector, only)
    }

    /// Sees to what runs.
    async fn step(&mut self) {
        let nodes = self.matching();
        let Some(Ok(plan)) = &self.plan else { return };
        if self.suspended() {
            return;
        }
        let (world, name) = (&*self.world, self.name.as_str());
        let began = SystemTime::now();
        let started = match &mut self.work {
            Work::Nothing => false,
            Work::Always(always) => always.step(world, name, plan, &nodes).await,
            Work::Turns(turns) => turns.step(world, name, plan, &nodes).await,
        };
        if started {
            self.last_run = Some(told::time(began));
        }
    }

    /// Tells how it stands, if that is something else than what was told.
    async fn tell(&mut self) {
        let status = self.status();
        let Status { loss, last_run, .. } = &status;
        let shown = Status { loss: *loss, last_run: last_run.clone(), ..self.told.clone() };
        let only_counters = shown == status;
        let recent = self.told_at.is_some_and(|it| it.elapsed() < COUNTERS);
        if status == self.told || (only_counters && recent) || self.tell_again > Instant::now() {
            return;
        }
        let telling = objects::tell(self.world.connection.once.clone(), &self.name, &status);
        match timeout(ANSWER, telling)
            .await
            .unwrap_or_else(|_| Err(Some("no answer came in time".to_owned())))
        {
            // One that is no more has a status no more.
            Ok(()) | Err(None) => {
                self.told = status;
                self.told_at = Some(Instant::now());
                self.untold.clear();
            }
            Err(Some(error)) => {
                if error != self.untold {
                    tracing::warn!(object = self.name, error, "the status of a Gadget object is not written");
                }
                self.untold = error;
                self.tell_again = Instant::now() + AGAIN.0;
            }
        }
    }

    fn status(&self) -> Status {
        let matching = self.matching();
        let (world, name) = (&*self.world, self.name.as_str());
        let mut counts = match (&self.work, &self.plan) {
            (Work::Always(always), _) if !self.suspended() => always.counts(world, name, &matching),
            (Work::Turns(turns), Some(Ok(plan))) if !self.suspended() => {
                turns.counts(world, name, &plan.rule, &matching)
            }
            _ => Counts::default(),
        };
        counts.lost += self.lost_before;
        let seen = Seen {
            generation: self.object.generation,
            suspended: self.suspended(),
            plan: self.plan.as_ref().map(Result::as_ref),
            matching: &matching,
            counts: &counts,
            last_run: self.last_run.as_deref(),
        };
        told::status(&seen, &self.told)
    }
}
