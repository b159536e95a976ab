//! Volumes: directories of the lab's own that outlive every box. The keeper makes
//! them below the lab's directory, outside of all boxes, and they go when the lab
//! does. Where they are is in the environment of all that the lab starts.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::maps;
use super::ops::{Outcome, doing};
use crate::kernel::{Errno, Trace, mount as kernel};

/// Names the directory of the volumes: `ls $VOLUMES` works in a shell of the host.
pub const VARIABLE: &str = "VOLUMES";
/// Its name in the lab's directory.
pub const NAME: &str = "volumes";

/// Where the volumes of this lab are, as the host knows it: for those whom a
/// keeper started.
pub fn directory() -> Option<String> {
    std::env::var(VARIABLE).ok().filter(|path| path.starts_with('/'))
}

/// Makes a volume and gives it to the one who is root in the user namespace of the
/// process `pid`. One that is there already stays as it is.
pub fn make(trace: &mut Trace, lab: &Path, name: &str, pid: u32) -> Outcome {
    let above = lab.join(NAME);
    let path = above.join(name);
    // Search permission above for the lab's mapped root, who is another user under root.
    for (path, mode) in [(&above, 0o711), (&path, 0o755)] {
        let doing_it = || format!("mkdir {}", path.display());
        match kernel::mkdir(trace, path, mode) {
            Err(Errno(libc::EEXIST)) => continue,
            made => doing(made, doing_it)?,
        }
        // Whatever the umask was.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            .map_err(|error| (Errno::from(&error), doing_it()))?;
    }
    maps::give(&path, pid).map_err(|error| (Errno::from(&error), format!("chown {}", path.display())))
}
