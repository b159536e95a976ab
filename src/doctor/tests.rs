use super::bench::{Failed, Stage};
use super::clues::Clues;
use super::*;

fn failed(errno: i32, stage: Stage) -> Failed {
    Failed { errno: Errno(errno), call: "unshare(CLONE_NEWUSER)".into(), stage }
}

/// Clues read from a tree of files made for the purpose.
fn clues(files: &[(&str, &str)], uid: u32) -> Clues {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    Clues { uid, filtered: false, ..Clues::read(root.path()) }
}

const ALL_IDS: (&str, &str) = ("proc/self/uid_map", "         0          0 4294967295\n");

#[test]
fn a_machine_that_shows_nothing_gives_an_answer_all_the_same() {
    let nothing = clues(&[], 1000);
    for errno in [libc::EPERM, libc::EACCES, libc::ENOSPC, libc::EINVAL, libc::ENOSYS, libc::EUSERS, libc::EIO] {
        for stage in [Stage::Unshare, Stage::Map, Stage::Use] {
            let advice = nothing.advise(&NsKind::ALL, &failed(errno, stage));
            assert!(advice.because.iter().chain(&advice.remedy).all(|text| !text.is_empty()), "{errno}");
        }
    }
    assert!(!nothing.advise_proc(&failed(libc::EPERM, Stage::Use)).because[0].is_empty());
    assert!(!nothing.advise_lab(Some(libc::EPERM)).because[0].is_empty());
}

#[test]
fn ubuntus_restriction_is_named_though_unshare_succeeded() {
    let ubuntu = clues(&[ALL_IDS, ("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n")], 1000);
    for stage in [Stage::Map, Stage::Use] {
        let advice = ubuntu.advise(&[NsKind::User, NsKind::Net], &failed(libc::EPERM, stage));
        assert!(advice.because[0].contains("AppArmor"), "{advice:?}");
        assert!(advice.commands.iter().any(|line| line.contains("apparmor_restrict_unprivileged_userns=0")));
        let (install, path) = (&advice.commands[0], &ubuntu.program);
        assert!(install.contains(&format!("profile cloison \"{path}\" flags=(unconfined)")), "{install}");
        assert!(install.contains("userns,") && install.contains("apparmor_parser -r"), "{install}");
    }
    let root = Clues { uid: 0, ..ubuntu };
    assert!(!root.advise(&[NsKind::User], &failed(libc::EPERM, Stage::Map)).because[0].contains("AppArmor"));
}

#[test]
fn debians_switch_is_named_to_ordinary_users_only() {
    let debian = clues(&[ALL_IDS, ("proc/sys/kernel/unprivileged_userns_clone", "0\n")], 1000);
    let advice = debian.advise(&[NsKind::User], &failed(libc::EPERM, Stage::Unshare));
    assert_eq!(advice.commands[0], "sudo sysctl -w kernel.unprivileged_userns_clone=1");
    let root = Clues { uid: 0, ..debian };
    assert!(!root.advise(&[NsKind::User], &failed(libc::EPERM, Stage::Unshare)).because[0].contains("userns_clone"));
}

#[test]
fn the_limit_that_is_zero_is_the_one_to_raise() {
    let limits = [ALL_IDS, ("proc/sys/user/max_user_namespaces", "5\n"), ("proc/sys/user/max_uts_namespaces", "0\n")];
    let advice = clues(&limits, 1000).advise(&[NsKind::User, NsKind::Uts], &failed(libc::ENOSPC, Stage::Unshare));
    assert_eq!(advice.commands, ["sudo sysctl -w user.max_uts_namespaces=10000"]);
}

#[test]
fn what_hides_parts_of_proc_is_named_and_binfmt_misc_is_not() {
    let line = |point: &str| format!("70 60 0:5 / {point} ro - tmpfs tmpfs ro\n");
    let docker = [line("/proc/acpi"), line("/proc/sys/fs/binfmt_misc"), line("/")].concat();
    let found = clues(&[ALL_IDS, ("proc/self/mountinfo", &docker), (".dockerenv", "")], 0);
    assert_eq!(found.over_proc(), ["/proc/acpi"]);
    let advice = found.advise_proc(&failed(libc::EPERM, Stage::Use));
    assert!(advice.because[1].contains("/proc/acpi"));
    assert!(advice.commands[0].contains("systempaths=unconfined"));
}

#[test]
fn a_chroot_is_recognised_by_a_root_that_is_no_mount_point() {
    let mounts = "70 60 0:5 / /proc rw - proc proc rw\n";
    let advice = clues(&[ALL_IDS, ("proc/self/mountinfo", mounts)], 1000)
        .advise(&[NsKind::User], &failed(libc::EPERM, Stage::Unshare));
    assert!(advice.because[0].contains("chroot"), "{advice:?}");
}

#[test]
fn versions_are_compared_as_numbers() {
    assert!(features::older_than("5.4.0-generic", 5, 11));
    assert!(!features::older_than("5.11.0", 5, 11));
    assert!(!features::older_than("6.1-rc1", 5, 11));
    assert!(!features::older_than("", 5, 11));
}

#[test]
fn a_missing_program_is_named_with_its_package() {
    let found = tools::finding(&["true".into(), "no-such-program".into()]);
    assert_eq!(found.state, State::Missing);
    assert_eq!(found.commands(), ["sudo apt install no-such-program"]);
    assert!(found.why(Lang::Fr).contains("no-such-program") && !found.why(Lang::Fr).contains("true"));
    assert_eq!(tools::finding(&["true".into()]).state, State::Works);
}
