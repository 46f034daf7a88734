//! The fields that every row begins with: when, who, in which container.

use crate::{
    Column, Event, Row, Schema, Text, Value,
    clock::Timestamp,
    json,
    row::{Fields, Look},
};
use gadget_abi::Header;

/// When it happened, who caused it, and in which container. Flattened into a gadget's row:
/// `#[row(flatten)] common: Common<'a>`.
#[derive(Clone, Copy, Debug)]
pub struct Common<'a> {
    /// When.
    pub timestamp: Timestamp,
    /// Who.
    pub header: &'a Header,
    /// Where: JSON as the host gave it; `None` on the host itself.
    pub container: Option<Container<'a>>,
}

/// A container, as the JSON object that the host made of it: copied into rows, never read.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a>(pub &'a [u8]);

/// The fields of an event that every row begins with, kept until its row is made.
#[derive(Clone, Debug)]
pub struct Kept {
    timestamp: Timestamp,
    header: Header,
    container: Option<Box<[u8]>>,
}

impl Kept {
    pub(crate) fn of(common: &Common<'_>) -> Self {
        let container = common.container.map(|it| it.0.into());
        Self { timestamp: common.timestamp, header: *common.header, container }
    }

    /// Takes the time of `event`.
    pub(crate) fn touch<E>(&mut self, event: &Event<'_, E>) {
        self.timestamp = event.clock().at(event.header.timestamp);
    }

    /// The fields.
    pub fn common(&self) -> Common<'_> {
        Common {
            timestamp: self.timestamp,
            header: &self.header,
            container: self.container.as_deref().map(Container),
        }
    }
}

impl Row for Common<'_> {
    #[inline]
    fn write_fields(&self, out: &mut Vec<u8>) {
        macro_rules! field {
            ($key:literal, $value:expr) => {
                out.extend_from_slice(concat!(",\"", $key, "\":").as_bytes());
                $value.write(out);
            };
        }
        let header = self.header;
        field!("timestamp", self.timestamp);
        field!("comm", Text::until_nul(&header.comm));
        field!("pid", header.pid);
        field!("tid", header.tid);
        field!("uid", header.uid);
        field!("gid", header.gid);
        field!("ppid", header.ppid);
        field!("parent_comm", Text::until_nul(&header.parent_comm));
        if let Some(container) = self.container {
            field!("container", container);
        }
    }

    fn fields(into: &mut Fields) {
        let shown = Look::default();
        let hidden = Look { hidden: true, ..shown };
        into.field::<Timestamp>(
            "timestamp",
            "When it happened (UTC)",
            Look { title: Some("TIME"), ..hidden },
        );
        into.field::<Option<Container<'_>>>("container", "The container; absent on the host itself", shown);
        into.field::<Text<'_>>("comm", "Name of the thread", Look { width: Some(16), ..shown });
        into.field::<u32>("pid", "Process id", shown);
        into.field::<u32>("tid", "Thread id", hidden);
        into.field::<u32>("uid", "Real user id", hidden);
        into.field::<u32>("gid", "Real group id", hidden);
        into.field::<u32>("ppid", "Process id of the parent", hidden);
        into.field::<Text<'_>>(
            "parent_comm",
            "Name of the parent",
            Look { title: Some("PARENT"), width: Some(16), ..hidden },
        );
    }
}

impl Value for Container<'_> {
    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        json::copy(out, self.0);
    }

    /// Open to more fields: what the host can tell depends on the runtime and grows.
    fn schema() -> Schema {
        let fields = ["id", "name", "image", "runtime"].map(|field| (field, Schema::of("string")));
        Schema::object(&fields, &["id"], true)
    }

    fn columns() -> Vec<Column> {
        let column = |field: &str, title: &str, width, hidden| Column {
            field: field.to_owned(),
            title: title.to_owned(),
            width,
            right: false,
            hidden,
        };
        vec![
            column("name", "CONTAINER", 20, false),
            column("id", "CONTAINER ID", 12, true),
            column("image", "IMAGE", 24, true),
            column("runtime", "RUNTIME", 10, true),
        ]
    }
}
