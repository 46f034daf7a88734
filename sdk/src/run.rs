//! One run of a stream or snapshot: what lives from `start` to `finish`. [`export!`](crate::export) keeps it in the
//! component; tests keep it in a variable.

use crate::{
    Clock, Context, Failure, Gadget, Params, Reduce, Rows, Tool, context,
    decode::{self, Containers},
    plain, row,
};

/// A post-processor at work.
#[derive(Debug)]
pub struct Run<G> {
    gadget: G,
    clock: Clock,
    containers: Containers,
    spare: Vec<u64>,
    /// Bytes of rows that the last batch gave: what the next will need.
    expected: usize,
}

impl<G: Gadget> Run<G> {
    /// Starts a run with the context that the host sends.
    pub fn start(context: &[u8]) -> Result<Self, Failure> {
        let context = Context::parse(context)?;
        let clock = context.clock();
        let gadget = G::start(context)?;
        Ok(Self { gadget, clock, containers: Containers::default(), spare: Vec::new(), expected: 0 })
    }

    /// Turns a batch to rows.
    pub fn process(&mut self, batch: &[u8]) -> Result<Vec<u8>, Failure> {
        let Self { gadget, clock, containers, spare, expected } = self;
        let mut rows = Rows::with_capacity((*expected + *expected / 8).max(batch.len()));
        let batch = plain::aligned(batch, spare);
        decode::events::<G::Event>(batch, clock, containers, |event| gadget.event(event, &mut rows))?;
        let rows = rows.into_bytes();
        *expected = rows.len();
        Ok(rows)
    }

    /// The second has passed.
    pub fn tick(&mut self) -> Result<Vec<u8>, Failure> {
        let mut rows = Rows::with_capacity(0);
        self.gadget.tick(&mut rows)?;
        Ok(rows.into_bytes())
    }

    /// The last event is through.
    pub fn finish(&mut self) -> Result<Vec<u8>, Failure> {
        let mut rows = Rows::with_capacity(0);
        self.gadget.finish(&mut rows)?;
        Ok(rows.into_bytes())
    }
}

/// Merges the rows of several nodes.
pub fn merge<G: Reduce>(parts: &[Vec<u8>]) -> Result<Vec<u8>, Failure> {
    let mut rows = Rows::with_capacity(0);
    G::merge(parts, &mut rows)?;
    Ok(rows.into_bytes())
}

/// Calls a tool with arguments as JSON.
pub fn call<T: Tool>(arguments: &[u8]) -> Result<Vec<u8>, Failure> {
    let answer = T::call(T::Params::parse(context::object(arguments, "what the tool is given")?)?)?;
    let mut out = Vec::new();
    row::write(&answer, &mut out);
    Ok(out)
}

/// Reads the rows of one part that [`Reduce::merge`] is given.
pub fn rows<T: serde::de::DeserializeOwned>(part: &[u8]) -> impl Iterator<Item = Result<T, Failure>> {
    serde_json::Deserializer::from_slice(part)
        .into_iter()
        .map(|row| row.map_err(|error| Failure::new(format!("a row to merge can't be read: {error}"))))
}
