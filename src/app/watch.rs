//! Whether the files of the open lesson have changed (`learn --watch`): inotify(7) on
//! its folder, since editors rename a new file over the old one. Asked by the lab's
//! thread, again and again; never waits.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

/// An editor that saves does several things in a row: so long there must be quiet.
const QUIET: Duration = Duration::from_millis(60);

/// A folder that is watched.
pub(super) struct Watch {
    inotify: Inotify,
    folder: PathBuf,
    /// Nothing while the folder is not there.
    on: Option<WatchDescriptor>,
    /// When what has changed is to be told.
    due: Option<Instant>,
}

impl Watch {
    /// Watches a folder. EMFILE where the user has as many instances as there may be
    /// (/proc/sys/fs/inotify/max_user_instances).
    pub(super) fn new(folder: PathBuf) -> Result<Self, Errno> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        let mut watch = Self { inotify, folder, on: None, due: None };
        watch.on = watch.add().ok();
        Ok(watch)
    }

    /// Whether something was saved, created, renamed or removed in the folder, or the
    /// folder itself replaced, and there has been quiet since; each time is told once.
    pub(super) fn changed(&mut self, now: Instant) -> bool {
        while let Ok(events) = self.inotify.read_events() {
            for event in events {
                let ours = self.on == Some(event.wd);
                if ours && event.mask.intersects(AddWatchFlags::IN_IGNORED | AddWatchFlags::IN_MOVE_SELF) {
                    self.leave();
                }
                self.due = Some(now + QUIET);
            }
        }
        if self.on.is_none()
            && let Ok(on) = self.add()
        {
            // There again, with other files in it.
            (self.on, self.due) = (Some(on), Some(now + QUIET));
        }
        let is_due = self.due.is_some_and(|due| due <= now);
        if is_due {
            self.due = None;
        }
        is_due
    }

    fn add(&self) -> Result<WatchDescriptor, Errno> {
        let changes = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVE
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        self.inotify.add_watch(&self.folder, changes)
    }

    /// What was watched is no longer at the path.
    fn leave(&mut self) {
        if let Some(on) = self.on.take() {
            // EINVAL: it was removed, and the watch with it.
            let _ = self.inotify.rm_watch(on);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a change is told within a second, and only once.
    fn told(watch: &mut Watch) -> bool {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(1) {
            if watch.changed(Instant::now()) {
                std::thread::sleep(2 * QUIET);
                assert!(!watch.changed(Instant::now()), "told twice");
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    #[test]
    fn every_way_to_save_is_told_once_and_reading_is_not() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("01-x");
        let file = folder.join("en.md");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(&file, "a").unwrap();
        let mut watch = Watch::new(folder.clone()).unwrap();
        assert!(!watch.changed(Instant::now()), "nothing has changed");
        std::fs::write(&file, "b").unwrap();
        assert!(told(&mut watch), "written in place");
        std::fs::write(folder.join("new"), "c").unwrap();
        std::fs::rename(folder.join("new"), &file).unwrap();
        assert!(told(&mut watch), "renamed over");
        std::fs::remove_file(&file).unwrap();
        assert!(told(&mut watch), "removed");
        std::fs::write(&file, "d").unwrap();
        assert!(told(&mut watch), "there again");
        std::fs::read(&file).unwrap();
        std::thread::sleep(2 * QUIET);
        assert!(!watch.changed(Instant::now()), "only read");
        // As a version control system does it.
        std::fs::rename(&folder, place.path().join("old")).unwrap();
        assert!(told(&mut watch), "the folder is gone");
        std::fs::create_dir(&folder).unwrap();
        assert!(told(&mut watch), "another folder is there");
        std::fs::write(place.path().join("old/en.md"), "e").unwrap();
        std::thread::sleep(2 * QUIET);
        assert!(!watch.changed(Instant::now()), "the old one is no matter");
        std::fs::write(&file, "f").unwrap();
        assert!(told(&mut watch), "in the new one");
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(told(&mut watch), "removed with all that is in it");
        std::fs::create_dir(&folder).unwrap();
        assert!(told(&mut watch));
    }
}
