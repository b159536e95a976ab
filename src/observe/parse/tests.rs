use proptest::prelude::*;

use super::*;

const STATUS: &[u8] = b"Name:\tsh\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t7771\nPPid:\t7769\n\
    Uid:\t1000\t1001\t1002\t1003\nGid:\t10\t11\t12\t13\nGroups:\t4 24 \nNSpid:\t7771\t12\t1\n\
    VmPeak:\t    3060 kB\nThreads:\t1\nCapInh:\t0000000000000000\nCapPrm:\t000001fffeffffff\n\
    CapEff:\t0000000000000001\nCapBnd:\t000001fffeffffff\nCapAmb:\t0000000000000000\n\
    NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n";

#[test]
fn a_process_row_has_effective_ids_and_every_pid() {
    let read = status(STATUS).unwrap();
    assert_eq!((read.name.as_str(), read.state, read.ppid), ("sh", 'S', 7769));
    assert_eq!((read.uid, read.gid), (1001, 11));
    assert_eq!(read.nspid, [7771, 12, 1]);
    assert!(read.memory);
    assert_eq!(nspid(STATUS), [7771, 12, 1]);
}

#[test]
fn a_process_without_memory_of_its_own_is_known_as_such() {
    let thread = b"Name:\tkthreadd\nState:\tS (sleeping)\nPPid:\t0\nUid:\t0\t0\t0\t0\nThreads:\t1\nVmPeak:\t1 kB\n";
    let read = status(thread).unwrap();
    assert!(!read.memory, "what follows Threads is not looked at");
    assert!(read.nspid.is_empty());
}

#[test]
fn a_name_is_what_the_process_chose_and_cannot_pose_as_another_line() {
    let named = |name: &[u8]| {
        let mut bytes = b"Name:\t".to_vec();
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(b"\nState:\tR (running)\n");
        status(&bytes).unwrap().name
    };
    assert_eq!(named(br"a\nState:\tZ"), "a\nState:\\tZ");
    assert_eq!(named(br"back\\nslash\"), "back\\nslash\\");
    assert_eq!(named(b""), "");
    assert_eq!(named(b"\xff\x1b[2J"), "\u{fffd}\u{1b}[2J");
    assert_eq!(named(b"a: b"), "a: b");
}

#[test]
fn a_file_that_is_no_status_gives_no_process() {
    assert_eq!(status(b""), None);
    assert_eq!(status(b"Name:\tx\n"), None);
    assert_eq!(status(b"State:\tS\nPPid:\tmany\n"), None);
}

#[test]
fn privileges_are_read_each_on_its_own() {
    let read = privileges(STATUS);
    assert_eq!(read.caps, [Some(0), Some(0x1ff_feff_ffff), Some(1), Some(0x1ff_feff_ffff), Some(0)]);
    assert_eq!((read.no_new_privs, read.seccomp, read.filters), (Some(true), Some(2), Some(3)));
    assert_eq!(privileges(b"Seccomp:\t0\nCapEff:\tzz\n"), Privileges { seccomp: Some(0), ..Privileges::default() });
}

#[test]
fn arguments_are_joined_by_spaces_and_a_cut_is_marked() {
    assert_eq!(command(b"ls\0-l\0\0a b\0", false), "ls -l  a b");
    assert_eq!(command(b"ls\0\0\0", false), "ls", "what a program overwrote with NULs is no argument");
    assert_eq!(command(b"", false), "");
    assert_eq!(command(b"\xc3", true), "\u{fffd}…");
    assert_eq!(command(b"a\nb\0", false), "a\nb");
}

#[test]
fn a_mount_has_its_place_unescaped_and_its_propagation() {
    let line = br"36 35 98:0 /mnt1 /a\040b\011c\012d\134e\043f rw,noatime shared:1 master:2 - ext3 /dev/r\040t rw";
    let [one] = mounts(line).try_into().unwrap();
    assert_eq!((one.id, one.parent, one.device.as_str(), one.root.as_str()), (36, 35, "98:0", "/mnt1"));
    assert_eq!(one.target, "/a b\tc\nd\\e#f");
    assert_eq!(one.propagation, ["shared:1", "master:2"]);
    assert_eq!((one.fstype.as_str(), one.source.as_str()), ("ext3", "/dev/r t"));
    let [private] = mounts(b"1 0 0:1 / / rw - tmpfs  rw\n").try_into().unwrap();
    assert!(private.propagation.is_empty());
    assert_eq!(private.source, "", "a source may be empty");
}

#[test]
fn a_backslash_that_is_no_escape_stays() {
    let [one] = mounts(br"1 0 0:1 / /\09\8\400 rw - t s rw").try_into().unwrap();
    assert_eq!(one.target, r"/\09\8\400");
}

#[test]
fn lines_that_do_not_parse_are_left_out() {
    assert_eq!(mounts(b"garbage\n\n1 2\n").len(), 0);
    assert_eq!(id_map(b"0 1000\n0 1000 1\nx y z\n").len(), 1);
}

#[test]
fn id_maps_reach_the_last_id() {
    let full = IdRange { inside: 0, outside: 0, count: u32::MAX };
    assert_eq!(id_map(b"         0          0 4294967295\n"), [full]);
    assert_eq!(id_map(b""), []);
    assert_eq!(id_map(b"0 0 4294967296\n"), [], "more than a uid can be");
}

#[test]
fn cgroup_paths_are_by_controllers_and_may_hold_colons() {
    let read = cgroup(b"4:memory:/a:b\n2:cpu,cpuacct:/\n0::/user.slice\n");
    assert_eq!(read["memory"], "/a:b");
    assert_eq!(read["cpu,cpuacct"], "/");
    assert_eq!(read[""], "/user.slice");
}

#[test]
fn time_offsets_may_be_negative() {
    let read = time_offsets(b"monotonic       86400         0\nboottime          -7   5\n").unwrap();
    assert_eq!((read.monotonic, read.boottime), ((86400, 0), (-7, 5)));
    assert_eq!(time_offsets(b"monotonic 1 0\n"), None);
}

#[test]
fn the_first_passwd_line_for_a_uid_wins() {
    let read = passwd(b"root:x:0:0::/:/bin/sh\n# no\n:x:3:\ntoor:x:0:0\nana:x:1000\nbad\nneg:x:-1:\n");
    assert_eq!(read, [(0, "root".to_owned()), (1000, "ana".to_owned())]);
}

#[test]
fn a_namespace_link_has_its_inode_in_brackets() {
    assert_eq!(namespace(b"uts:[4026531838]"), Some(4_026_531_838));
    assert_eq!(namespace(b"uts:[]"), None);
    assert_eq!(namespace(b"/home"), None);
}

/// Bytes that look like the kernel's, spoiled here and there.
fn spoiled() -> impl Strategy<Value = Vec<u8>> {
    let real: &[&[u8]] = &[
        STATUS,
        b"22 27 0:21 / /a\\040b rw shared:1 - proc proc rw\n",
        b"0 1000 1\n",
        b"4:memory:/x\n",
        b"monotonic 1 2\nboottime 3 4\n",
        b"root:x:0:0:root:/root:/bin/sh\n",
        b"uts:[4026531838]",
        b"sh\0-c\0true\0",
    ];
    let real: Vec<Vec<u8>> = real.iter().map(|one| one.to_vec()).collect();
    let spoil = proptest::collection::vec((any::<usize>(), any::<u8>()), 0..8);
    (proptest::sample::select(real), spoil, any::<usize>()).prop_map(|(mut bytes, spoil, end)| {
        for (at, byte) in spoil {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(end % (bytes.len() + 1));
        bytes
    })
}

proptest! {
    #[test]
    fn no_parser_panics_whatever_the_bytes(
        bytes in prop_oneof![spoiled(), proptest::collection::vec(any::<u8>(), 0..300)],
        cut in any::<bool>(),
    ) {
        let _ = status(&bytes);
        let _ = privileges(&bytes);
        let _ = nspid(&bytes);
        prop_assert!(!command(&bytes, cut).contains('\0') || cut);
        let _ = mounts(&bytes);
        let _ = id_map(&bytes);
        let _ = cgroup(&bytes);
        let _ = time_offsets(&bytes);
        let _ = passwd(&bytes);
        let _ = namespace(&bytes);
        let _ = crate::observe::Told::decode(&bytes);
    }
}

#[test]
fn the_counts_are_at_the_end_of_loadavg() {
    assert_eq!(counts(b"0.42 0.37 0.30 2/417 12345\n"), Some((417, 12_345)));
    for broken in [&b""[..], b"0.42 0.37 0.30", b"0.42 0.37 0.30 2 12345", b"0.42 0.37 0.30 2/x 12345", b"a b c 2/3 "] {
        assert_eq!(counts(broken), None, "{}", String::from_utf8_lossy(broken));
    }
}
