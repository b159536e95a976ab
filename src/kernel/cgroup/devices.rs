//! Which devices the members of a group of version 2 may use: a program of the kind
//! `BPF_PROG_TYPE_CGROUP_DEVICE`, bpf(2), assembled here from rules, attached to the
//! group, and read back from the kernel. Needs CAP_BPF or CAP_SYS_ADMIN in the first
//! user namespace, and CAP_NET_ADMIN or CAP_SYS_ADMIN to attach it.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use crate::kernel::call::{Errno, Trace, quoted};

/// What may be used, as version 1's `devices.allow` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// `a` (all), `b` (block) or `c` (character).
    pub kind: char,
    /// The major number; nothing for all.
    pub major: Option<u32>,
    /// The minor number; nothing for all.
    pub minor: Option<u32>,
    /// May be read.
    pub read: bool,
    /// May be written.
    pub write: bool,
    /// May be made, mknod(2).
    pub mknod: bool,
}

impl std::fmt::Display for Rule {
    /// `c 1:3 rwm`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = |number: Option<u32>| number.map_or_else(|| "*".to_owned(), |number| number.to_string());
        write!(f, "{} {}:{} ", self.kind, number(self.major), number(self.minor))?;
        let letters = [(self.read, 'r'), (self.write, 'w'), (self.mknod, 'm')];
        letters.iter().filter(|(may, _)| *may).try_for_each(|(_, letter)| write!(f, "{letter}"))
    }
}

// linux/bpf.h: bpf_cgroup_dev_ctx is {access << 16 | type, major, minor}, each a u32.
const BLOCK: i32 = 1;
const CHAR: i32 = 2;
const MKNOD: i32 = 1;
const READ: i32 = 2;
const WRITE: i32 = 4;
const ALL: i32 = MKNOD | READ | WRITE;

/// One instruction, struct bpf_insn.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Instruction {
    code: u8,
    /// The destination in the low half, the source in the high.
    registers: u8,
    offset: i16,
    number: i32,
}

const fn instruction(code: u8, destination: u8, source: u8, offset: i16, number: i32) -> Instruction {
    Instruction { code, registers: source << 4 | destination, offset, number }
}

/// destination = *(u32 *)(source + offset)
const LOAD: u8 = 0x61;
const AND: u8 = 0x54;
const SHIFT_RIGHT: u8 = 0x74;
/// destination = number; destination = source
const SET: u8 = 0xb4;
const COPY: u8 = 0xbc;
/// Skips `offset` instructions where destination != number, or source.
const UNLESS: u8 = 0x55;
const UNLESS_REGISTER: u8 = 0x5d;
const EXIT: u8 = 0x95;

/// The program's registers: what is asked for, from its context.
const TYPE: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;

/// What every program of ours starts with.
const HEAD: [Instruction; 6] = [
    instruction(LOAD, TYPE, 1, 0, 0),
    instruction(COPY, ACCESS, TYPE, 0, 0),
    instruction(AND, TYPE, 0, 0, 0xffff),
    instruction(SHIFT_RIGHT, ACCESS, 0, 0, 16),
    instruction(LOAD, MAJOR, 1, 4, 0),
    instruction(LOAD, MINOR, 1, 8, 0),
];
/// return 1: allowed; return 0: EPERM.
const ALLOW: [Instruction; 2] = [instruction(SET, 0, 0, 0, 1), instruction(EXIT, 0, 0, 0, 0)];
const REFUSE: [Instruction; 2] = [instruction(SET, 0, 0, 0, 0), instruction(EXIT, 0, 0, 0, 0)];

/// The program: allowed is what one of the rules allows whole.
fn assemble(rules: &[Rule]) -> Vec<Instruction> {
    let mut program = HEAD.to_vec();
    for rule in rules {
        let mut tests = Vec::new();
        match rule.kind {
            'b' => tests.push(instruction(UNLESS, TYPE, 0, 0, BLOCK)),
            'c' => tests.push(instruction(UNLESS, TYPE, 0, 0, CHAR)),
            _ => {}
        }
        let may = [(rule.mknod, MKNOD), (rule.read, READ), (rule.write, WRITE)];
        let access = may.iter().filter(|(may, _)| *may).fold(0, |all, (_, bit)| all | bit);
        if access != ALL {
            tests.push(instruction(COPY, 1, ACCESS, 0, 0));
            tests.push(instruction(AND, 1, 0, 0, access));
            tests.push(instruction(UNLESS_REGISTER, 1, ACCESS, 0, 0));
        }
        for (register, number) in [(MAJOR, rule.major), (MINOR, rule.minor)] {
            tests.extend(number.map(|number| instruction(UNLESS, register, 0, 0, number as i32)));
        }
        let end = tests.len() + ALLOW.len();
        for (at, test) in tests.iter_mut().enumerate() {
            if matches!(test.code, UNLESS | UNLESS_REGISTER) {
                test.offset = (end - at - 1) as i16;
            }
        }
        let everything = tests.is_empty();
        program.extend(tests);
        program.extend(ALLOW);
        if everything {
            // What comes after can't be reached, which older verifiers refuse.
            return program;
        }
    }
    program.extend(REFUSE);
    program
}

/// The rules of a program that [`assemble`] made; nothing for another's.
fn disassemble(program: &[Instruction]) -> Option<Vec<Rule>> {
    let rest = program.strip_prefix(&HEAD[..])?;
    let mut rest = rest.strip_suffix(&REFUSE[..]).unwrap_or(rest);
    let mut rules = Vec::new();
    while !rest.is_empty() {
        let mut rule = Rule { kind: 'a', major: None, minor: None, read: true, write: true, mknod: true };
        let end = rest.windows(2).position(|pair| pair == ALLOW)?;
        for test in &rest[..end] {
            match (test.code, test.registers & 0xf) {
                (UNLESS, TYPE) => rule.kind = if test.number == BLOCK { 'b' } else { 'c' },
                (UNLESS, MAJOR) => rule.major = Some(test.number as u32),
                (UNLESS, MINOR) => rule.minor = Some(test.number as u32),
                (AND, 1) => {
                    rule.mknod = test.number & MKNOD != 0;
                    rule.read = test.number & READ != 0;
                    rule.write = test.number & WRITE != 0;
                }
                (COPY | UNLESS_REGISTER, 1) => {}
                _ => return None,
            }
        }
        rules.push(rule);
        rest = &rest[end + ALLOW.len()..];
    }
    // What is read back must be what it would have been made from.
    (assemble(&rules) == program).then_some(rules)
}

// ---- bpf(2) ----

const PROG_LOAD: i32 = 5;
const PROG_ATTACH: i32 = 8;
const PROG_DETACH: i32 = 9;
const PROG_GET_FD_BY_ID: i32 = 13;
const OBJ_GET_INFO_BY_FD: i32 = 15;
const PROG_QUERY: i32 = 16;
const PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const ATTACH_CGROUP_DEVICE: u32 = 6;
const ALLOW_MULTI: u32 = 2;
/// The most programs of a group that are looked at; the kernel's limit is 64.
const MOST_PROGRAMS: usize = 64;
/// The most instructions that are read back.
const MOST_INSTRUCTIONS: usize = 4096;
const LOG_BYTES: usize = 16 << 10;
const NAME: &[u8; 16] = b"cloison_devices\0";

/// The parts of union bpf_attr that are used here; what is not given is zero.
#[repr(C)]
#[derive(Default)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
}

#[repr(C)]
#[derive(Default)]
struct Attach {
    target: u32,
    program: u32,
    kind: u32,
    flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct Query {
    target: u32,
    kind: u32,
    flags: u32,
    attach_flags: u32,
    ids: u64,
    count: u32,
    padding: u32,
}

#[repr(C)]
#[derive(Default)]
struct ById {
    id: u32,
    next: u32,
    flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct InfoOf {
    descriptor: u32,
    length: u32,
    info: u64,
}

/// The start of struct bpf_prog_info.
#[repr(C)]
#[derive(Default)]
struct Info {
    kind: u32,
    id: u32,
    tag: [u8; 8],
    jited_length: u32,
    length: u32,
    jited: u64,
    instructions: u64,
    load_time: u64,
    uid: u32,
    maps: u32,
    map_ids: u64,
    name: [u8; 16],
}

fn bpf<T>(command: i32, attributes: &mut T) -> nix::Result<i64> {
    #[expect(unsafe_code, reason = "bpf(2) is in neither nix nor libc")]
    // SAFETY: the structure is live, writable, and of the size given; the addresses in
    // it are of buffers of the callers below, which outlive the call, with their sizes.
    let done = unsafe {
        libc::syscall(libc::SYS_bpf, libc::c_long::from(command), std::ptr::from_mut(attributes), size_of::<T>())
    };
    nix::errno::Errno::result(done)
}

fn descriptor(number: i64) -> OwnedFd {
    #[expect(unsafe_code, reason = "a descriptor that bpf(2) has just made")]
    // SAFETY: nobody else owns it.
    unsafe {
        OwnedFd::from_raw_fd(number as i32)
    }
}

/// Refuses the members of a group, and of those below it, every device that no rule
/// allows. A program of ours that was there before is replaced. EPERM without the
/// capabilities; EINVAL with the verifier's words, should it not take the program.
pub fn allow(trace: &mut Trace, group: &Path, rules: &[Rule]) -> Result<(), (Errno, String)> {
    let failed = |what: &str| {
        let what = format!("{what} {}", group.display());
        move |errno: Errno| (errno, what)
    };
    let before = attached(group).unwrap_or_default();
    let program = load(trace, &assemble(rules))?;
    let target = std::fs::File::open(group).map_err(|error| failed("open")(Errno::from(&error)))?;
    let mut attributes = Attach {
        target: target.as_raw_fd() as u32,
        program: program.as_raw_fd() as u32,
        kind: ATTACH_CGROUP_DEVICE,
        flags: ALLOW_MULTI,
    };
    let args = |command: &str| vec![command.to_owned(), quoted(group), "BPF_CGROUP_DEVICE".to_owned()];
    trace
        .record("bpf", args("BPF_PROG_ATTACH"), || bpf(PROG_ATTACH, &mut attributes), |done| *done)
        .map_err(failed("BPF_PROG_ATTACH"))?;
    for id in before {
        let old = by_id(id).map_err(failed("BPF_PROG_GET_FD_BY_ID"))?;
        attributes = Attach { program: old.as_raw_fd() as u32, flags: 0, ..attributes };
        trace
            .record("bpf", args("BPF_PROG_DETACH"), || bpf(PROG_DETACH, &mut attributes), |done| *done)
            .map_err(failed("BPF_PROG_DETACH"))?;
    }
    Ok(())
}

fn load(trace: &mut Trace, program: &[Instruction]) -> Result<OwnedFd, (Errno, String)> {
    let mut log = vec![0_u8; LOG_BYTES];
    let mut attributes = Load {
        kind: PROG_TYPE_CGROUP_DEVICE,
        count: program.len() as u32,
        instructions: program.as_ptr() as u64,
        license: c"Dual MIT/GPL".as_ptr() as u64,
        name: *NAME,
        ..Load::default()
    };
    let count = program.len();
    let args = vec!["BPF_PROG_LOAD".to_owned(), format!("{{BPF_PROG_TYPE_CGROUP_DEVICE, {count} instructions}}")];
    match trace.record("bpf", args, || bpf(PROG_LOAD, &mut attributes), |done| *done) {
        Ok(number) => Ok(descriptor(number)),
        Err(errno @ Errno(libc::EINVAL | libc::EACCES)) => {
            // Once more, for the verifier's words.
            (attributes.log_level, attributes.log_size, attributes.log) =
                (1, LOG_BYTES as u32, log.as_mut_ptr() as u64);
            let _ = bpf(PROG_LOAD, &mut attributes);
            let words = String::from_utf8_lossy(&log);
            let words = words.trim_end_matches('\0').trim_end();
            Err((
                errno,
                format!(
                    "BPF_PROG_LOAD ({})",
                    words.lines().rfind(|line| !line.starts_with("processed")).unwrap_or_default()
                ),
            ))
        }
        Err(errno) => Err((errno, "BPF_PROG_LOAD".to_owned())),
    }
}

/// The ids of the device programs attached to a group itself.
fn attached(group: &Path) -> Result<Vec<u32>, Errno> {
    let target = std::fs::File::open(group).map_err(|error| Errno::from(&error))?;
    let mut ids = vec![0_u32; MOST_PROGRAMS];
    let mut attributes = Query {
        target: target.as_raw_fd() as u32,
        kind: ATTACH_CGROUP_DEVICE,
        ids: ids.as_mut_ptr() as u64,
        count: MOST_PROGRAMS as u32,
        ..Query::default()
    };
    bpf(PROG_QUERY, &mut attributes)?;
    ids.truncate(attributes.count as usize);
    Ok(ids)
}

fn by_id(id: u32) -> Result<OwnedFd, Errno> {
    Ok(descriptor(bpf(PROG_GET_FD_BY_ID, &mut ById { id, ..ById::default() })?))
}

/// What the programs attached to a group allow, each a list of rules as
/// `devices.allow` has them; a program that is not of ours by its name. EPERM without
/// CAP_SYS_ADMIN.
pub fn allowed(group: &Path) -> Result<Vec<Vec<String>>, Errno> {
    attached(group)?
        .into_iter()
        .map(|id| {
            let program = by_id(id)?;
            let mut instructions = vec![Instruction::default(); MOST_INSTRUCTIONS];
            let mut info = Info {
                length: (MOST_INSTRUCTIONS * size_of::<Instruction>()) as u32,
                instructions: instructions.as_mut_ptr() as u64,
                ..Info::default()
            };
            let mut attributes = InfoOf {
                descriptor: program.as_raw_fd() as u32,
                length: size_of::<Info>() as u32,
                info: std::ptr::from_mut(&mut info) as u64,
            };
            bpf(OBJ_GET_INFO_BY_FD, &mut attributes)?;
            instructions.truncate(info.length as usize / size_of::<Instruction>());
            let rules = disassemble(&instructions).map(|rules| rules.iter().map(Rule::to_string).collect());
            let name = String::from_utf8_lossy(&info.name).trim_end_matches('\0').to_owned();
            Ok(rules.unwrap_or_else(|| vec![format!("bpf {id} {name}")]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(kind: char, numbers: (Option<u32>, Option<u32>), access: &str) -> Rule {
        let may = |letter| access.contains(letter);
        Rule { kind, major: numbers.0, minor: numbers.1, read: may('r'), write: may('w'), mknod: may('m') }
    }

    /// Runs a program as the kernel would: whether it allows an access.
    fn runs(program: &[Instruction], kind: i32, access: i32, major: u32, minor: u32) -> bool {
        let mut registers = [0_i64; 11];
        let mut at = 0;
        loop {
            let Instruction { code, registers: pair, offset, number } = program[at];
            let (to, from) = (usize::from(pair & 0xf), usize::from(pair >> 4));
            at += 1;
            match code {
                LOAD => {
                    let context = [i64::from(access << 16 | kind), i64::from(major), i64::from(minor)];
                    registers[to] = context[offset as usize / 4];
                }
                AND => registers[to] &= i64::from(number),
                SHIFT_RIGHT => registers[to] >>= number,
                SET => registers[to] = i64::from(number),
                COPY => registers[to] = registers[from],
                UNLESS if registers[to] != i64::from(number) => at += offset as usize,
                UNLESS_REGISTER if registers[to] != registers[from] => at += offset as usize,
                UNLESS | UNLESS_REGISTER => {}
                EXIT => return registers[0] == 1,
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn a_program_allows_what_a_rule_allows_whole_and_nothing_else() {
        let rules = [
            rule('c', (Some(1), Some(3)), "rw"),
            rule('b', (Some(8), None), "r"),
            rule('c', (Some(136), None), "rwm"),
            rule('a', (None, None), "m"),
        ];
        let program = assemble(&rules);
        assert!(runs(&program, CHAR, READ, 1, 3) && runs(&program, CHAR, READ | WRITE, 1, 3));
        assert!(!runs(&program, CHAR, READ, 1, 5) && !runs(&program, BLOCK, READ, 1, 3));
        assert!(!runs(&program, CHAR, READ | MKNOD, 1, 3), "each alone is allowed, by two rules; both are by none");
        assert!(runs(&program, BLOCK, READ, 8, 17) && !runs(&program, BLOCK, WRITE, 8, 17));
        assert!(runs(&program, CHAR, ALL, 136, 9) && runs(&program, BLOCK, MKNOD, 259, 0));
        assert!(!runs(&assemble(&[]), CHAR, READ, 1, 3));
        let everything = assemble(&[rules[0], rule('a', (None, None), "rwm"), rules[1]]);
        assert!(runs(&everything, BLOCK, ALL, 8, 0));
        assert_eq!(everything.last(), Some(&ALLOW[1]), "nothing that can't be reached");
    }

    #[test]
    fn the_rules_are_read_back_from_the_program_and_anothers_are_not() {
        for rules in [
            vec![],
            vec![rule('a', (None, None), "rwm")],
            vec![rule('c', (Some(1), Some(3)), "rw"), rule('b', (None, Some(2)), "m"), rule('c', (None, None), "w")],
        ] {
            assert_eq!(disassemble(&assemble(&rules)), Some(rules));
        }
        assert_eq!(disassemble(&[]), None);
        assert_eq!(disassemble(&ALLOW), None);
        let mut other = assemble(&[rule('b', (Some(8), None), "r")]);
        other[6].offset += 1;
        assert_eq!(disassemble(&other), None);
    }
}
