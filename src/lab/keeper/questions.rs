//! What the program asks of an actor, or of its shells, and is answered at once.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use super::actors::host_pid;
use super::context::nspid;
use super::{Keeper, Launched, NoAnswer, OP_PATIENCE};
use crate::kernel::pty::open_pty;
use crate::kernel::{Errno, Trace, process};
use crate::lab::protocol::{Ask, Failure, FromKeeper, Program, Said};
use crate::lab::{find, observer};

impl Keeper {
    pub(super) fn view(&mut self, name: &str, patience: u32, look: Vec<u8>) -> Result<FromKeeper, NoAnswer> {
        Ok(FromKeeper::View(match self.report(name, Ask::View { look }, patience)? {
            Some(Said::View(bytes)) => Some(bytes),
            _ => None,
        }))
    }

    pub(super) fn traced(&mut self, name: &str, patience: u32) -> Result<FromKeeper, NoAnswer> {
        Ok(FromKeeper::Traced(match self.report(name, Ask::Traced, patience)? {
            Some(Said::Traced(traced)) => Some(traced),
            _ => None,
        }))
    }

    pub(super) fn filters(&mut self, name: &str, patience: u32) -> Result<FromKeeper, NoAnswer> {
        Ok(FromKeeper::Filters(match self.report(name, Ask::Filters, patience)? {
            Some(Said::Filters(filters)) => Some(filters),
            _ => None,
        }))
    }

    pub(super) fn trace(&mut self, name: &str, on: bool) -> Result<FromKeeper, NoAnswer> {
        let index = self.living(name)?;
        self.awake(index)?;
        let number = self.put(index, Ask::Trace { on }, &[])?;
        match self.hear(index, number, Instant::now() + OP_PATIENCE)? {
            Said::Failed(errno, doing) => Err(NoAnswer::Failed(Failure::Call(errno, doing))),
            _ => Ok(FromKeeper::Done),
        }
    }

    pub(super) fn observe(&self, pid: u32, patience: u32, look: &[u8]) -> Result<FromKeeper, NoAnswer> {
        let deadline = Instant::now() + Duration::from_millis(u64::from(patience));
        let view = observer::observe(pid, look, deadline, self.report.other);
        view.map(FromKeeper::View).map_err(|errno| NoAnswer::Failed(Failure::Call(errno, format!("/proc/{pid}"))))
    }

    pub(super) fn find(&self, shell: &str) -> Result<FromKeeper, NoAnswer> {
        let index = self.living(shell)?;
        let sessions: Vec<u32> =
            self.sessions.iter().filter(|(actor, _)| *actor == index).map(|(_, session)| *session).collect();
        Ok(FromKeeper::Found(find::different(self.actors[index].pid, &sessions)))
    }

    pub(super) fn launch(
        &mut self,
        name: &str,
        program: Program,
        terminal: Option<(u16, u16)>,
    ) -> Result<(u64, OwnedFd), NoAnswer> {
        let index = self.living(name)?;
        self.awake(index)?;
        // ENOENT: the namespace for its children has no PID 1 yet (pid_namespaces(7)).
        let children = std::fs::read_link(format!("/proc/{}/ns/pid_for_children", self.actors[index].pid));
        if children.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
            && process::start_time(self.actors[index].pid).is_some()
        {
            return Err(NoAnswer::Failed(Failure::Unborn(name.to_owned())));
        }
        let number = self.put(index, Ask::Launch { program: program.clone(), terminal }, &[])?;
        let mut said = self.hear(index, number, Instant::now() + OP_PATIENCE)?;
        let mut master = None;
        if let (Said::Failed(Errno(libc::ENOENT), doing), Some((rows, cols))) = (&said, terminal)
            && doing == "open"
        {
            // A root directory without a /dev/ptmx: the host's has one.
            let call = |errno| NoAnswer::Failed(Failure::Call(errno, "/dev/ptmx".to_owned()));
            let pty = open_pty(&mut Trace::default(), rows, cols).map_err(call)?;
            master = Some(pty.master);
            let number = self.put(index, Ask::LaunchOn { program }, &[pty.slave.as_raw_fd()])?;
            said = self.hear(index, number, Instant::now() + OP_PATIENCE)?;
        }
        match said {
            Said::Launched { pid } => {
                let connection = &mut self.actors[index].connection;
                let (Some(fd), Some(pidfd)) = (connection.take_descriptor(), connection.take_descriptor()) else {
                    return Err(NoAnswer::Failed(Failure::Call(Errno(libc::EBADF), name.to_owned())));
                };
                let fd = master.unwrap_or(fd);
                // It leads a session of its own. The pidfd of one that has been
                // collected says nothing any more, but its number may be ours too.
                let depth = |pid: u32| nspid(pid).map(|all| all.len());
                let ours = depth(self.actors[index].pid) == depth(std::process::id());
                let session = if ours { Some(pid) } else { host_pid(&pidfd) };
                self.sessions.extend(session.map(|session| (index, session)));
                let id = self.next_launch;
                self.next_launch += 1;
                self.launched.push(Launched { id, actor: index, pid });
                Ok((id, fd))
            }
            Said::Failed(errno, doing) => Err(NoAnswer::Failed(Failure::Call(errno, doing))),
            _ => Err(NoAnswer::Failed(Failure::Silent(name.to_owned()))),
        }
    }

    pub(super) fn end(&mut self, launch: u64) -> Result<FromKeeper, NoAnswer> {
        let Some(one) = self.launched.iter().find(|one| one.id == launch) else {
            return Ok(FromKeeper::Done);
        };
        let (index, pid) = (one.actor, one.pid);
        if self.actors[index].ended.is_some() {
            return Ok(FromKeeper::Done);
        }
        let number = self.put(index, Ask::End { pid }, &[])?;
        self.hear(index, number, Instant::now() + OP_PATIENCE)?;
        Ok(FromKeeper::Done)
    }
}
