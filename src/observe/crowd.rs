//! What was read a moment ago of processes that have nothing to do with the program.
//! For those who look several times a second at a machine with thousands: which
//! processes there are is read each time, and all that descends from the program;
//! the others are read again within [`AGE`], a part of them each time. Used by
//! `view` alone.

use std::collections::{HashMap, HashSet};

use super::model::{Process, Users};

/// How old what is known of a process may be, in microseconds; up to half of it
/// longer, so that not all are read at once.
const AGE: u64 = 4_000_000;

/// What a list of processes depends on beside the processes: another /proc, other
/// maps of ids, and nothing that was known holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standpoint {
    /// The device of the /proc.
    pub(super) device: u64,
    /// The viewer's user namespace.
    pub(super) user_ns: Option<u64>,
    /// Its maps.
    pub(super) users: Option<Users>,
}

/// The processes known.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    standpoint: Option<Standpoint>,
    known: HashMap<u32, Known>,
    kin: HashSet<u32>,
    round: u32,
}

#[derive(Debug)]
struct Known {
    /// Of the directory in /proc: another process has another, also with this PID.
    inode: u64,
    /// When it was read: microseconds of CLOCK_MONOTONIC.
    read: u64,
    /// The last round in which it was there.
    round: u32,
    process: Process,
}

impl Crowd {
    /// A new look, from here.
    pub(super) fn look(&mut self, from: Standpoint) {
        if self.standpoint.as_ref() != Some(&from) {
            *self = Self { standpoint: Some(from), ..Self::default() };
        }
        self.round = self.round.wrapping_add(1);
    }

    /// What is known of a process, where that is enough.
    pub(super) fn recall(&mut self, pid: u32, inode: u64, now: u64) -> Option<Process> {
        let round = self.round;
        let known = self.known.get_mut(&pid).filter(|known| known.inode == inode)?;
        let spread = u64::from(pid % 16) * AGE / 32;
        if self.kin.contains(&pid) || now.saturating_sub(known.read) > AGE + spread {
            return None;
        }
        known.round = round;
        Some(known.process.clone())
    }

    /// Keeps what was read of a process now.
    pub(super) fn keep(&mut self, inode: u64, now: u64, process: &Process) {
        let known = Known { inode, read: now, round: self.round, process: process.clone() };
        self.known.insert(process.pid, known);
    }

    /// Forgets who is gone, and finds among those found the kin: `top` and what
    /// descends from it.
    pub(super) fn settle(&mut self, found: &[Process], top: u32) {
        let round = self.round;
        self.known.retain(|_, known| known.round == round);
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for one in found {
            children.entry(one.ppid).or_default().push(one.pid);
        }
        self.kin.clear();
        let mut next = vec![top];
        while let Some(pid) = next.pop() {
            if self.kin.insert(pid) {
                next.extend(children.get(&pid).into_iter().flatten());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, ppid: u32) -> Process {
        Process {
            pid,
            ppid,
            nspid: vec![pid],
            pid_ns: None,
            uid: 0,
            gid: 0,
            user: None,
            state: 'S',
            name: "p".to_owned(),
            command: String::new(),
        }
    }

    fn here(device: u64) -> Standpoint {
        Standpoint { device, user_ns: Some(1), users: None }
    }

    /// A crowd that has read these, 40 the program.
    fn crowd(found: &[Process]) -> Crowd {
        let mut crowd = Crowd::default();
        crowd.look(here(1));
        for one in found {
            crowd.keep(u64::from(one.pid) + 1_000, 0, one);
        }
        crowd.settle(found, 40);
        crowd.look(here(1));
        crowd
    }

    #[test]
    fn strangers_are_recalled_and_kin_are_not() {
        let mut crowd = crowd(&[process(1, 0), process(30, 1), process(40, 30), process(39, 41), process(41, 40)]);
        assert_eq!(crowd.recall(30, 1_030, 1), Some(process(30, 1)));
        for kin in [39, 40, 41] {
            assert_eq!(crowd.recall(kin, u64::from(kin) + 1_000, 1), None, "{kin}");
        }
    }

    #[test]
    fn another_process_another_standpoint_and_time_are_noticed() {
        let mut crowd = crowd(&[process(40, 1), process(50, 1)]);
        assert_eq!(crowd.recall(50, 77, 1), None, "another process has its PID");
        assert_eq!(crowd.recall(51, 1_050, 1), None);
        assert_eq!(crowd.recall(50, 1_050, 2 * AGE), None, "too old");
        assert!(crowd.recall(50, 1_050, AGE).is_some());
        crowd.look(here(2));
        assert_eq!(crowd.recall(50, 1_050, 1), None, "another /proc");
    }

    #[test]
    fn who_is_gone_is_forgotten() {
        let mut crowd = crowd(&[process(40, 1), process(50, 1)]);
        crowd.settle(&[process(40, 1)], 40);
        crowd.look(here(1));
        assert_eq!(crowd.recall(50, 1_050, 1), None);
    }
}
