//! Which engine made a container, as far as its cgroup path, its parents or the
//! `container` variable of its first process tell. Pure; called by the census. What
//! it says is a clue, not a proof (anybody may name a program `conmon`), so each
//! comes with its evidence.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::observe::model::Process;

/// An engine, and what told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Engine {
    /// Its name (`Docker`).
    pub name: String,
    /// What it calls the container, where the cgroup path says: an id of 64
    /// hexadecimal digits, or a name.
    pub id: Option<String>,
    /// What told.
    pub evidence: Evidence,
}

/// Where a clue was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The cgroup path of the first process.
    Cgroup(String),
    /// A process: the first one itself, or the nearest of its parents that tells.
    Process {
        /// Its PID.
        pid: u32,
        /// Its name.
        name: String,
    },
    /// The environment of the first process: `container=…`, by systemd's convention
    /// (`CONTAINER_INTERFACE`).
    Environ(String),
    /// It is a kernel thread.
    KernelThread,
}

/// The engine by the cgroup paths of the first process; none where they name only a
/// unit of systemd's.
pub fn by_cgroup(paths: &BTreeMap<String, String>) -> Option<Engine> {
    tell(paths, |path| {
        let parts: Vec<&str> = path.split('/').collect();
        let above = |at: usize| at.checked_sub(1).and_then(|at| parts.get(at)).copied().unwrap_or_default();
        // The innermost one counts: a container may run others.
        (0..parts.len()).rev().find_map(|at| {
            let (name, id) = container(parts[at], above(at))?;
            let pod = parts[..at].iter().any(|part| part.starts_with("kubepods"));
            Some((if pod { format!("Kubernetes ({name})") } else { name.to_owned() }, id))
        })
    })
}

/// The service of systemd's that the cgroup paths name.
pub fn by_unit(paths: &BTreeMap<String, String>) -> Option<Engine> {
    tell(paths, |path| {
        let unit = path.split('/').rev().find(|part| part.ends_with(".service") && !part.starts_with("user@"))?;
        Some(("systemd".to_owned(), (*unit).to_owned()))
    })
}

fn tell(paths: &BTreeMap<String, String>, of: impl Fn(&str) -> Option<(String, String)>) -> Option<Engine> {
    // cgroup2 comes first, by its empty name.
    paths.values().find_map(|path| {
        let (name, id) = of(path)?;
        Some(Engine { name, id: Some(id), evidence: Evidence::Cgroup(path.clone()) })
    })
}

/// Names of cgroups that hold an id, by what stands before it.
const WITH_ID: [(&str, &str); 9] = [
    ("docker-", "Docker"),
    ("libpod-payload-", "Podman"),
    ("libpod-", "Podman"),
    ("cri-containerd-", "containerd"),
    ("nerdctl-", "containerd"),
    ("crio-", "CRI-O"),
    ("runc-", "runc"),
    ("crun-", "crun"),
    ("apptainer-", "Apptainer"),
];

/// Engine and id by one part of a path and the part above it.
fn container(part: &str, above: &str) -> Option<(&'static str, String)> {
    let scope = part.strip_suffix(".scope");
    let bare = scope.or_else(|| part.strip_suffix(".service")).unwrap_or(part);
    for (lead, name) in WITH_ID {
        // Other than the long ids, a name counts only as that of a scope.
        let id = bare.strip_prefix(lead).filter(|id| is_id(id) || scope.is_some() && !id.starts_with("conmon-"));
        if let Some(id) = id {
            return Some((name, id.to_owned()));
        }
    }
    if is_id(part) {
        let name = match above {
            "docker" => "Docker",
            "libpod_parent" => "Podman",
            _ if above.starts_with("pod") || above.starts_with("kubepods") => "containerd",
            _ => return None,
        };
        return Some((name, part.to_owned()));
    }
    let named = |lead: &str| bare.strip_prefix(lead).filter(|rest| !rest.is_empty()).map(unescape);
    if let Some(name) = named("lxc.payload.") {
        return Some(("LXC", name));
    }
    if matches!(above, "lxc" | "lxc.payload") && !part.is_empty() && bare == part {
        return Some(("LXC", part.to_owned()));
    }
    if let Some(name) = named("systemd-nspawn@") {
        return Some(("systemd-nspawn", name));
    }
    if let Some(name) = named("machine-").filter(|_| scope.is_some()) {
        let name = name.as_str();
        return Some(match name.strip_prefix("lxc-") {
            Some(name) => ("libvirt-lxc", name.to_owned()),
            None if name.starts_with("qemu-") => ("QEMU (libvirt)", name.to_owned()),
            None => ("systemd-nspawn", name.to_owned()),
        });
    }
    if let Some(name) = named("app-flatpak-") {
        // app-flatpak-org.gnome.Maps-4711.scope
        let name = name.rsplit_once('-').map_or(name.as_str(), |(app, _)| app);
        return Some(("Flatpak", name.to_owned()));
    }
    // snap.firefox.firefox-0d1c….scope
    let snap = bare.strip_prefix("snap.").filter(|_| bare != part)?;
    Some(("Snap", snap.split('.').next().unwrap_or(snap).to_owned()))
}

/// At least 12 hexadecimal digits, as engines cut them; Docker and Podman use 64.
fn is_id(text: &str) -> bool {
    text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
}

/// Undoes systemd's `\x2d`, systemd-escape(1). What is no such escape stays.
fn unescape(name: &str) -> String {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let [byte, behind @ ..] = rest {
        rest = behind;
        let escaped = match (byte, behind) {
            (b'\\', [b'x', high, low, behind @ ..]) => {
                let digits = [*high, *low];
                let value = std::str::from_utf8(&digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
                value.map(|value| (value, behind))
            }
            _ => None,
        };
        let (value, behind) = escaped.unwrap_or((*byte, rest));
        plain.push(value);
        rest = behind;
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// Programs that make containers or sandboxes, by the name of their process (of
/// which the kernel keeps 15 bytes); one that ends in `*` may go on.
const PROGRAMS: [(&str, &str); 29] = [
    ("containerd-shim*", "containerd"),
    ("conmon", "conmon"),
    ("podman*", "Podman"),
    ("catatonit", "Podman"),
    ("buildah*", "Buildah"),
    ("bwrap", "bubblewrap"),
    ("systemd-nspawn", "systemd-nspawn"),
    ("runc*", "runc"),
    ("crun*", "crun"),
    ("youki*", "youki"),
    ("lxc-start", "LXC"),
    ("lxc-execute", "LXC"),
    ("lxd", "LXD"),
    ("incusd", "Incus"),
    ("firejail", "Firejail"),
    ("nsjail", "nsjail"),
    ("minijail0", "minijail"),
    ("flatpak*", "Flatpak"),
    ("snap-confine", "Snap"),
    ("starter*", "Apptainer"),
    ("rootlesskit", "RootlessKit"),
    ("unshare", "unshare"),
    ("cloison*", "cloison"),
    ("chrome*", "Chrome"),
    ("chromium*", "Chromium"),
    ("brave*", "Brave"),
    ("msedge*", "Edge"),
    ("electron*", "Electron"),
    ("firefox*", "Firefox"),
];

/// The engine by the first of these processes (a container's own first one, then its
/// parents) whose name tells.
pub fn by_process<'a>(processes: impl IntoIterator<Item = &'a Process>) -> Option<Engine> {
    processes.into_iter().find_map(|one| {
        let is = |pattern: &str| match pattern.strip_suffix('*') {
            Some(lead) => one.name.starts_with(lead),
            None => one.name == pattern,
        };
        // LXC's monitor writes over its arguments.
        let name = match PROGRAMS.iter().find(|(pattern, _)| is(pattern)) {
            Some((_, name)) => name,
            None if one.command.starts_with("[lxc monitor]") => "LXC",
            None => return None,
        };
        let (name, id) = for_whom(&one.command, name);
        let evidence = Evidence::Process { pid: one.pid, name: one.name.clone() };
        Some(Engine { name: name.to_owned(), id, evidence })
    })
}

/// For which engine a monitor works that several have, and what that calls the
/// container, by the monitor's arguments.
fn for_whom<'a>(command: &str, name: &'a str) -> (&'a str, Option<String>) {
    let behind = |option: &str| command.split(' ').skip_while(|word| *word != option).nth(1);
    let id = |option: &str| behind(option).filter(|id| is_id(id)).map(str::to_owned);
    match name {
        "conmon" if command.contains("/podman ") => ("Podman", id("-c")),
        "conmon" if command.contains("crio") => ("CRI-O", id("-c")),
        "containerd" => match behind("-namespace") {
            Some("moby") => ("Docker", id("-id")),
            Some("k8s.io") => ("Kubernetes (containerd)", id("-id")),
            _ => (name, id("-id")),
        },
        _ => (name, None),
    }
}

/// The engine by an environment as /proc/PID/environ has it.
pub fn by_environ(environ: &[u8]) -> Option<Engine> {
    let value = environ.split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(b"container="))?;
    let value = String::from_utf8_lossy(value.get(..64.min(value.len())).unwrap_or_default()).into_owned();
    let name = match value.as_str() {
        "docker" => "Docker",
        "podman" => "Podman",
        "lxc" => "LXC",
        "lxc-libvirt" => "libvirt-lxc",
        "flatpak" => "Flatpak",
        "" => return None,
        other => other,
    };
    let name = name.to_owned();
    Some(Engine { name, id: None, evidence: Evidence::Environ(format!("container={value}")) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::sample;

    const ID: &str = "3f2a9c01d5e6b7f8a90b1c2d3e4f5061728394a5b6c7d8e9f0a1b2c3d4e5f607";

    fn told(path: &str) -> Option<(String, String)> {
        let engine = by_cgroup(&BTreeMap::from([(String::new(), path.to_owned())]))?;
        assert_eq!(engine.evidence, Evidence::Cgroup(path.to_owned()));
        Some((engine.name, engine.id.unwrap()))
    }

    #[test]
    fn cgroup_paths_name_the_engine_and_the_container() {
        for (path, name, id) in [
            ("/system.slice/docker-ID.scope", "Docker", ID),
            ("/docker/ID", "Docker", ID),
            ("/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope", "Docker", ID),
            ("/docker/ID/system.slice/nginx.service", "Docker", ID),
            ("/machine.slice/libpod-ID.scope/container", "Podman", ID),
            ("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope", "Podman", ID),
            ("/libpod_parent/libpod-ID", "Podman", ID),
            ("/system.slice/app.service/libpod-payload-ID", "Podman", ID),
            (
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1a_2.slice/cri-containerd-ID.scope",
                "Kubernetes (containerd)",
                ID,
            ),
            ("/kubepods.slice/kubepods-pod1a_2.slice/crio-ID.scope", "Kubernetes (CRI-O)", ID),
            ("/kubepods/burstable/pod1a-2/ID", "Kubernetes (containerd)", ID),
            ("/lxc.payload.web", "LXC", "web"),
            ("/lxc.payload.web/init.scope", "LXC", "web"),
            ("/lxc/web", "LXC", "web"),
            ("/lxc.payload.web/system.slice/docker-ID.scope", "Docker", ID),
            ("/machine.slice/systemd-nspawn@deb.service/payload", "systemd-nspawn", "deb"),
            (r"/machine.slice/machine-my\x2dbox.scope/payload/init.scope", "systemd-nspawn", "my-box"),
            (r"/machine.slice/machine-lxc\x2d7\x2dweb.scope", "libvirt-lxc", "7-web"),
            (r"/machine.slice/machine-qemu\x2d1\x2dvm.scope/libvirt/emulator", "QEMU (libvirt)", "qemu-1-vm"),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/app-flatpak-org.gnome.Maps-4711.scope",
                "Flatpak",
                "org.gnome.Maps",
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/snap.firefox.firefox-0d1c.scope",
                "Snap",
                "firefox",
            ),
            ("/system.slice/runc-c1.scope", "runc", "c1"),
        ] {
            assert_eq!(told(&path.replace("ID", ID)), Some((name.to_owned(), id.to_owned())), "{path}");
        }
    }

    #[test]
    fn what_only_looks_like_an_engines_path_is_none() {
        for path in [
            "/",
            "",
            "/system.slice/docker.service",
            "/system.slice/docker-proxy.service",
            "/system.slice/containerd.service",
            "/machine.slice/libpod-conmon-ID.scope",
            "/user.slice/user-1000.slice/session-3.scope",
            "/system.slice/lxc.service",
            "/docker",
            "/lxc.monitor.web",
            "/docker-compose",
        ] {
            assert_eq!(told(&path.replace("ID", ID)), None, "{path}");
        }
    }

    #[test]
    fn a_service_with_walls_is_systemds() {
        let unit = |path: &str| by_unit(&BTreeMap::from([(String::new(), path.to_owned())])).and_then(|found| found.id);
        assert_eq!(unit("/system.slice/nginx.service").as_deref(), Some("nginx.service"));
        let own = "/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service";
        assert_eq!(unit(own).as_deref(), Some("foo.service"));
        assert_eq!(unit("/user.slice/user-1000.slice/user@1000.service/init.scope"), None);
    }

    #[test]
    fn an_escape_that_is_none_stays_as_it_is() {
        for name in [r"a\", r"a\x", r"a\x2", r"a\xzz", r"\"] {
            assert_eq!(unescape(name), name);
        }
        assert_eq!(unescape(r"a\x2db\x"), r"a-b\x");
    }

    fn process(pid: u32, name: &str, command: &str) -> Process {
        Process { name: name.to_owned(), command: command.to_owned(), ..sample(pid, 1) }
    }

    #[test]
    fn the_nearest_parent_that_tells_is_believed() {
        let chain = [process(9, "nginx", "nginx"), process(8, "containerd-shim", "…"), process(7, "bwrap", "bwrap")];
        let engine = by_process(&chain).unwrap();
        assert_eq!(engine.name, "containerd");
        assert_eq!(engine.evidence, Evidence::Process { pid: 8, name: "containerd-shim".to_owned() });
        let monitor = [process(9, "systemd", "/sbin/init"), process(8, "x", "[lxc monitor] /var/lib/lxc web")];
        assert_eq!(by_process(&monitor).unwrap().name, "LXC");
        assert_eq!(by_process(&[process(9, "conmonster", "x"), process(8, "bash", "bash bwrap")]), None);
    }

    #[test]
    fn a_monitors_arguments_tell_for_whom_it_works() {
        for (name, command, engine, id) in [
            ("conmon", "/usr/bin/conmon -c ID --exit-command /usr/bin/podman --exit-command-arg x", "Podman", Some(ID)),
            ("conmon", "/usr/bin/conmon -c ID --exit-dir /var/run/crio/exits", "CRI-O", Some(ID)),
            ("conmon", "/usr/bin/conmon -c", "conmon", None),
            ("containerd-shim", "containerd-shim-runc-v2 -namespace moby -id ID -address /x", "Docker", Some(ID)),
            (
                "containerd-shim",
                "containerd-shim-runc-v2 -namespace k8s.io -id ID",
                "Kubernetes (containerd)",
                Some(ID),
            ),
            ("containerd-shim", "containerd-shim-runc-v2 -namespace default -id web", "containerd", None),
        ] {
            let found = by_process(&[process(9, name, &command.replace("ID", ID))]).unwrap();
            assert_eq!((found.name.as_str(), found.id.as_deref()), (engine, id), "{command}");
        }
    }

    #[test]
    fn the_variable_of_the_first_process_tells_too() {
        assert_eq!(by_environ(b"PATH=/bin\0container=podman\0").unwrap().name, "Podman");
        assert_eq!(by_environ(b"container=systemd-nspawn").unwrap().name, "systemd-nspawn");
        assert_eq!(by_environ(b"my_container=lxc\0container="), None);
        assert_eq!(by_environ(b""), None);
        let long = [b"container=".to_vec(), vec![0xff; 9000]].concat();
        assert!(by_environ(&long).unwrap().name.len() <= 3 * 64);
    }
}
