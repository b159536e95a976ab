//! The operations on privileges.

use super::Context;
use crate::lesson::diagnostic::{both, did_you_mean, quoted};
use crate::lesson::format::{Placed, RawCaps, RawDo, Word};
use crate::lesson::op::{CapSetName, Capability, CapsOp, Op, SECUREBITS};

impl Context<'_> {
    /// Those that an op names.
    pub(super) fn privileges(&mut self, raw: &RawDo) -> Vec<Op> {
        let mut ops = Vec::new();
        if let Some(caps) = &raw.caps {
            ops.push(self.caps(caps));
        }
        if let Some(names) = &raw.securebits {
            self.no_doubles(names, Clone::clone);
            for name in names.iter().filter(|name| !SECUREBITS.contains(&name.as_str())) {
                let shown = quoted(name);
                let help = did_you_mean(name, &SECUREBITS);
                self.report_with_help(
                    name.span(),
                    both!("no securebit `{shown}`", "aucun securebit « {shown} »"),
                    help,
                );
            }
            ops.push(CapsOp::Securebits { names: super::words(names) });
        }
        if let Some(on) = &raw.no_new_privs {
            ops.push(CapsOp::NoNewPrivs { on: **on });
        }
        if let Some(file) = &raw.filecap {
            self.path(&file.path);
            let (permitted, inheritable) = (self.names(&file.permitted, false), self.names(&file.inheritable, false));
            ops.push(CapsOp::File { path: file.path.to_string(), permitted, inheritable, effective: file.effective });
        }
        if let Some(ids) = &raw.becomes {
            ops.push(CapsOp::Become { uid: ids.uid, gid: ids.gid });
        }
        ops.into_iter().map(Op::Caps).collect()
    }

    fn caps(&mut self, raw: &Placed<RawCaps>) -> CapsOp {
        let set = *raw.set;
        match (&raw.drop, &raw.raise) {
            (Some(list), None) => CapsOp::Drop { caps: self.listed(list), set },
            (None, Some(list)) => {
                if set == CapSetName::Bounding {
                    self.report(
                        raw.set.span(),
                        both!(
                            "nothing can be added to the bounding set",
                            "on ne peut rien ajouter à l'ensemble limitant"
                        ),
                    );
                }
                CapsOp::Raise { caps: self.listed(list), set }
            }
            _ => {
                self.report(
                    raw.span(),
                    both!("caps takes one of `drop`, `raise`", "caps prend l'un de « drop », « raise », et un seul"),
                );
                CapsOp::Drop { caps: Vec::new(), set }
            }
        }
    }

    fn listed(&mut self, list: &Placed<Vec<Word>>) -> Vec<String> {
        if list.is_empty() {
            self.report(list.span(), both!("an empty list of capabilities", "la liste de capacités est vide"));
        }
        self.names(list, true)
    }

    /// Names of capabilities, as written; `all` where it may stand.
    fn names(&mut self, list: &[Word], all: bool) -> Vec<String> {
        self.no_doubles(list, Clone::clone);
        for name in list {
            let filled = self.filled(name.span(), name);
            if Capability::named(&filled).is_none() && !(all && filled == "all") {
                let shown = quoted(&filled);
                self.report_with_help(
                    name.span(),
                    both!("no capability `{shown}`", "aucune capacité « {shown} »"),
                    both!("a name of capabilities(7): \"CAP_KILL\"", "un nom de capabilities(7) : \"CAP_KILL\""),
                );
            }
        }
        super::words(list)
    }
}
