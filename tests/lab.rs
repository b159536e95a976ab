//! The lab on the real kernel. Run as root and as an ordinary user.

use std::path::PathBuf;
use std::time::Duration;

use cloison::lab::{Lab, Options, Program};
use cloison::lesson::op::{MapKind, MountFlag, NsKind, Op, RootKind};
use cloison::observe;

fn lab() -> Lab {
    let program = Some(PathBuf::from(env!("CARGO_BIN_EXE_cloison")));
    Lab::start(Options { program, ..Options::default() }).unwrap()
}

fn must(lab: &mut Lab, actor: &str, op: &Op) -> cloison::lab::Performed {
    let performed = lab.perform(actor, op).unwrap();
    assert_eq!(performed.failure, None, "{op:?}: {:#?}", performed.calls);
    performed
}

#[test]
fn a_whole_box_is_built_step_by_step_and_seen_from_inside() {
    let mut lab = lab();
    lab.spawn("box").unwrap();
    let kinds = vec![NsKind::User, NsKind::Mnt, NsKind::Uts, NsKind::Ipc, NsKind::Pid, NsKind::Net, NsKind::Cgroup];
    must(&mut lab, "box", &Op::Unshare { kinds, map: Some(MapKind::Root) });
    let made = must(&mut lab, "box", &Op::Fork { child: "init".into() }).made.unwrap();
    assert!(std::path::Path::new(&format!("/proc/{}", made.pid)).exists());
    must(&mut lab, "init", &Op::Root { kind: RootKind::Host });
    let proc = Op::Mount {
        fstype: "proc".into(),
        source: "proc".into(),
        target: "{root}/proc".into(),
        flags: vec![MountFlag::Nosuid],
        data: String::new(),
    };
    must(&mut lab, "init", &proc);
    must(&mut lab, "init", &Op::PivotRoot { path: "{root}".into() });
    must(&mut lab, "init", &Op::Hostname { name: "cigale-42".into() });
    let ran = must(
        &mut lab,
        "init",
        &Op::Run {
            argv: vec!["sh".into(), "-c".into(), "echo $$; hostname; id -u; ls /proc/self/fd".into()],
            seconds: 5,
            background: false,
        },
    )
    .ran
    .unwrap();
    let output = String::from_utf8_lossy(&ran.output).into_owned();
    println!("{output}");
    assert!(output.starts_with("2\ncigale-42\n0\n0\n1\n2\n3\n"), "{output}");
    let view = lab.view("init", Duration::from_secs(1)).unwrap().unwrap();
    let view = observe::decode(&view).unwrap();
    assert_eq!(view.ids.read().unwrap().pid, 1);
    assert_eq!(view.uts.read().unwrap().hostname, "cigale-42");
    println!("{:?}", view.processes);
}
