//! The lab's own control groups, from the program's side: what only it may do for them
//! (a bus is not spoken to in the keeper), and the question to the keeper.

use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::time::Duration;

use super::{Lab, LabError};
use crate::kernel::Errno;
use crate::lab::protocol::{Failure, FromKeeper, ToKeeper};
use crate::lab::{helper, scope};
use crate::lesson::op::Controller;

impl Lab {
    /// Has shells and commands find a helper of the program's by this name on their PATH.
    pub fn helper(&mut self, name: &str) -> Result<(), LabError> {
        let provided = super::copy_of(&self.program).and_then(|copy| {
            let copy = PathBuf::from(format!("/proc/self/fd/{}", copy.as_raw_fd()));
            helper::provide(&self.directory, &self.program, &copy, name)
        });
        provided.map_err(|error| LabError::Start {
            doing: self.directory.display().to_string(),
            errno: Errno::from(&error),
        })
    }

    /// Makes the lab's own control groups, one in each tree that groups with these
    /// controllers need; their directories. Where systemd runs the keeper is first moved
    /// into a scope of its own. With the groups comes the load, for shells. Gone with
    /// the actors.
    pub fn groups(&mut self, controllers: Vec<Controller>) -> Result<Vec<PathBuf>, LabError> {
        self.helper(helper::LOAD)?;
        let name = self.directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let scope = scope::enter(self.keeper.id(), &name);
        match self.ask(&ToKeeper::Groups { controllers }, Duration::ZERO) {
            Ok(FromKeeper::Groups(paths)) => Ok(paths.into_iter().map(PathBuf::from).collect()),
            Ok(_) => Err(self.bury()),
            // Both reasons: what could not be done without systemd, and why not with it.
            Err(LabError::Failed(Failure::Call(errno, doing))) => {
                let also = scope.err().map(|(why, what)| format!(" ({what}: {})", why.symbol())).unwrap_or_default();
                Err(LabError::Failed(Failure::Call(errno, doing + &also)))
            }
            Err(error) => Err(error),
        }
    }
}
