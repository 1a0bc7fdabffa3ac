//! Instructions that make a system call, right after the one that says which.

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Register};
use injector_core::plan::Number;

/// An instruction that sets the number of a call that the next one makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// From the beginning of the function.
    pub(super) offset: usize,
    /// Of both instructions.
    pub(super) length: u8,
    pub(super) number: Number,
}

const SYSCALL: [u8; 2] = [0x0F, 0x05];

/// All of one function, as far as it can be read.
pub(super) fn calls(function: &[u8]) -> Vec<Found> {
    // Most have none: that is seen without decoding them.
    if !function.windows(SYSCALL.len()).any(|two| two == SYSCALL) {
        return Vec::new();
    }
    let mut decoder = Decoder::new(64, function, DecoderOptions::NONE);
    let mut found = Vec::new();
    let mut before = Instruction::default();
    while decoder.can_decode() {
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            break;
        }
        if instruction.code() == Code::Syscall
            && let Some(number) = number_of(&before)
        {
            found.extend(pair(&before, &instruction, number));
        }
        before = instruction;
    }
    found
}

fn pair(before: &Instruction, call: &Instruction, number: Number) -> Option<Found> {
    Some(Found {
        offset: usize::try_from(before.ip()).ok()?,
        length: u8::try_from(before.len() + call.len()).ok()?,
        number,
    })
}

/// The number that an instruction puts where the kernel looks for it, and does nothing else.
fn number_of(instruction: &Instruction) -> Option<Number> {
    use Code::{
        Mov_r32_imm32, Mov_r32_rm32, Mov_r64_rm64, Mov_rm32_imm32, Mov_rm32_r32, Mov_rm64_imm32,
        Mov_rm64_r64, Xor_r32_rm32, Xor_rm32_r32,
    };
    if !matches!(instruction.op0_register(), Register::EAX | Register::RAX) {
        return None;
    }
    match instruction.code() {
        Mov_r32_imm32 | Mov_rm32_imm32 => call(u64::from(instruction.immediate32())),
        Mov_rm64_imm32 => call(instruction.immediate(1)),
        Xor_r32_rm32 | Xor_rm32_r32 => {
            (instruction.op1_register() == Register::EAX).then_some(Number::Call(0))
        }
        Mov_rm64_r64 | Mov_r64_rm64 | Mov_rm32_r32 | Mov_r32_rm32 => {
            position(instruction.op1_register()).map(Number::Register)
        }
        _ => None,
    }
}

fn call(number: u64) -> Option<Number> {
    u16::try_from(number).ok().map(Number::Call)
}

/// In `pt_regs`.
fn position(register: Register) -> Option<u8> {
    let position = match register {
        Register::R15 | Register::R15D => 0,
        Register::R14 | Register::R14D => 1,
        Register::R13 | Register::R13D => 2,
        Register::R12 | Register::R12D => 3,
        Register::RBP | Register::EBP => 4,
        Register::RBX | Register::EBX => 5,
        Register::R11 | Register::R11D => 6,
        Register::R10 | Register::R10D => 7,
        Register::R9 | Register::R9D => 8,
        Register::R8 | Register::R8D => 9,
        Register::RCX | Register::ECX => 11,
        Register::RDX | Register::EDX => 12,
        Register::RSI | Register::ESI => 13,
        Register::RDI | Register::EDI => 14,
        _ => return None,
    };
    Some(position)
}
