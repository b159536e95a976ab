use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::kernel::Errno;
use crate::lesson::op::NsKind;
use crate::observe::model::sample;
use crate::observe::model::{
    ActorView, Built, Clocks, IdRange, Ids, Ipc, IpcKind, Mqueue, Namespaces, Net, Process, Queue, Reading, Shm,
    Snapshot, TimeOffsets, Unread, Users, Uts, View, WallState,
};
use crate::observe::{Change, OVERFLOW, diff};

fn why() -> Unread {
    Unread { path: "x".to_owned(), errno: Errno(libc::EACCES) }
}

fn unread<T>() -> Reading<T> {
    Reading::Unread(why())
}

pub(super) fn view() -> View {
    View {
        ids: unread(),
        uts: unread(),
        ns: BTreeMap::new(),
        owners: BTreeMap::new(),
        processes: Reading::Read(Vec::new()),
        mounts: Reading::Read(Arc::default()),
        overlays: Vec::new(),
        volumes: Vec::new(),
        users: unread(),
        root: unread(),
        caps: unread(),
        securebits: unread(),
        seccomp: unread(),
        filters: unread(),
        no_new_privs: unread(),
        cgroup: unread(),
        init_cgroup: unread(),
        ipc: Ipc::unread(&why()),
        clocks: Clocks::unread(&why()),
        time: unread(),
        lsm: unread(),
        files: BTreeMap::new(),
        net: Net::default(),
        group: None,
    }
}

pub(super) fn actor(pid: u32, seen: View) -> ActorView {
    ActorView {
        pid,
        alive: true,
        exit: None,
        ns: BTreeMap::new(),
        walls: BTreeMap::new(),
        users: unread(),
        cgroup: unread(),
        files: BTreeMap::new(),
        seen: Reading::Read(seen),
        stale: None,
    }
}

fn process(ppid: u32, nspid: &[u32], pid_ns: Option<u64>) -> Process {
    Process { nspid: nspid.to_vec(), pid_ns, ..sample(nspid[0], ppid) }
}

fn with_processes(processes: Vec<Process>) -> View {
    View { processes: Reading::Read(processes.into_iter().map(Arc::new).collect()), ..view() }
}

fn pids(twin: &Twin<&Process>) -> Vec<(Option<u32>, Option<u32>)> {
    twin.rows.iter().map(|row| (row.host.map(|one| one.pid), row.inside.map(|one| one.pid))).collect()
}

#[test]
fn a_process_with_two_pids_is_one_row_and_the_hosts_crowd_folds() {
    let host = with_processes(vec![
        process(0, &[1], Some(9)),
        process(1, &[40], Some(9)),
        process(40, &[41, 1], Some(5)),
        process(41, &[43, 2], Some(5)),
        process(1, &[50], Some(9)),
        process(50, &[51, 1], Some(6)),
    ]);
    let seen = with_processes(vec![process(0, &[1], Some(5)), process(1, &[2], Some(5))]);
    let actor = actor(41, seen);
    let twin = processes(&host, &actor);
    assert_eq!(
        pids(&twin),
        [
            (Some(41), Some(1)),
            (Some(43), Some(2)),
            (Some(40), None),
            (Some(1), None),
            (Some(50), None),
            (Some(51), None)
        ]
    );
    assert_eq!((twin.shown, twin.folded()), (3, 3));
    assert_eq!(twin.rows[0].key, RowKey { side: Side::Host, key: Key::Process(41) });
}

#[test]
fn boxes_of_the_same_depth_are_told_apart_by_their_namespace_alone() {
    let rows = |first, second| with_processes(vec![process(9, &[41, 1], first), process(9, &[51, 1], second)]);
    let seen = |inode| with_processes(vec![process(0, &[1], inode)]);
    let joined = |host: &View, seen| pids(&processes(host, &actor(51, seen)))[0];
    assert_eq!(joined(&rows(Some(5), Some(6)), seen(Some(6))), (Some(51), Some(1)));
    assert_eq!(joined(&rows(Some(5), None), seen(Some(6))), (Some(51), Some(1)), "the other one is of 5");
    assert_eq!(joined(&rows(None, Some(6)), seen(Some(6))), (Some(51), Some(1)), "one is certain");
    assert_eq!(joined(&rows(None, None), seen(None)), (None, Some(1)), "no telling: no guess");
}

#[test]
fn a_nested_box_joins_on_the_tail_of_the_hosts_pids() {
    let host = with_processes(vec![process(1, &[60, 7, 1], Some(8)), process(1, &[61, 1], Some(5))]);
    let seen = with_processes(vec![process(0, &[1], Some(5)), process(1, &[7, 1], Some(8))]);
    let actor = actor(61, seen);
    assert_eq!(pids(&processes(&host, &actor)), [(Some(61), Some(1)), (Some(60), Some(7))]);
}

#[test]
fn a_box_that_still_has_the_hosts_proc_sees_the_same_numbers() {
    let all = vec![process(0, &[1], Some(9)), process(1, &[41, 1], Some(5)), process(1, &[51, 1], None)];
    let mut theirs = all.clone();
    for one in &mut theirs {
        one.pid_ns = None;
    }
    let (host, actor) = (with_processes(all), actor(41, with_processes(theirs)));
    let twin = processes(&host, &actor);
    assert_eq!(pids(&twin), [(Some(1), Some(1)), (Some(41), Some(41)), (Some(51), Some(51))]);
    assert_eq!(twin.rows.iter().filter(|row| row.relevant).count(), 1, "only the actor is its own");
}

#[test]
fn what_an_actor_that_has_ended_saw_last_is_not_joined_to_others_who_have_its_numbers_now() {
    let host = with_processes(vec![process(0, &[1], None), process(1, &[50, 1], Some(8))]);
    let gone = |ns: Reading<u64>| ActorView {
        alive: false,
        ns: BTreeMap::from([(NsKind::Pid, ns)]),
        ..actor(50, with_processes(vec![process(0, &[1], Some(8))]))
    };
    let (lesson, inspected) = (gone(unread()), gone(Reading::Read(8)));
    let over = processes(&host, &lesson);
    assert_eq!(pids(&over), [(Some(1), None), (Some(50), None)]);
    assert!(over.rows.iter().all(|row| !row.relevant));
    assert_eq!(pids(&processes(&host, &inspected)).len(), 2, "of a process that is inspected the last view stays");
}

#[test]
fn a_process_that_the_host_can_not_see_still_has_a_row() {
    let (host, actor) = (with_processes(Vec::new()), actor(41, with_processes(vec![process(0, &[1], Some(5))])));
    let twin = processes(&host, &actor);
    assert_eq!(pids(&twin), [(None, Some(1))]);
    assert_eq!(twin.rows[0].key, RowKey { side: Side::Inside, key: Key::Process(1) });
}

fn maps(uid_map: &[(u32, u32, u32)], names: &[(u32, &str)]) -> Users {
    Users {
        uid_map: uid_map.iter().map(|&(inside, outside, count)| IdRange { inside, outside, count }).collect(),
        gid_map: Vec::new(),
        setgroups: "deny".to_owned(),
        names: names.iter().map(|&(uid, name)| (uid, name.to_owned())).collect(),
    }
}

#[test]
fn users_join_through_the_map_and_the_others_are_the_overflow_uid() {
    let mut outer = vec![process(0, &[1], None), process(1, &[41], None)];
    outer[1].uid = 1000;
    let mut host = with_processes(outer);
    host.users = Reading::Read(maps(&[(0, 0, u32::MAX)], &[(0, "root"), (1000, "ana")]));
    let mut seen = with_processes(vec![process(0, &[1], None)]);
    seen.users = Reading::Read(maps(&[(0, 7, 1)], &[(0, "root"), (65534, "nobody")]));
    let mut actor = actor(41, seen);
    actor.users = Reading::Read(maps(&[(0, 1000, 1)], &[]));

    let twin = users(&host, &actor);
    let face = |uid, name, mapped| Some(UserFace { uid, name: Some(name), mapped });
    let rows: Vec<_> = twin.users.rows.iter().map(|row| (row.host, row.inside)).collect();
    assert_eq!(
        rows,
        [(face(1000, "ana", true), face(0, "root", true)), (face(0, "root", true), face(65534, "nobody", false)),],
        "the map read from outside counts"
    );
    assert_eq!(twin.users.shown, 1);
    assert_eq!(twin.inside.map(|users| users.setgroups.as_str()), Some("deny"));
}

#[test]
fn before_the_map_is_written_the_actor_itself_is_nobody() {
    let mut mine = process(1, &[41], None);
    mine.uid = 1000;
    let host = with_processes(vec![mine]);
    let mut actor = actor(41, view());
    actor.users = Reading::Read(maps(&[], &[]));
    let twin = users(&host, &actor);
    assert_eq!(twin.users.shown, 1, "its own user is shown, not folded");
    assert_eq!(twin.users.rows[0].inside, Some(UserFace { uid: OVERFLOW, name: None, mapped: false }));
}

#[test]
fn a_range_without_a_process_has_a_row_and_whom_no_range_reaches_has_one_alone() {
    let host = with_processes(vec![process(0, &[1], None)]);
    let with = |uid: u32| Process { uid, ..process(0, &[1], None) };
    let mut actor = actor(41, with_processes(vec![with(7), with(OVERFLOW)]));
    actor.users = Reading::Read(maps(&[(0, 1000, 1), (1, 100_000, 3)], &[]));
    let twin = users(&host, &actor);
    let uids = |face: Option<UserFace<'_>>| face.map(|face| face.uid);
    let rows: Vec<_> = twin.users.rows.iter().map(|row| (uids(row.host), uids(row.inside))).collect();
    let nobody = (Some(0), Some(OVERFLOW));
    assert_eq!(rows, [(Some(1000), Some(0)), (Some(100_000), Some(1)), (None, Some(7)), nobody]);
}

fn uts(hostname: &str) -> Reading<Uts> {
    Reading::Read(Uts { hostname: hostname.to_owned(), domainname: "(none)".to_owned(), release: "6.18".to_owned() })
}

#[test]
fn names_say_whether_they_are_the_same() {
    let host = View { uts: uts("lab"), ..view() };
    let other = actor(41, View { uts: uts("box"), ..view() });
    let same: Vec<_> = names(&host, &other).rows.iter().map(Row::same).collect();
    assert_eq!(same, [Some(false), Some(true), Some(true)]);
    let silent = actor(41, view());
    assert_eq!(names(&host, &silent).rows[0].same(), None);
}

fn snapshot(host: View, actor: ActorView) -> Snapshot {
    Snapshot {
        taken: 0,
        host,
        actors: BTreeMap::from([("box".to_owned(), actor)]),
        lab: Vec::new(),
        namespaces: Namespaces::default(),
        traced: BTreeMap::new(),
        lsm: crate::observe::lsm::modules(),
        filters: BTreeMap::new(),
        cgroups: None,
    }
}

#[test]
fn nothing_changed_between_a_snapshot_and_itself() {
    let one = snapshot(with_processes(vec![process(0, &[1], None)]), actor(41, view()));
    assert!(diff(&one, &one).is_empty());
}

#[test]
fn changes_are_told_by_side_and_key() {
    let mut sleeping = process(0, &[2], None);
    let before = snapshot(
        View { uts: uts("lab"), ..with_processes(vec![process(0, &[1], None), sleeping.clone()]) },
        actor(41, View { uts: uts("lab"), ..view() }),
    );
    sleeping.state = 'R';
    let mut after = snapshot(
        View { uts: uts("lab"), ..with_processes(vec![sleeping, process(0, &[3], None)]) },
        actor(41, View { uts: uts("box"), ..view() }),
    );
    let wall = WallState { state: Built::Built, host: String::new(), actor: String::new() };
    after.actors.get_mut("box").unwrap().walls.insert(Wall::Uts, wall);
    let changes = diff(&before, &after);
    let host = [(Key::Process(1), Change::Vanished), (Key::Process(3), Change::Appeared)];
    assert_eq!(changes.host, BTreeMap::from(host), "running and sleeping is no change");
    assert_eq!(changes.of(Side::Inside, "box", Key::Hostname), Some(Change::Changed));
    assert_eq!(changes.of(Side::Inside, "box", Key::Wall(Wall::Uts)), Some(Change::Changed));
    assert_eq!(changes.of(Side::Host, "box", Key::Hostname), None);
}

#[test]
fn a_stop_a_new_name_and_a_death_are_changes() {
    let one = |change: fn(&mut Process)| {
        let mut after = process(0, &[2], None);
        change(&mut after);
        let before = snapshot(with_processes(vec![process(0, &[2], None)]), actor(41, view()));
        diff(&before, &snapshot(with_processes(vec![after]), actor(41, view()))).host
    };
    let changed = BTreeMap::from([(Key::Process(2), Change::Changed)]);
    assert_eq!(one(|process| process.state = 'T'), changed);
    assert_eq!(one(|process| process.name = "q".to_owned()), changed);
    assert_eq!(one(|process| process.state = 'D'), BTreeMap::new());

    let before = snapshot(view(), actor(41, view()));
    let mut after = before.clone();
    let dead = after.actors.get_mut("box").unwrap();
    (dead.alive, dead.exit) = (false, Some("killed by SIGKILL".to_owned()));
    assert_eq!(diff(&before, &after).of(Side::Inside, "box", Key::Life), Some(Change::Changed));
}

#[test]
fn an_actor_that_comes_or_goes_is_one_change_not_a_hundred() {
    let with = snapshot(view(), actor(41, View { ids: ids(), ..with_processes(vec![process(0, &[1], None)]) }));
    let without = Snapshot { actors: BTreeMap::new(), ..with.clone() };
    let life = |change| BTreeMap::from([("box".to_owned(), BTreeMap::from([(Key::Life, change)]))]);
    assert_eq!(diff(&without, &with).actors, life(Change::Appeared));
    assert_eq!(diff(&with, &without).actors, life(Change::Vanished));
}

fn ids() -> Reading<Ids> {
    Reading::Read(Ids { pid: 1, ppid: 0, uid: 0, gid: 0, user: None })
}

fn segment(key: &str, id: u32) -> Shm {
    Shm {
        key: key.to_owned(),
        id,
        perms: "600".to_owned(),
        size: 1,
        creator: 0,
        attached: 0,
        removed: false,
        uid: 0,
        gid: 0,
    }
}

/// A view in an IPC namespace, with these segments and these POSIX queues.
fn with_ipc(namespace: u64, segments: &[Shm], device: &str, queues: &[&str]) -> View {
    let queues = queues.iter().enumerate().map(|(at, name)| Queue {
        name: (*name).to_owned(),
        inode: at as u64,
        perms: "644".to_owned(),
        bytes: Reading::Read(0),
        uid: 0,
        gid: 0,
    });
    let mounted = Mqueue { path: "/dev/mqueue".to_owned(), device: device.to_owned(), queues: queues.collect() };
    let mqueue = Reading::Read(Some(mounted));
    let ipc = Ipc { shm: Reading::Read(segments.to_vec()), mqueue, ..Ipc::unread(&why()) };
    View { ns: BTreeMap::from([(NsKind::Ipc, Reading::Read(namespace))]), ipc, ..view() }
}

fn ipc_rows(host: &View, seen: View) -> Vec<(Option<u64>, Option<u64>)> {
    let actor = ActorView { ns: seen.ns.clone(), ..actor(41, seen) };
    let number = |face: &Option<IpcFace<'_>>| match face.as_ref().map(IpcFace::row_key) {
        Some(Key::Ipc(_, number)) => Some(number),
        _ => None,
    };
    ipc(host, &actor).rows.iter().map(|row| (number(&row.host), number(&row.inside))).collect()
}

#[test]
fn ipc_objects_join_only_within_one_namespace() {
    let host = with_ipc(7, &[segment("0x01", 0), segment("0x02", 1)], "0:39", &[]);
    let same = with_ipc(7, &[segment("0x01", 0), segment("0x02", 1)], "0:39", &[]);
    assert_eq!(ipc_rows(&host, same), [(Some(0), Some(0)), (Some(1), Some(1))]);
    let other = with_ipc(8, &[segment("0x01", 0)], "0:40", &[]);
    assert_eq!(
        ipc_rows(&host, other.clone()),
        [(None, Some(0)), (Some(0), None), (Some(1), None)],
        "one key, two objects"
    );
    let relevant: Vec<bool> = ipc(&host, &actor(41, other)).rows.iter().map(|row| row.relevant).collect();
    assert_eq!(relevant, [true, false, false], "the box's own");
}

#[test]
fn an_object_of_another_key_with_the_same_id_is_another() {
    let host = with_ipc(7, &[segment("0x01", 0)], "0:39", &[]);
    let later = with_ipc(7, &[segment("0x02", 0)], "0:39", &[]);
    assert_eq!(ipc_rows(&host, later), [(None, Some(0)), (Some(0), None)]);
}

#[test]
fn posix_queues_join_on_the_file_system_that_shows_them() {
    let host = with_ipc(7, &[], "0:39", &["a", "b"]);
    assert_eq!(ipc_rows(&host, with_ipc(8, &[], "0:39", &["a"])), [(Some(0), Some(0)), (Some(1), None)]);
    assert_eq!(ipc_rows(&host, with_ipc(8, &[], "0:40", &["a"])), [(None, Some(0)), (Some(0), None), (Some(1), None)]);
}

#[test]
fn an_object_that_is_made_and_removed_is_a_change_and_that_time_passes_is_none() {
    let before = snapshot(with_ipc(7, &[segment("0x01", 0)], "0:39", &["a"]), actor(41, view()));
    let clocks = |seconds| Clocks { uptime: Reading::Read(seconds), ..Clocks::unread(&why()) };
    let with = |host: View, seconds| snapshot(View { clocks: clocks(seconds), ..host }, actor(41, view()));
    let same = with(before.host.clone(), 1);
    assert!(diff(&before, &same).is_empty() && with(before.host.clone(), 2) == same);
    let after = with(with_ipc(7, &[segment("0x02", 3)], "0:39", &[]), 2);
    let changed = [
        (Key::Ipc(IpcKind::Shm, 0), Change::Vanished),
        (Key::Ipc(IpcKind::Shm, 3), Change::Appeared),
        (Key::Ipc(IpcKind::Mqueue, 0), Change::Vanished),
    ];
    assert_eq!(diff(&before, &after).host, BTreeMap::from(changed));
}

fn with_clocks(namespace: u64, boottime: i64, offset: i64) -> View {
    let clocks = Clocks {
        date: Reading::Read("2026-11-22 01:34:36 UTC".to_owned()),
        boottime: Reading::Read(boottime),
        ..Clocks::unread(&why())
    };
    let time = Reading::Read(TimeOffsets { monotonic: (0, 0), boottime: (offset, 0) });
    View { ns: BTreeMap::from([(NsKind::Time, Reading::Read(namespace))]), clocks, time, ..view() }
}

#[test]
fn the_date_is_one_clock_and_boottime_is_where_the_namespace_is() {
    let joined = |seen: View| {
        let (host, actor) = (with_clocks(7, 5, 0), ActorView { ns: seen.ns.clone(), ..actor(41, seen) });
        let (twin, one) = clocks(&host, &actor);
        twin.rows.iter().map(|row| row.one(one)).collect::<Vec<_>>()
    };
    let (same, other) = (Some(true), Some(false));
    assert_eq!(joined(with_clocks(7, 6, 0)), [same, None, same, None, same, same]);
    assert_eq!(joined(with_clocks(8, 99, 9)), [same, None, other, None, same, other]);
    assert_eq!(joined(with_clocks(7, 6, 9)), [same, None, same, None, same, other], "the children's alone");
}

#[test]
fn spans_and_offsets_are_for_people() {
    use crate::i18n::Lang;
    assert_eq!(span(12_134, Lang::En), "03:22:14");
    assert_eq!(span(90_061, Lang::Fr), "1 j 01:01:01");
    assert_eq!(span(-61, Lang::En), "−00:01:01");
    assert_eq!((offset(86_400, 0), offset(-5, 7)), ("+86400 s".to_owned(), "-5 s +7 ns".to_owned()));
}

#[test]
fn one_group_has_two_paths_and_roots_of_old_trees_fold() {
    let paths = |list: &[(&str, &str)]| {
        Reading::Read(list.iter().map(|&(tree, path)| (tree.to_owned(), path.to_owned())).collect())
    };
    let init = |view: View| View { processes: Reading::Read(vec![Arc::new(process(0, &[1], Some(9)))]), ..view };
    let host = init(View { init_cgroup: paths(&[("", "/init.scope")]), ..view() });
    let seen = init(View {
        cgroup: paths(&[("", "/"), ("cpu", "/"), ("memory", "/")]),
        init_cgroup: paths(&[("", "/../../init.scope")]),
        ..view()
    });
    let actor = ActorView { cgroup: paths(&[("", "/a/b"), ("cpu", "/"), ("memory", "/m")]), ..actor(41, seen) };
    let twin = cgroup(&host, &actor);
    let rows: Vec<_> =
        twin.rows.iter().map(|row| (row.host.map(|face| face.path), row.inside.map(|face| face.path))).collect();
    assert_eq!(
        rows,
        [
            (Some("/a/b"), Some("/")),
            (Some("/m"), Some("/")),
            (Some("/init.scope"), Some("/../../init.scope")),
            (Some("/"), Some("/"))
        ]
    );
    assert_eq!(twin.shown, 3, "the root of a v1 tree on both sides");
    let at = |host: &[(&str, &str)], inside: &[(&str, &str)]| {
        let seen = View { cgroup: paths(inside), ..view() };
        cgroup(&view(), &ActorView { cgroup: paths(host), ..self::actor(41, seen) }).shown
    };
    assert_eq!(at(&[("", "/")], &[("", "/")]), 1, "the tree of version 2 is always shown");
    assert_eq!(at(&[("cpu", "/")], &[("cpu", "/..")]), 1, "a path out of the view");
}

#[test]
fn the_first_process_of_another_proc_is_not_compared() {
    let group = Reading::Read(BTreeMap::from([(String::new(), "/".to_owned())]));
    let with_init = |inode| View {
        processes: Reading::Read(vec![Arc::new(process(0, &[1], Some(inode)))]),
        init_cgroup: group.clone(),
        ..view()
    };
    let twin = |seen| cgroup(&with_init(9), &actor(41, seen)).rows.len();
    assert_eq!((twin(with_init(9)), twin(with_init(10))), (1, 0));
}
