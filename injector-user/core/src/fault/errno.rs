//! Errors by name: Linux's table for `x86_64`, which is the generic one.
//!
//! Kernel-internal codes from 512 on are not here: a program that saw one would be confused in a
//! way no real system confuses it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::problem::Invalid;
use crate::suggest;

/// An error number the kernel may return to a program, `1..=133`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Errno(u8);

impl Errno {
    pub const EINTR: Self = Self(4);
    pub const EIO: Self = Self(5);
    pub const EAGAIN: Self = Self(11);
    pub const ENOMEM: Self = Self(12);
    pub const ENFILE: Self = Self(23);
    pub const EMFILE: Self = Self(24);
    pub const ENOSPC: Self = Self(28);
    pub const EROFS: Self = Self(30);
    pub const EDQUOT: Self = Self(122);

    /// The positive number, as in `errno`.
    pub fn number(self) -> i32 {
        i32::from(self.0)
    }

    pub fn name(self) -> &'static str {
        let found = NAMES.iter().find(|(number, _)| *number == self.0);
        found.map_or("", |(_, name)| name)
    }

    /// `None` for a number that has no name.
    pub fn from_number(number: i32) -> Option<Self> {
        let number = u8::try_from(number).ok()?;
        let known = NAMES.iter().any(|(known, _)| *known == number);
        known.then_some(Self(number))
    }
}

impl FromStr for Errno {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let unknown = || Invalid::saying(format!("`{text}` is not an errno of Linux"));
        if INTERNAL.contains(&text.to_ascii_uppercase().as_str()) {
            return Err(unknown().hint("the kernel keeps it to itself: no program ever meets it"));
        }
        if text.starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c)) {
            let number = text.parse::<i32>().ok();
            return number.and_then(Self::from_number).ok_or_else(|| {
                let positive = number.and_then(i32::checked_neg);
                match positive.and_then(Self::from_number) {
                    Some(errno) => unknown().hint(format!("did you mean {errno}")),
                    None => unknown().hint("a name such as ECONNREFUSED, or its number"),
                }
            });
        }
        let upper = text.to_ascii_uppercase();
        let names = NAMES.iter().chain(&ALIASES);
        if let Some((number, _)) = names.clone().find(|(_, name)| *name == upper) {
            return Ok(Self(*number));
        }
        let near = suggest::nearest(&upper, names.map(|(_, name)| *name));
        Err(unknown().hint(near.map_or_else(
            || "a name such as ECONNREFUSED, or its number".to_owned(),
            |near| format!("did you mean {near}"),
        )))
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl From<Errno> for String {
    fn from(errno: Errno) -> Self {
        errno.to_string()
    }
}

impl TryFrom<String> for Errno {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

/// Other names of the same numbers.
const ALIASES: [(u8, &str); 3] = [(11, "EWOULDBLOCK"), (35, "EDEADLOCK"), (95, "ENOTSUP")];

/// What the kernel says to itself, by name and number.
const INTERNAL: [&str; 14] = [
    "512",
    "ERESTARTSYS",
    "513",
    "ERESTARTNOINTR",
    "514",
    "ERESTARTNOHAND",
    "515",
    "ENOIOCTLCMD",
    "516",
    "ERESTART_RESTARTBLOCK",
    "517",
    "EPROBE_DEFER",
    "518",
    "EOPENSTALE",
];

#[rustfmt::skip]
const NAMES: [(u8, &str); 131] = [
    (1, "EPERM"), (2, "ENOENT"), (3, "ESRCH"), (4, "EINTR"), (5, "EIO"), (6, "ENXIO"), (7, "E2BIG"),
    (8, "ENOEXEC"), (9, "EBADF"), (10, "ECHILD"), (11, "EAGAIN"), (12, "ENOMEM"), (13, "EACCES"),
    (14, "EFAULT"), (15, "ENOTBLK"), (16, "EBUSY"), (17, "EEXIST"), (18, "EXDEV"), (19, "ENODEV"),
    (20, "ENOTDIR"), (21, "EISDIR"), (22, "EINVAL"), (23, "ENFILE"), (24, "EMFILE"), (25, "ENOTTY"),
    (26, "ETXTBSY"), (27, "EFBIG"), (28, "ENOSPC"), (29, "ESPIPE"), (30, "EROFS"), (31, "EMLINK"),
    (32, "EPIPE"), (33, "EDOM"), (34, "ERANGE"), (35, "EDEADLK"), (36, "ENAMETOOLONG"),
    (37, "ENOLCK"), (38, "ENOSYS"), (39, "ENOTEMPTY"), (40, "ELOOP"), (42, "ENOMSG"), (43, "EIDRM"),
    (44, "ECHRNG"), (45, "EL2NSYNC"), (46, "EL3HLT"), (47, "EL3RST"), (48, "ELNRNG"),
    (49, "EUNATCH"), (50, "ENOCSI"), (51, "EL2HLT"), (52, "EBADE"), (53, "EBADR"), (54, "EXFULL"),
    (55, "ENOANO"), (56, "EBADRQC"), (57, "EBADSLT"), (59, "EBFONT"), (60, "ENOSTR"),
    (61, "ENODATA"), (62, "ETIME"), (63, "ENOSR"), (64, "ENONET"), (65, "ENOPKG"), (66, "EREMOTE"),
    (67, "ENOLINK"), (68, "EADV"), (69, "ESRMNT"), (70, "ECOMM"), (71, "EPROTO"), (72, "EMULTIHOP"),
    (73, "EDOTDOT"), (74, "EBADMSG"), (75, "EOVERFLOW"), (76, "ENOTUNIQ"), (77, "EBADFD"),
    (78, "EREMCHG"), (79, "ELIBACC"), (80, "ELIBBAD"), (81, "ELIBSCN"), (82, "ELIBMAX"),
    (83, "ELIBEXEC"), (84, "EILSEQ"), (85, "ERESTART"), (86, "ESTRPIPE"), (87, "EUSERS"),
    (88, "ENOTSOCK"), (89, "EDESTADDRREQ"), (90, "EMSGSIZE"), (91, "EPROTOTYPE"),
    (92, "ENOPROTOOPT"), (93, "EPROTONOSUPPORT"), (94, "ESOCKTNOSUPPORT"), (95, "EOPNOTSUPP"),
    (96, "EPFNOSUPPORT"), (97, "EAFNOSUPPORT"), (98, "EADDRINUSE"), (99, "EADDRNOTAVAIL"),
    (100, "ENETDOWN"), (101, "ENETUNREACH"), (102, "ENETRESET"), (103, "ECONNABORTED"),
    (104, "ECONNRESET"), (105, "ENOBUFS"), (106, "EISCONN"), (107, "ENOTCONN"), (108, "ESHUTDOWN"),
    (109, "ETOOMANYREFS"), (110, "ETIMEDOUT"), (111, "ECONNREFUSED"), (112, "EHOSTDOWN"),
    (113, "EHOSTUNREACH"), (114, "EALREADY"), (115, "EINPROGRESS"), (116, "ESTALE"),
    (117, "EUCLEAN"), (118, "ENOTNAM"), (119, "ENAVAIL"), (120, "EISNAM"), (121, "EREMOTEIO"),
    (122, "EDQUOT"), (123, "ENOMEDIUM"), (124, "EMEDIUMTYPE"), (125, "ECANCELED"), (126, "ENOKEY"),
    (127, "EKEYEXPIRED"), (128, "EKEYREVOKED"), (129, "EKEYREJECTED"), (130, "EOWNERDEAD"),
    (131, "ENOTRECOVERABLE"), (132, "ERFKILL"), (133, "EHWPOISON"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, number: i32, name: &str) {
        let errno: Errno = text.parse().unwrap();
        assert_eq!((errno.number(), errno.name()), (number, name));
    }

    fn check_bad(text: &str, hint: &str) {
        let invalid = text.parse::<Errno>().unwrap_err();
        assert_eq!(
            invalid.message,
            format!("`{text}` is not an errno of Linux")
        );
        assert_eq!(invalid.hint, hint);
    }

    #[test]
    fn names_and_numbers_are_read() {
        check("ECONNREFUSED", 111, "ECONNREFUSED");
        check("econnrefused", 111, "ECONNREFUSED");
        check("111", 111, "ECONNREFUSED");
        check("+5", 5, "EIO");
        check("EPERM", 1, "EPERM");
        check("EHWPOISON", 133, "EHWPOISON");
        check("EWOULDBLOCK", 11, "EAGAIN");
        check("ENOTSUP", 95, "EOPNOTSUPP");
    }

    #[test]
    fn what_is_no_errno_is_refused() {
        let example = "a name such as ECONNREFUSED, or its number";
        check_bad("ECONREFUSED", "did you mean ECONNREFUSED");
        check_bad("CONNREFUSED", "did you mean ECONNREFUSED");
        check_bad("-111", "did you mean ECONNREFUSED");
        let internal = "the kernel keeps it to itself: no program ever meets it";
        for text in ["512", "516", "ERESTARTSYS", "erestart_restartblock"] {
            check_bad(text, internal);
        }
        for text in [
            "0",
            "41",
            "58",
            "134",
            "-2147483648",
            "99999999999",
            "",
            "refused",
        ] {
            check_bad(text, example);
        }
    }

    #[test]
    fn every_number_has_one_name_that_reads_back() {
        assert_eq!(NAMES.len(), 131);
        for (number, name) in NAMES {
            check(name, i32::from(number), name);
            assert_eq!(Errno::from_number(number.into()).unwrap().to_string(), name);
        }
    }
}
