//! The filter: which calls are told of, in the classic BPF of `seccomp(2)`.

use crate::sys::seccomp::{Instruction, MARK};

const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

const ALLOW: u32 = 0x7fff_0000;
const TELL: u32 = 0x7fc0_0000;

/// Of `struct seccomp_data`, in bytes.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const FIRST_ARGUMENT: u32 = 16;

const X86_64: u32 = 0xc000_003e;
const PRCTL: u32 = 157;

/// A filter that tells of the 64-bit calls with these numbers and of the mark by which a held command
/// waits; all others, and those of 32-bit programs, are made.
pub fn program(numbers: &[u16]) -> Vec<Instruction> {
    let mut program = vec![
        load(ARCHITECTURE),
        compare(X86_64, 1, 0),
        give(ALLOW),
        load(NUMBER),
        compare(PRCTL, 0, 4),
        load(FIRST_ARGUMENT),
        compare(MARK, 0, 1),
        give(TELL),
        load(NUMBER),
    ];
    for number in numbers {
        program.extend([compare(u32::from(*number), 0, 1), give(TELL)]);
    }
    program.push(give(ALLOW));
    program
}

/// Four bytes from there.
fn load(offset: u32) -> Instruction {
    instruction(LOAD, offset)
}

/// Skips so many instructions if what was loaded is `value`, and so many if it is not.
fn compare(value: u32, if_true: u8, if_false: u8) -> Instruction {
    Instruction {
        if_true,
        if_false,
        ..instruction(JUMP_IF_EQUAL, value)
    }
}

fn give(verdict: u32) -> Instruction {
    instruction(RETURN, verdict)
}

fn instruction(code: u16, value: u32) -> Instruction {
    Instruction {
        code,
        value,
        ..Instruction::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ALLOW, MARK, PRCTL, TELL, X86_64, program};
    use crate::sys::seccomp::{Instruction, LONGEST};

    /// What the kernel would say of a call.
    fn run(program: &[Instruction], number: u32, architecture: u32, argument: u32) -> u32 {
        let (mut at, mut loaded) = (0, 0);
        loop {
            let Instruction {
                code,
                if_true,
                if_false,
                value,
            } = program[at];
            at += 1;
            match (code, value) {
                (0x06, verdict) => return verdict,
                (0x20, 0) => loaded = number,
                (0x20, 4) => loaded = architecture,
                (0x20, 16) => loaded = argument,
                (0x15, _) => at += usize::from(if loaded == value { if_true } else { if_false }),
                other => panic!("{other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn only_what_was_named_is_told(
            numbers in proptest::collection::btree_set(0..512_u16, 0..480),
            number in 0..600_u32,
            argument: u32,
        ) {
            let named: Vec<u16> = numbers.iter().copied().collect();
            let program = program(&named);
            prop_assert!(program.len() <= LONGEST);
            let told = u16::try_from(number).is_ok_and(|number| numbers.contains(&number));
            let expected = if told { TELL } else { ALLOW };
            prop_assert_eq!(run(&program, number, X86_64, argument), expected);
            prop_assert_eq!(run(&program, PRCTL, X86_64, MARK), TELL);
            prop_assert_eq!(run(&program, number | 1 << 30, X86_64, argument), ALLOW);
            prop_assert_eq!(run(&program, number, 0x4000_0003, argument), ALLOW);
        }
    }
}
