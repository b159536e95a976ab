//! Writing files and making directories, in the actor's own view of the machine.

use std::path::Path;

use super::{Outcome, doing};
use crate::kernel::{Errno, Trace, mount as kernel};

/// mkdir(2), and before it those above that are missing; all of them 0755, less
/// the umask. A directory that is there already is none of our making.
pub fn mkdir(trace: &mut Trace, path: &str) -> Outcome {
    let path = Path::new(path);
    let missing: Vec<&Path> = path.ancestors().take_while(|path| std::fs::metadata(path).is_err()).collect();
    for path in missing.into_iter().rev() {
        doing(kernel::mkdir(trace, path, 0o755), || format!("mkdir {}", path.display()))?;
    }
    if path.is_dir() { Ok(()) } else { Err((Errno(libc::ENOTDIR), format!("mkdir {}", path.display()))) }
}

/// A file with this text, and the directories above it.
pub fn write(trace: &mut Trace, path: &str, text: &str) -> Outcome {
    if let Some(above) = Path::new(path).parent() {
        mkdir(trace, &above.to_string_lossy())?;
    }
    doing(kernel::write(trace, Path::new(path), text), || format!("write {path}"))
}
