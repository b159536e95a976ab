//! The operations of a step.

use std::str::FromStr;

use nix::sys::signal::Signal;

use super::{Context, FEW};
use crate::lesson::diagnostic::{both, quoted};
use crate::lesson::format::{Placed, RawDo, RawRoot, RawRun, RawSetns, RawShmget, Word};
use crate::lesson::model::Do;
use crate::lesson::op::{NsKind, Op, RootKind, ShmFlag, ipc_key};

/// The most bytes of a host or domain name: __NEW_UTS_LEN, sethostname(2).
const NAME_BYTES: usize = 64;
/// The most bytes of a text handed to an actor: PATH_MAX, path_resolution(7).
const TEXT_BYTES: usize = 4096;
/// The longest time that a program may run.
pub(super) const MOST_SECONDS: u32 = 600;

impl Context<'_> {
    pub(super) fn op(&mut self, raw: &Placed<RawDo>) -> Option<Do> {
        self.known_actor(&raw.actor, false);
        if let Some(fails) = &raw.fails {
            self.errno(fails);
        }
        let mut ops = self.ops(raw);
        if ops.len() > 1 {
            self.report_with_help(
                raw.span(),
                both!("several operations in one", "plusieurs opérations en une"),
                both!(
                    "one per `{{ actor = … }}`; they are carried out in order",
                    "une seule par « {{ actor = … }} » ; elles s'exécutent dans l'ordre"
                ),
            );
            return None;
        }
        let Some(op) = ops.pop() else {
            self.report_with_help(
                raw.span(),
                both!("no operation", "il manque l'opération"),
                both!(
                    "one of unshare, map, fork, mount, umount, root, chroot, pivot_root, mkdir, write, volume, hostname, domainname, setns, hold, release, write_map, clock, shmget, mqueue, run, kill, link, address, route, listen, connect, cgroup, caps, securebits, no_new_privs, filecap, become, seccomp, landlock",
                    "l'une de unshare, map, fork, mount, umount, root, chroot, pivot_root, mkdir, write, volume, hostname, domainname, setns, hold, release, write_map, clock, shmget, mqueue, run, kill, link, address, route, listen, connect, cgroup, caps, securebits, no_new_privs, filecap, become, seccomp, landlock"
                ),
            );
            return None;
        };
        self.note_ipc(&raw.actor, &op);
        Some(Do { actor: raw.actor.to_string(), op, fails: raw.fails.as_deref().cloned() })
    }

    /// Keeps who has an IPC namespace other than the lab's.
    fn note_ipc(&mut self, actor: &Word, op: &Op) {
        let (who, own) = match op {
            Op::Unshare { kinds, .. } if kinds.contains(&NsKind::Ipc) => (actor.as_str(), true),
            Op::Fork { child } => (child.as_str(), self.own_ipc.contains(actor.as_str())),
            Op::Setns { of, kinds } if kinds.contains(&NsKind::Ipc) => {
                (actor.as_str(), self.own_ipc.contains(of.as_str()))
            }
            _ => return,
        };
        if own {
            self.own_ipc.insert(who.to_owned());
        } else {
            self.own_ipc.remove(who);
        }
    }

    fn ops(&mut self, raw: &Placed<RawDo>) -> Vec<Op> {
        let mut ops = Vec::new();
        match (&raw.unshare, &raw.map) {
            (Some(list), map) => {
                let kinds = self.kinds(list);
                if let Some(map) = map
                    && !kinds.contains(&NsKind::User)
                {
                    self.report_with_help(
                        map.span(),
                        both!("`map` without a new user namespace", "« map » sans nouvel espace de noms user"),
                        both!("add \"user\" to `unshare`", "ajoutez \"user\" à « unshare »"),
                    );
                }
                ops.push(Op::Unshare { kinds, map: map.as_deref().copied() });
            }
            (None, Some(kind)) => ops.push(Op::Map { kind: **kind }),
            (None, None) => {}
        }
        if let Some(child) = &raw.fork {
            self.new_actor(child);
            ops.push(Op::Fork { child: child.to_string() });
        }
        if let Some(mount) = &raw.mount {
            self.path(&mount.target);
            let mut optional =
                |word: &Option<Word>| word.as_ref().map(|word| self.text(word, TEXT_BYTES)).unwrap_or_default();
            let (fstype, source, data) = (optional(&mount.fstype), optional(&mount.source), optional(&mount.data));
            self.no_doubles(&mount.flags, |flag| format!("{flag:?}"));
            ops.push(Op::Mount {
                fstype,
                source,
                target: mount.target.to_string(),
                flags: mount.flags.iter().map(|flag| **flag).collect(),
                data,
            });
        }
        if let Some(umount) = &raw.umount {
            self.path(&umount.target);
            ops.push(Op::Umount { target: umount.target.to_string(), detach: umount.detach });
        }
        if let Some(root) = &raw.root {
            ops.push(self.root(root));
        }
        if let Some(path) = &raw.chroot {
            self.path(path);
            ops.push(Op::Chroot { path: path.to_string() });
        }
        if let Some(path) = &raw.pivot_root {
            self.path(path);
            ops.push(Op::PivotRoot { path: path.to_string() });
        }
        if let Some(path) = &raw.mkdir {
            self.path(path);
            ops.push(Op::Mkdir { path: path.to_string() });
        }
        if let Some(write) = &raw.write {
            self.path(&write.path);
            // An empty file is a file.
            let text = if write.text.is_empty() { String::new() } else { self.text(&write.text, TEXT_BYTES) };
            ops.push(Op::Write { path: write.path.to_string(), text });
        }
        if let Some(name) = &raw.volume {
            self.id(name);
            ops.push(Op::Volume { name: name.to_string() });
        }
        if let Some(name) = &raw.hostname {
            ops.push(Op::Hostname { name: self.text(name, NAME_BYTES) });
        }
        if let Some(name) = &raw.domainname {
            ops.push(Op::Domainname { name: self.text(name, NAME_BYTES) });
        }
        if let Some(setns) = &raw.setns {
            ops.push(self.setns(setns));
        }
        if let Some(hold) = &raw.hold {
            self.known_actor(&hold.of, true);
            if let Some(at) = &hold.at {
                self.path(at);
            }
            ops.push(Op::Hold { of: hold.of.to_string(), kind: hold.kind, at: hold.at.as_deref().cloned() });
        }
        if let Some(kind) = &raw.release {
            ops.push(Op::Release { kind: **kind });
        }
        if let Some(map) = &raw.write_map {
            self.known_actor(&map.of, false);
            let files = [&map.setgroups, &map.uid_map, &map.gid_map];
            if files.iter().all(|file| file.is_none()) {
                self.report(
                    map.span(),
                    both!(
                        "none of `setgroups`, `uid_map`, `gid_map`",
                        "il faut au moins l'un de « setgroups », « uid_map », « gid_map »"
                    ),
                );
            }
            let [setgroups, uid_map, gid_map] =
                files.map(|file| file.as_ref().map(|content| self.text(content, TEXT_BYTES)));
            ops.push(Op::Idmap { of: map.of.to_string(), setgroups, uid_map, gid_map });
        }
        if let Some(clock) = &raw.clock {
            ops.push(Op::Clock { monotonic: clock.monotonic, boottime: clock.boottime });
        }
        if let Some(shmget) = &raw.shmget {
            ops.push(self.shmget(&raw.actor, shmget));
        }
        if let Some(target) = &raw.mqueue {
            self.path(target);
            ops.push(Op::Mqueue { target: target.to_string() });
        }
        if let Some(run) = &raw.run {
            ops.push(self.run(run));
        }
        if let Some(kill) = &raw.kill {
            self.known_actor(&kill.target, false);
            let name = kill.signal.as_str();
            if name.starts_with("SIG") || Signal::from_str(&format!("SIG{name}")).is_err() {
                let shown = quoted(name);
                let help = match name.strip_prefix("SIG") {
                    Some(rest) if Signal::from_str(name).is_ok() => {
                        both!("without SIG: \"{rest}\"", "sans SIG : \"{rest}\"")
                    }
                    _ => both!(
                        "a name of signal(7) without SIG: \"KILL\", \"TERM\"",
                        "un nom de signal(7) sans SIG : \"KILL\", \"TERM\""
                    ),
                };
                self.report_with_help(
                    kill.signal.span(),
                    both!("no signal `{shown}`", "aucun signal « {shown} »"),
                    help,
                );
            }
            ops.push(Op::Kill { target: kill.target.to_string(), signal: name.to_owned() });
        }
        ops.extend(self.net(raw));
        if let Some(cgroup) = &raw.cgroup {
            ops.push(Op::Cgroup(self.cgroup(cgroup)));
        }
        ops.extend(self.privileges(raw));
        if let Some(seccomp) = &raw.seccomp {
            ops.push(self.seccomp(seccomp));
        }
        if let Some(landlock) = &raw.landlock {
            ops.push(self.landlock(landlock));
        }
        ops
    }

    fn setns(&mut self, setns: &Placed<RawSetns>) -> Op {
        let kinds = self.kinds(&setns.kinds);
        match (&setns.of, &setns.at, &setns.held) {
            (Some(of), None, None) => {
                self.known_actor(of, true);
                Op::Setns { of: of.to_string(), kinds }
            }
            (None, Some(at), None) => {
                self.path(at);
                if kinds.len() > 1 {
                    self.report(
                        setns.kinds.span(),
                        both!("a mount is of one namespace", "un montage est celui d'un seul espace de noms"),
                    );
                }
                Op::SetnsHeld { at: Some(at.to_string()), kinds }
            }
            (None, None, Some(held)) => {
                if !**held {
                    self.report(held.span(), both!("`held` can only be true", "« held » ne peut valoir que true"));
                }
                Op::SetnsHeld { at: None, kinds }
            }
            _ => {
                self.report(
                    setns.span(),
                    both!(
                        "setns takes one of `of`, `at`, `held`",
                        "setns prend l'un de « of », « at », « held », et un seul"
                    ),
                );
                Op::SetnsHeld { at: None, kinds }
            }
        }
    }

    fn root(&mut self, root: &Placed<RawRoot>) -> Op {
        if let (None, Some(libraries)) = (&root.programs, &root.libraries) {
            self.report(
                libraries.span(),
                both!("`libraries` goes with `programs`", "« libraries » accompagne « programs »"),
            );
        }
        match (&root.from, &root.programs) {
            (Some(_), None) => Op::Root { kind: RootKind::Host },
            (None, Some(programs)) => {
                if programs.is_empty() {
                    self.report(programs.span(), both!("an empty list of programs", "la liste de programmes est vide"));
                }
                self.no_doubles(programs, Clone::clone);
                for program in programs.iter() {
                    self.program(program);
                }
                let libraries = root.libraries.as_deref().copied().unwrap_or(true);
                Op::Root { kind: RootKind::Copy { programs: super::words(programs), libraries } }
            }
            _ => {
                self.report(
                    root.span(),
                    both!(
                        "a root takes either `from` or `programs`",
                        "une racine prend soit « from », soit « programs »"
                    ),
                );
                Op::Root { kind: RootKind::Host }
            }
        }
    }

    fn shmget(&mut self, actor: &Word, shmget: &RawShmget) -> Op {
        let creat = shmget.flags.iter().find(|flag| ***flag == ShmFlag::Creat);
        if let Some(creat) = creat.filter(|_| !self.own_ipc.contains(actor.as_str())) {
            let shown = quoted(actor);
            self.report_with_help(
                creat.span(),
                both!(
                    "`{shown}` would leave a segment behind in the host's IPC namespace",
                    "« {shown} » laisserait un segment dans l'espace de noms IPC de l'hôte"
                ),
                both!(
                    "first `unshare = [\"user\", \"ipc\"]`: what is made in there ends with the lab",
                    "d'abord « unshare = [\"user\", \"ipc\"] » : ce qui y est créé disparaît avec le laboratoire"
                ),
            );
        }

        let filled = self.filled(shmget.key.span(), &shmget.key);
        if ipc_key(&filled).is_none() {
            let shown = quoted(&filled);
            self.report_with_help(
                shmget.key.span(),
                both!("`{shown}` is no key", "« {shown} » n'est pas une clé"),
                both!(
                    "a number from 1 to 4294967295, decimal or after 0x: \"0xcafe\"",
                    "un nombre de 1 à 4294967295, décimal ou après 0x : \"0xcafe\""
                ),
            );
        }
        self.no_doubles(&shmget.flags, |flag| format!("{flag:?}"));
        let flags = shmget.flags.iter().map(|flag| **flag).collect();
        Op::Shmget { key: shmget.key.to_string(), size: *shmget.size, flags }
    }

    fn run(&mut self, run: &RawRun) -> Op {
        if run.argv.first().is_none_or(|program| program.is_empty()) {
            self.report(run.argv.span(), both!("no program to run", "aucun programme à exécuter"));
        }
        for word in run.argv.iter().filter(|word| !word.is_empty()) {
            self.text(word, TEXT_BYTES);
        }
        self.seconds(&run.seconds);
        let trace = run.trace.as_ref().is_some_and(|trace| **trace);
        if let (true, true, Some(place)) = (trace, run.background, &run.trace) {
            self.report(
                place.span(),
                both!(
                    "a program in the background can't be traced: its calls are listed when it has ended",
                    "un programme en arrière-plan ne peut pas être tracé : ses appels sont listés quand il a fini"
                ),
            );
        }
        Op::Run { argv: super::words(&run.argv), seconds: *run.seconds, background: run.background, trace }
    }

    pub(super) fn seconds(&mut self, seconds: &Placed<u32>) {
        if !(1..=MOST_SECONDS).contains(&**seconds) {
            self.report(
                seconds.span(),
                both!(
                    "not a time from 1 to {MOST_SECONDS} seconds",
                    "ce n'est pas une durée de 1 à {MOST_SECONDS} secondes"
                ),
            );
        }
    }

    fn kinds(&mut self, list: &Placed<Vec<Placed<NsKind>>>) -> Vec<NsKind> {
        if list.is_empty() {
            self.report(list.span(), both!("an empty list of namespaces", "la liste d'espaces de noms est vide"));
        }
        self.no_doubles(list, |kind| kind.name().to_owned());
        list.iter().map(|kind| **kind).collect()
    }

    /// The files that every side shows.
    pub(super) fn files(&mut self, paths: &[Word]) -> Vec<String> {
        self.few(paths.get(FEW).map(Placed::span), FEW);
        self.no_doubles(paths, Clone::clone);
        for path in paths.iter().take(FEW) {
            self.text(path, TEXT_BYTES);
            if !path.starts_with('/') {
                self.report(path.span(), both!("not an absolute path", "ce n'est pas un chemin absolu"));
            }
        }
        super::words(paths)
    }

    pub(super) fn path(&mut self, path: &Word) {
        let filled = self.text(path, TEXT_BYTES);
        let absolute = ["/", "{root}", "{volumes}/"].iter().any(|start| path.starts_with(start));
        if !filled.is_empty() && !absolute {
            self.report(
                path.span(),
                both!(
                    "not a path that starts with `/`, `{{root}}` or `{{volumes}}/`",
                    "ce n'est pas un chemin qui commence par « / », « {{root}} » ou « {{volumes}}/ »"
                ),
            );
        }
    }

    /// A text for the kernel: not empty, no zero byte, not too long once filled in.
    /// Gives it as written.
    pub(super) fn text(&mut self, word: &Word, most: usize) -> String {
        let filled = self.filled(word.span(), word);
        let count = filled.len();
        if count == 0 {
            self.report(word.span(), both!("an empty text", "texte vide"));
        } else if count > most {
            self.report(
                word.span(),
                both!("{count} bytes long; {most} is the most", "{count} octets ; la limite est de {most}"),
            );
        } else if filled.contains('\0') {
            self.report(word.span(), both!("a zero byte in a text", "octet nul dans un texte"));
        }
        word.to_string()
    }

    pub(super) fn errno(&mut self, symbol: &Word) {
        let known = (1..=133)
            .map(nix::errno::Errno::from_raw)
            .any(|errno| errno != nix::errno::Errno::UnknownErrno && format!("{errno:?}") == symbol.as_str());
        if !known {
            let shown = quoted(symbol);
            self.report_with_help(
                symbol.span(),
                both!("no errno `{shown}`", "aucun errno « {shown} »"),
                both!("a symbol of errno(3): \"EPERM\", \"EINVAL\"", "un symbole de errno(3) : \"EPERM\", \"EINVAL\""),
            );
        }
    }
}
