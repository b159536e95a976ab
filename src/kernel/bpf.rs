//! Classic BPF as seccomp(2) takes it: one instruction, a whole program run over one
//! call with the way that it takes, and the assembler text of the kernel's own bpf_asm. Pure. Used by
//! the compiler (`kernel::seccomp`), and by the pane that shows a filter.
//! Linux: include/uapi/linux/bpf_common.h, filter.h, seccomp.h.

use serde::{Deserialize, Serialize};

/// The most instructions of a program: BPF_MAXINSNS.
pub const MOST: usize = 4096;

/// `struct sock_filter`: one instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// So many instructions further where a comparison holds.
    pub jt: u8,
    /// And where it doesn't.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

/// `ld [K]`: a word of the call's description into A.
pub const LOAD: u16 = 0x20;
/// `ret #K`.
pub const RETURN: u16 = 0x06;
/// `ja`: K instructions further.
pub const JUMP: u16 = 0x05;
/// `jeq #K`.
pub const EQUAL: u16 = 0x15;
/// `jgt #K`, unsigned.
pub const GREATER: u16 = 0x25;
/// `jge #K`, unsigned.
pub const AT_LEAST: u16 = 0x35;
/// `and #K`.
pub const AND: u16 = 0x54;

/// Where the number of the call is in its description, `struct seccomp_data`: bytes.
pub const NUMBER_AT: u32 = 0;
/// Where its architecture is.
pub const ARCH_AT: u32 = 4;
/// Where its first argument is; eight bytes each.
pub const ARGS_AT: u32 = 16;

/// `struct seccomp_data`: what a filter is told of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Data {
    /// The call's number.
    pub number: u32,
    /// AUDIT_ARCH_*: whose numbers.
    pub arch: u32,
    /// Where in the program the call is made.
    pub pointer: u64,
    /// The arguments; addresses lead nowhere, since the filter can't read memory.
    pub args: [u64; 6],
}

impl Data {
    fn word(&self, at: u32) -> Option<u32> {
        let half = |value: u64, at: u32| {
            let high = (at % 8 == 4) == cfg!(target_endian = "little");
            if high { (value >> 32) as u32 } else { value as u32 }
        };
        match at {
            0 => Some(self.number),
            4 => Some(self.arch),
            8 | 12 => Some(half(self.pointer, at)),
            16..64 if at.is_multiple_of(4) => Some(half(self.args[(at as usize - 16) / 8], at)),
            _ => None,
        }
    }
}

/// What a program makes of a call: its answer (`SECCOMP_RET_…` and 16 bits of data),
/// and the instructions that were carried out, by their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What it returned.
    pub answer: u32,
    /// The way to there.
    pub path: Vec<usize>,
}

/// Carries a program out. Nothing for one that the kernel would not have taken: that
/// leaves its own bounds, or has an instruction that seccomp(2) refuses.
pub fn run(program: &[Instruction], data: &Data) -> Option<Run> {
    let (mut a, mut x, mut memory) = (0_u32, 0_u32, [0_u32; 16]);
    let mut path = Vec::new();
    let mut at = 0_usize;
    // There are no jumps backwards: a way has no more steps than the program.
    while let Some(instruction) = program.get(at) {
        path.push(at);
        let Instruction { code, jt, jf, k } = *instruction;
        let operand = if code & 0x08 == 0 { k } else { x };
        at += 1;
        match code {
            0x20 => a = data.word(k)?,
            0x80 => a = 64,
            0x81 => x = 64,
            0x00 => a = k,
            0x01 => x = k,
            0x60 => a = *memory.get(k as usize)?,
            0x61 => x = *memory.get(k as usize)?,
            0x02 => *memory.get_mut(k as usize)? = a,
            0x03 => *memory.get_mut(k as usize)? = x,
            0x07 => x = a,
            0x87 => a = x,
            0x06 => return Some(Run { answer: k, path }),
            0x16 => return Some(Run { answer: a, path }),
            0x05 => at += k as usize,
            _ if code & 0x07 == 0x05 => {
                let holds = match code & 0xf0 {
                    0x10 => a == operand,
                    0x20 => a > operand,
                    0x30 => a >= operand,
                    0x40 => a & operand != 0,
                    _ => return None,
                };
                at += usize::from(if holds { jt } else { jf });
            }
            _ if code & 0x07 == 0x04 => {
                a = match code & 0xf0 {
                    0x00 => a.wrapping_add(operand),
                    0x10 => a.wrapping_sub(operand),
                    0x20 => a.wrapping_mul(operand),
                    0x30 => a.checked_div(operand)?,
                    0x40 => a | operand,
                    0x50 => a & operand,
                    0x60 => a.checked_shl(operand)?,
                    0x70 => a.checked_shr(operand)?,
                    0x80 => a.wrapping_neg(),
                    0xa0 => a ^ operand,
                    _ => return None,
                };
            }
            _ => return None,
        }
    }
    None
}

/// An instruction as the kernel's own bpf_asm writes it, jumps as the numbers of the instructions
/// that they lead to: `jeq #0x53, 5, 4`. `at` is its own number.
pub fn assembler(at: usize, instruction: &Instruction) -> String {
    let Instruction { code, jt, jf, k } = *instruction;
    let operand = if code & 0x08 == 0 { format!("#{k:#x}") } else { "x".to_owned() };
    let to = |further: usize| at + 1 + further;
    match code {
        0x20 => format!("ld [{k}]"),
        0x80 => "ld len".to_owned(),
        0x81 => "ldx len".to_owned(),
        0x00 => format!("ld #{k:#x}"),
        0x01 => format!("ldx #{k:#x}"),
        0x60 => format!("ld M[{k}]"),
        0x61 => format!("ldx M[{k}]"),
        0x02 => format!("st M[{k}]"),
        0x03 => format!("stx M[{k}]"),
        0x07 => "tax".to_owned(),
        0x87 => "txa".to_owned(),
        0x06 => format!("ret #{k:#x}"),
        0x16 => "ret a".to_owned(),
        0x05 => format!("ja {}", to(k as usize)),
        _ if code & 0x07 == 0x05 && (0x10..=0x40).contains(&(code & 0xf0)) => {
            let name = ["jeq", "jgt", "jge", "jset"][usize::from((code & 0xf0) >> 4) - 1];
            format!("{name} {operand}, {}, {}", to(usize::from(jt)), to(usize::from(jf)))
        }
        _ if code & 0x07 == 0x04 => {
            let name = match code & 0xf0 {
                0x00 => "add",
                0x10 => "sub",
                0x20 => "mul",
                0x30 => "div",
                0x40 => "or",
                0x50 => "and",
                0x60 => "lsh",
                0x70 => "rsh",
                0x80 => return "neg".to_owned(),
                0xa0 => "xor",
                _ => return format!(".word {code:#x} {jt} {jf} {k:#x}"),
            };
            format!("{name} {operand}")
        }
        _ => format!(".word {code:#x} {jt} {jf} {k:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(number: u32, args: [u64; 6]) -> Data {
        Data { number, arch: 7, pointer: 0x1_0000_0002, args }
    }

    fn op(code: u16, jt: u8, jf: u8, k: u32) -> Instruction {
        Instruction { code, jt, jf, k }
    }

    #[test]
    fn a_program_takes_the_way_that_its_comparisons_send_it() {
        let program = [op(LOAD, 0, 0, 0), op(EQUAL, 1, 0, 83), op(RETURN, 0, 0, 1), op(RETURN, 0, 0, 2)];
        assert_eq!(run(&program, &data(83, [0; 6])), Some(Run { answer: 2, path: vec![0, 1, 3] }));
        assert_eq!(run(&program, &data(84, [0; 6])), Some(Run { answer: 1, path: vec![0, 1, 2] }));
    }

    #[test]
    fn both_halves_of_an_argument_are_found() {
        let args = [0, 0x1111_2222_3333_4444, 0, 0, 0, 0];
        for (at, half) in [(24, 0x3333_4444), (28, 0x1111_2222)] {
            let program = [op(LOAD, 0, 0, at), op(0x16, 0, 0, 0)];
            assert_eq!(run(&program, &data(0, args)).map(|run| run.answer), Some(half), "{at}");
        }
    }

    #[test]
    fn what_leaves_its_own_bounds_has_no_answer() {
        assert_eq!(run(&[op(JUMP, 0, 0, 9)], &data(0, [0; 6])), None);
        assert_eq!(run(&[op(LOAD, 0, 0, 64), op(RETURN, 0, 0, 0)], &data(0, [0; 6])), None);
        assert_eq!(run(&[op(0x34, 0, 0, 0), op(RETURN, 0, 0, 0)], &data(0, [0; 6])), None);
    }

    #[test]
    fn an_instruction_reads_as_in_bpf_asm() {
        let shown = |at, instruction| assembler(at, &instruction);
        assert_eq!(shown(0, op(LOAD, 0, 0, 4)), "ld [4]");
        assert_eq!(shown(3, op(EQUAL, 1, 0, 83)), "jeq #0x53, 5, 4");
        assert_eq!(shown(3, op(0x1d, 1, 0, 0)), "jeq x, 5, 4");
        assert_eq!(shown(3, op(JUMP, 0, 0, 300)), "ja 304");
        assert_eq!(shown(3, op(0x45, 0, 2, 8)), "jset #0x8, 4, 6");
        assert_eq!(shown(3, op(AND, 0, 0, 15)), "and #0xf");
        assert_eq!(shown(3, op(RETURN, 0, 0, 0x7fff_0000)), "ret #0x7fff0000");
        assert_eq!(shown(3, op(0xffff, 1, 2, 3)), ".word 0xffff 1 2 0x3");
    }
}
