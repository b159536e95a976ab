//! What an actor may do: its five sets, its securebits, no_new_privs, the capabilities
//! of a file, and who it is.

use super::{Outcome, doing};
use crate::kernel::{Errno, Trace, caps as kernel, process, read};
use crate::lesson::op::{CapSetName, Capability, CapsOp, SECUREBITS};

/// Carries one out; `path` is the op's own with its places filled in.
pub fn perform(trace: &mut Trace, op: &CapsOp, path: &str) -> Outcome {
    match op {
        CapsOp::Drop { caps, set } => {
            let what = || format!("drop {}", caps.join(" "));
            doing(drop_from(trace, caps, *set), what)
        }
        CapsOp::Raise { caps, set } => {
            let what = || format!("raise {}", caps.join(" "));
            doing(raise_in(trace, caps, *set), what)
        }
        CapsOp::Securebits { names } => {
            let set = SECUREBITS.iter().enumerate().filter(|(_, name)| names.iter().any(|one| one == *name));
            let (bits, shown) = set.fold((0, Vec::new()), |(bits, mut shown), (at, name)| {
                shown.push(format!("SECBIT_{}", name.to_uppercase()));
                (bits | 1 << at, shown)
            });
            let shown = if shown.is_empty() { "0".to_owned() } else { shown.join("|") };
            doing(kernel::set_securebits(trace, bits, &shown), || "securebits".to_owned())
        }
        CapsOp::NoNewPrivs { on } => doing(kernel::set_no_new_privs(trace, *on), || "no_new_privs".to_owned()),
        CapsOp::File { permitted, inheritable, effective, .. } => {
            let set = |list: &[String]| doing(named(list, 0), || format!("filecap {path}"));
            let sets = [set(permitted)?, set(inheritable)?];
            let shown = sets.map(|set| show(set, u64::MAX));
            doing(kernel::set_file(trace, path, sets, *effective, &shown), || format!("filecap {path}"))
        }
        CapsOp::Become { uid, gid } => {
            doing(process::become_user(trace, *uid, *gid, false), || format!("become {uid}"))
        }
    }
}

fn drop_from(trace: &mut Trace, caps: &[String], set: CapSetName) -> Result<(), Errno> {
    let [effective, permitted, inheritable] = read::capabilities()?;
    let [bounding, ambient] = read::bounding_and_ambient()?;
    let gone = |has: u64| named(caps, has).map(|named| !named);
    match set {
        CapSetName::Effective => change(trace, [effective & gone(effective)?, permitted, inheritable]),
        CapSetName::Permitted => {
            let kept = gone(permitted)?;
            change(trace, [effective & kept, permitted & kept, inheritable])
        }
        CapSetName::Inheritable => change(trace, [effective, permitted, inheritable & gone(inheritable)?]),
        CapSetName::Bounding => each(named(caps, bounding)?, |one| kernel::drop_bounding(trace, one)),
        CapSetName::Ambient if caps.iter().any(|name| name == ALL) => kernel::lower_ambient(trace, None),
        CapSetName::Ambient => each(named(caps, ambient)?, |one| kernel::lower_ambient(trace, Some(one))),
    }
}

fn raise_in(trace: &mut Trace, caps: &[String], set: CapSetName) -> Result<(), Errno> {
    let [effective, permitted, inheritable] = read::capabilities()?;
    let [bounding, _] = read::bounding_and_ambient()?;
    match set {
        CapSetName::Effective => change(trace, [effective | named(caps, permitted)?, permitted, inheritable]),
        CapSetName::Permitted => change(trace, [effective, permitted | named(caps, bounding)?, inheritable]),
        CapSetName::Inheritable => change(trace, [effective, permitted, inheritable | named(caps, permitted)?]),
        CapSetName::Ambient => each(named(caps, permitted & inheritable)?, |one| kernel::raise_ambient(trace, one)),
        // The kernel has no call for it.
        CapSetName::Bounding => Err(Errno(libc::EINVAL)),
    }
}

/// Stands for every capability of a set.
const ALL: &str = "all";

/// The set of these; `all` are those of `all`. EINVAL for a name that is none: a seed
/// that the loader could not see filled in.
fn named(caps: &[String], all: u64) -> Result<u64, Errno> {
    caps.iter().try_fold(0, |set, name| {
        let more = if name == ALL { Some(all) } else { Capability::named(name).map(Capability::bit) };
        Ok(set | more.ok_or(Errno(libc::EINVAL))?)
    })
}

/// Each capability of a set in turn, until one fails.
fn each(set: u64, mut call: impl FnMut(kernel::Named<'_>) -> Result<(), Errno>) -> Result<(), Errno> {
    members(set).try_for_each(|one| call((one.number(), &one.to_string())))
}

fn members(set: u64) -> impl Iterator<Item = Capability> {
    (0..64).filter_map(Capability::new).filter(move |one| set & one.bit() != 0)
}

fn change(trace: &mut Trace, sets: [u64; 3]) -> Result<(), Errno> {
    let [bounding, _] = read::bounding_and_ambient()?;
    let [effective, permitted, _] = read::capabilities()?;
    let whole = bounding | effective | permitted;
    kernel::capset(trace, sets, &sets.map(|set| show(set, whole)))
}

/// At most so many names in a set of the trace.
const FEW: u32 = 4;

/// A set for the trace: its names where there are few, what it lacks of `whole` where
/// that is little, else the mask.
fn show(set: u64, whole: u64) -> String {
    let list = |set: u64| members(set).map(|one| one.to_string()).collect::<Vec<_>>().join("|");
    let lacks = whole & !set;
    match (set.count_ones(), lacks.count_ones()) {
        (0, _) => "0".to_owned(),
        (1..=FEW, _) => list(set),
        (_, 0) => format!("{set:#x}"),
        (_, 1..=FEW) => format!("{whole:#x} & ~({})", list(lacks)),
        _ => format!("{set:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_shown_by_what_is_short_to_say() {
        let all = (1 << 41) - 1;
        assert_eq!(show(0, all), "0");
        assert_eq!(show(1 << 5 | 1, all), "CAP_CHOWN|CAP_KILL");
        assert_eq!(show(all, all), "0x1ffffffffff");
        assert_eq!(show(all & !(1 << 21), all), "0x1ffffffffff & ~(CAP_SYS_ADMIN)");
        assert_eq!(show(0xffff, all), "0xffff");
    }

    #[test]
    fn a_name_that_is_no_capability_is_no_set() {
        assert_eq!(named(&["CAP_KILL".to_owned(), "chown".to_owned()], 0), Ok(1 << 5 | 1));
        assert_eq!(named(&["all".to_owned()], 7), Ok(7));
        assert_eq!(named(&["CAP_".to_owned()], 7), Err(Errno(libc::EINVAL)));
    }
}
