//! Building a root directory for an actor: a minimal one out of the host's own
//! directories, bound read-only (as bubblewrap does, nothing is copied), or copies
//! of a few programs with the libraries that they ask for.

use std::collections::{BTreeSet, VecDeque};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use elf::ElfBytes;
use elf::abi::{DT_NEEDED, DT_RPATH, DT_RUNPATH, PT_INTERP};
use elf::endian::AnyEndian;
use nix::mount::MsFlags;

use super::doing;
use super::mounts::make_read_only;
use crate::kernel::{Call, Errno, Trace, mount as kernel, quoted};
use crate::lab::program::PATH;
use crate::lab::volumes;
use crate::lesson::op::RootKind;

/// Why a root could not be built, and at what.
type Failed = (Errno, String);

/// What of the host a minimal root shows; symbolic links stay links.
const SHOWN: [&str; 8] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc"];
/// The devices that every program may expect.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// Where a minimal root is put together: a directory that every host has, hidden
/// below a tmpfs in the actor's own mount namespace, so that the host sees nothing.
const STAGES: [&str; 3] = ["/tmp", "/mnt", "/run"];

/// Builds a root; its path. `directory` is where copies go.
pub fn build(trace: &mut Trace, kind: &RootKind, directory: Option<&str>) -> Result<String, Failed> {
    match kind {
        RootKind::Host => from_host(trace),
        RootKind::Copy { programs, libraries } => {
            let Some(directory) = directory else {
                return Err((Errno(libc::ENOENT), "the lab's directory".to_owned()));
            };
            copied(trace, programs, *libraries, Path::new(directory))?;
            Ok(directory.to_owned())
        }
    }
}

fn from_host(trace: &mut Trace) -> Result<String, Failed> {
    // The lab's volumes are still to be reached when the stage has been hidden.
    let kept = volumes::directory().filter(|path| Path::new(path).is_dir()).unwrap_or_default();
    let fits = |path: &&str| Path::new(path).is_dir() && !Path::new(&kept).starts_with(path);
    let Some(stage) = STAGES.into_iter().find(fits) else {
        return Err((Errno(libc::ENOENT), STAGES.join(", ")));
    };
    let root = Path::new(stage);
    // Directories get exactly the permissions that they are asked for.
    let umask = nix::sys::stat::umask(nix::sys::stat::Mode::empty());
    let built = furnish(trace, stage, root);
    nix::sys::stat::umask(umask);
    built.map(|()| stage.to_owned())
}

fn furnish(trace: &mut Trace, stage: &str, root: &Path) -> Result<(), Failed> {
    let slave = MsFlags::MS_SLAVE | MsFlags::MS_REC;
    doing(kernel::mount(trace, "", "/", "", slave, ""), || "mount / slave".to_owned())?;
    // What the stage hides can't be shown any more: note the links first.
    let shown: Vec<(&str, Option<PathBuf>)> = SHOWN
        .into_iter()
        .filter_map(|path| match std::fs::read_link(path) {
            Ok(link) => Some((path, Some(link))),
            // EINVAL: it is there, and no link.
            Err(error) => (error.raw_os_error() == Some(libc::EINVAL)).then_some((path, None)),
        })
        .collect();
    let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    doing(kernel::mount(trace, "tmpfs", stage, "tmpfs", plain, "mode=0755"), || format!("mount {stage}"))?;
    for (path, link) in shown {
        let inside = below(root, path);
        if let Some(link) = link {
            doing(kernel::symlink(trace, &link, &inside), || format!("symlink {path}"))?;
        } else {
            directory(trace, &inside, 0o755)?;
            bind_read_only(trace, path, &inside)?;
        }
    }
    for (name, mode) in
        [("proc", 0o555), ("sys", 0o555), ("dev", 0o755), ("run", 0o755), ("root", 0o700), ("var", 0o755)]
    {
        directory(trace, &root.join(name), mode)?;
    }
    directory(trace, &root.join("tmp"), 0o1777)?;
    devices(trace, root)
}

/// /dev: the host's harmless devices, bound; a devpts and a shm of its own.
fn devices(trace: &mut Trace, root: &Path) -> Result<(), Failed> {
    let dev = root.join("dev");
    for name in DEVICES {
        let host = format!("/dev/{name}");
        if Path::new(&host).exists() {
            let inside = dev.join(name);
            doing(kernel::touch(trace, &inside), || host.clone())?;
            let target = inside.to_string_lossy();
            doing(kernel::mount(trace, &host, &target, "", MsFlags::MS_BIND, ""), || format!("mount {host}"))?;
        }
    }
    directory(trace, &dev.join("pts"), 0o755)?;
    directory(trace, &dev.join("shm"), 0o1777)?;
    let pts = dev.join("pts");
    let options = "newinstance,ptmxmode=0666,mode=620";
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    doing(kernel::mount(trace, "devpts", &pts.to_string_lossy(), "devpts", flags, options), || {
        "mount devpts".to_owned()
    })?;
    let links =
        [("pts/ptmx", "ptmx"), ("/proc/self/fd", "fd"), ("fd/0", "stdin"), ("fd/1", "stdout"), ("fd/2", "stderr")];
    for (target, name) in links {
        doing(kernel::symlink(trace, Path::new(target), &dev.join(name)), || format!("symlink {name}"))?;
    }
    Ok(())
}

fn bind_read_only(trace: &mut Trace, host: &str, inside: &Path) -> Result<(), Failed> {
    let target = inside.to_string_lossy();
    let bind = MsFlags::MS_BIND | MsFlags::MS_REC;
    doing(kernel::mount(trace, host, &target, "", bind, ""), || format!("mount {host}"))?;
    make_read_only(trace, &target)
}

/// A directory of this mode, less the umask.
fn directory(trace: &mut Trace, path: &Path, mode: u32) -> Result<(), Failed> {
    doing(kernel::mkdir(trace, path, mode), || format!("mkdir {}", path.display()))
}

fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// Fills `directory` with copies of the programs and, if asked for, of every library
/// that they need, at the same paths as on the host.
fn copied(trace: &mut Trace, programs: &[String], libraries: bool, directory: &Path) -> Result<(), Failed> {
    let search = library_directories();
    let mut waiting: VecDeque<PathBuf> = VecDeque::new();
    for program in programs {
        let found = PATH.split(':').map(|dir| Path::new(dir).join(program)).find(|path| path.is_file());
        waiting.push_back(found.ok_or_else(|| (Errno(libc::ENOENT), format!("{program} ({PATH})")))?);
    }
    let mut seen = BTreeSet::new();
    while let Some(path) = waiting.pop_front() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let bytes = std::fs::read(&path).map_err(|error| (Errno::from(&error), path.display().to_string()))?;
        let inside = below(directory, &path.to_string_lossy());
        copy(trace, &path, &inside, &bytes)?;
        if libraries {
            waiting.extend(needed(&path, &bytes, &search)?);
        }
    }
    for name in ["proc", "dev", "tmp", "root"] {
        let path = directory.join(name);
        if !path.is_dir() {
            self::directory(trace, &path, 0o755)?;
        }
    }
    Ok(())
}

fn copy(trace: &mut Trace, from: &Path, to: &Path, bytes: &[u8]) -> Result<(), Failed> {
    let failed = |error: &std::io::Error| (Errno::from(error), to.display().to_string());
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent).map_err(|error| failed(&error))?;
    }
    let start = std::time::Instant::now();
    std::fs::write(to, bytes).map_err(|error| failed(&error))?;
    let mode = std::fs::metadata(from).map_or(0o755, |data| data.permissions().mode() & 0o777);
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(mode | 0o444)).map_err(|error| failed(&error))?;
    trace.calls.push(Call {
        name: "write".to_owned(),
        args: vec![quoted(to), quoted(from), bytes.len().to_string()],
        result: Ok(bytes.len() as i64),
        micros: start.elapsed().as_micros() as u64,
    });
    Ok(())
}

/// The interpreter and the libraries that an ELF file asks for (elf(5): PT_INTERP,
/// DT_NEEDED, DT_RUNPATH), as paths on the host.
fn needed(path: &Path, bytes: &[u8], search: &[PathBuf]) -> Result<Vec<PathBuf>, Failed> {
    let not_elf = || (Errno(libc::ENOEXEC), format!("{} (ELF)", path.display()));
    let file = ElfBytes::<AnyEndian>::minimal_parse(bytes).map_err(|_| not_elf())?;
    let mut found = Vec::new();
    for segment in file.segments().into_iter().flatten().filter(|segment| segment.p_type == PT_INTERP) {
        let text = file.segment_data(&segment).map_err(|_| not_elf())?;
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        found.push(PathBuf::from(String::from_utf8_lossy(text).into_owned()));
    }
    let Some((dynamic, (_, strings))) =
        file.dynamic().map_err(|_| not_elf())?.zip(file.dynamic_symbol_table().map_err(|_| not_elf())?)
    else {
        return Ok(found);
    };
    let text = |offset: u64| strings.get(offset as usize).map(str::to_owned).map_err(|_| not_elf());
    let origin = path.parent().unwrap_or(Path::new("/")).to_string_lossy().into_owned();
    let mut own = Vec::new();
    for entry in dynamic.iter().filter(|entry| entry.d_tag == DT_RUNPATH || entry.d_tag == DT_RPATH) {
        for dir in text(entry.d_val())?.split(':').filter(|dir| !dir.is_empty()) {
            own.push(PathBuf::from(dir.replace("$ORIGIN", &origin).replace("${ORIGIN}", &origin)));
        }
    }
    for entry in dynamic.iter().filter(|entry| entry.d_tag == DT_NEEDED) {
        let name = text(entry.d_val())?;
        let place = own.iter().chain(search).map(|dir| dir.join(&name)).find(|candidate| fits(candidate, bytes));
        found.push(place.ok_or_else(|| (Errno(libc::ENOENT), format!("{name} ({})", path.display())))?);
    }
    Ok(found)
}

/// Whether a library is of the same class and machine as the file that asks for it.
fn fits(candidate: &Path, asking: &[u8]) -> bool {
    use std::io::Read;
    let mut head = [0; 20];
    std::fs::File::open(candidate).and_then(|mut file| file.read_exact(&mut head)).is_ok()
        && asking.len() > 20
        && head[..6] == asking[..6]
        && head[18..20] == asking[18..20]
}

/// Where the dynamic linker looks, ld.so(8): the directories of /etc/ld.so.conf and
/// its includes, then the built-in ones.
fn library_directories() -> Vec<PathBuf> {
    let mut directories = Vec::new();
    let mut files = vec![PathBuf::from("/etc/ld.so.conf")];
    if let Ok(entries) = std::fs::read_dir("/etc/ld.so.conf.d") {
        let mut included: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        included.sort();
        files.extend(included.into_iter().filter(|path| path.extension().is_some_and(|end| end == "conf")));
    }
    for file in files {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        directories.extend(text.lines().map(str::trim).filter(|line| line.starts_with('/')).map(PathBuf::from));
    }
    let multiarch = format!("{}-linux-gnu", std::env::consts::ARCH);
    for base in ["/lib", "/usr/lib"] {
        directories.push(Path::new(base).join(&multiarch));
    }
    directories.extend(["/lib64", "/usr/lib64", "/lib", "/usr/lib"].map(PathBuf::from));
    directories
}
