//! What counts as one container, by processes made up here.

use std::collections::BTreeMap;

use super::group::{Member, groups};
use crate::lesson::op::NsKind::{self, Mnt, Net, Pid, User, Uts};
use crate::observe::model::{Process, sample};

/// A process with its namespaces that are not the host's, and its PIDs inwards.
fn member(pid: u32, ppid: u32, inner: &[u32], apart: Option<&[(NsKind, u64)]>) -> Member {
    let process = Process { nspid: std::iter::once(pid).chain(inner.iter().copied()).collect(), ..sample(pid, ppid) };
    Member { process, apart: apart.map(|apart| apart.iter().copied().collect::<BTreeMap<_, _>>()), id: None }
}

fn engines(id: &str, member: Member) -> Member {
    Member { id: Some(id.to_owned()), ..member }
}

/// The groups by PID, the first process of each in front.
fn pids(members: &[Member]) -> Vec<Vec<u32>> {
    let all = groups(members);
    all.into_iter().map(|group| group.into_iter().map(|n| members[n].process.pid).collect()).collect()
}

#[test]
fn the_processes_of_a_pid_namespace_are_one_container_and_its_init_is_the_first() {
    let members = [
        member(40, 50, &[2], Some(&[(Pid, 1), (Mnt, 2)])),
        member(50, 7, &[1], Some(&[(Pid, 1), (Mnt, 2)])),
        // Its own mounts make it no other container (a service of an init).
        member(60, 50, &[3], Some(&[(Pid, 1), (Mnt, 9), (Net, 9)])),
        member(70, 7, &[1], Some(&[(Pid, 3), (Mnt, 2)])),
    ];
    assert_eq!(pids(&members), [vec![50, 40, 60], vec![70]]);
}

#[test]
fn containers_that_share_a_pid_namespace_are_told_apart_by_the_engine() {
    let members = [
        engines("aa", member(10, 7, &[1], Some(&[(Pid, 1), (Mnt, 2)]))),
        engines("bb", member(20, 7, &[2], Some(&[(Pid, 1), (Mnt, 3)]))),
        engines("aa", member(30, 10, &[3], Some(&[(Pid, 1), (Mnt, 2)]))),
    ];
    assert_eq!(pids(&members), [vec![10, 30], vec![20]]);
}

#[test]
fn in_the_hosts_pid_namespace_the_engines_id_holds_together_or_all_walls() {
    let members = [
        engines("aa", member(10, 7, &[], Some(&[(Mnt, 2)]))),
        engines("aa", member(11, 10, &[], Some(&[(Mnt, 3)]))),
        member(20, 7, &[], Some(&[(Net, 5)])),
        member(21, 7, &[], Some(&[(Net, 5)])),
        member(22, 7, &[], Some(&[(Net, 5), (Uts, 6)])),
    ];
    assert_eq!(pids(&members), [vec![10, 11], vec![20, 21], vec![22]]);
}

#[test]
fn who_started_a_container_and_who_came_in_later_are_its_own() {
    let members = [
        // unshare --fork waits outside of the PID namespace that it made.
        member(10, 7, &[], Some(&[(User, 1), (Mnt, 2)])),
        member(11, 10, &[1], Some(&[(User, 1), (Mnt, 2), (Pid, 3), (Net, 4)])),
        // nsenter --net
        member(12, 7, &[], Some(&[(Net, 4)])),
        // Something else with a network of its own.
        member(13, 7, &[], Some(&[(Net, 5)])),
    ];
    assert_eq!(pids(&members), [vec![11, 10, 12], vec![13]]);
}

#[test]
fn who_started_a_container_is_not_of_one_that_was_started_in_it() {
    let members = [
        member(10, 7, &[], Some(&[(User, 1)])),
        member(11, 10, &[1], Some(&[(User, 1), (Pid, 3)])),
        member(12, 11, &[2, 1], Some(&[(User, 1), (Pid, 4)])),
    ];
    assert_eq!(pids(&members), [vec![11, 10], vec![12]]);
}

#[test]
fn what_could_be_of_several_containers_is_of_none() {
    let members = [
        member(10, 7, &[], Some(&[(User, 1)])),
        member(11, 10, &[1], Some(&[(User, 1), (Pid, 3)])),
        member(12, 10, &[1], Some(&[(User, 1), (Pid, 4)])),
    ];
    assert_eq!(pids(&members), [vec![10], vec![11], vec![12]]);
}

#[test]
fn processes_that_may_not_be_read_are_grouped_by_id_or_by_descent() {
    let members = [
        engines("aa", member(10, 7, &[1], None)),
        engines("aa", member(11, 10, &[2], None)),
        member(20, 7, &[1], None),
        member(21, 20, &[2], None),
        member(22, 21, &[3], None),
        member(30, 7, &[1], None),
    ];
    assert_eq!(pids(&members), [vec![10, 11], vec![20, 21, 22], vec![30]]);
}

#[test]
fn a_closed_process_of_a_container_that_can_be_read_is_its_own() {
    let members = [engines("aa", member(10, 7, &[1], Some(&[(Pid, 1)]))), engines("aa", member(11, 10, &[2], None))];
    assert_eq!(pids(&members), [vec![10, 11]]);
}

#[test]
fn parents_that_were_read_at_different_moments_end_nowhere_else_than_here() {
    let members = [member(10, 11, &[1], None), member(11, 10, &[1], None), member(12, 12, &[1], None)];
    let all: Vec<u32> = pids(&members).concat();
    assert_eq!(all.len(), 3, "each in one group, and no loop without end");
}
