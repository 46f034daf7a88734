//! The two ends of a socket as fields of a row, the same in every network gadget.

use gadget_abi::Flow;

use crate::{
    Row, Value,
    net::IpAddr,
    row::{Fields, Look},
};

/// `src_addr`, `src_port`, `dst_addr` and `dst_port`. Flattened into a gadget's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The end on this machine.
    pub src: (IpAddr, u16),
    /// The other end.
    pub dst: (IpAddr, u16),
}

/// The ends of a flow.
pub fn endpoints(flow: &Flow) -> Endpoints {
    Endpoints {
        src: (IpAddr::new(flow.family, flow.local), flow.local_port),
        dst: (IpAddr::new(flow.family, flow.remote), flow.remote_port),
    }
}

impl Row for Endpoints {
    #[inline]
    fn write_fields(&self, out: &mut Vec<u8>) {
        macro_rules! field {
            ($key:literal, $value:expr) => {
                out.extend_from_slice(concat!(",\"", $key, "\":").as_bytes());
                $value.write(out);
            };
        }
        field!("src_addr", self.src.0);
        field!("src_port", self.src.1);
        // Both absent for a socket that is not connected.
        if !self.dst.0.is_unspecified() || self.dst.1 != 0 {
            field!("dst_addr", self.dst.0);
            field!("dst_port", self.dst.1);
        }
    }

    fn fields(into: &mut Fields) {
        let shown = Look::default();
        into.field::<IpAddr>("src_addr", "Address of the end on this machine", shown);
        into.field::<u16>(
            "src_port",
            "Port of the end on this machine",
            Look { title: Some("SPORT"), ..shown },
        );
        into.field::<Option<IpAddr>>("dst_addr", "Address of the other end", shown);
        into.field::<Option<u16>>(
            "dst_port",
            "Port of the other end",
            Look { title: Some("DPORT"), ..shown },
        );
    }
}

#[cfg(test)]
mod tests {
    use gadget_abi::flow::{AF_INET, AF_INET6};

    use super::*;
    use crate::row::write;

    #[test]
    fn as_fields() {
        let mut flow = Flow { family: AF_INET, local_port: 53, ..Flow::default() };
        let text = |flow: &Flow| {
            let mut out = Vec::new();
            write(&endpoints(flow), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(&flow), r#"{"src_addr":"0.0.0.0","src_port":53}"#);
        flow.remote[..4].copy_from_slice(&[10, 1, 2, 3]);
        assert_eq!(text(&flow), r#"{"src_addr":"0.0.0.0","src_port":53,"dst_addr":"10.1.2.3","dst_port":0}"#);
        let mut flow = Flow { family: AF_INET6, remote_port: 80, ..flow };
        flow.remote = [0; 16];
        assert_eq!(text(&flow), r#"{"src_addr":"::","src_port":53,"dst_addr":"::","dst_port":80}"#);
    }
}
