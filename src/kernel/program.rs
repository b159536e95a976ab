//! Starting programs: the sealed copy of this one that becomes the keeper, and the
//! student's shells and commands in an actor.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::fcntl::{FcntlArg, OFlag, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal};

use super::call::{Errno, Trace, quoted};
use super::process::{self, Side};
use super::pty;

/// How often sealing is tried, where pages are held.
const SEAL_TRIES: u32 = 20;

/// A sealed copy of a program (`/proc/self/exe` for the running one) in memory, memfd_create(2): whoever
/// reaches it through /proc/PID/exe can't change the installed file
/// (CVE-2019-5736) nor the copy. The bytes at `blank` are zeros in the copy.
pub fn sealed_copy(program: &Path, blank: &Range<u64>) -> std::io::Result<OwnedFd> {
    let name = c"cloison";
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    // MFD_EXEC (Linux 6.3) is asked for where memfds are not executable by default.
    let executable = MFdFlags::from_bits_retain(flags.bits() | libc::MFD_EXEC);
    let memory = match memfd_create(name, executable) {
        Err(nix::errno::Errno::EINVAL) => memfd_create(name, flags)?,
        other => other?,
    };
    let memory = File::from(memory);
    let mut program = File::open(program)?;
    std::io::copy(&mut program, &mut &memory)?;
    memory.write_all_at(&vec![0; (blank.end - blank.start) as usize], blank.start)?;
    seal(&memory)?;
    Ok(memory.into())
}

/// Where in its file these bytes of the running program are, proc_pid_maps(5).
pub fn place_in_file(bytes: &[u8]) -> Option<Range<u64>> {
    let from = bytes.as_ptr() as u64;
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(|line| {
        let mut fields = line.split(' ');
        let (start, end) = fields.next()?.split_once('-')?;
        let number = |text| u64::from_str_radix(text, 16).ok();
        let (start, end, offset) = (number(start)?, number(end)?, number(fields.nth(1)?)?);
        let within = start <= from && from + bytes.len() as u64 <= end;
        within.then(|| offset + (from - start)..offset + (from - start) + bytes.len() as u64)
    })
}

/// Seals it for good. EBUSY means that somebody holds one of its pages, as the kernel
/// does itself for a moment where it moves or watches memory: fcntl(2).
fn seal(memory: &File) -> nix::Result<()> {
    let seals = SealFlag::F_SEAL_SEAL | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE;
    for _ in 0..SEAL_TRIES {
        match fcntl(memory, FcntlArg::F_ADD_SEALS(seals)) {
            // The kernel has waited some 150 ms before it said so.
            Err(nix::errno::Errno::EBUSY) => {}
            sealed => return sealed.map(drop),
        }
    }
    Err(nix::errno::Errno::EBUSY)
}

/// KEYCTL_JOIN_SESSION_KEYRING, keyctl(2): without a name, a new and empty keyring.
const JOIN_SESSION_KEYRING: libc::c_long = 1;

/// The number of the first descriptor that [`spawn_detached`] passes on: high, so
/// that it can't overwrite one that is still needed between fork and exec.
pub const FIRST_PASSED: RawFd = 100;

/// Runs a program that is open as a descriptor, in a session and with an empty session
/// keyring of its own, with /dev/null as 0, 1 and 2 and the descriptors given from
/// [`FIRST_PASSED`] on. May be called with threads: nothing but system calls happens
/// between fork and exec. EDQUOT where the user has as many keys as there may be,
/// keyrings(7).
#[expect(unsafe_code, reason = "pre_exec: descriptors must be placed between fork and exec")]
pub fn spawn_detached(
    program: &OwnedFd,
    args: &[String],
    env: &[(&str, &str)],
    fds: &[RawFd],
) -> std::io::Result<std::process::Child> {
    let mut command = Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()));
    command.args(args).envs(env.iter().copied()).stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    command.stderr(std::process::Stdio::null());
    let given = fds.to_vec();
    let place = move || {
        // SAFETY (of each call below): numbers in, numbers out; async-signal-safe.
        for (number, from) in (FIRST_PASSED..).zip(&given) {
            if unsafe { libc::dup2(*from, number) } < 0 {
                return Err(std::io::Error::last_os_error());
            }
        }
        if unsafe { libc::setsid() } < 0 {
            return Err(std::io::Error::last_os_error());
        }
        // Who inherits a session keyring possesses what it holds, in whatever namespaces.
        let own = unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, std::ptr::null::<libc::c_char>()) };
        if own < 0 {
            let error = std::io::Error::last_os_error();
            // No keys in this kernel, or a filter that keeps them from the box as well.
            if !matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM | libc::EACCES)) {
                return Err(error);
            }
        }
        Ok(())
    };
    // SAFETY: `place` makes only async-signal-safe calls and does not allocate.
    unsafe { command.pre_exec(place) };
    command.spawn()
}

/// What to run in an actor's child.
#[derive(Debug)]
pub struct Launch {
    /// Program and arguments; the program is looked up on `path` unless it has a slash.
    pub argv: Vec<OsString>,
    /// The whole environment, `NAME=value`.
    pub env: Vec<OsString>,
    /// Colon-separated directories to look the program up in.
    pub path: String,
    /// Where to start; "/" where it can't be entered.
    pub cwd: Option<String>,
    /// At most so many processes in the caller's user namespace (RLIMIT_NPROC).
    pub processes: Option<u64>,
}

/// Called with the child's PID right before it is let go to its exec; its error ends
/// the child and the launch.
pub type Hold<'a> = &'a mut dyn FnMut(u32) -> Result<(), Errno>;

/// Where a launched program's input and output go.
#[derive(Debug)]
pub enum Streams {
    /// A terminal of its own, which it controls: a pty's slave.
    Terminal(OwnedFd),
    /// Nothing in, this pipe out (and err).
    Pipe(OwnedFd),
}

/// Makes a child that execs: a fresh session, default signals, SIGKILL when
/// the caller dies, descriptors 0, 1, 2 and no other. Gives back the child's PID
/// in the caller's namespace. The caller must have one thread.
///
/// The calls of the child up to its exec are not in the trace; when exec fails,
/// its errno comes back as the error, and the call is in the trace.
pub fn launch(trace: &mut Trace, launch: &Launch, streams: &Streams) -> Result<u32, Errno> {
    launch_held(trace, launch, streams, None)
}

/// As [`launch`]; what holds the child sees it before it runs anything of the
/// program's.
pub fn launch_held(
    trace: &mut Trace,
    launch: &Launch,
    streams: &Streams,
    hold: Option<Hold<'_>>,
) -> Result<u32, Errno> {
    let c_strings = |list: &[OsString]| -> Result<Vec<CString>, Errno> {
        list.iter().map(|text| CString::new(text.as_encoded_bytes()).map_err(|_| Errno(libc::EINVAL))).collect()
    };
    let argv = c_strings(&launch.argv)?;
    let env = c_strings(&launch.env)?;
    let Some(name) = launch.argv.first() else { return Err(Errno(libc::EINVAL)) };
    let candidates = candidates(&name.to_string_lossy(), &launch.path)?;
    let (mut said, say) = pipe()?;
    let mut gate = if hold.is_some() { Some(pipe()?) } else { None };
    let me = nix::unistd::getpid().as_raw() as u32;
    let child = |gate: Option<File>| {
        let errno = become_program(launch, streams, &argv, &env, &candidates, me, gate);
        let _ = nix::unistd::write(&say, &errno.0.to_le_bytes());
        127
    };
    let pid = match &mut gate {
        // The parent of a vfork stands until the exec, and could hold nobody.
        Some(_) => match process::fork(trace)? {
            Side::Parent(pid) => pid,
            Side::Child => process::exit_now(child(gate.take().map(|(wait, _)| wait))),
        },
        None => process::fork_to_exec(trace, &|| child(None))?,
    };
    drop(say);
    if let (Some(hold), Some((_, open))) = (hold, gate) {
        // A gate that closes without a word ends the child.
        if let Err(errno) = hold(pid).and_then(|()| nix::unistd::write(&open, b"g").map(drop).map_err(Errno::from)) {
            drop(open);
            process::wait_for(pid);
            return Err(errno);
        }
    }
    let mut word = [0; 4];
    // An exec that succeeds closes the pipe without a word.
    let failed = said.read_exact(&mut word).is_ok();
    let result = if failed { Err(Errno(i32::from_le_bytes(word))) } else { Ok(0) };
    let shown: Vec<String> = launch.argv.iter().map(quoted).collect();
    trace.calls.push(super::Call {
        name: "execve".to_owned(),
        args: vec![quoted(name), format!("[{}]", shown.join(", "))],
        result,
        micros: 0,
    });
    result.map(|_| pid)
}

/// A close-on-exec pipe: read end, write end.
pub fn pipe() -> Result<(File, OwnedFd), Errno> {
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    Ok((File::from(read), write))
}

fn candidates(name: &str, path: &str) -> Result<Vec<CString>, Errno> {
    let c_string = |text: String| CString::new(text).map_err(|_| Errno(libc::EINVAL));
    if name.contains('/') {
        return Ok(vec![c_string(name.to_owned())?]);
    }
    path.split(':').filter(|dir| dir.starts_with('/')).map(|dir| c_string(format!("{dir}/{name}"))).collect()
}

/// The child's way from fork to exec; comes back only with the errno of what failed.
fn become_program(
    launch: &Launch,
    streams: &Streams,
    argv: &[CString],
    env: &[CString],
    candidates: &[CString],
    parent: u32,
    gate: Option<File>,
) -> Errno {
    let prepare = || -> Result<(), Errno> {
        nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
        // In a new PID namespace the parent shows as 0: only another parent is a dead one.
        let now = nix::unistd::getppid().as_raw() as u32;
        if now != parent && now != 0 {
            return Err(Errno(libc::ESRCH));
        }
        default_signals()?;
        nix::unistd::setsid()?;
        match streams {
            Streams::Terminal(slave) => {
                pty::take_control(slave.as_fd())?;
                for number in 0..3 {
                    process::move_to(slave, number)?;
                }
            }
            Streams::Pipe(out) => {
                let null = File::open("/dev/null").map(OwnedFd::from);
                match null {
                    Ok(null) => process::move_to(&null, 0)?,
                    // A root without /dev: an empty pipe reads as the end at once.
                    Err(_) => process::move_to(&pipe()?.0.into(), 0)?,
                }
                process::move_to(out, 1)?;
                process::move_to(out, 2)?;
            }
        }
        process::cloexec_from_3()?;
        if let Some(most) = launch.processes {
            setrlimit(Resource::RLIMIT_NPROC, most, most)?;
        }
        setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
        let moved = launch.cwd.as_deref().is_some_and(|cwd| nix::unistd::chdir(cwd).is_ok());
        if !moved {
            nix::unistd::chdir("/")?;
        }
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
        Ok(())
    };
    if let Err(errno) = prepare() {
        return errno;
    }
    if let Some(mut gate) = gate
        && gate.read_exact(&mut [0]).is_err()
    {
        return Errno(libc::ECANCELED);
    }
    let mut last = Errno(libc::ENOENT);
    for program in candidates {
        // Cheaper than an exec that finds nothing.
        if let Err(nix::errno::Errno::ENOENT) = nix::unistd::access(program.as_c_str(), nix::unistd::AccessFlags::F_OK)
        {
            continue;
        }
        let Err(errno) = nix::unistd::execve(program, argv, env);
        // As execvp(3): a directory that has it but may not be used is worth more than one that has it not.
        if errno != nix::errno::Errno::ENOENT && errno != nix::errno::Errno::ENOTDIR {
            last = errno.into();
        }
    }
    last
}

/// Puts every signal back to its default and unblocks all: what a program expects
/// to start with.
#[expect(unsafe_code, reason = "sigaction(2)")]
pub fn default_signals() -> Result<(), Errno> {
    for signal in Signal::iterator() {
        if !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP) {
            // SAFETY: sets the default action, no handler of ours runs.
            unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) }?;
        }
    }
    nix::sys::signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    Ok(())
}

/// Ignores these signals in the calling process.
#[expect(unsafe_code, reason = "sigaction(2)")]
pub fn ignore_signals(signals: &[Signal]) -> Result<(), Errno> {
    for signal in signals {
        // SAFETY: no handler of ours runs.
        unsafe { nix::sys::signal::signal(*signal, SigHandler::SigIgn) }?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// Puts the first page itself into a pipe, splice(2).
    #[expect(unsafe_code, reason = "nix has splice(2) only with its zerocopy feature")]
    fn hold(memory: &File, pipe: &OwnedFd) {
        let mut from = 0;
        // SAFETY: descriptors that are open, and a number that outlives the call.
        let count =
            unsafe { libc::splice(memory.as_raw_fd(), &raw mut from, pipe.as_raw_fd(), std::ptr::null_mut(), 4096, 0) };
        assert_eq!(count, 4096);
    }

    #[test]
    fn a_copy_is_sealed_though_somebody_holds_a_page_of_it_for_a_while() {
        let mut memory = File::from(memfd_create(c"held", MFdFlags::MFD_ALLOW_SEALING).expect("a memfd"));
        memory.write_all(&[1; 4096]).expect("written");
        let (mut read, write) = pipe().expect("a pipe");
        hold(&memory, &write);
        drop(write);
        let busy = fcntl(&memory, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_WRITE));
        assert_eq!(busy, Err(nix::errno::Errno::EBUSY));
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(300));
                read.read_to_end(&mut Vec::new()).expect("read");
            });
            seal(&memory).expect("sealed at last");
        });
        assert!(memory.write_all(b"x").is_err());
    }
}
