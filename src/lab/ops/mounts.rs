//! Mounting, unmounting, and changing the root directory.

use nix::mount::MsFlags;

use super::{Outcome, doing};
use crate::kernel::{Errno, Trace, mount as kernel};
use crate::lesson::op::MountFlag;

/// mount(2). A bind asked for read-only is made so by a second call, as the kernel
/// demands (mount(2), MS_BIND ignores the other flags).
pub fn mount(trace: &mut Trace, source: &str, target: &str, fstype: &str, flags: &[MountFlag], data: &str) -> Outcome {
    let bits = flags.iter().fold(MsFlags::empty(), |all, flag| all | bit(*flag));
    doing(kernel::mount(trace, source, target, fstype, bits, data), || format!("mount {target}"))?;
    if bits.contains(MsFlags::MS_BIND | MsFlags::MS_RDONLY) && !bits.contains(MsFlags::MS_REMOUNT) {
        make_read_only(trace, target)?;
    }
    Ok(())
}

/// Makes a mount and all below it read-only. Before Linux 5.12: that mount alone,
/// the flags that are locked kept.
pub fn make_read_only(trace: &mut Trace, target: &str) -> Outcome {
    match kernel::make_read_only(trace, target) {
        Err(Errno(libc::ENOSYS)) => {
            let flags = nix::sys::statvfs::statvfs(target).map_or(0, |fs| fs.flags().bits());
            let kept =
                MsFlags::from_bits_truncate(flags) & (MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC);
            let flags = kept | MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
            doing(kernel::mount(trace, "", target, "", flags, ""), || format!("remount {target}"))
        }
        other => doing(other, || format!("mount_setattr {target}")),
    }
}

/// umount2(2).
pub fn umount(trace: &mut Trace, target: &str, detach: bool) -> Outcome {
    doing(kernel::umount(trace, target, detach), || format!("umount {target}"))
}

/// chroot(2), and into it.
pub fn chroot(trace: &mut Trace, path: &str) -> Outcome {
    doing(kernel::chroot(trace, path), || format!("chroot {path}"))?;
    doing(kernel::chdir(trace, "/"), || "chdir /".to_owned())
}

/// pivot_root(2) onto `path` with the old root stacked below and detached, the way
/// of pivot_root(2)'s NOTES (`pivot_root(".", ".")`).
pub fn pivot_root(trace: &mut Trace, path: &str) -> Outcome {
    let slave = MsFlags::MS_SLAVE | MsFlags::MS_REC;
    doing(kernel::mount(trace, "", "/", "", slave, ""), || "mount / slave".to_owned())?;
    doing(kernel::chdir(trace, path), || format!("chdir {path}"))?;
    if doing(kernel::pivot_root(trace, ".", "."), String::new).is_err() {
        // Not a mount point yet: bind it on itself and enter that mount.
        let bind = MsFlags::MS_BIND | MsFlags::MS_REC;
        doing(kernel::mount(trace, path, path, "", bind, ""), || format!("mount {path}"))?;
        doing(kernel::chdir(trace, path), || format!("chdir {path}"))?;
        doing(kernel::pivot_root(trace, ".", "."), || format!("pivot_root {path}"))?;
    }
    // The old root is now on top of the new one at ".": it must not take mounts along.
    doing(kernel::mount(trace, "", ".", "", slave, ""), || "mount . slave".to_owned())?;
    doing(kernel::umount(trace, ".", true), || "umount of the old root".to_owned())?;
    doing(kernel::chdir(trace, "/"), || "chdir /".to_owned())
}

fn bit(flag: MountFlag) -> MsFlags {
    match flag {
        MountFlag::Ro => MsFlags::MS_RDONLY,
        MountFlag::Nosuid => MsFlags::MS_NOSUID,
        MountFlag::Nodev => MsFlags::MS_NODEV,
        MountFlag::Noexec => MsFlags::MS_NOEXEC,
        MountFlag::Bind => MsFlags::MS_BIND,
        MountFlag::Rec => MsFlags::MS_REC,
        MountFlag::Remount => MsFlags::MS_REMOUNT,
        MountFlag::Private => MsFlags::MS_PRIVATE,
        MountFlag::Slave => MsFlags::MS_SLAVE,
        MountFlag::Shared => MsFlags::MS_SHARED,
        MountFlag::Unbindable => MsFlags::MS_UNBINDABLE,
        MountFlag::Move => MsFlags::MS_MOVE,
    }
}
