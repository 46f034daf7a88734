//! Errors by name.

use crate::{Schema, Value, json};

/// An error number: in a row its name, `"ENOENT"`; one without a name as `"E4000"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub u32);

/// The error that a call returned as a negative number; `None` when it succeeded.
pub const fn errno(ret: i32) -> Option<Errno> {
    if ret < 0 { Some(Errno(ret.unsigned_abs())) } else { None }
}

impl Errno {
    /// Its name, if it has one.
    pub fn name(self) -> Option<&'static str> {
        let index = match self.0 {
            // What a call returns inside the kernel before a signal is delivered; never seen by the caller.
            512 => return Some("ERESTARTSYS"),
            513 => return Some("ERESTARTNOINTR"),
            514 => return Some("ERESTARTNOHAND"),
            516 => return Some("ERESTART_RESTARTBLOCK"),
            524 => return Some("ENOTSUPP"),
            number => number.checked_sub(1)? as usize,
        };
        NAMES.get(index).copied().filter(|name| !name.is_empty())
    }
}

impl Value for Errno {
    const WIDTH: u16 = 14;

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        match self.name() {
            Some(name) => json::plain(out, name),
            None => json::numbered(out, "E", self.0),
        }
    }

    fn schema() -> Schema {
        Schema::of("string")
    }
}

/// From 1 on; empty where there is none. The numbering of `asm-generic/errno.h`, which x86_64 and aarch64 share.
#[rustfmt::skip]
const NAMES: [&str; 133] = [
    "EPERM", "ENOENT", "ESRCH", "EINTR", "EIO", "ENXIO", "E2BIG", "ENOEXEC", "EBADF", "ECHILD",
    "EAGAIN", "ENOMEM", "EACCES", "EFAULT", "ENOTBLK", "EBUSY", "EEXIST", "EXDEV", "ENODEV", "ENOTDIR",
    "EISDIR", "EINVAL", "ENFILE", "EMFILE", "ENOTTY", "ETXTBSY", "EFBIG", "ENOSPC", "ESPIPE", "EROFS",
    "EMLINK", "EPIPE", "EDOM", "ERANGE", "EDEADLK", "ENAMETOOLONG", "ENOLCK", "ENOSYS", "ENOTEMPTY",
    "ELOOP", "", "ENOMSG", "EIDRM", "ECHRNG", "EL2NSYNC", "EL3HLT", "EL3RST", "ELNRNG", "EUNATCH",
    "ENOCSI", "EL2HLT", "EBADE", "EBADR", "EXFULL", "ENOANO", "EBADRQC", "EBADSLT", "", "EBFONT",
    "ENOSTR", "ENODATA", "ETIME", "ENOSR", "ENONET", "ENOPKG", "EREMOTE", "ENOLINK", "EADV", "ESRMNT",
    "ECOMM", "EPROTO", "EMULTIHOP", "EDOTDOT", "EBADMSG", "EOVERFLOW", "ENOTUNIQ", "EBADFD", "EREMCHG",
    "ELIBACC", "ELIBBAD", "ELIBSCN", "ELIBMAX", "ELIBEXEC", "EILSEQ", "ERESTART", "ESTRPIPE", "EUSERS",
    "ENOTSOCK", "EDESTADDRREQ", "EMSGSIZE", "EPROTOTYPE", "ENOPROTOOPT", "EPROTONOSUPPORT",
    "ESOCKTNOSUPPORT", "EOPNOTSUPP", "EPFNOSUPPORT", "EAFNOSUPPORT", "EADDRINUSE", "EADDRNOTAVAIL",
    "ENETDOWN", "ENETUNREACH", "ENETRESET", "ECONNABORTED", "ECONNRESET", "ENOBUFS", "EISCONN",
    "ENOTCONN", "ESHUTDOWN", "ETOOMANYREFS", "ETIMEDOUT", "ECONNREFUSED", "EHOSTDOWN", "EHOSTUNREACH",
    "EALREADY", "EINPROGRESS", "ESTALE", "EUCLEAN", "ENOTNAM", "ENAVAIL", "EISNAM", "EREMOTEIO",
    "EDQUOT", "ENOMEDIUM", "EMEDIUMTYPE", "ECANCELED", "ENOKEY", "EKEYEXPIRED", "EKEYREVOKED",
    "EKEYREJECTED", "EOWNERDEAD", "ENOTRECOVERABLE", "ERFKILL", "EHWPOISON",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_numbers() {
        let cases = [
            (-1, "EPERM"),
            (-2, "ENOENT"),
            (-13, "EACCES"),
            (-36, "ENAMETOOLONG"),
            (-40, "ELOOP"),
            (-41, "E41"),
            (-42, "ENOMSG"),
            (-95, "EOPNOTSUPP"),
            (-110, "ETIMEDOUT"),
            (-133, "EHWPOISON"),
            (-134, "E134"),
            (-512, "ERESTARTSYS"),
            (i32::MIN, "E2147483648"),
        ];
        for (ret, name) in cases {
            let mut out = Vec::new();
            errno(ret).write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("\"{name}\""));
        }
        assert_eq!((errno(0), errno(3)), (None, None));
        assert_eq!(Errno(0).name(), None);
    }
}
