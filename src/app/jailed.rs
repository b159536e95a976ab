//! One lesson graded in a jail of its own: what `check` and the workers of `grade` share.

use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::grade;
use crate::check::LessonReport;
use crate::i18n::{Explain, Lang};
use crate::lab::cgroups::jail::Groups;
use crate::lab::jail::{self, Jail, JailError, MOST_MEMORY, MOST_PROCESSES};
use crate::lesson::answers::Answers;
use crate::lesson::diagnostic::Both;
use crate::lesson::model::Need;
use crate::lesson::op::Controller;
use crate::lesson::{Lesson, Values};

/// The most gradings that have users of their own at a time.
pub const MOST_JOBS: usize = 256;
/// The first of the users, whom nobody else is, that the machine's root has answers
/// graded as: systemd's list of ranges has them unused (systemd.io/UIDS-GIDS), and so
/// has login.defs(5).
const FIRST_USER: u32 = 2_000_000_000;

/// What the jail keeps from the student's commands beyond the machine itself.
#[derive(Debug, Default, Clone, Copy)]
pub struct Enclosure<'a> {
    /// Directories and files that are empty in there.
    pub hidden: &'a [PathBuf],
    /// Who the machine's root becomes, where the lesson does not need its privileges.
    pub user: Option<u32>,
    /// Groups that limit a jail whose lesson has none of its own.
    pub fence: Option<&'a Groups>,
    /// Who it is for: the grading ends when this is closed on its other side.
    pub master: Option<BorrowedFd<'a>>,
}

/// Who the machine's root becomes for this one of up to [`MOST_JOBS`] gradings at a time;
/// nothing where it is not root who grades.
pub fn nobody(slot: usize) -> Option<u32> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    // In a container there may be fewer: the last that there are, but for the very last,
    // who is somebody (nobody, that is).
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let ranges = map.lines().filter_map(|line| {
        let mut numbers = line.split_ascii_whitespace().map(str::parse::<u64>);
        let (first, _, count) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
        Some(first + count)
    });
    let end = ranges.max().unwrap_or(u64::from(u32::MAX));
    let last = u64::from(FIRST_USER) + MOST_JOBS as u64;
    let first = if end > last { u64::from(FIRST_USER) } else { end.saturating_sub(MOST_JOBS as u64 + 16) };
    u32::try_from(first + slot as u64).ok()
}

/// Groups that limit the jails of lessons without groups of their own. Not everybody may
/// have them; the limits of each process hold in any case.
pub fn fence() -> Option<Groups> {
    let fence = Groups::new(&[Controller::Memory, Controller::Pids]).ok()?;
    fence.limit(MOST_MEMORY, MOST_PROCESSES);
    Some(fence)
}

/// Why there is no report.
#[derive(Debug)]
pub enum Refused {
    /// This machine can't run the lesson.
    Cannot(Both),
    /// The jail gave none: it took too long, died, or was abandoned.
    Lost(JailError),
}

/// What comes back from the jail.
#[derive(Serialize, Deserialize)]
enum FromJail {
    Graded(Box<grade::Graded>),
    Failed(Both),
}

/// Grades one lesson in a jail. The calling process must have one thread.
pub fn grade_in_jail(
    lesson: &Arc<Lesson>,
    answers: &Answers,
    values: &Values,
    lang: Lang,
    enclosure: &Enclosure,
) -> Result<LessonReport, Refused> {
    let graded = once(lesson, answers, values, lang, enclosure)?;
    if graded.stopped.is_none() {
        return Ok(graded.report);
    }
    // An operation of the lesson's did not do what it means. A jail in which nothing was
    // typed tells whether that is the machine's doing or the student's.
    let untouched = Answers { lesson: answers.lesson.clone(), ..Answers::default() };
    match once(lesson, &untouched, values, lang, enclosure)?.stopped {
        Some(why) => Err(Refused::Cannot(why)),
        None => Ok(graded.report),
    }
}

fn once(
    lesson: &Arc<Lesson>,
    answers: &Answers,
    values: &Values,
    lang: Lang,
    enclosure: &Enclosure,
) -> Result<grade::Graded, Refused> {
    let cannot = |(errno, doing)| Refused::Cannot(both(&JailError::Build(errno, doing)));
    let groups = lesson.controllers().map(|controllers| Groups::new(&controllers)).transpose().map_err(cannot)?;
    let user = enclosure.user.filter(|_| !lesson.needs.contains(&Need::RealRoot));
    if let (Some(groups), Some(user)) = (&groups, user) {
        groups.give_to(user).map_err(cannot)?;
    }
    let jail = Jail {
        limit: grade::limit(lesson),
        groups: groups.as_ref(),
        fence: enclosure.fence,
        hidden: enclosure.hidden,
        user,
        master: enclosure.master,
    };
    let graded = jail::run(&jail, || {
        let answer = match grade::grade(lesson, answers, values, lang) {
            Ok(graded) => FromJail::Graded(Box::new(graded)),
            Err(error) => FromJail::Failed(both(&error)),
        };
        postcard::to_stdvec(&answer).unwrap_or_default()
    });
    match graded.map(|bytes| postcard::from_bytes(&bytes)) {
        Ok(Ok(FromJail::Graded(graded))) => Ok(*graded),
        Ok(Ok(FromJail::Failed(why))) => Err(Refused::Cannot(why)),
        // Not what the grader writes: it came to grief on its way.
        Ok(Err(_)) => Err(Refused::Lost(JailError::Died(None))),
        Err(error @ JailError::Build(..)) => Err(Refused::Cannot(both(&error))),
        Err(error) => Err(Refused::Lost(error)),
    }
}

/// An account in both languages.
pub fn both(error: &impl Explain) -> Both {
    Lang::ALL.map(|lang| error.explain(lang))
}
