use std::collections::BTreeMap;

use super::*;
use crate::kernel::Errno;
use crate::observe::model::{
    ActorView, Built, IdRange, Ids, Mount, Namespaces, Net, Process, Reading, Snapshot, Unread, Users, Uts, View,
    WallState,
};
use crate::observe::{Change, OVERFLOW, diff};

fn unread<T>() -> Reading<T> {
    Reading::Unread(Unread { path: "x".to_owned(), errno: Errno(libc::EACCES) })
}

fn view() -> View {
    View {
        ids: unread(),
        uts: unread(),
        ns: BTreeMap::new(),
        owners: BTreeMap::new(),
        processes: Reading::Read(Vec::new()),
        mounts: Reading::Read(Vec::new()),
        overlays: Vec::new(),
        volumes: Vec::new(),
        users: unread(),
        root: unread(),
        caps: unread(),
        seccomp: unread(),
        no_new_privs: unread(),
        cgroup: unread(),
        time: unread(),
        lsm: unread(),
        files: BTreeMap::new(),
        net: Net::default(),
    }
}

fn actor(pid: u32, seen: View) -> ActorView {
    ActorView {
        pid,
        alive: true,
        exit: None,
        ns: BTreeMap::new(),
        walls: BTreeMap::new(),
        users: unread(),
        files: BTreeMap::new(),
        seen: Reading::Read(seen),
        stale: None,
    }
}

fn process(ppid: u32, nspid: &[u32], pid_ns: Option<u64>) -> Process {
    Process {
        pid: nspid[0],
        ppid,
        nspid: nspid.to_vec(),
        pid_ns,
        uid: 0,
        gid: 0,
        user: None,
        state: 'S',
        name: "p".to_owned(),
        command: String::new(),
    }
}

fn with_processes(processes: Vec<Process>) -> View {
    View { processes: Reading::Read(processes), ..view() }
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

fn mount(id: u32, device: &str, root: &str, target: &str) -> Mount {
    Mount {
        id,
        parent: 0,
        device: device.to_owned(),
        root: root.to_owned(),
        target: target.to_owned(),
        options: "rw".to_owned(),
        propagation: Vec::new(),
        fstype: "tmpfs".to_owned(),
        source: String::new(),
    }
}

#[test]
fn mounts_join_on_what_is_mounted_and_prefer_the_same_place() {
    let outer = vec![mount(1, "8:1", "/", "/a"), mount(2, "8:1", "/", "/b"), mount(3, "8:2", "/", "/c")];
    let inner = vec![
        mount(11, "8:1", "/", "/moved"),
        mount(12, "8:1", "/", "/a"),
        mount(13, "0:9", "/", "/proc"),
        mount(14, "8:2", "/sub", "/c"),
    ];
    let host = View { mounts: Reading::Read(outer), ..view() };
    let actor = actor(41, View { mounts: Reading::Read(inner), ..view() });
    let twin = mounts(&host, &actor);
    let ids: Vec<_> = twin.rows.iter().map(|row| (row.host.map(|one| one.id), row.inside.map(|one| one.id))).collect();
    assert_eq!(ids, [(Some(2), Some(11)), (Some(1), Some(12)), (None, Some(13)), (None, Some(14)), (Some(3), None)]);
    assert_eq!(twin.folded(), 1);
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
        namespaces: Namespaces::default(),
        traced: BTreeMap::new(),
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
