//! A node elsewhere, or a server before several: what the host takes for a node.
//!
//! One connection is kept for all calls, and made again when it breaks. A node whose rows this end does not take is not
//! read from, until the node has to wait: how much that is in between, the windows of the connection bound.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gadgetry_run::agent::{Agent, Running};
use gadgetry_run::fleet::{Report, RunError, Sink};
use gadgetry_run::gadget::Gadget;
use gadgetry_run::request::Request;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::v1::control_client::ControlClient;
use crate::v1::run_event::Event;
use crate::v1::run_input::Input;
use crate::{MESSAGE, v1, version, wire};

/// How often a sink without room is asked again.
const LOOK: Duration = Duration::from_millis(2);

/// A control API elsewhere.
#[derive(Clone)]
pub struct Remote {
    name: String,
    client: ControlClient<Channel>,
    /// Set once it is known to be of a version that this one speaks with.
    speaks: Arc<AtomicBool>,
}

impl Remote {
    /// The one that `channel` leads to; `name`: the node's, or empty for a server.
    pub fn new(name: &str, channel: Channel) -> Self {
        let client =
            ControlClient::new(channel).max_decoding_message_size(MESSAGE).max_encoding_message_size(MESSAGE);
        Self { name: name.to_owned(), client, speaks: Arc::default() }
    }

    /// Who it is.
    ///
    /// # Errors
    /// Also when it is of a version that this one does not speak with.
    pub async fn info(&self) -> Result<v1::InfoResponse, String> {
        let asked = self.client.clone().info(v1::InfoRequest {}).await;
        let info = asked.map_err(|status| told(&self.name, &status))?.into_inner();
        match version::refused(version::VERSION, &info.version) {
            Some(why) => Err(why),
            None => {
                self.speaks.store(true, Ordering::Relaxed);
                Ok(info)
            }
        }
    }

    /// Makes sure, before the first call, that it is of a version that this one speaks with.
    async fn agreed(&self) -> Result<(), String> {
        if self.speaks.load(Ordering::Relaxed) { Ok(()) } else { self.info().await.map(drop) }
    }

    /// The API itself, for what is no run.
    pub fn client(&self) -> ControlClient<Channel> {
        self.client.clone()
    }

    async fn ran(
        &self,
        gadget: Arc<Gadget>,
        request: Request,
        mut sink: Box<dyn Sink>,
        cancel: CancellationToken,
    ) -> Result<Report, RunError> {
        let failed = |message: String| RunError::Failed { gadget: gadget.descriptor.name.clone(), message };
        let lost = |status: Status| failed(told(&self.name, &status));
        let (inputs, input) = mpsc::channel(2);
        let first = v1::RunInput { input: Some(Input::Run(wire::request(&gadget, &request))) };
        // There is room for two, and nothing was sent yet.
        let _ = inputs.try_send(first);
        let stop = || {
            let _ = inputs.try_send(v1::RunInput { input: Some(Input::Stop(v1::Stop {})) });
        };
        let mut client = self.client.clone();
        let call = async {
            self.agreed().await.map_err(failed)?;
            client.run(ReceiverStream::new(input)).await.map_err(lost)
        };
        let mut events = tokio::select! {
            called = call => called?.into_inner(),
            () = cancel.cancelled() => return Err(failed("cancelled before it began".into())),
        };
        let (mut stopped, mut wanted) = (false, true);
        loop {
            let event = tokio::select! {
                event = events.message() => event.map_err(lost)?,
                () = cancel.cancelled(), if !stopped => {
                    stopped = true;
                    stop();
                    continue;
                }
            };
            let Some(event) = event else {
                return Err(failed(format!("{} ended without a report", self.shown())));
            };
            // Without one it is something that a later version says.
            let Some(event) = event.event else { continue };
            match event {
                Event::Rows(v1::Rows { lines, count }) if wanted => {
                    while !sink.has_room() {
                        tokio::time::sleep(LOOK).await;
                        if cancel.is_cancelled() && !stopped {
                            stopped = true;
                            stop();
                        }
                    }
                    if !lines.is_empty() && sink.rows(&lines, count) == ControlFlow::Break(()) {
                        (wanted, stopped) = (false, true);
                        stop();
                    }
                }
                Event::Live(v1::Rows { lines, count }) if wanted => {
                    if sink.live(&lines, count).is_break() {
                        (wanted, stopped) = (false, true);
                        stop();
                    }
                }
                Event::Progress(progress) => sink.progress(wire::progressed(&progress, request.duration)),
                Event::Log(log) => sink.log(&wire::logged(&log, self.shown(), &gadget)),
                Event::Report(report) => return wire::reported(&report).map_err(failed),
                Event::Failure(failure) => return Err(wire::failed(&gadget, failure)),
                Event::Rows(_) | Event::Live(_) => {}
            }
        }
    }

    fn shown(&self) -> &str {
        if self.name.is_empty() { "the server" } else { &self.name }
    }
}

impl Agent for Remote {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(
        &self,
        gadget: Arc<Gadget>,
        request: Request,
        sink: Box<dyn Sink>,
        cancel: CancellationToken,
    ) -> Running<'_> {
        Box::pin(self.ran(gadget, request, sink, cancel))
    }
}

/// What a broken call means to a person.
fn told(name: &str, status: &Status) -> String {
    let who = if name.is_empty() { "the server" } else { name };
    let mut cause = status.message().to_owned();
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        let text = error.to_string();
        // The library adds where its manual is, which is for whoever writes programs.
        let text = text.split(": https://").next().unwrap_or_default();
        if !cause.contains(text) {
            cause = format!("{cause}: {text}");
        }
        source = error.source();
    }
    match status.code() {
        Code::Unimplemented => format!("{who} does not know this call; is it of another version? ({cause})"),
        Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal => {
            format!("the connection to {who} broke ({cause})")
        }
        _ => format!("{who}: {cause}"),
    }
}
