//! The processes of a /proc from one look to the next. For those who look several
//! times a second at a machine with thousands: what descends from the program is read
//! each time; another process is read again the later, the longer it has been as it is;
//! and the directory is listed again where the kernel's own counts say that a process
//! was made or has ended, and once a second in any case. Used by `view` alone.

use std::sync::Arc;

use super::model::{Process, Users};

/// How long what is known of a process holds at most, in microseconds; up to half of it
/// longer, so that not all are read at once.
const AGE: u64 = 6_000_000;
/// How long a list of the directory holds at most.
const LISTED: u64 = 1_000_000;

/// What a list of processes depends on beside the processes: another /proc, other
/// maps of ids or names, and nothing that was known holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standpoint {
    /// The device of the /proc.
    pub(super) device: u64,
    /// The viewer's user namespace.
    pub(super) user_ns: Option<u64>,
    /// Its maps.
    pub(super) users: Option<Users>,
}

/// How many processes and threads there are on the machine, and the last PID given in the reader's PID
/// namespace: the end of a line of /proc/loadavg, proc_loadavg(5).
pub(super) type Counts = (u32, u32);

/// The processes known, by PID.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    standpoint: Option<Standpoint>,
    members: Vec<Member>,
    /// When the directory was listed, and the counts before.
    listed: Option<(u64, Counts)>,
    /// Whether the kin must be found again.
    moved: bool,
}

#[derive(Debug)]
struct Member {
    pid: u32,
    /// Of the directory in /proc: another process has another, also with this PID.
    inode: u64,
    /// When it was read: microseconds of CLOCK_MONOTONIC.
    read: u64,
    /// Since when it is as it is, as far as is known.
    since: u64,
    /// Whether it is the program or descends from it.
    kin: bool,
    process: Arc<Process>,
}

impl Member {
    fn is_due(&self, now: u64) -> bool {
        let spread = u64::from(self.pid % 16) * AGE / 32;
        let age = self.read.saturating_sub(self.since).min(AGE + spread);
        self.kin || now.saturating_sub(self.read) > age
    }

    /// Takes in what was read now; whether it has another parent.
    fn renew(&mut self, process: Process, now: u64) -> bool {
        self.read = now;
        if *self.process == process {
            return false;
        }
        let moved = self.process.ppid != process.ppid;
        (self.since, self.process) = (now, Arc::new(process));
        moved
    }
}

impl Crowd {
    /// A new look, from here.
    pub(super) fn look(&mut self, from: Standpoint) {
        if self.standpoint.as_ref() != Some(&from) {
            *self = Self { standpoint: Some(from), ..Self::default() };
        }
    }

    /// Forgets all: the names of users may be others.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The processes, where none was made and none has ended since they were listed;
    /// those that are due are read again by `read`, which has nothing to say of one
    /// that is gone.
    pub(super) fn stand(
        &mut self,
        counts: Option<Counts>,
        now: u64,
        mut read: impl FnMut(u32) -> Option<Process>,
    ) -> bool {
        let (Some(counts), Some((listed, before))) = (counts, self.listed) else { return false };
        if counts != before || now.saturating_sub(listed) > LISTED {
            return false;
        }
        let mut moved = false;
        self.members.retain_mut(|member| {
            if !member.is_due(now) {
                return true;
            }
            match read(member.pid) {
                Some(process) => {
                    moved |= member.renew(process, now);
                    true
                }
                None => {
                    moved = true;
                    false
                }
            }
        });
        self.moved |= moved;
        true
    }

    /// Begins a list of the directory, made after the counts were read: whom [`Listing::found`] does not
    /// name is gone.
    pub(super) fn list(&mut self, counts: Option<Counts>, now: u64) -> Listing<'_> {
        self.listed = counts.map(|counts| (now, counts));
        let before = std::mem::take(&mut self.members);
        // Who is there when the first list is made has mostly been for long.
        let since = if before.is_empty() { now.saturating_sub(2 * AGE) } else { now };
        Listing { crowd: self, before: before.into_iter().peekable(), now, since }
    }

    /// The list: kept in mind for the next look, the kin of `top` told from the others.
    pub(super) fn settle(&mut self, top: u32) -> Vec<Arc<Process>> {
        if std::mem::take(&mut self.moved) {
            self.find_kin(top);
        }
        self.members.iter().map(|member| Arc::clone(&member.process)).collect()
    }

    fn find_kin(&mut self, top: u32) {
        for member in &mut self.members {
            member.kin = member.pid == top;
        }
        // A parent mostly has the lower number, and one turn finds them all; more are for
        // where PIDs have started anew.
        loop {
            let mut more = false;
            for at in 0..self.members.len() {
                let (kin, parent) = self.members.get(at).map_or((true, 0), |one| (one.kin, one.process.ppid));
                if !kin && self.at(parent).is_some_and(|parent| self.members[parent].kin) {
                    self.members[at].kin = true;
                    more = true;
                }
            }
            if !more {
                break;
            }
        }
    }

    fn at(&self, pid: u32) -> Option<usize> {
        self.members.binary_search_by_key(&pid, |member| member.pid).ok()
    }
}

/// A list of the directory, under way.
pub(super) struct Listing<'a> {
    crowd: &'a mut Crowd,
    before: std::iter::Peekable<std::vec::IntoIter<Member>>,
    now: u64,
    /// Since when a newcomer is as it is.
    since: u64,
}

impl Listing<'_> {
    /// A directory of a process, in the order of PIDs; `read` as in [`Crowd::stand`].
    pub(super) fn found(&mut self, pid: u32, inode: u64, read: impl FnOnce() -> Option<Process>) {
        while self.before.next_if(|member| member.pid < pid).is_some() {
            self.crowd.moved = true;
        }
        let known = self.before.next_if(|member| member.pid == pid).filter(|member| member.inode == inode);
        let (now, since) = (self.now, self.since);
        let member = match known {
            Some(member) if !member.is_due(now) => Some(member),
            Some(mut member) => read().map(|process| {
                self.crowd.moved |= member.renew(process, now);
                member
            }),
            None => {
                self.crowd.moved = true;
                let made = |process| Member { pid, inode, read: now, since, kin: false, process: Arc::new(process) };
                read().map(made)
            }
        };
        self.crowd.members.extend(member);
    }
}

impl Drop for Listing<'_> {
    fn drop(&mut self) {
        self.crowd.moved |= self.before.peek().is_some();
        // The order of the directory is that of the PIDs, but no page of the manual says so.
        self.crowd.members.sort_unstable_by_key(|member| member.pid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::sample as process;

    fn here(device: u64) -> Standpoint {
        Standpoint { device, user_ns: Some(1), users: None }
    }

    /// When the tests begin: the machine has run for a while.
    const START: u64 = 100 * AGE;

    /// Lists these, 40 the program; the PIDs that were read.
    fn listed(crowd: &mut Crowd, all: &[Process], counts: Counts, now: u64) -> Vec<u32> {
        let mut read = Vec::new();
        let mut listing = crowd.list(Some(counts), START + now);
        for one in all {
            listing.found(one.pid, u64::from(one.pid) + 1_000, || {
                read.push(one.pid);
                Some(one.clone())
            });
        }
        drop(listing);
        let pids: Vec<u32> = crowd.settle(40).iter().map(|one| one.pid).collect();
        assert_eq!(pids, all.iter().map(|one| one.pid).collect::<Vec<_>>());
        read
    }

    fn crowd(all: &[Process]) -> Crowd {
        let mut crowd = Crowd::default();
        crowd.look(here(1));
        listed(&mut crowd, all, (9, 90), 0);
        crowd
    }

    /// Who is read again though no process was made or ended.
    fn again(crowd: &mut Crowd, all: &[Process], now: u64) -> Vec<u32> {
        let mut read = Vec::new();
        assert!(crowd.stand(Some((9, 90)), START + now, |pid| {
            read.push(pid);
            all.iter().find(|one| one.pid == pid).cloned()
        }));
        read
    }

    #[test]
    fn kin_are_read_at_each_look_though_a_parent_has_the_higher_number() {
        let all = [process(1, 0), process(30, 1), process(39, 41), process(40, 30), process(41, 40)];
        let mut crowd = crowd(&all);
        assert_eq!(again(&mut crowd, &all, 2), [39, 40, 41]);
        assert_eq!(listed(&mut crowd, &all, (9, 90), 3), [39, 40, 41]);
    }

    #[test]
    fn a_newcomer_is_read_the_later_the_longer_it_has_been_as_it_is() {
        let mut all = vec![process(40, 30), process(48, 1), process(64, 1)];
        let mut crowd = crowd(&all[..2]);
        assert_eq!(listed(&mut crowd, &all, (9, 90), 0), [40, 64]);
        let mut reads = Vec::new();
        let mut look = |all: &[Process], turns: std::ops::Range<u64>| {
            for turn in turns {
                let read = again(&mut crowd, all, turn * 10_000);
                assert!(!read.contains(&48), "who was there before is known for {AGE}");
                if read.contains(&64) {
                    reads.push(turn);
                }
            }
            reads.clone()
        };
        assert_eq!(look(&all, 0..10), [1, 3, 7], "twice as late each time");
        all[2].name = "another".to_owned();
        assert_eq!(look(&all, 10..30), [1, 3, 7, 15, 16, 18, 22], "and soon again after a change");
    }

    #[test]
    fn who_was_there_before_is_read_again_in_the_end() {
        let all = [process(40, 30), process(48, 1)];
        let mut crowd = crowd(&all);
        assert_eq!(listed(&mut crowd, &all, (9, 90), AGE), [40]);
        assert_eq!(listed(&mut crowd, &all, (9, 90), AGE + 1), [40, 48]);
    }

    #[test]
    fn a_process_made_or_ended_time_and_counts_that_cannot_be_read_make_a_new_list() {
        let all = [process(40, 1), process(50, 1)];
        let gone = |_: u32| -> Option<Process> { panic!("it is not read one by one") };
        let mut crowd = crowd(&all);
        for counts in [Some((8, 90)), Some((9, 91)), None] {
            assert!(!crowd.stand(counts, START + 1, gone), "{counts:?}");
        }
        assert!(!crowd.stand(Some((9, 90)), START + LISTED + 1, gone));
    }

    #[test]
    fn another_process_with_a_known_pid_and_another_standpoint_are_noticed() {
        let all = [process(40, 1), process(50, 1)];
        let mut crowd = crowd(&all);
        again(&mut crowd, &all, 100);
        let mut listing = crowd.list(None, START + 101);
        listing.found(50, 77, || Some(process(50, 40)));
        drop(listing);
        assert_eq!(crowd.settle(40)[0].ppid, 40);
        crowd.look(here(2));
        assert_eq!(listed(&mut crowd, &all, (9, 90), 102), [40, 50], "another /proc");
    }

    #[test]
    fn who_is_gone_is_forgotten_in_a_list_and_between_two() {
        let all = [process(40, 1), process(50, 40), process(60, 1)];
        let mut crowd = crowd(&all);
        assert!(
            crowd.stand(Some((9, 90)), START + 1, |pid| all.iter().find(|one| one.pid == pid && pid != 50).cloned())
        );
        assert_eq!(crowd.settle(40).iter().map(|one| one.pid).collect::<Vec<_>>(), [40, 60]);
        listed(&mut crowd, &all[..1], (8, 90), 2);
    }
}
