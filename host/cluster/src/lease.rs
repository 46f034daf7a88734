//! A Lease: of several servers, the one that does what must be done once.
//!
//! Whoever holds it writes so every few seconds. The others never compare a time in it with their own clock: a holder is
//! taken for gone when the object has stayed as it is for as long as it says, by the clock of whoever looks. A holder
//! that cannot write gives up sooner than that, so that there are never two; what it does must then end within
//! [`TO_END`]. A process that is frozen for longer and goes on does so for a moment beside its successor, as with every
//! lease.

mod claim;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use k8s_openapi::api::coordination::v1::{Lease as Stored, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Api, PostParams};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::reason::reason;
use claim::{Act, Claim};

/// For how long a holder that no longer writes is waited for.
const LASTS: Duration = Duration::from_secs(15);
/// After which time without having written a holder gives up.
const GIVE_UP: Duration = Duration::from_secs(10);
/// What the holder did must have ended so long after it gave up.
pub const TO_END: Duration = Duration::from_secs(5);
/// How often the holder writes.
const RENEW: Duration = Duration::from_secs(4);
/// How often the others look.
const LOOK: Duration = Duration::from_secs(2);
/// How long the API server may take.
const ANSWER: Duration = Duration::from_secs(4);

/// Who holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Holder {
    /// Not known, or nobody.
    #[default]
    Nobody,
    /// This process.
    Me,
    /// Another one, by its name.
    Other(Arc<str>),
}

/// A claim to a lease, upheld until it is dropped.
pub struct Lease {
    holder: watch::Receiver<Holder>,
    stop: CancellationToken,
    upheld: JoinHandle<()>,
}

/// The object, and who we are.
struct Place {
    api: Api<Stored>,
    name: String,
    me: Arc<str>,
}

impl Lease {
    /// Claims the lease `name` for a process on `host`.
    pub fn claim(client: Client, namespace: &str, name: &str, host: &str) -> Self {
        let mut random = [0_u8; 4];
        // Without randomness two processes of one host could be taken for one; their process ids still tell them apart.
        let _ = rand::fill(&mut random);
        let random = u32::from_ne_bytes(random);
        let me: Arc<str> = format!("{host}_{}_{random:08x}", std::process::id()).into();
        let place = Place { api: Api::namespaced(client, namespace), name: name.to_owned(), me };
        let (sender, holder) = watch::channel(Holder::default());
        let stop = CancellationToken::new();
        let upheld = tokio::spawn(uphold(place, sender, stop.clone()));
        Self { holder, stop, upheld }
    }

    /// Who holds it, and word of every change.
    pub fn holder(&self) -> watch::Receiver<Holder> {
        self.holder.clone()
    }

    /// Gives it up, so that another one need not wait. What the holder did must have ended.
    pub async fn release(mut self) {
        self.stop.cancel();
        let _ = timeout(ANSWER, &mut self.upheld).await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn uphold(place: Place, holder: watch::Sender<Holder>, stop: CancellationToken) {
    let mut claim = Claim::new(place.me.clone(), LASTS);
    let mut held_until: Option<Instant> = None;
    let mut told = String::new();
    loop {
        let began = Instant::now();
        let most = held_until.map_or(ANSWER, |until| until.saturating_duration_since(began).min(ANSWER));
        let attempt = tokio::select! {
            attempt = timeout(most, place.attempt(&mut claim)) => attempt,
            () = stop.cancelled() => break,
        };
        match attempt.unwrap_or_else(|_| Err("the API server does not answer".to_owned())) {
            Ok(now) => {
                if !told.is_empty() {
                    told.clear();
                    tracing::info!(lease = place.name, "the lease can be written and read again");
                }
                held_until = (now == Holder::Me).then(|| began + GIVE_UP);
                set(&holder, &place.name, now);
            }
            Err(error) => {
                if error != told {
                    tracing::warn!(lease = place.name, error, "the lease cannot be claimed");
                    told = error;
                }
                if held_until.is_none_or(|until| Instant::now() >= until) {
                    held_until = None;
                    set(&holder, &place.name, Holder::Nobody);
                }
            }
        }
        let pause = match held_until {
            Some(until) if told.is_empty() => RENEW.min(until.saturating_duration_since(Instant::now())),
            // It is tried again soon, for there is not much time.
            Some(_) => Duration::from_millis(500),
            None => LOOK,
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = stop.cancelled() => break,
        }
    }
    if held_until.is_some() {
        holder.send_replace(Holder::Nobody);
        if let Err(error) = place.give_up().await {
            tracing::warn!(
                lease = place.name,
                error,
                "the lease is not given up: the next server waits until it is over"
            );
        }
    }
}

fn set(holder: &watch::Sender<Holder>, name: &str, now: Holder) {
    holder.send_if_modified(|before| {
        if *before == now {
            return false;
        }
        match (&*before, &now) {
            (_, Holder::Me) => tracing::info!(lease = name, "this server holds the lease now"),
            (Holder::Me, _) => tracing::warn!(lease = name, "this server no longer holds the lease"),
            (_, Holder::Other(other)) => {
                tracing::info!(lease = name, %other, "another server holds the lease")
            }
            (_, Holder::Nobody) => {}
        }
        *before = now;
        true
    });
}

impl Place {
    /// Looks at the object, and writes it if it is ours or nobody's.
    async fn attempt(&self, claim: &mut Claim) -> Result<Holder, String> {
        let stored = self.api.get_opt(&self.name).await.map_err(|error| reason(&error))?;
        let written = match stored {
            None => {
                let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
                let new = Stored { metadata, spec: Some(self.spec(None)) };
                self.api.create(&PostParams::default(), &new).await
            }
            Some(mut stored) => match claim.look(Instant::now(), &stored) {
                Act::Wait(other) => return Ok(Holder::Other(other)),
                Act::Write => {
                    stored.spec = Some(self.spec(stored.spec.take()));
                    self.api.replace(&self.name, &PostParams::default(), &stored).await
                }
            },
        };
        match written {
            Ok(stored) => {
                claim.look(Instant::now(), &stored);
                Ok(Holder::Me)
            }
            // Another one was first. Who it is shows at the next look; that it is not this process is certain.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(Holder::Nobody),
            Err(error) => Err(reason(&error)),
        }
    }

    async fn give_up(&self) -> Result<(), String> {
        let look = async {
            let stored = self.api.get_opt(&self.name).await?;
            let ours = |it: &Stored| {
                it.spec.as_ref().and_then(|it| it.holder_identity.as_deref()) == Some(&*self.me)
            };
            if let Some(mut stored) = stored.filter(ours) {
                if let Some(spec) = &mut stored.spec {
                    spec.holder_identity = None;
                    spec.renew_time = Some(MicroTime(Timestamp::now()));
                }
                self.api.replace(&self.name, &PostParams::default(), &stored).await?;
            }
            Ok(())
        };
        match timeout(ANSWER, look).await {
            Ok(done) => done.map_err(|error: kube::Error| reason(&error)),
            Err(_) => Err("the API server does not answer".to_owned()),
        }
    }

    /// What is written, where `before` stood.
    fn spec(&self, before: Option<LeaseSpec>) -> LeaseSpec {
        let now = || Some(MicroTime(Timestamp::now()));
        let before = before.unwrap_or_default();
        let ours = before.holder_identity.as_deref() == Some(&*self.me);
        LeaseSpec {
            holder_identity: Some(self.me.to_string()),
            lease_duration_seconds: i32::try_from(LASTS.as_secs()).ok(),
            acquire_time: if ours { before.acquire_time } else { now() },
            renew_time: now(),
            lease_transitions: Some(before.lease_transitions.unwrap_or(0) + i32::from(!ours)),
            ..before
        }
    }
}
