//! What a caller wants of the rows: `filter`, `group_by` with `aggregate`, `sort` and `fields`, in this order.
//!
//! All of it works on the rows' JSON text as the guest wrote it, one pass per question and without building values,
//! because it sits on the pump's path: a row that is filtered out must cost about what reading its fields costs. It is
//! done on the node, so that `max_rows` counts the rows wanted and not those seen.

mod aggregate;
mod cell;
mod extract;
pub(crate) mod fields;
mod filter;
mod group;
mod order;
mod project;
mod shape;
pub(crate) mod top;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::fleet::RunError;
use fields::RowFields;
use filter::Filter;
use group::Grouping;
use order::Order;
use project::Projection;
pub use shape::Shaper;
pub use top::{Counters, Top};

pub(crate) use filter::MAX_FILTER;
pub(crate) use group::{MAX_AGGREGATES, MAX_FIELDS};
pub(crate) use order::MAX_KEYS;

/// Fields that may be asked for.
pub(crate) const MAX_PROJECTED: usize = 64;

/// What a filter that names the node is told.
const FILTER_NODE: &str =
    "is applied on each node, where rows have no field `node` yet: name nodes with the parameter `node`";

/// A checked query. The default one wants every row as it is.
#[derive(Debug, Default)]
pub struct Query {
    filter: Option<Arc<Filter>>,
    grouping: Option<Arc<Grouping>>,
    order: Option<Arc<Order>>,
    projection: Option<Arc<Projection>>,
}

impl Query {
    /// Reads the arguments of a call for rows that `row`, a schema, describes; an error names the argument.
    pub fn new(arguments: &Map<String, Value>, row: &Value) -> Result<Self, RunError> {
        Self::compile(arguments, &RowFields::of_schema(row))
    }

    /// As [`Self::new`].
    pub(crate) fn compile(arguments: &Map<String, Value>, fields: &RowFields) -> Result<Self, RunError> {
        let wrong = |field: &str, message: String| RunError::Argument { field: field.to_owned(), message };
        let list = |name: &str| -> Vec<String> {
            let items = arguments.get(name).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(|it| it.as_str().map(str::to_owned)).collect()
        };
        let text =
            |name: &str| arguments.get(name).and_then(Value::as_str).filter(|it| !it.trim().is_empty());
        let filter = match text("filter") {
            Some(source) => Some(Filter::compile(source, fields).map_err(|error| {
                let node = error.contains("no field `node`");
                wrong("filter", if node { FILTER_NODE.to_owned() } else { error })
            })?),
            None => None,
        };
        let fields = &fields.with_node();
        let (by, aggregates) = (list("group_by"), list("aggregate"));
        let grouping = match (by.as_slice(), aggregates.as_slice()) {
            ([], []) => None,
            (by, aggregates) => {
                let grouping = Grouping::compile(by, aggregates, fields);
                Some(grouping.map_err(|(argument, error)| wrong(argument, error))?)
            }
        };
        // What comes after the grouping speaks of its result rows.
        let fields = grouping.as_ref().map_or(fields, |it| &it.fields);
        let mut keys = list("sort");
        if let Some(grouping) = &grouping
            && keys.is_empty()
        {
            keys.push(format!("-{}", grouping.first()));
        }
        let order = match keys.as_slice() {
            [] => None,
            keys => Some(Order::compile(keys, fields).map_err(|error| wrong("sort", error))?),
        };
        let projection = match list("fields").as_slice() {
            [] => None,
            names => Some(Projection::compile(names, fields).map_err(|error| wrong("fields", error))?),
        };
        Ok(Self {
            filter: filter.map(Arc::new),
            grouping: grouping.map(Arc::new),
            order: order.map(Arc::new),
            projection: projection.map(Arc::new),
        })
    }

    /// What can be done with each row where it is made.
    pub(crate) fn before(&self) -> Self {
        Self { filter: self.filter.clone(), ..Self::default() }
    }

    /// What is left to do then.
    pub(crate) fn after(&self) -> Self {
        let Self { grouping, order, projection, .. } = self;
        Self {
            filter: None,
            grouping: grouping.clone(),
            order: order.clone(),
            projection: projection.clone(),
        }
    }

    /// Whether rows come only when the run is over: they are grouped or sorted.
    pub fn at_end(&self) -> bool {
        self.grouping.is_some() || self.order.is_some()
    }

    /// Whether the rows are groups, whose fields are not the gadget's.
    pub fn groups(&self) -> bool {
        self.grouping.is_some()
    }

    /// The fields of the result rows when they are groups, each with whether it is a number.
    pub fn group_columns(&self) -> Vec<(String, bool)> {
        let fields = self.grouping.iter().flat_map(|it| it.fields.iter());
        fields.map(|it| (it.name.clone(), it.kind.is_number())).collect()
    }
}
