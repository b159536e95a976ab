use super::*;
use crate::observe::twin::tests::{actor, view};

fn mount(id: u32, parent: u32, device: &str, root: &str, target: &str) -> Mount {
    Mount {
        id,
        parent,
        device: device.to_owned(),
        root: root.to_owned(),
        target: target.to_owned(),
        options: "rw".to_owned(),
        propagation: Vec::new(),
        fstype: "tmpfs".to_owned(),
        source: String::new(),
    }
}

fn side(mounts: Vec<Mount>) -> View {
    View { mounts: Reading::Read(Arc::new(mounts)), ..view() }
}

/// The rows as drawn, host then box; `|` before those that fold.
fn drawn(outer: &[Mount], inner: &[Mount]) -> Vec<String> {
    let (host, actor) = (side(outer.to_vec()), actor(41, side(inner.to_vec())));
    let twin = mounts(&host, &actor);
    let face = |face: &Option<MountFace<'_>>| {
        face.as_ref().map_or_else(|| "-".to_owned(), |face| format!("{}{}", face.stem, face.name))
    };
    let row = |(at, row): (usize, &Row<MountFace<'_>>)| {
        let fold = if at < twin.shown { "" } else { "|" };
        format!("{fold}{} = {}", face(&row.host), face(&row.inside))
    };
    twin.rows.iter().enumerate().map(row).collect()
}

#[test]
fn mounts_join_on_what_is_mounted_and_prefer_the_same_place() {
    let outer = [mount(1, 0, "8:1", "/", "/a"), mount(2, 0, "8:1", "/", "/b"), mount(3, 0, "8:2", "/", "/c")];
    let inner = [
        mount(11, 0, "8:1", "/", "/moved"),
        mount(12, 0, "8:1", "/", "/a"),
        mount(13, 0, "0:9", "/", "/proc"),
        mount(14, 0, "8:2", "/sub", "/c"),
    ];
    assert_eq!(drawn(&outer, &inner), ["- = /proc", "- = /c", "|/b = /moved", "|/a = /a", "|/c = -"]);
}

#[test]
fn a_mount_hangs_on_its_parent_and_the_boxs_own_come_first_with_all_they_hang_on() {
    let outer = [
        mount(1, 0, "8:1", "/", "/"),
        mount(2, 1, "0:5", "/", "/dev"),
        mount(3, 2, "0:6", "/", "/dev/pts"),
        mount(4, 1, "0:7", "/", "/proc"),
        mount(5, 2, "0:8", "/", "/dev/shm"),
    ];
    let mut inner: Vec<Mount> =
        outer.iter().map(|one| Mount { id: one.id + 10, parent: one.parent + 10, ..one.clone() }).collect();
    inner.push(mount(16, 15, "0:9", "/", "/dev/shm/a b"));
    inner.push(mount(17, 14, "0:10", "/", "/proc"));
    assert_eq!(
        drawn(&outer, &inner),
        [
            "/ = /",
            "├ dev = ├ dev",
            "│ └ shm = │ └ shm",
            "- = │   └ a b",
            "└ proc = └ proc",
            "- =   └ /proc",
            "|/dev/pts = /dev/pts",
        ]
    );
}

#[test]
fn a_box_without_a_mount_of_its_own_shows_the_hosts_tree() {
    let outer: Vec<Mount> =
        (1..=1000).map(|id| mount(id, u32::from(id > 1), &format!("0:{id}"), "/", &format!("/{id}"))).collect();
    let rows = drawn(&outer, &outer);
    assert_eq!(rows.iter().filter(|row| !row.starts_with('|')).count(), FIRST);
    assert_eq!(rows.len(), 1000);
}

#[test]
fn a_thousand_mounts_inside_one_another_are_drawn_no_wider_than_a_few_levels() {
    let deep: Vec<Mount> =
        (1..=1000_u32).map(|id| mount(id, id - 1, &format!("0:{id}"), "/", &"/x".repeat(id as usize))).collect();
    let (host, actor) = (side(Vec::new()), actor(41, side(deep)));
    let twin = mounts(&host, &actor);
    let widest = twin.rows.iter().filter_map(|row| row.inside.as_ref()).map(|face| face.stem.chars().count()).max();
    assert_eq!(widest, Some(2 * (DEEPEST + 1)));
    assert_eq!(twin.rows[999].inside.as_ref().map(|face| face.name), Some("x"));
}

#[test]
fn parents_that_go_in_a_circle_lose_only_their_own_rows() {
    let inner = [mount(1, 2, "0:1", "/", "/a"), mount(2, 1, "0:2", "/", "/b"), mount(3, 3, "0:3", "/", "/c")];
    assert_eq!(drawn(&[], &inner), ["- = /c"]);
}

/// Which way mounts pass, on the faces of the two sides.
fn passes(outer: &[&str], inner: &[&str], one_table: bool) -> [Passes; 2] {
    let with = |tags: &[&str]| Mount {
        propagation: tags.iter().map(|&tag| tag.to_owned()).collect(),
        ..mount(1, 0, "0:1", "/", "/")
    };
    let ns = |inode| [(NsKind::Mnt, Reading::Read(inode))].into_iter().collect();
    let host = View { ns: ns(1), ..side(vec![with(outer)]) };
    let mut actor = actor(41, side(vec![with(inner)]));
    actor.ns = ns(if one_table { 1 } else { 2 });
    let twin = mounts(&host, &actor);
    let [host, inside] = [&twin.rows[0].host, &twin.rows[0].inside].map(|face| face.as_ref().map(|face| face.passes));
    [host.expect("a face"), inside.expect("a face")]
}

#[test]
fn propagation_says_which_way_mounts_pass() {
    use Passes::{Both, In, No, Out};
    assert_eq!(passes(&["shared:3"], &["shared:3"], false), [Both, Both]);
    assert_eq!(passes(&["shared:3"], &["master:3"], false), [In, In]);
    assert_eq!(passes(&["shared:3"], &["shared:9", "master:3"], false), [In, In]);
    assert_eq!(passes(&["master:3"], &["shared:3"], false), [Out, Out]);
    assert_eq!(passes(&["shared:3"], &["master:8", "propagate_from:3"], false), [In, In]);
    assert_eq!(passes(&["shared:3"], &["shared:4"], false), [No, No]);
    assert_eq!(passes(&[], &[], false), [No, No]);
    assert_eq!(passes(&["master:3"], &["master:3"], false), [No, No], "two slaves of a third");
    assert_eq!(passes(&["shared:3"], &["shared:3"], true), [No, No], "one table: it is the same mount");
}

#[test]
fn a_mount_says_what_part_of_a_file_system_it_is_and_whether_it_is_read_only() {
    let whole = Mount { source: "/dev/vda".to_owned(), ..mount(1, 0, "8:1", "/", "/") };
    let part = Mount { options: "ro,nosuid".to_owned(), root: "/data".to_owned(), ..whole.clone() };
    let (host, actor) = (side(Vec::new()), actor(41, side(vec![whole, part])));
    let twin = mounts(&host, &actor);
    let faces: Vec<_> =
        twin.rows.iter().filter_map(|row| row.inside.as_ref()).map(|face| (face.what(), face.kind())).collect();
    let [one, other] =
        [("/dev/vda", "tmpfs"), ("/dev/vda[/data]", "tmpfs ro")].map(|(what, kind)| (what.to_owned(), kind.to_owned()));
    assert!(faces == [one.clone(), other.clone()] || faces == [other, one], "{faces:?}");
}
