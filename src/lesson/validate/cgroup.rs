//! The operations on control groups.

use super::{Context, is_id};
use crate::lesson::diagnostic::{both, quoted};
use crate::lesson::format::{Placed, RawCgroup, Word};
use crate::lesson::op::{CgroupOp, DeviceRule};

/// The most bytes that a file of a group is given: a page, as for every file of kernfs.
const VALUE_BYTES: usize = 4095;
/// The most groups one below the other.
const DEPTH: usize = 4;
/// What the file of a group may start with: a controller, or what all have.
const CONTROLLERS: [&str; 9] = ["cgroup", "cpu", "cpuset", "io", "memory", "pids", "hugetlb", "rdma", "misc"];

impl Context<'_> {
    /// One of them; some other where a mistake was reported.
    pub(super) fn cgroup(&mut self, raw: &Placed<RawCgroup>) -> CgroupOp {
        let RawCgroup {
            create,
            controllers,
            set,
            of,
            to,
            join,
            leave,
            freeze,
            thaw,
            kill,
            remove,
            devices,
            allow,
            delegate,
        } = &**raw;
        let verbs = [create, set, join, freeze, thaw, kill, remove, devices, delegate];
        let asked = verbs.iter().filter(|verb| verb.is_some()).count() + usize::from(leave.is_some());
        // What goes along with one verb alone.
        let stray = (controllers.is_some() && create.is_none())
            || ((of.is_some() || to.is_some()) && set.is_none())
            || (allow.is_some() && devices.is_none());
        if asked != 1 || stray {
            self.report_with_help(
                raw.span(),
                both!(
                    "an operation on a group takes one of its keys",
                    "une opération sur un groupe prend une seule de ses clés"
                ),
                both!(
                    "`create` with `controllers`, `set` with `of` and `to`, `devices` with `allow`, or one of join, leave, freeze, thaw, kill, remove, delegate",
                    "« create » avec « controllers », « set » avec « of » et « to », « devices » avec « allow », ou l'une de join, leave, freeze, thaw, kill, remove, delegate"
                ),
            );
            return CgroupOp::Leave;
        }
        if let Some(leave) = leave {
            if !**leave {
                self.report(leave.span(), both!("`leave` can only be true", "« leave » ne peut valoir que true"));
            }
            return CgroupOp::Leave;
        }
        if let Some(file) = set {
            let (Some(of), Some(to)) = (of, to) else {
                self.report(raw.span(), both!("`set` goes with `of` and `to`", "« set » va avec « of » et « to »"));
                return CgroupOp::Leave;
            };
            self.file_of_group(file);
            let to = self.text(to, VALUE_BYTES);
            return CgroupOp::Set { group: self.group(of), file: file.to_string(), to };
        }
        let group = verbs.iter().find_map(|verb| verb.as_ref()).map(|word| self.group(word)).unwrap_or_default();
        if create.is_some() {
            let controllers = controllers.as_ref().map(|list| {
                self.no_doubles(list, |one| one.name().to_owned());
                list.iter().map(|one| **one).collect()
            });
            CgroupOp::Create { group, controllers: controllers.unwrap_or_default() }
        } else if let Some(devices) = devices {
            let Some(allow) = allow else {
                self.report(
                    devices.span(),
                    both!(
                        "`devices` goes with `allow`, which may be empty",
                        "« devices » va avec « allow », qui peut être vide"
                    ),
                );
                return CgroupOp::Leave;
            };
            CgroupOp::Devices { group, allow: allow.iter().filter_map(|rule| self.device(rule)).collect() }
        } else if join.is_some() {
            CgroupOp::Join { group }
        } else if freeze.is_some() {
            CgroupOp::Freeze { group }
        } else if thaw.is_some() {
            CgroupOp::Thaw { group }
        } else if kill.is_some() {
            CgroupOp::Kill { group }
        } else if remove.is_some() {
            CgroupOp::Remove { group }
        } else {
            CgroupOp::Delegate { group }
        }
    }

    /// The name of a group: ids, one below the other.
    fn group(&mut self, word: &Word) -> String {
        let filled = self.filled(word.span(), word);
        let parts: Vec<&str> = filled.split('/').collect();
        if parts.len() > DEPTH || !parts.iter().all(|part| is_id(part)) {
            let shown = quoted(word);
            self.report_with_help(
                word.span(),
                both!("`{shown}` is not the name of a group", "« {shown} » n'est pas un nom de groupe"),
                both!(
                    "an id, or up to {DEPTH} of them, one below the other: \"box/inner\"",
                    "un identifiant, ou jusqu'à {DEPTH}, l'un sous l'autre : \"box/inner\""
                ),
            );
        }
        word.to_string()
    }

    /// The name of a file that version 2 could have.
    fn file_of_group(&mut self, word: &Word) {
        let fits = word.split_once('.').is_some_and(|(controller, rest)| {
            CONTROLLERS.contains(&controller)
                && !rest.is_empty()
                && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte))
        });
        if !fits {
            let shown = quoted(word);
            self.report_with_help(
                word.span(),
                both!("`{shown}` is not a file of a group", "« {shown} » n'est pas un fichier de groupe"),
                both!("its name in version 2: \"memory.max\"", "son nom en version 2 : \"memory.max\""),
            );
        }
    }

    fn device(&mut self, word: &Word) -> Option<DeviceRule> {
        let rule = DeviceRule::parse(word);
        if rule.is_none() {
            let shown = quoted(word);
            self.report_with_help(
                word.span(),
                both!("`{shown}` is no rule for devices", "« {shown} » n'est pas une règle de périphériques"),
                both!(
                    "kind (a, b, c), numbers, and access out of r, w, m: \"c 1:3 rwm\", \"b *:* m\"",
                    "le type (a, b, c), les numéros et les accès parmi r, w, m : \"c 1:3 rwm\", \"b *:* m\""
                ),
            );
        }
        rule
    }
}
